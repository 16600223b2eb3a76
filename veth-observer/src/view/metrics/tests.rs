//! A snapshot in all formats.

use std::{collections::BTreeSet, sync::Arc};

use veth_observer_common::buckets;

use super::{
    Detail, Format, Scrape, Versions, body, document, ending,
    served::{Register, Served},
    table::{self, Kind, Unit},
};
use crate::model::{
    drop::Stage,
    link::{End, Owner},
    report::{DirectionReport, Distribution, Dropped, Hook, PairReport, Report, SeenAt, Traffic},
    snapshot::{AgentState, PairState, ProcessState, ProgramCost, PushState, Reload, Snapshot, WebState},
};

pub(in crate::view) fn spread(times: &[u64]) -> Distribution {
    let mut spread = Distribution { buckets: vec![0; buckets::COUNT], ..Distribution::default() };
    for &time in times {
        spread.buckets[buckets::index(time)] += 1;
        spread.count += 1;
        *spread.sum_ns.get_or_insert(0) += time;
    }
    spread
}

pub(in crate::view) fn direction(seed: u64) -> DirectionReport {
    let place = |reason: &str, location: &str, frames| Dropped {
        stage: Stage::Qdisc,
        reason: Some(reason.to_owned()),
        location: location.to_owned(),
        frames,
    };
    DirectionReport {
        matched: seed + 1,
        sent: Traffic { skbs: seed + 2, frames: seed + 3, bytes: seed + 4 },
        received: Traffic { skbs: seed + 5, frames: seed + 6, bytes: seed + 7 },
        dropped: vec![place("QDISC_DROP", "f", 3), place("QDISC_DROP", "g", 4), place("OTHER", "f", 5)],
        in_flight: 8,
        lost: 9,
        unexplained: -10,
        unmatched: 11,
        reordered: 12,
        duplicated: 13,
        delay: spread(&[1000, 2000, 3_000_000]),
        clamped: 14,
        variation: spread(&[0, 500]),
        collection_loss: 15,
        ..DirectionReport::new("a", "b")
    }
}

pub(in crate::view) fn pair(name: &str) -> PairReport {
    let end = |ifname: &str, ifindex| End {
        ifname: Some(ifname.to_owned()),
        ifindex,
        operstate: Some("up".to_owned()),
        ..End::default()
    };
    PairReport {
        pair: name.to_owned(),
        started_ns: 0,
        elapsed_ns: 1,
        ended: None,
        limits: Vec::new(),
        hook: Hook::Tc,
        ends: [end("veth0", 7), End { owner: Some(owner()), ..end("eth0", 2) }],
        directions: [direction(100), direction(200)],
    }
}

fn owner() -> Owner {
    Owner { name: Some("web \"one\"\\".into()), pod: Some("line\nbreak".into()), ..Owner::default() }
}

pub(in crate::view) fn snapshot(pairs: Vec<(u64, PairReport)>) -> Snapshot {
    let mut agent = AgentState::new(1);
    agent.observed = pairs.iter().map(|(id, _)| PairState::new(*id)).collect();
    agent.attach_errors.insert("permission".into(), 2);
    agent.programs = vec![ProgramCost { program: "departure".into(), runs: 5, run_time_ns: 1_500_000_000 }];
    agent.reload = Some(Reload { successful: true, last_success_unix_ns: 1_700_000_000_000_000_000 });
    Snapshot { report: Report::new(pairs.into_iter().map(|(_, pair)| pair).collect()), agent }
}

pub(in crate::view) fn scrape(snapshot: Snapshot, detail: Detail) -> Arc<Scrape> {
    let served = Register::default().serve(&snapshot);
    Arc::new(Scrape {
        snapshot: Arc::new(snapshot),
        served,
        web: WebState { answers: [(200, 4)].into(), ..WebState::default() },
        process: ProcessState { max_fds: Some(1024), ..ProcessState::default() },
        versions: Versions { observer: "1", kernel: "6".into() },
        detail,
    })
}

fn exposition(scrape: &Arc<Scrape>, format: Format) -> String {
    let bytes = [body(scrape, format).unwrap(), ending(scrape, format, 0.25).unwrap()].concat();
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|have| have == *line), "no `{line}` in\n{text}");
    }
}

