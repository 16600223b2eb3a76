//! What is known of one container. Pure.

use std::collections::HashMap;

use serde::{Deserialize, de::DeserializeOwned};

/// A container as its runtime's files tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) runtime: Option<&'static str>,
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) pod: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) image: Option<String>,
    /// It only holds the namespaces of a pod.
    pub(super) is_sandbox: bool,
    /// Of the pod that it is in.
    pub(super) sandbox: Option<String>,
    pub(super) network: Network,
}

/// How a container came to its network namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Network {
    /// Made for it.
    Own,
    #[default]
    Unknown,
    /// Another container's.
    Joined,
    /// That of whoever started the runtime.
    Host,
}

/// A configuration of the OCI runtime specification: config.json of a bundle.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bundle {
    hostname: Option<String>,
    annotations: Option<HashMap<String, String>>,
    mounts: Vec<Mount>,
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mount {
    source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Linux {
    namespaces: Vec<Space>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Space {
    r#type: String,
    path: String,
}

/// JSON, or nothing.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

impl Bundle {
    pub(super) fn annotation(&self, key: &str) -> Option<String> {
        self.annotations.as_ref()?.get(key).and_then(|value| text(value))
    }

    pub(super) fn hostname(&self) -> Option<String> {
        self.hostname.as_deref().and_then(text)
    }

    pub(super) fn network(&self) -> Network {
        match self.linux.namespaces.iter().find(|space| space.r#type == "network") {
            None if self.linux.namespaces.is_empty() => Network::Unknown,
            None => Network::Host,
            // Of a process, and not a name that was made for it.
            Some(space) if space.path.starts_with("/proc/") => Network::Joined,
            Some(_) => Network::Own,
        }
    }

    /// Where Docker keeps its containers, from the files of them that it mounts.
    pub(super) fn docker_home(&self) -> Option<&str> {
        const FILES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];
        self.mounts.iter().find_map(|mount| {
            let (container, file) = mount.source.rsplit_once('/')?;
            let (home, id) = container.rsplit_once('/')?;
            (FILES.contains(&file) && home.ends_with("/containers") && super::cgroup::is_id(id))
                .then_some(home)
        })
    }
}

impl Details {
    /// Takes what the annotations of a bundle say.
    pub(super) fn annotate(&mut self, bundle: &Bundle) {
        self.network = bundle.network();
        let first = |keys: &[&str]| keys.iter().find_map(|key| bundle.annotation(key));
        // Podman uses some words of CRI-O's, and says so.
        let manager = first(&["io.container.manager"]);
        if manager.as_deref() == Some("libpod") {
            self.runtime = Some("podman");
            self.sandbox = first(&["io.kubernetes.cri-o.SandboxID"]);
            return;
        }
        if manager.as_deref() == Some("cri-o") || first(&["io.kubernetes.cri-o.ContainerType"]).is_some() {
            self.runtime = Some("cri-o");
        }
        let kind = first(&["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]);
        self.is_sandbox = kind.as_deref() == Some("sandbox");
        self.pod = first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]);
        self.namespace = first(&["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]);
        self.sandbox = first(&["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"]);
        if !self.is_sandbox {
            self.name =
                first(&["io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"]);
            self.image = first(&["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"]);
        }
    }
}

/// The longest name that any runtime takes has 253 bytes (a pod's), and none takes a character that steers a terminal.
/// Images have longer ones, with a registry, a tag and a digest.
const LONGEST: usize = 512;

/// A name as it may be shown, or nothing.
pub(super) fn text(name: &str) -> Option<String> {
    let is_sane = !name.is_empty() && name.len() <= LONGEST && name.chars().all(|c| c.is_ascii_graphic());
    is_sane.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(text: &str) -> Bundle {
        json(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_network_is_made_joined_or_the_hosts() {
        let with = |spaces: &str| bundle(&format!(r#"{{"linux":{{"namespaces":{spaces}}}}}"#)).network();
        assert_eq!(with(r#"[{"type":"pid"},{"type":"network"}]"#), Network::Own);
        assert_eq!(with(r#"[{"type":"network","path":"/run/netns/cni-1"}]"#), Network::Own);
        assert_eq!(with(r#"[{"type":"network","path":"/proc/265/ns/net"}]"#), Network::Joined);
        assert_eq!(with(r#"[{"type":"pid"}]"#), Network::Host);
        assert_eq!(bundle("{}").network(), Network::Unknown);
    }

    #[test]
    fn annotations_of_kubernetes_and_of_those_who_borrow_them() {
        let details = |annotations: &str| {
            let mut details = Details::default();
            details.annotate(&bundle(&format!(r#"{{"annotations":{annotations}}}"#)));
            details
        };
        let app = details(
            r#"{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-name":"db-0",
                "io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.container-name":"postgres",
                "io.kubernetes.cri.image-name":"docker.io/library/postgres:16","io.kubernetes.cri.sandbox-id":"5a"}"#,
        );
        assert_eq!((app.pod.as_deref(), app.namespace.as_deref()), (Some("db-0"), Some("shop")));
        assert_eq!((app.name.as_deref(), app.sandbox.as_deref()), (Some("postgres"), Some("5a")));
        assert!(!app.is_sandbox && app.image.is_some());
        let infra = details(
            r#"{"io.container.manager":"cri-o","io.kubernetes.cri-o.ContainerType":"sandbox",
                "io.kubernetes.pod.name":"db-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"POD"}"#,
        );
        assert!(infra.is_sandbox && infra.name.is_none());
        assert_eq!((infra.runtime, infra.pod.as_deref()), (Some("cri-o"), Some("db-0")));
        let podman = details(
            r#"{"io.container.manager":"libpod","io.kubernetes.cri-o.ContainerType":"container",
                "io.kubernetes.cri-o.SandboxID":"d6f5"}"#,
        );
        assert_eq!((podman.runtime, podman.sandbox.as_deref()), (Some("podman"), Some("d6f5")));
        assert!(podman.pod.is_none() && !podman.is_sandbox);
    }

    #[test]
    fn the_home_of_docker_is_where_its_mounts_come_from() {
        let id = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";
        let from = |source: &str| {
            let bundle = bundle(&format!(r#"{{"mounts":[{{"source":"proc"}},{{"source":"{source}"}}]}}"#));
            bundle.docker_home().map(str::to_owned)
        };
        let home = "/srv/docker/containers";
        assert_eq!(from(&format!("{home}/{id}/hostname")).as_deref(), Some(home));
        assert_eq!(from(&format!("/srv/images/{id}/hosts")), None);
        assert_eq!(from("/etc/hostname"), None);
    }

    #[test]
    fn rubbish_has_no_name() {
        for text_ in ["", "a\u{1b}[31m", "a b", "\n", &"x".repeat(513), "wéb"] {
            assert_eq!(text(text_), None, "{text_:?}");
        }
        assert!(json::<Bundle>(b"{\"annotations\":[1]}").is_none());
        assert!(json::<Bundle>(&vec![b'['; 100_000]).is_none());
        assert!(json::<Bundle>(b"").is_none());
        assert!(json::<Bundle>(br#"{"annotations":null,"hostname":null}"#).is_some());
    }
}
