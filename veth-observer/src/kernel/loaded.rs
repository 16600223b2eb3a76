//! The programs of a pair that the verifier has accepted.

use std::sync::Arc;

use anyhow::{Context, Result};
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, RingBuf},
    programs::{SchedClassifier, Xdp},
};
use veth_observer_common::{settings as names, stages::Stages};

use super::{
    drops::{Drops, EndId},
    load::explain_program,
    log::KernelLog,
    maps::Maps,
    probing::Probing,
    seat::Seat,
};

/// The programs of one pair, verified but not attached to the pair, and their maps.
pub struct Loaded {
    /// None once they are attached.
    pub(super) programs: Option<Ebpf>,
    /// What sees frames die, or why that cannot be seen here; none once it was taken, and where a block has it.
    pub drops: Option<Result<Drops>>,
    /// None without probes.
    pub probing: Option<Probing>,
    /// By kind; none unless asked for.
    pub stages: Option<PerCpuArray<MapData, Stages>>,
    pub samples: Option<RingBuf<MapData>>,
    pub log: Option<KernelLog>,
    pub(super) _stage_links: Vec<aya::programs::links::FdLink>,
    pub epoch_shift: u32,
    // Behind the programs, whose place in the maps it is.
    pub(super) seat: Seat,
}

impl Loaded {
    /// What the programs count, and are told.
    pub fn maps(&self) -> &Arc<Maps> {
        &self.seat.maps
    }

    /// Which of the pairs in the maps it is.
    pub fn pair(&self) -> u32 {
        self.seat.pair
    }

    /// Whether the maps are this pair's alone.
    pub fn is_alone(&self) -> bool {
        !self.seat.is_shared()
    }

    /// Says where the ends are now, so that frames that die there are known.
    pub fn follow(&mut self, ends: [EndId; 2]) -> Result<()> {
        self.seat.put_ends(ends)
    }

    /// The program for one end (0 or 1), egress or ingress.
    pub fn program(&mut self, end: usize, ingress: bool) -> Result<&mut SchedClassifier> {
        let programs = self.programs.as_mut().context("the programs were let go")?;
        classifier(programs, names::PROGRAMS[end][usize::from(ingress)])
    }

    /// Lets go of the programs, which their links hold, and of the maps that only they use: half of the descriptors and
    /// most of the memory that a pair takes.
    pub fn let_go(&mut self) {
        self.programs = None;
    }

    /// The XDP program for one end, loaded when it is first asked for: one for frames in one piece or in several.
    pub fn xdp(&mut self, end: usize, frags: bool) -> Result<&mut Xdp> {
        let name = names::XDP_PROGRAMS[end][usize::from(frags)];
        let programs = self.programs.as_mut().context("the programs were let go")?;
        let program =
            programs.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
        let program: &mut Xdp = program.try_into()?;
        if program.fd().is_err() {
            program.load().map_err(|error| explain_program(name, error))?;
        }
        Ok(program)
    }
}

pub(super) fn classifier<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut SchedClassifier> {
    let program = ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}
