//! Every expression on every frame, in the kernel and in libpcap.

use veth_observer::{
    kernel::{Hook, Sampling},
    model::filter::Filter,
    pcap,
};
use veth_observer_common::sample::SampleHeader;

use super::{
    expressions::{EXPRESSIONS, many_hosts},
    frames::{Frame, frames},
};
use crate::support::{
    pcap::Reference,
    programs::{Bench, Context},
};

/// The programs with a filter, at tc and at XDP in the driver.
pub(super) struct Filtering {
    tc: Bench,
    xdp: Bench,
}

impl Filtering {
    pub(super) fn new(filter: Filter) -> Self {
        let sampling =
            Sampling { snaplen: 4096, filter: Some(std::sync::Arc::new(filter)), ..Sampling::default() };
        let at = |hook| Bench::at(hook, 0, Some(sampling.clone()));
        Self { tc: at(Hook::Tc), xdp: at(Hook::Xdp { generic: false }) }
    }

    /// Whether the filter matches: the same at all places, and the sample is there when it does.
    pub(super) fn matches(&mut self, frame: &Frame) -> bool {
        let mut verdicts = Vec::new();
        for frags in [false, true] {
            let before = self.xdp.received(0).filtered;
            self.xdp.run_xdp(1, frags, &frame.bytes);
            verdicts.push(self.xdp.received(0).filtered == before);
            assert_eq!(drain(&mut self.xdp), Vec::from_iter(verdicts[0].then(|| frame.bytes.clone())));
        }
        if tc_runs(&frame.bytes) {
            verdicts.push(self.at_egress(&frame.bytes));
            verdicts.push(self.at_ingress(&frame.bytes));
        }
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{}: {verdicts:?}", frame.name);
        verdicts[0]
    }

    /// Where the frame leaves; when it arrives with its stamp, it is a sample or not, and not looked at again.
    fn at_egress(&mut self, frame: &[u8]) -> bool {
        let before = (self.tc.sent(0), self.tc.received(0));
        let stamped = self.tc.run(0, false, frame, Context::default());
        let matched = self.tc.sent(0).filtered == before.0.filtered;
        self.tc.run(1, true, frame, Context { wire_len: 0, ..stamped });
        let after = self.tc.received(0);
        assert_eq!((after.frames, after.filtered), (before.1.frames + 1, before.1.filtered));
        assert_eq!(after.sampled - before.1.sampled, u64::from(matched));
        assert_eq!(after.skipped - before.1.skipped, u64::from(!matched));
        assert_eq!(drain(&mut self.tc), Vec::from_iter(matched.then(|| frame.to_vec())));
        matched
    }

    /// A frame that was never seen sent.
    fn at_ingress(&mut self, frame: &[u8]) -> bool {
        let before = self.tc.received(0);
        self.tc.run(1, true, frame, Context::default());
        let after = self.tc.received(0);
        let matched = after.filtered == before.filtered;
        assert_eq!((after.unmatched, after.skipped), (before.unmatched + 1, before.skipped));
        assert_eq!(drain(&mut self.tc), Vec::from_iter(matched.then(|| frame.to_vec())));
        matched
    }
}

/// For a test run at tc the kernel wants a byte behind the Ethernet header, and of IP a whole header.
fn tc_runs(frame: &[u8]) -> bool {
    let least = match frame[12..14] {
        [0x08, 0x00] => 34,
        [0x86, 0xdd] => 54,
        _ => 15,
    };
    frame.len() >= least
}

fn drain(bench: &mut Bench) -> Vec<Vec<u8>> {
    let ring = bench.loaded.samples.as_mut().unwrap();
    let mut frames = Vec::new();
    while let Some(record) = ring.next() {
        frames.push(SampleHeader::split(&record).unwrap().1.to_vec());
    }
    frames
}

#[test]
fn every_expression_matches_the_frames_that_libpcap_matches() {
    let frames = frames();
    assert!(EXPRESSIONS.len() >= 90 && frames.len() >= 40);
    let many = [many_hosts(60), format!("not ({})", many_hosts(20))];
    let (mut never, mut always, mut different) = (Vec::new(), Vec::new(), Vec::new());
    for expression in EXPRESSIONS.into_iter().chain(many.iter().map(String::as_str)) {
        let reference = Reference::compile(expression);
        let mut ours = Filtering::new(pcap::compile(expression).unwrap());
        let mut matched = 0;
        for frame in &frames {
            let expected = reference.matches(&frame.bytes);
            matched += usize::from(expected);
            if ours.matches(frame) != expected {
                different.push(format!("{expression}: {}: libpcap says {expected}", frame.name));
            }
        }
        if matched == 0 {
            never.push(expression);
        } else if matched == frames.len() {
            always.push(expression);
        }
    }
    assert_eq!(different, [""; 0]);
    // A row that is all the same proves little.
    println!("{} frames; never: {never:?}, always: {always:?}", frames.len());
    assert!(never.len() + always.len() <= 12, "never: {never:?}, always: {always:?}");
}
