//! Pods from the names of their logs, which anybody may read. Pure but for the listing.

use std::collections::HashMap;

use super::{
    cgroup,
    details::{Details, text},
    files::Tree,
};

/// What the names of logs tell.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// Namespace and name of a pod, by its uid.
    pods: HashMap<String, [String; 2]>,
    /// Namespace and name of the pod and name of the container, by the container's id.
    containers: HashMap<String, [String; 3]>,
}

impl Logs {
    pub(super) fn list(tree: &Tree) -> Self {
        let pods = tree.names("/var/log/pods");
        let containers = tree.names("/var/log/containers");
        Self {
            pods: pods.iter().filter_map(|name| pod(name)).collect(),
            containers: containers.iter().filter_map(|name| container(name)).collect(),
        }
    }

    /// Takes what is not known yet.
    pub(super) fn tell(&self, details: &mut Details, uid: &str) {
        let logged = self.containers.get(&details.id);
        let pod = self.pods.get(uid);
        let pod = pod.or_else(|| logged.and_then(|logged| logged.first_chunk()));
        if let (None, Some([namespace, name])) = (&details.pod, pod) {
            details.pod = Some(name.clone());
            details.namespace = Some(namespace.clone());
        }
        if let (None, Some([.., name])) = (&details.name, logged) {
            details.name = Some(name.clone());
        }
    }
}

/// `NAMESPACE_POD_UID`
fn pod(name: &str) -> Option<(String, [String; 2])> {
    let mut parts = name.split('_');
    let (namespace, pod, uid) = (text(parts.next()?)?, text(parts.next()?)?, parts.next()?);
    parts.next().is_none().then(|| (uid.to_owned(), [namespace, pod]))
}

/// `POD_NAMESPACE_CONTAINER-ID.log`
fn container(name: &str) -> Option<(String, [String; 3])> {
    let (rest, id) = name.strip_suffix(".log")?.rsplit_once('-')?;
    let mut parts = rest.split('_');
    let (pod, namespace, container) = (text(parts.next()?)?, text(parts.next()?)?, text(parts.next()?)?);
    (parts.next().is_none() && cgroup::is_id(id)).then(|| (id.to_owned(), [namespace, pod, container]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";

    #[test]
    fn names_of_logs_are_taken_apart() {
        let (uid, pod) =
            pod("kube-system_coredns-5d78c9869d-x2x9p_0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9").unwrap();
        assert_eq!(uid, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
        assert_eq!(pod, ["kube-system", "coredns-5d78c9869d-x2x9p"]);
        let (id, names) = container(&format!("db-0_shop_post-gres-{ID}.log")).unwrap();
        assert_eq!((id.as_str(), names), (ID, ["shop", "db-0", "post-gres"].map(str::to_owned)));
    }

    #[test]
    fn other_names_are_none() {
        for name in ["", ".", "..", "a_b", "a_b_c_d", "__", "a\u{7}_b_c"] {
            assert!(pod(name).is_none(), "{name:?}");
        }
        for name in
            ["", "a.log", "a_b_c.log", "a_b_c-1234.log", &format!("a_b_c-{ID}.txt"), &format!("a_b-{ID}.log")]
        {
            assert!(container(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn what_is_known_stays() {
        let logs = Logs {
            pods: HashMap::from([("u".into(), ["shop", "db-0"].map(str::to_owned))]),
            containers: HashMap::from([("c".into(), ["shop", "db-1", "app"].map(str::to_owned))]),
        };
        let told = |id: &str, pod: Option<&str>, uid: &str| {
            let mut details = Details { id: id.into(), pod: pod.map(str::to_owned), ..Details::default() };
            logs.tell(&mut details, uid);
            (details.pod, details.name)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told("c", None, "u"), (some("db-0"), some("app")));
        assert_eq!(told("c", None, "v"), (some("db-1"), some("app")));
        assert_eq!(told("x", Some("p"), "u"), (some("p"), None));
        assert_eq!(told("x", None, "v"), (None, None));
    }
}
