//! `latency` as a user runs it: of the traffic that passes, of probes, by stage, and beside a command.

mod command;
mod passive;
mod probes;
mod stages;

use serde_json::Value;
use veth_observer::{
    frame::craft::{Content, FrameSpec, craft},
    model::mac::Mac,
};

use crate::support::{
    command::{Outcome, Run},
    wire::{Wire, X_MAC, Y_MAC},
};

fn frame(ethertype: u16) -> Vec<u8> {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let content = Content::Raw(ethertype);
    craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload: vec![1; 46], size: None }, 0).unwrap()
}

fn latency(wire: &Wire, arguments: &[&str]) -> Run {
    Run::here(&[&["latency", &wire.selector()], arguments].concat())
}

/// The one JSON object on standard output, whatever the exit code.
#[track_caller]
fn json(outcome: &Outcome, code: i32) -> Value {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((value["schema"].as_u64(), outcome.stdout.lines().count()), (Some(1), 1));
    value
}

fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}
