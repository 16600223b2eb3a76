//! From flags to frames.

use std::{
    borrow::Cow,
    fs::File,
    io::Read as _,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    str::FromStr,
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    fault::Fault,
    frame::{
        craft::{Content, EXPERIMENTAL, FrameSpec, HEADER, Ip, Transport, VLAN_TAG, Vlan, craft},
        hex,
    },
    model::mac::Mac,
};

/// Sent when nothing says what to send.
const GREETING: &[u8] = b"hello from veth-observer";

/// The longest frame a veth takes: the largest MTU, an Ethernet header and a tag.
const LONGEST: usize = 65_535 + HEADER + VLAN_TAG;

/// What a frame shall hold.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Frame")]
pub(super) struct FrameFlags {
    /// Source MAC [default: that of the sending end]
    #[arg(long, value_name = "MAC")]
    pub(super) src_mac: Option<Mac>,
    /// Destination MAC [default: that of the other end]
    #[arg(long, value_name = "MAC")]
    pub(super) dst_mac: Option<Mac>,
    /// EtherType of a frame without IP, such as 0x88b5 (the default, for experiments)
    #[arg(long, value_parser = ethertype, value_name = "TYPE", conflicts_with_all = ["ip4", "ip6"])]
    ethertype: Option<u16>,
    /// IEEE 802.1Q tag: id 0 to 4094 and, after a comma, priority 0 to 7
    #[arg(long, value_parser = vlan, value_name = "ID[,PRIORITY]")]
    vlan: Option<Vlan>,
    /// IPv4 addresses
    #[arg(long, value_parser = both::<Ipv4Addr>, value_name = "SRC,DST", group = "ip")]
    ip4: Option<(Ipv4Addr, Ipv4Addr)>,
    /// IPv6 addresses
    #[arg(long, value_parser = both::<Ipv6Addr>, value_name = "SRC,DST", group = "ip")]
    ip6: Option<(Ipv6Addr, Ipv6Addr)>,
    /// UDP ports; needs --ip4 or --ip6
    #[arg(long, value_parser = both::<u16>, value_name = "SPORT,DPORT", group = "transport", requires = "ip")]
    udp: Option<(u16, u16)>,
    /// TCP ports of a SYN; needs --ip4 or --ip6
    #[arg(long, value_parser = both::<u16>, value_name = "SPORT,DPORT", group = "transport", requires = "ip")]
    tcp: Option<(u16, u16)>,
    /// An echo request, numbered from 1; needs --ip4 or --ip6
    #[arg(long, group = "transport", requires = "ip")]
    icmp: bool,
    /// Payload: text, bytes in hex, or the content of a file
    #[arg(long, value_parser = payload, value_name = "TEXT|hex:BYTES|@FILE", allow_hyphen_values = true)]
    payload: Option<Payload>,
    /// Length of the frame in bytes without its checksum: zeros fill the payload up
    #[arg(long, value_name = "BYTES")]
    size: Option<usize>,
    /// The whole frame in hex, from the destination MAC on; spaces, colons and line ends may stand anywhere
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["src_mac", "dst_mac", "ethertype", "vlan", "ip", "transport", "payload", "size"])]
    frame_hex: Option<String>,
}

/// Where a payload comes from.
#[derive(Debug, Clone)]
enum Payload {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl FrameFlags {
    /// True when the frame can be made without knowing the MACs of the ends.
    pub(super) fn complete(&self) -> bool {
        self.frame_hex.is_some() || (self.src_mac.is_some() && self.dst_mac.is_some())
    }

    /// The frames these flags ask for; `macs` are the defaults, source first.
    pub(super) fn frames(&self, macs: [Option<Mac>; 2]) -> Result<Frames> {
        let Some(text) = &self.frame_hex else {
            let spec = self.spec(macs)?;
            let first = craft(&spec, 1).map_err(|error| Fault::usage(error.to_string()))?;
            let numbered = matches!(spec.content, Content::Ip(_, Some(Transport::Icmp)));
            return Ok(if numbered { Frames::Numbered(spec) } else { Frames::Same(first) });
        };
        let frame = hex::parse(text).map_err(|error| Fault::usage(format!("--frame-hex: {error}")))?;
        if frame.len() < HEADER {
            let message = format!(
                "--frame-hex has length {}; an Ethernet header alone has {HEADER} bytes",
                frame.len()
            );
            return Err(Fault::usage(message).into());
        }
        Ok(Frames::Same(frame))
    }

