//! `watch --input-file`: what `watch -j` wrote is read back.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;

use super::{frame, json_lines};
use crate::support::{
    command::{PROGRAM, Run},
    wire::{Wire, X},
};

/// A file that is gone with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vot-watch-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What was seen of ten frames, four of them unmatched, and of three datagrams: the text, and the JSON with its bytes.
fn written(wire: &Wire) -> (String, String) {
    let text = Run::here(&["watch", &wire.selector(), "-c", "13"]).observing();
    let json = Run::here(&["watch", &wire.selector(), "-c", "13", "-j", "-x"]).observing();
    wire.lab.send_frames(0, X, &frame(), 6);
    wire.lab.offer_frames_past_the_queue(0, X, &frame(), 4);
    // Of nobody here, so that nobody answers (RFC 5737).
    let addresses = "192.0.2.1,192.0.2.2";
    Run::here(&["send", &wire.selector(), "--ip4", addresses, "--udp", "1,2", "-c", "3"]).outcome().ok();
    let (text, json) = (text.outcome(), json.outcome());
    assert_eq!((text.code, json.code), (Some(0), Some(0)), "{text:?} {json:?}");
    (text.stdout, json.stdout)
}

fn read(file: &str, flags: &[&str]) -> (String, String) {
    let outcome = Run::here(&[&["watch", "--input-file", file], flags].concat()).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    (outcome.stdout, outcome.stderr)
}

#[test]
fn lines_fields_and_json_are_those_that_watch_itself_prints() {
    let wire = Wire::new();
    let (text, json) = written(&wire);
    let file = Temporary::new("same", &json);
    let without_times = |text: &str| -> Vec<String> {
        // The two runs are two observers, whose clocks read a little apart, and one says that these are arrivals.
        let cut = |line: &str| line.replace("  received", "").split_once("  vx>vy  ").unwrap().1.to_owned();
        text.lines().map(|line| cut(line).split("  delay").next().unwrap().to_owned()).collect()
    };
    let (lines, said) = read(file.path(), &[]);
    assert_eq!(without_times(&lines), without_times(&text));
    assert!(said.starts_with("13 printed, 0 skipped by --sample, 0 lost"), "{said}");

    let (again, _) = read(file.path(), &["-j", "-x"]);
    let frames = |text: &str| text.lines().take(13).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(frames(&again), frames(&json), "byte for byte");
    let (without_bytes, _) = read(file.path(), &["-j"]);
    assert!(!without_bytes.contains("frame_hex"));
    let (dumped, _) = read(file.path(), &["-x"]);
    assert_eq!(dumped.lines().filter(|line| line.starts_with("\t0000  02 00 00 00 00 0b ")).count(), 13);

    let parsed: Vec<Value> = frames(&json).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (fields, _) = read(file.path(), &["--fields", "ts_ns,fate,transport.dst_port"]);
    for (line, frame) in fields.lines().zip(&parsed) {
        let port = frame["transport"]["dst_port"].as_u64().map_or_else(String::new, |port| port.to_string());
        assert_eq!(line, format!("{}\t{}\t{port}", frame["ts_ns"], frame["fate"].as_str().unwrap()));
    }
    assert_eq!(fields.lines().count(), 13);
}

#[test]
fn it_is_narrowed_as_frames_of_a_pair_are() {
    let wire = Wire::new();
    let (_, json) = written(&wire);
    let file = Temporary::new("narrow", &json);
    let (matched, said) = read(file.path(), &["--matched"]);
    assert_eq!(matched.lines().count(), 9);
    assert!(matched.lines().all(|line| line.contains("  delay ") && !line.contains("received")), "{matched}");
    assert!(said.starts_with("9 printed of 13 sampled, "), "{said}");
    assert_eq!(read(file.path(), &["-c", "5"]).0.lines().count(), 5);
    assert_eq!(read(file.path(), &["--lost"]).0, "");
    let dead = r#"{"schema":1,"ts_ns":5,"time":"","point":"sent","end":"vx","from":"vx","to":"vy","number":9,"fate":"dropped","delay_ns":null,"stage":"qdisc","reason":"QDISC_DROP","location":"__dev_queue_xmit","len":60,"frames":1,"ethertype":"0x88b5","cut":true,"malformed":false}"#;
    let file = Temporary::new("dead", &format!("{json}{dead}\n"));
    let (lost, _) = read(file.path(), &["--lost"]);
    assert_eq!(
        lost,
        "00:00:00.000000005Z  vx>vy  (too short)  60  dropped qdisc QDISC_DROP __dev_queue_xmit\n"
    );
}

#[test]
fn standard_input_is_read_and_no_privilege_is_needed() {
    let wire = Wire::new();
    let (_, json) = written(&wire);
    let file = Temporary::new("stdin", &json);
    let output: Output = Command::new(PROGRAM)
        .args(["watch", "--input-file", "-", "-j", "-x"])
        .stdin(File::open(file.path()).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let again = String::from_utf8(output.stdout).unwrap();
    assert_eq!(again.lines().take(13).collect::<Vec<_>>(), json.lines().take(13).collect::<Vec<_>>());
    let outcome = Run::nobody(wire.lab.name(0), &["watch", "--input-file", file.path(), "-j"]).outcome();
    let lines = json_lines(&outcome);
    assert_eq!((lines.len(), &lines[13]["summary"]["read"]), (14, &13.into()));
}

#[test]
fn what_is_not_ours_is_counted_and_another_schema_is_refused() {
    let good = r#"{"schema":1,"ts_ns":5,"point":"received","end":"b","from":"a","to":"b","number":null,"fate":"unmatched","delay_ns":null,"len":60,"frames":1,"cut":true,"malformed":false}"#;
    let rubbish = "\u{1b}[2J\n\n{}\n[1,2]\n{\"schema\":1,\"pairs\":[]}\n";
    let file = Temporary::new("rubbish", &format!("{rubbish}{good}\nnot the last\n{good}"));
    let (lines, said) = read(file.path(), &[]);
    assert_eq!(lines.lines().count(), 2);
    assert!(!said.contains('\u{1b}'), "{said}");
    assert_eq!(
        said,
        "6 lines were no frames of watch -j\n2 printed; what was left out when it was written is not told\n"
    );
    let summary = &json_lines(&Run::here(&["watch", "--input-file", file.path(), "-j"]).outcome())[2];
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["printed"], &summary["read"], &summary["foreign"]),
        (&2.into(), &2.into(), &6.into())
    );
    assert!(summary["lost"].is_null() && summary["sampled"].is_null());

    let later = good.replace("\"schema\":1", "\"schema\":2");
    let file = Temporary::new("later", &format!("{good}\n{later}\n"));
    let outcome = Run::here(&["watch", "--input-file", file.path()]).outcome();
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.contains("line 2 has \"schema\": 2 and this version reads 1"), "{outcome:?}");
    let sentence = Run::here(&["watch", "--input-file", "/no/such/file"]).outcome().fails(1);
    assert!(sentence.starts_with("cannot open /no/such/file: No such file"), "{sentence}");
}
