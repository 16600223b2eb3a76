//! A report as tables.

use std::fmt::Write;

use super::{Style, table::aligned, units};
use crate::model::{
    driver::DriverCounts,
    report::{DirectionReport, Distribution, Matching, PairReport, Report},
};

/// Both directions of each pair, the ledger first and the delays below.
pub fn summary(report: &Report, style: Style) -> String {
    report.pairs.iter().map(|pair| pair_summary(pair, style)).collect()
}

fn pair_summary(pair: &PairReport, style: Style) -> String {
    let mut text = String::new();
    if let Some(why) = &pair.ended {
        let _ = writeln!(text, "ended early: {why}");
    }
    let [a, b] = &pair.ends;
    let elapsed = units::duration(pair.elapsed_ns, style);
    let _ = writeln!(text, "{} ({}) <-> {} ({}), {elapsed}\n", a.label(), a.home(), b.label(), b.home());
    let ledger = pair.directions.iter().map(ledger_row).collect();
    text += &aligned(&LEDGER, ledger, 1);
    if pair.directions.iter().any(|direction| !direction.dropped.is_empty()) {
        text.push('\n');
        text += &drop_table(pair);
    }
    for (what, times) in TIMES {
        let rows = pair.directions.iter().map(|direction| times_row(direction, times(direction), style));
        text.push('\n');
        text +=
            &aligned(&[what, "COUNT", "MIN", "MEAN", "P50", "P90", "P99", "P99.9", "MAX"], rows.collect(), 1);
    }
    for sentence in pair.directions.iter().flat_map(remarks).chain(pair.limits.iter().cloned()) {
        let _ = writeln!(text, "\n{sentence}");
    }
    for direction in pair.directions.iter().filter(|direction| direction.collection_loss != 0) {
        let (name, lost) = (name(direction), direction.collection_loss);
        let _ = writeln!(
            text,
            "\n{name}: {lost} records lost by the observer (collection loss), not by the pair"
        );
    }
    text
}

/// Where frames died, both ways.
pub(super) fn drop_table(pair: &PairReport) -> String {
    let drops = pair.directions.iter().flat_map(drop_rows).collect();
    aligned(&["DROPPED", "FRAMES", "STAGE", "REASON", "LOCATION"], drops, 1)
}

const LEDGER: [&str; 11] = [
    "DIRECTION",
    "SENT",
    "RECEIVED",
    "DROPPED",
    "IN FLIGHT",
    "LOST",
    "LOSS",
    "UNMATCHED",
    "REORDERED",
    "BYTES SENT",
    "RECEIVED",
];

type Times = fn(&DirectionReport) -> &Distribution;
const TIMES: [(&str, Times); 2] =
    [("ONE-WAY DELAY", |direction| &direction.delay), ("VARIATION", |direction| &direction.variation)];

pub(super) fn name(direction: &DirectionReport) -> String {
    format!("{} > {}", direction.from, direction.to)
}

fn ledger_row(direction: &DirectionReport) -> Vec<String> {
    let (sent, received, whole) = (direction.departed(), direction.arrived(), direction.whole());
    vec![
        name(direction),
        known(sent.map(|sent| sent.frames)),
        known(received.map(|received| received.frames)),
        known(whole.map(DirectionReport::dropped_frames)),
        known(whole.map(|whole| whole.in_flight)),
        known(whole.map(|whole| whole.lost)),
        known(direction.missing().map(|missing| units::share(missing, direction.sent.frames))),
        known(whole.map(|whole| whole.unmatched)),
        known(whole.map(|whole| whole.reordered)),
        known(sent.map(|sent| sent.bytes)),
        known(received.map(|received| received.bytes)),
    ]
}

/// What one end alone does not tell has no number.
pub(super) fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn drop_rows(direction: &DirectionReport) -> impl Iterator<Item = Vec<String>> {
    direction.dropped.iter().map(|place| {
        vec![
            name(direction),
            place.frames.to_string(),
            place.stage.to_string(),
            place.reason.clone().unwrap_or_else(|| "-".into()),
            place.location.clone(),
        ]
    })
}

