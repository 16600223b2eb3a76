//! A measurement of latency as text: a row per quantity and direction, a column per statistic, and what became of the
//! frames below.

use std::fmt::Write;

use super::{
    Style, escape, histogram,
    report::{drop_table, name, remarks},
    table::aligned,
    units,
};
use crate::model::{
    latency::{Judgement, Latency, LatencyReport, Percentile, Unit, Verdict, Waits, quantities},
    report::{DirectionReport, Distribution, PairReport},
};

/// What is to be shown beyond the report.
pub struct Shape<'a> {
    pub percentiles: &'a [Percentile],
    pub histogram: bool,
    pub style: Style,
}

/// All of it.
pub fn summary(measured: &LatencyReport, shape: &Shape) -> String {
    let Some(pair) = measured.pair() else { return String::new() };
    let (latency, style) = (&measured.latency, shape.style);
    let mut text = heading(pair, latency, style);
    let directions = || pair.directions.iter();
    text += &times(pair, shape);
    text += &stages(pair, shape);
    if directions().any(|direction| !direction.dropped.is_empty()) {
        text.push('\n');
        text += &drop_table(pair);
    }
    if shape.histogram {
        for (quantity, direction, spread) in
            spreads(pair).into_iter().filter(|(what, ..)| what.ends_with("delay"))
        {
            let drawn = histogram::draw(&row_name(quantity, direction), spread, style, histogram::WIDTH);
            let _ = write!(text, "{}{drawn}", if drawn.is_empty() { "" } else { "\n" });
        }
    }
    text.push('\n');
    directions().filter(|direction| shows_traffic(direction, pair)).for_each(|way| text += &traffic(way));
    directions().for_each(|direction| text += &probes(direction));
    text += &thresholds(&latency.thresholds, style);
    if let Some(command) = &latency.command {
        let how = match (command.exit_code, command.signal) {
            (Some(code), _) => format!("exited with {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "did not end".to_owned(),
        };
        let stopped = if command.stopped { " when it was told to stop" } else { "" };
        let _ = writeln!(text, "{} {how}{stopped}", escape::name(&command.argv.join(" ")));
    }
    let verdict = match latency.verdict {
        None => "",
        Some(Verdict::Pass) => ": PASS",
        Some(Verdict::Fail) => ": FAIL",
    };
    let _ = writeln!(text, "one clock (same host), no synchronisation error{verdict}");
    for sentence in directions().flat_map(remarks).chain(pair.limits.iter().cloned()) {
        let _ = writeln!(text, "{sentence}");
    }
    text
}

fn heading(pair: &PairReport, latency: &Latency, style: Style) -> String {
    let mut text = String::new();
    if let Some(label) = &latency.label {
        let _ = writeln!(text, "{}", escape::name(label));
    }
    if let Some(why) = &pair.ended {
        let _ = writeln!(text, "ended early: {why}");
    }
    let [a, b] = &pair.ends;
    let elapsed = units::duration(pair.elapsed_ns, style);
    let _ = writeln!(text, "{} ({}) <-> {} ({}), {elapsed}\n", a.label(), a.home(), b.label(), b.home());
    text
}

fn spreads(pair: &PairReport) -> Vec<(&'static str, &DirectionReport, &Distribution)> {
    let [there, back] = pair.directions.each_ref().map(|direction| (direction, quantities(direction)));
    let both = there.1.into_iter().zip(back.1);
    both.flat_map(|(one, other)| [(one.0, there.0, one.1), (other.0, back.0, other.1)]).collect()
}

/// Where only probes passed, nothing is said about traffic.
fn shows_traffic(direction: &DirectionReport, pair: &PairReport) -> bool {
    let passed = |way: &DirectionReport| way.sent.frames + way.unmatched > 0;
    direction.probes.is_none() || pair.directions.iter().any(passed)
}

fn row_name(quantity: &str, direction: &DirectionReport) -> String {
    format!("{} {}", quantity.replace('_', " "), name(direction))
}

fn times(pair: &PairReport, shape: &Shape) -> String {
    let percentiles = shape.percentiles;
    let titles = titles(percentiles);
    let header: Vec<&str> = titles.iter().map(String::as_str).collect();
    let shown = |(quantity, direction, _): &(&str, &DirectionReport, &Distribution)| {
        quantity.starts_with("probe") || shows_traffic(direction, pair)
    };
    let rows = spreads(pair)
        .into_iter()
        .filter(shown)
        .map(|(quantity, direction, spread)| row(row_name(quantity, direction), spread, shape));
    aligned(&header, rows.collect(), 1)
}

fn titles(percentiles: &[Percentile]) -> Vec<String> {
    let before = ["", "COUNT", "MIN", "MEAN"].into_iter().map(str::to_owned);
    let shares = percentiles.iter().map(|percentile| format!("P{}", percentile.text));
    before.chain(shares).chain(["MAX".to_owned()]).collect()
}

fn row(name: String, spread: &Distribution, shape: &Shape) -> Vec<String> {
    let mut row = vec![name, spread.count.to_string()];
    let shares = shape.percentiles.iter().map(|percentile| spread.quantile(percentile.share));
    let values = [spread.min_ns, spread.mean_ns].into_iter().chain(shares).chain([spread.max_ns]);
    row.extend(values.map(|ns| time(ns, shape.style)));
    row
}

fn time(ns: Option<u64>, style: Style) -> String {
    ns.map_or_else(|| "-".into(), |ns| units::duration(ns, style))
}

/// When frames were where on their way, from the egress hook on, and what they waited from one place to the next.
fn stages(pair: &PairReport, shape: &Shape) -> String {
    let mut rows = Vec::new();
    let mut missed = false;
    for direction in &pair.directions {
        for (quantity, stages, delay, waits) in Waits::of(direction) {
            if !quantity.starts_with("probe") && !shows_traffic(direction, pair) {
                continue;
            }
            missed |= stages.to_device.count.min(stages.to_stack.count) < delay.count;
            let frames = if quantity.starts_with("probe") { "probes " } else { "" };
            for (place, spread, wait) in [
                ("after the qdisc", &stages.to_device, waits.qdisc),
                ("after ring or backlog", &stages.to_stack, waits.ring),
                ("at the ingress hook", delay, waits.hook),
            ] {
                let mut row = row(format!("{frames}{}, {place}", name(direction)), spread, shape);
                row.push(time(wait, shape.style));
                rows.push(row);
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut titles = titles(shape.percentiles);
    "SINCE THE EGRESS HOOK".clone_into(&mut titles[0]);
    titles.push("MEAN WAIT".to_owned());
    let header: Vec<&str> = titles.iter().map(String::as_str).collect();
    let table = aligned(&header, rows, 1);
    let said = if missed { "Not every frame was seen on its way; the ledger has them all.\n" } else { "" };
    format!("\n{table}{said}")
}

fn traffic(direction: &DirectionReport) -> String {
    match (direction.departed(), direction.arrived()) {
        (Some(sent), None) => return format!("{}: {} sent\n", name(direction), sent.frames),
        (None, Some(received)) => return format!("{}: {} received\n", name(direction), received.frames),
        _ => {}
    }
    let sent = direction.sent.frames;
    if sent == 0 && direction.unmatched == 0 {
        return format!("{}: no frames passed\n", name(direction));
    }
    let of_sent = |frames: u64| units::share(frames, sent);
    let dropped = direction.dropped_frames();
    let mut text = format!(
        "{}: {sent} sent, {} received, {dropped} dropped ({}), {} lost ({}), {} duplicated, {} reordered",
        name(direction),
        direction.received.frames,
        of_sent(dropped),
        direction.lost,
        of_sent(direction.lost),
        direction.duplicated,
        direction.reordered
    );
    if direction.unmatched > 0 {
        let _ = write!(text, ", {} unmatched", direction.unmatched);
    }
    text.push('\n');
    text
}

fn probes(direction: &DirectionReport) -> String {
    let Some(probes) = &direction.probes else { return String::new() };
    let mut text = format!(
        "probes {}: {} sent, {} received, {} lost ({}), {} duplicated, {} reordered",
        name(direction),
        probes.sent,
        probes.received,
        probes.lost,
        units::share(probes.lost, probes.sent),
        probes.duplicated,
        probes.reordered
    );
    if probes.untimed > 0 {
        let _ = write!(text, ", {} too late to be timed", probes.untimed);
    }
    text.push('\n');
    text
}

fn thresholds(judgements: &[Judgement], style: Style) -> String {
    let mut text = String::new();
    for judgement in judgements {
        let mut outcome = if judgement.met { "met".to_owned() } else { "NOT MET".to_owned() };
        if let Some(doubt) = &judgement.doubt {
            let _ = write!(outcome, ", since {doubt}");
        }
        let _ = writeln!(
            text,
            "{}{}: {}, at most {}: {outcome}",
            judgement.quantity,
            way(judgement, " "),
            measured(judgement, style),
            amount(judgement.limit, judgement.unit, style),
        );
    }
    text
}

/// Why a threshold was not met, for an error message.
pub fn breach(judgement: &Judgement, style: Style) -> String {
    if judgement.from.is_none() {
        return format!("{}: nothing was measured, since no frame was sent either way", judgement.quantity);
    }
    let doubt = judgement.doubt.as_ref().map_or_else(String::new, |doubt| format!(", but {doubt}"));
    format!(
        "{}{} is {}, the limit {}{doubt}",
        judgement.quantity,
        way(judgement, " of "),
        measured(judgement, style),
        amount(judgement.limit, judgement.unit, style)
    )
}

fn way(judgement: &Judgement, before: &str) -> String {
    match (&judgement.from, &judgement.to) {
        (Some(from), Some(to)) => format!("{before}{from} > {to}"),
        _ => String::new(),
    }
}

fn measured(judgement: &Judgement, style: Style) -> String {
    judgement
        .measured
        .map_or_else(|| "not measured".into(), |measured| amount(measured, judgement.unit, style))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds and frames are whole numbers that are never negative"
)]
fn amount(value: f64, unit: Unit, style: Style) -> String {
    match unit {
        Unit::Ns => units::duration(value as u64, style),
        Unit::Frames => format!("{value} frames"),
        Unit::Ratio => units::percent(value),
    }
}
