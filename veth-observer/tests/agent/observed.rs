//! A real pair under observation, served by the agent and stored by Prometheus.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::scope,
    time::Duration,
};

use veth_observer::{
    agent::{http::Limits, source::Source},
    model::snapshot::{AgentState, PairState, Snapshot},
    observe::Observation,
};

use super::{Agent, flags};
use crate::support::{
    netns::eventually,
    prometheus::Prometheus,
    wire::{Wire, X, X_MAC, Y_MAC},
};

const FRAMES: u64 = 20_000;

#[test]
fn what_a_pair_carried_is_what_prometheus_stores() {
    let wire = Wire::new();
    let mut observation = wire.observe(wire.settings());
    let mut frame = [Y_MAC, X_MAC].concat();
    frame.extend([0x88, 0xb5]);
    frame.resize(100, 0);
    wire.lab.send_frames(0, X, &frame, FRAMES);
    let (source, mut requests) = Source::new();
    let agent = Agent::of_source(&flags(&["127.0.0.1:0"]), Limits::default(), source);
    let stop = AtomicBool::new(false);
    scope(|scope| {
        let (agent, stop) = (&agent, &stop);
        let collector = scope.spawn(move || {
            for taken in 0.. {
                let due = async { tokio::time::timeout(Observation::LOOK, requests.due()).await };
                if agent.runtime().block_on(due).is_ok() {
                    let report = observation.report().unwrap();
                    let mut state = AgentState::new(taken);
                    state.observed = vec![PairState::new(1)];
                    requests.answer(Snapshot { report, agent: state });
                } else if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            observation
        });
        let prometheus = Prometheus::scraping(agent.address(), true);
        let way = format!(r#"{{pair="{X}",direction="to_peer"}}"#);
        let exact = |query: &str| prometheus.value(query).map(|value| value.to_string());
        let frames = FRAMES.to_string();
        eventually("all are stored as received", || {
            exact(&format!("veth_frames_received_total{way}")).as_ref() == Some(&frames)
        });
        for (query, value) in [
            ("veth_frames_sent_total", FRAMES),
            ("veth_skbs_sent_total", FRAMES),
            ("veth_sent_bytes_total", 100 * FRAMES),
            ("veth_received_bytes_total", 100 * FRAMES),
            ("veth_frames_matched_total", FRAMES),
            ("veth_frames_lost_total", 0),
            ("veth_frames_in_flight", 0),
            ("veth_frames_unexplained", 0),
            ("veth_pair_up", 1),
        ] {
            let labels = if query == "veth_pair_up" { format!(r#"{{pair="{X}"}}"#) } else { way.clone() };
            assert_eq!(exact(&format!("{query}{labels}")), Some(value.to_string()), "{query}");
        }
        let histogram = format!("veth_one_way_delay_seconds{way}");
        assert_eq!(exact(&format!("histogram_count({histogram})")), Some(frames));
        let stored = [0.5, 0.9, 0.99]
            .map(|share| prometheus.value(&format!("histogram_quantile({share}, {histogram})")).unwrap());
        let sum = prometheus.value(&format!("histogram_sum({histogram})")).unwrap();
        stop.store(true, Ordering::Relaxed);
        let observation = collector.join().unwrap();
        let [out, _] = &wire.finish(observation).pairs[0].directions;
        for (stored, ns) in stored.into_iter().zip([out.delay.p50_ns, out.delay.p90_ns, out.delay.p99_ns]) {
            let ours = Duration::from_nanos(ns.unwrap()).as_secs_f64();
            assert!((stored / ours).log2().abs() < 1.0 / 16.0 + 0.001, "{stored}, and ours is {ours}");
        }
        let exact = Duration::from_nanos(out.delay.sum_ns.unwrap()).as_secs_f64();
        assert!((sum - exact).abs() < 1e-12, "{sum}, and ours is {exact}");
    });
}
