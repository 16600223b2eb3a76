//! One pair: both ledgers side by side, where frames died, and the delays of the chosen direction as bars.

use std::fmt::Write as _;

use ratatui::{Frame, layout::Rect, text::Line, widgets::Paragraph};

use super::{Row, State};
use crate::{
    model::report::{DirectionReport, Distribution},
    view::{
        Style, escape, histogram,
        report::{self, known},
        table, units,
    },
};

/// Columns that stand before the bars.
const BEFORE_BARS: u16 = 46;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, from: u16) {
    let Some(row) = state.chosen() else { return frame.render_widget("the pair is gone", area) };
    let lines: Vec<Line> = text(row, state.style, area.width).into_iter().map(Line::raw).collect();
    let last = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(area.height);
    frame.render_widget(Paragraph::new(lines).scroll((from.min(last), 0)), area);
}

pub(super) fn text(row: &Row, style: Style, width: u16) -> Vec<String> {
    let pair = &row.pair;
    let [a, b] = &pair.ends;
    let mut text = format!("{}: {} ({}) <-> {} ({})\n", pair.pair, a.label(), a.home(), b.label(), b.home());
    if let Some(why) = &pair.ended {
        let _ = writeln!(text, "ended: {why}");
    }
    text.push('\n');
    let [one, other] = pair.directions.each_ref().map(report::name);
    let rows = QUANTITIES.iter().map(|(name, of)| {
        let [one, other] = pair.directions.each_ref().map(|direction| of(direction, style));
        vec![(*name).to_owned(), one, other]
    });
    text += &table::aligned(&["", &one, &other], rows.collect(), 1);
    if pair.directions.iter().any(|direction| !direction.dropped.is_empty()) {
        text.push('\n');
        text += &report::drop_table(pair);
    }
    let direction = row.direction();
    let bars = u64::from(width.saturating_sub(BEFORE_BARS)).clamp(10, histogram::WIDTH);
    let title = format!("DELAY {}", report::name(direction));
    let drawn = histogram::draw(&title, &direction.delay, style, bars);
    text.push('\n');
    text += if drawn.is_empty() { "no frame of this direction was timed\n" } else { &drawn };
    for sentence in pair.directions.iter().flat_map(report::remarks).chain(pair.limits.iter().cloned()) {
        let _ = writeln!(text, "\n{sentence}");
    }
    text.lines().map(|line| escape::name(line).into_owned()).collect()
}

type Of = fn(&DirectionReport, Style) -> String;

const QUANTITIES: [(&str, Of); 15] = [
    ("sent", |it, _| known(it.departed().map(|sent| sent.frames))),
    ("received", |it, _| known(it.arrived().map(|received| received.frames))),
    ("dropped", |it, _| known(it.whole().map(DirectionReport::dropped_frames))),
    ("lost", |it, _| known(it.whole().map(|it| it.lost))),
    ("in flight", |it, _| known(it.whole().map(|it| it.in_flight))),
    ("loss", |it, _| known(it.missing().map(|missing| units::share(missing, it.sent.frames)))),
    ("unmatched", |it, _| known(it.whole().map(|it| it.unmatched))),
    ("reordered", |it, _| known(it.whole().map(|it| it.reordered))),
    ("bytes sent", |it, _| known(it.departed().map(|sent| sent.bytes))),
    ("bytes received", |it, _| known(it.arrived().map(|received| received.bytes))),
    ("delay mean", |it, style| time(&it.delay, |delay| delay.mean_ns, style)),
    ("delay p50", |it, style| time(&it.delay, |delay| delay.p50_ns, style)),
    ("delay p99", |it, style| time(&it.delay, |delay| delay.p99_ns, style)),
    ("delay max", |it, style| time(&it.delay, |delay| delay.max_ns, style)),
    ("variation p99", |it, style| time(&it.variation, |variation| variation.p99_ns, style)),
];

fn time(spread: &Distribution, of: fn(&Distribution) -> Option<u64>, style: Style) -> String {
    of(spread).map_or_else(|| "-".into(), |ns| units::duration(ns, style))
}
