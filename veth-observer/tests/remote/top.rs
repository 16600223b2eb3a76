//! `top`: its lines against what was sent, and its screen under keys and signals.

use serde_json::Value;

use super::{GROUP, Host, fates};
use crate::support::{
    command::{Lines, PROGRAM, Run},
    netns::{eventually, run},
    terminal::Terminal,
    wire::X,
};

/// The next line for which `is_it` holds, as the report of one pair.
#[track_caller]
fn line(lines: &Lines, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    read(&lines.wait_for(what, |text| is_it(&read(text))))
}

/// Which of the directions leaves the first end, where the one pair is there.
fn way(line: &Value) -> Option<usize> {
    let [pair] = line["pairs"].as_array()?.as_slice() else { return None };
    pair["directions"].as_array()?.iter().position(|direction| direction["from"] == X)
}

fn has_sent(line: &Value, frames: i64) -> bool {
    way(line).is_some_and(|way| fates(line, way) == [frames, frames, 0, 0, 0, 0])
}

#[test]
fn its_lines_have_what_was_sent_by_the_agent_and_directly() {
    let host = Host::new();
    let agent = host.agent(&[]);
    host.send(1000);
    let common = ["top", "-j", "--refresh", "200ms"];
    let by_agent = Run::in_group(GROUP, &[&common[..], &[&host.flag()]].concat()).lines();
    let directly =
        Run::here(&[&common[..], &["--direct", "--pairs", &host.wire.selector()]].concat()).lines();
    for (lines, source) in [(&by_agent, "agent"), (&directly, "direct")] {
        let first = line(lines, "the beginning", |line| has_sent(line, 0));
        assert_eq!(
            (&first["schema"], &first["source"], &first["gone"]),
            (&1.into(), &source.into(), &Value::Null)
        );
    }
    host.send(300);
    for lines in [&by_agent, &directly] {
        let all = line(lines, "all frames", |line| has_sent(line, 300));
        let out = way(&all).unwrap();
        let direction = &all["pairs"][0]["directions"][out];
        assert_eq!(
            (&direction["sent"]["bytes"], &direction["delay"]["count"]),
            (&30_000.into(), &300.into())
        );
        assert_eq!(all["pairs"][0]["rates"][1 - out]["frames_per_second"], 0);
    }
    agent.kill();
    let is_gone =
        |line: &Value| line["gone"].as_str().is_some_and(|why| why.starts_with("there is no agent at /"));
    line(&by_agent, "the end of the agent", is_gone);
    let _another = host.agent(&[]);
    host.send(7);
    line(&by_agent, "another agent", |line| line["gone"].is_null() && has_sent(line, 7));
}

#[test]
fn it_says_what_it_needs() {
    let host = Host::new();
    let top = |flags: &[&str]| Run::in_group(GROUP, &[&["top"][..], flags].concat()).outcome();
    let no_terminal = top(&[&host.flag()]);
    assert!(no_terminal.stderr.contains("\nfix: -o json\n"), "{no_terminal:?}");
    no_terminal.fails(2);
    let absent = top(&["-j", &host.flag()]);
    assert!(absent.stderr.contains("\nfix: sudo systemctl start veth-observer"), "{absent:?}");
    assert!(absent.fails(1).starts_with("there is no agent at /"));
    assert!(top(&["-j", "--direct"]).fails(3).starts_with("no privilege to observe all pairs"));
    assert_eq!(top(&["-j", "--filter", "pears>1"]).code, Some(2));
}

/// `top` of a member of the group, on a terminal.
fn screen(host: &Host, flags: &[&str]) -> Terminal {
    let flag = host.flag();
    Terminal::start(PROGRAM, &[&["top", &flag, "--refresh", "100ms"][..], flags].concat())
}

#[test]
fn keys_work_and_whatever_ends_it_gives_the_terminal_back() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    let mut top = screen(&host, &[]);
    top.shows("top  2 of 2 directions, sorted by rate");
    assert!(top.is_raw());
    host.send(50);
    top.press("s");
    top.shows("sorted by loss");
    top.press("/rate>1M\r");
    top.shows("top  0 of 2");
    top.press("/\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\r");
    top.shows("top  2 of 2");
    top.press("?");
    top.shows("Up, Down, j, k");
    top.press(" \r");
    top.shows("bytes received");
    top.press("\u{1b}");
    top.shows("FRAMES/S");
    top.press("f");
    top.shows("top  FROZEN");
    top.press("q");
    assert_eq!(top.ends().code(), Some(0));
    for how in ["\u{3}", "-INT", "-TERM", "-HUP"] {
        let mut top = screen(&host, &[]);
        top.shows("top  2 of 2");
        if let Some(signal) = how.strip_prefix('-') {
            run("kill", &["-s", signal, &top.pid().to_string()]);
        } else {
            top.press(how);
        }
        assert_eq!(top.ends().code(), Some(0), "{how:?}");
    }
    assert_eq!(screen(&host, &["-c", "2"]).ends().code(), Some(0));
}

#[test]
fn an_agent_that_goes_and_comes_back_is_seen_to() {
    let host = Host::new();
    let agent = host.agent(&[]);
    let mut top = screen(&host, &[]);
    top.shows("top  2 of 2");
    agent.kill();
    top.shows("NUMBERS ARE OLD: there is no agent at /");
    top.shows("FRAMES/S");
    let _another = host.agent(&[]);
    eventually("it observes", || host.pair().is_some());
    top.shows("top  2 of 2");
    top.press("q");
    assert_eq!(top.ends().code(), Some(0));
}
