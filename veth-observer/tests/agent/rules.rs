//! The rules and alerts for Prometheus: promtool reads and tries them, and each has a test and a page.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::expressions::{packaged, rules};
use crate::support::netns::run;

fn file(name: &str) -> String {
    packaged("prometheus").join(name).display().to_string()
}

#[test]
fn promtool_takes_them_and_each_does_as_its_test_says() {
    run("promtool", &["check", "rules", &file("rules.yaml"), &file("alerts.yaml")]);
    run("promtool", &["test", "rules", &file("rules_test.yaml")]);
}

#[test]
fn no_rule_and_no_alert_is_without_a_test() {
    let tests: Value = serde_saphyr::from_str(&fs::read_to_string(file("rules_test.yaml")).unwrap()).unwrap();
    let tests = tests["tests"].as_array().unwrap();
    let of = |list: &str| -> Vec<&Value> {
        tests.iter().filter_map(|test| test[list].as_array()).flatten().collect()
    };
    for alert in rules("alerts.yaml") {
        let fires = |test: &&&Value| test["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        let (firing, quiet): (Vec<_>, Vec<_>) = of("alert_rule_test")
            .into_iter()
            .filter(|test| test["alertname"] == alert["alert"])
            .partition(|test| fires(&test));
        assert!(
            !firing.is_empty() && !quiet.is_empty(),
            "{} has to be seen to fire and not to",
            alert["alert"]
        );
    }
    for rule in rules("rules.yaml") {
        assert!(
            of("promql_expr_test").iter().any(|test| test["expr"] == rule["record"]),
            "{}",
            rule["record"]
        );
    }
}

#[test]
fn each_alert_has_a_page_and_each_page_an_alert() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/runbook");
    let mut pages: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for alert in rules("alerts.yaml") {
        let name = alert["alert"].as_str().unwrap();
        let annotation = |key: &str| alert["annotations"][key].as_str().unwrap_or_default().to_owned();
        assert!(annotation("runbook_url").ends_with(&format!("/docs/runbook/{name}.md")), "{name}");
        assert!(!annotation("summary").is_empty() && !annotation("description").is_empty(), "{name}");
        let severity = alert["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("warning" | "info")), "{name}: {severity:?}");
        assert!(pages.remove(&format!("{name}.md")), "{name} has no page");
    }
    assert!(pages.is_empty(), "{pages:?} belong to no alert");
}
