//! What every observing command takes, and how it begins.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    attach::Method,
    fault::Fault,
    observe::{Hook, LONGEST_TIMEOUT, Observation, Sampling, Settings},
    topology::{self, Selected},
};

#[derive(Debug, Args)]
pub(super) struct Observing {
    /// The pair, by either end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    #[arg(value_parser = super::alias::resolved)]
    pub(super) pair: String,
    /// Stop after this long, for example 10s or 2m; a report then waits for frames in flight, at most --loss-timeout
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub(super) duration: Option<Duration>,
    /// Count a frame as lost when it has not arrived after this long, at most 1m [default: 2s, or the agent's]
    #[arg(long, value_parser = loss_timeout, value_name = "DURATION")]
    pub(super) loss_timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) attach: Attach,
}

/// How the programs are tied to the ends.
#[derive(Debug, Args)]
pub(super) struct Attach {
    /// Where the programs go: tcx links, which lose no frame, or filters on a clsact qdisc, for kernels before 6.6
    #[arg(long = "attach", value_enum, default_value_t = Kind::Auto, value_name = "KIND")]
    kind: Kind,
    /// Where a frame has arrived: at tc ingress, or before it at XDP. XDP is felt by the traffic, and what it costs is said
    /// before; a device takes but one XDP program
    #[arg(long, value_enum, default_value_t = At::Tc, value_name = "HOOK")]
    hook: At,
    /// XDP in the driver, where frames are known by their bytes alone, or generic, where each carries its stamp; native
    /// unless said otherwise
    #[arg(long, value_enum, value_name = "MODE")]
    xdp_mode: Option<Mode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum At {
    Tc,
    Xdp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Native,
    Generic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Auto,
    Tcx,
    Clsact,
}

impl Attach {
    /// A flag that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--attach", self.kind != Kind::Auto),
            ("--hook", self.hook != At::Tc),
            ("--xdp-mode", self.xdp_mode.is_some()),
        ];
        flags.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }

    /// Settings with this method and with what traffic may feel told on standard error.
    pub(super) fn settings(&self) -> Result<Settings> {
        let hook = match (self.hook, self.xdp_mode) {
            (At::Tc, None) => Hook::Tc,
            (At::Tc, Some(_)) => {
                return Err(Fault::usage("--xdp-mode says nothing without --hook xdp")
                    .fix("--hook xdp")
                    .into());
            }
            (At::Xdp, mode) => Hook::Xdp { generic: mode == Some(Mode::Generic) },
        };
        let attach = match self.kind {
            Kind::Auto => Method::Auto,
            Kind::Tcx => Method::Tcx,
            Kind::Clsact => Method::Clsact,
        };
        let notice = |sentence: &str| super::output::note(sentence);
        Ok(Settings { attach, hook, notice, ..Settings::default() })
    }
}

impl Observing {
    /// Attaches, and says on standard error that it has: from that line on every frame counts.
    pub(super) async fn start(&self, sampling: Option<Sampling>, verbose: u8) -> Result<Observation> {
        let settings = Settings { sampling, ..self.settings(verbose)? };
        self.start_on(&topology::select(&self.pair).await?, settings).await
    }

    /// What the flags say.
    pub(super) fn settings(&self, verbose: u8) -> Result<Settings> {
        let settings = self.attach.settings()?;
        Ok(Settings { loss_timeout: self.timeout(), kernel_log: verbose >= 2, ..settings })
    }

    /// After which a frame is lost where no agent says otherwise.
    pub(super) fn timeout(&self) -> Duration {
        self.loss_timeout.unwrap_or(LOSS_TIMEOUT)
    }

    /// The same as [`Observing::start`], on a pair that was looked up.
    pub(super) async fn start_on(&self, selected: &Selected, settings: Settings) -> Result<Observation> {
        let observation = Observation::start(selected, settings).await?;
        let [a, b] = &selected.pair.ends;
        let until = if self.duration.is_some() { "" } else { "; Ctrl-C ends it" };
        super::output::note(format!(
            "observing {} ({}) <-> {} ({}){until}",
            a.label(),
            a.home(),
            b.label(),
            b.home()
        ));
        Ok(observation)
    }
}

const LOSS_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn loss_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if timeout < Duration::from_millis(1) || timeout > LONGEST_TIMEOUT {
        return Err("must lie between 1ms and 1m".into());
    }
    Ok(timeout)
}
