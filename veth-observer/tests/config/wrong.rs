//! A file that is wrong changes nothing.

use std::fs;

use super::{Agent, Folder, base, of};
use crate::{
    fleet::{FRAME, make, quiet},
    support::{command::Run, netns::eventually},
};

const SUCCESSFUL: &str = "veth_observer_config_last_reload_successful{config=\"agent\"}";
const SUCCESS: &str = "veth_observer_config_last_reload_success_timestamp_seconds{config=\"agent\"}";

#[test]
fn a_wrong_file_leaves_all_as_it_was_and_is_named_with_its_line() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let folder = Folder::new();
    let text = base(&folder, &[of(&lab, "p0")]);
    let agent = Agent::start(&folder, &text);
    agent.observing(1);
    let begun = agent.metric(SUCCESS);
    assert_eq!(agent.metric(SUCCESSFUL), "1");

    // A mistake, and beside it something that would change much.
    agent.reload(&format!("{}max_pair = 1\n", text.replace("p0", "p1")));
    let report = agent.report("the failure", |report| report.0["agent"]["reload"]["successful"] == false);
    let path = folder.path("agent.toml");
    agent.says(&format!("{path}:4:1: max_pair: there is no such key; did you mean max_pairs?"));
    assert!(report.pair("p0").is_some() && report.pair("p1").is_none());
    // What is served may be a moment old.
    eventually("the metric says so", || agent.metric(SUCCESSFUL) == "0");
    assert_eq!(agent.metric(SUCCESS), begun);
    lab.send_frames(0, "p0", &FRAME, 20);
    agent.report("its frames", |report| report.count("p0", "/received/frames") == Some(20));

    // Gone is wrong too.
    fs::remove_file(&path).unwrap();
    agent.agent.signal("-HUP");
    agent.says(&format!("cannot read {path}"));
    assert_eq!(agent.metric(SUCCESSFUL), "0");

    agent.reload(&text.replace("p0", "p1"));
    agent.report("the next one", |report| report.0["agent"]["reload"]["successful"] == true);
    agent.report("the other pair", |report| report.pair("p1").is_some() && report.pair("p0").is_none());
    let seconds = |text: &str| text.parse::<f64>().unwrap();
    eventually("the metric says so", || seconds(&agent.metric(SUCCESS)) > seconds(&begun));
    agent.end();
}

#[test]
fn an_agent_that_nobody_could_ask_does_not_begin() {
    let folder = Folder::new();
    folder.write("[web]\nlisten_address = []\n");
    let outcome = Run::here(&["agent", "--config", &folder.path("agent.toml")]).outcome();
    assert_eq!(outcome.fails(2), "web.listen_address names no address, so that nobody could ask");
}
