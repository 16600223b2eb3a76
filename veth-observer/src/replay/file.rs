//! Records of a capture file one after the other: pcap and pcapng, whichever it is.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use pcap_file::{
    DataLink,
    pcap::{PcapReadError, PcapReader, PcapTsResolution},
    pcapng::{Block, PcapNgReadError, PcapNgReader, PcapNgState},
};

/// A longer block or record than this is taken for damage: what others write stays below (Wireshark's limit).
const LONGEST_BLOCK: usize = 16 << 20;

/// How a pcapng file begins, in either byte order.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// One captured frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub link: DataLink,
    /// Since the Unix epoch; none where the file does not say.
    pub at: Option<Duration>,
    /// Bytes of the frame before it was cut.
    pub original: usize,
    pub bytes: &'a [u8],
}

/// A capture file that is being read.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    format: Format,
    /// Records read so far.
    read: u64,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Format {
    Pcap(PcapReader<File>),
    PcapNg(PcapNgReader<File>),
}

impl Capture {
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        if !is_file {
            return Err(anyhow!("{shown} is not a file; a capture is read twice, so it can be no pipe"));
        }
        let mut magic = [0; 4];
        let known = file.read_exact(&mut magic).and_then(|()| file.rewind());
        let neither = || anyhow!("{shown} is neither a pcap nor a pcapng file");
        known.map_err(|_| neither())?;
        let format = if magic == SECTION {
            PcapNgReader::with_capacity(file, LONGEST_BLOCK).ok().map(Format::PcapNg)
        } else {
            PcapReader::with_capacity(file, LONGEST_BLOCK).ok().map(Format::Pcap)
        };
        let format = format.ok_or_else(neither)?;
        Ok(Self { path: path.to_owned(), format, read: 0, bytes: Vec::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next record; none at the end of the file.
    pub fn record(&mut self) -> Result<Option<Record<'_>>> {
        let found = match &mut self.format {
            Format::Pcap(reader) => of_pcap(reader, &mut self.bytes),
            Format::PcapNg(reader) => of_pcapng(reader, &mut self.bytes),
        };
        let (path, at) = (self.path.display(), self.read + 1);
        let found = found.map_err(|error| match error.downcast_ref::<io::Error>() {
            Some(end) if end.kind() == io::ErrorKind::UnexpectedEof => {
                anyhow!("{path} is cut or damaged at record {at}")
            }
            _ => error.context(format!("{path} is damaged at record {at}")),
        })?;
        self.read += u64::from(found.is_some());
        Ok(found.map(|(link, at, original)| Record { link, at, original, bytes: &self.bytes }))
    }
}

type Head = (DataLink, Option<Duration>, usize);

fn of_pcap(reader: &mut PcapReader<File>, bytes: &mut Vec<u8>) -> Result<Option<Head>> {
    let header = reader.header();
    let Some(record) = reader.next_raw_packet() else { return Ok(None) };
    let record = record.map_err(|error| match error {
        PcapReadError::Io(error) => error.into(),
        other @ PcapReadError::Validation(_) => anyhow::Error::new(other),
    })?;
    let fraction = match header.ts_resolution {
        PcapTsResolution::MicroSecond => Duration::from_micros(record.ts_frac.into()),
        PcapTsResolution::NanoSecond => Duration::from_nanos(record.ts_frac.into()),
    };
    bytes.clear();
    bytes.extend_from_slice(&record.data);
    let at = Duration::from_secs(record.ts_sec.into()) + fraction;
    Ok(Some((header.datalink, Some(at), record.orig_len.try_into()?)))
}

fn of_pcapng(reader: &mut PcapNgReader<File>, bytes: &mut Vec<u8>) -> Result<Option<Head>> {
    while let Some(block) = reader.next_block() {
        let (block, state) = block.map_err(|error| match error {
            PcapNgReadError::Io(error) => error.into(),
            other => anyhow::Error::new(other),
        })?;
        let (interface, at, original, data) = match &block {
            Block::EnhancedPacket(block) => {
                (block.interface_id, Some(block.timestamp), block.original_len, &block.data)
            }
            Block::Packet(block) => {
                (block.interface_id.into(), Some(block.timestamp), block.original_len, &block.data)
            }
            Block::SimplePacket(block) => (0, None, block.original_len, &block.data),
            _ => continue,
        };
        bytes.clear();
        bytes.extend_from_slice(data);
        return Ok(Some((link(state, interface)?, at, original.try_into()?)));
    }
    Ok(None)
}

fn link(state: &PcapNgState, interface: u32) -> Result<DataLink> {
    let interface = state.interfaces().get(usize::try_from(interface)?);
    interface
        .map(|interface| interface.linktype)
        .context("a packet is of an interface that was not described")
}
