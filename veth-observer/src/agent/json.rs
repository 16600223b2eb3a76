//! What the web server says as JSON beside what the commands say.

use serde::Serialize;

use crate::{
    model::{
        SCHEMA, drop,
        link::End,
        quantile::Bin,
        report::{DirectionReport, PairReport},
        snapshot::{AgentState, PairState, Snapshot},
    },
    view::dropped,
};

/// A report whose pairs can be told apart, also where an old and a new one have the same name.
#[derive(Debug, Serialize)]
pub(super) struct Whole<'a> {
    schema: u32,
    pairs: Vec<Known<'a>>,
}

#[derive(Debug, Serialize)]
struct Known<'a> {
    id: u64,
    #[serde(flatten)]
    report: &'a PairReport,
}

impl<'a> Whole<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let pairs = snapshot.pairs().map(|(report, state)| Known { id: state.id, report }).collect();
        Self { schema: SCHEMA, pairs }
    }
}

/// The buckets behind the percentiles of one pair: too much to send for all of them every second.
#[derive(Debug, Serialize)]
pub(super) struct Histograms<'a> {
    schema: u32,
    id: u64,
    directions: Vec<Bins<'a>>,
}

#[derive(Debug, Serialize)]
struct Bins<'a> {
    from: &'a str,
    to: &'a str,
    delay: Vec<Bin>,
    variation: Vec<Bin>,
}

impl<'a> Histograms<'a> {
    /// Without directions when the pair has gone meanwhile.
    pub(super) fn of(snapshot: &'a Snapshot, id: u64) -> Self {
        let bins = |direction: &'a DirectionReport| Bins {
            from: &direction.from,
            to: &direction.to,
            delay: direction.delay.bins(1),
            variation: direction.variation.bins(1),
        };
        let pair = snapshot.pairs().find(|(_, state)| state.id == id);
        let directions = pair.iter().flat_map(|(report, _)| report.directions.iter().map(bins)).collect();
        Self { schema: SCHEMA, id, directions }
    }
}

/// The last frames of one pair that were seen to die.
#[derive(Debug, Serialize)]
pub(super) struct LastDrops<'a> {
    schema: u32,
    id: u64,
    directions: Vec<Drops<'a>>,
}

/// Of one direction; everything in frames.
#[derive(Debug, Serialize)]
struct Drops<'a> {
    from: &'a str,
    to: &'a str,
    /// `null` where only one end is observed.
    dropped: Option<u64>,
    /// Of these, those in the list.
    shown: u64,
    held_back: u64,
    lost: u64,
    /// The newest first.
    frames: Vec<dropped::Object<'a>>,
}

impl<'a> LastDrops<'a> {
    /// Without directions when the pair has gone meanwhile.
    pub(super) fn of(snapshot: &'a Snapshot, id: u64) -> Self {
        let directions = snapshot.last_drops(id).map(|(report, last)| report.directions.iter().zip(last));
        let drops = |(direction, last): (&'a DirectionReport, &'a drop::LastDrops)| Drops {
            from: &direction.from,
            to: &direction.to,
            dropped: direction.whole().map(DirectionReport::dropped_frames),
            shown: last.shown(),
            held_back: last.told.held_back,
            lost: last.told.lost,
            frames: last.frames.iter().rev().map(|frame| dropped::object(frame)).collect(),
        };
        Self { schema: SCHEMA, id, directions: directions.into_iter().flatten().map(drops).collect() }
    }
}

/// Which pairs there are and what the agent does with them.
#[derive(Debug, Serialize)]
pub(super) struct Listing<'a> {
    schema: u32,
    pairs: Vec<Row<'a>>,
    agent: &'a AgentState,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    pair: &'a str,
    ends: &'a [End; 2],
    ended: Option<&'a str>,
    #[serde(flatten)]
    state: &'a PairState,
}

impl<'a> Listing<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let pair = |(report, state): (&'a PairReport, &'a PairState)| Row {
            pair: &report.pair,
            ends: &report.ends,
            ended: report.ended.as_deref(),
            state,
        };
        Self { schema: SCHEMA, pairs: snapshot.pairs().map(pair).collect(), agent: &snapshot.agent }
    }
}
