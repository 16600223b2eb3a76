//! A command that is measured while it runs.

use std::{path::Path, time::Instant};

use super::{frame, json, latency};
use crate::support::{
    command::PROGRAM,
    netns::eventually,
    wire::{Wire, X},
};

#[test]
fn what_a_command_sends_is_measured_and_its_output_comes_first() {
    let wire = Wire::new();
    let selector = wire.selector();
    let command = ["--", PROGRAM, "send", &selector, "-c", "200"];
    let outcome = latency(&wire, &command).observing().outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.starts_with("sent 200 frames"), "{outcome:?}");
    assert!(outcome.stdout.contains("vx > vy: 200 sent, 200 received"), "{outcome:?}");
    assert!(outcome.stdout.contains("-c 200 exited with 0\n"), "{outcome:?}");

    let outcome = latency(&wire, &[&["-j"], &command[..]].concat()).observing().outcome();
    let report = json(&outcome, 0);
    assert_eq!(report["pairs"][0]["directions"][0]["received"]["frames"], 200);
    assert_eq!(report["latency"]["command"]["exit_code"], 0);
    assert_eq!(report["latency"]["command"]["argv"].as_array().unwrap().len(), 5);
    assert!(outcome.stderr.starts_with("sent 200 frames"), "{outcome:?}");
}

#[test]
fn a_command_that_fails_fails_us_unless_a_threshold_does_first() {
    let wire = Wire::new();
    let outcome = latency(&wire, &["-j", "--", "sh", "-c", "exit 3"]).observing().outcome();
    let report = json(&outcome, 1);
    assert_eq!(report["latency"]["command"]["exit_code"], 3);
    assert!(outcome.stderr.ends_with("sh exited with 3\n"), "{outcome:?}");
    let outcome = latency(&wire, &["-j", "--", "sh", "-c", "kill -9 $$"]).observing().outcome();
    assert_eq!(json(&outcome, 1)["latency"]["command"]["signal"], 9);
    let limited = ["--max-loss", "0%", "-j", "--", "sh", "-c", "exit 3"];
    let outcome = latency(&wire, &limited).observing().outcome();
    assert_eq!(json(&outcome, 5)["latency"]["verdict"], "fail");
    let outcome = latency(&wire, &["--", "/no/such/command"]).observing().outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot run /no/such/command: No such file"), "{outcome:?}");
}

#[test]
fn asked_to_stop_it_ends_the_command_and_still_reports() {
    let wire = Wire::new();
    let folder = std::env::temp_dir().join(format!("vot-latency-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let told = folder.join("pid");
    // The second hears nothing but SIGKILL.
    for (at, script) in ["", "trap '' TERM INT;"].into_iter().enumerate() {
        let _ = std::fs::remove_file(&told);
        let script = format!("{script} echo $$ > {0}.new; mv {0}.new {0}; exec sleep 60", told.display());
        let measured = latency(&wire, &["-j", "--", "sh", "-c", &script]).observing();
        eventually("it runs", || told.exists());
        let pid = std::fs::read_to_string(&told).unwrap().trim().to_owned();
        wire.lab.send_frames(0, X, &frame(0x88b5), 50);
        let started = Instant::now();
        let report = json(&measured.interrupt(), 0);
        assert!(started.elapsed().as_secs() < 30);
        assert_eq!(report["pairs"][0]["directions"][0]["received"]["frames"], 50);
        let command = &report["latency"]["command"];
        assert_eq!((&command["stopped"], &command["signal"]), (&true.into(), &[15, 9][at].into()));
        assert!(!Path::new("/proc").join(pid).exists(), "it is gone");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_duration_ends_the_command_too() {
    let wire = Wire::new();
    let started = Instant::now();
    let outcome = latency(&wire, &["--duration", "200ms", "--", "sleep", "60"]).observing().outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("sleep 60 was killed by signal 15 when it was told to stop"),
        "{outcome:?}"
    );
    assert!(started.elapsed().as_secs() < 20);
}
