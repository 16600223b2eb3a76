//! Pushing over OTLP, to a receiver that decodes what comes, and through a collector that others made.

mod failing;
mod numbers;
mod observed;
mod received;
mod receiver;
mod rotel;
mod secure;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use veth_observer::{
    agent::{
        http::Limits,
        otlp::{Flags, Pushing},
        source::Source,
    },
    model::snapshot::Snapshot,
};

use super::{Agent, flags, versions};
use crate::support::{
    command::PROGRAM,
    netns::{Background, run},
};

/// A server and a push of the same snapshots.
fn serving(mut collect: impl FnMut(u64) -> Snapshot + Send + 'static) -> (Agent, Source) {
    let (source, mut requests) = Source::new();
    let agent = Agent::of_source(&flags(&["127.0.0.1:0"]), Limits::default(), source.clone());
    agent.runtime().spawn(async move {
        for taken in 0.. {
            requests.due().await;
            requests.answer(now(collect(taken)));
        }
    });
    (agent, source)
}

fn pushing(source: Source, endpoint: &str, interval: Duration) -> Pushing {
    let flags = Flags { otlp_endpoint: Some(endpoint.to_owned()), otlp_interval: Some(interval) };
    Pushing::start(&flags, source, versions()).unwrap().expect("it pushes")
}

/// The built program with a push, observing the pairs of one namespace.
struct Program(Background);

impl Program {
    fn start(netns: &str, variables: &[(&str, &str)], flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["agent", "--web.listen-address", "127.0.0.1:0", "--pairs", &format!("netns:{netns}/*")])
            .args(flags)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(Background::start(&mut command))
    }

    /// What it prints with `-j`, as it comes.
    fn reports(&mut self) -> impl Iterator<Item = serde_json::Value> + use<> {
        let stdout = BufReader::new(self.0.0.stdout.take().expect("a pipe"));
        stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    }

    /// What it said until it ended, which it must have done well.
    fn interrupt(self) -> String {
        run("kill", &["-INT", &self.0.pid().to_string()]);
        self.said(0)
    }

    fn said(mut self, code: i32) -> String {
        let mut said = String::new();
        let mut stderr = self.0.0.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut said).expect("UTF-8");
        assert_eq!(self.0.0.wait().unwrap().code(), Some(code), "{said}");
        said
    }
}

/// As if it were taken now, of pairs that are observed for as long as they say.
fn now(mut snapshot: Snapshot) -> Snapshot {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    let taken_ns = 1_000_000_000_000 + u64::try_from(BEGINNING.elapsed().as_nanos()).unwrap();
    (snapshot.agent.taken_ns, snapshot.agent.taken_unix_ns) = (taken_ns, unix_ns());
    for pair in &mut snapshot.report.pairs {
        pair.started_ns = taken_ns - pair.elapsed_ns;
    }
    snapshot
}

fn unix_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}
