//! The terminal goes away, or whoever read what it says: everything is given back.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{balance, frame, last_pair};
use crate::{
    attach::inventory,
    support::{
        command::{PROGRAM, Run},
        netns::{Background, eventually},
        wire::{Wire, X},
    },
};

fn hang_up(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::HUP).unwrap();
}

#[test]
fn a_hangup_asks_for_the_summary_and_leaves_nothing() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let stats = Run::here(&["stats", &wire.selector(), "-j", "--attach", "clsact"]).observing();
    assert_ne!(inventory(&wire), before);
    wire.lab.send_frames(0, X, &frame(), 30);
    hang_up(stats.pid());
    assert_eq!(balance(&last_pair(&stats.outcome()), 0), [30, 30, 0, 0, 0, 0]);
    assert_eq!(inventory(&wire), before);
}

#[test]
fn who_is_to_outlive_the_terminal_does() {
    let wire = Wire::new();
    let selector = wire.selector();
    let stats = Run::ignoring_hangups(&["stats", &selector, "-j"]).observing();
    hang_up(stats.pid());
    wire.lab.send_frames(0, X, &frame(), 30);
    assert_eq!(balance(&last_pair(&stats.interrupt()), 0), [30, 30, 0, 0, 0, 0]);
}

#[test]
fn a_terminal_that_is_gone_takes_nothing_with_it() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let command = format!("{PROGRAM} stats {} --attach clsact -vv", wire.selector());
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = Background::start(&mut terminal);
    let mut lines = BufReader::new(terminal.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("observing ")));
    assert_ne!(inventory(&wire), before);
    // With it goes the master of the pseudoterminal: what is written from now on fails.
    drop(terminal);
    eventually("everything is given back", || inventory(&wire) == before);
}

#[test]
fn a_log_that_nobody_reads_keeps_nothing_from_being_given_back() {
    let wire = Wire::new();
    let before = inventory(&wire);
    for signal in [Signal::HUP, Signal::TERM, Signal::INT] {
        let run = Run::here(&["stats", &wire.selector(), "--attach", "clsact", "-vv"]);
        let mut deaf = run.observing_among_log_lines().deaf();
        wire.lab.send_frames(0, X, &frame(), 30);
        kill_process(Pid::from_raw(deaf.pid().cast_signed()).unwrap(), signal).unwrap();
        assert_eq!(deaf.0.wait().unwrap().code(), Some(0));
        assert_eq!(inventory(&wire), before);
    }
}
