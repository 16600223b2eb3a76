//! What of a file can be sent, told before anything is.

use std::time::Duration;

use anyhow::{Result, anyhow};
use pcap_file::DataLink;

use super::file::{Capture, Record};
use crate::{
    frame::craft::{self, HEADER},
    model::replay::Contents,
};

/// Why a record cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    NotEthernet,
    Cut,
    Short,
    Long,
}

/// Whether a record can be sent from an end with this MTU.
pub fn judge(record: &Record, mtu: Option<u32>) -> Result<(), Skip> {
    let most = mtu.map_or(usize::MAX, |mtu| craft::longest(mtu, record.bytes));
    match record.bytes.len() {
        _ if record.link != DataLink::ETHERNET => Err(Skip::NotEthernet),
        len if len < record.original => Err(Skip::Cut),
        len if len < HEADER => Err(Skip::Short),
        len if len > most => Err(Skip::Long),
        _ => Ok(()),
    }
}

/// Reads a file from its beginning to its end. A file without Ethernet frames is refused.
pub fn survey(mut capture: Capture, mtu: Option<u32>) -> Result<Contents> {
    let mut contents = Contents::default();
    let (mut first, mut last, mut strange) = (None, Duration::ZERO, None);
    while let Some(record) = capture.record()? {
        contents.records += 1;
        match judge(&record, mtu) {
            Ok(()) => {
                contents.frames += 1;
                contents.bytes += u64::try_from(record.bytes.len())?;
                contents.longest = contents.longest.max(record.bytes.len());
                if let Some(at) = record.at {
                    let first = *first.get_or_insert(at);
                    last = last.max(at.saturating_sub(first));
                }
            }
            Err(Skip::NotEthernet) => {
                contents.skipped.not_ethernet += 1;
                strange = Some(record.link);
            }
            Err(Skip::Cut) => contents.skipped.cut += 1,
            Err(Skip::Short) => contents.skipped.short += 1,
            Err(Skip::Long) => contents.skipped.long += 1,
        }
    }
    contents.recorded_ns = u64::try_from(last.as_nanos()).unwrap_or(u64::MAX);
    match strange {
        Some(link) if contents.skipped.not_ethernet == contents.records => {
            let path = capture.path().display();
            Err(anyhow!("{path} holds frames of link type {link:?}, and only Ethernet frames can be sent"))
        }
        _ => Ok(contents),
    }
}
