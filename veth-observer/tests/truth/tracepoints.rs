//! Delays against the tracepoints that lie nearest to the two hooks, taken by somebody else's programs.

use veth_observer::observe::{Sampling, Settings};

use super::{delays, more, quantile};
use crate::support::{wire::Wire, witness::Trace};

/// Between our hooks and theirs lie the queueing discipline (none here), taps and the other's program.
const BOUND_NS: i64 = 2_000;

const COUNT: u64 = 2_000;

/// From `net_dev_start_xmit`, a little after our egress hook, to `netif_receive_skb`, a little before our ingress hook, of
/// frames of an EtherType that nobody else sends.
const SCRIPT: &str = "
tracepoint:net:net_dev_start_xmit /args->protocol == 0x88b7/ { @left[args->skbaddr] = nsecs; }
tracepoint:net:netif_receive_skb /@left[args->skbaddr]/ {
    @numbers[@count] = nsecs - @left[args->skbaddr];
    @count++;
    delete(@left[args->skbaddr]);
}";

#[test]
fn every_delay_holds_what_lies_between_the_tracepoints_and_little_more() {
    let wire = Wire::new();
    let trace = Trace::start(SCRIPT);
    let sampling = Some(Sampling { rate: 1, snaplen: 14, ring_bytes: 1 << 22, ..Sampling::default() });
    let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
    let ours = delays(&wire, &mut observation, 0x88b7, COUNT);
    drop(observation);
    let more = more(&ours, &trace.numbers());
    let (least, median) = (more[0], quantile(&more, 500));
    assert!(least >= 0, "{least} ns: a delay without what lies within");
    assert!(median < BOUND_NS, "{median} ns more than the tracepoints");
}
