//! From a link message to the words of `ip`. Pure.

use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoPortData, LinkAttribute, LinkFlags, LinkInfo as Info,
    LinkMessage, LinkMode, LinkXdp, Stats64 as Counters,
};

use super::bridge_port;
use crate::{
    model::device::{Device, LinkInfo, Received, Sent, Stats64, Xdp, XdpAttached, XdpProgram},
    topology::device::{altname, layer_name, mac, state_name},
};

pub(super) fn device(message: &LinkMessage) -> Device {
    let mut device = Device {
        ifindex: message.header.index,
        flags: flags(message.header.flags),
        link_type: layer_name(message.header.link_layer_type),
        group: "default".into(),
        linkmode: "DEFAULT".into(),
        operstate: "UNKNOWN".into(),
        ..Device::default()
    };
    for attribute in &message.attributes {
        take(&mut device, attribute);
    }
    if device.link_netnsid.is_none() {
        device.link_index = None;
    } else if device.link_index.is_none() {
        device.link_index = Some(device.ifindex);
    }
    device
}

fn take(device: &mut Device, attribute: &LinkAttribute) {
    match attribute {
        LinkAttribute::IfName(name) => device.ifname.clone_from(name),
        LinkAttribute::Link(index) => device.link_index = Some(*index),
        LinkAttribute::LinkNetNsId(nsid) => device.link_netnsid = Some(*nsid),
        LinkAttribute::Mtu(mtu) => device.mtu = *mtu,
        LinkAttribute::Xdp(parts) => device.xdp = xdp(parts),
        LinkAttribute::Qdisc(qdisc) => device.qdisc = Some(qdisc.clone()),
        LinkAttribute::OperState(state) => device.operstate = state_name(*state).to_uppercase(),
        LinkAttribute::Mode(mode) => device.linkmode = mode_name(*mode),
        LinkAttribute::Group(0) => device.group = "default".into(),
        LinkAttribute::Group(number) => device.group = number.to_string(),
        LinkAttribute::TxQueueLen(frames) => device.txqlen = *frames,
        LinkAttribute::Address(bytes) => device.address = mac(bytes),
        LinkAttribute::Broadcast(bytes) => device.broadcast = mac(bytes),
        LinkAttribute::ProtoDown(down) => device.proto_down = *down != 0,
        LinkAttribute::Promiscuity(count) => device.promiscuity = *count,
        LinkAttribute::AllMulticast(count) => device.allmulti = Some(*count),
        LinkAttribute::MinMtu(mtu) => device.min_mtu = *mtu,
        LinkAttribute::MaxMtu(mtu) => device.max_mtu = *mtu,
        LinkAttribute::LinkInfo(infos) => device.linkinfo = linkinfo(infos),
        LinkAttribute::AfSpecUnspec(families) => device.inet6_addr_gen_mode = addr_gen_mode(families),
        LinkAttribute::NumTxQueues(count) => device.num_tx_queues = *count,
        LinkAttribute::NumRxQueues(count) => device.num_rx_queues = *count,
        LinkAttribute::IfAlias(alias) => device.ifalias = Some(alias.clone()),
        LinkAttribute::Stats64(counters) => device.stats64 = stats(counters),
        LinkAttribute::PropList(props) => device.altnames = props.iter().filter_map(altname).collect(),
        other => take_offload(device, other),
    }
}

fn take_offload(device: &mut Device, attribute: &LinkAttribute) {
    let (field, value) = match attribute {
        LinkAttribute::GsoMaxSize(value) => (&mut device.offload.gso_max_size, value),
        LinkAttribute::GsoMaxSegs(value) => (&mut device.offload.gso_max_segs, value),
        LinkAttribute::TsoMaxSize(value) => (&mut device.offload.tso_max_size, value),
        LinkAttribute::TsoMaxSegs(value) => (&mut device.offload.tso_max_segs, value),
        LinkAttribute::GroMaxSize(value) => (&mut device.offload.gro_max_size, value),
        LinkAttribute::GsoIpv4MaxSize(value) => (&mut device.offload.gso_ipv4_max_size, value),
        LinkAttribute::GroIpv4MaxSize(value) => (&mut device.offload.gro_ipv4_max_size, value),
        _ => return,
    };
    *field = Some(*value);
}

/// Index of a peer in the same namespace.
pub(super) fn peer_here(message: &LinkMessage) -> Option<u32> {
    let abroad =
        message.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::LinkNetNsId(_)));
    let index = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    });
    index.filter(|index| !abroad && *index != 0)
}

/// Index of the device it is a port of.
pub(super) fn master(message: &LinkMessage) -> Option<u32> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) => Some(*index),
        _ => None,
    })
}

/// What `ip` takes from a peer in the same namespace: its name, and whether it is down.
pub(super) fn add_peer(device: &mut Device, peer: &LinkMessage) {
    device.link = Some(crate::topology::device::Device::from(peer).ifname);
    if !peer.header.flags.contains(LinkFlags::Up) {
        device.flags.push("M-DOWN".into());
    }
}

