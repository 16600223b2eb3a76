//! All directions, one a line, as many columns as there is room for.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Rect},
    style::{Modifier, Style as Look},
    text::Text,
    widgets::{HighlightSpacing, Row as TableRow, Table, TableState},
};

use super::{Row, State};
use crate::view::{Style, escape, report::known, units};

struct Column {
    title: &'static str,
    width: u16,
    cell: fn(&Row, Style) -> String,
}

const fn column(title: &'static str, width: u16, cell: fn(&Row, Style) -> String) -> Column {
    Column { title, width, cell }
}

const TO: Column = column("TO", 9, |row, _| row.direction().to.clone());
const RATE: Column = column("FRAMES/S", 8, |row, _| units::compact(row.rate.frames_per_second));
const BITS: Column = column("BITS/S", 7, |row, _| units::compact(row.rate.bits_per_second));
const LOSS: Column = column("LOSS", 8, |row, _| {
    known(row.direction().missing().map(|missing| units::share(missing, row.direction().sent.frames)))
});
const LOST: Column = column("LOST", 6, |row, _| known(row.direction().missing().map(units::compact)));
const P50: Column = column("P50", 7, |row, style| time(row.direction().delay.p50_ns, style));
const P99: Column = column("P99", 7, |row, style| time(row.direction().delay.p99_ns, style));

/// From 80 columns on, and narrower as far as they fit.
const NARROW: &[Column] = &[TO, RATE, BITS, LOSS, LOST, P50, P99];

/// From 120 columns on.
const MEDIUM: &[Column] = &[
    column("FROM", 12, |row, _| row.direction().from.clone()),
    column("TO", 12, |row, _| row.direction().to.clone()),
    RATE,
    BITS,
    LOSS,
    LOST,
    P50,
    P99,
    column("COURSE", 20, |row, style| course(row, 20, style)),
];

/// From 160 columns on.
const WIDE: &[Column] = &[
    column("FROM", 15, |row, _| row.direction().from.clone()),
    column("TO", 15, |row, _| row.direction().to.clone()),
    RATE,
    BITS,
    LOSS,
    column("DROPPED", 7, |row, _| {
        known(row.direction().whole().map(|it| units::compact(it.dropped_frames())))
    }),
    column("LOST", 6, |row, _| known(row.direction().whole().map(|it| units::compact(it.lost)))),
    column("FLIGHT", 6, |row, _| known(row.direction().whole().map(|it| units::compact(it.in_flight)))),
    P50,
    P99,
    column("MAX", 7, |row, style| time(row.direction().delay.max_ns, style)),
    column("COURSE", 30, |row, style| course(row, 30, style)),
];

/// Names, and what is drawn, begin on the left; numbers end on the right.
fn is_text(title: &str) -> bool {
    matches!(title, "FROM" | "TO" | "COURSE")
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State) {
    let columns = match area.width {
        ..120 => NARROW,
        120..160 => MEDIUM,
        160.. => WIDE,
    };
    let mark_and_name = [Constraint::Length(1), Constraint::Min(12)];
    let widths =
        mark_and_name.into_iter().chain(columns.iter().map(|column| Constraint::Length(column.width)));
    let titles = ["", "PAIR"].map(Text::raw).into_iter();
    let titles = titles.chain(columns.iter().map(|column| placed(column, column.title)));
    let rows = state.shown.iter().map(|at| {
        let row = &state.rows[*at];
        let first =
            [mark(row).to_string(), row.pair.pair.clone()].map(|text| Text::raw(safe(&text))).into_iter();
        let cells =
            first.chain(columns.iter().map(|column| placed(column, &(column.cell)(row, state.style))));
        TableRow::new(cells).style(look(row, state))
    });
    let table = Table::new(rows, widths)
        .header(TableRow::new(titles).style(Look::new().add_modifier(Modifier::BOLD)))
        .column_spacing(1)
        .highlight_symbol("> ")
        .highlight_spacing(HighlightSpacing::Always)
        .row_highlight_style(Look::new().add_modifier(Modifier::REVERSED));
    let mut place = TableState::new().with_selected(state.place());
    frame.render_stateful_widget(table, area, &mut place);
}

fn placed(column: &Column, text: &str) -> Text<'static> {
    let alignment = if is_text(column.title) { Alignment::Left } else { Alignment::Right };
    Text::raw(safe(text)).alignment(alignment)
}

fn safe(text: &str) -> String {
    escape::name(text).into_owned()
}

/// How the direction does, in one sign: colours say nothing that this does not.
fn mark(row: &Row) -> char {
    if row.pair.ended.is_some() {
        'x'
    } else if row.is_losing {
        '!'
    } else if row.direction().missing().is_some_and(|missing| missing > 0) {
        '-'
    } else {
        ' '
    }
}

fn look(row: &Row, state: &State) -> Look {
    match mark(row) {
        'x' => Look::new().add_modifier(Modifier::DIM),
        '!' => state.red(),
        _ => Look::new(),
    }
}

/// Without the blank, which columns are too dear for.
fn time(ns: Option<u64>, style: Style) -> String {
    ns.map_or_else(|| "-".into(), |ns| units::duration(ns, style).replace(' ', ""))
}

/// The last refreshes as bars, each against the highest.
fn course(row: &Row, width: usize, style: Style) -> String {
    let steps: &[char] = if style.unicode {
        &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &[' ', '.', ':', '-', '=', '+', '*', '#']
    };
    let from = row.course.len().saturating_sub(width);
    let highest = row.course[from..].iter().max().copied().unwrap_or(0).max(1);
    let top = steps.len() as u128 - 1;
    let step = |rate: &u64| (u128::from(*rate) * top).div_ceil(u128::from(highest));
    let bars = row.course[from..].iter().map(|rate| steps[usize::try_from(step(rate)).unwrap_or(0)]);
    bars.collect()
}
