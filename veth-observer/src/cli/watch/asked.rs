//! `--agent`: frames that a running agent watches for us.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep_until};

use super::{Watch, input::Tally, printer::Printer};
use crate::{
    agent::frames::Question,
    cli::{
        output::{self, Output},
        remote::Remote,
        stop::Stop,
    },
    client::{Address, Client, Trouble},
    fault::Fault,
};

/// After Ctrl-C, how long to wait for what the agent left out: it tells it every second.
const GRACE: Duration = Duration::from_millis(1500);

pub(super) async fn run(watch: Watch, address: Address, out: &mut Output) -> Result<()> {
    let mut stop = Stop::new()?;
    let (sample, filter) = watch.sampling.asked().map_err(alone)?;
    let flag = watch.observing.attach.given().or((!watch.command.is_empty()).then_some("-- COMMAND"));
    if let Some(flag) = flag {
        return Err(alone(flag).into());
    }
    let client = Client::connect(address.clone()).await.map_err(|trouble| trouble.at(&address))?;
    let remote = Remote::find(client, &watch.observing.pair).await?;
    if watch.observing.loss_timeout.is_some_and(|asked| asked != remote.loss_timeout()) {
        return Err(alone("another --loss-timeout").into());
    }
    let (client, id, [a, b], is_turned) = remote.found();
    let mut printer = Printer::new(watch.form, watch.choice.is_mixed(watch.choice.departures()));
    let question = Question {
        filter,
        sample,
        snaplen: watch.snaplen,
        hex: printer.wants_bytes(),
        count: printer.count(),
        ..watch.choice.question(is_turned)
    };
    let mut lines =
        client.frames(id, &question.query()).await.map_err(|trouble| refused(&trouble, &address))?;
    output::note(format!(
        "observing {} ({}) <-> {} ({}), watched by the agent at {address}{}",
        a.label(),
        a.home(),
        b.label(),
        b.home(),
        if watch.observing.duration.is_some() { "" } else { "; Ctrl-C ends it" }
    ));
    stop.within(watch.observing.duration);
    let (mut tally, mut last, mut failure) = (Tally::default(), None, None);
    while !tally.has_ended() {
        tokio::select! {
            () = stop.wait(), if last.is_none() => {
                last = Some(Instant::now() + GRACE);
                tally.forget_progress();
            }
            () = until(last) => break,
            batch = lines.next() => match batch {
                Ok(Some(batch)) => tally.take(batch, &watch.choice, &mut printer, out)?,
                Ok(None) | Err(Trouble::Closed) => {
                    let message = format!("the agent at {address} has ended meanwhile");
                    failure = Some(Fault::failed(message).fix("begin anew, or --direct to watch without it (as root)"));
                    break;
                }
                Err(trouble) => {
                    failure = Some(trouble.at(&address));
                    break;
                }
            }
        }
        if last.is_some() && tally.has_progress() {
            break;
        }
    }
    tally.say(&printer, &watch.choice, out)?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A flag that takes programs of our own.
fn alone(flag: &str) -> Fault {
    Fault::usage(format!("the agent watches as it was started, and cannot follow {flag}"))
        .fix("--direct (as root)")
}

fn refused(trouble: &Trouble, address: &Address) -> Fault {
    match trouble {
        Trouble::Refused(403, line) => {
            Fault::unavailable(format!("the agent at {address} refuses: {line}")).fix("--direct (as root)")
        }
        Trouble::Refused(400, line) => Fault::usage(line.clone()),
        Trouble::Refused(_, line) => {
            Fault::failed(format!("the agent at {address} cannot: {line}")).fix("try again later")
        }
        other => other.at(address),
    }
}
