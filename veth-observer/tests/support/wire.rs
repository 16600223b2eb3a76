//! A quiet pair between two namespaces, and its observation.

use std::cell::Cell;

use veth_observer::{
    attach::Method,
    model::report::{DirectionReport, Report},
    observe::{Observation, Settings},
    topology,
};

use super::netns::{Lab, eventually, run};

/// Both ways of attaching.
pub(crate) const METHODS: [Method; 2] = [Method::Tcx, Method::Clsact];

/// `vx` in the first namespace, `vy` in the second, up, with addresses and static neighbours: nothing is sent that the test
/// does not send.
pub(crate) struct Wire {
    pub(crate) lab: Lab,
    runtime: tokio::runtime::Runtime,
    method: Cell<Method>,
}

pub(crate) const X: &str = "vx";
pub(crate) const Y: &str = "vy";
pub(crate) const X_IP: &str = "10.77.0.1";
pub(crate) const Y_IP: &str = "10.77.0.2";
pub(crate) const X_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];
pub(crate) const Y_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0b];

impl Wire {
    pub(crate) fn new() -> Self {
        Self::with_mtu(1500)
    }

    pub(crate) fn with_mtu(mtu: u32) -> Self {
        let lab = Lab::new(2);
        for at in 0..2 {
            for scope in ["all", "default"] {
                lab.exec(at, &["sysctl", "-q", "-w", &format!("net.ipv6.conf.{scope}.disable_ipv6=1")]);
            }
        }
        let (mtu, x_mac, y_mac) = (mtu.to_string(), "02:00:00:00:00:0a", "02:00:00:00:00:0b");
        let peer = ["peer", "name", Y, "netns", lab.name(1), "mtu", &mtu, "address", y_mac];
        run(
            "ip",
            &[
                &["-n", lab.name(0), "link", "add", X, "mtu", &mtu, "address", x_mac, "type", "veth"][..],
                &peer,
            ]
            .concat(),
        );
        for (at, ifname, ip, other_ip, other_mac) in [(0, X, X_IP, Y_IP, y_mac), (1, Y, Y_IP, X_IP, x_mac)] {
            lab.ip(at, &["address", "add", &format!("{ip}/24"), "dev", ifname]);
            lab.ip(at, &["link", "set", ifname, "up"]);
            lab.ip(
                at,
                &["neighbor", "replace", other_ip, "lladdr", other_mac, "nud", "permanent", "dev", ifname],
            );
        }
        for (at, ifname) in [(0, X), (1, Y)] {
            eventually("both ends are up", || {
                lab.ip_json(at, &["link", "show", ifname])[0]["operstate"] == "UP"
            });
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { lab, runtime, method: Cell::default() }
    }

    /// The pair by its first end, as a selector.
    pub(crate) fn selector(&self) -> String {
        format!("netns:{}/{X}", self.lab.name(0))
    }

    pub(crate) fn observe(&self, settings: Settings) -> Observation {
        self.runtime.block_on(async {
            let selected = topology::select(&self.selector()).await.unwrap();
            Observation::start(&selected, settings).await.unwrap()
        })
    }

    /// Runs `test` over tcx and then over clsact.
    pub(crate) fn over_both(&self, mut test: impl FnMut()) {
        for method in METHODS {
            self.method.set(method);
            test();
        }
    }

    /// Settings as usual, attached the way it is the turn of.
    pub(crate) fn settings(&self) -> Settings {
        Settings { attach: self.method.get(), ..Settings::default() }
    }

    /// Why nobody more may observe.
    pub(crate) fn refused(&self, settings: Settings) -> String {
        self.runtime.block_on(async {
            let selected = topology::select(&self.selector()).await.unwrap();
            let started = Observation::start(&selected, settings).await;
            format!("{:#}", started.err().expect("it is refused"))
        })
    }

    /// One look, as a command does ten times a second.
    pub(crate) fn tend(&self, observation: &mut Observation) {
        assert!(self.runtime.block_on(observation.tend()).unwrap(), "there is something to observe");
    }

    pub(crate) fn finish(&self, mut observation: Observation) -> Report {
        self.close(&mut observation)
    }

    /// The same, for who wants its samples afterwards.
    pub(crate) fn close(&self, observation: &mut Observation) -> Report {
        self.runtime.block_on(observation.finish()).unwrap()
    }

    /// Observes while `traffic` runs and gives both directions, from `vx` first.
    pub(crate) fn during<T>(&self, traffic: impl FnOnce() -> T) -> (T, [DirectionReport; 2]) {
        let observation = self.observe(self.settings());
        let done = traffic();
        (done, self.finish(observation).pairs.remove(0).directions)
    }
}

/// Every frame sent was received, and nothing else happened.
#[track_caller]
pub(crate) fn assert_closed(direction: &DirectionReport) {
    assert_eq!(direction.sent.frames, direction.received.frames, "{direction:#?}");
    assert_eq!(direction.sent.bytes, direction.received.bytes, "{direction:#?}");
    let rest = (direction.in_flight, direction.lost, direction.unexplained, direction.unmatched);
    assert_eq!(rest, (0, 0, 0, 0), "{direction:#?}");
    assert_eq!(direction.delay.count, direction.received.frames);
}
