//! Samples as pcapng: a section with one interface for each end of the pair.
//!
//! The format: <https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/draft-ietf-opsawg-pcapng.html>

mod comment;

use std::{borrow::Cow, time::Duration};

use anyhow::Result;
use pcap_file::{
    DataLink, Endianness,
    pcapng::{
        PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{
                InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
            },
            interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption},
            opt_common::CommonOption,
            section_header::{SectionHeaderBlock, SectionHeaderOption},
        },
    },
};

use super::escape;
use crate::model::{
    link::{End, Owner},
    mac::Mac,
    sample::{Point, Sample, Sampled},
};
use comment::Comments;

/// What a section says about itself and its interfaces.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The program that captures, with its version.
    pub application: String,
    /// The operating system, with its release.
    pub os: String,
    /// In the order of the pair, which is that of the interfaces.
    pub ends: [End; 2],
    /// The most bytes that are kept of a frame.
    pub snaplen: u32,
    /// The expression that frames had to match.
    pub filter: Option<String>,
    /// A frame that takes longer is lost.
    pub loss_timeout: Duration,
}

/// What happened at one end while its section was written.
#[derive(Debug, Clone, Copy)]
pub struct Statistics {
    /// In nanoseconds since the Unix epoch.
    pub start_ns: u64,
    pub end_ns: u64,
    pub sampled: Sampled,
    /// Packets in the section.
    pub written: u64,
}

/// Blocks in memory, whole ones only.
pub struct Section {
    blocks: PcapNgWriter<Vec<u8>>,
    snaplen: usize,
    comments: Comments,
}

/// `epb_flags`: which way a frame went through the interface.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

impl Section {
    /// Begins with the header and the interfaces.
    pub fn new(origin: &Origin) -> Result<Self> {
        let options = vec![
            SectionHeaderOption::OS(origin.os.as_str().into()),
            SectionHeaderOption::UserApplication(origin.application.as_str().into()),
        ];
        let header =
            SectionHeaderBlock { endianness: Endianness::native(), options, ..SectionHeaderBlock::default() };
        let mut blocks = PcapNgWriter::with_section_header(Vec::new(), header)?;
        for end in 0..2 {
            blocks.write_pcapng_block(interface(origin, end))?;
        }
        let comments = Comments::new(&origin.ends, origin.loss_timeout);
        Ok(Self { blocks, snaplen: usize::try_from(origin.snaplen)?, comments })
    }

    /// Adds a frame; `dropped` is how many the capture lost at this end since the frame before.
    pub fn packet(&mut self, sample: &Sample, dropped: u64) -> Result<()> {
        let data = &sample.bytes[..sample.bytes.len().min(self.snaplen)];
        let direction = match sample.point {
            Point::Sent => OUTBOUND,
            Point::Received => INBOUND,
        };
        let comment = CommonOption::Comment(self.comments.comment(sample).into());
        let mut options = vec![EnhancedPacketOption::Flags(direction), EnhancedPacketOption::Common(comment)];
        if dropped > 0 {
            options.push(EnhancedPacketOption::DropCount(dropped));
        }
        self.blocks.write_pcapng_block(EnhancedPacketBlock {
            interface_id: u32::try_from(sample.end())?,
            timestamp: Duration::from_nanos(sample.at_ns),
            original_len: sample.len.max(u32::try_from(data.len())?),
            data: Cow::Borrowed(data),
            options,
        })?;
        Ok(())
    }

    /// Adds what happened at an end, 0 or 1; the last of its blocks.
    pub fn statistics(&mut self, end: usize, statistics: &Statistics) -> Result<()> {
        let Sampled { taken, skipped, filtered, lost } = statistics.sampled;
        let time = Duration::from_nanos;
        self.blocks.write_pcapng_block(InterfaceStatisticsBlock {
            interface_id: u32::try_from(end)?,
            timestamp: time(statistics.end_ns),
            options: vec![
                InterfaceStatisticsOption::IsbStartTime(time(statistics.start_ns)),
                InterfaceStatisticsOption::IsbEndTime(time(statistics.end_ns)),
                InterfaceStatisticsOption::IsbIfRecv(taken + skipped + filtered + lost),
                InterfaceStatisticsOption::IsbFilterAccept(taken + lost),
                // The same loss once more, where dumpcap tells it and Wireshark shows it.
                InterfaceStatisticsOption::IsbIfDrop(lost),
                InterfaceStatisticsOption::IsbOsDrop(lost),
                InterfaceStatisticsOption::IsbUsrDeliv(statistics.written),
            ],
        })?;
        Ok(())
    }

    /// Bytes that wait to be taken.
    pub fn len(&self) -> usize {
        self.blocks.get_ref().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the blocks that were added since.
    pub fn take(&mut self) -> Vec<u8> {
        let blocks = self.blocks.get_mut();
        // What comes next is likely to be as long.
        std::mem::replace(blocks, Vec::with_capacity(blocks.len()))
    }
}

fn interface(origin: &Origin, at: usize) -> InterfaceDescriptionBlock<'static> {
    let end = &origin.ends[at];
    let mut options = vec![
        InterfaceDescriptionOption::IfName(escape::name(&end.label()).into_owned().into()),
        InterfaceDescriptionOption::IfDescription(description(&origin.ends, at).into()),
        InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        InterfaceDescriptionOption::IfOs(origin.os.clone().into()),
    ];
    if let Some(mac) = end.mac.as_ref().and_then(|text| text.parse::<Mac>().ok()) {
        options.push(InterfaceDescriptionOption::IfMacAddr(mac.0.to_vec().into()));
    }
    // The length of an option has 16 bits.
    if let Some(expression) = origin.filter.as_ref().filter(|expression| expression.len() < 0xffff) {
        // The first byte says that what follows is an expression.
        let filter = [&[0], expression.as_bytes()].concat();
        options.push(InterfaceDescriptionOption::IfFilter(filter.into()));
    }
    InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: origin.snaplen, options }
}

/// `web0 of web0 <-> eth0, in netns blue, container web`
fn description(ends: &[End; 2], at: usize) -> String {
    let label = |end: &End| escape::name(&end.label()).into_owned();
    let (end, [a, b]) = (&ends[at], ends.each_ref().map(label));
    let namespace = end.netns.to_string();
    let mut text = format!("{} of {a} <-> {b}, in netns {}", label(end), escape::name(&namespace));
    if let Some(owner) = end.owner.as_ref().and_then(owner) {
        text = format!("{text}, {}", escape::name(&owner));
    }
    text
}

fn owner(owner: &Owner) -> Option<String> {
    let Owner { id, name, pod, namespace, .. } = owner;
    if let Some(pod) = pod {
        let container = name.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
        return Some(match namespace {
            Some(namespace) => format!("pod {namespace}/{pod}{container}"),
            None => format!("pod {pod}{container}"),
        });
    }
    name.as_ref().or(id.as_ref()).map(|name| format!("container {name}"))
}

#[cfg(test)]
mod tests;
