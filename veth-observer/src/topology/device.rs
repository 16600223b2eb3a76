//! What pairing needs to know of a link.

use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage, Prop, State,
};

use crate::model::link::{End, Netns};

/// One network device in some namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) ifindex: u32,
    pub(super) ifname: String,
    pub(super) altnames: Vec<String>,
    /// IFLA_INFO_KIND; none for devices that are no rtnl link kind, such as hardware and loopback.
    pub(super) kind: Option<String>,
    /// `ether`, `loopback`, …: what to call a device that has no kind.
    pub(super) layer: String,
    /// IFLA_LINK: the peer's ifindex, 0 when the peer is gone.
    pub(super) link: Option<u32>,
    /// IFLA_LINK_NETNSID: the peer's namespace as numbered in the device's own; none when it is the same one.
    pub(super) nsid: Option<i32>,
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<u32>,
    pub(super) operstate: Option<String>,
}

impl Device {
    pub(super) fn is_veth(&self) -> bool {
        self.kind.as_deref() == Some("veth")
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.ifname == name || self.altnames.iter().any(|altname| altname == name)
    }

    /// This device as an end that lives in `netns`.
    pub(super) fn end(&self, netns: Netns) -> End {
        End {
            ifname: Some(self.ifname.clone()),
            ifindex: self.ifindex,
            netns,
            mac: self.mac.clone(),
            mtu: self.mtu,
            operstate: self.operstate.clone(),
            owner: None,
        }
    }
}

impl From<&LinkMessage> for Device {
    fn from(message: &LinkMessage) -> Self {
        let mut device = Self {
            ifindex: message.header.index,
            layer: layer_name(message.header.link_layer_type),
            ..Self::default()
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => device.ifname.clone_from(name),
                LinkAttribute::Link(index) => device.link = Some(*index),
                LinkAttribute::LinkNetNsId(nsid) => device.nsid = Some(*nsid),
                LinkAttribute::Address(bytes) => device.mac = Some(mac(bytes)),
                LinkAttribute::Mtu(mtu) => device.mtu = Some(*mtu),
                LinkAttribute::OperState(state) => device.operstate = Some(state_name(*state)),
                LinkAttribute::LinkInfo(infos) => device.kind = infos.iter().find_map(kind),
                LinkAttribute::PropList(props) => {
                    device.altnames = props.iter().filter_map(altname).collect();
                }
                _ => {}
            }
        }
        device
    }
}

fn kind(info: &LinkInfo) -> Option<String> {
    match info {
        LinkInfo::Kind(InfoKind::Veth) => Some("veth".into()),
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    }
}

pub(super) fn altname(prop: &Prop) -> Option<String> {
    match prop {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    }
}

/// `aa:bb:cc:dd:ee:ff`
pub(super) fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// As `ip` prints it, in lower case.
pub(super) fn state_name(state: State) -> String {
    match state {
        State::NotPresent => "notpresent".into(),
        State::Down => "down".into(),
        State::LowerLayerDown => "lowerlayerdown".into(),
        State::Testing => "testing".into(),
        State::Dormant => "dormant".into(),
        State::Up => "up".into(),
        State::Other(number) => format!("0x{number:x}"),
        _ => "unknown".into(),
    }
}

pub(super) fn layer_name(layer: LinkLayerType) -> String {
    format!("{layer:?}").to_lowercase()
}
