//! The bytes: a header, records of types one after the other, and their names.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};

const MAGIC: u16 = 0xeb9f;

/// struct btf_header up to and with `str_len`.
const HEADER: usize = 24;

/// Name, kind with count, and size or the type referred to.
const RECORD: usize = 12;

/// Numbers of struct btf_member, and of struct btf_enum64.
const TRIPLE: usize = 12;
const PAIR: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pointer,
    Composite,
    Enum,
    Enum64,
    Typedef,
    /// `const`, `volatile`, `restrict` and type tags.
    Qualifier,
    FunctionPrototype,
    /// Nothing that we ever look into.
    Other,
}

impl Kind {
    pub(super) fn has_members(self) -> bool {
        self == Self::Composite
    }

    pub(super) fn is_enum(self) -> bool {
        matches!(self, Self::Enum | Self::Enum64)
    }

    pub(super) fn wraps(self) -> bool {
        matches!(self, Self::Typedef | Self::Qualifier)
    }
}

/// One type.
pub(super) struct Type<'a> {
    pub(super) kind: Kind,
    /// Empty when it has none.
    pub(super) name: &'a [u8],
    /// Of a pointer, a typedef or a qualifier.
    pub(super) refers_to: u32,
    /// Members, values or parameters.
    pub(super) count: usize,
    blob: &'a Blob,
    flag: bool,
    details: &'a [u8],
}

pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    pub(super) refers_to: u32,
    /// Bits from the start of the structure.
    pub(super) offset: u32,
    /// Bits of a bit field, else 0.
    pub(super) width: u32,
}

impl<'a> Type<'a> {
    /// The members of a structure or union; of anything else none.
    pub(super) fn members(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let (blob, flag) = (self.blob, self.flag);
        let details = if self.kind.has_members() { self.details } else { &[] };
        details.as_chunks::<TRIPLE>().0.iter().map(move |chunk| {
            let [name, refers_to, offset] = numbers(chunk);
            let (offset, width) = if flag { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
            Member { name: blob.string(name), refers_to, offset, width }
        })
    }

    /// Values that fit 32 bits, and their names; of anything but an enumeration none.
    pub(super) fn values(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let blob = self.blob;
        let (narrow, wide): (&[u8], &[u8]) = match self.kind {
            Kind::Enum => (self.details, &[]),
            Kind::Enum64 => (&[], self.details),
            _ => (&[], &[]),
        };
        let narrow = narrow.as_chunks::<PAIR>().0.iter().map(|chunk| {
            let [name, value] = numbers(chunk);
            (value, 0, name)
        });
        let wide = wide.as_chunks::<TRIPLE>().0.iter().map(|chunk| {
            let [name, low, high] = numbers(chunk);
            (low, high, name)
        });
        narrow
            .chain(wide)
            .filter(|(_, high, _)| *high == 0)
            .map(|(value, _, name)| (value, blob.string(name)))
    }
}

/// All types, by number from 1 on; 0 is `void`.
pub(super) struct Blob {
    bytes: Vec<u8>,
    strings: Range<usize>,
    /// Where each record begins. Some 10⁵.
    records: Vec<u32>,
}

impl Blob {
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk().context("shorter than a header")?;
        let [first, len, type_at, type_len, string_at, string_len] = numbers(header);
        // The upper half are a version and flags.
        ensure!(first & 0xffff == u32::from(MAGIC), "no BTF of this byte order");
        ensure!(first >> 16 & 0xff == 1, "BTF of version {}", first >> 16 & 0xff);
        let section = |at: u32, section_len: u32| -> Option<Range<usize>> {
            let start = usize::try_from(len).ok()?.checked_add(usize::try_from(at).ok()?)?;
            let end = start.checked_add(usize::try_from(section_len).ok()?)?;
            (end <= bytes.len()).then_some(start..end)
        };
        let types = section(type_at, type_len).context("its types are beyond its end")?;
        let strings = section(string_at, string_len).context("its names are beyond its end")?;
        let records = records(&bytes, types)?;
        Ok(Self { bytes, strings, records })
    }

    pub(super) fn types(&self) -> impl Iterator<Item = Type<'_>> {
        self.records.iter().filter_map(|start| self.record(*start))
    }

    pub(super) fn get(&self, id: u32) -> Option<Type<'_>> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.record(*self.records.get(index)?)
    }

    fn record(&self, start: u32) -> Option<Type<'_>> {
        let bytes = self.bytes.get(usize::try_from(start).ok()?..)?;
        let [name, info, refers_to] = numbers(bytes.first_chunk::<RECORD>()?);
        let (kind, details) = shape(info)?;
        Some(Type {
            kind,
            name: self.string(name),
            refers_to,
            count: count(info),
            blob: self,
            flag: info >> 31 == 1,
            details: bytes.get(RECORD..RECORD.checked_add(details)?)?,
        })
    }

    /// The name at an offset; empty when there is none.
    fn string(&self, offset: u32) -> &[u8] {
        let strings = self.bytes.get(self.strings.clone()).unwrap_or_default();
        let rest = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..)).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// Where each record begins; fails unless they fill the section exactly.
fn records(bytes: &[u8], section: Range<usize>) -> Result<Vec<u32>> {
    let (mut records, mut at) = (Vec::new(), section.start);
    while at < section.end {
        let record = bytes.get(at..section.end).and_then(|rest| rest.first_chunk::<RECORD>());
        let [_, info, _] = numbers(record.context("a type is cut off")?);
        let Some((_, details)) = shape(info) else {
            bail!("a type of the unknown kind {}", info >> 24 & 0x1f)
        };
        records.push(u32::try_from(at)?);
        at += RECORD + details;
    }
    ensure!(at == section.end, "the last type is cut off");
    Ok(records)
}

fn count(info: u32) -> usize {
    (info & 0xffff) as usize
}

/// What kind of type, and how many bytes follow its record. `BTF_KIND_*` of include/uapi/linux/btf.h.
fn shape(info: u32) -> Option<(Kind, usize)> {
    let count = count(info);
    Some(match info >> 24 & 0x1f {
        2 => (Kind::Pointer, 0),
        4 | 5 => (Kind::Composite, count * TRIPLE),
        6 => (Kind::Enum, count * PAIR),
        8 => (Kind::Typedef, 0),
        9 | 10 | 11 | 18 => (Kind::Qualifier, 0),
        13 => (Kind::FunctionPrototype, count * PAIR),
        19 => (Kind::Enum64, count * TRIPLE),
        // Forward declarations, functions and floats.
        7 | 12 | 16 => (Kind::Other, 0),
        // Integers, variables and declaration tags.
        1 | 14 | 17 => (Kind::Other, 4),
        // Arrays.
        3 => (Kind::Other, 12),
        // Sections.
        15 => (Kind::Other, count * TRIPLE),
        _ => return None,
    })
}

/// The first `N` numbers of a record.
fn numbers<const N: usize, const LEN: usize>(bytes: &[u8; LEN]) -> [u32; N] {
    const { assert!(N * 4 <= LEN) };
    let words = bytes.as_chunks::<4>().0;
    std::array::from_fn(|index| words.get(index).map_or(0, |word| u32::from_le_bytes(*word)))
}
