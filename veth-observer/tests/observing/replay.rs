//! `send --replay`, against tcpdump and the devices' counters.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::support::{
    bpf::{self, Hook},
    captures::{self, Tcpdump, TestFile, big_endian_pcap, interface, packet, section, simple_packet},
    command::{Outcome, Run},
    netns::run,
    wire::{Wire, X, Y},
};

/// A frame that no other is equal to.
fn numbered(number: usize, len: usize) -> Vec<u8> {
    let mut frame = super::frame();
    frame.resize(len.max(18), 0xa5);
    frame[14..18].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
    frame
}

fn bytes(file: &Path) -> Vec<Vec<u8>> {
    captures::records(file).into_iter().map(|(_, frame)| frame).collect()
}

fn send(wire: &Wire, file: &TestFile, flags: &[&str]) -> Run {
    Run::here(&[&["send", &wire.selector(), "--replay", file.name()], flags].concat())
}

fn seconds(number: u64, micros: u64) -> Duration {
    Duration::from_secs(1_700_000_000 + number) + Duration::from_micros(micros)
}

#[test]
fn what_tcpdump_captured_is_sent_again_byte_for_byte() {
    let wire = Wire::new();
    let frames: Vec<Vec<u8>> = (0..500).map(|number| numbered(number, 18 + number * 2)).collect();
    let tcpdump = Tcpdump::start(&wire.lab, 1, Y, "made", frames.len());
    wire.lab.send_in_turn(0, X, frames.clone());
    let made = tcpdump.file();
    assert_eq!(bytes(made.path()), frames);

    let again = Tcpdump::start(&wire.lab, 1, Y, "again", frames.len());
    let before = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
    let said = send(&wire, &made, &["--speed", "max", "-j"]).outcome().json();
    let after = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
    let all: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
    assert_eq!((&said["sent"], &said["bytes"]), (&500.into(), &all.into()), "{said:#}");
    assert_eq!(said["contents"]["frames"], 500);
    let sent = (after[0].tx_packets - before[0].tx_packets, after[0].tx_bytes - before[0].tx_bytes);
    assert_eq!(sent, (500, all));
    assert_eq!(after[1].rx_packets - before[1].rx_packets, 500);
    assert_eq!(bytes(again.file().path()), frames);
}

#[test]
fn several_interfaces_in_the_other_byte_order_and_what_cannot_be_sent() {
    let wire = Wire::new();
    let frames: Vec<Vec<u8>> = (0..5).map(|number| numbered(number, 60)).collect();
    let (second, nano) = (1_700_000_000, 1_000_000_000);
    let tagged = [&frames[4][..12], &[0x81, 0, 0, 5, 0x88, 0xb5], &[7; 1500]].concat();
    let file = [
        section(),
        interface(1, 9),
        interface(113, 6),
        interface(1, 6),
        packet(0, second * nano, &frames[0], 60),
        packet(1, second * 1_000_000 + 1, &frames[1], 60),
        packet(2, second * 1_000_000 + 50_000, &frames[1], 60),
        packet(0, second * nano + 60_000_000, &frames[2][..40], 60),
        packet(0, second * nano + 60_000_000, &frames[2][..13], 13),
        packet(0, second * nano + 60_000_000, &numbered(9, 1515), 1515),
        packet(0, second * nano + 100_000_000, &tagged, 1518),
        simple_packet(&frames[2]),
        // Of an interface that is behind the others.
        packet(2, second * 1_000_000 + 20_000, &frames[3], 60),
    ];
    let file = TestFile::new(&wire.lab, "several.pcapng", &file.concat());
    let theirs = run("capinfos", &["-TrcM", file.name()]);
    assert!(theirs.trim().ends_with("\t9"), "capinfos reads the file too: {theirs}");

    let planned = send(&wire, &file, &["--dry-run", "-j"]).outcome().json();
    assert_eq!((&planned["frames"], &planned["bytes"]), (&5.into(), &(4 * 60 + 1518).into()), "{planned:#}");
    assert_eq!((&planned["duration_ns"], &planned["contents"]["records"]), (&100_000_000.into(), &9.into()));
    let skipped = serde_json::json!({ "not_ethernet": 1, "cut": 1, "short": 1, "long": 1 });
    assert_eq!(planned["contents"]["skipped"], skipped);

    let tcpdump = Tcpdump::start(&wire.lab, 1, Y, "arrived", 5);
    let said = send(&wire, &file, &[]).outcome().ok();
    assert!(said.starts_with("sent 5 frames, 1758 B of "), "{said}");
    let skipped = "skipped 4 of 9 records: 1 no Ethernet, 1 cut when they were captured, 1 shorter than an Ethernet header, 1 \
         longer than vx takes\n";
    assert!(said.ends_with(skipped), "{said}");
    let arrived = captures::records(tcpdump.file().path());
    let order = [&frames[0], &frames[1], &tagged, &frames[2], &frames[3]];
    assert_eq!(arrived.iter().map(|(_, frame)| frame).collect::<Vec<_>>(), order);
    assert!(arrived[2].0.abs_diff(arrived[0].0) >= Duration::from_millis(99), "{arrived:?}");
}

