//! Where it cannot be, it says why and what to do, and nothing has changed.

use crate::support::{
    bpf::{self, Hook as Foreign},
    command::{Outcome, Run},
    netns::run,
    wire::{METHODS, Wire, X, Y},
};

fn stats(wire: &Wire, args: &[&str]) -> Outcome {
    let selector = wire.selector();
    Run::here(&[&["stats", &selector, "--duration", "10ms", "--hook", "xdp"], args].concat()).outcome()
}

/// What is on both ends.
fn programs(wire: &Wire) -> String {
    let shown = [(0, X), (1, Y)]
        .map(|(at, ifname)| wire.lab.ip_json(at, &["link", "show", ifname])[0]["xdp"].to_string());
    shown.join("\n") + &crate::attach::inventory(wire)
}

#[test]
fn where_a_program_of_others_is() {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    let load = |hook| bpf::load(hook, "theirs", 2);
    for (hook, program) in [Foreign::XdpNative, Foreign::XdpGeneric].map(|hook| (hook, load(hook))) {
        let link = wire.lab.namespace(1).run(|| bpf::attach(&program, ifindex, hook)).unwrap();
        let id = wire.lab.ip_json(1, &["link", "show", Y])[0]["xdp"]["prog"]["id"].to_string();
        let before = programs(&wire);
        for mode in ["native", "generic"] {
            for method in METHODS {
                let args = ["--xdp-mode", mode, "--attach", &method.to_string()];
                assert_eq!(
                    stats(&wire, &args).fails(1),
                    format!(
                        "vy has XDP program {id} (theirs), and a device takes one; use --hook tc, or stop what put it there"
                    )
                );
                assert_eq!(programs(&wire), before);
            }
        }
        drop(link);
    }
}

#[test]
fn where_a_program_is_that_no_link_holds() {
    let wire = Wire::new();
    let _program = bpf::load(Foreign::XdpNative, "by_netlink", 2);
    for kind in ["xdpdrv", "xdpgeneric"] {
        wire.lab.exec(1, &["bpftool", "net", "attach", kind, "name", "by_netlink", "dev", Y]);
        let before = programs(&wire);
        for mode in ["native", "generic"] {
            let sentence = stats(&wire, &["--xdp-mode", mode]).fails(1);
            assert!(sentence.starts_with("vy has XDP program "), "{sentence}");
            assert!(sentence.contains(" (by_netlink), and a device takes one"), "{sentence}");
            assert_eq!(programs(&wire), before);
        }
        wire.lab.exec(1, &["bpftool", "net", "detach", kind, "dev", Y]);
    }
}

#[test]
fn where_another_observer_is() {
    let wire = Wire::new();
    let selector = wire.selector();
    let other = Run::here(&["stats", &selector, "--hook", "xdp"]).observing_among_log_lines();
    let sentence = stats(&wire, &[]).fails(1);
    assert!(sentence.starts_with("vx has XDP program ") && sentence.contains("(vo_a_xdp)"), "{sentence}");
    assert_eq!(other.interrupt().code, Some(0));
}

#[test]
fn where_the_queues_are_too_few() {
    let wire = Wire::new();
    // Two ways to send at X, one to receive at Y.
    wire.lab.ip(0, &["link", "delete", X]);
    let peer = ["peer", "name", Y, "netns", wire.lab.name(1), "numrxqueues", "1", "numtxqueues", "1"];
    let add =
        ["-n", wire.lab.name(0), "link", "add", X, "numtxqueues", "2", "numrxqueues", "2", "type", "veth"];
    run("ip", &[&add[..], &peer].concat());
    let set = wire.lab.exec(0, &["ethtool", "-l", X]);
    assert!(set.contains("TX:\t\t2"), "{set}");
    let before = programs(&wire);
    assert_eq!(
        stats(&wire, &[]).fails(1),
        "vy has 1 receive queue for the 2 transmit queues of vx, and its driver takes an XDP program only where there are \
         as many; ethtool -L vx tx 1, or use --xdp-mode generic"
    );
    assert_eq!(programs(&wire), before);
    assert_eq!(stats(&wire, &["--xdp-mode", "generic"]).code, Some(0));
    // What it said to do does it.
    wire.lab.exec(0, &["ethtool", "-L", X, "tx", "1"]);
    assert_eq!(stats(&wire, &[]).code, Some(0));
    assert_eq!(programs(&wire), before);
}

#[test]
fn flags_that_do_not_go_together() {
    let wire = Wire::new();
    let selector = wire.selector();
    let sentence = Run::here(&["stats", &selector, "--xdp-mode", "generic"]).outcome().fails(2);
    assert_eq!(sentence, "--xdp-mode says nothing without --hook xdp");
    for flag in ["--active", "--stages"] {
        let outcome =
            Run::here(&["latency", &selector, "--hook", "xdp", flag, "--duration", "10ms"]).outcome();
        let fix = "fix: --xdp-mode generic, or --hook tc";
        assert!(outcome.stderr.ends_with(&format!("{fix}\n")), "{outcome:?}");
        assert_eq!(outcome.fails(2), "probes and stages are seen at tc ingress, behind XDP in the driver");
    }
}

#[test]
fn the_cost_is_said_before_it_is_paid() {
    let wire = Wire::new();
    for (mode, words) in [("native", "native XDP on vx and vy: "), ("generic", "generic XDP on vx and vy: ")]
    {
        let outcome = stats(&wire, &["--xdp-mode", mode, "--attach", "tcx"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let mut lines = outcome.stderr.lines();
        assert!(lines.next().unwrap().starts_with(words), "{outcome:?}");
        assert!(lines.next().unwrap().starts_with("observing vx"), "{outcome:?}");
    }
}
