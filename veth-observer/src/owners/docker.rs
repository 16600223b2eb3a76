//! Docker's own file of a container, config.v2.json. Pure.

use std::collections::HashMap;

use serde::Deserialize;

use super::details::{Details, json, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct File {
    name: String,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    image: String,
    labels: Option<HashMap<String, String>>,
}

/// Takes what the file says; with Kubernetes on Docker it has the pod in labels.
pub(super) fn tell(details: &mut Details, file: &[u8]) {
    let Some(File { name, config }) = json::<File>(file) else { return };
    details.runtime = Some("docker");
    details.name = text(name.trim_start_matches('/'));
    details.image = text(&config.image);
    let labels = config.labels.unwrap_or_default();
    let label = |key: &str| labels.get(key).and_then(|value| text(value));
    let Some(kind) = label("io.kubernetes.docker.type") else { return };
    details.pod = label("io.kubernetes.pod.name");
    details.namespace = label("io.kubernetes.pod.namespace");
    details.is_sandbox = kind == "podsandbox";
    details.sandbox = label("io.kubernetes.sandbox.id");
    details.name = label("io.kubernetes.container.name").filter(|_| !details.is_sandbox);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &str) -> Details {
        let mut details = Details::default();
        tell(&mut details, file.as_bytes());
        details
    }

    #[test]
    fn a_container_has_a_name_and_an_image() {
        let web = told(r#"{"Name":"/web","Config":{"Image":"nginx:1","Labels":null},"State":{"Pid":7}}"#);
        assert_eq!((web.name.as_deref(), web.image.as_deref()), (Some("web"), Some("nginx:1")));
        assert_eq!(web.runtime, Some("docker"));
    }

    #[test]
    fn a_pod_is_in_the_labels() {
        let labels = |kind: &str| {
            told(&format!(
                r#"{{"Name":"/k8s_app_db-0_shop_0a1b_0","Config":{{"Image":"sha256:1","Labels":{{
                "io.kubernetes.docker.type":"{kind}","io.kubernetes.pod.name":"db-0","io.kubernetes.pod.namespace":"shop",
                "io.kubernetes.container.name":"app","io.kubernetes.sandbox.id":"5a"}}}}}}"#
            ))
        };
        let app = labels("container");
        assert_eq!((app.name.as_deref(), app.sandbox.as_deref()), (Some("app"), Some("5a")));
        let pause = labels("podsandbox");
        assert!(pause.is_sandbox && pause.name.is_none());
        assert_eq!((pause.pod.as_deref(), pause.namespace.as_deref()), (Some("db-0"), Some("shop")));
    }

    #[test]
    fn rubbish_says_nothing() {
        for file in ["", "{", "[1]", r#"{"Name":7}"#, "null"] {
            assert_eq!(told(file), Details::default(), "{file}");
        }
    }
}
