//! What the conventions count for each interface, from what is known of each direction: an end sends one and receives the
//! other.

use super::{
    names,
    points::{Number, Points, attribute, interface},
};
use crate::{
    model::{
        drop::Stage,
        report::{DirectionReport, Dropped},
    },
    view::metrics::{Scrape, series::pairs},
};

/// Bytes that each end sent and received.
pub(super) fn bytes(scrape: &Scrape, points: &Points<'_>) -> Vec<Number> {
    both_ways(scrape, points, |direction| {
        [direction.departed(), direction.arrived()].map(|traffic| Some(traffic?.bytes))
    })
}

/// Frames that died at each end, on their way out and on their way in.
pub(super) fn drops(scrape: &Scrape, points: &Points<'_>) -> Vec<Number> {
    both_ways(scrape, points, |direction| {
        let Some(whole) = direction.whole() else { return [None; 2] };
        let mut dropped = [0, 0];
        for Dropped { stage, frames, .. } in &whole.dropped {
            dropped[usize::from(is_on_the_way_in(*stage))] += frames;
        }
        dropped.map(Some)
    })
}

/// What has no name counts at the end that sent it, as what the pair itself drops does in the kernel.
fn is_on_the_way_in(stage: Stage) -> bool {
    match stage {
        Stage::EgressProgram | Stage::Qdisc | Stage::Veth | Stage::Other => false,
        Stage::Ring | Stage::Backlog | Stage::Xdp | Stage::IngressProgram => true,
    }
}

/// `counts` says what the sending and what the receiving end has of a direction, as far as it is known.
fn both_ways(
    scrape: &Scrape,
    points: &Points<'_>,
    counts: fn(&DirectionReport) -> [Option<u64>; 2],
) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (served, pair) in pairs(scrape) {
        for (way, direction) in pair.report.directions.iter().enumerate() {
            let [sent, received] = counts(direction);
            for (end, word, count) in [(way, "transmit", sent), (1 - way, "receive", received)] {
                let Some(count) = count else { continue };
                let mut attributes = vec![
                    attribute("pair", &served.label),
                    attribute("end", names::ENDS[end]),
                    attribute(names::IO_DIRECTION, word),
                ];
                attributes.extend(interface(&pair.report.ends[end]));
                numbers.push(points.number(attributes, count.into(), points.start(Some(served))));
            }
        }
    }
    numbers
}
