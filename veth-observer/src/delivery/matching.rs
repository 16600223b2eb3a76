//! Which way of recognising frames fits a direction, told from the traffic itself.
//!
//! A frame that lost its stamp shows twice: as an arrival that was never seen sent, and as a departure that never arrives.
//! Where the two keep step, the path eats stamps (GRO, another program that writes the control block), and the frames must
//! be known by other means. A probe of our own would not show it: GRO, say, lets pass what it has no protocol for.

use crate::model::report::Matching;

/// What came and what is missing in one direction, since the observation began. Frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Arrivals that carried their stamp.
    pub(super) stamped: u64,
    /// Arrivals that were known by their buffer's address alone.
    pub(super) by_address: u64,
    /// Arrivals that nothing told the departure of.
    pub(super) unmatched: u64,
    /// Departures that have neither arrived nor died.
    pub(super) missing: i64,
}

/// What passed before the observation begins. Frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    pub(super) departed: u64,
    /// Arrivals that were known to have departed.
    pub(super) recognised: u64,
    /// Arrivals that nothing told the departure of.
    pub(super) strange: u64,
}

impl Trial {
    /// Arrivals that nobody knows make up for most departures that do not arrive: what bypasses us does not.
    fn is_eaten(self) -> bool {
        let missing = self.departed.saturating_sub(self.recognised);
        // What was under way when the programs turned to another way is strange too, but not most of what comes.
        let is_most = 4 * self.strange >= self.recognised;
        let keeps_step = 2 * self.strange >= missing && self.strange <= 2 * missing;
        self.strange >= ENOUGH && missing >= ENOUGH && is_most && keeps_step
    }
}

/// Fewer unmatched frames than this decide nothing.
const ENOUGH: u64 = 4;
/// How many looks in a row must show the same.
const LOOKS: u32 = 3;
/// So many arrivals with their stamp, and none without, bring the stamp back.
const TRUST: u64 = 64;

/// What a look at the evidence says of the unmatched arrivals that are under suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They may have lost their stamp.
    Suspicion,
    /// They never had one.
    Trust,
    /// They had lost it: they were deliveries.
    Delivered,
}

/// Decides for one direction; see [`Judge::look`].
#[derive(Debug, Clone)]
pub(super) struct Judge {
    matching: Matching,
    /// The hook sees no stamps, ever.
    fixed: bool,
    /// Since when unmatched arrivals and missing departures have kept step, and for how many looks.
    suspected: Evidence,
    looks: u32,
    last: Evidence,
    /// Arrivals with their stamp, as of the last that had lost it.
    stamped: u64,
}

impl Judge {
    pub(super) fn new(matching: Matching, fixed: bool) -> Self {
        Self {
            matching,
            fixed,
            suspected: Evidence::default(),
            looks: 0,
            last: Evidence::default(),
            stamped: 0,
        }
    }

    /// Whether what passed before the observation begins asks for another way. Where stamps are eaten, the address is tried,
    /// and then the bytes.
    pub(super) fn try_on(&mut self, trial: Trial) -> bool {
        let to = match self.matching {
            _ if self.fixed || !trial.is_eaten() => return false,
            Matching::Stamp => Matching::Address,
            Matching::Address => Matching::Digest,
            Matching::Digest => return false,
        };
        self.matching = to;
        true
    }

