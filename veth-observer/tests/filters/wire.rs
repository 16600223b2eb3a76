//! On a real pair: tags that the kernel takes out of the bytes, frames too short for a test run, and what is counted.

use std::sync::Arc;

use veth_observer::{
    observe::{Sampling, Settings},
    pcap,
};

use super::frames::{Frame, frames};
use crate::support::{
    pcap::Reference,
    wire::{Wire, X},
};

/// Samples at the receiving end of frames that it never saw leave, or that it did.
fn sampled(wire: &Wire, expression: &str, frames: &[Frame], past_egress: bool) -> Vec<Vec<u8>> {
    let filter = Some(Arc::new(pcap::compile(expression).unwrap()));
    let sampling = Some(Sampling { snaplen: 4096, filter, ..Sampling::default() });
    let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
    let bytes: Vec<&[u8]> = frames.iter().map(|frame| &frame.bytes[..]).collect();
    wire.lab.send_each(0, X, &bytes, past_egress);
    let count = frames.len() as u64;
    let report = observation.report().unwrap();
    let direction = &report.pairs[0].directions[0];
    assert_eq!(
        (direction.received.frames, direction.unmatched),
        if past_egress { (0, count) } else { (count, 0) }
    );
    let samples = observation.samples(usize::MAX);
    let [_, at_receiver] = observation.sampled().unwrap();
    assert_eq!((at_receiver.taken, at_receiver.skipped, at_receiver.lost), (samples.len() as u64, 0, 0));
    assert_eq!(at_receiver.filtered, count - at_receiver.taken);
    wire.finish(observation);
    samples.into_iter().map(|sample| sample.bytes).collect()
}

#[test]
fn a_tag_beside_the_frame_stands_where_it_was_on_the_wire() {
    let wire = Wire::new();
    // The kernel takes no tag out of fewer bytes, and drops the frame (net/core/skbuff.c, skb_vlan_untag).
    let arrives =
        |Frame { bytes, .. }: &Frame| bytes.len() >= 20 || !matches!(bytes[12..14], [0x81, 0] | [0x88, 0xa8]);
    let frames: Vec<Frame> = frames().into_iter().filter(arrives).collect();
    for expression in [
        "vlan 5 and tcp port 443",
        "vlan 100 and vlan 5 and udp",
        "vlan and ip host 10.0.0.1",
        "not vlan and tcp",
        "ip",
        "len = 58",
        // Across the begin of the tag, within it, across its end.
        "ether[11:2] = 0x0a81",
        "ether[10:4] = 0x000a8100",
        "ether[12:4] = 0x81006005",
        "ether[13:2] = 0x0060",
        "ether[14:4] = 0x60050800",
        "ether[15:1] = 5",
        "ether[15:4] = 0x05080045",
        "ether[len - 1] = 0x5a",
        "ether[len - 2:4] = 0",
    ] {
        let reference = Reference::compile(expression);
        let matching = frames.iter().filter(|frame| reference.matches(&frame.bytes));
        let expected: Vec<Vec<u8>> = matching.map(|frame| frame.bytes.clone()).collect();
        for past_egress in [true, false] {
            let taken = sampled(&wire, expression, &frames, past_egress);
            assert_eq!(taken, expected, "{expression}, past egress: {past_egress}");
        }
    }
}
