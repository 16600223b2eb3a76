//! What others have on the devices is there before, during and after, and works.

use std::os::fd::OwnedFd;

use super::inventory;
use crate::support::{
    bpf::{self, Hook},
    netns::run,
    wire::{METHODS, Wire, X, Y},
};

const COUNT: u64 = 1000;

/// Has the kernel count how often programs run, as long as this lives.
struct RunCounts(String);

impl RunCounts {
    fn new() -> Self {
        let before = run("sysctl", &["-n", "kernel.bpf_stats_enabled"]);
        run("sysctl", &["-q", "-w", "kernel.bpf_stats_enabled=1"]);
        Self(before.trim().to_owned())
    }
}

impl Drop for RunCounts {
    fn drop(&mut self) {
        run("sysctl", &["-q", "-w", &format!("kernel.bpf_stats_enabled={}", self.0)]);
    }
}

/// A wire with a tcx program at Y, a clsact filter at X that shoots one EtherType on the way in, and a queue at Y.
struct Crowded {
    wire: Wire,
    program: String,
    _link: OwnedFd,
}

/// What each of the three did so far.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    program_ran: u64,
    filter_shot: u64,
    queue_sent: u64,
}

impl Crowded {
    fn new(name: &str) -> Self {
        let wire = Wire::new();
        let program = bpf::load(Hook::TcxIngress, name, -1);
        let ifindex = wire.lab.ifindex(1, Y);
        let link = wire.lab.namespace(1).run(|| bpf::attach(&program, ifindex, Hook::TcxIngress)).unwrap();
        wire.lab.exec(0, &["tc", "qdisc", "add", "dev", X, "clsact"]);
        // EtherType 0x88b6 is shot (2), everything else goes on (-1).
        let code = "4,40 0 0 12,21 0 1 34998,6 0 0 2,6 0 0 4294967295,";
        wire.lab.exec(0, &["tc", "filter", "add", "dev", X, "ingress", "bpf", "da", "bytecode", code]);
        let queue =
            ["tc", "qdisc", "add", "dev", Y, "root", "tbf", "rate", "1gbit", "burst", "1mb", "limit", "1mb"];
        wire.lab.exec(1, &queue);
        Self { wire, program: name.into(), _link: link }
    }

    fn work(&self) -> Work {
        let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
        let program = json(run("bpftool", &["-j", "prog", "show", "name", &self.program]));
        let qdisc = |at: usize, ifname: &str, kind: &str| {
            let all = json(self.wire.lab.exec(at, &["tc", "-s", "-j", "qdisc", "show", "dev", ifname]));
            all.as_array().unwrap().iter().find(|qdisc| qdisc["kind"] == kind).unwrap().clone()
        };
        let number = |value: &serde_json::Value| value.as_u64().unwrap();
        Work {
            program_ran: program["run_cnt"].as_u64().unwrap_or(0),
            filter_shot: number(&qdisc(0, X, "clsact")["drops"]),
            queue_sent: number(&qdisc(1, Y, "tbf")["packets"]),
        }
    }

    /// Sends both ways and says what that made each of them do.
    fn works(&self) -> Work {
        let before = self.work();
        let frame = |ethertype: [u8; 2]| [&[0xff; 12][..], &ethertype, &[0; 50]].concat();
        self.wire.lab.send_frames(0, X, &frame([0x88, 0xb5]), COUNT);
        self.wire.lab.send_frames(1, Y, &frame([0x88, 0xb5]), COUNT);
        self.wire.lab.send_frames(1, Y, &frame([0x88, 0xb6]), COUNT);
        let after = self.work();
        Work {
            program_ran: after.program_ran - before.program_ran,
            filter_shot: after.filter_shot - before.filter_shot,
            queue_sent: after.queue_sent - before.queue_sent,
        }
    }
}

#[test]
fn programs_filters_and_queues_of_others_go_on() {
    let _counts = RunCounts::new();
    for method in METHODS {
        let crowded = Crowded::new(&format!("foreign_{method}"));
        let before = inventory(&crowded.wire);
        let undisturbed = crowded.works();
        assert_eq!((undisturbed.program_ran, undisturbed.filter_shot), (COUNT, COUNT), "{undisturbed:?}");
        assert_eq!(undisturbed.queue_sent, 2 * COUNT, "{undisturbed:?}");

        let settings = veth_observer::observe::Settings { attach: method, ..Default::default() };
        let observation = crowded.wire.observe(settings);
        assert_eq!(crowded.works(), undisturbed);
        let [out, back] = crowded.wire.finish(observation).pairs.remove(0).directions;
        // What a filter behind ours shoots has arrived.
        assert_eq!((out.sent.frames, out.received.frames), (COUNT, COUNT));
        assert_eq!((back.sent.frames, back.received.frames), (2 * COUNT, 2 * COUNT));

        assert_eq!(inventory(&crowded.wire), before);
        assert_eq!(crowded.works(), undisturbed);
    }
}
