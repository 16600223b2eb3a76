//! The configuration: the command, the file under a running agent, and the pairs that it declares.

mod check;
mod declared;
mod hangup;
mod live;
mod parting;
mod wrong;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use crate::{
    fleet::{self, Report},
    support::{
        command::Run,
        netns::{Lab, eventually},
    },
};

/// A folder of a test's own, with a configuration and what an agent said.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vo-config-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes the file as an editor does: whole, and then in its place.
    fn write(&self, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path("agent.toml")).unwrap();
    }

    /// What agents said so far.
    fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An agent that has been told by a file, which prints reports and serves on a socket in its folder.
struct Agent<'a> {
    agent: fleet::Agent,
    folder: &'a Folder,
}

/// The least that a file of these tests says.
fn base(folder: &Folder, pairs: &[String]) -> String {
    let socket = folder.path("agent.sock");
    format!("pairs = {pairs:?}\ninterval = '100ms'\nweb.listen_address = ['unix:{socket}']\n")
}

fn of(lab: &Lab, ifname: &str) -> String {
    format!("netns:{}/{ifname}", lab.name(0))
}

impl<'a> Agent<'a> {
    fn start(folder: &'a Folder, text: &str) -> Self {
        folder.write(text);
        let script = format!(r#"exec "$0" "$@" 2>>'{}'"#, folder.path("stderr"));
        let run = Run::shell(&script, &["agent", "-j", "--config", &folder.path("agent.toml")]);
        Self { agent: fleet::Agent(run.lines()), folder }
    }

    /// Has it read this.
    fn reload(&self, text: &str) {
        self.folder.write(text);
        self.agent.signal("-HUP");
    }

    #[track_caller]
    fn report(&self, what: &str, is_it: impl Fn(&Report) -> bool) -> Report {
        let end = Instant::now() + Duration::from_mins(1);
        self.agent.report(what, |report| {
            assert!(Instant::now() < end, "still not: {what}: {:#} {}", report.0, self.folder.said());
            is_it(report)
        })
    }

    #[track_caller]
    fn observing(&self, count: usize) -> Report {
        self.report(&format!("{count} pairs"), |report| report.living() == count)
    }

    #[track_caller]
    fn says(&self, what: &str) {
        eventually(&format!("{what:?} in {:?}", self.folder.said()), || self.folder.said().contains(what));
    }

    /// Has it end, and waits.
    #[track_caller]
    fn end(mut self) {
        self.agent.signal("-TERM");
        let child = &mut self.agent.0.child.0;
        assert_eq!(child.wait().unwrap().code(), Some(0), "{}", self.folder.said());
        assert!(!fs::exists(self.folder.path("agent.sock")).unwrap(), "its socket is gone");
    }

    fn metrics(&self) -> String {
        let socket = self.folder.path("agent.sock");
        let answer = Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--max-time",
                "10",
                "--unix-socket",
                &socket,
                "http://localhost/metrics",
            ])
            .output()
            .expect("curl runs");
        String::from_utf8(answer.stdout).unwrap()
    }

    /// One sample of the metrics.
    #[track_caller]
    fn metric(&self, series: &str) -> String {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in\n{text}")).to_owned()
    }
}

/// Why the pair with that end is not observed any more.
fn reason(report: &Report, ifname: &str) -> Option<String> {
    let ended = report.pairs().iter().find(|pair| {
        !pair["ended"].is_null() && pair["ends"].as_array().unwrap().iter().any(|end| end["ifname"] == ifname)
    })?;
    Some(ended["ended"].as_str()?.to_owned())
}
