//! What the agent says of itself: `veth_observer_*`, and `process_*` as everybody does.

use super::{Direction, Kind, Metric, Sample, Samples, Scrape, Unit, Value};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "veth_observer_pair_observed",
        kind: Kind::Gauge,
        unit: Unit::Bool,
        labels: &["pair", "end"],
        help: "1 while programs are attached to this end, near or peer.",
        samples: Samples::Pair(|pair| {
            let ends = ["near", "peer"].into_iter().zip(pair.state.observed);
            ends.map(|(end, observed)| (vec![end.to_owned()], observed.into())).collect()
        }),
    },
    Metric {
        name: "veth_observer_sampling_ratio",
        kind: Kind::Gauge,
        unit: Unit::Ratio,
        labels: &["pair"],
        help: "Share of frames that are copied to user space.",
        samples: Samples::Pair(|pair| vec![(Vec::new(), pair.state.sampling_ratio.into())]),
    },
    Metric {
        name: "veth_observer_timing_ratio",
        kind: Kind::Gauge,
        unit: Unit::Ratio,
        labels: &["pair"],
        help: "Share of frames that are timed.",
        samples: Samples::Pair(|pair| vec![(Vec::new(), pair.state.timing_ratio.into())]),
    },
    Metric {
        name: "veth_observer_collection_lost_total",
        kind: Kind::Counter,
        unit: Unit::Frames,
        labels: &["pair", "direction"],
        help: "Frames of which the observer lost the record: samples, or addresses of buffers (collection loss).",
        samples: Samples::Count(|direction: &Direction<'_>| Some(direction.report.whole()?.collection_loss)),
    },
    counter("veth_observer_samples_total", Unit::Frames, "Frames copied to the rings.", |scrape| {
        scrape.snapshot.agent.ring.samples
    }),
    counter(
        "veth_observer_samples_lost_total",
        Unit::Frames,
        "Frames that found their ring full.",
        |scrape| scrape.snapshot.agent.ring.lost,
    ),
    gauge(
        "veth_observer_ready",
        Unit::Bool,
        "1 while the agent is ready; /readyz says why it is not.",
        |scrape| f64::from(u8::from(scrape.snapshot.agent.ready.is_ok())),
    ),
    gauge("veth_observer_pairs", Unit::Count, "Pairs known now.", |scrape| {
        number(scrape.snapshot.agent.pairs)
    }),
    gauge(
        "veth_observer_pairs_over_limit",
        Unit::Count,
        "Pairs that are not observed because there are too many.",
        |scrape| number(scrape.snapshot.agent.pairs_over_limit),
    ),
    Metric {
        name: "veth_observer_pair_events_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["event"],
        help: "What became of pairs: added, removed, moved to another namespace, renamed.",
        samples: Samples::Agent(|scrape| {
            let events = &scrape.snapshot.agent.events;
            named([
                ("added", events.added),
                ("removed", events.removed),
                ("moved", events.moved),
                ("renamed", events.renamed),
            ])
        }),
    },
    Metric {
        name: "veth_observer_attach_errors_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["reason"],
        help: "Attaches that failed.",
        samples: Samples::Agent(|scrape| {
            named(scrape.snapshot.agent.attach_errors.iter().map(|(reason, count)| (reason, *count)))
        }),
    },
    Metric {
        name: "veth_observer_program_runs_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["program"],
        help: "Runs of the programs in the kernel, while it counts them (kernel.bpf_stats_enabled).",
        samples: Samples::Agent(|scrape| {
            named(scrape.snapshot.agent.programs.iter().map(|cost| (&cost.program, cost.runs)))
        }),
    },
    Metric {
        name: "veth_observer_program_run_seconds_total",
        kind: Kind::Counter,
        unit: Unit::Seconds,
        labels: &["program"],
        help: "Time that these runs took.",
        samples: Samples::Agent(|scrape| {
            named(
                scrape.snapshot.agent.programs.iter().map(|cost| (&cost.program, seconds(cost.run_time_ns))),
            )
        }),
    },
    Metric {
        name: "veth_observer_config_last_reload_successful",
        kind: Kind::Gauge,
        unit: Unit::Bool,
        labels: &["config"],
        help: "Whether the configuration could be read when it was last loaded: the agent's, and the web server's.",
        samples: Samples::Agent(|scrape| reloads(scrape, |reload| reload.successful.into())),
    },
    Metric {
        name: "veth_observer_config_last_reload_success_timestamp_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &["config"],
        help: "When it could last be read, since the Unix epoch.",
        samples: Samples::Agent(|scrape| {
            reloads(scrape, |reload| seconds(reload.last_success_unix_ns).into())
        }),
    },
    Metric {
        name: "veth_observer_otlp_exports_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["result"],
        help: "Exports over OTLP: delivered, or failed and given up for a newer one; none while nothing is pushed.",
        samples: Samples::Agent(|scrape| {
            let push = scrape.snapshot.agent.push.into_iter();
            named(push.flat_map(|push| [("delivered", push.delivered), ("failed", push.failed)]))
        }),
    },
    Metric {
        name: "veth_observer_otlp_points_rejected_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        help: "Data points that the receiver did not take of exports that it took.",
        samples: Samples::Agent(|scrape| {
            let push = scrape.snapshot.agent.push.into_iter();
            push.map(|push| (Vec::new(), push.rejected_points.into())).collect()
        }),
    },
    gauge("veth_observer_http_connections", Unit::Count, "Connections to the web server now.", |scrape| {
        number(scrape.web.connections)
    }),
    counter(
        "veth_observer_http_connections_refused_total",
        Unit::Count,
        "Connections turned away, or closed to make room for others.",
        |scrape| scrape.web.refused,
    ),
    Metric {
        name: "veth_observer_http_requests_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["code"],
        help: "Requests answered, by status.",
        samples: Samples::Agent(|scrape| {
            named(scrape.web.answers.iter().map(|(code, count)| (code.to_string(), *count)))
        }),
    },
    counter(
        "veth_observer_http_streams_dropped_total",
        Unit::Count,
        "Streams ended because the client did not keep up.",
        |scrape| scrape.web.streams_dropped,
    ),
    Metric {
        name: "veth_observer_build_info",
        kind: Kind::Info,
        unit: Unit::None,
        labels: &["version", "kernel"],
        help: "The observer and the kernel that it runs on.",
        samples: Samples::Agent(|scrape| {
            let versions = &scrape.versions;
            vec![(vec![versions.observer.to_owned(), versions.kernel.clone()], Value::Count(1))]
        }),
    },
    gauge(
        "veth_observer_collection_duration_seconds",
        Unit::Seconds,
        "Time that it took to read the counters in the kernel.",
        |scrape| seconds(scrape.snapshot.agent.took_ns),
    ),
    Metric {
        name: "veth_observer_scrape_duration_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time that this scrape took, reading the counters included.",
        samples: Samples::ScrapeTime,
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time that the process spent on a CPU, in user mode and in the kernel.",
        samples: Samples::Agent(|scrape| vec![(Vec::new(), scrape.process.cpu_seconds.into())]),
    },
    gauge("process_start_time_seconds", Unit::Seconds, "When it started, since the Unix epoch.", |scrape| {
        scrape.process.start_unix_seconds
    }),
    gauge("process_resident_memory_bytes", Unit::Bytes, "Memory that it has in RAM.", |scrape| {
        number(scrape.process.resident_bytes)
    }),
    gauge("process_virtual_memory_bytes", Unit::Bytes, "Memory that it has mapped.", |scrape| {
        number(scrape.process.virtual_bytes)
    }),
    gauge("process_open_fds", Unit::Count, "File descriptors that it has open.", |scrape| {
        number(scrape.process.open_fds)
    }),
    Metric {
        name: "process_max_fds",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "File descriptors that it may have open.",
        samples: Samples::Agent(|scrape| {
            scrape.process.max_fds.map(|most| (Vec::new(), number(most).into())).into_iter().collect()
        }),
    },
    gauge("process_threads", Unit::Count, "Threads that it has.", |scrape| number(scrape.process.threads)),
];

const fn counter(name: &'static str, unit: Unit, help: &'static str, count: fn(&Scrape) -> u64) -> Metric {
    Metric { name, kind: Kind::Counter, unit, labels: &[], help, samples: Samples::AgentCount(count) }
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str, number: fn(&Scrape) -> f64) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels: &[], help, samples: Samples::AgentNumber(number) }
}

fn named<N: ToString, V: Into<Value>>(samples: impl IntoIterator<Item = (N, V)>) -> Vec<Sample> {
    samples.into_iter().map(|(name, value)| (vec![name.to_string()], value.into())).collect()
}

fn reloads(scrape: &Scrape, value: fn(&crate::model::snapshot::Reload) -> Value) -> Vec<Sample> {
    let reloads = [("agent", scrape.snapshot.agent.reload), ("web", scrape.web.reload)];
    named(reloads.into_iter().filter_map(|(name, reload)| Some((name, value(&reload?)))))
}

#[expect(clippy::cast_precision_loss, reason = "a number of Prometheus has 53 bits")]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(ns: u64) -> f64 {
    number(ns) / 1e9
}
