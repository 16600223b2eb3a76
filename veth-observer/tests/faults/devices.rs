//! What is done to the devices of a pair while it is observed: the numbers stay right, or the report says what ended it.

use serde_json::Value;
use veth_observer::{attach::Method, wire::PacketSocket};

use super::{balance, frame, last_pair};
use crate::{
    attach::inventory,
    support::{
        bpf::{self, Hook},
        command::{Observing, Run},
        netns::eventually,
        wire::{METHODS, Wire, X, Y},
    },
};

const COUNT: i64 = 200;

fn stats(wire: &Wire, method: Method) -> Observing {
    let (selector, method) = (wire.selector(), method.to_string());
    Run::here(&["stats", &selector, "--attach", &method, "-j", "--loss-timeout", "300ms"]).observing()
}

/// `COUNT` frames from each end, of this length.
fn send(wire: &Wire, len: usize) {
    let mut frame = frame();
    frame.resize(len, 0);
    wire.lab.send_frames(0, X, &frame, COUNT.cast_unsigned());
    wire.lab.send_frames(1, Y, &frame, COUNT.cast_unsigned());
}

/// Observes over both kinds of hook while frames go both ways, then `fault` happens, then they go again. Gives the report.
fn around(fault: impl Fn(&Wire)) -> [(Wire, Value); 2] {
    METHODS.map(|method| {
        let wire = Wire::new();
        let before = inventory(&wire);
        let running = stats(&wire, method);
        send(&wire, 60);
        fault(&wire);
        send(&wire, 60);
        let pair = last_pair(&running.interrupt());
        assert_eq!(pair["ended"], Value::Null, "{method}");
        let clsact = |text: &str| text.matches("clsact").count();
        assert_eq!(clsact(&inventory(&wire)), clsact(&before), "{method}");
        (wire, pair)
    })
}

/// All of them arrived, both ways, in spite of it.
fn unmoved_by(rounds: i64, fault: impl Fn(&Wire)) {
    for (_, pair) in around(fault) {
        for direction in 0..2 {
            assert_eq!(balance(&pair, direction), [rounds * COUNT, rounds * COUNT, 0, 0, 0, 0]);
        }
    }
}

/// `COUNT` frames from X that the pair drops, which it may tell the sender.
fn send_in_vain(wire: &Wire, len: usize) {
    let mut frame = frame();
    frame.resize(len, 0);
    let ifindex = wire.lab.ifindex(0, X);
    let socket = wire.lab.namespace(0).run(|| PacketSocket::open(ifindex)).unwrap().unwrap();
    for _ in 0..COUNT {
        if let Err(error) = socket.send(&frame) {
            assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS), "{error}");
        }
    }
}

fn up(wire: &Wire) {
    for (at, ifname) in [(0, X), (1, Y)] {
        eventually("both ends are up", || {
            wire.lab.ip_json(at, &["link", "show", ifname])[0]["operstate"] == "UP"
        });
    }
}

#[test]
fn deleted_with_every_frame_before_it_counted() {
    for method in METHODS {
        let wire = Wire::new();
        let running = stats(&wire, method);
        send(&wire, 60);
        wire.lab.ip(0, &["link", "delete", X]);
        let outcome = running.outcome();
        let pair = last_pair(&outcome);
        let ended = pair["ended"].as_str().unwrap();
        assert!(
            ended == "vx was deleted" || ended == "vy was deleted" || ended.contains("was deleted or moved"),
            "{ended}"
        );
        for direction in 0..2 {
            assert_eq!(balance(&pair, direction), [COUNT, COUNT, 0, 0, 0, 0]);
        }
    }
}

