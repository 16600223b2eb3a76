//! The file of names that Podman and CRI-O share, containers.json. Pure.

use std::collections::HashMap;

use serde::Deserialize;

use super::details::{json, text};

/// Name and image of each container, by id.
pub(super) type Names = HashMap<String, Named>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Container {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    /// JSON within JSON.
    #[serde(default)]
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "image-name")]
    image_name: String,
}

pub(super) fn names(file: &[u8]) -> Names {
    let containers: Vec<Container> = json(file).unwrap_or_default();
    let named = |container: Container| {
        let name = container.names.unwrap_or_default().first().and_then(|name| text(name));
        let metadata: Metadata = json(container.metadata.as_bytes()).unwrap_or_default();
        (container.id, Named { name, image: text(&metadata.image_name) })
    };
    containers.into_iter().map(named).collect()
}

/// Whether this is what Podman calls the container that holds the namespaces of pod `id`.
pub(super) fn is_infra(name: &str, pod: &str) -> bool {
    name.strip_suffix("-infra").is_some_and(|start| start.len() >= 12 && pod.starts_with(start))
}

/// The files that may name the containers of a store, given where a bundle of it is: `STORE/ID/userdata`.
pub(super) fn files(bundle: &str, run: Option<&str>) -> Vec<String> {
    let store = bundle.strip_suffix("/userdata").and_then(|container| Some(container.rsplit_once('/')?.0));
    let lasting = store.map(|store| format!("{store}/containers.json"));
    // Those that were started with --rm, since Podman 4.4.
    let volatile = run.or(store).map(|run| format!("{run}/volatile-containers.json"));
    lasting.into_iter().chain(volatile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_now() {
        // After a rename, the metadata keeps the old one.
        let file = r#"[{"id":"a1","names":["new"],"image":"","layer":"x","created":"2026-11-25T13:23:23Z",
            "metadata":"{\"image-name\":\"localhost/bb:1\",\"name\":\"old\"}"},{"id":"b2","names":null},{"id":"c3"}]"#;
        let names = names(file.as_bytes());
        assert_eq!(names["a1"], Named { name: Some("new".into()), image: Some("localhost/bb:1".into()) });
        assert_eq!(names["b2"], Named { name: None, image: None });
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn rubbish_names_nothing() {
        for file in ["", "{}", "[1]", "[{}]", "null"] {
            assert!(names(file.as_bytes()).is_empty(), "{file}");
        }
        let odd = names(br#"[{"id":"a","names":["x\ny"],"metadata":"{"}]"#);
        assert_eq!(odd["a"], Named { name: None, image: None });
    }

    #[test]
    fn a_bundle_tells_where_the_names_are() {
        let store = "/srv/c/overlay-containers";
        let expected = [format!("{store}/containers.json"), "/run/c/volatile-containers.json".to_owned()];
        assert_eq!(files(&format!("{store}/a1/userdata"), Some("/run/c")), expected);
        assert!(files("/run/containerd/x", None).is_empty());
    }

    #[test]
    fn the_infra_container_is_told_by_its_name() {
        let pod = "25e42eed5823f3d46efda562c4234e2e61948eda80047346087f6c12bbee9cc6";
        assert!(is_infra("25e42eed5823-infra", pod));
        assert!(!is_infra("web-infra", pod) && !is_infra("-infra", pod) && !is_infra("25e42eed5823", pod));
    }
}
