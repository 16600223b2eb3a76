//! What the observer itself loses is counted, and never mixed with what the pair loses.

use veth_observer::{
    observe::{Sampling, Settings},
    view::{self, Style},
};

use super::frame;
use crate::support::wire::{Wire, X, assert_closed};

const COUNT: u64 = 10_000;

#[test]
fn a_ring_that_runs_over_is_collection_loss_to_the_frame_and_is_shown() {
    let wire = Wire::new();
    wire.over_both(|| {
        let sampling = Some(Sampling { rate: 1, snaplen: 64, ring_bytes: 4096, ..Sampling::default() });
        let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
        wire.lab.send_frames(0, X, &frame(), COUNT);
        let [_, sampled] = observation.sampled().unwrap();
        let taken = observation.samples(20_000).unwrap().len() as u64;
        assert!(taken > 0 && taken < COUNT, "{taken}");
        assert_eq!((sampled.taken, sampled.lost, sampled.skipped), (taken, COUNT - taken, 0));
        let report = wire.finish(observation);
        let out = &report.pairs[0].directions[0];
        assert_closed(out);
        assert_eq!((out.sent.frames, out.collection_loss), (COUNT, sampled.lost));
        assert_eq!(report.pairs[0].directions[1].collection_loss, 0);
        let text = view::report::summary(&report, Style::default());
        let line = format!("vx > vy: {} records lost by the observer (collection loss)", sampled.lost);
        assert!(text.contains(&line), "{text}");
    });
}

#[test]
fn a_ring_that_is_emptied_takes_samples_again() {
    let wire = Wire::new();
    let sampling = Some(Sampling { rate: 1, snaplen: 64, ring_bytes: 4096, ..Sampling::default() });
    let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
    let mut taken = 0;
    for _ in 0..100 {
        wire.lab.send_frames(0, X, &frame(), 20);
        taken += observation.samples(100).unwrap().len();
    }
    assert_eq!(taken, 2000);
    let report = wire.finish(observation);
    assert_eq!(report.pairs[0].directions.each_ref().map(|direction| direction.collection_loss), [0, 0]);
}
