//! Which frames are sampled, by the commands that show or keep frames.

use std::sync::Arc;

use anyhow::Result;
use bytesize::ByteSize;
use clap::Args;
use veth_observer_common::sample::HEADER_LEN;

use crate::{fault::Fault, model::filter::Filter, observe::Sampling, pcap};

#[derive(Debug, Args)]
pub(super) struct SamplingFlags {
    /// Take one buffer in N
    #[arg(long, value_name = "1/N", default_value = "1/1", value_parser = rate)]
    sample: u32,
    /// Memory for frames on their way to us, for example 64MiB, rounded up to a power of two; by default enough for some 10 ms
    /// of a flood
    #[arg(long, value_name = "SIZE", value_parser = ring_size)]
    ring_size: Option<u32>,
    /// Only frames that match, in the language of tcpdump, pcap-filter(7); it may be several words
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
}

impl SamplingFlags {
    /// What they say, for frames cut to `snaplen` bytes, seen where they leave too when `departures` is set.
    pub(super) fn sampling(&self, snaplen: u32, departures: bool) -> Result<Sampling> {
        let least = 2 * (snaplen + RECORD_HEADER);
        let ring_bytes = self.ring_size.unwrap_or_else(|| ring_bytes(snaplen, departures));
        if ring_bytes < least {
            let least = least.next_power_of_two().max(LEAST_RING) >> 10;
            return Err(Fault::usage(format!(
                "two frames of --snaplen {snaplen} do not fit into --ring-size"
            ))
            .fix(format!("--ring-size {least}KiB"))
            .into());
        }
        Ok(Sampling { rate: self.sample, snaplen, ring_bytes, departures, filter: self.filter()? })
    }

    /// What an agent is asked for; a flag that it does not follow in its place.
    pub(super) fn asked(&self) -> Result<(u32, String), &'static str> {
        if self.ring_size.is_some() { Err("--ring-size") } else { Ok((self.sample, self.filter.join(" "))) }
    }

    /// True when only some frames are asked for.
    pub(super) fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    fn filter(&self) -> Result<Option<Arc<Filter>>> {
        if !self.is_filtered() {
            return Ok(None);
        }
        Ok(Some(Arc::new(pcap::compile(&self.filter.join(" "))?)))
    }
}

/// Bytes of the ring that a record takes beside the frame: our header, the ring's own and padding.
const RECORD_HEADER: u32 = 72;
const _: () = assert!(RECORD_HEADER as usize >= HEADER_LEN + 16);

/// Room for some 10 ms of a flood of small frames, and for a few of the longest; twice that where each is seen twice.
pub(super) fn ring_bytes(snaplen: u32, departures: bool) -> u32 {
    let bytes = (64 * (snaplen + RECORD_HEADER)).next_power_of_two().max(1 << 22);
    if departures { 2 * bytes } else { bytes }
}

fn rate(text: &str) -> Result<u32, String> {
    let rate =
        text.strip_prefix("1/").unwrap_or(text).parse().map_err(|_| "give it as 1/N, for example 1/100")?;
    if rate == 0 { Err("N must be at least 1".into()) } else { Ok(rate) }
}

const LEAST_RING: u32 = 64 << 10;
const LARGEST_RING: u32 = 1 << 30;

/// The kernel wants a power of two of whole pages.
fn ring_size(text: &str) -> Result<u32, String> {
    let size: ByteSize = text.parse().map_err(|_| "give it as bytes, or for example 512KiB or 64MiB")?;
    match u32::try_from(size.as_u64()).ok().filter(|bytes| (LEAST_RING..=LARGEST_RING).contains(bytes)) {
        Some(bytes) => Ok(bytes.next_power_of_two()),
        None => Err("must lie between 64KiB and 1GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use veth_observer_common::sample::MAX_SNAPLEN;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: SamplingFlags,
    }

    fn flags(words: &[&str]) -> SamplingFlags {
        Line::try_parse_from([&["veth-observer"], words].concat()).ok().unwrap().flags
    }

    #[test]
    fn a_rate_is_one_in_n() {
        assert_eq!((rate("1/100"), rate("7"), rate("1/1")), (Ok(100), Ok(7), Ok(1)));
        assert!(rate("1/0").is_err() && rate("2/3").is_err() && rate("x").is_err());
    }

    #[test]
    fn the_ring_is_a_power_of_two_that_holds_the_longest_frame() {
        for snaplen in [14, 96, 9018, MAX_SNAPLEN] {
            let bytes = ring_bytes(snaplen, false);
            assert!(bytes.is_power_of_two() && bytes >= 16 * snaplen);
            assert_eq!(ring_bytes(snaplen, true), 2 * bytes);
        }
    }

    #[test]
    fn a_size_has_a_unit_or_none_and_is_rounded_up() {
        for (text, bytes) in [
            ("65536", 1 << 16),
            ("64KiB", 1 << 16),
            ("100 KiB", 1 << 17),
            ("3MiB", 1 << 22),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(ring_size(text), Ok(bytes), "{text}");
        }
        for text in ["65535", "0", "2GiB", "4294967296", "much", "-1", ""] {
            assert!(ring_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_flags_say() {
        let plain = flags(&[]).sampling(96, false).unwrap();
        assert_eq!((plain.rate, plain.snaplen, plain.ring_bytes, plain.departures), (1, 96, 1 << 22, false));
        assert!(plain.filter.is_none() && !flags(&[]).is_filtered());
        let all = flags(&["--sample", "1/10", "--ring-size", "1MiB"]).sampling(1514, true).unwrap();
        assert_eq!((all.rate, all.snaplen, all.ring_bytes, all.departures), (10, 1514, 1 << 20, true));
        let small = flags(&["--ring-size", "64KiB"]).sampling(MAX_SNAPLEN, false).unwrap_err();
        let fix = small.downcast_ref::<Fault>().unwrap().fix.clone();
        assert_eq!(fix.as_deref(), Some("--ring-size 256KiB"));
    }

    #[test]
    fn words_of_a_filter_are_one_expression() {
        let flags = flags(&["tcp", "port", "443"]);
        assert!(flags.is_filtered());
        assert_eq!(flags.filter.join(" "), "tcp port 443");
    }
}
