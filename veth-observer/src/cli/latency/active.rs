//! `--active`: probe frames of our own, from both ends at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use clap::Args;
use tokio::task::JoinHandle;

use crate::{
    cli::send,
    fault::Fault,
    probe::{self, FASTEST, Plan, SHORTEST, Tally},
    topology::Selected,
    wire::PacketSocket,
};

/// What probes are like.
#[derive(Debug, Args)]
pub(super) struct Probes {
    /// Send probe frames of our own both ways; hosts do not see them, and they are counted apart from traffic
    #[arg(long)]
    pub(super) active: bool,
    /// Probes per second, each way
    #[arg(long, requires = "active", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST)))]
    rate: u32,
    /// Bytes of a probe frame, its Ethernet header included, without check sequence
    #[arg(long, requires = "active", value_name = "BYTES", default_value_t = SHORTEST)]
    size: usize,
}

impl Probes {
    /// Whether frames of that size can pass, and by whom each is to be sent.
    pub(super) fn plans(&self, selected: &Selected, count: Option<u64>) -> Result<[Plan; 2]> {
        let ends = &selected.pair.ends;
        let mtu = ends.iter().filter_map(|end| end.mtu).min();
        let most = mtu.map_or(usize::MAX, |mtu| mtu as usize + crate::frame::craft::HEADER);
        if self.size < SHORTEST || self.size > most {
            return Err(Fault::usage(format!(
                "a probe of {} bytes does not fit: --size takes {SHORTEST} to {most} on this pair (its MTU and the \
                 Ethernet header)",
                self.size
            ))
            .into());
        }
        let mac = |at: usize| {
            let mac = ends[at].mac.as_deref().and_then(|mac| mac.parse().ok());
            mac.with_context(|| format!("the address of {} is not known", ends[at].label()))
        };
        let macs = [mac(0)?, mac(1)?];
        Ok([0, 1].map(|from| Plan {
            src: macs[from],
            dst: macs[1 - from],
            secret: 0,
            size: self.size,
            rate: self.rate,
            count,
        }))
    }
}

/// Two senders at work. Dropped, they stop.
pub(super) struct Senders {
    stop: Arc<AtomicBool>,
    running: [Option<JoinHandle<io::Result<Tally>>>; 2],
    tallies: [Tally; 2],
    selected: Selected,
}

impl Senders {
    /// A socket on each end, opened inside its namespace, which it keeps alive until it is closed.
    pub(super) fn sockets(selected: &Selected) -> Result<[PacketSocket; 2]> {
        Ok([send::open(selected, 0)?, send::open(selected, 1)?])
    }

    pub(super) fn start(
        selected: Selected,
        sockets: [PacketSocket; 2],
        plans: [Plan; 2],
        secret: u64,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut plans = plans.into_iter();
        let running = sockets.map(|socket| {
            let (stop, plan) = (Arc::clone(&stop), plans.next());
            plan.map(|plan| {
                let plan = Plan { secret, ..plan };
                tokio::task::spawn_blocking(move || probe::send(&socket, &plan, &stop))
            })
        });
        Self { stop, running, tallies: [Tally::default(); 2], selected }
    }

    /// Returns when both have sent what they were to send.
    pub(super) async fn done(&mut self) -> Result<()> {
        for at in 0..2 {
            if let Some(task) = &mut self.running[at] {
                let tally = task.await.context("the sender of probes failed")?;
                self.running[at] = None;
                self.tallies[at] =
                    tally.map_err(|error| send::explain(error, &self.selected.pair.ends[at]))?;
            }
        }
        Ok(())
    }

    /// Stops both and says what they did.
    pub(super) async fn stop(&mut self) -> Result<[Tally; 2]> {
        self.stop.store(true, Ordering::Relaxed);
        self.done().await?;
        Ok(self.tallies)
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Returns when both have sent what they were to send; never when there are none.
pub(super) async fn done(senders: &mut Option<Senders>) -> Result<()> {
    match senders {
        Some(senders) => senders.done().await,
        None => std::future::pending().await,
    }
}
