//! `cargo xtask fences`: which room uses which, which crates come in where, and how large a file is.

mod paths;
mod table;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use paths::What;
use table::{COMMON, EBPF, FENCES, Fence};

use crate::command::root;

/// The observer's own crate and its name in paths.
const OBSERVER: &str = "veth-observer";
const LIBRARY: &str = "veth_observer";

/// Lines: worth a hard look, and too many.
const LONG: usize = 350;
const TOO_LONG: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "misc", "types", "util", "utils"];

/// A place and a sentence.
#[derive(Debug)]
struct Finding {
    line: usize,
    sentence: String,
    is_warning: bool,
}

/// Prints every violation, and fails if there is one.
pub(crate) fn run() -> Result<()> {
    let root = root()?;
    let crates = outside_crates(&root)?;
    let (mut files, mut violations) = (0, 0);
    for (package, fenced) in [(OBSERVER, None), (COMMON, Some(COMMON)), (EBPF, Some(EBPF))] {
        let folder = root.join(package).join("src");
        for file in rust_files(&folder)? {
            let source = fs::read_to_string(&file)?;
            let module = module_of(file.strip_prefix(&folder)?);
            let name = fenced.unwrap_or_else(|| module.first().map_or("", String::as_str));
            for finding in check(&source, name, &module, &crates) {
                let kind = if finding.is_warning { "warning: " } else { "" };
                let place = file.strip_prefix(&root)?.display();
                println!("{place}:{}: {kind}{}", finding.line, finding.sentence);
                violations += usize::from(!finding.is_warning);
            }
            files += 1;
        }
    }
    ensure!(violations == 0, "{violations} violations of the fences; the table is xtask/src/fences/table.rs");
    println!("{files} files keep to their fences");
    Ok(())
}

/// What is wrong with one file.
fn check(source: &str, room: &str, module: &[String], crates: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line, sentence, is_warning| findings.push(Finding { line, sentence, is_warning });
    match source.lines().count() {
        lines if lines > TOO_LONG => {
            find(lines, format!("the file has {lines} lines, more than {TOO_LONG}"), false);
        }
        lines if lines > LONG => find(lines, format!("the file has {lines} lines, more than {LONG}"), true),
        _ => {}
    }
    if let Some(name) = module.iter().find(|name| EMPTY_NAMES.contains(&name.as_str())) {
        find(1, format!("`{name}` does not say what is inside: name it after its contents"), false);
    }
    let Some(Fence { rooms, crates: allowed, may_be_unsafe, .. }) =
        FENCES.iter().find(|fence| fence.room == room)
    else {
        find(1, format!("the room `{room}` is not in the table"), false);
        return findings;
    };
    let uses = match paths::uses(source, module, crates, LIBRARY) {
        Ok(uses) => uses,
        Err(error) => {
            find(error.span().start().line, format!("cannot be read as Rust: {error}"), false);
            return findings;
        }
    };
    for used in uses {
        let sentence = match used.what {
            What::Room(name) if name != room && !rooms.permits(&name) => {
                format!("`{room}` may not use `crate::{name}`")
            }
            What::Crate(name) if !allowed.permits(&name) && !module.ends_with(&["tests".to_owned()]) => {
                format!("`{room}` may not use the crate `{name}`")
            }
            What::Unsafe if !may_be_unsafe => format!("`{room}` has no `unsafe`"),
            What::Module(name) if EMPTY_NAMES.contains(&name.as_str()) => {
                format!("`{name}` does not say what is inside: name it after its contents")
            }
            _ => continue,
        };
        find(used.line, sentence, false);
    }
    findings
}

/// The path of a file's module in its crate, from its path below `src`.
fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let is_root = module.len() == 1 && matches!(module[0].as_str(), "lib" | "main");
    if is_root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// Every name by which a dependency of any of the crates is used.
fn outside_crates(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for folder in [".", OBSERVER, COMMON, EBPF] {
        let manifest = root.join(folder).join("Cargo.toml");
        let text =
            fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        names.extend(dependencies(&text));
    }
    Ok(names)
}

/// The keys of a manifest's tables of dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let (mut inside, mut names) = (false, Vec::new());
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies");
            names.extend(table.rsplit_once("dependencies.").map(|(_, name)| name.replace('-', "_")));
        } else if inside && !line.starts_with('#') {
            let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.extend((!key.is_empty()).then(|| key.trim_matches('"').replace('-', "_")));
        }
    }
    names
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
