//! The programs that see frames on their way, loaded only while they are asked for.

use anyhow::{Context, Result};
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
    programs::{BtfTracePoint, links::FdLink},
};
use veth_observer_common::{settings as names, stages::Stages};

use crate::fault::Fault;

/// Puts both programs on their tracepoints, from which they come off with the links, and gives what they write.
pub(super) fn attach(ebpf: &mut Ebpf) -> Result<(PerCpuArray<MapData, Stages>, Vec<FdLink>)> {
    let mut links = Vec::new();
    let types = aya::Btf::from_sys_fs().context("cannot read the kernel's types")?;
    for (name, tracepoint) in names::STAGE_TRACEPOINTS {
        let program: &mut BtfTracePoint = ebpf
            .program_mut(name)
            .with_context(|| format!("the object has no program {name}"))?
            .try_into()?;
        let link = program
            .load(tracepoint, &types)
            .and_then(|()| program.attach())
            .and_then(|id| program.take_link(id))
            .map_err(|error| unavailable(&format!("{tracepoint}: {error}")))?;
        links.push(link.into());
    }
    let map = ebpf.take_map(names::STAGES).context("the object has no map for stages")?;
    Ok((map.try_into()?, links))
}

/// Why frames cannot be followed on their way here.
pub(super) fn unavailable(why: &str) -> Fault {
    Fault::unavailable(format!("frames cannot be followed through their stages on this kernel: {why}"))
        .fix("leave --stages out; veth-observer doctor says what this kernel has")
}
