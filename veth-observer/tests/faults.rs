//! What others do to a pair under observation, and what is done to the observer.

mod clocks;
mod devices;
mod hangup;
mod kills;
mod overflow;

use serde_json::Value;

use crate::support::command::Outcome;

/// A frame of the local experiment (EtherType 0x88b5), 60 bytes.
fn frame() -> Vec<u8> {
    let mut frame = [0xff; 12].to_vec();
    frame.extend([0x88, 0xb5]);
    frame.resize(60, 0);
    frame
}

/// The last JSON line of a run that ended well, as the only pair in it.
#[track_caller]
fn last_pair(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let line = outcome.stdout.lines().last().expect("a report");
    serde_json::from_str::<Value>(line).unwrap()["pairs"][0].clone()
}

/// Frames sent, received, lost, in flight, unexplained and unmatched in a direction.
#[track_caller]
fn balance(pair: &Value, direction: usize) -> [i64; 6] {
    let direction = &pair["directions"][direction];
    let number = |value: &Value| value.as_i64().expect("a number");
    let dropped = direction["dropped"].as_array().unwrap().iter().map(|place| number(&place["frames"]));
    [
        number(&direction["sent"]["frames"]),
        number(&direction["received"]["frames"]),
        // Whether a loss was seen or not is another test's matter.
        number(&direction["lost"]) + dropped.sum::<i64>(),
        number(&direction["in_flight"]),
        number(&direction["unexplained"]),
        number(&direction["unmatched"]),
    ]
}
