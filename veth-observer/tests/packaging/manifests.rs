//! The manifests of Kubernetes. `cargo xtask manifests --check` holds them against its schemas.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use veth_observer::agent::http::{Address, PORT};

use super::{capabilities, listens, packaged, read};

const FOLDER: &str = "kubernetes";

fn manifest(path: &str) -> Value {
    serde_saphyr::from_str(&read(&format!("{FOLDER}/{path}"))).unwrap()
}

/// The one container of the pod.
fn container(daemonset: &Value) -> &Value {
    let containers = daemonset["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

#[test]
fn kustomize_is_given_every_file_there_is() {
    for folder in [".", "operator"] {
        let mut files: BTreeSet<String> = std::fs::read_dir(packaged(FOLDER).join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "kustomization.yaml")
            .collect();
        let kustomization = manifest(&format!("{folder}/kustomization.yaml"));
        for resource in kustomization["resources"].as_array().unwrap() {
            let name = resource.as_str().unwrap();
            assert!(name == ".." || files.remove(name), "{folder}: {name} is not there");
        }
        assert!(files.is_empty(), "{folder}: {files:?} would not be applied");
    }
}

#[test]
fn the_pod_may_what_observing_takes_and_no_more() {
    let daemonset = manifest("daemonset.yaml");
    let pod = &daemonset["spec"]["template"]["spec"];
    let security = &container(&daemonset)["securityContext"];
    let added = security["capabilities"]["add"].as_array().unwrap();
    let added: BTreeSet<String> = added.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(added, capabilities());
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!((&security["privileged"], &security["readOnlyRootFilesystem"]), (&json!(false), &json!(true)));
    assert_eq!((&pod["hostNetwork"], &pod["hostPID"]), (&json!(true), &json!(true)));
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    assert_eq!(pod["volumes"], Value::Null, "nothing of the host is mounted");
    assert_eq!(pod["serviceAccountName"], manifest("serviceaccount.yaml")["metadata"]["name"]);
}

#[test]
fn ports_and_paths_are_those_of_the_code() {
    let daemonset = manifest("daemonset.yaml");
    let container = container(&daemonset);
    assert_eq!(container["ports"][0]["containerPort"], json!(PORT));
    assert_eq!(container["ports"][0]["hostPort"], json!(PORT));
    let name = &container["ports"][0]["name"];
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": name }));
    }
    let args: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    assert_eq!(listens(&args), [format!(":{PORT}").parse::<Address>().unwrap()]);
    let service = manifest("service.yaml");
    assert_eq!(service["spec"]["ports"][0]["port"], json!(PORT));
    assert_eq!(&service["spec"]["ports"][0]["targetPort"], name);
    let policy = manifest("networkpolicy.yaml");
    assert_eq!(policy["spec"]["ingress"][0]["ports"], json!([{ "protocol": "TCP", "port": PORT }]));
    let monitor = manifest("operator/podmonitor.yaml");
    assert_eq!(&monitor["spec"]["podMetricsEndpoints"][0]["port"], name);
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["path"], json!("/metrics"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(container["image"].as_str().unwrap().ends_with(&format!("/veth-observer:{version}")));
}

#[test]
fn all_speak_of_the_same_pods() {
    let daemonset = manifest("daemonset.yaml");
    let labels = &daemonset["spec"]["template"]["metadata"]["labels"];
    let job = json!({ "app.kubernetes.io/name": "veth-observer" });
    assert_eq!(labels, &job);
    assert_eq!(daemonset["spec"]["selector"]["matchLabels"], job);
    assert_eq!(manifest("service.yaml")["spec"]["selector"], job);
    assert_eq!(manifest("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"], job);
    let monitor = manifest("operator/podmonitor.yaml");
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], job);
    assert_eq!(monitor["spec"]["jobLabel"], json!("app.kubernetes.io/name"));
    let namespace = &manifest("namespace.yaml")["metadata"]["name"];
    let files = ["daemonset.yaml", "service.yaml", "networkpolicy.yaml", "serviceaccount.yaml"];
    for file in files.into_iter().chain(["operator/podmonitor.yaml", "operator/prometheusrule.yaml"]) {
        assert_eq!(&manifest(file)["metadata"]["namespace"], namespace, "{file}");
    }
}

#[test]
fn the_operator_gets_the_rules_that_the_tests_try() {
    let rule = manifest("operator/prometheusrule.yaml");
    assert_eq!(
        (&rule["apiVersion"], &rule["kind"]),
        (&json!("monitoring.coreos.com/v1"), &json!("PrometheusRule"))
    );
    let mut groups = Vec::new();
    for file in ["rules.yaml", "alerts.yaml"] {
        let file: Value = serde_saphyr::from_str(&read(&format!("prometheus/{file}"))).unwrap();
        groups.extend(file["groups"].as_array().unwrap().clone());
    }
    assert_eq!(rule["spec"]["groups"], Value::Array(groups), "`cargo xtask manifests` writes it");
}
