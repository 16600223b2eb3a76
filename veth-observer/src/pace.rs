//! When the next frame is due, and waiting for it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The longest sleep, so that `stop` is heard.
const NAP: Duration = Duration::from_millis(20);

/// A schedule from one instant on: what is late does not put off what follows.
#[derive(Debug)]
pub struct Pace {
    started: Instant,
    catch_up: Option<Duration>,
}

impl Pace {
    /// From now on. Whoever is later than `catch_up` moves the whole schedule instead of catching up in a burst.
    pub fn start(catch_up: Option<Duration>) -> Self {
        Self { started: Instant::now(), catch_up }
    }

    /// Returns at `due` after the start, at once when that has passed; false when `stop` was set.
    pub fn wait(&mut self, due: Duration, stop: &AtomicBool) -> bool {
        loop {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            let passed = self.started.elapsed();
            match due.checked_sub(passed) {
                Some(left) if !left.is_zero() => thread::sleep(left.min(NAP)),
                _ => {
                    let late = passed.saturating_sub(due);
                    if self.catch_up.is_some_and(|most| late > most) {
                        self.started += late;
                    }
                    return true;
                }
            }
        }
    }
}

/// When a frame is due at an even pace, counted from 0; `rate` in frames per second.
pub fn even(number: u64, rate: u32) -> Duration {
    let ns = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_at_an_even_pace_for_as_long_as_anybody_waits() {
        assert_eq!(even(0, 100), Duration::ZERO);
        assert_eq!(even(3, 100), Duration::from_millis(30));
        assert_eq!(even(1, 100_000), Duration::from_micros(10));
        assert_eq!(even(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn being_late_once_does_not_put_off_the_rest() {
        let (mut pace, go) = (Pace::start(None), AtomicBool::new(false));
        thread::sleep(Duration::from_millis(30));
        assert!(pace.wait(Duration::from_millis(10), &go), "it has passed");
        assert!(pace.wait(Duration::from_millis(60), &go));
        assert!(pace.started.elapsed() >= Duration::from_millis(60), "never early");
        let schedule = pace.started;
        assert!(pace.wait(Duration::ZERO, &go) && pace.started == schedule);
        let mut moved = Pace { started: schedule, catch_up: Some(Duration::from_millis(1)) };
        assert!(moved.wait(Duration::ZERO, &go) && moved.started > schedule, "a burst would be another load");
        assert!(!pace.wait(Duration::MAX, &AtomicBool::new(true)));
    }
}
