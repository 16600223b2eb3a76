//! The compiled object as an ELF file: what to leave out of it, what is in it, and where two of them differ.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind,
    build::elf::{Builder, SectionData},
    read::elf::{ElfFile64, FileHeader},
};

/// Bytes in one instruction.
const INSTRUCTION: u64 = 8;

/// A function in the object and its length.
pub(crate) struct Function {
    pub(crate) section: String,
    pub(crate) name: String,
    pub(crate) instructions: u64,
}

/// The object without debug sections; types (`.BTF`) stay. Not `llvm-strip`: what it writes changes with its version.
pub(crate) fn strip(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("the compiled object is not an ELF file")?;
    for section in &mut builder.sections {
        let name = section.name.to_string();
        section.delete |= name.starts_with(".debug_") || name.starts_with(".rel.debug_");
    }
    // LLVM keeps the names of sections among those of symbols; the writer wants a table for each.
    let names = builder.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped).context("cannot write the stripped object")?;
    Ok(stripped)
}

/// Every function, by section and name.
pub(crate) fn functions(object: &[u8]) -> Result<Vec<Function>> {
    let file = parse(object)?;
    let mut functions = Vec::new();
    for symbol in file.symbols() {
        let Some(index) = symbol.section_index() else { continue };
        let section = file.section_by_index(index)?;
        if section.kind() == SectionKind::Text && symbol.kind() == SymbolKind::Text && symbol.size() > 0 {
            functions.push(Function {
                section: section.name()?.to_owned(),
                name: symbol.name()?.to_owned(),
                instructions: symbol.size() / INSTRUCTION,
            });
        }
    }
    functions.sort_by(|a, b| (&a.section, &a.name).cmp(&(&b.section, &b.name)));
    Ok(functions)
}

/// One line for every section that is not the same in both.
pub(crate) fn differences(committed: &[u8], built: &[u8]) -> Result<Vec<String>> {
    let (committed, built) = (sections(committed)?, sections(built)?);
    let mut lines = Vec::new();
    for (name, old) in &committed {
        match built.get(name) {
            None => lines.push(format!("{name}: only in the committed object")),
            Some(new) if old.len() != new.len() => {
                lines.push(format!("{name}: {} bytes committed, {} built", old.len(), new.len()));
            }
            Some(new) if old != new => {
                let bytes = old.iter().zip(*new).filter(|(old, new)| old != new).count();
                lines.push(format!("{name}: {bytes} of {} bytes differ", old.len()));
            }
            Some(_) => {}
        }
    }
    let added = built.keys().filter(|name| !committed.contains_key(*name));
    lines.extend(added.map(|name| format!("{name}: only in the built object")));
    Ok(lines)
}

fn parse(object: &[u8]) -> Result<ElfFile64<'_>> {
    ElfFile64::parse(object).context("not an ELF file")
}

fn sections(object: &[u8]) -> Result<BTreeMap<&str, &[u8]>> {
    let file = parse(object)?;
    let endian = file.endian();
    let table = file.elf_header().sections(endian, object)?;
    let mut sections = BTreeMap::new();
    for section in table.iter() {
        let name = std::str::from_utf8(table.section_name(endian, section)?)?;
        sections.insert(name, object::read::elf::SectionHeader::data(section, endian, object)?);
    }
    Ok(sections)
}
