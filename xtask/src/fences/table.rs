//! The one table of who may use whom.

/// What a room of the house may use.
pub(super) struct Fence {
    pub(super) room: &'static str,
    pub(super) rooms: Allowed,
    pub(super) crates: Allowed,
    pub(super) may_be_unsafe: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Allowed {
    Any,
    Only(&'static [&'static str]),
}

impl Allowed {
    pub(super) fn permits(self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(&name),
        }
    }
}

/// Crates that are rooms of their own: everything in them is fenced as one.
pub(super) const COMMON: &str = "veth-observer-common";
pub(super) const EBPF: &str = "veth-observer-ebpf";

const NONE: Allowed = Allowed::Only(&[]);
const SAFE: bool = false;
const UNSAFE: bool = true;

const fn fence(
    room: &'static str,
    rooms: &'static [&'static str],
    crates: &'static [&'static str],
    may_be_unsafe: bool,
) -> Fence {
    Fence { room, rooms: Allowed::Only(rooms), crates: Allowed::Only(crates), may_be_unsafe }
}

/// `model` and `delivery` are pure to the point of having no errors to report, so they have no `anyhow`.
pub(super) const FENCES: &[Fence] = &[
    Fence { room: COMMON, rooms: Allowed::Any, crates: Allowed::Only(&["aya"]), may_be_unsafe: UNSAFE },
    Fence {
        room: EBPF,
        rooms: Allowed::Any,
        crates: Allowed::Only(&["aya_ebpf", "aya_log_ebpf", "veth_observer_common"]),
        may_be_unsafe: UNSAFE,
    },
    fence("fault", &[], &["anyhow"], SAFE),
    fence("model", &[], &["serde", "serde_json", "veth_observer_common"], SAFE),
    fence("ethtool", &[], &["rustix"], UNSAFE),
    fence("netns", &["model", "fault"], &["anyhow", "libc", "rustix", "tracing"], UNSAFE),
    fence("owners", &["model"], &["rustix", "serde", "serde_json"], SAFE),
    fence(
        "topology",
        &["model", "netns", "owners", "fault"],
        &[
            "anyhow",
            "futures_util",
            "netlink_packet_core",
            "netlink_packet_route",
            "netlink_sys",
            "rtnetlink",
            "rustix",
            "serde_json",
            "tokio",
            "tracing",
        ],
        SAFE,
    ),
    fence(
        "kernel",
        &["fault", "model"],
        &[
            "anyhow",
            "aya",
            "aya_log",
            "libc",
            "nix",
            "object",
            "rustix",
            "tokio",
            "tracing",
            "veth_observer_common",
        ],
        UNSAFE,
    ),
    fence(
        "attach",
        &["kernel", "model", "netns", "ethtool", "fault"],
        &[
            "anyhow",
            "aya",
            "futures_util",
            "libc",
            "netlink_packet_core",
            "netlink_packet_route",
            "netlink_sys",
            "rtnetlink",
            "rustix",
            "tracing",
            "veth_observer_common",
        ],
        UNSAFE,
    ),
    fence(
        "collect",
        &["kernel", "model", "ethtool"],
        &["anyhow", "aya", "rustix", "tokio", "tracing", "veth_observer_common"],
        SAFE,
    ),
    fence("pcap", &["model", "fault"], &["anyhow", "libloading", "tracing"], UNSAFE),
    fence("delivery", &["model"], &["veth_observer_common"], SAFE),
    fence("frame", &["model", "fault"], &["anyhow", "etherparse", "serde"], SAFE),
    fence("wire", &["fault"], &["anyhow", "libc", "rustix"], UNSAFE),
    fence("pace", &[], &[], SAFE),
    fence("probe", &["model", "pace", "wire"], &["libc", "veth_observer_common"], SAFE),
    fence("replay", &["model", "frame", "pace", "wire"], &["anyhow", "libc", "pcap_file"], SAFE),
    fence(
        "observe",
        &["model", "netns", "topology", "kernel", "attach", "collect", "delivery", "fault"],
        &["anyhow", "tokio", "tracing", "veth_observer_common"],
        SAFE,
    ),
    fence(
        "view",
        &["model", "frame"],
        &[
            "anyhow",
            "comfy_table",
            "humantime",
            "opentelemetry_proto",
            "pcap_file",
            "prometheus_client",
            "ratatui",
            "serde",
            "serde_json",
            "veth_observer_common",
        ],
        SAFE,
    ),
    // Nothing that comes near the kernel: what a client does must not reach whoever collects.
    fence(
        "agent",
        &["model", "view", "fault"],
        &[
            "anyhow",
            "axum",
            "base64",
            "bcrypt",
            "clap",
            "flate2",
            "futures_util",
            "http_body_util",
            "httpdate",
            "humantime",
            "hyper",
            "hyper_util",
            "nix",
            "opentelemetry_proto",
            "percent_encoding",
            "prost",
            "ring",
            "rustix",
            "rustls",
            "rustls_native_certs",
            "serde",
            "serde_json",
            "serde_saphyr",
            "tokio",
            "tokio_rustls",
            "tower_service",
            "tracing",
            "veth_observer_common",
        ],
        SAFE,
    ),
    fence(
        "config",
        &["agent", "fault", "model", "observe", "topology"],
        &["clap", "humantime", "serde", "strsim", "toml"],
        SAFE,
    ),
    // It knows an agent by what comes over the wire.
    fence("client", &["model", "fault"], &["hyper", "hyper_util", "serde", "serde_json", "tokio"], SAFE),
    Fence { room: "cli", rooms: Allowed::Any, crates: Allowed::Any, may_be_unsafe: SAFE },
    // lib.rs and main.rs: the tour and the way in.
    Fence { room: "", rooms: Allowed::Any, crates: NONE, may_be_unsafe: SAFE },
];
