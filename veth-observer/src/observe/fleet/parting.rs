//! Pairs that are still there and not to be observed any more: each leaves once what it had in flight has landed or is lost.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::{super::ledgers::LANDING, Fleet, Member};

/// How often to look whether they can go.
pub(super) const SEE_OFF: Duration = Duration::from_millis(20);

const UNSELECTED: &str = "it is no longer selected";
const TOO_MANY: &str = "there are more pairs than may be observed";

pub(super) struct Parting {
    since: Instant,
    reason: &'static str,
}

impl Fleet {
    /// Begins to part with pairs that are not selected, and of too many with those that came last.
    pub(super) fn part(&mut self) {
        let mut room = self.settings.selection.max_pairs;
        for member in self.members.values_mut().filter(|member| member.parting.is_none()) {
            let is_unselected = self.seen.contains_key(&member.key) && !self.selected.contains(&member.key);
            if is_unselected {
                member.part(UNSELECTED);
            } else if room == 0 {
                member.part(TOO_MANY);
            } else {
                room -= 1;
            }
        }
    }

    /// Concludes those of which nothing is in flight any more.
    pub(super) fn see_off(&mut self) {
        if let Err(error) = self.blocks.look() {
            debug!("{error:#}");
        }
        let timeout = self.settings.loss_timeout;
        let gone: Vec<u64> = self
            .members
            .iter_mut()
            .filter_map(|(id, member)| member.may_go(timeout).then_some(*id))
            .collect();
        for id in &gone {
            self.conclude(*id);
        }
        if !gone.is_empty() {
            self.choose();
        }
    }
}

impl Member {
    fn part(&mut self, reason: &'static str) {
        if let Err(error) = self.observation.part() {
            warn!("a pair is left before what it had in flight has landed: {error:#}");
        }
        self.parting = Some(Parting { since: Instant::now(), reason });
    }

    fn may_go(&mut self, timeout: Duration) -> bool {
        let Some(Parting { since, reason }) = &self.parting else { return false };
        // Programs that had begun before they were told have ended by then.
        let may_go = since.elapsed() >= LANDING
            && (since.elapsed() >= timeout || self.observation.has_landed().unwrap_or(true));
        if may_go {
            self.observation.end(reason);
        }
        may_go
    }
}
