//! What is measured: `veth_*`.

use super::{Direction, Kind, Metric, Pair, Sample, Samples, Unit, Value};
use crate::{
    model::{link::End, report::Dropped},
    view::escape,
};

const DIRECTION: &[&str] = &["pair", "direction"];

pub(super) const METRICS: &[Metric] = &[
    frames("veth_frames_sent_total", "Frames seen leaving the sending end.", |d| {
        Some(d.report.departed()?.frames)
    }),
    frames(
        "veth_frames_received_total",
        "Frames seen arriving at the receiving end that were seen sent; with matching by digest, all arrivals.",
        |d| Some(d.report.arrived()?.frames),
    ),
    counter("veth_sent_bytes_total", Unit::Bytes, "Bytes of the frames sent, every header counted.", |d| {
        Some(d.report.departed()?.bytes)
    }),
    counter("veth_received_bytes_total", Unit::Bytes, "Bytes of the frames received.", |d| {
        Some(d.report.arrived()?.bytes)
    }),
    counter(
        "veth_skbs_sent_total",
        Unit::Skbs,
        "Kernel buffers sent; one may hold many frames (GSO).",
        |d| Some(d.report.departed()?.skbs),
    ),
    counter("veth_skbs_received_total", Unit::Skbs, "Kernel buffers received.", |d| {
        Some(d.report.arrived()?.skbs)
    }),
    Metric {
        name: "veth_dropped_frames_total",
        kind: Kind::Counter,
        unit: Unit::Frames,
        labels: &["pair", "direction", "stage", "reason", "location"],
        help: "Frames seen to die between the ends, by where and by the reason that the kernel gives.",
        samples: Samples::Places(dropped),
    },
    frames(
        "veth_frames_lost_total",
        "Frames that had not arrived within the loss timeout (RFC 7680), and were not seen to die.",
        |d| d.report.whole().map(|_| d.counts.lost.total),
    ),
    frames(
        "veth_frames_unmatched_total",
        "Arrivals that were not seen sent: packet sockets that bypass the queue, redirects.",
        |d| d.report.whole().map(|_| d.counts.unmatched.total),
    ),
    Metric {
        name: "veth_frames_corrected_total",
        kind: Kind::Counter,
        unit: Unit::Frames,
        labels: &["pair", "direction", "count"],
        help: "Frames to be taken off another count: lost ones that arrived late, unmatched ones recognised afterwards.",
        samples: Samples::Places(corrected),
    },
    frames(
        "veth_frames_duplicated_total",
        "Second arrivals of a frame (RFC 5560), in no other count.",
        |d| Some(d.report.whole()?.duplicated),
    ),
    frames(
        "veth_frames_reordered_total",
        "Frames that left before one from the same CPU that is already there (RFC 4737).",
        |d| Some(d.report.whole()?.reordered),
    ),
    frames("veth_frames_matched_total", "Arrivals whose departure is known.", |d| {
        Some(d.report.whole()?.matched)
    }),
    frames(
        "veth_frames_clamped_total",
        "Arrivals whose clock read a few nanoseconds before their departure's; their delay counts as 0.",
        |d| Some(d.report.whole()?.clamped),
    ),
    Metric {
        name: "veth_driver_frames_total",
        kind: Kind::Counter,
        unit: Unit::Frames,
        labels: &["pair", "direction", "counter"],
        help: "Frames that the driver of the receiving end counted (ethtool -S), in no other count; with XDP, or when not 0.",
        samples: Samples::Places(driver),
    },
    gauge("veth_frames_in_flight", "Frames sent, not received, and younger than the loss timeout.", |d| {
        Some(number(d.report.whole()?.in_flight.cast_signed()))
    }),
    gauge(
        "veth_frames_unexplained",
        "Frames that the ledger cannot place; 0 when it closes, negative when more arrived than left.",
        |d| Some(number(d.report.whole()?.unexplained)),
    ),
    times(
        "veth_one_way_delay_seconds",
        "Delay of frames from the egress hook of one end to the ingress hook of the other, on one clock (RFC 7679).",
        |d| Some(&d.whole()?.delay),
    ),
    times(
        "veth_delay_variation_seconds",
        "Absolute difference of the delays of one departure and the next (RFC 3393).",
        |d| Some(&d.whole()?.variation),
    ),
    frames("veth_probe_frames_sent_total", "Probe frames sent, in no count of traffic.", |d| {
        d.report.probes.as_ref().map(|probes| probes.sent)
    }),
    frames("veth_probe_frames_received_total", "Probe frames received.", |d| {
        d.report.probes.as_ref().map(|probes| probes.received)
    }),
    times("veth_probe_delay_seconds", "One-way delay of probe frames.", |d| {
        d.probes.as_ref().map(|probes| &probes.delay)
    }),
    Metric {
        name: "veth_pair_info",
        kind: Kind::Info,
        unit: Unit::None,
        labels: &[
            "pair",
            "device",
            "ifindex",
            "netns",
            "peer_device",
            "peer_ifindex",
            "peer_netns",
            "runtime",
            "container",
            "container_id",
            "namespace",
            "pod",
            "hook",
        ],
        help: "Identity of a pair: join with `* on (instance, pair) group_left (container, pod)`.",
        samples: Samples::Pair(info),
    },
    Metric {
        name: "veth_pair_up",
        kind: Kind::Gauge,
        unit: Unit::Bool,
        labels: &["pair"],
        help: "1 while both ends are up, administratively and operationally, as far as their state can be seen.",
        samples: Samples::Pair(|pair| {
            // An end is up only while the other is, so that one that cannot be seen takes nothing away.
            let mut states = pair.report.ends.iter().filter_map(|end| end.operstate.as_deref()).peekable();
            let is_up = states.peek().is_some() && states.all(|state| state == "up");
            vec![(Vec::new(), (pair.report.ended.is_none() && is_up).into())]
        }),
    },
];

