//! `--active`: probes of our own, apart from traffic and unseen by the hosts.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socket_with};
use serde_json::Value;

use super::{frame, json, keys, latency};
use crate::support::wire::{Wire, X, X_MAC, Y, Y_MAC};

const ETHER_TYPE: u16 = 0x88b5;

/// `count` probes each way, all received, and no traffic.
#[track_caller]
fn assert_probes(report: &Value, count: u64) {
    for direction in report["pairs"][0]["directions"].as_array().unwrap() {
        let probes = &direction["probes"];
        for (name, value) in [
            ("sent", count),
            ("received", count),
            ("in_flight", 0),
            ("lost", 0),
            ("duplicated", 0),
            ("untimed", 0),
        ] {
            assert_eq!(probes[name], value, "{name}: {report}");
        }
        let pairs = count - 1 - probes["reordered"].as_u64().unwrap();
        assert_eq!(
            (&probes["delay"]["count"], &probes["variation"]["count"]),
            (&count.into(), &pairs.into())
        );
        for (what, part) in [("sent", "frames"), ("received", "frames"), ("sent", "bytes")] {
            assert_eq!(direction[what][part], 0, "probes are no traffic: {report}");
        }
        assert_eq!((&direction["unmatched"], &direction["lost"]), (&0.into(), &0.into()));
    }
}

#[test]
fn as_many_as_were_asked_for_over_either_hook() {
    let wire = Wire::new();
    for attach in ["tcx", "clsact"] {
        for size in ["60", "1514"] {
            let arguments =
                ["--active", "-c", "500", "--rate", "2000", "--size", size, "--attach", attach, "-j"];
            let measured = latency(&wire, &arguments).observing();
            let report = json(&measured.outcome(), 0);
            assert_probes(&report, 500);
            assert_eq!(report["latency"]["active"], true);
        }
    }
}

#[test]
fn probes_have_a_table_of_their_own_and_are_what_thresholds_judge() {
    let wire = Wire::new();
    let limits = ["--active", "-c", "100", "--rate", "1000", "--max-loss", "0%", "--max-delay", "max=10s"];
    let said = latency(&wire, &limits).observing().outcome();
    assert_eq!(said.code, Some(0), "{said:?}");
    for text in ["probe delay vx > vy", "probes vy > vx: 100 sent, 100 received, 0 lost (0%)", "PASS\n"] {
        assert!(said.stdout.contains(text), "{text}: {said:?}");
    }
    assert!(!said.stdout.contains("no frames passed") && !said.stdout.contains("\ndelay vx"), "{said:?}");
    let report =
        json(&latency(&wire, &["--active", "-c", "9", "--histogram", "-j"]).observing().outcome(), 0);
    let times = &report["latency"]["directions"][0];
    for by_quantity in [&times["histogram"], &times["percentiles_ns"]] {
        assert_eq!(keys(by_quantity), "delay probe_delay probe_variation variation");
    }
    assert_eq!(
        keys(&report["pairs"][0]["directions"][0]["probes"]),
        "delay duplicated in_flight lost received reordered sent untimed variation"
    );
}

/// A protocol handler of the far host: behind the ingress hook, unlike a tap.
fn handler(wire: &Wire, at: usize, ifname: &str) -> OwnedFd {
    let ifindex = i32::try_from(wire.lab.ifindex(at, ifname)).unwrap();
    wire.lab
        .namespace(at)
        .run(|| {
            let socket =
                socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::NONBLOCK, None).unwrap();
            // SAFETY: sockaddr_ll is plain integers, for which zero is a value.
            let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
            address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
            address.sll_protocol = ETHER_TYPE.to_be();
            address.sll_ifindex = ifindex;
            let len = libc::socklen_t::try_from(size_of_val(&address)).unwrap();
            // SAFETY: the pointer and the length describe `address`.
            let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
            assert_eq!(bound, 0);
            socket
        })
        .unwrap()
}

fn heard(handler: &OwnedFd) -> usize {
    let mut scratch = [0_u8; 2048];
    std::iter::from_fn(|| recv(handler, &mut scratch[..], RecvFlags::empty()).ok()).count()
}

#[test]
fn the_hosts_do_not_see_them() {
    let wire = Wire::new();
    let handlers = [handler(&wire, 0, X), handler(&wire, 1, Y)];
    let dropped = || {
        [(0, X), (1, Y)].map(|(at, name)| {
            wire.lab.ip_json(at, &["-s", "link", "show", name])[0]["stats64"]["rx"]["dropped"].clone()
        })
    };
    let before = dropped();
    let report =
        json(&latency(&wire, &["--active", "-c", "300", "--rate", "3000", "-j"]).observing().outcome(), 0);
    assert_probes(&report, 300);
    assert_eq!(handlers.each_ref().map(heard), [0, 0]);
    assert_eq!(dropped(), before, "the stack had no frame without a handler");
    // What would have been heard.
    wire.lab.send_frames(0, X, &frame(ETHER_TYPE), 7);
    assert_eq!(heard(&handlers[1]), 7);
}

