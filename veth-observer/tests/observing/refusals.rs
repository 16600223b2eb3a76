//! What all of them answer when it cannot be, or nobody listens.

use std::process::Command;

use crate::support::{
    command::{PROGRAM, Run},
    wire::{Wire, X},
};

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let wire = Wire::new();
    let shell =
        format!("{PROGRAM} stats {} -i 20ms -j | head -n 2; echo ${{PIPESTATUS[0]}}", wire.selector());
    let output = Command::new("bash").args(["-c", &shell]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some("0"), "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "only the line that it observes: {stderr}");
}

#[test]
fn who_may_not_observe_is_told_how() {
    let wire = Wire::new();
    let within = wire.lab.name(0);
    for arguments in [&["stats", X][..], &["watch", X], &["send", X, "--verify"], &["demo"]] {
        let outcome = Run::nobody(within, arguments).outcome();
        assert_eq!(outcome.code, Some(3), "{arguments:?} {outcome:?}");
        assert!(outcome.stderr.contains("fix: run it with sudo, or once: sudo setcap cap_"), "{outcome:?}");
    }
}

#[test]
fn pairs_and_flags_that_cannot_be() {
    let wire = Wire::new();
    let selector = wire.selector();
    for (arguments, code) in [
        (&["stats", "nosuchpair"][..], 4),
        (&["watch", "lo"], 4),
        (&["stats", "netns:nosuchnetns/eth0"], 4),
        (&["stats", &selector, "--loss-timeout", "0s"], 2),
        (&["stats", &selector, "--loss-timeout", "2m"], 2),
        (&["stats", &selector, "--interval", "soon"], 2),
        (&["stats", &selector, "--interval", "1ns"], 2),
        (&["stats", &selector, "-c", "0"], 2),
        (&["watch", &selector, "--sample", "1/0"], 2),
        (&["watch", &selector, "--snaplen", "3"], 2),
        (&["watch", &selector, "--ring-size", "1KiB"], 2),
        (&["watch", &selector, "--ring-size", "64KiB", "--snaplen", "65535"], 2),
        (&["watch", &selector, "--matched", "--lost"], 2),
        (&["watch", &selector, "--side", "both", "--lost"], 2),
        (&["watch", &selector, "--fields", "colour"], 2),
        (&["watch", &selector, "--input-file", "-"], 2),
        (&["watch"], 2),
        (&["stats"], 2),
    ] {
        let outcome = Run::here(arguments).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""), "{arguments:?} {outcome:?}");
        assert!(!outcome.stderr.is_empty() && !outcome.stderr.contains("panicked"), "{outcome:?}");
    }
}

#[test]
fn how_to_attach_is_refused_where_nothing_is_attached() {
    let wire = Wire::new();
    for flags in
        [&["--hook", "xdp"][..], &["--hook", "xdp", "--xdp-mode", "generic"], &["--attach", "clsact"]]
    {
        let outcome = Run::here(&[&["send", &wire.selector()], flags].concat()).outcome();
        assert!(outcome.stderr.ends_with("fix: --verify, or leave them out\n"), "{outcome:?}");
        let said = outcome.fails(2);
        assert!(said.contains("say how --verify sees a frame arrive"), "{said}");
    }
    assert_eq!(wire.lab.device_counters(0, X).tx_packets, 0);
}
