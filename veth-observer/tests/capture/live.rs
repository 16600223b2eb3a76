//! A capture that is read while it is written.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{File, fields_of, numbered};
use crate::support::{
    command::Run,
    netns::{eventually, run},
    wire::{Wire, X, Y},
    witness::packets_of,
};

#[test]
fn tshark_shows_frames_as_they_come() {
    let wire = Wire::new();
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-l", "-r", "-", "-Y", "frame.interface_name == \"vy\"", "-T", "fields"]);
    tshark.args(["-e", "frame.comment"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let (capture, mut tshark) = Run::here(&["capture", &wire.selector(), "-w", "-"]).into_stdin_of(tshark);
    let mut lines = BufReader::new(tshark.0.stdout.take().unwrap());
    let mut slowest = Duration::ZERO;
    for number in 0..10 {
        let before = Instant::now();
        wire.lab.send_frames(0, X, &numbered(number, 100), 1);
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "tshark ended");
        assert!(line.contains("vx>vy, delivered after "), "{line}");
        // The first has to wait until tshark has started.
        if number > 0 {
            slowest = slowest.max(before.elapsed());
        }
    }
    eprintln!("the slowest was shown after {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let outcome = capture.interrupt();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn a_reader_that_sleeps_costs_packets_which_are_counted() {
    const FRAMES: u64 = 60_000;
    let wire = Wire::new();
    let file = File::new("slow.pcapng");
    let mut reader = Command::new("sh");
    reader.args(["-c", "read go <\"$0\"; cat >\"$1\""]);
    let gate = File::new("gate");
    run("mkfifo", &[gate.path()]);
    reader.args([gate.path(), file.path()]);
    let selector = wire.selector();
    let ring = ["capture", &selector, "--ring-size", "1MiB"];
    let (mut capture, mut reader) = Run::here(&ring).into_stdin_of(reader);
    wire.lab.send_frames(0, X, &numbered(1, 1000), FRAMES);
    assert!(capture.says().contains("some are lost to the capture"));
    // All of it left while nobody read.
    assert_eq!(wire.lab.device_counters(1, Y).rx_packets, FRAMES);
    std::fs::OpenOptions::new().write(true).open(&gate.0).unwrap().write_all(b"go\n").unwrap();
    let outcome = capture.interrupt();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(reader.0.wait().unwrap().success());

    let said = outcome.stderr.lines().last().unwrap();
    let numbers: Vec<u64> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let (packets, lost) = (numbers[0], *numbers.last().unwrap());
    assert!(lost > 0 && (packets + lost).is_multiple_of(FRAMES), "{said}");
    assert_eq!(super::count(&file.0), packets);
    let told: u64 = fields_of(file.path(), "frame.drop_count > 0", &["frame.drop_count"])
        .iter()
        .map(|number| number.parse::<u64>().unwrap())
        .sum();
    assert!((1..=lost).contains(&told), "{told} of {lost}");
}

/// Make a pair, send one crafted segment, see it at both ends: in tshark on one, and in our capture.
#[test]
fn one_crafted_segment_is_what_tshark_sees() {
    let wire = Wire::new();
    let (ours, theirs) = (File::new("ours.pcapng"), File::new("theirs.pcap"));
    let mut tshark = Command::new("ip");
    tshark.args(["netns", "exec", wire.lab.name(1), "tshark", "-i", Y, "-F", "pcap", "-w", theirs.path()]);
    let mut tshark = tshark.args(["-c", "1"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(tshark.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Capture started") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "tshark ended");
    }
    std::thread::spawn(move || said.read_to_string(&mut String::new()));
    let selector = wire.selector();
    let capture = Run::here(&["capture", &selector, "-w", ours.path()]).observing();
    let macs = ["--src-mac", "22:11:11:11:11:11", "--dst-mac", "22:22:22:22:22:22"];
    let segment = ["--ip4", "1.1.1.1,2.2.2.2", "--tcp", "1111,2222", "--payload", "123"];
    Run::here(&[&["send", &selector], &macs[..], &segment].concat()).outcome().ok();
    assert!(tshark.wait().unwrap().success());
    eventually("tshark has written it", || packets_of(&theirs.0).len() == 1);
    assert_eq!(capture.interrupt().code, Some(0));
    let (theirs, ours) = (packets_of(&theirs.0), ours.packets("frame.interface_name == \"vy\""));
    assert_eq!((ours.len(), &ours[0].bytes), (1, &theirs[0].bytes));
    assert_eq!(ours[0].bytes.len(), 57);
}
