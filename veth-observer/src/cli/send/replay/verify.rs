//! `send --replay --verify`: what became of the frames at the other end.
//!
//! The programs count and time all that leaves an end. Where that is as many frames as were replayed, their ledger is that
//! of the replay, at any rate. Where others sent too, each frame is known at the other end by all its bytes.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;

use super::{super::Send, Plan, Player, open};
use crate::{
    cli::{output::Output, sampling, stop::Stop},
    delivery::Delays,
    fault::Fault,
    model::{
        replay::{Contents, Replayed, Told, Verification},
        report::{DirectionReport, Matching},
        sample::Point,
    },
    observe::{LONGEST_TIMEOUT, Observation, Sampling, Settings},
    replay::Stopped,
    topology::Selected,
};

/// How often to empty the ring of samples.
const LOOK: Duration = Duration::from_millis(5);

/// How many samples to take in one go.
const BATCH: usize = 4096;

/// Frames on their way, by a digest of all their bytes.
#[derive(Debug, Default)]
struct Outstanding {
    random: RandomState,
    frames: Mutex<HashMap<u64, u64>>,
}

impl Outstanding {
    fn add(&self, frame: &[u8]) {
        let digest = self.random.hash_one(frame);
        *self.frames.lock().unwrap_or_else(PoisonError::into_inner).entry(digest).or_default() += 1;
    }

    /// Whether it was outstanding, and no longer is.
    fn take(&self, frame: &[u8]) -> bool {
        let digest = self.random.hash_one(frame);
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = frames.get_mut(&digest) else { return false };
        *count -= 1;
        if *count == 0 {
            frames.remove(&digest);
        }
        true
    }

    fn is_empty(&self) -> bool {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Arrivals that were recognised.
#[derive(Default)]
struct Recognised {
    frames: u64,
    delays: Delays,
}

type Outcome = (Replayed, Result<(), Stopped>, Option<Verification>);

pub(super) async fn run(
    send: &Send,
    selected: &Selected,
    from: usize,
    plan: Plan,
    contents: &Contents,
    stop: &mut Stop,
    out: &Output,
) -> Result<Outcome> {
    if send.timeout > LONGEST_TIMEOUT {
        return Err(Fault::usage("--timeout takes at most 1m with --replay").into());
    }
    let loss_timeout = send.timeout.max(Duration::from_millis(1));
    let snaplen = u32::try_from(contents.longest)?;
    let sampling =
        Sampling { snaplen, ring_bytes: sampling::ring_bytes(snaplen, false), ..Sampling::default() };
    let settings = Settings {
        sampling: Some(sampling),
        loss_timeout,
        kernel_log: out.verbose >= 2,
        ..send.attach.settings()?
    };
    let mut observation = Observation::start(selected, settings).await?;
    let outstanding = Arc::new(Outstanding::default());
    let mut recognised = Recognised::default();
    let before = {
        let outstanding = Arc::clone(&outstanding);
        move |frame: &[u8]| outstanding.add(frame)
    };
    let mut player = Player::start(plan, open(selected, from)?, before);
    let (mut look, mut tend) = (tokio::time::interval(LOOK), tokio::time::interval(Observation::LOOK));
    let (replayed, outcome) = loop {
        tokio::select! {
            done = player.done(stop) => break done?,
            _ = look.tick() => drain(&mut observation, from, &outstanding, &mut recognised)?,
            _ = tend.tick() => { observation.tend().await?; }
        }
    };
    let deadline = tokio::time::Instant::now() + loss_timeout;
    while !outstanding.is_empty() && observation.ended().is_none() {
        let settled = observation.report()?.pairs[0].directions[from].in_flight == 0;
        drain(&mut observation, from, &outstanding, &mut recognised)?;
        if settled || tokio::time::Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let report = stop.last(observation.finish()).await?;
    drain(&mut observation, from, &outstanding, &mut recognised)?;
    observation.flush_log();
    let unseen = observation.sampled()?[1 - from].lost;
    let direction = &report.pairs[0].directions[from];
    let verified = judge(replayed.sent + replayed.refused, direction, &recognised, unseen);
    Ok((replayed, outcome, Some(verified)))
}

/// Takes what the ring holds.
fn drain(
    observation: &mut Observation,
    from: usize,
    outstanding: &Outstanding,
    seen: &mut Recognised,
) -> Result<()> {
    loop {
        let samples = observation.samples(BATCH)?;
        for sample in &samples {
            let arrived = sample.from == from && sample.point == Point::Received;
            if arrived && outstanding.take(&sample.bytes) {
                seen.frames += 1;
                sample.delay_ns().into_iter().for_each(|ns| seen.delays.add(ns));
            }
        }
        if samples.len() < BATCH {
            return Ok(());
        }
    }
}

/// Whose the numbers are.
fn judge(replayed: u64, direction: &DirectionReport, recognised: &Recognised, unseen: u64) -> Verification {
    let sent = direction.sent.frames;
    let alone = sent == replayed && direction.unmatched == 0 && direction.duplicated == 0;
    let dropped = direction.dropped.clone();
    if alone {
        let arrived = direction.received.frames.min(replayed);
        let (missing, delay) = (replayed - arrived, direction.delay.clone());
        return Verification { told: Told::ByCount, arrived, missing, dropped, others: 0, unseen: 0, delay };
    }
    // Where nothing at all died, ours did not either, whatever the ring had no room for.
    let seen_sent = direction.matching != Matching::Digest;
    let all = seen_sent && sent >= replayed && direction.received.frames == sent;
    let arrived = if all { replayed } else { recognised.frames };
    Verification {
        told: Told::ByBytes,
        arrived,
        missing: replayed - arrived.min(replayed),
        dropped,
        others: sent.saturating_sub(replayed),
        unseen,
        delay: recognised.delays.summary(),
    }
}

#[cfg(test)]
mod tests;
