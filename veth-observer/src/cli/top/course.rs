//! From one moment to the next: rates, and what came since the beginning.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    client::Moment,
    delivery::window::between,
    model::{
        link::Pair,
        report::{DirectionReport, PairReport},
    },
    topology::Selector,
    view::{
        top::{Rate, Row},
        units::per_second,
    },
};

/// Refreshes that are remembered.
const REMEMBERED: usize = 60;

pub(super) struct Course {
    selection: Vec<Selector>,
    /// Which agent counts, and when it was last asked.
    agent: Option<(u64, u64)>,
    begun_ns: u64,
    pairs: BTreeMap<u64, Known>,
}

struct Known {
    /// What had been counted at the beginning; none where the pair came later, so that all is ours.
    first: Option<PairReport>,
    last: PairReport,
    rates: [Vec<u64>; 2],
}

impl Course {
    pub(super) fn new(selection: &[Selector]) -> Self {
        Self { selection: selection.to_vec(), agent: None, begun_ns: 0, pairs: BTreeMap::new() }
    }

    /// Both directions of each pair; none for the first moment, and for one that is not new.
    pub(super) fn take(&mut self, moment: Moment) -> Option<Vec<Row>> {
        let (started_ns, taken_ns) = (moment.agent.started_ns, moment.agent.taken_ns);
        let before = self.agent.replace((started_ns, taken_ns));
        if before.is_some_and(|before| before == (started_ns, taken_ns)) {
            return None;
        }
        if before.is_none_or(|(started, _)| started != started_ns) {
            // Other observations, whose ids may be those of the ones before.
            self.pairs.clear();
        }
        if before.is_none() {
            self.begun_ns = taken_ns;
        }
        let is_first = before.is_none();
        let mut rows = Vec::new();
        let mut pairs = BTreeMap::new();
        for (id, now) in moment.pairs.into_iter().filter(|(_, pair)| takes(&self.selection, pair)) {
            let known = self.pairs.remove(&id);
            if known.is_none() && now.ended.is_some() {
                // It had ended before it could be seen here.
                continue;
            }
            let mut known = known.unwrap_or_else(|| Known {
                first: is_first.then(|| now.clone()),
                last: now.clone(),
                rates: Default::default(),
            });
            let window =
                Arc::new(known.first.as_ref().map_or_else(|| now.clone(), |first| between(first, &now)));
            if !is_first {
                rows.extend([0, 1].map(|way| known.row(id, way, &window, &now)));
            }
            known.last = now;
            pairs.insert(id, known);
        }
        self.pairs = pairs;
        (!is_first).then_some(rows)
    }

    /// What is known now is the beginning.
    pub(super) fn set_back(&mut self) {
        self.begun_ns = self.agent.map_or(0, |(_, taken_ns)| taken_ns);
        for known in self.pairs.values_mut() {
            known.first = Some(known.last.clone());
        }
    }

    pub(super) fn elapsed_ns(&self) -> u64 {
        self.agent.map_or(0, |(_, taken_ns)| taken_ns.saturating_sub(self.begun_ns))
    }
}

impl Known {
    fn row(&mut self, id: u64, way: usize, window: &Arc<PairReport>, now: &PairReport) -> Row {
        let (before, after) = (&self.last.directions[way], &now.directions[way]);
        let span = now.elapsed_ns.saturating_sub(self.last.elapsed_ns);
        let rate = |of: fn(&DirectionReport) -> u64| match span {
            0 => 0,
            _ => per_second(of(after).saturating_sub(of(before)), span),
        };
        let rate = Rate {
            frames_per_second: rate(|it| it.carried().frames),
            bits_per_second: rate(|it| it.carried().bytes).saturating_mul(8),
        };
        let course = &mut self.rates[way];
        course.push(rate.frames_per_second);
        if course.len() > REMEMBERED {
            course.remove(0);
        }
        let (pair, course) = (Arc::clone(window), course.clone());
        Row { id, way, pair, rate, course, is_losing: after.missing() > before.missing() }
    }
}

fn takes(selection: &[Selector], report: &PairReport) -> bool {
    let pair = Pair { ends: report.ends.clone() };
    selection.is_empty() || selection.iter().any(|selector| selector.matches(&pair, &report.pair))
}
