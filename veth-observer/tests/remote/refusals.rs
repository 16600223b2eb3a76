//! Why an agent is not asked, or has no answer, and what mends it.

use std::{
    io::{Read, Write},
    os::unix::net::UnixListener,
    thread,
};

use super::{GROUP, Host};
use crate::support::{
    command::{Outcome, Run},
    wire::X,
};

/// The sentence of a run that failed so, and what it says mends it.
#[track_caller]
fn refused(outcome: Outcome, code: i32) -> (String, String) {
    let fix =
        outcome.stderr.lines().find_map(|line| line.strip_prefix("fix: ")).unwrap_or_default().to_owned();
    (outcome.fails(code), fix)
}

#[test]
fn who_may_not_ask_is_told_how_to_be_allowed_to() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    let stranger = Run::in_group(GROUP + 1, &["stats", &host.wire.selector(), &host.flag()]);
    let (said, fix) = refused(stranger.outcome(), 3);
    assert!(said.starts_with("this user may not ask the agent at /"), "{said}");
    assert!(fix.starts_with("sudo usermod -aG veth-observer $USER"), "{fix}");
}

#[test]
fn where_nobody_listens_it_is_said_who_should() {
    let host = Host::new();
    for command in ["stats", "latency"] {
        let (said, fix) = refused(host.member(command, &[]).outcome(), 1);
        assert!(said.starts_with("there is no agent at /"), "{said}");
        assert!(fix.starts_with("sudo systemctl start veth-observer, or --direct"), "{fix}");
    }
    // As a killed agent leaves it.
    drop(UnixListener::bind(host.socket()).unwrap());
    let by_root = Run::here(&["stats", &host.wire.selector(), &host.flag()]);
    assert!(refused(by_root.outcome(), 1).0.starts_with("there is no agent at /"));
}

#[test]
fn a_pair_that_the_agent_has_not_is_not_there() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    let ask = |selector: &str| Run::in_group(GROUP, &["stats", selector, &host.flag()]).outcome();
    let (said, fix) = refused(ask(&format!("netns:{}/vz", host.wire.lab.name(0))), 4);
    assert!(said.contains("/vz (asked the agent at /"), "{said}");
    assert!(fix.contains(&format!("netns:{}/{X}", host.wire.lab.name(0))), "{fix}");
    let (_, fix) = refused(ask("container:nothing"), 4);
    assert_eq!(fix, "veth-observer list");
    let (said, fix) = refused(ask("ifindex:4294967295"), 4);
    assert!(said.starts_with("there is no veth end") && fix.starts_with("name one of pair:"), "{said} {fix}");
    refused(ask("what:ever"), 2);
}

#[test]
fn what_takes_programs_of_our_own_is_refused() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    for (command, flags, about) in [
        ("stats", &["--hook", "xdp"][..], "--hook takes"),
        ("stats", &["--attach", "tcx"], "--attach takes"),
        ("stats", &["--interval", "50ms"], "--interval below 200ms takes"),
        ("latency", &["--active"], "--active takes"),
        ("latency", &["--stages"], "--stages takes"),
        ("latency", &["--max-delay", "max=1s"], "--max-delay of min or max takes"),
        ("stats", &["--loss-timeout", "5s"], "the agent counts a frame as lost after 2s, and not after 5s"),
    ] {
        let (said, fix) = refused(host.member(command, flags).outcome(), 2);
        assert!(said.starts_with(about) && fix.starts_with("--direct"), "{said}: {fix}");
    }
    host.member("stats", &["--loss-timeout", "2s", "--duration", "100ms"]).observing().outcome().json();
    let both = host.member("stats", &["--direct"]).outcome();
    assert_eq!(both.code, Some(2), "{both:?}");
    let variable = Run::here(&["stats", &host.wire.selector()]).variable("VETH_OBSERVER_AGENT", "ftp://x");
    assert!(refused(variable.outcome(), 2).0.starts_with("VETH_OBSERVER_AGENT=ftp://x: give the path"));
}

#[test]
fn who_speaks_another_schema_is_not_understood() {
    let host = Host::new();
    let listener = UnixListener::bind(host.socket()).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"schema\":2,\"pears\":[]}")
            .unwrap();
    });
    let by_root = Run::here(&["stats", &host.wire.selector(), &host.flag()]);
    let (said, fix) = refused(by_root.outcome(), 1);
    assert!(said.starts_with("schema 2 and not 1 is what the agent speaks at /"), "{said}");
    assert!(fix.contains("--direct"), "{fix}");
    server.join().unwrap();
}