type Count = fn(&Direction<'_>) -> Option<u64>;

const fn frames(name: &'static str, help: &'static str, count: Count) -> Metric {
    counter(name, Unit::Frames, help, count)
}

const fn counter(name: &'static str, unit: Unit, help: &'static str, count: Count) -> Metric {
    Metric { name, kind: Kind::Counter, unit, labels: DIRECTION, help, samples: Samples::Count(count) }
}

const fn gauge(name: &'static str, help: &'static str, number: fn(&Direction<'_>) -> Option<f64>) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit: Unit::Frames,
        labels: DIRECTION,
        help,
        samples: Samples::Number(number),
    }
}

const fn times(name: &'static str, help: &'static str, times: super::Times) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: DIRECTION,
        help,
        samples: Samples::Times(times),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of Prometheus has 53 bits")]
fn number(count: i64) -> f64 {
    count as f64
}

/// One sample for a stage and reason, and where they are asked for for each location.
fn dropped(direction: &Direction<'_>) -> Vec<Sample> {
    let mut samples: Vec<(Vec<String>, u64)> = Vec::new();
    let places = direction.report.whole().into_iter().flat_map(|whole| &whole.dropped);
    for Dropped { stage, reason, location, frames } in places {
        let mut labels = vec![stage.to_string(), reason.clone().unwrap_or_default()];
        labels.extend(direction.detail.drop_locations.then(|| location.clone()));
        match samples.iter_mut().find(|(at, _)| *at == labels) {
            Some((_, sum)) => *sum += frames,
            None => samples.push((labels, *frames)),
        }
    }
    samples.into_iter().map(|(labels, frames)| (labels, Value::Count(frames))).collect()
}

fn corrected(direction: &Direction<'_>) -> Vec<Sample> {
    if direction.report.whole().is_none() {
        return Vec::new();
    }
    let counts = direction.counts;
    [("lost", counts.lost), ("unmatched", counts.unmatched)]
        .map(|(name, count)| (vec![name.to_owned()], count.taken_back.into()))
        .into()
}

fn driver(direction: &Direction<'_>) -> Vec<Sample> {
    direction
        .counts
        .driver()
        .filter(|(_, frames)| direction.at_xdp || *frames > 0)
        .map(|(name, frames)| (vec![name.to_owned()], frames.into()))
        .collect()
}

fn info(pair: &Pair<'_>) -> Vec<Sample> {
    let [near, peer] = &pair.report.ends;
    let text = |text: Option<&String>| text.map(|text| escape::name(text).into_owned()).unwrap_or_default();
    let device =
        |end: &End| [text(end.ifname.as_ref()), end.ifindex.to_string(), text(Some(&end.netns.to_string()))];
    let owner = peer.owner.as_ref().or(near.owner.as_ref()).cloned().unwrap_or_default();
    let owner = [owner.runtime, owner.name, owner.id, owner.namespace, owner.pod];
    let mut values: Vec<String> = device(near).into_iter().chain(device(peer)).collect();
    values.extend(owner.iter().map(|value| text(value.as_ref())));
    values.push(pair.report.hook.as_str().to_owned());
    vec![(values, Value::Count(1))]
}
