//! Which metrics a query names, and which there are.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use veth_observer::agent::http::Limits;

use super::{Agent, client::get, flags, growing::growing};
use crate::support::netns::eventually;

/// A file below `packaging/`.
pub(super) fn packaged(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(path)
}

pub(super) fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(packaged("grafana/veth-observer.json")).unwrap()).unwrap()
}

/// All that shows something, each row's own panels included.
pub(super) fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = dashboard["panels"].as_array().unwrap().iter();
    let nested = |panel: &Value| panel["panels"].as_array().is_none_or(Vec::is_empty);
    assert!(all.clone().all(nested), "no row is collapsed");
    all.filter(|panel| panel["type"] != "row").collect()
}

/// The rules of a file, with `record` or `alert`.
pub(super) fn rules(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(packaged("prometheus").join(file)).unwrap();
    let file: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The names of metrics in a query: words outside of strings, of braces and of lists of labels that are not called.
pub(super) fn metrics_in(query: &str) -> BTreeSet<String> {
    const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
    const WORDS: [&str; 6] = ["or", "and", "unless", "offset", "bool", "sum"];
    let mut names = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let after = |from: &'_ str, end: char| from.find(end).map_or(from.len(), |at| at + 1);
        if first == '{' {
            // No label of ours has a brace in it.
            rest = &rest[after(rest, '}')..];
        } else if first == '[' {
            rest = &rest[after(rest, ']')..];
        } else if is_word(first) {
            let (word, tail) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            rest = tail.trim_start();
            if LISTS.contains(&word) {
                rest = &rest[after(rest, ')')..];
            } else if !first.is_ascii_digit() && !rest.starts_with('(') && !WORDS.contains(&word) {
                names.insert(word.to_owned());
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    names
}

/// What a live agent serves, and what the recording rules make of it.
pub(super) fn known() -> BTreeSet<String> {
    let agent = Agent::with(&flags(&["127.0.0.1:0"]), Limits::default(), growing());
    let mut text = String::new();
    // Statuses are counted once answered, and one body is for all who ask within 100 ms.
    eventually("an answer is counted", || {
        text = get(agent.address(), "/metrics", &[]).body;
        text.contains("\nveth_observer_http_requests_total{")
    });
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    let recorded = rules("rules.yaml").into_iter().map(|rule| rule["record"].as_str().unwrap().to_owned());
    types.chain(samples).map(str::to_owned).chain(recorded).collect()
}

#[test]
fn metrics_of_a_query_are_found() {
    let query = "sum by (le, pair) (rate(a_total{pair=~\"x|y\"}[5m] offset 5m)) / on (instance) b:c:rate5m > 0.5 or 1e3 * up";
    assert_eq!(metrics_in(query), ["a_total", "b:c:rate5m", "up"].map(str::to_owned).into());
}

#[test]
fn whatever_rules_alerts_and_dashboard_ask_for_is_served() {
    let mut known = known();
    // Prometheus' own.
    known.insert("up".into());
    let mut queries: Vec<String> = ["rules.yaml", "alerts.yaml"]
        .into_iter()
        .flat_map(rules)
        .map(|rule| rule["expr"].as_str().unwrap().to_owned())
        .collect();
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        queries.extend(
            panel["targets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|target| target["expr"].as_str().unwrap().to_owned()),
        );
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let (metric, _) = query.trim_start_matches("label_values(").split_once(',').unwrap();
            queries.push(metric.into());
        }
    }
    assert!(queries.len() > 60, "{}", queries.len());
    for query in queries {
        let names = metrics_in(&query);
        assert!(!names.is_empty(), "{query}");
        for name in names {
            assert!(known.contains(&name), "nobody serves {name}:\n{query}");
        }
    }
}
