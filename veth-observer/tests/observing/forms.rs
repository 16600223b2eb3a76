//! The forms that `watch` prints frames in, and what stands beside them.

use veth_observer::{
    frame::craft::{Content, FrameSpec, craft},
    model::mac::Mac,
    wire::PacketSocket,
};

use super::{frame, json_lines};
use crate::support::{
    command::{Outcome, PROGRAM, Run},
    wire::{Wire, X, X_MAC, Y, Y_MAC},
};

/// Of nobody here, so that nobody answers (RFC 5737).
const ADDRESSES: &str = "192.0.2.1,192.0.2.2";

#[track_caller]
fn assert_steers_nothing(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = [outcome.stdout.as_str(), &outcome.stderr].concat();
    assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{outcome:?}");
}

#[test]
fn names_and_payload_never_reach_the_terminal_raw() {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(0, X);
    let name = "v\u{1b}[2J\u{9b}1m";
    wire.lab.ip(0, &["link", "set", X, "down"]);
    wire.lab.ip(0, &["link", "set", X, "name", name]);
    wire.lab.ip(0, &["link", "set", name, "up"]);
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let payload = b"\x1b[31m\x07\x9b2J".repeat(6);
    let content = Content::Raw(0x88b5);
    let frame = craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload, size: None }, 0).unwrap();
    let selector = format!("netns:{}/{Y}", wire.lab.name(1));
    // `ip` writes such names into its JSON as they are.
    let socket = wire.lab.namespace(0).run(|| PacketSocket::open(ifindex)).unwrap().unwrap();
    for form in
        [&["-x"][..], &["-e", "-x"], &["--fields", "from,end,frame_hex"], &["-j", "-x"], &["-j", "-p"]]
    {
        let watch = Run::here(&[&["watch", &selector, "-c", "1"], form].concat()).observing();
        socket.send(&frame).unwrap();
        let outcome = watch.outcome();
        assert_steers_nothing(&outcome);
        let written = if form[0] == "-j" { "v\\u001b[2J\\u009b1m" } else { "v\\u{1b}[2J\\u{9b}1m" };
        assert!(outcome.stdout.contains(written), "{form:?} {outcome:?}");
    }
    // What is said before and beside the frames names the ends too.
    let by_name = format!("netns:{}/{name}", wire.lab.name(0));
    let outcome = Run::here(&["watch", &by_name, "--duration", "1ms"]).outcome();
    assert_steers_nothing(&outcome);
    assert!(outcome.stderr.starts_with("observing v\\u{1b}[2J\\u{9b}1m ("), "{outcome:?}");
    let outcome = Run::here(&["watch", &format!("{by_name}\u{1b}")]).outcome();
    assert!(outcome.code == Some(4) && !outcome.stderr.contains('\u{1b}'), "{outcome:?}");
}

#[test]
fn bytes_stand_below_their_line_as_tcpdump_shows_them() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "-c", "2", "-x", "--snaplen", "40"]).observing();
    let short = Run::here(&["watch", &wire.selector(), "-c", "1", "-j", "-x", "--snaplen", "20"]).observing();
    wire.lab.send_frames(0, X, &frame(), 2);
    let outcome = watch.outcome();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 8, "two frames, three rows each: {outcome:?}");
    assert!(!lines[0].starts_with('\t') && !lines[4].starts_with('\t'));
    assert_eq!(lines[1], "\t0000  02 00 00 00 00 0b 02 00  00 00 00 0a 88 b5 01 01  ................");
    let short = &json_lines(&short.outcome())[0];
    assert_eq!(short["frame_hex"], "02000000000b02000000000a88b5010101010101");
    assert_eq!((&short["cut"], &short["len"]), (&true.into(), &60.into()));
}

#[test]
fn mac_addresses_are_shown_where_they_are_asked_for_or_all_there_is() {
    let wire = Wire::new();
    for (flags, ip, raw) in [
        (
            &[][..],
            "  vx>vy  192.0.2.1.1 > 192.0.2.2.2  udp  ",
            "  vx>vy  02:00:00:00:00:0a > 02:00:00:00:00:0b  0x88b5 (",
        ),
        (
            &["-e"],
            "  vx>vy  02:00:00:00:00:0a > 02:00:00:00:00:0b  0x0800 (IPv4)  192.0.2.1.1 > ",
            "  vx>vy  02:00:00:00:00:0a > ",
        ),
    ] {
        let watch = Run::here(&[&["watch", &wire.selector(), "-c", "2"], flags].concat()).observing();
        Run::here(&["send", &wire.selector(), "--ip4", ADDRESSES, "--udp", "1,2"]).outcome().ok();
        wire.lab.send_frames(0, X, &frame(), 1);
        let outcome = watch.outcome();
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert!(lines[0].contains(ip) && lines[1].contains(raw), "{outcome:?}");
    }
}

