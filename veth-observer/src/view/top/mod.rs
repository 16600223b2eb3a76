//! The screen of `top`: what is on it follows from the state alone, and the state from reports and keys.

mod details;
mod filter;
mod keys;
mod table;

use std::sync::Arc;

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style as Look},
    text::Line,
    widgets::Paragraph,
};
use serde::Serialize;

use super::{Style, escape, units};
use crate::model::report::{DirectionReport, PairReport};
pub use filter::Filter;
pub use keys::{Key, Outcome};

/// One direction of one pair.
#[derive(Debug, Clone)]
pub struct Row {
    /// Of the observation.
    pub id: u64,
    pub way: usize,
    /// What the pair delivered since the screen began, or was set back.
    pub pair: Arc<PairReport>,
    pub rate: Rate,
    /// Frames received in each second of the last refreshes, the newest last.
    pub course: Vec<u64>,
    /// Frames died or became lost since the refresh before.
    pub is_losing: bool,
}

/// What arrived since the refresh before, or left where only the sending end is observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rate {
    pub frames_per_second: u64,
    pub bits_per_second: u64,
}

impl Row {
    pub fn direction(&self) -> &DirectionReport {
        &self.pair.directions[self.way]
    }

    /// Of what was sent; none where one end alone tells.
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn loss(&self) -> Option<f64> {
        let (sent, missing) = (self.direction().sent.frames, self.direction().missing()?);
        Some(if sent == 0 { 0.0 } else { missing as f64 / sent as f64 })
    }
}

/// What stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Rate,
    Loss,
    P99,
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Loss => "loss",
            Self::P99 => "p99",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Rate => Self::Loss,
            Self::Loss => Self::P99,
            Self::P99 => Self::Rate,
        }
    }
}

/// How the numbers come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// None yet.
    Waiting,
    Live,
    /// What is shown is old.
    Gone {
        why: String,
        seconds: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Table,
    /// Of the chosen row, from this line on.
    Details(u16),
    Help,
}

/// All that is on the screen.
#[derive(Debug, Clone)]
pub struct State {
    style: Style,
    /// Colours may be used; nothing is told by them alone.
    colour: bool,
    /// Who counts.
    source: String,
    status: Status,
    /// Since the screen began or was set back.
    elapsed_ns: u64,
    rows: Vec<Row>,
    /// Places in `rows` of those that the filter lets through, in order.
    shown: Vec<usize>,
    sort: Sort,
    filter: Filter,
    /// The filter that is being typed, and what is wrong with it.
    typing: Option<(String, Option<String>)>,
    chosen: Option<(u64, usize)>,
    page: Page,
    is_frozen: bool,
}

impl State {
    pub fn new(source: String, sort: Sort, filter: Filter, style: Style, colour: bool) -> Self {
        Self {
            style,
            colour,
            source,
            status: Status::Waiting,
            elapsed_ns: 0,
            rows: Vec::new(),
            shown: Vec::new(),
            sort,
            filter,
            typing: None,
            chosen: None,
            page: Page::Table,
            is_frozen: false,
        }
    }

    /// Takes over what was counted, unless the screen is frozen.
    pub fn take(&mut self, rows: Vec<Row>, elapsed_ns: u64) {
        self.status = Status::Live;
        if !self.is_frozen {
            (self.rows, self.elapsed_ns) = (rows, elapsed_ns);
            self.arrange();
        }
    }

    pub fn set_status(&mut self, status: Status) {
        self.status = status;
    }

    /// Rows that pass the filter, in order.
    fn arrange(&mut self) {
        let rows = &self.rows;
        self.shown = (0..rows.len()).filter(|at| self.filter.passes(&rows[*at])).collect();
        let key = |at: &usize| {
            let row = &rows[*at];
            // Larger first; equal ones keep their places as long as their names do.
            let value = match self.sort {
                Sort::Rate => -as_f64(row.rate.frames_per_second),
                Sort::Loss => -row.loss().unwrap_or(0.0),
                Sort::P99 => -as_f64(row.direction().delay.p99_ns.unwrap_or(0)),
            };
            (value, &row.pair.pair, row.id, row.way)
        };
        self.shown.sort_by(|a, b| {
            let ((one, name, id, way), (other, other_name, other_id, other_way)) = (key(a), key(b));
            one.total_cmp(&other).then((name, id, way).cmp(&(other_name, other_id, other_way)))
        });
        if self.place().is_none() {
            self.chosen = self.shown.first().map(|at| (rows[*at].id, rows[*at].way));
        }
    }

