//! Which BPF programs are on a device, whoever put them there.

use std::io;

use anyhow::Result;
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, TcAttachType, loaded_programs};

use crate::{
    model::device::{Device, Program, XdpProgram},
    netns::Namespace,
};

/// The tcx programs of a device, in the order they run; none when they may not be seen (CAP_NET_ADMIN and CAP_SYS_ADMIN).
///
/// A kernel before 6.6 has no tcx, and so no programs there.
pub fn tcx(namespace: &Namespace, ifname: &str) -> Result<Option<Vec<Program>>> {
    namespace.run(|| {
        let mut programs = Vec::new();
        for (hook, attach_type) in
            [("tcx/ingress", TcAttachType::Ingress), ("tcx/egress", TcAttachType::Egress)]
        {
            match SchedClassifier::query_tcx(ifname, attach_type) {
                Ok((_, infos)) => programs.extend(infos.iter().map(|info| program(hook, info))),
                Err(error) if is_forbidden(&error) => return None,
                Err(error) => tracing::debug!(hook, "cannot ask for the programs: {error}"),
            }
        }
        Some(programs)
    })
}

/// Name of a program; none when it has none, or may not be seen.
pub(super) fn name_of(id: u32) -> Option<String> {
    let info = loaded_programs().filter_map(Result::ok).find(|info| info.id() == id)?;
    name(&info)
}

fn program(hook: &str, info: &ProgramInfo) -> Program {
    Program { hook: hook.into(), id: info.id(), name: name(info) }
}

/// None for a program that was loaded without one.
fn name(info: &ProgramInfo) -> Option<String> {
    info.name_as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn is_forbidden(error: &ProgramError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Adds what the kernel tells the privileged about the programs that are known by their ids, XDP and cls_bpf, and gives
/// the XDP programs as hooks of their own.
pub fn complete(device: &mut Device, filters: &mut [Program]) -> Vec<Program> {
    if device.xdp.is_none() && filters.is_empty() {
        return Vec::new();
    }
    let infos: Vec<ProgramInfo> = loaded_programs().filter_map(Result::ok).collect();
    let info = |id: u32| infos.iter().find(|info| info.id() == id);
    for filter in filters {
        // The filter's own name is `file:[section]` or whatever its maker liked.
        if let Some(name) = info(filter.id).and_then(name) {
            filter.name = Some(name);
        }
    }
    let Some(xdp) = &mut device.xdp else { return Vec::new() };
    let attached = xdp.attached.iter_mut().map(|attached| &mut attached.prog);
    for program in xdp.prog.iter_mut().chain(attached) {
        if let Some(info) = info(program.id) {
            *program = XdpProgram {
                id: program.id,
                name: name(info),
                tag: Some(format!("{:016x}", info.tag())),
                jited: Some(u8::from(info.size_jitted() > 0)),
                created_by_uid: info.created_by_uid(),
            };
        }
    }
    let hook = |mode: u8| match mode {
        1 => "xdp/native",
        2 => "xdp/generic",
        _ => "xdp/offloaded",
    };
    let programs = xdp.attached.iter().map(|attached| Program {
        hook: hook(attached.mode).into(),
        id: attached.prog.id,
        name: attached.prog.name.clone(),
    });
    programs.collect()
}