/// In the order and with the words of `ip`, ip/ipaddress.c `print_link_flags`.
fn flags(flags: LinkFlags) -> Vec<String> {
    const NAMES: [(LinkFlags, &str); 18] = [
        (LinkFlags::Loopback, "LOOPBACK"),
        (LinkFlags::Broadcast, "BROADCAST"),
        (LinkFlags::Pointopoint, "POINTOPOINT"),
        (LinkFlags::Multicast, "MULTICAST"),
        (LinkFlags::Noarp, "NOARP"),
        (LinkFlags::Allmulti, "ALLMULTI"),
        (LinkFlags::Promisc, "PROMISC"),
        (LinkFlags::Controller, "MASTER"),
        (LinkFlags::Port, "SLAVE"),
        (LinkFlags::Debug, "DEBUG"),
        (LinkFlags::Dynamic, "DYNAMIC"),
        (LinkFlags::Automedia, "AUTOMEDIA"),
        (LinkFlags::Portsel, "PORTSEL"),
        (LinkFlags::Notrailers, "NOTRAILERS"),
        (LinkFlags::Up, "UP"),
        (LinkFlags::LowerUp, "LOWER_UP"),
        (LinkFlags::Dormant, "DORMANT"),
        (LinkFlags::Echo, "ECHO"),
    ];
    let no_carrier = flags.contains(LinkFlags::Up) && !flags.contains(LinkFlags::Running);
    let first = no_carrier.then(|| "NO-CARRIER".to_owned());
    let set = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| (*name).to_owned());
    first.into_iter().chain(set).collect()
}

fn mode_name(mode: LinkMode) -> String {
    match mode {
        LinkMode::Dormant => "DORMANT".into(),
        LinkMode::Testing => "TESTING".into(),
        LinkMode::Other(number) => number.to_string(),
        _ => "DEFAULT".into(),
    }
}

fn linkinfo(infos: &[Info]) -> LinkInfo {
    let mut linkinfo = LinkInfo::default();
    for info in infos {
        match info {
            Info::Kind(kind) => linkinfo.info_kind = kind.to_string(),
            Info::PortKind(kind) => linkinfo.info_slave_kind = Some(kind.to_string()),
            Info::PortData(InfoPortData::BridgePort(settings)) => {
                linkinfo.info_slave_data = Some(bridge_port::settings(settings));
            }
            _ => {}
        }
    }
    linkinfo
}

fn addr_gen_mode(families: &[AfSpecUnspec]) -> Option<String> {
    let settings = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(settings) => Some(settings),
        _ => None,
    })?;
    settings.iter().find_map(|setting| match setting {
        AfSpecInet6::AddrGenMode(mode) => Some(match mode {
            In6AddrGenMode::Eui64 => "eui64".into(),
            In6AddrGenMode::None => "none".into(),
            In6AddrGenMode::StablePrivacy => "stable_secret".into(),
            In6AddrGenMode::Random => "random".into(),
            other => format!("{:#x}", u8::from(other)),
        }),
        _ => None,
    })
}

/// None when nothing is attached.
fn xdp(parts: &[LinkXdp]) -> Option<Xdp> {
    let mut xdp = Xdp::default();
    for part in parts {
        let (mode, id) = match part {
            LinkXdp::Attached(attached) => {
                xdp.mode = mode_number(*attached);
                continue;
            }
            LinkXdp::ProgId(id) => {
                xdp.prog = Some(XdpProgram { id: *id, ..XdpProgram::default() });
                continue;
            }
            LinkXdp::DrvProgId(id) => (1, *id),
            LinkXdp::SkbProgId(id) => (2, *id),
            LinkXdp::HwProgId(id) => (3, *id),
            _ => continue,
        };
        xdp.attached.push(XdpAttached { mode, prog: XdpProgram { id, ..XdpProgram::default() } });
    }
    (xdp.mode != 0).then_some(xdp)
}

/// include/uapi/linux/if_link.h, XDP_ATTACHED_*.
fn mode_number(attached: netlink_packet_route::link::XdpAttached) -> u8 {
    use netlink_packet_route::link::XdpAttached as A;
    match attached {
        A::Driver => 1,
        A::SocketBuffer => 2,
        A::Hardware => 3,
        A::Multiple => 4,
        A::Other(number) => number,
        _ => 0,
    }
}

fn stats(counters: &Counters) -> Stats64 {
    Stats64 {
        rx: Received {
            bytes: counters.rx_bytes,
            packets: counters.rx_packets,
            errors: counters.rx_errors,
            dropped: counters.rx_dropped,
            over_errors: counters.rx_over_errors,
            multicast: counters.multicast,
        },
        tx: Sent {
            bytes: counters.tx_bytes,
            packets: counters.tx_packets,
            errors: counters.tx_errors,
            dropped: counters.tx_dropped,
            carrier_errors: counters.tx_carrier_errors,
            collisions: counters.collisions,
        },
    }
}