fn times_row(direction: &DirectionReport, times: &Distribution, style: Style) -> Vec<String> {
    let mut row = vec![name(direction), known(direction.whole().map(|_| times.count))];
    let values =
        [times.min_ns, times.mean_ns, times.p50_ns, times.p90_ns, times.p99_ns, times.p999_ns, times.max_ns];
    row.extend(values.map(|ns| ns.map_or_else(|| "-".into(), |ns| units::duration(ns, style))));
    row
}

/// What is rarely there to be said.
pub(super) fn remarks(direction: &DirectionReport) -> Vec<String> {
    let mut remarks: Vec<String> = recognised(direction).into_iter().collect();
    if direction.duplicated > 0 {
        remarks.push(format!("{}: {} frames arrived twice", name(direction), direction.duplicated));
    }
    if direction.unexplained != 0 {
        remarks.push(unclosed(direction));
    }
    if let Some(counts) = direction.driver.as_ref().and_then(counted) {
        let (name, to) = (name(direction), &direction.to);
        remarks.push(format!("{name}: the driver of {to} counted {counts} (ethtool -S; in no number above)"));
    }
    remarks
}

/// Frames that are in no column.
fn unclosed(direction: &DirectionReport) -> String {
    format!("{}: THE LEDGER DOES NOT CLOSE: {} frames unexplained", name(direction), direction.unexplained)
}

/// How frames were recognised, where it was not by their stamp, all of them.
fn recognised(direction: &DirectionReport) -> Option<String> {
    let (received, timed) = (direction.whole()?.received.frames, direction.delay.count);
    if received == 0 || direction.matching == Matching::Stamp && timed >= received {
        return None;
    }
    let how = match direction.matching {
        Matching::Stamp => {
            "frames are known by their stamp again (matching: stamp); those that had lost it have no delay"
        }
        Matching::Address => {
            "frames are known by the address of their buffer, since their stamp does not survive the way (matching: \
             address); those before that was noticed have no delay"
        }
        Matching::Digest => {
            "frames are known by their first 80 bytes alone (matching: digest); those that were alike under way, or were \
             merged, have no delay"
        }
    };
    let share = units::share(timed, received);
    Some(format!("{}: {how}: {timed} of {received} received have one ({share})", name(direction)))
}