    /// Where the chosen row is among those that are shown.
    fn place(&self) -> Option<usize> {
        let chosen = self.chosen?;
        self.shown.iter().position(|at| (self.rows[*at].id, self.rows[*at].way) == chosen)
    }

    fn chosen(&self) -> Option<&Row> {
        Some(&self.rows[self.shown[self.place()?]])
    }

    fn red(&self) -> Look {
        if self.colour { Look::new().fg(Color::Red) } else { Look::new().add_modifier(Modifier::BOLD) }
    }
}

/// Draws it all.
pub fn render(frame: &mut Frame, state: &State) {
    let parts = [Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)];
    let [head, body, foot] = Layout::vertical(parts).areas(frame.area());
    frame.render_widget(heading(state), head);
    match state.page {
        Page::Table => table::render(frame, body, state),
        Page::Details(from) => details::render(frame, body, state, from),
        Page::Help => frame.render_widget(Paragraph::new(HELP), body),
    }
    frame.render_widget(footing(state), foot);
}

fn heading(state: &State) -> Line<'static> {
    let bold = Look::new().add_modifier(Modifier::BOLD);
    let since = units::duration(state.elapsed_ns, state.style);
    let frozen = if state.is_frozen { "  FROZEN" } else { "" };
    let counts =
        format!("{} of {} directions, sorted by {}", state.shown.len(), state.rows.len(), state.sort.word());
    match &state.status {
        Status::Waiting => Line::styled("no numbers yet", bold),
        Status::Live => {
            let source = escape::name(&state.source);
            Line::styled(format!("top{frozen}  {counts}, {since}, from {source}"), bold)
        }
        Status::Gone { why, seconds } => {
            let why = escape::name(why);
            Line::styled(format!("GONE FOR {seconds} s, NUMBERS ARE OLD: {why}{frozen}"), state.red())
        }
    }
}

fn footing(state: &State) -> Line<'static> {
    let dim = Look::new().add_modifier(Modifier::DIM);
    match (&state.typing, state.page) {
        (Some((text, None)), _) => {
            Line::raw(format!("filter: {}_   Enter applies, Esc leaves it", escape::name(text)))
        }
        (Some((text, Some(wrong))), _) => {
            Line::styled(format!("filter: {}_   {}", escape::name(text), escape::name(wrong)), state.red())
        }
        (None, Page::Table) if !state.filter.text().is_empty() => Line::styled(
            format!("filter: {}   / changes it, ? help, q quit", escape::name(state.filter.text())),
            dim,
        ),
        (None, Page::Table) => {
            Line::styled("Enter details  / filter  s sort  f freeze  r set back  ? help  q quit", dim)
        }
        (None, Page::Details(_)) => Line::styled("arrows scroll  Esc back  f freeze  q quit", dim),
        (None, Page::Help) => Line::styled("any key goes back", dim),
    }
}

const HELP: &str = "\
Up, Down, j, k      choose a direction; PgUp, PgDn, Home, End go further
Enter               its pair: both ledgers, where frames died, delays as bars; Esc goes back
/                   filter; Enter applies it, an empty one shows all
s                   sort by rate, loss or p99
f                   freeze what is shown, and go on
r                   set back: loss, counts and delays begin anew
q, Ctrl-C           quit

A filter is words and conditions, all of which must hold:

  web               in the name of the pair, of an end, or of where an end is
  loss>0 loss>=0.1%  dropped or lost, of what was sent
  lost>0 dropped>0  frames
  rate>1k bits>10M  received in a second
  p50>5us p99>50us max>1ms

Rates are those since the refresh before; all else is since top began, or was set back.

First column: ! frames died or became lost since the refresh before
              - some did before
              x the pair is gone
";

#[expect(clippy::cast_precision_loss, reason = "for an order, and for three digits")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
