//! Pairs of which one end cannot be entered: what the other end tells, and nothing more.

use std::process::Command;

use serde_json::{Value, json};
use veth_observer::netns::Namespace;

use super::{Agent, FRAME, left, quiet};
use crate::support::{
    bpf::{Hook, tcx_programs},
    command::Run,
    netns::{Background, eventually, run},
    wire::{Wire, X, Y, Y_IP},
};

/// All of a direction but these is unknown.
#[track_caller]
fn assert_tells_only(direction: &Value, known: &[&str]) {
    for (key, value) in direction.as_object().unwrap() {
        assert_eq!(value.is_null(), !known.contains(&key.as_str()), "{key}: {direction:#}");
    }
}

/// Without CAP_SYS_ADMIN, in the namespace of X.
#[test]
fn an_end_that_cannot_be_entered_is_observed_from_the_other_one() {
    let wire = Wire::new();
    let lab = &wire.lab;
    let path = format!("/run/netns/{}", lab.name(0));
    let capabilities = ["net_admin", "sys_ptrace", "perfmon", "bpf"];
    let agent = Agent::run(lab, &[], |args| Run::with_capabilities_at(&path, &capabilities, args));
    let report = agent.observing(1);
    let pair = report.pair(X).unwrap();
    assert_eq!(pair["state"]["observed"], json!([true, false]), "{pair:#}");
    assert_eq!(pair["state"]["timing_ratio"], 0.0);
    let names: Vec<&Value> = pair["ends"].as_array().unwrap().iter().map(|end| &end["ifname"]).collect();
    assert_eq!(names, [X, Y], "netlink tells");
    let [limit] = pair["limits"].as_array().unwrap().as_slice() else { panic!("{pair:#}") };
    let begins = format!("{Y} is not observed: {} cannot be entered (CAP_SYS_ADMIN", lab.name(1));
    assert!(limit.as_str().unwrap().starts_with(&begins), "{limit}");
    assert_eq!(report.0["agent"]["attach_errors"], json!({}));
    let ifindex = lab.ifindex(1, Y);
    let on_y = lab
        .namespace(1)
        .run(|| [Hook::TcxIngress, Hook::TcxEgress].map(|hook| tcx_programs(ifindex, hook).len()));
    assert_eq!(on_y.unwrap(), [0, 0]);

    let before = [0, 1].map(|at| lab.device_counters(at, [X, Y][at]));
    let segments = || [0, 1].map(|at| lab.snmp(at, "Tcp", "OutSegs"));
    let segments_before = segments();
    lab.send_frames(0, X, &FRAME, 500);
    lab.send_frames(1, Y, &FRAME, 300);
    lab.send_stream([0, 1], format!("{Y_IP}:5001").parse().unwrap(), 4 << 20);
    lab.send_stream([1, 0], "10.77.0.1:5002".parse().unwrap(), 4 << 20);
    let [to_y, to_x] = [0, 1].map(|at| left(&lab.device_counters(at, [X, Y][at]), &before[at]));
    let [from_x, from_y] = [0, 1].map(|at| segments()[at] - segments_before[at]);
    let report = agent.report("all of it", |report| {
        let skbs = |at: &str, what| report.count(at, what);
        skbs(X, "/sent/skbs") == Some(to_y.0) && skbs(Y, "/received/skbs") == Some(to_x.0)
    });
    let [sent, received] = [X, Y].map(|ifname| report.from(ifname).unwrap());
    assert_tells_only(sent, &["from", "to", "sent"]);
    assert_tells_only(received, &["from", "to", "received", "driver"]);
    // Segments by the stack that cut them; the device counts the header of a buffer once.
    assert_eq!(sent["sent"]["frames"], 500 + from_x, "{sent:#}");
    assert_eq!(received["received"]["frames"], 300 + from_y, "{received:#}");
    assert_eq!(received["received"]["bytes"], to_x.1, "{received:#}");
    assert!(sent["sent"]["bytes"].as_u64().unwrap() >= to_y.1, "{sent:#}");
}

/// Without CAP_SYS_PTRACE, where the namespace of Y has no name at first.
#[test]
fn it_is_observed_whole_once_it_can_be_entered() {
    let lab = quiet(1);
    let home = Background::start(Command::new("unshare").args(["--net", "sleep", "120"]));
    let pid = home.pid().to_string();
    let link = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).unwrap();
    eventually("it has a namespace of its own", || link(&pid) != link("self"));
    let inside = |args: &[&str]| run("nsenter", &[&["-t", &pid, "-n"], args].concat());
    inside(&[
        "sysctl",
        "-q",
        "-w",
        "net.ipv6.conf.all.disable_ipv6=1",
        "net.ipv6.conf.default.disable_ipv6=1",
    ]);
    let peer = ["type", "veth", "peer", "name", "q0", "netns", &pid];
    lab.ip(0, &[&["link", "add", "p0"][..], &peer].concat());
    lab.ip(0, &["link", "set", "p0", "up"]);
    inside(&["ip", "link", "set", "q0", "up"]);

    let capabilities = ["net_admin", "net_raw", "sys_admin", "perfmon", "bpf"];
    let agent = Agent::run(&lab, &[], |args| Run::with_capabilities(&capabilities, args));
    let report = agent.observing(1);
    let pair = report.pair("p0").unwrap();
    assert_eq!(pair["state"]["observed"], json!([true, false]), "{pair:#}");
    let limit = pair["limits"][0].as_str().unwrap();
    assert!(limit.contains(&format!("pid {pid} (sleep) cannot be opened (CAP_SYS_PTRACE")), "{limit}");
    lab.send_frames(0, "p0", &FRAME, 70);
    agent.report("what left", |report| report.count("p0", "/sent/frames") == Some(70));

    let name = format!("{}-late", lab.name(0));
    run("ip", &["netns", "attach", &name, &pid]);
    let _named = Named(&name);
    let is_whole = |pair: &Value| pair["state"]["observed"] == json!([true, true]);
    let report = agent.report("both ends", |report| report.pair("p0").is_some_and(is_whole));
    assert_eq!((report.event("added"), report.event("removed")), (2, 1));
    let [ended] = [report.pairs().iter().find(|pair| !pair["ended"].is_null()).unwrap()];
    assert_eq!(ended["ended"], "both its ends can be observed now");
    assert_eq!(ended["directions"][0]["sent"]["frames"], 70);
    let limits = report.pair("p0").unwrap()["limits"].to_string();
    assert!(!limits.contains("not observed"), "{limits}");

    lab.send_frames(0, "p0", &FRAME, 30);
    let namespace = Namespace::by_name(&name).unwrap();
    eventually("both ends have their two programs", || {
        let ifindex = 2;
        let count = || [Hook::TcxIngress, Hook::TcxEgress].map(|hook| tcx_programs(ifindex, hook).len());
        namespace.run(count).unwrap() == [1, 1]
    });
    let report = agent.report("their way", |report| report.count("p0", "/received/frames") == Some(30));
    let direction = report.from("p0").unwrap();
    assert_eq!((&direction["sent"]["frames"], &direction["delay"]["count"]), (&json!(30), &json!(30)));
    assert_eq!((&direction["lost"], &direction["unmatched"]), (&json!(0), &json!(0)));
}

/// A name of a namespace, taken back with the value.
struct Named<'a>(&'a str);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", self.0]).status();
    }
}
