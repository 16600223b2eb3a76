//! Which of the frames that were sampled are printed.

use clap::{Args, ValueEnum};

use crate::{
    agent::frames::{self, Question},
    model::sample::{Point, Sample},
    view::object::{Object, Outcome},
};

#[derive(Debug, Args)]
pub(super) struct Choice {
    /// What was seen at one end: what it sent and what it received. a is the end that was named, b the other. Each line then
    /// says which, and what is sent appears once its fate is known, at the latest after --loss-timeout
    #[arg(long, value_enum, value_name = "END")]
    side: Option<Side>,
    /// Only frames that were delivered, each once, where it arrived
    #[arg(long, conflicts_with = "lost")]
    matched: bool,
    /// Only frames that died on the way, each once, where it left: the stage, the reason and the kernel function, or lost
    #[arg(long)]
    lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    A,
    B,
    Both,
}

impl Choice {
    /// What a client of an agent asks for.
    pub(super) fn of(question: &Question) -> Self {
        let side = question.side.map(|side| match side {
            frames::Side::A => Side::A,
            frames::Side::B => Side::B,
            frames::Side::Both => Side::Both,
        });
        Self { side, matched: question.matched, lost: question.lost }
    }

    /// What to ask an agent for, whose first end is the one that was named unless it is turned.
    pub(super) fn question(&self, is_turned: bool) -> Question {
        let side = self.side.map(|side| match (side, is_turned) {
            (Side::Both, _) => frames::Side::Both,
            (Side::A, false) | (Side::B, true) => frames::Side::A,
            (Side::B, false) | (Side::A, true) => frames::Side::B,
        });
        Question { side, matched: self.matched, lost: self.lost, ..Question::default() }
    }

    /// True when both ends are asked for and each frame only once.
    pub(super) fn contradicts_itself(&self) -> bool {
        self.side == Some(Side::Both) && (self.matched || self.lost)
    }

    /// Whether frames have to be sampled where they leave.
    pub(super) fn departures(&self) -> bool {
        self.lost || self.side.is_some() && !self.matched
    }

    /// Whether both departures and arrivals are printed, of frames of which `departures` were sampled.
    pub(super) fn is_mixed(&self, departures: bool) -> bool {
        departures && !self.matched && !self.lost
    }

    /// Whether fewer are printed than are sampled.
    pub(super) fn is_narrow(&self) -> bool {
        self.matched || self.lost || matches!(self.side, Some(Side::A | Side::B))
    }

    pub(super) fn takes_sample(&self, sample: &Sample) -> bool {
        let at = match self.side {
            Some(Side::A) => sample.end() == 0,
            Some(Side::B) => sample.end() == 1,
            Some(Side::Both) | None => true,
        };
        at && self.takes(sample.point, Outcome::of(&sample.fate))
    }

    /// The same for a frame that was read back, whose ends have only names.
    pub(super) fn takes_object(&self, object: &Object) -> bool {
        self.takes(object.point, object.fate)
    }

    fn takes(&self, point: Point, outcome: Outcome) -> bool {
        let died = matches!(outcome, Outcome::Dropped | Outcome::Lost);
        match (self.matched, self.lost) {
            (true, _) => point == Point::Received && outcome == Outcome::Delivered,
            (_, true) => point == Point::Sent && died,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{drop::Stage, sample::Fate};

    const LOST: Fate = Fate::Lost { frames: 1 };

    const ANY: Choice = Choice { side: None, matched: false, lost: false };

    fn sample(from: usize, point: Point, fate: Fate) -> Sample {
        Sample { from, point, number: None, at_ns: 1, fate, len: 0, frames: 1, bytes: Vec::new() }
    }

    fn dropped() -> Fate {
        Fate::Dropped { stage: Stage::Qdisc, reason: None, location: "f".into(), frames: 1 }
    }

    #[test]
    fn each_frame_once_where_it_arrived_or_where_it_left() {
        let delivered = || Fate::Delivered { delay_ns: 1 };
        for (point, fate, matched, lost) in [
            (Point::Received, delivered(), true, false),
            (Point::Sent, delivered(), false, false),
            (Point::Received, Fate::Unmatched, false, false),
            (Point::Sent, dropped(), false, true),
            (Point::Sent, LOST, false, true),
            (Point::Sent, Fate::Unknown, false, false),
        ] {
            let sample = sample(0, point, fate);
            assert_eq!(Choice { matched: true, ..ANY }.takes_sample(&sample), matched, "{sample:?}");
            assert_eq!(Choice { lost: true, ..ANY }.takes_sample(&sample), lost, "{sample:?}");
            assert!(ANY.takes_sample(&sample));
        }
    }

    #[test]
    fn a_side_is_the_end_that_saw_it() {
        for (from, point, a, b) in [
            (0, Point::Sent, true, false),
            (0, Point::Received, false, true),
            (1, Point::Sent, false, true),
            (1, Point::Received, true, false),
        ] {
            let sample = sample(from, point, LOST);
            for (side, takes) in [(Side::A, a), (Side::B, b), (Side::Both, true)] {
                let choice = Choice { side: Some(side), ..ANY };
                assert_eq!(choice.takes_sample(&sample), takes, "{side:?} {sample:?}");
            }
        }
    }

    #[test]
    fn departures_are_sampled_for_what_needs_them() {
        let side = Some(Side::A);
        assert!(!ANY.departures() && !Choice { matched: true, side, ..ANY }.departures());
        assert!(Choice { lost: true, ..ANY }.departures() && Choice { side, ..ANY }.departures());
        let both = Choice { side: Some(Side::Both), ..ANY };
        assert!(both.is_mixed(true) && !both.is_narrow() && !both.contradicts_itself());
        let lost = Choice { lost: true, ..both };
        assert!(lost.contradicts_itself() && lost.is_narrow() && !lost.is_mixed(true));
    }
}