#[test]
fn a_tcx_program_that_is_taken_off_is_told_from_a_device_that_is_gone() {
    for (at, ifname) in [(0, X), (1, Y)] {
        for hook in [Hook::TcxIngress, Hook::TcxEgress] {
            let wire = Wire::new();
            let running = stats(&wire, Method::Tcx);
            send(&wire, 60);
            let ifindex = wire.lab.ifindex(at, ifname);
            let programs = wire.lab.namespace(at).run(|| bpf::tcx_programs(ifindex, hook)).unwrap();
            let [program] = programs[..] else { panic!("{programs:?}") };
            bpf::detach_link_of(program);
            let pair = last_pair(&running.outcome());
            let sentence = format!("a tcx program on {ifname} was taken off by someone else");
            assert_eq!(pair["ended"], sentence.as_str());
            for direction in 0..2 {
                assert_eq!(balance(&pair, direction), [COUNT, COUNT, 0, 0, 0, 0]);
            }
        }
    }
}

#[test]
fn moved_over_tcx_is_followed_to_its_new_namespace() {
    let wire = Wire::new();
    let running = stats(&wire, Method::Tcx);
    send(&wire, 60);
    wire.lab.ip(1, &["link", "set", Y, "netns", wire.lab.name(0)]);
    wire.lab.ip(0, &["link", "set", Y, "up"]);
    for ifname in [X, Y] {
        eventually("it is up", || wire.lab.ip_json(0, &["link", "show", ifname])[0]["operstate"] == "UP");
    }
    wire.lab.send_frames(0, X, &frame(), COUNT.cast_unsigned());
    wire.lab.send_frames(0, Y, &frame(), COUNT.cast_unsigned());
    let outcome = running.interrupt();
    let pair = last_pair(&outcome);
    assert_eq!(pair["ended"], Value::Null);
    for direction in 0..2 {
        assert_eq!(balance(&pair, direction), [2 * COUNT, 2 * COUNT, 0, 0, 0, 0]);
    }
    let [x, y] = [0, 1].map(|at| wire.lab.name(at));
    for end in 0..2 {
        assert_eq!(pair["ends"][end]["netns"]["name"], x);
    }
    assert_eq!(pair["ends"][1]["ifindex"], wire.lab.ifindex(0, Y));
    assert!(outcome.stderr.contains(&format!("vy ({y}) is now vy ({x})\n")), "{outcome:?}");
}

#[test]
fn moved_over_clsact_ends_it_with_every_frame_before_it_counted() {
    let wire = Wire::new();
    let running = stats(&wire, Method::Clsact);
    send(&wire, 60);
    wire.lab.ip(1, &["link", "set", Y, "netns", wire.lab.name(0)]);
    let pair = last_pair(&running.outcome());
    let sentence = format!("vy was deleted or moved out of {}", wire.lab.name(1));
    assert_eq!(pair["ended"].as_str(), Some(sentence.as_str()));
    for direction in 0..2 {
        assert_eq!(balance(&pair, direction), [COUNT, COUNT, 0, 0, 0, 0]);
    }
    let left = wire.lab.exec(0, &["tc", "qdisc", "show"]);
    assert!(!left.contains("clsact"), "{left}");
}

#[test]
fn renamed_is_called_by_its_new_name() {
    for method in METHODS {
        let wire = Wire::new();
        let running = stats(&wire, method);
        send(&wire, 60);
        wire.lab.ip(1, &["link", "set", Y, "down"]);
        wire.lab.ip(1, &["link", "set", Y, "name", "other"]);
        wire.lab.ip(1, &["link", "set", "other", "up"]);
        eventually("it is up", || wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "UP");
        wire.lab.send_frames(0, X, &frame(), COUNT.cast_unsigned());
        wire.lab.send_frames(1, "other", &frame(), COUNT.cast_unsigned());
        let outcome = running.interrupt();
        let pair = last_pair(&outcome);
        for direction in 0..2 {
            assert_eq!(balance(&pair, direction), [2 * COUNT, 2 * COUNT, 0, 0, 0, 0]);
        }
        assert_eq!((&pair["ended"], &pair["ends"][1]["ifname"]), (&Value::Null, &"other".into()));
        let names = |direction: usize| ["from", "to"].map(|name| pair["directions"][direction][name].clone());
        assert_eq!(names(0), [X, "other"]);
        assert_eq!(names(1), ["other", X]);
        assert!(outcome.stderr.contains(") is now other ("), "{outcome:?}");
    }
}

