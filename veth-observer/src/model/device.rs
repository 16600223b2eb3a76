//! One end with everything the kernel says about it: the keys and values of `ip -d -j link show`.

use serde::Serialize;

/// A network device as `ip` describes it. Absent values are left out, as `ip` does.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Device {
    pub ifindex: u32,
    /// The peer's name, where it is in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The peer's index, where it is in another namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_index: Option<u32>,
    pub ifname: String,
    pub flags: Vec<String>,
    /// Bytes.
    pub mtu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xdp: Option<Xdp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdisc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
    /// In upper case, as `ip` prints it here.
    pub operstate: String,
    pub linkmode: String,
    pub group: String,
    /// Frames.
    pub txqlen: u32,
    pub link_type: String,
    pub address: String,
    pub broadcast: String,
    /// The peer's namespace as numbered in the device's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_netnsid: Option<i32>,
    #[serde(skip_serializing_if = "is_false")]
    pub proto_down: bool,
    pub promiscuity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allmulti: Option<u32>,
    pub min_mtu: u32,
    pub max_mtu: u32,
    pub linkinfo: LinkInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inet6_addr_gen_mode: Option<String>,
    pub num_tx_queues: u32,
    pub num_rx_queues: u32,
    #[serde(flatten)]
    pub offload: Offload,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ifalias: Option<String>,
    pub stats64: Stats64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altnames: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How large a buffer may grow: bytes and segments. None where the kernel is too old to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Offload {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_segs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tso_max_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tso_max_segs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gro_max_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_ipv4_max_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gro_ipv4_max_size: Option<u32>,
}

/// IFLA_LINKINFO.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LinkInfo {
    pub info_kind: String,
    /// What kind of device it is a port of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info_slave_kind: Option<String>,
    /// Its settings as a port; only for bridges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info_slave_data: Option<serde_json::Value>,
}

/// IFLA_XDP: 1 native, 2 generic, 3 offloaded, 4 several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Xdp {
    pub mode: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prog: Option<XdpProgram>,
    pub attached: Vec<XdpAttached>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct XdpAttached {
    pub mode: u8,
    pub prog: XdpProgram,
}

/// None of it but the id is visible without CAP_SYS_ADMIN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct XdpProgram {
    pub id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jited: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by_uid: Option<u32>,
}

/// IFLA_STATS64, as `ip -s -s` groups it. `packets` are socket buffers, not frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats64 {
    pub rx: Received,
    pub tx: Sent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    pub bytes: u64,
    pub packets: u64,
    pub errors: u64,
    pub dropped: u64,
    pub over_errors: u64,
    pub multicast: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub bytes: u64,
    pub packets: u64,
    pub errors: u64,
    pub dropped: u64,
    pub carrier_errors: u64,
    pub collisions: u64,
}

/// A BPF program on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// `tcx/ingress`, `tcx/egress`, `tc/ingress`, `tc/egress`, `xdp/native`, `xdp/generic`, `xdp/offloaded`
    pub hook: String,
    pub id: u32,
    pub name: Option<String>,
}
