//! The dashboard: Prometheus answers each of its queries with what was sent.

use super::{
    Agent,
    expressions::{dashboard, packaged, panels, rules},
    growing::{SENT, growing},
};
use crate::support::{netns::eventually, prometheus::Prometheus};

/// By the title of a panel, what each of its queries gives for [`growing()`], in all series. None: not known beforehand.
const EXPECTED: [(&str, &[Option<f64>]); 28] = [
    ("Pairs", &[Some(2.0)]),
    ("Frames sent", &[Some(4.0 * SENT)]),
    ("Not delivered", &[Some(0.02)]),
    ("Delay, p99", &[Some(100e-6)]),
    ("Frames", &[Some(SENT)]),
    ("Bytes", &[Some(SENT * 100.0)]),
    ("Identity of pairs", &[Some(1.0)]),
    ("Share of frames not delivered", &[Some(0.02)]),
    ("Dropped, by stage and reason", &[Some(SENT * 0.015)]),
    ("Lost", &[Some(SENT * 0.005)]),
    ("In flight", &[Some(1.0)]),
    ("Unexplained and unmatched", &[Some(0.0), Some(SENT * 0.003)]),
    ("Delay, p50", &[Some(1e-6)]),
    ("Delay, mean", &[Some(10.9e-6)]),
    ("Delay, heatmap", &[None]),
    ("Delay variation, p50 and p99", &[Some(500e-9), Some(5e-6)]),
    ("Share of frames reordered", &[Some(0.01 / 0.98)]),
    ("Duplicated", &[Some(SENT * 0.002)]),
    ("Ready", &[Some(1.0)]),
    ("Pairs known and not observed", &[Some(2.0), Some(4.0), Some(1.0)]),
    ("Pairs that came and went", &[Some(SENT), Some(SENT)]),
    ("Lost by the observer", &[Some(SENT * 0.004), Some(SENT * 0.003)]),
    ("CPU of the agent", &[None]),
    ("CPU of the programs", &[Some(SENT * 50e-9)]),
    ("Memory of the agent", &[None]),
    ("Scrapes", &[None, Some(0.002)]),
    ("Requests", &[None]),
    ("Connections", &[None]),
];

/// What the scrapes of a busy machine leave of a rate.
const NEAR: f64 = 0.15;
/// Half a doubling: what a classic histogram leaves of a quantile.
const CLASSIC: f64 = 0.45;

#[test]
fn with_native_histograms_each_panel_shows_what_was_sent() {
    shows_what_was_sent(true, NEAR);
}

#[test]
fn with_classic_histograms_each_panel_shows_what_was_sent() {
    shows_what_was_sent(false, CLASSIC);
}

fn shows_what_was_sent(native: bool, near_quantile: f64) {
    let agent = Agent::start(growing());
    let files = ["rules.yaml", "alerts.yaml"].map(|file| packaged("prometheus").join(file));
    let prometheus = Prometheus::with_rules(agent.address(), native, &files);
    for scrapes in ["4", "8", "10"] {
        let enough = format!("count_over_time(up[1m]) >= {scrapes}");
        eventually("some scrapes are stored", || prometheus.value(&enough).is_some());
    }
    let is_near = |value: f64, exact: f64, ratio: f64| (value - exact).abs() <= ratio * exact.abs();
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        let expected = EXPECTED.iter().find(|(name, _)| *name == title);
        let (_, expected) = expected.unwrap_or_else(|| panic!("no number is known for {title}"));
        let targets = panel["targets"].as_array().unwrap();
        assert_eq!(targets.len(), expected.len(), "{title}");
        for (target, expected) in targets.iter().zip(*expected) {
            let query = target["expr"].as_str().unwrap();
            let query =
                query.replace("$instance", ".*").replace("$pair", "web|db").replace("$__rate_interval", "8s");
            assert!(!query.contains('$'), "{query}");
            let ratio = if query.contains("histogram_quantile") { near_quantile } else { NEAR };
            let mut last = Vec::new();
            let right = |series: &[(_, f64)]| {
                !series.is_empty()
                    && series.iter().all(|(_, got)| expected.is_none_or(|exact| is_near(*got, exact, ratio)))
            };
            for _ in 0..50 {
                last = prometheus.query(&query);
                if right(&last) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            assert!(right(&last), "{title}: {expected:?} expected of\n{query}\n{last:?}");
        }
    }
    rules_are_evaluated(&prometheus, near_quantile);
}

fn rules_are_evaluated(prometheus: &Prometheus, near_quantile: f64) {
    for rule in rules("rules.yaml") {
        let name = rule["record"].as_str().unwrap();
        eventually(name, || !prometheus.query(name).is_empty());
    }
    for (name, exact, ratio) in [
        ("pair_direction:veth_frames_undelivered:ratio_rate5m", 0.02, NEAR),
        ("pair_direction:veth_one_way_delay_seconds:p99_rate5m", 100e-6, near_quantile),
        ("instance:veth_one_way_delay_seconds:p99_rate5m", 100e-6, near_quantile),
    ] {
        let series = prometheus.query(name);
        assert!(series.iter().all(|(_, got)| (got - exact).abs() <= ratio * exact), "{name}: {series:?}");
    }
    // Two in a hundred are not delivered, but not yet for five minutes.
    let pending = prometheus.query(r#"ALERTS{alertname="VethFrameLoss",alertstate="pending"}"#);
    assert_eq!(pending.len(), 4, "two pairs, two directions: {pending:?}");
    assert_eq!(prometheus.unhealthy_rules(), Vec::<String>::new());
}

#[test]
fn panels_say_what_they_show_and_in_which_unit() {
    let dashboard = dashboard();
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        assert!(text(&panel["description"]).len() > 20, "{title}");
        assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{title}");
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        for source in panel["targets"].as_array().unwrap().iter().chain([panel]) {
            assert_eq!(source["datasource"]["uid"], "${datasource}", "{title}");
        }
        for target in panel["targets"].as_array().unwrap() {
            let query = text(&target["expr"]);
            assert!(query.contains("$instance"), "{title}");
            let rates = query.matches("rate(").count();
            assert_eq!(query.matches("[$__rate_interval]").count(), rates, "{title}");
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "instance", "pair"]);
}
