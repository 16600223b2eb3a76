//! Commands that get their numbers from a running agent, as a user who may nothing but open its socket.

mod choice;
mod counts;
mod endings;
mod frames;
mod refusals;
mod top;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use veth_observer::{
    client::{Address, Client, Moment},
    model::report::{DirectionReport, PairReport},
};

use crate::support::{
    command::{Lines, Run},
    netns::{eventually, run},
    wire::{Wire, X},
};

/// Of the group that may use the sockets here; no file of the machine belongs to it.
const GROUP: u32 = 54_321;

const FRAME: [u8; 100] = {
    let mut frame = [0x5a; 100];
    let head = [2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 0x88, 0xb5];
    let mut at = 0;
    while at < head.len() {
        frame[at] = head[at];
        at += 1;
    }
    frame
};

/// A pair, and a folder for the socket of its agent.
struct Host {
    wire: Wire,
    folder: PathBuf,
    runtime: Runtime,
}

/// An agent that observes the pair of a host.
struct Agent(Lines);

impl Host {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vo-remote-{}-{next}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        Self {
            wire: Wire::new(),
            folder,
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    fn socket(&self) -> String {
        self.folder.join("agent.sock").display().to_string()
    }

    /// The flag by which a command is told to use it.
    fn flag(&self) -> String {
        format!("--agent={}", self.socket())
    }

    /// Starts an agent, lets the group use its socket, and waits until it observes the pair.
    fn agent(&self, flags: &[&str]) -> Agent {
        let (pairs, address) =
            (format!("netns:{}/*", self.wire.lab.name(0)), format!("unix:{}", self.socket()));
        let own = ["agent", "-j", "--pairs", &pairs, "--web.listen-address", &address];
        let agent = Agent(Run::here(&[&own[..], flags].concat()).lines());
        eventually("it observes the pair", || self.pair().is_some());
        chown(self.socket(), None, Some(GROUP)).unwrap();
        agent
    }

    fn moment(&self) -> Option<Moment> {
        let address = Address::Unix(self.socket().into());
        self.runtime.block_on(async { Client::connect(address).await.ok()?.all().await.ok() })
    }

    /// The pair as the agent has it now.
    fn pair(&self) -> Option<PairReport> {
        self.moment()?.pairs.into_iter().map(|(_, pair)| pair).find(|pair| pair.ended.is_none())
    }

    /// What leaves the first end, as the agent has it now: of two ends in other namespaces than its own, either may stand
    /// first there.
    fn out(&self) -> Option<DirectionReport> {
        self.pair()?.directions.into_iter().find(|direction| direction.from == X)
    }

    /// A command on the pair, by a member of the group.
    fn member(&self, command: &str, more: &[&str]) -> Run {
        Run::in_group(GROUP, &[&[command, &self.wire.selector(), &self.flag(), "-j"][..], more].concat())
    }

    fn send(&self, frames: u64) {
        self.wire.lab.send_frames(0, X, &FRAME, frames);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Agent {
    fn signal(&self, signal: &str) {
        run("kill", &[signal, &self.0.child.pid().to_string()]);
    }

    /// Ends it at once, as nobody may expect.
    fn kill(mut self) {
        self.0.child.0.kill().unwrap();
        self.0.child.0.wait().unwrap();
    }
}

/// What one direction came to: sent, received, dropped, lost, in flight, unexplained.
fn fates(report: &Value, way: usize) -> [i64; 6] {
    let direction = &report["pairs"][0]["directions"][way];
    let count = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{direction:#}"));
    let dropped = direction["dropped"].as_array().unwrap().iter().map(|place| count(&place["frames"])).sum();
    let [sent, received] = ["sent", "received"].map(|what| count(&direction[what]["frames"]));
    let [lost, in_flight, unexplained] =
        ["lost", "in_flight", "unexplained"].map(|what| count(&direction[what]));
    [sent, received, dropped, lost, in_flight, unexplained]
}
