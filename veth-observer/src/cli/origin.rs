//! Where numbers come from: a running agent, or programs of our own.

use anyhow::{Result, anyhow};
use clap::Args;
use tracing::debug;

use super::{observing::Observing, output, remote::Remote};
use crate::{
    client::{Address, Client, JOIN, Trouble},
    fault::{Fault, Kind},
};

/// Says where the agent is, and that it is to be used.
const VARIABLE: &str = "VETH_OBSERVER_AGENT";

/// Neither flag means: by the agent where it can answer, and else by ourselves.
#[expect(clippy::option_option, reason = "without a value the flag means the variable, or the usual place")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Source options")]
pub(super) struct Origin {
    /// Take the numbers from the agent, or fail: from the one at /run/veth-observer/agent.sock, or at another socket or
    /// http://HOST:PORT; VETH_OBSERVER_AGENT names one too
    #[arg(
        long,
        value_name = "SOCKET",
        num_args = 0..=1,
        require_equals = true
    )]
    agent: Option<Option<Address>>,
    /// Count by programs of our own, also where an agent runs; takes root
    #[arg(long, conflicts_with = "agent")]
    direct: bool,
}

impl Origin {
    /// The agent that must be used.
    pub(super) fn wanted(&self) -> Result<Option<Address>> {
        if self.direct || matches!(self.agent, Some(Some(_))) {
            return Ok(self.agent.clone().flatten());
        }
        let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) else {
            return Ok(self.agent.is_some().then(Address::default));
        };
        let address = text.to_string_lossy().parse();
        Ok(Some(address.map_err(|why| Fault::usage(format!("{VARIABLE}={}: {why}", text.display())))?))
    }

    /// Whether no agent may be used.
    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The pair as an agent counts it, and says on standard error that it does; none when we are to count by ourselves.
    /// `alone` is a flag that no agent can follow.
    pub(super) async fn remote(&self, observing: &Observing, alone: Option<&str>) -> Result<Option<Remote>> {
        if let Some(address) = self.wanted()? {
            if let Some(flag) = alone {
                let message = format!(
                    "{flag} takes programs of our own on the pair, and an agent attaches none for us"
                );
                return Err(Fault::usage(message).fix("--direct").into());
            }
            let client = Client::connect(address.clone()).await.map_err(|trouble| trouble.at(&address))?;
            let mut remote = Remote::find(client, &observing.pair).await?;
            if let Some(asked) = observing.loss_timeout.filter(|asked| *asked != remote.loss_timeout()) {
                let message = format!(
                    "the agent counts a frame as lost after {}, and not after {}",
                    humantime::format_duration(remote.loss_timeout()),
                    humantime::format_duration(asked)
                );
                return Err(Fault::usage(message).fix("--direct, or leave --loss-timeout out").into());
            }
            remote.begin(observing.duration.is_some()).await?;
            return Ok(Some(remote));
        }
        if self.direct || alone.is_some() {
            return Ok(None);
        }
        match self.offered(observing).await {
            Ok(remote) => Ok(Some(remote)),
            Err(why) => {
                debug!("no agent counts this: {why:#}");
                Ok(None)
            }
        }
    }

    /// From the agent at the usual place, if it has just what is asked for.
    async fn offered(&self, observing: &Observing) -> Result<Remote> {
        let client = Client::connect(Address::default()).await.inspect_err(|trouble| {
            if *trouble == Trouble::Denied {
                output::note(format!(
                    "an agent runs here that this user may not ask; to be allowed to: {JOIN}"
                ));
            }
        })?;
        let mut remote = Remote::find(client, &observing.pair).await?;
        if observing.loss_timeout.is_some_and(|asked| asked != remote.loss_timeout()) {
            return Err(anyhow!("it has another loss timeout"));
        }
        remote.begin(observing.duration.is_some()).await?;
        Ok(remote)
    }
}

/// What a selector means among pairs of an agent is not there, or not alone.
pub(super) fn not_among(fault: Fault, address: &Address) -> Fault {
    match fault.kind {
        Kind::NotFound => {
            Fault { message: format!("{} (asked the agent at {address})", fault.message), ..fault }
        }
        _ => fault,
    }
}
