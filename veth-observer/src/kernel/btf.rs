//! What the running kernel says about its own types: where the members of a structure are, what the values of an
//! enumeration are called, how many arguments a tracepoint has. The format is BTF (Documentation/bpf/btf.rst).
//!
//! Everything but [`Btf::running`] is arithmetic on bytes; rubbish gives an error or `None`, never a panic.

mod raw;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

use super::features::BTF;
use raw::{Blob, Kind, Type};

/// Members looked at, at most, to find one: more than any structure has, and an end to what contains itself.
const PATIENCE: u32 = 1 << 16;

/// `const`, `volatile`, `typedef` and their kin on one type, at most.
const WRAPPERS: u32 = 32;

/// The types of one kernel.
pub struct Btf {
    blob: Blob,
}

impl Btf {
    /// The types of the running kernel.
    pub fn running() -> Result<Self> {
        let bytes = fs::read(BTF).with_context(|| format!("cannot read the kernel's types in {BTF}"))?;
        Self::parse(bytes).with_context(|| format!("cannot make sense of the kernel's types in {BTF}"))
    }

    /// The types in a blob of BTF.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        Ok(Self { blob: Blob::new(bytes)? })
    }

    /// Where a member lies in a structure, in bytes: `offset("net_device", &["nd_net", "net"])`. Members of anonymous
    /// structures and unions are found as if they were the outer one's own; pointers are not followed. `None` when
    /// there is no such member, or when it is a bit field.
    pub fn offset(&self, structure: &str, path: &[&str]) -> Option<u32> {
        let bits = self.structures(structure).find_map(|outer| self.bits(outer, path))?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// The values of an enumeration and their names, without the prefix that they share with it in capital letters:
    /// `SKB_DROP_REASON_TC_EGRESS` of `skb_drop_reason` is `TC_EGRESS`. Empty when there is no such enumeration.
    pub fn enumerators(&self, enumeration: &str) -> BTreeMap<u32, String> {
        let prefix = format!("{}_", enumeration.to_uppercase());
        let is_it = |found: &Type<'_>| found.kind.is_enum() && found.name == enumeration.as_bytes();
        let values = self.blob.types().find(is_it).into_iter().flat_map(|found| found.values());
        values
            .map(|(value, name)| {
                let name = String::from_utf8_lossy(name);
                (value, name.strip_prefix(&prefix).unwrap_or(&name).to_owned())
            })
            .collect()
    }

    /// How many arguments a BTF-typed raw tracepoint hands to its program. `None` when there is no such tracepoint.
    pub fn tracepoint_args(&self, tracepoint: &str) -> Option<usize> {
        let name = format!("btf_trace_{tracepoint}");
        let typedef = |found: &Type<'_>| found.kind == Kind::Typedef && found.name == name.as_bytes();
        let pointer = self.unwrapped(self.blob.types().find(typedef)?.refers_to)?;
        let function = self.unwrapped(pointer.refers_to)?;
        let is_function = pointer.kind == Kind::Pointer && function.kind == Kind::FunctionPrototype;
        // The first is the private data of whoever registered.
        if is_function { function.count.checked_sub(1) } else { None }
    }

    fn structures(&self, name: &str) -> impl Iterator<Item = Type<'_>> {
        self.blob.types().filter(move |found| found.kind.has_members() && found.name == name.as_bytes())
    }

    /// Bits from the start of `outer` to the member at the end of the path.
    fn bits(&self, outer: Type<'_>, path: &[&str]) -> Option<u32> {
        let mut patience = PATIENCE;
        let (first, rest) = path.split_first()?;
        let (mut at, mut member) = self.member(outer, first.as_bytes(), &mut patience)?;
        for name in rest {
            let inner = self.unwrapped(member)?;
            let (offset, refers_to) = self.member(inner, name.as_bytes(), &mut patience)?;
            (at, member) = (at.checked_add(offset)?, refers_to);
        }
        Some(at)
    }

    /// Offset in bits and type of a member, looked for in anonymous members too.
    fn member(&self, outer: Type<'_>, name: &[u8], patience: &mut u32) -> Option<(u32, u32)> {
        let mut open = vec![(0_u32, outer)];
        while let Some((base, structure)) = open.pop() {
            for member in structure.members() {
                *patience = patience.checked_sub(1)?;
                let at = base.checked_add(member.offset);
                if member.name == name {
                    return (member.width == 0).then_some((at?, member.refers_to));
                }
                if member.name.is_empty()
                    && let (Some(at), Some(inner)) = (at, self.unwrapped(member.refers_to))
                {
                    open.push((at, inner));
                }
            }
        }
        None
    }

    /// The type behind typedefs and qualifiers.
    fn unwrapped(&self, id: u32) -> Option<Type<'_>> {
        let mut found = self.blob.get(id)?;
        for _ in 0..WRAPPERS {
            if !found.kind.wraps() {
                return Some(found);
            }
            found = self.blob.get(found.refers_to)?;
        }
        None
    }
}