fn counted(driver: &DriverCounts) -> Option<String> {
    let counts = [
        ("xdp_drops", driver.xdp_drops),
        ("xdp_tx", driver.xdp_tx),
        ("xdp_tx_errors", driver.xdp_tx_errors),
        ("xdp_redirect", driver.xdp_redirect),
        ("drops", driver.drops),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// A line per direction and report, under a header that comes back as the lines scroll by.
pub struct Lines {
    style: Style,
    printed: usize,
    last: Option<Report>,
}

const HEADER_EVERY: usize = 20;

impl Lines {
    pub fn new(style: Style) -> Self {
        Self { style, printed: 0, last: None }
    }

    /// The lines for the next report; totals since the beginning, and the rate since the report before.
    pub fn next(&mut self, report: &Report) -> String {
        let mut text = String::new();
        if self.printed.is_multiple_of(HEADER_EVERY) {
            let _ = writeln!(
                text,
                "{:>8}  {:<31} {:>10} {:>10} {:>8} {:>9} {:>7} {:>9}  {:>10}  {:>8} {:>8} {:>8}",
                "ELAPSED",
                "DIRECTION",
                "SENT",
                "RECEIVED",
                "DROPPED",
                "IN FLIGHT",
                "LOST",
                "UNMATCHED",
                "FRAMES/S",
                "P50",
                "P99",
                "MAX"
            );
        }
        self.printed += 1;
        for (index, pair) in report.pairs.iter().enumerate() {
            let before = self.last.as_ref().and_then(|last| last.pairs.get(index));
            for (way, direction) in pair.directions.iter().enumerate() {
                text += &self.line(pair, direction, before.map(|before| (before, &before.directions[way])));
            }
        }
        self.last = Some(report.clone());
        text
    }

    fn line(
        &self,
        pair: &PairReport,
        direction: &DirectionReport,
        before: Option<(&PairReport, &DirectionReport)>,
    ) -> String {
        let (since, frames) =
            before.map_or((0, 0), |(pair, direction)| (pair.elapsed_ns, direction.carried().frames));
        let rate = units::per_second(
            direction.carried().frames.saturating_sub(frames),
            pair.elapsed_ns.saturating_sub(since),
        );
        let whole = direction.whole();
        let delay = |ns: Option<u64>| ns.map_or_else(|| "-".into(), |ns| units::duration(ns, self.style));
        format!(
            "{:>8}  {:<31} {:>10} {:>10} {:>8} {:>9} {:>7} {:>9}  {:>10}  {:>8} {:>8} {:>8}\n",
            units::duration(pair.elapsed_ns, self.style),
            name(direction),
            known(direction.departed().map(|sent| sent.frames)),
            known(direction.arrived().map(|received| received.frames)),
            known(whole.map(DirectionReport::dropped_frames)),
            known(whole.map(|whole| whole.in_flight)),
            known(whole.map(|whole| whole.lost)),
            known(whole.map(|whole| whole.unmatched)),
            rate,
            delay(direction.delay.p50_ns),
            delay(direction.delay.p99_ns),
            delay(direction.delay.max_ns),
        ) + &if direction.unexplained == 0 { String::new() } else { unclosed(direction) + "\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{SeenAt, Traffic};

    fn direction(matching: Matching, timed: u64, unexplained: i64) -> DirectionReport {
        let thousand = Traffic { skbs: 1000, frames: 1000, bytes: 60_000 };
        DirectionReport {
            matching,
            matched: timed,
            sent: thousand,
            received: thousand,
            unexplained,
            delay: Distribution { count: timed, ..Distribution::default() },
            ..DirectionReport::new("a", "b")
        }
    }

    #[test]
    fn how_frames_were_recognised_is_said_where_it_was_not_by_the_stamp_of_each() {
        assert!(remarks(&direction(Matching::Stamp, 1000, 0)).is_empty());
        for (matching, timed, word, share) in [
            (Matching::Stamp, 990, "stamp", "990 of 1000 received have one (99.000%)"),
            (Matching::Address, 1000, "address", "1000 of 1000 received have one (100.000%)"),
            (Matching::Digest, 0, "digest", "0 of 1000 received have one (0%)"),
        ] {
            let [said] = remarks(&direction(matching, timed, 0)).try_into().unwrap();
            assert!(said.contains(&format!("(matching: {word})")) && said.ends_with(share), "{said}");
        }
    }

    #[test]
    fn what_one_end_does_not_tell_has_no_number() {
        let row = |seen_at| ledger_row(&DirectionReport { seen_at, ..direction(Matching::Stamp, 0, 0) });
        let mut sent = vec!["-"; 11];
        (sent[0], sent[1], sent[9]) = ("a > b", "1000", "60000");
        assert_eq!(row(SeenAt::Departure), sent);
        let mut received = vec!["-"; 11];
        (received[0], received[2], received[10]) = ("a > b", "1000", "60000");
        assert_eq!(row(SeenAt::Arrival), received);
        let half = DirectionReport { seen_at: SeenAt::Departure, ..direction(Matching::Stamp, 0, 0) };
        assert!(remarks(&half).is_empty());
        let json = serde_json::to_value(&half).unwrap();
        for (key, value) in json.as_object().unwrap() {
            assert_eq!(value.is_null(), !["from", "to", "sent"].contains(&key.as_str()), "{key}: {value}");
        }
    }

    #[test]
    fn a_ledger_that_does_not_close_is_said_aloud() {
        let said = remarks(&direction(Matching::Stamp, 1000, -12));
        assert_eq!(said, ["a > b: THE LEDGER DOES NOT CLOSE: -12 frames unexplained"]);
    }
}