#[test]
fn frames_leave_when_they_are_due() {
    let wire = Wire::new();
    let frames: Vec<Vec<u8>> = (0..21).map(|number| numbered(number, 60)).collect();
    let at = |number: usize| seconds(0, 20_000 * number as u64);
    let records: Vec<_> = frames.iter().enumerate().map(|(n, frame)| (at(n), &frame[..], 60)).collect();
    let file = TestFile::new(&wire.lab, "paced.pcap", &big_endian_pcap(1, &records));
    // Between frames that follow each other, in milliseconds.
    for (flags, gap) in
        [(&[][..], 20.0), (&["--speed", "2"], 10.0), (&["--pps", "250"], 4.0), (&["--speed", "max"], 0.0)]
    {
        let tcpdump = Tcpdump::start(&wire.lab, 1, Y, "paced", frames.len());
        let said = send(&wire, &file, &[flags, &["-j"]].concat()).outcome().json();
        let arrived = captures::records(tcpdump.file().path());
        let since_first = |at: usize| arrived[at].0.abs_diff(arrived[0].0).as_secs_f64() * 1e3;
        // One that is late, on a busy machine, puts off none that follows; the first may be late itself.
        let mut late: Vec<f64> = (1..frames.len())
            .map(|number| since_first(number) - gap * f64::from(u32::try_from(number).unwrap()))
            .collect();
        late.sort_by(f64::total_cmp);
        assert!(late[late.len() / 4].abs() < 3.0, "{flags:?}: {late:?}");
        let elapsed = said["elapsed_ns"].as_f64().unwrap() / 1e6;
        assert!(elapsed >= gap * 20.0 && elapsed < gap * 20.0 + 300.0, "{flags:?}: {said}");
    }
}

#[test]
fn a_count_and_rounds_bound_what_is_sent() {
    let wire = Wire::new();
    let frames: Vec<Vec<u8>> = (0..4).map(|number| numbered(number, 60)).collect();
    let records: Vec<_> = frames.iter().map(|frame| (seconds(0, 0), &frame[..], 60)).collect();
    let file = TestFile::new(&wire.lab, "bounded.pcap", &big_endian_pcap(1, &records));
    for (flags, count) in
        [(&["-c", "3"][..], 3), (&["--loop", "3"], 12), (&["--loop", "3", "-c", "6"], 6), (&["-c", "9"], 4)]
    {
        let tcpdump = Tcpdump::start(&wire.lab, 1, Y, "bounded", count);
        let said = send(&wire, &file, &[flags, &["-j"]].concat()).outcome().json();
        assert_eq!(said["sent"], count, "{flags:?}");
        let expected: Vec<Vec<u8>> = frames.iter().cycle().take(count).cloned().collect();
        assert_eq!(bytes(tcpdump.file().path()), expected, "{flags:?}");
        let planned = send(&wire, &file, &[flags, &["-j", "--dry-run"]].concat()).outcome().json();
        assert_eq!(planned["frames"], count, "{flags:?}");
    }
}

/// A file of so many frames, half a millisecond apart.
fn many(wire: &Wire, count: usize) -> TestFile {
    let frames: Vec<Vec<u8>> = (0..count).map(|number| numbered(number, 100)).collect();
    let at = |number: usize| seconds(0, 500 * number as u64);
    let records: Vec<_> = frames.iter().enumerate().map(|(n, frame)| (at(n), &frame[..], 100)).collect();
    TestFile::new(&wire.lab, "many.pcap", &big_endian_pcap(1, &records))
}

#[test]
fn verify_counts_and_times_the_replay() {
    let wire = Wire::new();
    let file = many(&wire, 1000);
    let before = wire.lab.device_counters(1, Y);
    let said = send(&wire, &file, &["--verify", "--speed", "max", "-j"]).outcome().json();
    assert_eq!(wire.lab.device_counters(1, Y).rx_packets - before.rx_packets, 1000);
    let verified = &said["verified"];
    assert_eq!(
        (&said["sent"], &verified["arrived"], &verified["missing"]),
        (&1000.into(), &1000.into(), &0.into())
    );
    assert_eq!((&verified["told"], &verified["others"]), (&"by_count".into(), &0.into()));
    assert_eq!(verified["delay"]["count"], 1000);
    assert!(verified["delay"]["p99_ns"].as_u64() > Some(0), "{said:#}");
    let said = send(&wire, &file, &["--verify"]).outcome().ok();
    assert!(said.contains("\n1000 arrived on vy, 0 did not\n") && said.contains("ONE-WAY DELAY"), "{said}");
}

