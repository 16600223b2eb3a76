//! What changes while the agent runs, and what goes on as if nothing had happened.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use super::{Agent, Folder, base, of, reason};
use crate::fleet::{FRAME, Report, make, quiet};

/// What was counted of frames that leave this end.
fn counted(report: &Report, ifname: &str) -> Option<(u64, u64)> {
    Some((report.count(ifname, "/sent/frames")?, report.count(ifname, "/received/frames")?))
}

#[test]
fn another_selection_takes_over_and_the_pair_in_both_misses_no_frame() {
    let lab = &quiet(2);
    make(lab, 0..3);
    let folder = &Folder::new();
    let text = |pairs: &[&str], more: &str| {
        base(folder, &pairs.iter().map(|ifname| of(lab, ifname)).collect::<Vec<_>>()) + more
    };
    let agent = &Agent::start(folder, &text(&["p0", "p1"], ""));
    let first = agent.observing(2);
    let id = |report: &Report, ifname: &str| report.pair(ifname).unwrap()["state"]["id"].clone();
    lab.send_frames(1, "q1", &FRAME, 70);
    agent.report("its frames", |report| counted(report, "q1") == Some((70, 70)));
    assert!(agent.metrics().contains("veth_observer_config_last_reload_successful{config=\"agent\"} 1"));

    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let last = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                lab.send_frames(0, "p0", &FRAME, 50);
                sent.fetch_add(50, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let alias = format!("[[alias]]\nname = 'front'\npair = '{}'", of(lab, "p0"));
        agent.reload(&text(&["p0", "p2"], &alias));
        let report = agent.report("the other pair", |report| {
            report.pair("p2").is_some() && report.pair("p1").is_none() && reason(report, "p1").is_some()
        });
        assert_eq!(reason(&report, "p1").unwrap(), "it is no longer selected");
        let left = report.pairs().iter().find(|pair| !pair["ended"].is_null()).unwrap();
        let directions = left["directions"].as_array().unwrap();
        let frames: Vec<_> = directions.iter().map(|way| (&way["sent"]["frames"], &way["lost"])).collect();
        assert_eq!(frames, [(&0.into(), &0.into()), (&70.into(), &0.into())], "{left:#}");
        // Back again, to nothing in particular, and forth.
        agent.reload(&text(&["p0", "p1"], &alias));
        agent.report("the first again", |report| report.pair("p1").is_some() && report.pair("p2").is_none());
        stop.store(true, Ordering::Relaxed);
        report
    });
    let sent = sent.into_inner();
    assert!(sent > 0);
    let report = agent.report("all frames", |report| counted(report, "p0") == Some((sent, sent)));
    assert_eq!(id(&report, "p0"), id(&first, "p0"), "it was observed all the time");
    let direction = report.from("p0").unwrap();
    for nothing in ["lost", "unmatched", "unexplained", "reordered", "duplicated"] {
        assert_eq!(direction[nothing], 0, "{direction:#}");
    }
    assert_eq!(last.pair("p0").unwrap()["pair"], "front");
    let way = "{pair=\"front\",direction=\"to_peer\"}";
    assert_eq!(agent.metric(&format!("veth_frames_received_total{way}")), sent.to_string());
    // A series of its own, from zero: the observation before has ended.
    assert_eq!(counted(&report, "q1"), Some((0, 0)));
    assert_eq!((report.event("added"), report.event("removed")), (4, 2));
}

#[test]
fn fewer_pairs_may_be_observed_and_more_again_and_reports_come_as_often_as_asked() {
    let lab = quiet(2);
    make(&lab, 0..3);
    let folder = Folder::new();
    let text =
        |max| base(&folder, &[of(&lab, "*")]).replace("pairs =", &format!("max_pairs = {max}\npairs ="));
    let agent = Agent::start(&folder, &text(3));
    let before = agent.observing(3);
    agent.reload(&text(1));
    let report =
        agent.report("one", |report| report.living() == 1 && report.0["agent"]["pairs_over_limit"] == 2);
    // Those that came last have gone.
    let id = |report: &Report| {
        let living = report.pairs().iter().filter(|pair| pair["ended"].is_null());
        living.map(|pair| pair["state"]["id"].as_u64().unwrap()).min()
    };
    assert_eq!(id(&report), id(&before));
    let ended = report.pairs().iter().filter_map(|pair| pair["ended"].as_str());
    assert_eq!(ended.collect::<Vec<_>>(), ["there are more pairs than may be observed"; 2]);
    assert_eq!(report.0["agent"]["pairs"], 3);
    agent.reload(&text(3));
    agent.observing(3);
    // Without reports nothing is printed.
    agent.reload(&text(3).replace("interval = '100ms'\n", ""));
    agent.says("anew");
    agent.reload(&text(3));
    agent.report("reports again", |report| report.living() == 3);
    agent.end();
}

#[test]
fn a_pair_that_is_renamed_out_of_the_selection_leaves_and_may_come_back() {
    let lab = quiet(2);
    make(&lab, 0..1);
    let folder = Folder::new();
    let agent = Agent::start(&folder, &base(&folder, &[of(&lab, "p*")]));
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 10);
    agent.report("its frames", |report| counted(report, "p0") == Some((10, 10)));
    lab.ip(0, &["link", "set", "p0", "down"]);
    lab.ip(0, &["link", "set", "p0", "name", "z0"]);
    let report = agent.report("its leave", |report| report.living() == 0 && reason(report, "z0").is_some());
    assert_eq!(reason(&report, "z0").unwrap(), "it is no longer selected");
    assert_eq!(report.pairs()[0]["directions"][0]["received"]["frames"], 10);
    assert_eq!(report.0["agent"]["pairs"], 0);
    lab.ip(0, &["link", "set", "z0", "name", "p7"]);
    let report = agent.observing(1);
    assert_eq!(counted(&report, "p7"), Some((0, 0)));
    assert_eq!((report.event("added"), report.event("removed")), (2, 1));
}

#[test]
fn what_cannot_change_while_it_runs_is_said_and_stays() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let folder = Folder::new();
    let text = base(&folder, &[of(&lab, "p0")]);
    let agent = Agent::start(&folder, &text);
    agent.observing(1);
    let other = text.replace("p0", "p1").replace("agent.sock", "other.sock");
    agent.reload(&format!("loss_timeout = '1s'\n{other}"));
    // What can change has.
    agent.report("the other pair", |report| report.pair("p1").is_some());
    for key in ["loss_timeout", "web.listen_address"] {
        agent.says(&format!("{key} is another now, and stays as it was until a restart"));
    }
    assert_eq!(agent.metric("veth_observer_config_last_reload_successful{config=\"agent\"}"), "1");
    agent.end();
}