    /// Whether the hook sees no stamps, ever: frames arrive in the driver.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed
    }

    pub(super) fn matching(&self) -> Matching {
        self.matching
    }

    /// Weighs what has come since the last look, and may turn to another way. `last` says that nothing is under way any
    /// more.
    pub(super) fn look(&mut self, now: Evidence, last: bool) -> Verdict {
        if self.fixed {
            return Verdict::Trust;
        }
        let back = self.stamps_are_back(now);
        let verdict = match self.matching {
            Matching::Address if now.by_address > self.last.by_address => {
                // Those before it had lost theirs, too.
                self.begin_anew(now);
                Verdict::Delivered
            }
            Matching::Address | Matching::Digest if back => {
                self.turn(Matching::Stamp, now);
                Verdict::Trust
            }
            Matching::Stamp | Matching::Address => self.suspect(now, last),
            Matching::Digest => Verdict::Trust,
        };
        self.last = now;
        verdict
    }

    fn suspect(&mut self, now: Evidence, last: bool) -> Verdict {
        let unmatched = now.unmatched - self.suspected.unmatched;
        let missing = u64::try_from(now.missing - self.suspected.missing).unwrap_or(0);
        if unmatched == 0 || missing < unmatched {
            self.begin_anew(now);
            return Verdict::Trust;
        }
        self.looks += 1;
        // In the end nothing is under way, and the two are equal but for what was really lost.
        let conclusive = if last { missing - unmatched <= unmatched / 10 } else { self.looks >= LOOKS };
        if unmatched < ENOUGH || !conclusive {
            Verdict::Suspicion
        } else if self.matching == Matching::Stamp && !last {
            // The address costs more but tells every frame apart, so it is tried first.
            self.matching = Matching::Address;
            self.looks = 0;
            Verdict::Suspicion
        } else {
            self.turn(Matching::Digest, now);
            Verdict::Delivered
        }
    }

    /// Many with their stamp since the last that had lost it.
    fn stamps_are_back(&mut self, now: Evidence) -> bool {
        if now.unmatched != self.last.unmatched || now.by_address != self.last.by_address {
            self.stamped = now.stamped;
        }
        now.stamped - self.stamped >= TRUST
    }

    fn turn(&mut self, matching: Matching, now: Evidence) {
        self.matching = matching;
        self.stamped = now.stamped;
        self.begin_anew(now);
    }

    fn begin_anew(&mut self, now: Evidence) {
        self.suspected = now;
        self.looks = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Judge::new(Matching::Stamp, false)
    }

    fn wiped(frames: u64) -> Evidence {
        Evidence { unmatched: frames, missing: frames.cast_signed(), ..Evidence::default() }
    }

    #[test]
    fn arrivals_that_bypass_us_while_all_is_well_decide_nothing() {
        let mut judge = judge();
        for look in 1..100 {
            // Some frames are always under way.
            let missing = [3, 60, 17][usize::try_from(look).unwrap() % 3];
            let evidence = Evidence { stamped: 1000 * look, by_address: 0, unmatched: 30 * look, missing };
            judge.look(evidence, false);
            assert_eq!(judge.matching(), Matching::Stamp);
        }
    }

    #[test]
    fn loss_alone_decides_nothing() {
        let mut judge = judge();
        for look in 1..100 {
            let evidence =
                Evidence { stamped: 10 * look, by_address: 0, unmatched: 0, missing: look.cast_signed() };
            assert_eq!(judge.look(evidence, false), Verdict::Trust);
        }
        assert_eq!(judge.matching(), Matching::Stamp);
    }

    #[test]
    fn stamps_that_are_eaten_turn_it_to_the_address_and_back_when_they_return() {
        let mut judge = judge();
        for look in 1..=3 {
            assert_eq!(judge.look(wiped(10 * look), false), Verdict::Suspicion);
        }
        assert_eq!(judge.matching(), Matching::Address);
        let known = Evidence { stamped: 50, by_address: 50, ..wiped(30) };
        assert_eq!(judge.look(known, false), Verdict::Delivered);
        for stamped in [51, 100, 113] {
            judge.look(Evidence { stamped, ..known }, false);
            assert_eq!(judge.matching(), Matching::Address, "{stamped}");
        }
        judge.look(Evidence { stamped: 114, ..known }, false);
        assert_eq!(judge.matching(), Matching::Stamp);
    }

    #[test]
    fn where_the_buffer_changes_too_only_the_bytes_are_left() {
        let mut judge = judge();
        let verdicts: Vec<_> = (1..=6).map(|look| judge.look(wiped(10 * look), false)).collect();
        assert_eq!(verdicts[..5], [Verdict::Suspicion; 5]);
        assert_eq!((verdicts[5], judge.matching()), (Verdict::Delivered, Matching::Digest));
    }

    #[test]
    fn at_the_end_one_look_must_do_and_the_two_must_be_equal() {
        let mut equal = judge();
        assert_eq!(equal.look(wiped(10), true), Verdict::Delivered);
        let mut lossy = judge();
        lossy.look(Evidence { missing: 1000, ..wiped(10) }, true);
        assert_eq!(lossy.matching(), Matching::Stamp);
    }
}