    /// The frame these flags describe; `macs` are the defaults, source first.
    fn spec(&self, [src, dst]: [Option<Mac>; 2]) -> Result<FrameSpec> {
        let mac = |given: Option<Mac>, default: Option<Mac>, flag: &str, whose: &str| {
            let hidden = || Fault::usage(format!("the MAC of the {whose} end cannot be seen; give {flag}"));
            given.or(default).ok_or_else(hidden)
        };
        if self.size.is_some_and(|size| size > LONGEST) {
            return Err(Fault::usage(format!("--size: no veth takes more than {LONGEST} bytes")).into());
        }
        Ok(FrameSpec {
            src_mac: mac(self.src_mac, src, "--src-mac", "sending")?,
            dst_mac: mac(self.dst_mac, dst, "--dst-mac", "receiving")?,
            vlan: self.vlan,
            content: self.content(),
            payload: self.payload()?,
            size: self.size,
        })
    }

    fn content(&self) -> Content {
        let ip = self
            .ip4
            .map(|(src, dst)| Ip::V4 { src, dst })
            .or_else(|| self.ip6.map(|(src, dst)| Ip::V6 { src, dst }));
        let Some(ip) = ip else { return Content::Raw(self.ethertype.unwrap_or(EXPERIMENTAL)) };
        let transport = match (self.udp, self.tcp) {
            (Some((src, dst)), _) => Some(Transport::Udp { src, dst }),
            (None, Some((src, dst))) => Some(Transport::Tcp { src, dst }),
            (None, None) => self.icmp.then_some(Transport::Icmp),
        };
        Content::Ip(ip, transport)
    }

    fn payload(&self) -> Result<Vec<u8>> {
        match &self.payload {
            Some(Payload::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Payload::File(path)) => {
                let mut bytes = Vec::new();
                // One byte more than fits, so that what is too long is refused and not cut.
                let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
                File::open(path)
                    .and_then(|file| file.take(limit).read_to_end(&mut bytes))
                    .with_context(|| format!("cannot read the payload from {}", path.display()))?;
                Ok(bytes)
            }
            None => {
                let bare = self.ethertype.is_none()
                    && self.ip4.is_none()
                    && self.ip6.is_none()
                    && self.size.is_none();
                Ok(if bare { GREETING.to_vec() } else { Vec::new() })
            }
        }
    }
}

/// What to send, one after the other.
#[derive(Debug)]
pub(super) enum Frames {
    Same(Vec<u8>),
    /// Each carries its number.
    Numbered(FrameSpec),
}

impl Frames {
    /// The bytes of the `number`th frame, counted from 1; a 16-bit field holds the number and starts over.
    pub(super) fn get(&self, number: u64) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Same(frame) => Ok(Cow::Borrowed(frame)),
            Self::Numbered(spec) => {
                let [.., high, low] = number.to_be_bytes();
                let frame = craft(spec, u16::from_be_bytes([high, low]));
                Ok(Cow::Owned(frame.map_err(|error| Fault::usage(error.to_string()))?))
            }
        }
    }
}

fn both<T: FromStr>(text: &str) -> Result<(T, T), String>
where
    T::Err: std::fmt::Display,
{
    let (first, second) = text.split_once(',').ok_or("two values with a comma between them are needed")?;
    let parse = |part: &str| part.trim().parse().map_err(|error| format!("{part:?}: {error}"));
    Ok((parse(first)?, parse(second)?))
}

fn ethertype(text: &str) -> Result<u16, String> {
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match value {
        Ok(0..0x0600) => Err("below 0x0600 the field is a length, not an EtherType".into()),
        Ok(value) => Ok(value),
        Err(_) => Err("an EtherType is 0x0600 to 0xffff".into()),
    }
}

fn vlan(text: &str) -> Result<Vlan, String> {
    let (id, pcp) = text.split_once(',').unwrap_or((text, "0"));
    match (id.trim().parse(), pcp.trim().parse()) {
        (Ok(id @ 0..=4094), Ok(pcp @ 0..=7)) => Ok(Vlan { id, pcp }),
        _ => Err("an id is 0 to 4094, a priority 0 to 7".into()),
    }
}

// A parser for clap, which hands errors on as text.
fn payload(text: &str) -> Result<Payload, String> {
    if let Some(path) = text.strip_prefix('@') {
        return Ok(Payload::File(path.into()));
    }
    match text.strip_prefix("hex:") {
        Some(digits) => hex::parse(digits).map(Payload::Bytes).map_err(|error| error.to_string()),
        None => Ok(Payload::Bytes(text.into())),
    }
}
