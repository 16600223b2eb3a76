//! Functions of the kernel by address, from /proc/kallsyms.
//!
//! The list has some 10⁵ lines that the kernel writes anew for every reader: it is read once for many addresses, and not
//! kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
};

use anyhow::{Context, Result};

const KALLSYMS: &str = "/proc/kallsyms";

/// No function is longer, in bytes; what lies further behind one is in none that is listed.
const LONGEST: u64 = 1 << 20;

/// A function, without what the compiler put behind its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    pub name: String,
    /// None when it is part of the kernel itself.
    pub module: Option<String>,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module {
            Some(module) => write!(f, "{} [{module}]", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The function that each address lies in; an address in none is left out.
///
/// `None` when the kernel hides where its functions are: from everybody with `kernel.kptr_restrict=2`, else from who has
/// no CAP_SYSLOG.
pub fn functions(addresses: &BTreeSet<u64>) -> Result<Option<BTreeMap<u64, Function>>> {
    let list = File::open(KALLSYMS).and_then(|file| find(BufReader::with_capacity(1 << 16, file), addresses));
    list.with_context(|| format!("cannot read the functions of the kernel in {KALLSYMS}"))
}

/// Whether nobody here is told where the functions are.
pub fn are_hidden() -> bool {
    File::open(KALLSYMS).map_or(true, |file| hides(BufReader::new(file)))
}

/// The first function tells: either all addresses are 0, or none is.
fn hides(list: impl BufRead) -> bool {
    let mut lines = list.split(b'\n').map_while(Result::ok);
    lines.find_map(|line| function(&line).map(|(start, _)| start)).is_none_or(|start| start == 0)
}

/// Nearest function at or below each address.
fn find(list: impl BufRead, addresses: &BTreeSet<u64>) -> io::Result<Option<BTreeMap<u64, Function>>> {
    let mut nearest = BTreeMap::<u64, (u64, Function)>::new();
    let mut hidden = true;
    for line in list.split(b'\n') {
        let line = line?;
        let Some((start, rest)) = function(&line) else { continue };
        hidden &= start == 0;
        for address in addresses.range(start..=start.saturating_add(LONGEST)) {
            // Of several names of one place the first counts, as for the kernel itself.
            if nearest.get(address).is_none_or(|(best, _)| *best < start) {
                nearest.insert(*address, (start, named(rest)));
            }
        }
    }
    Ok((!hidden).then(|| nearest.into_iter().map(|(address, (_, found))| (address, found)).collect()))
}

/// Address and name of a line such as `ffffffffa0001000 t veth_xmit\t[veth]`, unless it is data.
fn function(line: &[u8]) -> Option<(u64, &str)> {
    let line = str::from_utf8(line).ok()?;
    let (address, rest) = line.split_once(' ')?;
    let (kind, name) = rest.split_once(' ')?;
    matches!(kind, "t" | "T" | "w" | "W").then_some(())?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

fn named(rest: &str) -> Function {
    let (name, module) = rest.split_once('\t').unwrap_or((rest, ""));
    let module = module.trim().strip_prefix('[').and_then(|module| module.strip_suffix(']'));
    // `.isra.0`, `.constprop.0`, `.part.0`, `.cold`: copies and pieces of the one function that was written.
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    Function { name: name.to_owned(), module: module.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
0000000000001000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t first.isra.0
ffffffff81000180 d in_between
ffffffff81000200 t second.constprop.0.cold
ffffffffa0002000 t veth_poll\t[veth]
ffffffffa0001000 t veth_xmit.part.0\t[veth]
not a line
";

    fn found(list: &str, addresses: &[u64]) -> Option<Vec<String>> {
        let found = find(list.as_bytes(), &addresses.iter().copied().collect()).unwrap()?;
        Some(found.iter().map(|(address, function)| format!("{address:x} {function}")).collect())
    }

    #[test]
    fn an_address_lies_in_the_nearest_function_at_or_below() {
        let addresses = [0xffff_ffff_8100_0000, 0xffff_ffff_8100_0100, 0xffff_ffff_8100_01ff];
        let expected = ["ffffffff81000000 _stext", "ffffffff81000100 first", "ffffffff810001ff first"];
        assert_eq!(found(LIST, &addresses).unwrap(), expected);
    }

    #[test]
    fn names_lose_what_the_compiler_added_and_keep_their_module() {
        let addresses = [0xffff_ffff_8100_0201, 0xffff_ffff_a000_1fff, 0xffff_ffff_a000_2000];
        let expected = [
            "ffffffff81000201 second",
            "ffffffffa0001fff veth_xmit [veth]",
            "ffffffffa0002000 veth_poll [veth]",
        ];
        assert_eq!(found(LIST, &addresses).unwrap(), expected);
    }

    #[test]
    fn an_address_in_no_function_is_left_out() {
        let nowhere = [0, 0x1000, 0xffff_ffff_80ff_ffff, 0xffff_ffff_9000_0000, u64::MAX];
        assert_eq!(found(LIST, &nowhere).unwrap(), [""; 0]);
    }

    #[test]
    fn hidden_addresses_are_told_from_unknown_ones() {
        let hidden = "0000000000000000 T _stext\n0000000000000000 t veth_xmit\t[veth]\n";
        assert_eq!(found(hidden, &[0xffff_ffff_8100_0000]), None);
        assert!(hides(hidden.as_bytes()) && hides(b"".as_slice()) && !hides(LIST.as_bytes()));
        assert_eq!(found("", &[1]), None);
    }
}
