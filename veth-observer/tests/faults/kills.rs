//! SIGKILL at random points of attaching and detaching, on devices that others use too.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};
use veth_observer::attach::Method;

use super::{balance, frame, last_pair};
use crate::{
    attach::inventory,
    support::{
        bpf::{self, Hook},
        command::Run,
        netns::{alone, eventually},
        wire::{METHODS, Wire, X, Y},
    },
};

/// Over each kind of hook; half while it attaches, half while it detaches.
const KILLS: u32 = 26;

const COUNT: i64 = 20;

/// Marsaglia's xorshift: which points are hit must differ from run to run, and be the same again when asked for.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = match std::env::var("VETH_OBSERVER_SEED") {
            Ok(seed) => seed.parse().expect("a number"),
            Err(_) => now.as_secs() << 20 | u64::from(now.subsec_micros()),
        };
        Self { seed, state: seed | 1 }
    }

    /// Between 0 and 1, of a duration.
    fn part_of(&mut self, whole: Duration) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        whole * u32::try_from(self.state % 1000).unwrap() / 1000
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat it with VETH_OBSERVER_SEED={}", self.seed);
        }
    }
}

/// A wire with two tcx programs at Y, and a clsact qdisc with filters both ways at X.
struct Crowded {
    wire: Wire,
    filters: String,
    programs: Vec<u32>,
    _links: [OwnedFd; 2],
}

impl Crowded {
    fn new() -> Self {
        let wire = Wire::new();
        let (space, ifindex) = (wire.lab.namespace(1), wire.lab.ifindex(1, Y));
        let links = ["one", "another"].map(|name| {
            let program = bpf::load(Hook::TcxIngress, name, -1);
            space.run(|| bpf::attach(&program, ifindex, Hook::TcxIngress)).unwrap()
        });
        wire.lab.exec(0, &["tc", "qdisc", "add", "dev", X, "clsact"]);
        for (way, priority) in [("ingress", "7"), ("ingress", "9"), ("egress", "8")] {
            let filter = ["tc", "filter", "add", "dev", X, way, "pref", priority];
            wire.lab.exec(0, &[&filter[..], &["bpf", "da", "bytecode", "1,6 0 0 4294967295,"]].concat());
        }
        let mut this = Self { filters: inventory(&wire), programs: Vec::new(), wire, _links: links };
        this.programs = this.tcx();
        assert_eq!((this.programs.len(), this.filters.matches("bytecode").count()), (2, 3));
        this
    }

    fn tcx(&self) -> Vec<u32> {
        let ifindex = self.wire.lab.ifindex(1, Y);
        self.wire.lab.namespace(1).run(|| bpf::tcx_programs(ifindex, Hook::TcxIngress)).unwrap()
    }

    /// What others have is there, in its order, whatever of ours is beside it.
    fn is_unharmed(&self) {
        let tcx: Vec<u32> = self.tcx().into_iter().filter(|id| self.programs.contains(id)).collect();
        assert_eq!(tcx, self.programs);
        let now = inventory(&self.wire);
        let theirs: Vec<&str> = now.lines().filter(|line| line.contains("bytecode")).collect();
        let before: Vec<&str> = self.filters.lines().filter(|line| line.contains("bytecode")).collect();
        assert_eq!(theirs, before);
        assert!(now.matches("qdisc clsact").count() <= 2, "{now}");
    }

    /// Nothing of ours is left, by three witnesses.
    fn is_clean(&self) {
        eventually("only their tcx programs are there", || self.tcx() == self.programs);
        assert_eq!(inventory(&self.wire), self.filters);
        let listed = Run::here(&["cleanup", "--dry-run", "-j"]).outcome().json().to_string();
        for at in 0..2 {
            assert!(!listed.contains(self.wire.lab.name(at)), "{listed}");
        }
    }

    fn stats(&self, method: Method) -> Run {
        let (selector, method) = (self.wire.selector(), method.to_string());
        Run::here(&["stats", &selector, "--attach", &method, "-j"])
    }

    fn send(&self) {
        self.wire.lab.send_frames(0, X, &frame(), COUNT.cast_unsigned());
        self.wire.lab.send_frames(1, Y, &frame(), COUNT.cast_unsigned());
    }

    /// How long it takes to attach, and to detach, with every frame in between counted.
    fn observed(&self, method: Method) -> [Duration; 2] {
        let begun = Instant::now();
        let running = self.stats(method).observing();
        let attached = begun.elapsed();
        self.send();
        let begun = Instant::now();
        let pair = last_pair(&running.interrupt());
        let detached = begun.elapsed();
        for direction in 0..2 {
            assert_eq!(balance(&pair, direction), [COUNT, COUNT, 0, 0, 0, 0], "{method}");
        }
        [attached, detached]
    }
}

#[test]
fn a_kill_at_any_point_harms_nobody_and_the_next_start_clears_up() {
    let _alone = alone();
    let mut random = Random::new();
    for method in METHODS {
        let crowded = Crowded::new();
        let mut times = crowded.observed(method);
        crowded.is_clean();
        let mut left = Vec::new();
        for kill in 0..KILLS {
            if kill % 2 == 0 {
                let running = crowded.stats(method).lines();
                // Rather late than early: first it loads the programs, which leaves nothing anywhere.
                let before_the_end = random.part_of(times[0]);
                std::thread::sleep(times[0].saturating_sub(random.part_of(before_the_end)));
                drop(running);
            } else {
                let running = crowded.stats(method).observing();
                crowded.send();
                let pid = Pid::from_raw(running.pid().cast_signed()).unwrap();
                kill_process(pid, Signal::INT).unwrap();
                std::thread::sleep(random.part_of(times[1]));
                drop(running);
            }
            crowded.is_unharmed();
            left.push(inventory(&crowded.wire).matches(" direct-action not_in_hw id ").count());
            crowded.send();
            times = crowded.observed(method);
            crowded.is_unharmed();
            crowded.is_clean();
        }
        let some_were_hit = left.iter().any(|&filters| filters > 0);
        assert_eq!(some_were_hit, method == Method::Clsact, "{left:?}");
    }
}
