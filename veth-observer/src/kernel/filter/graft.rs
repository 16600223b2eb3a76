//! A translated filter into the room that the object leaves for one.

use std::ops::Range;

use anyhow::{Context as _, Result};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _,
    read::elf::{ElfFile64, ElfSymbol64},
};
use veth_observer_common::filter::FUNCTIONS;

use super::{
    extended::{Bytes, CALL, PASS, R0, jump_by_number, op, when, with_callee, with_number},
    translate::translate,
};
use crate::{fault::Fault, model::filter::Filter};

const INSTRUCTION: usize = size_of::<Bytes>();

type Elf<'a> = ElfFile64<'a, object::LittleEndian>;

/// A copy of the object that samples what the filter matches.
pub(crate) fn graft(object: &[u8], filter: &Filter) -> Result<Aligned> {
    let code = translate(&filter.instructions)
        .with_context(|| format!("the filter {:?} cannot be run in the kernel", filter.expression))?;
    let elf = Elf::parse(object).context("the programs are not an ELF file")?;
    let mut grafted = Aligned::copy(object);
    for (room, load) in FUNCTIONS {
        let (room, load) = (function(&elf, room)?, function(&elf, load)?);
        let body = body(&code, &room, &load).ok_or_else(|| too_long(code.len(), room.len() / INSTRUCTION))?;
        grafted.bytes_mut()[room].copy_from_slice(body.as_flattened());
    }
    Ok(grafted)
}

/// Code that fills the room to the last byte; none when it does not fit.
///
/// The verifier wants every instruction to be within reach of a jump, if not of a frame, so what is not needed stands before
/// the code, behind a jump that is always taken. The verifier then takes it out.
fn body(code: &[Bytes], room: &Range<usize>, load: &Range<usize>) -> Option<Vec<Bytes>> {
    let all = room.len() / INSTRUCTION;
    let unused = all.checked_sub(code.len() + 2)?;
    let over = i16::try_from(unused).ok()?;
    let mut body = vec![with_number(op::MOV, R0, 0), jump_by_number(when::EQUAL, R0, 0, over)];
    body.resize(2 + unused, PASS);
    for &instruction in code {
        // From the instruction behind the call; both lie in the same section.
        let next = room.start + (body.len() + 1) * INSTRUCTION;
        body.push(if instruction == CALL {
            with_callee(
                CALL,
                i32::try_from((load.start.cast_signed() - next.cast_signed()) / INSTRUCTION.cast_signed())
                    .ok()?,
            )
        } else {
            instruction
        });
    }
    Some(body)
}

/// Where in the file a function lies.
fn function(elf: &Elf<'_>, name: &str) -> Result<Range<usize>> {
    let found = elf.symbols().find(|symbol| symbol.name() == Ok(name));
    found.and_then(|symbol| range(elf, &symbol)).with_context(|| format!("the object has no function {name}"))
}

fn range(elf: &Elf<'_>, symbol: &ElfSymbol64<'_, '_, object::LittleEndian>) -> Option<Range<usize>> {
    let section = elf.section_by_index(symbol.section_index()?).ok()?;
    let (offset, _) = section.file_range()?;
    let start = usize::try_from(offset + symbol.address() - section.address()).ok()?;
    Some(start..start + usize::try_from(symbol.size()).ok()?)
}

fn too_long(length: usize, room: usize) -> Fault {
    Fault::usage(format!("the filter takes {length} instructions, and there is room for {}", room - 2))
        .fix("say it in fewer words: a net in place of its hosts, a portrange in place of its ports")
}

/// Bytes at an address that the parser of the object can work with.
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    begin: usize,
}

impl Aligned {
    const ALIGNMENT: usize = 8;

    fn copy(from: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(from.len() + Self::ALIGNMENT);
        let begin = bytes.as_ptr().align_offset(Self::ALIGNMENT);
        bytes.resize(begin, 0);
        bytes.extend_from_slice(from);
        Self { bytes, begin }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.begin..]
    }
}