#[test]
fn frames_are_decoded_as_far_as_they_were_kept() {
    let wire = Wire::new();
    for (snaplen, words) in [
        ("14", "  02:00:00:00:00:0a > 02:00:00:00:00:0b  0x0800 (IPv4)  "),
        ("20", "  02:00:00:00:00:0a > 02:00:00:00:00:0b  0x0800 (IPv4)  "),
        ("34", "  192.0.2.1 > 192.0.2.2  tcp  "),
        ("38", "  192.0.2.1.1111 > 192.0.2.2.2222  tcp  "),
        ("54", "  192.0.2.1.1111 > 192.0.2.2.2222  tcp [S]  "),
    ] {
        let watch = Run::here(&["watch", &wire.selector(), "-c", "1", "--snaplen", snaplen]).observing();
        let send = ["send", &wire.selector(), "--ip4", ADDRESSES, "--tcp", "1111,2222", "--payload", "123"];
        Run::here(&send).outcome().ok();
        let outcome = watch.outcome();
        assert!(outcome.stdout.contains(&format!("vx>vy{words}")), "{snaplen} {outcome:?}");
        assert!(!outcome.stdout.contains("malformed"), "{outcome:?}");
    }
}

#[test]
fn a_command_is_watched_while_it_runs_and_its_exit_code_is_ours() {
    let wire = Wire::new();
    let selector = wire.selector();
    let watch =
        |arguments: &[&str]| Run::here(&[&["watch", &selector], arguments].concat()).observing().outcome();
    let outcome = watch(&["--", PROGRAM, "send", &selector, "-c", "200"]);
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(0), 200), "{outcome:?}");
    assert!(outcome.stderr.starts_with("sent 200 frames"), "its output is beside the frames: {outcome:?}");
    assert!(outcome.stderr.contains("200 printed, 0 skipped"), "{outcome:?}");

    let outcome = watch(&["-j", "--", "sh", "-c", "exit 3"]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.ends_with("sh exited with 3\n"), "{outcome:?}");
    let summary: serde_json::Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(summary["summary"]["command"]["exit_code"], 3);
    assert_eq!(watch(&["--", "sh", "-c", "kill -9 $$"]).code, Some(128 + 9));

    // Enough frames end the printing, not the command.
    let script = format!("{PROGRAM} send {selector} -c 5 && {PROGRAM} send {selector} -c 5 && exit 4");
    let outcome = watch(&["-c", "1", "--", "sh", "-c", &script]);
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(4), 1), "{outcome:?}");
    let started = std::time::Instant::now();
    let outcome = watch(&["--duration", "200ms", "--", "sleep", "60"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn a_filter_takes_what_it_matches_and_counts_the_rest() {
    let wire = Wire::new();
    let selector = wire.selector();
    let watch = Run::here(&["watch", &selector, "-j", "ether", "proto", "0x88b5"]).observing();
    wire.lab.send_frames(0, X, &frame(), 30);
    Run::here(&["send", &selector, "--ip4", ADDRESSES, "--udp", "1,2", "-c", "12"]).outcome().ok();
    let mut lines = json_lines(&watch.interrupt());
    let summary = lines.pop().unwrap()["summary"].clone();
    assert!(lines.iter().all(|line| line["ethertype"] == "0x88b5"));
    assert_eq!((lines.len(), &summary["sampled"], &summary["filtered"]), (30, &30.into(), &12.into()));
    let text = Run::here(&["watch", &selector, "--duration", "1ms", "udp port 1"]).observing().outcome();
    assert!(text.stderr.contains(", 0 not matching the filter, "), "{text:?}");
    let sentence = Run::here(&["watch", &selector, "no", "such", "words"]).outcome().fails(2);
    assert!(sentence.contains("no such words"), "{sentence}");
}
