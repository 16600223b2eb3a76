//! `stats`, `watch`, `send --verify` and `demo` as a user runs them.

mod demo;
mod extcap;
mod fates;
mod forms;
mod input;
mod refusals;
mod replay;
mod stats;
mod watch;

use serde_json::Value;
use veth_observer::{
    frame::craft::{Content, FrameSpec, craft},
    model::mac::Mac,
};

use crate::support::{
    command::Outcome,
    wire::{X_MAC, Y_MAC},
};

fn frame() -> Vec<u8> {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let content = Content::Raw(0x88b5);
    craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload: vec![1; 46], size: None }, 0).unwrap()
}

fn json_lines(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