#[test]
fn traffic_of_the_same_type_stays_traffic_and_arrives() {
    let wire = Wire::new();
    let listener = handler(&wire, 1, Y);
    let measured = latency(&wire, &["--active", "--rate", "1000", "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(ETHER_TYPE), 100);
    // Too short to be a probe, and so like one that its sequence number is missing.
    let mut short = [&Y_MAC[..], &X_MAC, &ETHER_TYPE.to_be_bytes(), b"vo probe"].concat();
    wire.lab.send_frames(0, X, &short, 20);
    // Of a run with another secret: neither ours to take off nor traffic.
    short.resize(60, 0x77);
    wire.lab.send_frames(0, X, &short, 30);
    let report = json(&measured.interrupt(), 0);
    let [out, back] = [0, 1].map(|at| &report["pairs"][0]["directions"][at]);
    assert_eq!((&out["sent"]["frames"], &out["received"]["frames"]), (&120.into(), &120.into()));
    assert_eq!(out["sent"]["bytes"], 100 * 60 + 20 * 22);
    assert_eq!(back["sent"]["frames"], 0);
    for direction in [out, back] {
        assert_eq!(direction["probes"]["sent"], direction["probes"]["received"]);
    }
    assert_eq!(heard(&listener), 150);
}

#[test]
fn a_probe_that_the_queue_drops_is_lost() {
    let wire = Wire::new();
    let tbf = ["rate", "80kbit", "burst", "200", "limit", "400"];
    wire.lab.exec(0, &[&["tc", "qdisc", "add", "dev", X, "root", "tbf"], &tbf[..]].concat());
    let limits =
        ["--active", "-c", "400", "--rate", "2000", "--max-loss", "1%", "--loss-timeout", "1s", "-j"];
    let outcome = latency(&wire, &limits).observing().outcome();
    let report = json(&outcome, 5);
    let [out, back] = [0, 1].map(|at| report["pairs"][0]["directions"][at]["probes"].clone());
    let queue = wire.lab.exec(0, &["tc", "-s", "-j", "qdisc", "show", "dev", X]);
    let queue: Value = serde_json::from_str(&queue).unwrap();
    let lost = out["lost"].as_u64().unwrap();
    assert!(lost > 100, "{report}");
    assert_eq!((&out["sent"], &queue[0]["drops"]), (&400.into(), &lost.into()), "{report}");
    assert_eq!(out["received"].as_u64().unwrap() + lost, 400);
    assert_eq!((&back["sent"], &back["received"], &back["lost"]), (&400.into(), &400.into(), &0.into()));
    assert!(outcome.stderr.contains("loss of vx > vy is ") && !outcome.stderr.contains("of vy > vx"));
    assert_eq!(report["pairs"][0]["directions"][0]["dropped"], Value::Array(Vec::new()), "no traffic died");
}

#[test]
fn two_at_once_leave_each_other_s_probes_alone() {
    let wire = Wire::new();
    let arguments = ["--active", "--rate", "2000", "-j"];
    let first = latency(&wire, &[&arguments[..], &["-c", "600"]].concat()).observing();
    let second = latency(&wire, &[&arguments[..], &["-c", "400"]].concat()).observing();
    assert_probes(&json(&second.outcome(), 0), 400);
    assert_probes(&json(&first.outcome(), 0), 600);
}

#[test]
fn a_pair_that_is_deleted_ends_it_and_one_that_is_down_is_named() {
    let wire = Wire::new();
    let measured =
        latency(&wire, &["--active", "--rate", "1000", "-j", "--loss-timeout", "300ms"]).observing();
    wire.lab.ip(0, &["link", "set", X, "down"]);
    wire.lab.ip(0, &["link", "set", X, "up"]);
    let report = json(&measured.interrupt(), 0);
    for direction in report["pairs"][0]["directions"].as_array().unwrap() {
        let probes = &direction["probes"];
        let [sent, received, lost] = ["sent", "received", "lost"].map(|name| probes[name].as_u64().unwrap());
        assert_eq!(sent, received + lost, "{report}");
    }
    let measured = latency(&wire, &["--active", "--rate", "1000"]).observing();
    wire.lab.ip(0, &["link", "delete", X]);
    let outcome = measured.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("was deleted"), "{outcome:?}");
}
