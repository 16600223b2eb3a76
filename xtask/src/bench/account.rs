//! What became of every frame that passed an observer who takes frames, by its own last words.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    cases::{Case, Sent},
    lab::{FAR, NEAR, Told},
};

/// In buffers, summed over the hooks that it takes them at. Of frames that are not cut up, a buffer is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// By those who know.
    pub(super) passed: u64,
    /// Written to its ring.
    pub(super) taken: u64,
    /// Left out by its sampling rate or by its filter.
    pub(super) left_out: u64,
    /// Its ring was full.
    pub(super) lost: u64,
}

impl Account {
    /// None of a case that takes no frames. Fails when an account of ours is not true to the frame; of others it is theirs.
    pub(super) fn of(case: Case, told: &Told, sent: &Sent) -> Result<Option<Self>> {
        let account = match case {
            Case::Capture | Case::CaptureUdp | Case::CaptureNone => capture(&told.output, sent)?,
            Case::WatchSome | Case::WatchAll | Case::WatchUdp | Case::WatchNone => watch(&told.errors, sent)?,
            Case::Tcpdump => return tcpdump(&told.errors, sent).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(account))
    }

    /// What is in none of the numbers.
    pub(super) fn untold(&self) -> i128 {
        i128::from(self.passed) - i128::from(self.taken) - i128::from(self.left_out) - i128::from(self.lost)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            taken: self.taken + other.taken,
            left_out: self.left_out + other.left_out,
            lost: self.lost + other.lost,
        }
    }

    fn balanced(self, place: &str) -> Result<Self> {
        ensure!(
            self.untold() == 0,
            "{place}: {} buffers passed, {} taken, {} left out and {} lost are told of",
            self.passed,
            self.taken,
            self.left_out,
            self.lost
        );
        Ok(self)
    }
}

/// At each end, what leaves and what arrives.
fn capture(output: &str, sent: &Sent) -> Result<Account> {
    let object: Value = serde_json::from_str(output).context("capture printed no summary")?;
    let ends = object["summary"]["ends"].as_array().context("no ends")?;
    let mut sum = Account::default();
    for (at, name) in [NEAR, FAR].iter().enumerate() {
        let end = ends.iter().find(|end| end["end"] == **name).context("no such end")?;
        let number = |what: &str| end[what].as_u64().with_context(|| format!("no number of {what}"));
        let account = Account {
            passed: sent.left(at) + sent.arrived(at),
            taken: number("packets")?,
            left_out: number("filtered")? + number("skipped")?,
            lost: number("lost")?,
        };
        sum = sum.plus(account.balanced(name)?);
    }
    Ok(sum)
}

/// What arrives, of both ends together.
fn watch(errors: &str, sent: &Sent) -> Result<Account> {
    let number = |words: &str| number_before(errors, words);
    let account = Account {
        passed: sent.arrived(0) + sent.arrived(1),
        taken: number(" printed").context("no number of what was printed")?,
        left_out: number(" skipped").context("no number of what was skipped")?
            + number(" not matching").unwrap_or(0),
        lost: number(" lost because").context("no number of what was lost")?,
    };
    account.balanced("at both ends")
}

/// At the far end. The kernel adds what it dropped to what it received.
fn tcpdump(errors: &str, sent: &Sent) -> Result<Account> {
    let errors = errors.replace(" packet ", " packets ");
    let number = |words: &str| number_before(&errors, words).with_context(|| format!("no number of{words}"));
    let lost = number(" packets dropped by kernel")?;
    let taken = number(" packets received by filter")?.saturating_sub(lost);
    Ok(Account { passed: sent.left(1) + sent.arrived(1), taken, left_out: 0, lost })
}

/// The number that stands before these words.
fn number_before(text: &str, words: &str) -> Option<u64> {
    text.split_once(words)?.0.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{super::lab::Left, *};

    /// 8 left the near end, of which 1 died on the way, and 2 the far end.
    fn sent() -> Sent {
        Sent::of([Left { sent: 7, dropped: 1 }, Left { sent: 2, dropped: 0 }])
    }

    fn told(output: &str, errors: &str) -> Told {
        Told { output: output.to_owned(), errors: errors.to_owned() }
    }

    fn of_capture(near: [u64; 3], far: [u64; 3]) -> Result<Option<Account>> {
        let end = |name: &str, [packets, filtered, lost]: [u64; 3]| {
            format!(
                r#"{{"end":"{name}","packets":{packets},"filtered":{filtered},"skipped":0,"lost":{lost}}}"#
            )
        };
        let output = format!(r#"{{"summary":{{"ends":[{},{}]}}}}"#, end(NEAR, near), end(FAR, far));
        Account::of(Case::Capture, &told(&output, ""), &sent())
    }

    #[test]
    fn both_ends_of_a_capture_have_to_balance() {
        let sum = Account { passed: 19, taken: 10, left_out: 3, lost: 6 };
        assert_eq!(of_capture([6, 1, 3], [4, 2, 3]).unwrap(), Some(sum));
        let wrong = of_capture([6, 1, 2], [4, 2, 4]).unwrap_err().to_string();
        assert_eq!(wrong, "va: 10 buffers passed, 6 taken, 1 left out and 2 lost are told of");
    }

    #[test]
    fn watch_tells_what_arrived() {
        let said = "observing va <-> vb\n5 printed, 1 skipped by --sample, 1 not matching the filter, 2 lost because the ring was full\n";
        let of = |said: &str| Account::of(Case::WatchUdp, &told("", said), &sent());
        assert_eq!(of(said).unwrap(), Some(Account { passed: 9, taken: 5, left_out: 2, lost: 2 }));
        assert!(of(&said.replace("5 printed", "4 printed")).is_err());
        assert!(of("observing").is_err());
    }

    #[test]
    fn tcpdump_counts_what_it_lost_among_what_it_received() {
        let said = "tcpdump: listening on vb\n3 packets captured\n9 packets received by filter\n1 packet dropped by kernel\n";
        let account = Account::of(Case::Tcpdump, &told("", said), &sent()).unwrap().unwrap();
        assert_eq!((account.taken, account.lost, account.untold()), (8, 1, 0));
    }

    #[test]
    fn who_takes_no_frames_gives_no_account() {
        assert_eq!(Account::of(Case::Stats, &told("", ""), &sent()).unwrap(), None);
    }
}
