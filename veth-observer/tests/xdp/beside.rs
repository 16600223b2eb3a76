//! An observer at XDP beside one at tc ingress, on the same pair: each gets right numbers.

use veth_observer::{
    attach::Method,
    observe::{Hook, Observation, Sampling, Settings},
};

use super::{GENERIC, NATIVE, assert_balanced, send_numbered, settings, to_y};
use crate::support::wire::{METHODS, Wire};

const COUNT: u64 = 500;

/// The two as they are started, at XDP first or last.
fn start(wire: &Wire, hook: Hook, attach: Method, xdp_first: bool) -> [Observation; 2] {
    let sampling = Some(Sampling { rate: 1, snaplen: 64, ring_bytes: 1 << 22, ..Sampling::default() });
    let at_xdp = || wire.observe(Settings { sampling: sampling.clone(), attach, ..settings(wire, hook) });
    let at_tc = || wire.observe(Settings { sampling: sampling.clone(), attach, ..settings(wire, Hook::Tc) });
    if xdp_first {
        let first = at_xdp();
        [first, at_tc()]
    } else {
        let first = at_tc();
        [at_xdp(), first]
    }
}

#[test]
fn both_count_and_sample_every_frame() {
    let wire = Wire::new();
    for (hook, xdp_first) in [(NATIVE, true), (NATIVE, false), (GENERIC, true), (GENERIC, false)] {
        for method in METHODS {
            let [mut at_xdp, mut at_tc] = start(&wire, hook, method, xdp_first);
            for round in 0..10 {
                send_numbered(&wire, round * COUNT / 10..(round + 1) * COUNT / 10);
                // A stamp that does not survive is noticed by looking.
                wire.tend(&mut at_tc);
                wire.tend(&mut at_xdp);
            }
            let samples =
                [&mut at_xdp, &mut at_tc].map(|observation| observation.samples(usize::MAX).unwrap());
            for observation in [at_xdp, at_tc] {
                let [out, back] = wire.finish(observation).pairs.remove(0).directions;
                assert_eq!((out.sent.frames, out.received.frames), (COUNT, COUNT), "{hook:?} {out:#?}");
                assert_balanced(&out);
                assert_eq!((back.sent.frames, back.received.frames), (0, 0));
            }
            let [at_xdp, at_tc] = samples;
            assert_eq!((at_xdp.len() as u64, at_tc.len() as u64), (COUNT, COUNT));
            for (at_xdp, at_tc) in at_xdp.iter().zip(&at_tc) {
                assert_eq!(at_xdp.bytes, at_tc.bytes);
            }
        }
    }
}

#[test]
fn a_stream_past_both() {
    const BYTES: usize = 8 << 20;
    let wire = Wire::new();
    for (hook, xdp_first) in [(NATIVE, true), (NATIVE, false), (GENERIC, true), (GENERIC, false)] {
        let observations = start(&wire, hook, Method::Auto, xdp_first);
        assert_eq!(wire.lab.send_stream([0, 1], to_y(), BYTES), BYTES);
        let [xdp, tc] = observations.map(|mut observation| {
            for _ in 0..5 {
                wire.tend(&mut observation);
            }
            wire.finish(observation).pairs.remove(0).directions
        });
        for direction in 0..2 {
            assert_eq!(xdp[direction].sent, tc[direction].sent);
            assert_eq!(xdp[direction].received.frames, tc[direction].received.frames);
            assert_balanced(&xdp[direction]);
            assert_balanced(&tc[direction]);
        }
    }
}
