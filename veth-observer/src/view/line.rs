//! One frame in one line, for people.

use std::{fmt::Write as _, net::IpAddr};

pub use super::object::{Object, object};
use super::{
    Style, escape,
    object::{Outcome, Place},
    units,
};
use crate::{
    frame::{
        describe::{Arp, Description, Echo, Fragment, Icmp, Network, Transport},
        hex, names,
    },
    model::sample::{Point, Sample},
};

/// What a line is to show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    pub style: Style,
    /// MAC addresses and EtherType also of frames that say more than that.
    pub link_layer: bool,
    /// Whether it was seen leaving or arriving; else all lines tell of the same.
    pub point: bool,
    /// The bytes below it, where they are known.
    pub hex: bool,
}

/// A sample in one line for people.
pub fn line(sample: &Sample, names: [&str; 2], style: Style) -> String {
    show(&object(sample, names), Shape { style, ..Shape::default() })
}

/// The line for people, without a line end: time of day in UTC, direction, what the frame says, length in bytes, fate. Its
/// bytes follow in lines of their own that begin with a tab.
pub fn show(object: &Object, shape: Shape) -> String {
    let Object { time, from, to, len, frames, .. } = object;
    let time = time.split_once('T').map_or(time.as_str(), |(_, time)| time);
    let point = match object.point {
        _ if !shape.point => "",
        Point::Sent => "sent      ",
        Point::Received => "received  ",
    };
    let what = words(&object.description, if shape.link_layer { Link::Whole } else { Link::AsNeeded });
    let mut text = format!("{time}  {point}{from}>{to}  {what}  {len}");
    if *frames > 1 {
        let times = if shape.style.unicode { "×" } else { "x" };
        let _ = write!(text, "  {times}{frames} frames");
    }
    let text = format!("{text}  {}", fate(object, shape.style));
    // What was read from a file holds what somebody wrote into it.
    let mut text = escape::name(&text).into_owned();
    if shape.hex
        && let Some(Ok(bytes)) = object.frame_hex.as_deref().map(hex::parse)
    {
        for row in hex::dump(&bytes).lines() {
            text += "\n\t";
            text += row;
        }
    }
    text
}

fn fate(object: &Object, style: Style) -> String {
    match (object.fate, object.delay_ns, &object.place) {
        (Outcome::Delivered, Some(delay), _) => format!("delay {}", units::duration(delay, style)),
        (Outcome::Delivered, None, _) => "delivered".to_owned(),
        (Outcome::Dropped, _, Some(Place { stage, reason, location })) => {
            format!("dropped {stage} {} {location}", reason.as_deref().unwrap_or("-"))
        }
        (Outcome::Dropped, _, None) => "dropped".to_owned(),
        (Outcome::Lost, ..) => "lost".to_owned(),
        (Outcome::Unmatched, ..) => "unmatched".to_owned(),
        (Outcome::Unknown, ..) => "fate unknown".to_owned(),
    }
}

/// How much of the link layer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// MAC addresses where nothing else says who speaks, as tcpdump does it.
    AsNeeded,
    /// MAC addresses.
    Addresses,
    /// MAC addresses and EtherType, as tcpdump's -e.
    Whole,
}

/// What a frame says about itself, in one line without a line end: MACs, tags, addresses, protocol.
pub fn summary(frame: &Description) -> String {
    words(frame, Link::Addresses)
}

/// The same without MACs where something else says who speaks.
pub(super) fn brief(frame: &Description) -> String {
    words(frame, Link::AsNeeded)
}

fn words(frame: &Description, link: Link) -> String {
    let (Some(src), Some(dst)) = (frame.src_mac, frame.dst_mac) else { return "(too short)".to_owned() };
    let names_itself = frame.arp.is_some() || frame.network.is_some();
    let mut parts = Vec::with_capacity(5);
    if link != Link::AsNeeded || !names_itself {
        parts.push(format!("{src} > {dst}"));
    }
    if !frame.vlans.is_empty() {
        let ids: Vec<_> = frame.vlans.iter().map(u16::to_string).collect();
        parts.push(format!("vlan {}", ids.join(".")));
    }
    if link == Link::Whole && names_itself {
        parts.extend(frame.ethertype.map(ethertype));
    }
    parts.push(match (&frame.arp, &frame.network) {
        (Some(packet), _) => arp(packet),
        (None, Some(packet)) => {
            let transport = frame.transport.as_ref();
            format!("{}  {}", addresses(packet, transport), protocol(packet, transport))
        }
        (None, None) => frame.ethertype.map_or_else(|| "(no EtherType)".to_owned(), ethertype),
    });
    if frame.malformed {
        parts.push("malformed".to_owned());
    }
    parts.join("  ")
}

/// `0x88b5 (experimental)`, or the bare number.
pub fn ethertype(value: u16) -> String {
    match names::ethertype(value) {
        Some(name) => format!("{value:#06x} ({name})"),
        None => format!("{value:#06x}"),
    }
}

fn addresses(packet: &Network, transport: Option<&Transport>) -> String {
    let ports = match transport {
        Some(&Transport::Tcp { src_port, dst_port, .. } | &Transport::Udp { src_port, dst_port }) => {
            Some((src_port, dst_port))
        }
        _ => None,
    };
    // tcpdump's notation, which reads the same for IPv4 and IPv6.
    let with = |address: IpAddr, port| match port {
        Some(port) => format!("{address}.{port}"),
        None => address.to_string(),
    };
    format!("{} > {}", with(packet.src, ports.map(|p| p.0)), with(packet.dst, ports.map(|p| p.1)))
}

fn protocol(packet: &Network, transport: Option<&Transport>) -> String {
    let mut text = match transport {
        Some(Transport::Tcp { flags: Some(flags), .. }) => format!("tcp [{flags}]"),
        Some(Transport::Icmp(message)) => icmp("icmp", names::icmp4(message.kind), *message),
        Some(Transport::Icmp6(message)) => icmp("icmp6", names::icmp6(message.kind), *message),
        _ => names::ip_protocol(packet.protocol)
            .map_or_else(|| format!("ip protocol {}", packet.protocol), ToOwned::to_owned),
    };
    if let Some(Fragment { id, offset, more }) = packet.fragment {
        let _ = write!(text, "  fragment {id} at {offset}{}", if more { "+" } else { "" });
    }
    text
}

fn icmp(family: &str, name: Option<&str>, message: Icmp) -> String {
    let mut text = match name {
        Some(name) => format!("{family} {name}"),
        None => format!("{family} type {}", message.kind),
    };
    match message.echo {
        Some(Echo { id, sequence }) => {
            let _ = write!(text, " id {id} seq {sequence}");
        }
        None if message.code != 0 => {
            let _ = write!(text, " code {}", message.code);
        }
        None => {}
    }
    text
}

fn arp(packet: &Arp) -> String {
    match (packet.operation, packet.sender, packet.target) {
        (1, Some(sender), Some(target)) => format!("arp who-has {} tell {}", target.ip, sender.ip),
        (2, Some(sender), _) => format!("arp reply {} is-at {}", sender.ip, sender.mac),
        (operation, ..) => format!("arp operation {operation}"),
    }
}

#[cfg(test)]
mod tests;
