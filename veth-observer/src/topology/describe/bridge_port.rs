//! Settings of a bridge port, with the keys of ip/iplink_bridge_slave.c. Pure.

use netlink_packet_route::link::{BridgeId, BridgePortState, InfoBridgePort as P};
use serde_json::{Map, Value, json};

pub(super) fn settings(settings: &[P]) -> Value {
    let mut map = Map::new();
    for setting in settings {
        if let Some((key, value)) = entry(setting) {
            map.insert(key.into(), value);
        }
        if let P::GroupFwdMask(mask) = setting {
            map.insert("group_fwd_mask_str".into(), mask_names(*mask).into());
        }
    }
    Value::Object(map)
}

fn entry(setting: &P) -> Option<(&'static str, Value)> {
    Some(match setting {
        P::State(state) => ("state", state_name(*state)),
        P::Priority(value) => ("priority", json!(value)),
        P::Cost(value) => ("cost", json!(value)),
        P::HairpinMode(on) => ("hairpin", json!(on)),
        P::Guard(on) => ("guard", json!(on)),
        P::Protect(on) => ("root_block", json!(on)),
        P::FastLeave(on) => ("fastleave", json!(on)),
        P::Learning(on) => ("learning", json!(on)),
        P::UnicastFlood(on) => ("flood", json!(on)),
        P::PortId(value) => ("id", json!(hex(*value))),
        P::PortNumber(value) => ("no", json!(hex(*value))),
        P::DesignatedPort(value) => ("designated_port", json!(value)),
        P::DesignatedCost(value) => ("designated_cost", json!(value)),
        P::BridgeId(id) => ("bridge_id", json!(bridge_id(id))),
        P::RootId(id) => ("root_id", json!(bridge_id(id))),
        P::HoldTimer(ticks) => ("hold_timer", seconds(*ticks)),
        P::MessageAgeTimer(ticks) => ("message_age_timer", seconds(*ticks)),
        P::ForwardDelayTimer(ticks) => ("forward_delay_timer", seconds(*ticks)),
        P::TopologyChangeAck(on) => ("topology_change_ack", json!(u8::from(*on))),
        P::ConfigPending(on) => ("config_pending", json!(u8::from(*on))),
        P::ProxyARP(on) => ("proxy_arp", json!(on)),
        P::ProxyARPWifi(on) => ("proxy_arp_wifi", json!(on)),
        P::MulticastRouter(kind) => ("multicast_router", json!(u8::from(*kind))),
        P::MulticastFlood(on) => ("mcast_flood", json!(on)),
        P::BroadcastFlood(on) => ("bcast_flood", json!(on)),
        P::MulticastToUnicast(on) => ("mcast_to_unicast", json!(on)),
        P::NeighSupress(on) => ("neigh_suppress", json!(on)),
        P::NeighVlanSuppress(on) => ("neigh_vlan_suppress", json!(on)),
        P::GroupFwdMask(mask) => ("group_fwd_mask", json!(hex(*mask))),
        P::VlanTunnel(on) => ("vlan_tunnel", json!(on)),
        P::Isolated(on) => ("isolated", json!(on)),
        P::Locked(on) => ("locked", json!(on)),
        P::Mab(on) => ("mab", json!(on)),
        _ => return None,
    })
}

/// C's `%#x`, which writes 0 without a prefix.
fn hex(value: u16) -> String {
    if value == 0 { "0".into() } else { format!("{value:#x}") }
}

fn state_name(state: BridgePortState) -> Value {
    match state {
        BridgePortState::Disabled => "disabled".into(),
        BridgePortState::Listening => "listening".into(),
        BridgePortState::Learning => "learning".into(),
        BridgePortState::Forwarding => "forwarding".into(),
        BridgePortState::Blocking => "blocking".into(),
        other => u8::from(other).into(),
    }
}

/// `8000.6:9:e5:98:62:ac`: the address as ether_ntoa(3) writes it, without leading zeros.
fn bridge_id(id: &BridgeId) -> String {
    let address: Vec<String> = id.address.iter().map(|byte| format!("{byte:x}")).collect();
    format!("{:04x}.{}", id.priority, address.join(":"))
}

/// Hundredths of a second as seconds.
fn seconds(ticks: u64) -> Value {
    let (whole, part) = (ticks / 100, u32::try_from(ticks % 100).unwrap_or(0));
    json!(f64::from(u32::try_from(whole).unwrap_or(u32::MAX)) + f64::from(part) / 100.0)
}

/// The link-local groups that are let through: 01:80:c2:00:00:0X, one bit each.
fn mask_names(mask: u16) -> String {
    let names: Vec<String> = (0..16)
        .filter(|bit| mask & (1 << bit) != 0)
        .map(|bit| match bit {
            0 => "stp".into(),
            2 => "lacp".into(),
            14 => "lldp".into(),
            _ => format!("{:#x}", 1_u16 << bit),
        })
        .collect();
    if names.is_empty() { "0x0".into() } else { names.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_reads_as_ip_prints_it() {
        let id = BridgeId { priority: 0x8000, address: [6, 9, 0xe5, 0x98, 0x62, 0xac] };
        let settings = settings(&[
            P::State(BridgePortState::Forwarding),
            P::PortId(0x8001),
            P::BridgeId(id),
            P::HoldTimer(150),
            P::GroupFwdMask(0x4008),
            P::ConfigPending(true),
        ]);
        let expected = json!({ "state": "forwarding", "id": "0x8001", "bridge_id": "8000.6:9:e5:98:62:ac",
            "hold_timer": 1.5, "group_fwd_mask": "0x4008", "group_fwd_mask_str": "0x8,lldp", "config_pending": 1 });
        assert_eq!(settings, expected);
    }
}
