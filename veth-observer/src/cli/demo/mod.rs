//! `demo`: everything the tool does, on a pair of its own, in a few seconds.

mod traffic;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;

use super::{
    output::Output,
    stop::{Interrupted, Stop},
};
use crate::{
    fault::Fault,
    frame::{
        craft::{Content, EXPERIMENTAL, FrameSpec, craft},
        describe::describe,
    },
    model::report::{DirectionReport, Report},
    netns::Namespace,
    observe::{Observation, Sampling, Settings},
    topology::manage::{self, Address, EndSpec, Made, PairSpec},
    view::{line, report::summary, units},
    wire::PacketSocket,
};

/// Make a pair between two namespaces of its own, send real traffic through it and show what arrived
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo veth-observer demo

It touches nothing of yours: the namespaces have no name and end with the demo, also when it is killed.")]
pub struct Demo {}

// RFC 5737: addresses for documentation, which nobody routes.
const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const DATAGRAMS: u32 = 10_000;
const TCP_BYTES: usize = 64 << 20;

/// Far longer than any frame takes on an idle pair.
const PATIENCE: Duration = Duration::from_secs(2);

impl Demo {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let mut stop = Stop::new()?;
        let verbose = out.verbose;
        // Dropped on the way out whichever way that is: the pair and its namespaces go with it.
        let shown = tokio::select! {
            shown = show(out, verbose) => shown,
            () = stop.wait() => Err(Interrupted.into()),
        };
        if shown.as_ref().is_err_and(anyhow::Error::is::<Interrupted>) {
            super::output::note("removed the pair and both namespaces");
        }
        shown
    }
}

async fn show(out: &mut Output, verbose: u8) -> Result<()> {
    let made = make().await?;
    let [a, b] = &made.pair.ends;
    say(out, "made", &format!("{} <-> {}, each in a network namespace of its own", a.label(), b.label()))?;

    // The pair is its own, so nobody minds what attaching does to it.
    let settings = Settings { kernel_log: verbose >= 2, notice: |_| (), ..Settings::default() };
    let sampling = Some(Sampling { rate: 1, snaplen: 96, ring_bytes: 1 << 16, ..Sampling::default() });
    let mut first = Observation::start(&made.selected(), Settings { sampling, ..settings.clone() }).await?;
    say(out, "attached", "4 programs: ingress and egress on both ends")?;
    frame(out, &made, &mut first).await?;
    drop(first);

    let mut observation = Observation::start(&made.selected(), settings).await?;
    let [near, far] = made.namespaces.clone();
    let sent = blocking(move || traffic::udp(&near, &far, B, DATAGRAMS)).await?;
    let udp = observation.report()?;
    step(out, "UDP", &format!("{sent} datagrams sent"), &udp, None)?;

    let [near, far] = made.namespaces.clone();
    let carried = blocking(move || traffic::tcp(&near, &far, B, TCP_BYTES)).await?;
    let tcp = observation.finish().await?;
    step(out, "TCP", &format!("{} MiB carried", carried >> 20), &tcp, Some(&udp))?;

    out.line("")?;
    if out.wants_json() {
        return out.json(&tcp);
    }
    out.text(&summary(&tcp, out.style()))?;
    drop(observation);
    made.delete()?;
    out.line("")?;
    say(out, "removed", "the pair, the programs and both namespaces")?;
    next(out)
}

async fn make() -> Result<Made> {
    let end = |name: &str, ip: Ipv4Addr| -> Result<EndSpec> {
        let mut end = EndSpec::new(name, Namespace::create_unnamed()?);
        end.addrs.push(Address { ip: IpAddr::V4(ip), prefix: 24 });
        Ok(end)
    };
    let ends = [end("vo-demo-a", A)?, end("vo-demo-b", B)?];
    manage::create(&PairSpec { ends, mtu: None, queues: None, up: true }).await
}

/// One crafted frame, seen at the other end.
async fn frame(out: &mut Output, made: &Made, observation: &mut Observation) -> Result<()> {
    let [a, b] = &made.pair.ends;
    let mac = |mac: &Option<String>| {
        mac.as_deref().unwrap_or_default().parse().context("an end has no MAC address")
    };
    let spec = FrameSpec {
        src_mac: mac(&a.mac)?,
        dst_mac: mac(&b.mac)?,
        vlan: None,
        content: Content::Raw(EXPERIMENTAL),
        payload: b"hello from veth-observer".to_vec(),
        size: None,
    };
    let bytes = craft(&spec, 0)?;
    let socket = made.namespaces[0].run(|| PacketSocket::open(a.ifindex))??;
    socket.send(&bytes)?;
    let what = line::summary(&describe(&bytes, bytes.len()));
    say(out, "sent", &format!("{} B on {}: {what}", bytes.len(), a.label()))?;
    let Some(sample) = observation.arrival(0, &bytes, PATIENCE).await? else {
        return Err(Fault::breached(format!("the frame did not arrive on {}", b.label())).into());
    };
    let delay =
        sample.delay_ns().map_or_else(|| "an unknown time".into(), |ns| units::duration(ns, out.style()));
    say(out, "arrived", &format!("on {} after {delay}", b.label()))
}

/// What a step added to the ledger, both ways.
fn step(out: &mut Output, name: &str, what: &str, now: &Report, before: Option<&Report>) -> Result<()> {
    let directions = |report: &Report| report.pairs[0].directions.clone();
    let before = before.map(directions);
    let added = |way: usize, count: fn(&DirectionReport) -> u64| {
        count(&now.pairs[0].directions[way]) - before.as_ref().map_or(0, |before| count(&before[way]))
    };
    let ways: Vec<String> = (0..2)
        .map(|way| {
            let sent = added(way, |direction| direction.sent.frames);
            let skbs = added(way, |direction| direction.sent.skbs);
            let received = added(way, |direction| direction.received.frames);
            format!("{sent} frames in {skbs} buffers {}, {received} received", ["out", "back"][way])
        })
        .collect();
    say(out, name, &format!("{what}: {}", ways.join("; ")))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn say(out: &mut Output, verb: &str, what: &str) -> Result<()> {
    if out.wants_json() { Ok(()) } else { out.line(format!("{verb:<9} {what}")) }
}

fn next(out: &mut Output) -> Result<()> {
    if out.wants_json() {
        return Ok(());
    }
    out.text(
        "\nNext, on pairs of your own:\n  \
         veth-observer list                 every pair of this host, with its peer and namespaces\n  \
         sudo veth-observer stats NAME      the same ledger for one of them, until Ctrl-C\n  \
         sudo veth-observer watch NAME      its frames as they arrive, each with its delay\n",
    )
}
