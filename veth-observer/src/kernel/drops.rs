//! The program that sees frames die: what it must be told of this kernel, and what it counted.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aya::{
    Ebpf, EbpfLoader,
    maps::{MapData, PerCpuArray, PerCpuHashMap},
    programs::BtfTracePoint,
};
use veth_observer_common::{
    drops::{Dead, Place},
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
    pub(super) fn running() -> Result<Self> {
        let btf = Btf::running()?;
        let offset = |&(constant, structure, path): &(&'static str, &str, &[&str])| {
            let offset = btf.offset(structure, path);
            let offset = offset.with_context(|| format!("this kernel has no {structure}.{}", path.join(".")));
            Ok((constant, offset?))
        };
        let offsets = names::OFFSETS.iter().map(offset).collect::<Result<_>>()?;
        let args = btf.tracepoint_args(TRACEPOINT).context("this kernel has no kfree_skb tracepoint")?;
        Ok(Self { offsets, has_reasons: u32::from(args >= ARGS_WITH_REASON) })
    }

    pub(super) fn apply<'a>(&'a self, ends: &'a [EndId; 2], loader: &mut EbpfLoader<'a>) {
        for (constant, offset) in &self.offsets {
            loader.override_global(constant, offset, true);
        }
        loader.override_global(names::DROP_REASONS, &self.has_reasons, true);
        for (index, end) in ends.iter().enumerate() {
            loader.override_global(names::IFINDEXES[index], &end.ifindex, true);
            loader.override_global(names::COOKIES[index], &end.netns_cookie, true);
        }
    }
}

/// The attached program's maps.
pub struct Drops {
    pub places: PerCpuHashMap<MapData, Place, Dead>,
    pub unplaced: PerCpuArray<MapData, Dead>,
    /// Whether the kernel tells reasons.
    pub has_reasons: bool,
}

impl Drops {
    /// Loads the program and puts it on the tracepoint; it comes off with `ebpf`.
    pub(super) fn attach(ebpf: &mut Ebpf, layout: &Layout) -> Result<Self> {
        let types = aya::Btf::from_sys_fs().context("cannot read the kernel's types")?;
        let program: &mut BtfTracePoint =
            ebpf.program_mut(names::DROP).context("the object has no program for drops")?.try_into()?;
        program.load(TRACEPOINT, &types)?;
        program.attach()?;
        let mut map = |name| ebpf.take_map(name).with_context(|| format!("the object has no map {name}"));
        Ok(Self {
            places: map(names::PLACES)?.try_into()?,
            unplaced: map(names::UNPLACED)?.try_into()?,
            has_reasons: layout.has_reasons == 1,
        })
    }
}

/// Names of the running kernel's drop reasons by number; empty before Linux 5.17.
pub fn reason_names() -> Result<BTreeMap<u32, String>> {
    Ok(Btf::running()?.enumerators("skb_drop_reason"))
}