#[test]
fn verify_fails_when_a_frame_is_missing_and_says_where_it_died() {
    let wire = Wire::new();
    let drop_all = bpf::load(Hook::Xdp, "eater", 1);
    let link =
        wire.lab.namespace(1).run(|| bpf::attach(&drop_all, wire.lab.ifindex(1, Y), Hook::Xdp)).unwrap();
    let file = many(&wire, 100);
    let outcome = send(&wire, &file, &["--verify", "--timeout", "100ms", "-j"]).outcome();
    drop(link);
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert_eq!(outcome.stderr, "veth-observer: 100 of 100 frames did not arrive on vy\n");
    let said: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let verified = &said["verified"];
    assert_eq!(
        (&verified["arrived"], &verified["missing"], &verified["told"]),
        (&0.into(), &100.into(), &"by_count".into())
    );
    assert_eq!(
        (&verified["dropped"][0]["stage"], &verified["dropped"][0]["frames"]),
        (&"xdp".into(), &100.into())
    );
}

/// What `--verify` says of a replay while others send on the same end.
fn among_others(wire: &Wire, file: &TestFile, flags: &[&str]) -> Outcome {
    let (others, lab) = (AtomicBool::new(true), &wire.lab);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while others.load(Ordering::Relaxed) {
                lab.send_frames(0, X, &numbered(5_000_000, 200), 20);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let outcome = send(wire, file, &[flags, &["--verify", "-j"]].concat()).outcome();
        others.store(false, Ordering::Relaxed);
        outcome
    })
}

#[test]
fn verify_does_not_take_the_traffic_of_others_for_the_replay() {
    let wire = Wire::new();
    let said = among_others(&wire, &many(&wire, 1000), &[]).json();
    let verified = &said["verified"];
    assert_eq!(
        (&verified["told"], &verified["arrived"], &verified["missing"]),
        (&"by_bytes".into(), &1000.into(), &0.into())
    );
    assert!(verified["others"].as_u64() > Some(100), "{said:#}");
    assert_eq!(verified["delay"]["count"], 1000, "{said:#}");
}

#[test]
fn verify_misses_a_frame_among_those_of_others() {
    let wire = Wire::new();
    let len = |number: usize| if number % 40 == 7 { 1400 } else { 100 };
    let frames: Vec<Vec<u8>> = (0..400).map(|number| numbered(number, len(number))).collect();
    let at = |number: usize| seconds(0, 500 * number as u64);
    let records: Vec<_> = frames.iter().enumerate().map(|(n, frame)| (at(n), &frame[..], len(n))).collect();
    let file = TestFile::new(&wire.lab, "some.pcap", &big_endian_pcap(1, &records));
    // The long ones are too long for the other end.
    wire.lab.ip(1, &["link", "set", Y, "mtu", "1000"]);
    let outcome = among_others(&wire, &file, &["--timeout", "200ms"]);
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert_eq!(outcome.stderr, "veth-observer: 10 of 400 frames did not arrive on vy\n");
    let said: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let verified = &said["verified"];
    assert_eq!(
        (&verified["told"], &verified["arrived"], &verified["missing"]),
        (&"by_bytes".into(), &390.into(), &10.into())
    );
    assert_eq!(verified["dropped"][0]["frames"], 10, "{said:#}");
}

#[test]
fn a_file_that_cannot_be_replayed_sends_nothing() {
    let wire = Wire::new();
    let frame = numbered(1, 60);
    let whole = big_endian_pcap(1, &[(seconds(0, 0), &frame, 60), (seconds(0, 1), &frame, 60)]);
    let ng = [section(), interface(1, 9), packet(0, 0, &frame, 60), packet(7, 0, &frame, 60)].concat();
    let cases: [(&str, &[u8], &str); 9] = [
        ("cut", &whole[..whole.len() - 7], "is cut or damaged at record 2"),
        ("head", &whole[..30], "is cut or damaged at record 1"),
        ("cutng", &ng[..ng.len() - 90], "is cut or damaged at record 2"),
        ("stranger", &ng, "is damaged at record 2: "),
        ("empty", &[], "is neither a pcap nor a pcapng file"),
        ("text", b"not a capture at all, but long enough to be one", "is neither a pcap nor a pcapng file"),
        (
            "sll",
            &big_endian_pcap(113, &[(seconds(0, 0), &frame, 60)]),
            "holds frames of link type LINUX_SLL, and only",
        ),
        ("none", &whole[..24], "has no frame that can be sent on vx: it has none"),
        (
            "short",
            &big_endian_pcap(1, &[(seconds(0, 0), &frame[..9], 9)]),
            "skipped 1 of 1 records: 1 shorter than",
        ),
    ];
    let before = wire.lab.device_counters(0, X);
    for (name, content, expected) in cases {
        let file = TestFile::new(&wire.lab, name, content);
        for flags in [&[][..], &["--verify"]] {
            let said = send(&wire, &file, flags).outcome().fails(1);
            assert!(said.contains(expected), "{name}: {said}");
        }
    }
    let said = Run::here(&["send", &wire.selector(), "--replay", "/nowhere"]).outcome().fails(1);
    assert!(said.starts_with("cannot read /nowhere: "), "{said}");
    let said = Run::here(&["send", &wire.selector(), "--replay", "/tmp"]).outcome().fails(1);
    assert!(said.contains("is not a file"), "{said}");
    assert_eq!(wire.lab.device_counters(0, X), before);
}