#[test]
fn values_stand_under_their_names_and_labels() {
    let scrape = scrape(snapshot(vec![(1, pair("web"))]), Detail::default());
    let to_peer = r#"pair="web",direction="to_peer""#;
    let text = exposition(&scrape, Format::Text);
    assert_has(
        &text,
        &[
            "# TYPE veth_frames_sent_total counter",
            &format!("veth_frames_sent_total{{{to_peer}}} 103"),
            r#"veth_frames_sent_total{pair="web",direction="from_peer"} 203"#,
            &format!("veth_sent_bytes_total{{{to_peer}}} 104"),
            &format!(r#"veth_dropped_frames_total{{{to_peer},stage="qdisc",reason="QDISC_DROP"}} 7"#),
            &format!("veth_frames_unexplained{{{to_peer}}} -10.0"),
            &format!("veth_one_way_delay_seconds_sum{{{to_peer}}} 0.003003"),
            &format!("veth_one_way_delay_seconds_count{{{to_peer}}} 3"),
            &format!(r#"veth_one_way_delay_seconds_bucket{{le="+Inf",{to_peer}}} 3"#),
            "# TYPE veth_pair_info gauge",
            r#"veth_observer_attach_errors_total{reason="permission"} 2"#,
            r#"veth_observer_program_run_seconds_total{program="departure"} 1.5"#,
            r#"veth_observer_http_requests_total{code="200"} 4"#,
            r#"veth_observer_config_last_reload_successful{config="agent"} 1"#,
            "veth_observer_scrape_duration_seconds 0.25",
            "process_max_fds 1024.0",
        ],
    );
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
    let openmetrics = exposition(&scrape, Format::OpenMetrics);
    assert_has(
        &openmetrics,
        &[
            "# TYPE veth_frames_sent counter",
            "# TYPE veth_sent_bytes counter",
            "# UNIT veth_sent_bytes bytes",
            "# TYPE veth_pair info",
            &format!("veth_frames_sent_total{{{to_peer}}} 103"),
        ],
    );
    assert!(openmetrics.ends_with("veth_observer_scrape_duration_seconds 0.25\n# EOF\n"));
    let samples =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let (text, openmetrics): (Vec<String>, Vec<String>) = (samples(&text), samples(&openmetrics));
    assert_eq!(text, openmetrics, "the samples are the same");
}

#[test]
fn what_others_called_things_breaks_nothing() {
    let mut odd = pair("a\"b\\c\nd\u{1b}[31m");
    odd.ends[0].ifname = Some("\u{202e}\"}\n# EOF\n".into());
    let text = exposition(&scrape(snapshot(vec![(1, odd)]), Detail::default()), Format::OpenMetrics);
    assert_has(&text, &[r#"veth_pair_up{pair="a\"b\\c\\nd\\u{1b}[31m"} 1"#]);
    assert_eq!(text.lines().filter(|line| *line == "# EOF").count(), 1);
    let info = text.lines().find(|line| line.starts_with("veth_pair_info{")).unwrap();
    assert!(
        info.contains(r#"container="web \"one\"\\",container_id="",namespace="",pod="line\\nbreak""#),
        "{info}"
    );
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn detail_costs_series_only_on_request() {
    let buckets = |detail| {
        let text = exposition(&scrape(snapshot(vec![(1, pair("web"))]), detail), Format::Text);
        let buckets =
            text.lines().filter(|line| line.starts_with("veth_one_way_delay_seconds_bucket")).count();
        (buckets / 2, text)
    };
    assert_eq!(buckets(Detail::default()).0, 30);
    let (count, text) = buckets(Detail { coarse: true, drop_locations: true });
    assert_eq!(count, 16);
    let line = r#"veth_dropped_frames_total{pair="web",direction="to_peer",stage="qdisc",reason="QDISC_DROP",location="g"} 4"#;
    assert_has(&text, &[line]);
}

#[test]
fn the_series_of_a_pair_are_as_many_as_is_said() {
    let series = |pairs: u64| {
        let pairs = (0..pairs).map(|id| (id, pair(&format!("web{id}")))).collect();
        let text = exposition(&scrape(snapshot(pairs), Detail::default()), Format::Text);
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    // Of which 4 histograms of 32 series each.
    assert_eq!(series(5) - series(4), 172);
}

#[test]
fn names_keep_to_the_rules() {
    let mut names = BTreeSet::new();
    for metric in table::metrics() {
        let name = metric.name;
        assert!(names.insert(name), "{name} is there twice");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
        assert!(["veth_", "process_"].iter().any(|prefix| name.starts_with(prefix)), "{name}");
        let unit = name.trim_end_matches("_total");
        for (kind, word) in [(Unit::Seconds, "_seconds"), (Unit::Bytes, "_bytes"), (Unit::Ratio, "_ratio")] {
            assert_eq!(unit.ends_with(word), metric.unit == kind, "{name}");
        }
        assert!(metric.help.ends_with('.') || metric.help.ends_with('`'), "{name}: {}", metric.help);
        assert!(!metric.help.contains(['\\', '\n', '|']), "{name}: {}", metric.help);
    }
}

#[test]
fn every_metric_of_the_table_is_served() {
    let mut full = pair("web");
    full.hook = Hook::XdpNative;
    for direction in &mut full.directions {
        direction.driver = Some(crate::model::driver::DriverCounts::default());
        direction.probes = Some(crate::model::report::ProbeReport {
            sent: 1,
            received: 1,
            in_flight: 0,
            lost: 0,
            reordered: 0,
            duplicated: 0,
            untimed: 0,
            delay: Distribution::default(),
            variation: Distribution::default(),
            stages: None,
        });
    }
    let mut snapshot = snapshot(vec![(1, full)]);
    snapshot.agent.push = Some(PushState { delivered: 3, failed: 2, rejected_points: 1 });
    let text = exposition(&scrape(snapshot, Detail::default()), Format::Text);
    assert_has(
        &text,
        &[
            r#"veth_observer_otlp_exports_total{result="delivered"} 3"#,
            r#"veth_observer_otlp_exports_total{result="failed"} 2"#,
            "veth_observer_otlp_points_rejected_total 1",
        ],
    );
    for metric in table::metrics() {
        let head = format!("# HELP {} {}", metric.name, metric.help);
        assert_has(&text, &[&head]);
    }
    assert_eq!(text.matches("# HELP").count(), table::metrics().count());
}

#[test]
fn the_page_is_what_the_code_says() {
    let page = include_str!("../../../../docs/metrics.md");
    assert_eq!(page, document::markdown(), "`cargo xtask metrics` writes docs/metrics.md");
}

fn labels(served: &[Served]) -> Vec<&str> {
    served.iter().map(|served| served.label.as_str()).collect()
}

#[test]
fn a_pair_that_ended_is_served_once_more_and_its_namesake_after_it() {
    let mut register = Register::default();
    let ended = |name: &str| PairReport { ended: Some("gone".into()), ..pair(name) };
    let living = vec![(1, pair("web")), (2, pair("db"))];
    assert_eq!(labels(&register.serve(&snapshot(living.clone()))), ["web", "db"]);
    let parting = snapshot(vec![(1, ended("web")), (2, pair("db")), (3, pair("web"))]);
    let served = register.serve(&parting);
    assert_eq!(
        served.iter().map(|served| (served.at, &*served.label)).collect::<Vec<_>>(),
        [(0, "web"), (1, "db")]
    );
    let served = register.serve(&parting);
    assert_eq!(
        served.iter().map(|served| (served.at, &*served.label)).collect::<Vec<_>>(),
        [(1, "db"), (2, "web")]
    );
    assert_eq!(labels(&register.serve(&snapshot(vec![(2, pair("db"))]))), ["db"]);
    // Ended before anybody saw it: it is served all the same.
    assert_eq!(labels(&register.serve(&snapshot(vec![(4, ended("short"))]))), ["short"]);
    assert!(register.serve(&snapshot(vec![(4, ended("short"))])).is_empty());
}

#[test]
fn two_of_one_name_have_two_labels_that_stay() {
    let mut register = Register::default();
    let both = snapshot(vec![(1, pair("web")), (2, pair("web")), (3, pair("web#2"))]);
    for _ in 0..2 {
        assert_eq!(labels(&register.serve(&both)), ["web", "web#2", "web#2#3"]);
    }
    let rest = snapshot(vec![(2, pair("web")), (3, pair("web#2"))]);
    assert_eq!(labels(&register.serve(&rest)), ["web#2", "web#2#3"]);
    let more = snapshot(vec![(2, pair("web")), (4, pair("web"))]);
    assert_eq!(labels(&register.serve(&more)), ["web#2", "web"]);
}

#[test]
fn counts_never_fall_and_what_was_taken_back_is_told() {
    let mut register = Register::default();
    let mut last = (0, 0);
    for (lost, total, taken_back) in [(5, 5, 0), (2, 5, 3), (2, 5, 3), (4, 7, 3), (0, 7, 7)] {
        let mut pair = pair("web");
        pair.directions[0].lost = lost;
        let served = register.serve(&snapshot(vec![(1, pair)]));
        let counted = served[0].counts[0].lost;
        assert_eq!((counted.total, counted.taken_back), (total, taken_back));
        assert_eq!(counted.total - counted.taken_back, lost);
        assert!(counted.total >= last.0 && counted.taken_back >= last.1);
        last = (counted.total, counted.taken_back);
    }
}

#[test]
fn of_one_end_there_are_no_series_that_would_take_both() {
    let mut half = pair("web");
    half.directions[0].seen_at = SeenAt::Departure;
    half.directions[1].seen_at = SeenAt::Arrival;
    half.ends[1].operstate = None;
    let mut snapshot = snapshot(vec![(1, half)]);
    snapshot.agent.observed[0].observed = [true, false];
    let text = exposition(&scrape(snapshot, Detail::default()), Format::Text);
    let of_directions: Vec<&str> = text.lines().filter(|line| line.contains("direction=")).collect();
    let [to_peer, from_peer] =
        ["to_peer", "from_peer"].map(|way| format!(r#"{{pair="web",direction="{way}"}}"#));
    assert_eq!(
        of_directions,
        [
            format!("veth_frames_sent_total{to_peer} 103"),
            format!("veth_frames_received_total{from_peer} 206"),
            format!("veth_sent_bytes_total{to_peer} 104"),
            format!("veth_received_bytes_total{from_peer} 207"),
            format!("veth_skbs_sent_total{to_peer} 102"),
            format!("veth_skbs_received_total{from_peer} 205"),
        ]
    );
    let observed = r#"veth_observer_pair_observed{pair="web",end="#;
    let expected = [
        r#"veth_pair_up{pair="web"} 1"#.into(),
        format!("{observed}\"near\"}} 1"),
        format!("{observed}\"peer\"}} 0"),
    ];
    assert_has(&text, &expected.each_ref().map(String::as_str));
}
