//! Which ends are each other's peer. Pure.
//!
//! A device names its peer by an index (IFLA_LINK) and by a number for the peer's namespace (IFLA_LINK_NETNSID) that
//! means something in the device's own namespace only. Indexes are per namespace and repeat, so a peer counts only when
//! it points back.

use std::collections::{HashMap, HashSet};

use super::device::Device;

/// One namespace, as far as it could be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Space {
    pub(super) devices: Vec<Device>,
    /// What other namespaces are called in this one: number to position among the spaces.
    pub(super) nsids: HashMap<i32, usize>,
    /// Whether all links were read; if not, `devices` has only what was asked for one by one, and their
    /// namespace numbers are not this namespace's.
    pub(super) complete: bool,
}

/// A device: position of its space, and its ifindex there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Seat {
    pub(super) space: usize,
    pub(super) ifindex: u32,
}

/// The other end of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Seen(Seat),
    /// Known of but not visible, or gone in the meantime.
    Unseen {
        space: Option<usize>,
        /// 0 when the peer is gone.
        ifindex: u32,
    },
}

/// Every veth end with its peer; a pair of which both ends are seen comes once.
pub(super) fn pair(spaces: &[Space]) -> Vec<(Seat, Peer)> {
    let mut seats: HashMap<Seat, &Device> = HashMap::new();
    let mut order = Vec::new();
    for (space, read) in spaces.iter().enumerate() {
        for device in read.devices.iter().filter(|device| device.is_veth()) {
            let seat = Seat { space, ifindex: device.ifindex };
            if seats.insert(seat, device).is_none() {
                order.push(seat);
            }
        }
    }
    let mut taken = HashSet::new();
    let mut pairs = Vec::new();
    // Ends of completely read spaces first: their peers' numbers can be trusted.
    order.sort_by_key(|seat| (!spaces[seat.space].complete, seat.space));
    for seat in order {
        if taken.contains(&seat) {
            continue;
        }
        let device = seats[&seat];
        let (space, ifindex) = target(seat, device, spaces);
        let peer = space.map(|space| Seat { space, ifindex });
        let confirmed = peer.filter(|peer| {
            *peer != seat
                && !taken.contains(peer)
                && seats.get(peer).is_some_and(|back| points_to(*peer, back, seat, spaces))
        });
        taken.insert(seat);
        if let Some(peer) = confirmed {
            taken.insert(peer);
            pairs.push((seat, Peer::Seen(peer)));
        } else if spaces[seat.space].complete {
            pairs.push((seat, Peer::Unseen { space, ifindex }));
        }
    }
    pairs
}

/// Where a device says its peer is.
fn target(seat: Seat, device: &Device, spaces: &[Space]) -> (Option<usize>, u32) {
    // Up to Linux 6.1 IFLA_LINK is left out when it equals the device's own index (rtnl_fill_link_netnsid).
    let ifindex = device.link.unwrap_or(device.ifindex);
    let space = match device.nsid {
        None => Some(seat.space),
        Some(nsid) => spaces[seat.space].nsids.get(&nsid).copied(),
    };
    (space, ifindex)
}

