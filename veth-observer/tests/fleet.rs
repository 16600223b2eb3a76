//! `agent`: all pairs of a place at once, against what their devices say.

mod beside;
mod churn;
mod costs;
mod counts;
mod drivers;
mod drops;
mod following;
mod hosts;
mod kills;
mod last_drops;
mod limits;
mod namespaces;
mod one_end;
mod renames;
mod scraping;
mod soak;
mod starved;

use std::{fs, thread, time::Duration};

use serde_json::Value;

pub(crate) use drops::loses_in_time;

use crate::support::{
    command::{Lines, Run},
    netns::{Lab, run},
    traffic::DeviceCounters,
};

/// Of a protocol that nobody speaks, so that nobody answers.
pub(crate) const FRAME: [u8; 100] = {
    let mut frame = [0x5a; 100];
    let head = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    let mut at = 0;
    while at < head.len() {
        frame[at] = head[at];
        at += 1;
    }
    frame
};

/// Namespaces in which nothing is sent that the test does not send.
pub(crate) fn quiet(count: usize) -> Lab {
    let lab = Lab::new(count);
    for at in 0..count {
        for scope in ["all", "default"] {
            lab.exec(at, &["sysctl", "-q", "-w", &format!("net.ipv6.conf.{scope}.disable_ipv6=1")]);
        }
    }
    lab
}

/// Makes pairs from `p{n}` in the first namespace to `q{n}` in the second, up.
pub(crate) fn make(lab: &Lab, numbers: impl Iterator<Item = usize> + Clone) {
    for n in numbers.clone() {
        let (p, q) = (format!("p{n}"), format!("q{n}"));
        let peer = ["type", "veth", "peer", "name", &q, "netns", lab.name(1)];
        run("ip", &[&["-n", lab.name(0), "link", "add", &p][..], &peer].concat());
    }
    for n in numbers {
        lab.ip(0, &["link", "set", &format!("p{n}"), "up"]);
        lab.ip(1, &["link", "set", &format!("q{n}"), "up"]);
    }
}

/// An agent for the pairs with an end in the first namespace of a lab.
pub(crate) struct Agent(pub(crate) Lines);

impl Agent {
    fn start(lab: &Lab, flags: &[&str]) -> Self {
        Self::run(lab, flags, Run::here)
    }

    /// One that is run in some other way.
    fn run(lab: &Lab, flags: &[&str], run: impl FnOnce(&[&str]) -> Run) -> Self {
        let selector = format!("netns:{}/*", lab.name(0));
        let own = [
            "agent",
            "-j",
            "--pairs",
            &selector,
            "--interval",
            "100ms",
            "--web.listen-address",
            "127.0.0.1:0",
        ];
        Self(run(&[&own[..], flags].concat()).lines())
    }

    fn pid(&self) -> u32 {
        self.0.child.pid()
    }

    /// The next report for which `is_it` holds.
    #[track_caller]
    pub(crate) fn report(&self, what: &str, is_it: impl Fn(&Report) -> bool) -> Report {
        let read = |line: &str| Report(serde_json::from_str(line).unwrap());
        read(&self.0.wait_for(what, |line| is_it(&read(line))))
    }

    /// The next report that shows so many pairs under observation.
    #[track_caller]
    pub(crate) fn observing(&self, count: usize) -> Report {
        self.report(&format!("{count} pairs"), |report| report.living() == count)
    }

    fn process(&self) -> Process {
        Process(self.pid())
    }

    pub(crate) fn signal(&self, signal: &str) {
        run("kill", &[signal, &self.pid().to_string()]);
    }
}

/// What the kernel says of a process.
#[derive(Clone, Copy)]
struct Process(u32);

impl Process {
    /// Open files by kind, and threads.
    fn holds(self) -> [usize; 4] {
        let links: Vec<String> = fs::read_dir(format!("/proc/{}/fd", self.0))
            .unwrap()
            .filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned()))
            .collect();
        let of = |kind: &str| links.iter().filter(|link| link.contains(kind)).count();
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).unwrap().count();
        [of("bpf-map"), of("bpf-prog"), of("bpf_link") + of("bpf-link"), threads]
    }

    fn files(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).unwrap().count()
    }

    fn rss_kib(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// User and system time.
    fn cpu(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }
}

pub(crate) struct Report(pub(crate) Value);

impl Report {
    pub(crate) fn pairs(&self) -> &[Value] {
        self.0["pairs"].as_array().unwrap()
    }

    pub(crate) fn living(&self) -> usize {
        self.pairs().iter().filter(|pair| pair["ended"].is_null()).count()
    }

    pub(crate) fn event(&self, name: &str) -> u64 {
        self.0["agent"]["events"][name].as_u64().unwrap()
    }

    /// The pair under observation with an end of that name.
    pub(crate) fn pair(&self, ifname: &str) -> Option<&Value> {
        self.pairs().iter().find(|pair| {
            pair["ended"].is_null()
                && pair["ends"].as_array().unwrap().iter().any(|end| end["ifname"] == ifname)
        })
    }

    /// The direction that leaves the end of that name.
    pub(crate) fn from(&self, ifname: &str) -> Option<&Value> {
        let pair = self.pair(ifname)?;
        let end = pair["ends"].as_array().unwrap().iter().position(|end| end["ifname"] == ifname)?;
        Some(&pair["directions"][end])
    }

    pub(crate) fn count(&self, ifname: &str, what: &str) -> Option<u64> {
        self.from(ifname)?.pointer(what)?.as_u64()
    }
}

fn dropped(direction: &Value) -> u64 {
    direction["dropped"].as_array().unwrap().iter().map(|place| place["frames"].as_u64().unwrap()).sum()
}

/// What left a device between two looks at its counters.
fn left(after: &DeviceCounters, before: &DeviceCounters) -> (u64, u64) {
    (after.tx_packets - before.tx_packets, after.tx_bytes - before.tx_bytes)
}

fn pause() {
    thread::sleep(Duration::from_millis(300));
}
