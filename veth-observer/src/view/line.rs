//! One arrived frame in one line, for people and for programs.

use std::{fmt::Write as _, net::IpAddr, time::Duration, time::UNIX_EPOCH};

use serde::Serialize;

use super::{Style, escape, units};
use crate::{
    frame::{
        describe::{Arp, Description, Echo, Fragment, Icmp, Network, Transport, describe},
        names,
    },
    model::{SCHEMA, sample::Sample},
};

/// A frame as JSON gives it: one object per line.
#[derive(Debug, Serialize)]
pub struct Object<'a> {
    pub schema: u32,
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub ts_ns: u64,
    /// The same in RFC 3339, UTC, nine digits.
    pub time: String,
    pub from: &'a str,
    pub to: &'a str,
    /// `null` when the frame was never seen sent.
    pub delay_ns: Option<u64>,
    /// Bytes before the sample was cut.
    pub len: u32,
    /// Frames the buffer stands for.
    pub frames: u32,
    #[serde(flatten)]
    pub description: Description,
}

/// The JSON form of a sample; `names` are those of the ends, in the order of the pair.
pub fn object<'a>(sample: &Sample, names: [&'a str; 2]) -> Object<'a> {
    let (from, to) = direction(sample, names);
    Object {
        schema: SCHEMA,
        ts_ns: sample.at_ns,
        time: rfc3339(sample.at_ns),
        from,
        to,
        delay_ns: sample.delay_ns(),
        len: sample.len,
        frames: sample.frames,
        description: described(sample),
    }
}

/// The line for people: time of day in UTC, direction, what the frame says, length in bytes, delay.
pub fn line(sample: &Sample, names: [&str; 2], style: Style) -> String {
    let (from, to) = direction(sample, names);
    let time = rfc3339(sample.at_ns);
    let time = time.split_once('T').map_or(time.as_str(), |(_, time)| time);
    let what = summary(&described(sample));
    let mut text = format!("{time}  {}>{}  {what}  {}", escape::name(from), escape::name(to), sample.len);
    if sample.frames > 1 {
        let times = if style.unicode { "×" } else { "x" };
        let _ = write!(text, "  {times}{} frames", sample.frames);
    }
    match sample.delay_ns() {
        Some(delay) => text + "  delay " + &units::duration(delay, style),
        None => text + "  unmatched",
    }
}

/// What a frame says about itself, in one line without a line end: MACs, tags, addresses, protocol.
pub fn summary(frame: &Description) -> String {
    let (Some(src), Some(dst)) = (frame.src_mac, frame.dst_mac) else { return "(too short)".to_owned() };
    let mut text = format!("{src} > {dst}");
    if !frame.vlans.is_empty() {
        let ids: Vec<_> = frame.vlans.iter().map(u16::to_string).collect();
        let _ = write!(text, "  vlan {}", ids.join("."));
    }
    let content = match (&frame.arp, &frame.network) {
        (Some(packet), _) => arp(packet),
        (None, Some(packet)) => {
            let transport = frame.transport.as_ref();
            format!("{}  {}", addresses(packet, transport), protocol(packet, transport))
        }
        (None, None) => frame.ethertype.map_or_else(|| "(no EtherType)".to_owned(), ethertype),
    };
    let _ = write!(text, "  {content}");
    if frame.malformed {
        text += "  malformed";
    }
    text
}

/// `0x88b5 (experimental)`, or the bare number.
pub fn ethertype(value: u16) -> String {
    match names::ethertype(value) {
        Some(name) => format!("{value:#06x} ({name})"),
        None => format!("{value:#06x}"),
    }
}

fn described(sample: &Sample) -> Description {
    describe(&sample.bytes, usize::try_from(sample.len).unwrap_or(usize::MAX))
}

fn direction<'a>(sample: &Sample, [first, second]: [&'a str; 2]) -> (&'a str, &'a str) {
    if sample.from == 0 { (first, second) } else { (second, first) }
}

fn rfc3339(ns: u64) -> String {
    humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(ns)).to_string()
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