#[test]
fn set_down_loses_what_is_sent_to_it_and_no_more() {
    let reports = around(|wire| {
        wire.lab.ip(1, &["link", "set", Y, "down"]);
        send_in_vain(wire, 60);
        wire.lab.ip(1, &["link", "set", Y, "up"]);
        up(wire);
    });
    for (_, pair) in reports {
        assert_eq!(balance(&pair, 0), [3 * COUNT, 2 * COUNT, COUNT, 0, 0, 0]);
        assert_eq!(balance(&pair, 1), [2 * COUNT, 2 * COUNT, 0, 0, 0, 0]);
        assert_eq!(pair["ends"][1]["operstate"], "up");
    }
}

#[test]
fn an_mtu_that_shrinks_loses_the_long_frames_and_one_that_grows_none() {
    let reports = around(|wire| {
        wire.lab.ip(1, &["link", "set", Y, "mtu", "1000"]);
        send_in_vain(wire, 1400);
        for (at, ifname) in [(0, X), (1, Y)] {
            wire.lab.ip(at, &["link", "set", ifname, "mtu", "9000"]);
        }
        send(wire, 9014);
    });
    for (_, pair) in reports {
        assert_eq!(balance(&pair, 0), [4 * COUNT, 3 * COUNT, COUNT, 0, 0, 0]);
        assert_eq!(balance(&pair, 1), [3 * COUNT, 3 * COUNT, 0, 0, 0, 0]);
        let bytes = |way: &str| pair["directions"][0][way]["bytes"].as_i64().unwrap();
        assert_eq!((bytes("sent"), bytes("received")), (COUNT * (120 + 1400 + 9014), COUNT * (120 + 9014)));
        assert_eq!(pair["ends"][1]["mtu"], 9000);
    }
}

#[test]
fn another_number_of_queues() {
    unmoved_by(2, |wire| {
        for count in ["2", "1"] {
            for (at, ifname) in [(0, X), (1, Y)] {
                wire.lab.exec(at, &["ethtool", "-L", ifname, "rx", count, "tx", count]);
            }
        }
    });
}

#[test]
fn an_xdp_program_that_passes_everything() {
    for hook in [Hook::XdpGeneric, Hook::XdpNative] {
        unmoved_by(6, |wire| {
            for (at, ifname) in [(0, X), (1, Y)] {
                let program = bpf::load(hook, "passer", 2);
                let ifindex = wire.lab.ifindex(at, ifname);
                let link = wire.lab.namespace(at).run(|| bpf::attach(&program, ifindex, hook)).unwrap();
                send(wire, 60);
                drop(link);
                send(wire, 60);
            }
        });
    }
}

#[test]
fn a_root_qdisc_that_is_replaced_loses_what_it_held() {
    let reports = around(|wire| {
        let qdisc = |words: &str| {
            let words: Vec<&str> = words.split(' ').collect();
            wire.lab.exec(0, &[&["tc", "qdisc", "replace", "dev", X, "root"], &words[..]].concat());
        };
        // Two frames of 60 bytes pass at once, and then one in half a second.
        qdisc("tbf rate 1kbit burst 120 limit 1mb");
        wire.lab.send_frames(0, X, &frame(), COUNT.cast_unsigned());
        qdisc("pfifo limit 1000");
        wire.lab.exec(0, &["tc", "qdisc", "delete", "dev", X, "root"]);
    });
    for (wire, pair) in reports {
        let [sent, received, lost, in_flight, unexplained, unmatched] = balance(&pair, 0);
        assert_eq!((sent, sent - received, in_flight, unexplained, unmatched), (3 * COUNT, lost, 0, 0, 0));
        // The device that received them is the witness.
        let device = wire.lab.device_counters(1, Y).rx_packets.cast_signed();
        assert!(received == device && lost > 0, "{received} {device} {lost}");
        assert_eq!(balance(&pair, 1), [2 * COUNT, 2 * COUNT, 0, 0, 0, 0]);
    }
}