/// Whether `device` at `seat` names `other` as its peer, or at least does not name another.
fn points_to(seat: Seat, device: &Device, other: Seat, spaces: &[Space]) -> bool {
    if device.link.unwrap_or(device.ifindex) != other.ifindex {
        return false;
    }
    match target(seat, device, spaces).0 {
        _ if !spaces[seat.space].complete => true,
        Some(space) => space == other.space,
        // Its number for that namespace could not be resolved; a number it has, so it is not its own.
        None => seat.space != other.space,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veth(ifindex: u32, link: impl Into<Option<u32>>, nsid: impl Into<Option<i32>>) -> Device {
        Device {
            ifindex,
            ifname: format!("v{ifindex}"),
            kind: Some("veth".into()),
            link: link.into(),
            nsid: nsid.into(),
            ..Device::default()
        }
    }

    fn space(devices: Vec<Device>, nsids: &[(i32, usize)]) -> Space {
        Space { devices, nsids: nsids.iter().copied().collect(), complete: true }
    }

    fn seat(space: usize, ifindex: u32) -> Seat {
        Seat { space, ifindex }
    }

    #[test]
    fn both_ends_in_one_namespace_are_one_pair() {
        let spaces = [space(vec![veth(2, 3, None), veth(3, 2, None)], &[])];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Seen(seat(0, 3)))]);
    }

    #[test]
    fn equal_indexes_in_two_namespaces() {
        let spaces = [space(vec![veth(2, 2, 0)], &[(0, 1)]), space(vec![veth(2, 2, 7)], &[(7, 0)])];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Seen(seat(1, 2)))]);
    }

    #[test]
    fn a_link_left_out_means_the_same_index_elsewhere() {
        let spaces = [space(vec![veth(2, None, 0)], &[(0, 1)]), space(vec![veth(2, None, 0)], &[(0, 0)])];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Seen(seat(1, 2)))]);
    }

    #[test]
    fn an_index_alone_proves_nothing() {
        // Four namespaces, all ends with index 2: 0-1 and 2-3.
        let spaces = [
            space(vec![veth(2, 2, 0)], &[(0, 1)]),
            space(vec![veth(2, 2, 0)], &[(0, 0)]),
            space(vec![veth(2, 2, 0)], &[(0, 3)]),
            space(vec![veth(2, 2, 0)], &[(0, 2)]),
        ];
        let expected = [(seat(0, 2), Peer::Seen(seat(1, 2))), (seat(2, 2), Peer::Seen(seat(3, 2)))];
        assert_eq!(pair(&spaces), expected);
    }

    #[test]
    fn one_number_that_cannot_be_resolved_is_no_obstacle() {
        let spaces = [space(vec![veth(2, 5, 0)], &[(0, 1)]), space(vec![veth(5, 2, 4)], &[])];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Seen(seat(1, 5)))]);
    }

    #[test]
    fn a_peer_that_went_or_moved_meanwhile_is_unseen() {
        let gone = [space(vec![veth(2, 0, None)], &[])];
        assert_eq!(pair(&gone), [(seat(0, 2), Peer::Unseen { space: Some(0), ifindex: 0 })]);
        // Index 5 of the other namespace is by now somebody else's.
        let moved = [space(vec![veth(2, 5, 0)], &[(0, 1)]), space(vec![veth(5, 9, 3)], &[])];
        let unseen = |space, ifindex| Peer::Unseen { space, ifindex };
        assert_eq!(pair(&moved), [(seat(0, 2), unseen(Some(1), 5)), (seat(1, 5), unseen(None, 9))]);
    }

    #[test]
    fn a_hidden_namespace_leaves_the_peer_unseen() {
        let spaces = [space(vec![veth(2, 8, 3)], &[])];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Unseen { space: None, ifindex: 8 })]);
    }

    #[test]
    fn an_end_read_from_outside_is_matched_by_its_index() {
        let outside = Space { devices: vec![veth(8, 2, None)], nsids: HashMap::new(), complete: false };
        let spaces = [space(vec![veth(2, 8, 3)], &[(3, 1)]), outside];
        assert_eq!(pair(&spaces), [(seat(0, 2), Peer::Seen(seat(1, 8)))]);
    }

    #[test]
    fn three_nested_namespaces() {
        let spaces = [
            space(vec![veth(2, 2, 0)], &[(0, 1)]),
            space(vec![veth(2, 2, 0), veth(3, 2, 1)], &[(0, 0), (1, 2)]),
            space(vec![veth(2, 3, 0)], &[(0, 1)]),
        ];
        let expected = [(seat(0, 2), Peer::Seen(seat(1, 2))), (seat(1, 3), Peer::Seen(seat(2, 2)))];
        assert_eq!(pair(&spaces), expected);
    }

    #[test]
    fn other_kinds_are_left_out_whatever_their_name() {
        let mut bridge = veth(4, 5, None);
        bridge.kind = Some("bridge".into());
        bridge.ifname = "veth0".into();
        assert!(pair(&[space(vec![bridge], &[])]).is_empty());
    }
}
