//! The program that sees frames die: what it must be told of this kernel, and what it counted.

use std::{collections::BTreeMap, sync::OnceLock};

use anyhow::{Context, Result};
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, PerCpuHashMap, RingBuf},
    programs::{BtfTracePoint, links::FdLink},
};
use veth_observer_common::{
    drops::{Dead, Place, Told},
    settings as names,
};

use super::btf::Btf;

const TRACEPOINT: &str = "kfree_skb";

/// `skb_drop_reason` came with Linux 5.17.
const ARGS_WITH_REASON: usize = 3;

/// An end as the kernel's own structures tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndId {
    pub ifindex: u32,
    /// SO_NETNS_COOKIE; 0 when it is not known, and then no drop is known to be on this end.
    pub netns_cookie: u64,
}

/// Load-time constants of the program, from the running kernel's types.
pub(super) struct Layout {
    offsets: Vec<(&'static str, u32)>,
    has_reasons: u32,
}

impl Layout {
    /// Looked up once in the life of the process: it means parsing all types of the kernel.
    pub(super) fn running() -> Result<&'static Self> {
        static LAYOUT: OnceLock<Layout> = OnceLock::new();
        if let Some(layout) = LAYOUT.get() {
            return Ok(layout);
        }
        let layout = Self::look_up()?;
        Ok(LAYOUT.get_or_init(|| layout))
    }

    fn look_up() -> Result<Self> {
        let btf = Btf::running()?;
        let offset = |&(constant, structure, path): &(&'static str, &str, &[&str])| {
            let offset = btf.offset(structure, path);
            let offset = offset.with_context(|| format!("this kernel has no {structure}.{}", path.join(".")));
            Ok((constant, offset?))
        };
        let offsets = names::OFFSETS.iter().map(offset).collect::<Result<_>>()?;
        let mut offsets: Vec<_> = offsets;
        // Where there is no such member, there is no need for it.
        offsets.push(offset(&names::VLAN_PRESENT).unwrap_or((names::VLAN_PRESENT.0, 0)));
        let args = btf.tracepoint_args(TRACEPOINT).context("this kernel has no kfree_skb tracepoint")?;
        Ok(Self { offsets, has_reasons: u32::from(args >= ARGS_WITH_REASON) })
    }

    /// Names and bytes of the constants.
    pub(super) fn constants(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut constants = vec![(names::DROP_REASONS, self.has_reasons.to_ne_bytes().to_vec())];
        constants.extend(self.offsets.iter().map(|(name, offset)| (*name, offset.to_ne_bytes().to_vec())));
        constants
    }
}

/// The attached program's maps; it comes off when this is dropped.
pub struct Drops {
    pub places: PerCpuHashMap<MapData, Place, Dead>,
    pub unplaced: PerCpuArray<MapData, Dead>,
    /// None unless frames that die are told.
    pub telling: Option<Telling>,
    /// Whether the kernel tells reasons.
    pub has_reasons: bool,
    /// Id of the program.
    pub program: u32,
    _link: FdLink,
}

/// Frames that died, with their first bytes.
pub struct Telling {
    pub ring: RingBuf<MapData>,
    pub told: PerCpuArray<MapData, Told>,
    /// So many at a time, see [`super::Settings::tell`].
    pub most: u32,
}

impl Drops {
    /// Loads the program and puts it on the tracepoint.
    pub(super) fn attach(ebpf: &mut Ebpf, layout: &Layout, tell: u32) -> Result<Self> {
        let program: &mut BtfTracePoint =
            ebpf.program_mut(names::DROP).context("the object has no program for drops")?.try_into()?;
        program.load(TRACEPOINT, types()?)?;
        let number = program.info()?.id();
        let id = program.attach()?;
        let link = program.take_link(id)?.into();
        let mut map = |name| ebpf.take_map(name).with_context(|| format!("the object has no map {name}"));
        let telling = if tell > 0 {
            let (ring, told) = (map(names::SAMPLES)?.try_into()?, map(names::TOLD)?.try_into()?);
            Some(Telling { ring, told, most: tell })
        } else {
            None
        };
        Ok(Self {
            telling,
            places: map(names::PLACES)?.try_into()?,
            unplaced: map(names::UNPLACED)?.try_into()?,
            has_reasons: layout.has_reasons == 1,
            program: number,
            _link: link,
        })
    }
}

/// The kernel's types as aya wants them, parsed once.
fn types() -> Result<&'static aya::Btf> {
    static TYPES: OnceLock<aya::Btf> = OnceLock::new();
    if let Some(types) = TYPES.get() {
        return Ok(types);
    }
    let types = aya::Btf::from_sys_fs().context("cannot read the kernel's types")?;
    Ok(TYPES.get_or_init(|| types))
}

/// Names of the running kernel's drop reasons by number; empty before Linux 5.17.
pub fn reason_names() -> Result<BTreeMap<u32, String>> {
    Ok(Btf::running()?.enumerators("skb_drop_reason"))
}
