//! `send --verify`: each frame is waited for at the other end.

use anyhow::Result;
use serde::Serialize;

use super::{
    Frames, Send,
    crafted::sent,
    device::{explain, open},
};
use crate::{
    cli::{output::Output, sampling::ring_bytes, stop::Stop},
    fault::Fault,
    model::{SCHEMA, link::End, sample::Sample},
    observe::{Observation, Sampling, Settings},
    topology::Selected,
    view::{escape, units},
};

/// One frame, as JSON gives it.
#[derive(Serialize)]
struct Verified<'a> {
    schema: u32,
    from: &'a str,
    to: &'a str,
    /// 1 for the first.
    number: u64,
    bytes: usize,
    arrived: bool,
    delay_ns: Option<u64>,
}

pub(super) async fn run(
    send: &Send,
    selected: &Selected,
    from: usize,
    frames: &Frames,
    out: &mut Output,
) -> Result<()> {
    let [sender, receiver] = [&selected.pair.ends[from], &selected.pair.ends[1 - from]];
    let [near, far] = [sender, receiver].map(End::label);
    let mut stop = Stop::new()?;
    let snaplen = u32::try_from(frames.get(1)?.len())?;
    let sampling = Sampling { snaplen, ring_bytes: ring_bytes(snaplen, false), ..Sampling::default() };
    let settings =
        Settings { sampling: Some(sampling), kernel_log: out.verbose >= 2, ..send.attach.settings()? };
    let mut observation = Observation::start(selected, settings).await?;
    let socket = open(selected, from)?;

    let (mut tried, mut missing) = (0, 0);
    while tried < send.many() {
        let frame = frames.get(tried + 1)?;
        match socket.send(&frame) {
            // The device dropped it at once: it will be missed.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
            done => done.map_err(|error| explain(error, sender))?,
        }
        tried += 1;
        if !out.wants_json() {
            out.line(sent(sender, &frame))?;
        }
        let sample = tokio::select! {
            sample = observation.arrival(from, &frame, send.timeout) => sample?,
            () = stop.wait() => { tried -= 1; break }
        };
        observation.flush_log();
        missing += u64::from(sample.is_none());
        if out.wants_json() {
            let delay_ns = sample.as_ref().and_then(Sample::delay_ns);
            let (number, arrived) = (tried, sample.is_some());
            let (from, to) = (near.as_str(), far.as_str());
            out.json(&Verified { schema: SCHEMA, from, to, number, bytes: frame.len(), arrived, delay_ns })?;
        } else {
            let far = escape::name(&far);
            out.line(match sample.as_ref().map(Sample::delay_ns) {
                Some(Some(ns)) => format!("arrived on {far} after {}", units::duration(ns, out.style())),
                Some(None) => format!("arrived on {far} past the egress hook, so without a delay"),
                None => format!("did not arrive on {far}"),
            })?;
        }
        if let Some(why) = observation.ended() {
            return Err(anyhow::anyhow!("stopped after {tried} frames: {why}"));
        }
        if tried < send.many()
            && let Some(interval) = send.interval
            && tokio::time::timeout(interval, stop.wait()).await.is_ok()
        {
            break;
        }
    }
    if missing > 0 {
        let timeout = units::duration(u64::try_from(send.timeout.as_nanos())?, out.style());
        let message =
            format!("{missing} of {tried} frames did not arrive on {} within {timeout}", escape::name(&far));
        return Err(Fault::breached(message).into());
    }
    Ok(())
}
