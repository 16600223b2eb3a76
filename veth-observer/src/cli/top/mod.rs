//! `top`: all pairs at once, on a screen or as lines of JSON.

mod course;
mod feed;
mod screen;

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use crossterm::event::{Event as Input, EventStream};
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{
    observing::loss_timeout,
    origin::Origin,
    output::{self, Output},
    stop::Stop,
};
use crate::{
    fault::Fault,
    model::{
        SCHEMA,
        report::{PairReport, Source},
    },
    topology::Selector,
    view::top::{self, Filter, Outcome, Rate, Row, State, Status},
};
use course::Course;
use feed::{Event, Feed};
use screen::Screen;

/// Watch all pairs at once: rates, loss and delays in both directions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer top                              by the agent, where one runs
  veth-observer top --sort loss --filter 'web p99>50us'
  sudo veth-observer top --direct --pairs 'container:web*'
  veth-observer top -j -c 5 | jq '.pairs[] | {pair, rates}'

Rates are those since the refresh before. Loss, counts and delays begin when top does, or when r sets them back. ? on the screen \
tells the keys, and what a filter may say.")]
pub struct Top {
    #[command(flatten)]
    origin: Origin,
    /// How often to ask for numbers, at least every 100ms
    #[arg(long, value_parser = refresh, default_value = "1s", value_name = "DURATION")]
    refresh: Duration,
    /// What stands first
    #[arg(long, value_enum, default_value_t = Sort::Rate)]
    sort: Sort,
    /// Only what has these words in a name, and for which these conditions hold, such as 'web loss>0 p99>50us'
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FILTER")]
    filter: Filter,
    /// Only such pairs; may be given several times: NAME, container:NAME, pod:NS/NAME, netns:NS/NAME or pair:NAME
    #[arg(long, value_name = "SELECTOR")]
    pairs: Vec<Selector>,
    /// Stop after this long
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    duration: Option<Duration>,
    /// Stop after this many refreshes
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Where no agent counts: count a frame as lost when it has not arrived after this long, from 100ms to 1m
    #[arg(long, value_parser = loss_timeout, default_value = "2s", value_name = "DURATION")]
    loss_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    Rate,
    Loss,
    P99,
}

/// No more than ten pictures a second.
const PICTURE: Duration = Duration::from_millis(100);

/// One refresh.
#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    source: Source,
    pairs: Vec<Item<'a>>,
    /// Why there are no new numbers.
    gone: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: u64,
    #[serde(flatten)]
    report: &'a PairReport,
    rates: [Rate; 2],
}

impl Top {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if !out.wants_json() && !stdout().is_terminal() {
            return Err(Fault::usage("top draws on a terminal, and standard output is none")
                .fix("-o json")
                .into());
        }
        let mut stop = Stop::new()?;
        let mut feed = Feed::start(&self.origin, self.refresh, &self.pairs, self.loss_timeout).await?;
        stop.within(self.duration);
        let done = if out.wants_json() {
            self.print(&mut feed, &mut stop, out).await
        } else {
            self.show(&mut feed, &mut stop, out).await
        };
        feed.stop().await;
        done
    }

    async fn print(&self, feed: &mut Feed, stop: &mut Stop, out: &mut Output) -> Result<()> {
        output::note(format!("numbers come from {}", feed.name()));
        let (mut course, mut printed, source) = (Course::new(&self.pairs), 0, feed.source());
        loop {
            let event = tokio::select! {
                () = stop.wait() => return Ok(()),
                event = feed.next() => event.ok_or_else(|| anyhow!("the counting ended"))?,
            };
            match event {
                // The first moment is what the others are held against.
                Event::Moment(moment) => match course.take(*moment) {
                    Some(rows) => out.json(&self.line(&rows, source, None))?,
                    None => continue,
                },
                Event::Gone(why) => out.json(&self.line(&[], source, Some(&why)))?,
            }
            printed += 1;
            if self.count == Some(printed) {
                return Ok(());
            }
        }
    }

    fn line<'a>(&self, rows: &'a [Row], source: Source, gone: Option<&'a str>) -> Line<'a> {
        // Rows come in twos: the directions of a pair.
        let pairs = rows.as_chunks::<2>().0.iter();
        let passing = pairs.filter(|rows| rows.iter().any(|row| self.filter.passes(row)));
        let pairs = passing.map(|rows| Item {
            id: rows[0].id,
            report: &rows[0].pair,
            rates: [rows[0].rate, rows[1].rate],
        });
        Line { schema: SCHEMA, source, pairs: pairs.collect(), gone }
    }

    async fn show(&self, feed: &mut Feed, stop: &mut Stop, out: &Output) -> Result<()> {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut state =
            State::new(feed.name().to_owned(), self.sort.into(), self.filter.clone(), out.style(), colour);
        let mut course = Course::new(&self.pairs);
        // What would be said beside the picture would spoil it.
        output::hush();
        let mut screen = Screen::open()?;
        let mut input = EventStream::new();
        let (mut taken, mut gone_since) = (0, None::<Instant>);
        let (mut is_new, mut next) = (true, Instant::now());
        loop {
            tokio::select! {
                () = stop.wait() => return Ok(()),
                () = sleep_until(next), if is_new => {
                    screen.draw(|frame| top::render(frame, &state))?;
                    (is_new, next) = (false, Instant::now() + PICTURE);
                }
                event = feed.next() => {
                    is_new = true;
                    match event.ok_or_else(|| anyhow!("the counting ended"))? {
                        Event::Moment(moment) => {
                            gone_since = None;
                            if let Some(rows) = course.take(*moment) {
                                state.take(rows, course.elapsed_ns());
                                taken += 1;
                            }
                        }
                        Event::Gone(why) => {
                            let seconds = gone_since.get_or_insert_with(Instant::now).elapsed().as_secs();
                            state.set_status(Status::Gone { why, seconds });
                        }
                    }
                    if self.count == Some(taken) {
                        return Ok(());
                    }
                }
                input = input.next() => {
                    is_new = true;
                    // The terminal is gone where nothing comes from it any more.
                    let Some(Ok(input)) = input else { return Ok(()) };
                    let Input::Key(key) = input else { continue };
                    if screen::is_interrupt(&key) {
                        return Ok(());
                    }
                    let Some(key) = screen::key(&key) else { continue };
                    match state.press(key) {
                        Outcome::Draw => {}
                        Outcome::Quit => return Ok(()),
                        Outcome::SetBack => course.set_back(),
                    }
                }
            }
        }
    }
}

impl From<Sort> for top::Sort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Rate => Self::Rate,
            Sort::Loss => Self::Loss,
            Sort::P99 => Self::P99,
        }
    }
}

fn refresh(text: &str) -> Result<Duration, String> {
    let refresh = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if refresh < PICTURE { Err("must be at least 100ms".into()) } else { Ok(refresh) }
}
