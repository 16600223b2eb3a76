//! One pair as a running agent counts it, from the moment that we begin.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::{origin::not_among, output};
use crate::{
    client::{Client, Moment, Trouble},
    delivery::window::between,
    fault::Fault,
    model::{
        link::{End, Pair},
        report::{PairReport, Report},
    },
    topology,
};

/// An agent takes its numbers anew when they are older than 100 ms: whoever has waited this long is shown what came after.
pub(super) const ANEW: Duration = Duration::from_millis(110);

/// How long to wait for a moment at which no frame is on its way. Where frames always are, those of the beginning are told
/// apart by their number alone.
const QUIET: Duration = Duration::from_secs(1);

pub(super) struct Remote {
    client: Client,
    /// Of the observation.
    id: u64,
    /// The end that was named.
    named: usize,
    /// By which this agent is known.
    started_ns: u64,
    loss_timeout: Duration,
    first: PairReport,
    last: PairReport,
    /// Why there is nothing more to be had from the agent.
    failure: Option<Fault>,
}

impl Remote {
    /// How often to look whether the pair is there yet.
    pub(super) const LOOK: Duration = Duration::from_secs(1);

    /// The pair among those that the agent observes.
    pub(super) async fn find(mut client: Client, selector: &str) -> Result<Self> {
        let moment = client.all().await.map_err(|trouble| trouble.at(client.address()))?;
        let living: Vec<&(u64, PairReport)> =
            moment.pairs.iter().filter(|(_, pair)| pair.ended.is_none()).collect();
        let pairs: Vec<Pair> = living.iter().map(|(_, pair)| Pair { ends: pair.ends.clone() }).collect();
        let called: Vec<String> = living.iter().map(|(_, pair)| pair.pair.clone()).collect();
        let found = topology::among(selector, &pairs, &called);
        let (at, named) = match (found, &moment.agent.ready) {
            (Ok(found), _) => found,
            (Err(_), Err(why)) => {
                let message = format!("the agent at {} is not ready: {why}", client.address());
                return Err(Fault::failed(message).fix("try again in a moment").into());
            }
            (Err(fault), Ok(())) => return Err(not_among(fault, client.address()).into()),
        };
        let (id, first) = living[at].clone();
        let (started_ns, loss_timeout) =
            (moment.agent.started_ns, Duration::from_nanos(moment.agent.loss_timeout_ns));
        Ok(Self { client, id, named, started_ns, loss_timeout, last: first.clone(), first, failure: None })
    }

    /// Whom to ask, for which observation, and its ends, the one that was named first; true when the agent has them the other
    /// way round.
    pub(super) fn found(self) -> (Client, u64, [End; 2], bool) {
        let mut ends = self.last.ends;
        ends.rotate_left(self.named);
        (self.client, self.id, ends, self.named == 1)
    }

    pub(super) fn loss_timeout(&self) -> Duration {
        self.loss_timeout
    }

    /// Begins: what has been sent until now is not ours. Says on standard error who counts.
    pub(super) async fn begin(&mut self, is_limited: bool) -> Result<()> {
        let deadline = Instant::now() + QUIET.min(self.loss_timeout);
        loop {
            sleep(ANEW).await;
            self.look().await;
            if let Some(fault) = self.failure.take() {
                return Err(fault.into());
            }
            if has_landed(&self.last) || self.last.ended.is_some() || Instant::now() >= deadline {
                break;
            }
        }
        self.first = self.last.clone();
        let until = if is_limited { "" } else { "; Ctrl-C ends it" };
        let [a, b] = [self.named, 1 - self.named].map(|end| &self.first.ends[end]);
        output::note(format!(
            "observing {} ({}) <-> {} ({}), counted by the agent at {}{until}",
            a.label(),
            a.home(),
            b.label(),
            b.home(),
            self.client.address()
        ));
        Ok(())
    }

    /// What came since the beginning.
    pub(super) async fn report(&mut self) -> Report {
        self.look().await;
        self.so_far()
    }

    /// The same at the end, when what is under way has landed or is lost.
    pub(super) async fn finish(&mut self) -> Report {
        let deadline = Instant::now() + self.loss_timeout;
        loop {
            // The first time for what was sent just now.
            sleep(ANEW).await;
            self.look().await;
            if has_landed(&self.last) || self.is_over() || Instant::now() >= deadline {
                return self.so_far();
            }
        }
    }

    pub(super) fn verdict(&self) -> Result<()> {
        self.failure.clone().map_or(Ok(()), |fault| Err(fault.into()))
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || self.last.ended.is_some()
    }

    async fn look(&mut self) {
        if self.is_over() {
            return;
        }
        match self.client.one(self.id).await {
            Ok(Some(moment)) if moment.agent.started_ns == self.started_ns => self.take(moment),
            Ok(Some(_)) => self.fail("was restarted"),
            // Another agent may have no such observation yet.
            Ok(None) => match self.client.all().await {
                Ok(moment) if moment.agent.started_ns == self.started_ns => {
                    self.last.ended = Some("the agent does not observe it any more".into());
                }
                Ok(_) => self.fail("was restarted"),
                Err(trouble) => self.trouble(&trouble),
            },
            Err(trouble) => self.trouble(&trouble),
        }
    }

    fn take(&mut self, moment: Moment) {
        if let Some((_, pair)) = moment.pairs.into_iter().find(|(id, _)| *id == self.id) {
            self.last = pair;
        }
    }

    fn trouble(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Absent | Trouble::Closed => self.fail("has ended"),
            _ => self.failure = Some(trouble.at(self.client.address())),
        }
    }

    fn fail(&mut self, what: &str) {
        let message = format!("the agent at {} {what} meanwhile", self.client.address());
        self.failure =
            Some(Fault::failed(message).fix("begin anew, or --direct to count without it (as root)"));
    }

    /// As a command of our own would tell it: the end that was named first.
    fn so_far(&self) -> Report {
        let mut pair = between(&self.first, &self.last);
        if let Some(failure) = &self.failure {
            pair.ended = Some(failure.message.clone());
        }
        pair.ends.rotate_left(self.named);
        pair.directions.rotate_left(self.named);
        pair.pair.clone_from(&pair.directions[0].from);
        Report::new(vec![pair])
    }
}

/// Nothing is on its way at either end.
fn has_landed(pair: &PairReport) -> bool {
    pair.directions.iter().all(|direction| direction.in_flight == 0)
}
