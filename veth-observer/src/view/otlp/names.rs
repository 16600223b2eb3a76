//! The one table of names: what OpenTelemetry calls each metric.
//!
//! Where the semantic conventions have a name for what we measure, that is its name; there is none for delivery and one-way
//! delay. Our own are such that Prometheus makes of name, unit and kind what `/metrics` calls the same (`OpenTelemetry and
//! Prometheus compatibility` in its specification), and keep the labels of `/metrics`, so that rules and dashboards fit both.

/// One metric.
#[derive(Debug)]
pub struct Name {
    pub name: &'static str,
    /// In UCUM; empty for what is true or not.
    pub unit: &'static str,
    pub origin: Origin,
    pub(super) values: Values,
}

/// Whose name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Ours,
    /// Of the page of the semantic conventions 1.44.0, below `docs/system/`.
    Convention(&'static str),
}

/// Where the values come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values {
    /// The row of the table of metrics with this name.
    Metric(&'static str),
    /// Bytes of each end, with what they are.
    Bytes(&'static str),
    /// Frames that died at each end, with what they are.
    Drops(&'static str),
    /// CPU time by mode, with what it is.
    CpuTime(&'static str),
}

/// Attributes of the conventions: registry of attributes, `network`, `container`, `k8s`, `cpu`.
pub(super) const INTERFACE: &str = "network.interface.name";
pub(super) const IO_DIRECTION: &str = "network.io.direction";
pub(super) const CONTAINER_NAME: &str = "container.name";
pub(super) const CONTAINER_ID: &str = "container.id";
pub(super) const POD: &str = "k8s.pod.name";
pub(super) const NAMESPACE: &str = "k8s.namespace.name";
pub(super) const CPU_MODE: &str = "cpu.mode";

/// Ends by their place in a pair, as `veth_observer_pair_observed` calls them.
pub(super) const ENDS: [&str; 2] = ["near", "peer"];

const SYSTEM: Origin = Origin::Convention("system-metrics.md");
const PROCESS: Origin = Origin::Convention("process-metrics.md");

/// Rows of the table of metrics that are not sent: the web server's, and what the conventions have no name for.
pub const LEFT_OUT: [&str; 7] = [
    "veth_observer_http_connections",
    "veth_observer_http_connections_refused_total",
    "veth_observer_http_requests_total",
    "veth_observer_http_streams_dropped_total",
    "veth_observer_scrape_duration_seconds",
    "process_start_time_seconds",
    "process_max_fds",
];

pub const NAMES: &[Name] = &[
    ours("veth.frames.sent", "{frame}", "veth_frames_sent_total"),
    ours("veth.frames.received", "{frame}", "veth_frames_received_total"),
    ours("veth.sent", "By", "veth_sent_bytes_total"),
    ours("veth.received", "By", "veth_received_bytes_total"),
    ours("veth.skbs.sent", "{skb}", "veth_skbs_sent_total"),
    ours("veth.skbs.received", "{skb}", "veth_skbs_received_total"),
    ours("veth.dropped.frames", "{frame}", "veth_dropped_frames_total"),
    ours("veth.frames.lost", "{frame}", "veth_frames_lost_total"),
    ours("veth.frames.unmatched", "{frame}", "veth_frames_unmatched_total"),
    ours("veth.frames.corrected", "{frame}", "veth_frames_corrected_total"),
    ours("veth.frames.duplicated", "{frame}", "veth_frames_duplicated_total"),
    ours("veth.frames.reordered", "{frame}", "veth_frames_reordered_total"),
    ours("veth.frames.matched", "{frame}", "veth_frames_matched_total"),
    ours("veth.frames.clamped", "{frame}", "veth_frames_clamped_total"),
    ours("veth.driver.frames", "{frame}", "veth_driver_frames_total"),
    ours("veth.frames.in_flight", "{frame}", "veth_frames_in_flight"),
    ours("veth.frames.unexplained", "{frame}", "veth_frames_unexplained"),
    ours("veth.one_way_delay", "s", "veth_one_way_delay_seconds"),
    ours("veth.delay_variation", "s", "veth_delay_variation_seconds"),
    ours("veth.probe.frames.sent", "{frame}", "veth_probe_frames_sent_total"),
    ours("veth.probe.frames.received", "{frame}", "veth_probe_frames_received_total"),
    ours("veth.probe.delay", "s", "veth_probe_delay_seconds"),
    ours("veth.pair.info", "", "veth_pair_info"),
    ours("veth.pair.up", "", "veth_pair_up"),
    Name {
        name: "system.network.io",
        unit: "By",
        origin: SYSTEM,
        values: Values::Bytes("Bytes that an end sent and received, as its hooks saw them."),
    },
    Name {
        name: "system.network.packet.dropped",
        unit: "{packet}",
        origin: SYSTEM,
        values: Values::Drops("Frames seen to die between the ends, at the end where they died."),
    },
    ours("veth_observer.pair.observed", "", "veth_observer_pair_observed"),
    ours("veth_observer.sampling", "1", "veth_observer_sampling_ratio"),
    ours("veth_observer.timing", "1", "veth_observer_timing_ratio"),
    ours("veth_observer.collection.lost", "{frame}", "veth_observer_collection_lost_total"),
    ours("veth_observer.samples", "{frame}", "veth_observer_samples_total"),
    ours("veth_observer.samples_lost", "{frame}", "veth_observer_samples_lost_total"),
    ours("veth_observer.ready", "", "veth_observer_ready"),
    ours("veth_observer.pairs", "{pair}", "veth_observer_pairs"),
    ours("veth_observer.pairs_over_limit", "{pair}", "veth_observer_pairs_over_limit"),
    ours("veth_observer.pair.events", "{event}", "veth_observer_pair_events_total"),
    ours("veth_observer.attach.errors", "{error}", "veth_observer_attach_errors_total"),
    ours("veth_observer.program.runs", "{run}", "veth_observer_program_runs_total"),
    ours("veth_observer.program.run", "s", "veth_observer_program_run_seconds_total"),
    ours("veth_observer.config.last_reload_successful", "", "veth_observer_config_last_reload_successful"),
    ours(
        "veth_observer.config.last_reload_success_timestamp",
        "s",
        "veth_observer_config_last_reload_success_timestamp_seconds",
    ),
    ours("veth_observer.otlp.exports", "{export}", "veth_observer_otlp_exports_total"),
    ours("veth_observer.otlp.points_rejected", "{data_point}", "veth_observer_otlp_points_rejected_total"),
    ours("veth_observer.build.info", "", "veth_observer_build_info"),
    ours("veth_observer.collection.duration", "s", "veth_observer_collection_duration_seconds"),
    Name {
        name: "process.cpu.time",
        unit: "s",
        origin: PROCESS,
        values: Values::CpuTime("Time that the process spent on a CPU."),
    },
    convention("process.memory.usage", "By", "process_resident_memory_bytes"),
    convention("process.memory.virtual", "By", "process_virtual_memory_bytes"),
    convention("process.unix.file_descriptor.count", "{file_descriptor}", "process_open_fds"),
    convention("process.thread.count", "{thread}", "process_threads"),
];

const fn ours(name: &'static str, unit: &'static str, metric: &'static str) -> Name {
    Name { name, unit, origin: Origin::Ours, values: Values::Metric(metric) }
}

const fn convention(name: &'static str, unit: &'static str, metric: &'static str) -> Name {
    Name { name, unit, origin: PROCESS, values: Values::Metric(metric) }
}
