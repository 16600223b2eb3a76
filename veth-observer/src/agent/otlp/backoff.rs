//! How long to wait after a failure: twice as long after each, up to a minute, and not all hosts at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const DOUBLINGS: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure. `random` makes it half to one and a half of what it would be.
    pub(super) fn next(&mut self, random: u32) -> Duration {
        let wait = FIRST * (1 << self.failures.min(DOUBLINGS));
        self.failures += 1;
        wait.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_minute_and_begins_anew() {
        let mut backoff = Backoff::default();
        let middle = u32::MAX / 2;
        for seconds in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0] {
            let wait = backoff.next(middle).as_secs_f64();
            assert!((wait - seconds).abs() < 1e-6, "{wait}, not {seconds}");
        }
        backoff.reset();
        assert_eq!(backoff.next(0), FIRST / 2);
        assert_eq!(backoff.next(u32::MAX), 3 * FIRST);
    }
}
