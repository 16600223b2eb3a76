//! How a capture ends: as asked, with a command, on a full disk, and when its reader goes.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{File, count, number, numbered};
use crate::support::{
    command::Run,
    wire::{Wire, X},
};

fn send(wire: &Wire, frames: u32) {
    wire.lab.send_in_turn(0, X, (0..frames).map(|number| numbered(number, 1000)));
}

/// The number in `it holds N packets and can be read`, and the sentence before it.
#[track_caller]
fn held(outcome: &crate::support::command::Outcome) -> (u64, String) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    let sentence = outcome.stderr.trim_end().strip_prefix("veth-observer: cannot write on to ");
    let (why, rest) = sentence.and_then(|sentence| sentence.split_once("; it holds ")).expect("a sentence");
    let number = rest.strip_suffix(" packets and can be read").expect("a number");
    (number.parse().unwrap(), why.to_owned())
}

#[test]
fn a_full_disk_leaves_what_fits() {
    let wire = Wire::new();
    let (copy, folder) = (File::new("copy.pcapng"), File::new("disk"));
    std::fs::create_dir(&folder.0).unwrap();
    let script = "mount -t tmpfs -o size=128k none \"$2\" && { \"$0\" capture \"$1\" -w \"$2/web\"; code=$?; } \
        && cp \"$2/web\" \"$3\" && exit $code";
    let capture = Run::mounting(script, &[&wire.selector(), folder.path(), copy.path()]).observing();
    send(&wire, 1000);
    let outcome = capture.outcome();
    std::fs::remove_dir(&folder.0).unwrap();
    let (packets, why) = held(&outcome);
    assert!(why.ends_with("/web: No space left on device (os error 28)"), "{why}");
    assert_eq!(count(&copy.0), packets);
    assert!((60..=128).contains(&packets), "{packets}");
}

#[test]
fn a_limit_of_file_size_does_too() {
    let wire = Wire::new();
    let file = File::new("limit.pcapng");
    // In blocks of 512 bytes.
    let script = "ulimit -f 200; exec \"$0\" capture \"$1\" -w \"$2\"";
    let capture = Run::shell(script, &[&wire.selector(), file.path()]).observing();
    send(&wire, 1000);
    let (packets, why) = held(&capture.outcome());
    assert!(why.ends_with("File too large (os error 27)"), "{why}");
    assert_eq!(count(&file.0), packets);
    assert!((50..=100).contains(&packets), "{packets}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let wire = Wire::new();
    let mut reader = Command::new("tshark");
    reader.args(["-n", "-r", "-", "-c", "10"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let (capture, mut reader) = Run::here(&["capture", &wire.selector(), "-w", "-"]).into_stdin_of(reader);
    send(&wire, 2000);
    let outcome = capture.outcome();
    assert!(outcome.code == Some(0) && !outcome.stderr.contains("veth-observer:"), "{outcome:?}");
    let mut lines = String::new();
    std::io::Read::read_to_string(&mut reader.0.stdout.take().unwrap(), &mut lines).unwrap();
    assert_eq!(lines.lines().count(), 10, "{lines}");
}

#[test]
fn a_reader_that_goes_while_nothing_passes_ends_it_too() {
    let wire = Wire::new();
    let (capture, _reader) = Run::here(&["capture", &wire.selector()]).into_stdin_of(Command::new("true"));
    let outcome = capture.outcome();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
}

#[test]
fn a_count_ends_it_and_an_old_file_is_written_over() {
    let wire = Wire::new();
    let file = File::new("count.pcapng");
    std::fs::write(&file.0, vec![0x5a; 1 << 20]).unwrap();
    let capture = Run::here(&["capture", &wire.selector(), "-w", file.path(), "-c", "7", "-j"]).observing();
    send(&wire, 100);
    let summary = capture.outcome().json();
    assert_eq!((&summary["summary"]["packets"], count(&file.0)), (&7.into(), 7));
    assert_eq!(summary["summary"]["files"][0], file.path());
}

#[test]
fn traffic_that_goes_on_before_and_after_is_cut_at_both_ends_alike() {
    let wire = Wire::new();
    let (file, over) = (File::new("on.pcapng"), AtomicBool::new(false));
    let selector = wire.selector();
    std::thread::scope(|scope| {
        let paced = |number| {
            std::thread::sleep(Duration::from_micros(50));
            numbered(number, 100)
        };
        // Ten seconds at most, should the capture not end.
        let frames = (0..100_000).take_while(|_| !over.load(Ordering::Relaxed)).map(paced);
        scope.spawn(|| wire.lab.send_in_turn(0, X, frames));
        let capture = ["capture", &selector, "-w", file.path(), "--duration", "500ms"];
        let outcome = Run::here(&capture).outcome();
        over.store(true, Ordering::Relaxed);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    });
    let [sent, received] = ["vx", "vy"].map(|end| {
        let packets = file.packets(&format!("frame.interface_name == \"{end}\""));
        packets.iter().map(|packet| number(&packet.bytes)).collect::<Vec<_>>()
    });
    assert!(sent.len() > 500, "{}", sent.len());
    assert_eq!(sent, received);
    assert!(sent.is_sorted_by(|a, b| a + 1 == *b), "{sent:?}");
}

#[test]
fn a_command_is_captured_to_its_end_and_its_exit_code_is_ours() {
    let wire = Wire::new();
    let (file, selector) = (File::new("command.pcapng"), wire.selector());
    let run = |script: &str| {
        let capture = ["capture", &selector, "-w", file.path(), "--", "sh", "-c"];
        Run::here(&[&capture[..], &[script, crate::support::command::PROGRAM, &selector]].concat()).outcome()
    };
    let outcome = run("\"$0\" send \"$1\" -c 5");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("sent"), "{outcome:?}");
    assert_eq!(file.packets("frame.interface_name == \"vy\"").len(), 5);
    let outcome = run("exit 9");
    assert_eq!(outcome.code, Some(9), "{outcome:?}");
    assert_eq!(count(&file.0), 0);
}

#[test]
fn what_cannot_be_written_to_is_refused_before_anything_is_attached() {
    let wire = Wire::new();
    let (selector, folder) = (wire.selector(), File::new("refused"));
    let refuse =
        |args: &[&str], code| Run::here(&[&["capture", &selector], args].concat()).outcome().fails(code);
    std::fs::create_dir(&folder.0).unwrap();
    let sentence = refuse(&["-w", folder.path()], 1);
    std::fs::remove_dir(&folder.0).unwrap();
    assert!(sentence.contains("Is a directory"), "{sentence}");
    assert_eq!(refuse(&["--rotate", "1MiB"], 2), "--rotate needs files to write to");
    let nobody = Run::here(&["capture", "netns:nowhere/vx", "-w", folder.path()]).outcome();
    assert_eq!((nobody.code, folder.0.exists()), (Some(4), false));
    // A terminal of its own.
    let line = format!("{} capture {selector}", crate::support::command::PROGRAM);
    let terminal = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
    let said = String::from_utf8(terminal.stdout).unwrap();
    assert_eq!(terminal.status.code(), Some(2), "{said}");
    assert!(said.contains("standard output is a terminal"), "{said}");
}
