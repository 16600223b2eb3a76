//! What became of a frame, as the comment of its packet.
//!
//! `lost` is in the comment of each frame that died between the ends, and in no other: `frame.comment contains "lost"`.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use crate::{
    model::{
        link::End,
        sample::{Fate, Sample},
    },
    view::escape,
};

/// Bytes that a comment has room for at once.
const USUAL: usize = 64;

pub(super) struct Comments {
    names: [String; 2],
    loss_timeout: Duration,
}

impl Comments {
    pub(super) fn new(ends: &[End; 2], loss_timeout: Duration) -> Self {
        Self { names: ends.each_ref().map(name), loss_timeout }
    }

    /// `#41 web0>eth0, delivered after 2.417 µs`
    pub(super) fn comment(&self, sample: &Sample) -> String {
        let mut text = String::with_capacity(USUAL);
        // A string takes all that is written to it.
        let _ = self.write(sample, &mut text);
        text
    }

    fn write(&self, sample: &Sample, text: &mut String) -> fmt::Result {
        let [from, to] = [sample.from, 1 - sample.from].map(|end| &self.names[end]);
        if let Some(number) = sample.number {
            write!(text, "#{number} ")?;
        }
        write!(text, "{from}>{to}, ")?;
        self.write_fate(&sample.fate, sample.frames, text)?;
        if sample.frames > 1 {
            write!(text, ", {} frames in one buffer", sample.frames)?;
        }
        Ok(())
    }

    fn write_fate(&self, fate: &Fate, of: u32, text: &mut String) -> fmt::Result {
        match fate {
            Fate::Delivered { delay_ns } => {
                text.push_str("delivered after ");
                write_duration(*delay_ns, text)
            }
            Fate::Dropped { stage, reason, location, frames } => {
                write_share(*frames, of, text)?;
                write!(text, "dropped at {stage}, ")?;
                if let Some(reason) = reason {
                    write!(text, "{reason} ")?;
                }
                write!(text, "in {location}")
            }
            Fate::Lost { frames } => {
                write_share(*frames, of, text)?;
                write!(text, "not arrived within {}", humantime::format_duration(self.loss_timeout))
            }
            Fate::Unmatched => text.write_str("unmatched: never seen sent"),
            Fate::Unknown => {
                text.write_str("fate unknown: no room in the ring for what tells it, or still under way")
            }
        }
    }
}

/// How many frames of a buffer are lost, where some are not.
fn write_share(frames: u32, of: u32, text: &mut String) -> fmt::Result {
    text.push_str("lost: ");
    if frames < of { write!(text, "{frames} of {of} frames ") } else { Ok(()) }
}

/// A device may be called what it likes, but not make its frames look lost.
fn name(end: &End) -> String {
    let label = end.label();
    if label.contains("lost") {
        format!("ifindex {}", end.ifindex)
    } else {
        escape::name(&label).into_owned()
    }
}

/// To the nanosecond.
fn write_duration(ns: u64, text: &mut String) -> fmt::Result {
    match ns {
        0..1_000 => write!(text, "{ns} ns"),
        1_000..1_000_000 => write!(text, "{}.{:03} µs", ns / 1_000, ns % 1_000),
        1_000_000..1_000_000_000 => write!(text, "{}.{:06} ms", ns / 1_000_000, ns % 1_000_000),
        _ => write!(text, "{}.{:09} s", ns / 1_000_000_000, ns % 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{drop::Stage, sample::Point};

    fn comments(names: [&str; 2]) -> Comments {
        let end =
            |(name, ifindex): (&str, u32)| End { ifname: Some(name.to_owned()), ifindex, ..End::default() };
        Comments::new(&[end((names[0], 3)), end((names[1], 7))], Duration::from_secs(2))
    }

    fn sample(number: Option<u64>, frames: u32, fate: Fate) -> Sample {
        Sample { from: 1, point: Point::Sent, number, at_ns: 0, fate, len: 60, frames, bytes: vec![0; 60] }
    }

    fn dropped() -> Fate {
        let (reason, location) = (Some("QDISC_DROP".to_owned()), "__dev_queue_xmit".to_owned());
        Fate::Dropped { stage: Stage::Qdisc, reason, location, frames: 1 }
    }

    #[test]
    fn every_fate_in_plain_words() {
        let without_reason = Fate::Dropped {
            stage: Stage::Backlog,
            reason: None,
            location: "enqueue_to_backlog".to_owned(),
            frames: 1,
        };
        for (number, frames, fate, text) in [
            (Some(41), 1, Fate::Delivered { delay_ns: 2_417 }, "#41 eth0>web0, delivered after 2.417 µs"),
            (
                None,
                46,
                Fate::Delivered { delay_ns: 420 },
                "eth0>web0, delivered after 420 ns, 46 frames in one buffer",
            ),
            (Some(42), 1, dropped(), "#42 eth0>web0, lost: dropped at qdisc, QDISC_DROP in __dev_queue_xmit"),
            (Some(43), 1, without_reason, "#43 eth0>web0, lost: dropped at backlog, in enqueue_to_backlog"),
            (Some(44), 1, Fate::Lost { frames: 1 }, "#44 eth0>web0, lost: not arrived within 2s"),
            (
                Some(45),
                9,
                Fate::Lost { frames: 4 },
                "#45 eth0>web0, lost: 4 of 9 frames not arrived within 2s, 9 frames in one buffer",
            ),
            (None, 1, Fate::Unmatched, "eth0>web0, unmatched: never seen sent"),
        ] {
            assert_eq!(comments(["web0", "eth0"]).comment(&sample(number, frames, fate)), text);
        }
        for (delay_ns, text) in [
            (12_345_678, "a>b, delivered after 12.345678 ms"),
            (1_000_000_001, "a>b, delivered after 1.000000001 s"),
        ] {
            let sample = Sample { from: 0, ..sample(None, 1, Fate::Delivered { delay_ns }) };
            assert_eq!(comments(["a", "b"]).comment(&sample), text);
        }
    }

    #[test]
    fn lost_is_said_of_those_that_died_alone() {
        for names in [["web0", "eth0"], ["lost0", "almostlost"]] {
            for fate in [
                Fate::Delivered { delay_ns: 1 },
                dropped(),
                Fate::Lost { frames: 1 },
                Fate::Unmatched,
                Fate::Unknown,
            ] {
                let is_loss = fate.is_loss();
                let comment = comments(names).comment(&sample(Some(1), 2, fate));
                assert_eq!(comment.contains("lost"), is_loss, "{comment}");
            }
        }
    }
}
