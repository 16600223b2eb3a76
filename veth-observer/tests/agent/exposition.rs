//! The exposition, held against promtool.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use veth_observer::agent::http::Limits;

use super::{Agent, client::get, fake, flags};

#[test]
fn promtool_finds_nothing_to_say() {
    let agent = Agent::with(
        &veth_observer::agent::http::Flags { drop_locations: true, ..flags(&["127.0.0.1:0"]) },
        Limits::default(),
        |taken| {
            let mut snapshot = fake::many(taken, 3);
            snapshot.report.pairs[1].pair = "a\"b\\c\n{}\u{1b}".into();
            snapshot.agent.attach_errors.insert("permission".into(), 1);
            snapshot
        },
    );
    let text = get(agent.address(), "/metrics", &[]).body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
}
