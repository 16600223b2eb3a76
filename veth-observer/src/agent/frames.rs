//! Frames for one client at a time, from whoever observes: what is asked for, and the lines that come.

use std::fmt::Write as _;

use axum::body::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::sync::{mpsc, oneshot};
use veth_observer_common::sample::MAX_SNAPLEN;

/// Chunks that may wait for a client to take them; the rest waits in the ring, and is counted where that is full.
const WAITING: usize = 4;

/// At which end a frame is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    A,
    B,
    Both,
}

/// Which frames a client wants, and how much of each: what the flags of `watch` of the same names say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub filter: String,
    pub sample: u32,
    pub snaplen: u32,
    pub side: Option<Side>,
    pub matched: bool,
    pub lost: bool,
    pub hex: bool,
    pub count: Option<u64>,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            filter: String::new(),
            sample: 1,
            snaplen: 96,
            side: None,
            matched: false,
            lost: false,
            hex: false,
            count: None,
        }
    }
}

impl Question {
    /// Reads the words behind the path; else a sentence that says what there is.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut question = Self::default();
        for word in query.split('&').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = |least: u64, most: u64| {
                let number = value.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| format!("{name} is a number from {least} to {most}"))
            };
            let of_32_bits = |least: u32, most: u32| {
                let number = number(least.into(), most.into())?;
                u32::try_from(number).map_err(|error| error.to_string())
            };
            match (name, value) {
                ("filter", _) => {
                    let text = percent_decode_str(value).decode_utf8();
                    question.filter = text.map_err(|_| "a filter is text")?.into_owned();
                }
                ("sample", _) => question.sample = of_32_bits(1, u32::MAX)?,
                ("snaplen", _) => question.snaplen = of_32_bits(14, MAX_SNAPLEN)?,
                ("count", _) => question.count = Some(number(1, u64::MAX)?),
                ("side", "a") => question.side = Some(Side::A),
                ("side", "b") => question.side = Some(Side::B),
                ("side", "both") => question.side = Some(Side::Both),
                ("matched", "1") => question.matched = true,
                ("lost", "1") => question.lost = true,
                ("hex", "1") => question.hex = true,
                _ => {
                    return Err("frames take filter=EXPRESSION, sample=N, snaplen=BYTES, count=N, side=a, b or both, matched=1, \
                        lost=1 and hex=1"
                        .into());
                }
            }
        }
        if question.matched && question.lost {
            return Err("a frame cannot be both matched and lost".into());
        }
        if question.side == Some(Side::Both) && (question.matched || question.lost) {
            return Err("side=both shows a frame at both ends, matched=1 and lost=1 show it once".into());
        }
        Ok(question)
    }

    /// The words that [`Question::parse`] reads.
    pub fn query(&self) -> String {
        let Self { filter, sample, snaplen, side, matched, lost, hex, count } = self;
        let mut query = format!("sample={sample}&snaplen={snaplen}");
        let side = side.map(|side| match side {
            Side::A => "a",
            Side::B => "b",
            Side::Both => "both",
        });
        // Writing to a string does not fail.
        if !filter.is_empty() {
            let _ = write!(query, "&filter={}", utf8_percent_encode(filter, NON_ALPHANUMERIC));
        }
        if let Some(side) = side {
            let _ = write!(query, "&side={side}");
        }
        for (name, is_set) in [("matched", matched), ("lost", lost), ("hex", hex)] {
            if *is_set {
                let _ = write!(query, "&{name}=1");
            }
        }
        if let Some(count) = count {
            let _ = write!(query, "&count={count}");
        }
        query
    }
}

/// Why there are no frames for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What was asked for makes no sense.
    Wrong(String),
    /// No observation has this id, or it ended.
    Unknown,
    /// As many watch as may.
    Full(String),
    Failed(String),
}

/// A question on its way to whoever observes, who answers first whether frames will come, and then with lines.
#[derive(Debug)]
pub struct Asked {
    pub id: u64,
    pub question: Question,
    pub begun: oneshot::Sender<Result<(), Refusal>>,
    /// Closed when the client is gone.
    pub lines: mpsc::Sender<Bytes>,
}

/// What comes back.
pub(super) struct Answer {
    pub(super) begun: oneshot::Receiver<Result<(), Refusal>>,
    pub(super) lines: mpsc::Receiver<Bytes>,
}

impl Asked {
    pub(super) fn new(id: u64, question: Question) -> (Self, Answer) {
        let ((begun, is_begun), (lines, receiver)) = (oneshot::channel(), mpsc::channel(WAITING));
        (Self { id, question, begun, lines }, Answer { begun: is_begun, lines: receiver })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let all = Question {
            filter: "udp port 53 and host 10.0.0.1 && ip[8] < 64 or \u{fc}=%".into(),
            sample: 7,
            snaplen: 1514,
            side: Some(Side::B),
            lost: true,
            hex: true,
            count: Some(3),
            ..Question::default()
        };
        for question in [all, Question { matched: true, ..Question::default() }, Question::default()] {
            assert_eq!(Question::parse(&question.query()), Ok(question));
        }
        assert_eq!(Question::parse(""), Ok(Question::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "sample=0",
            "snaplen=13",
            "snaplen=70000",
            "count=0",
            "count=-1",
            "side=c",
            "filter=%ff",
            "lost=0",
        ] {
            assert!(Question::parse(query).is_err(), "{query}");
        }
        for query in ["matched=1&lost=1", "side=both&lost=1", "colour=red", "hex"] {
            assert!(Question::parse(query).is_err(), "{query}");
        }
    }
}
