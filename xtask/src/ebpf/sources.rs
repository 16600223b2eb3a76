//! The hash that ties the committed object to the sources it came from; shared with `veth-observer/build.rs`.

use std::{
    fs,
    io::Result,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Folders and files, from the root of the workspace, that decide what the object contains.
const INPUTS: [&str; 5] = [
    "veth-observer-common/Cargo.toml",
    "veth-observer-common/src",
    "veth-observer-ebpf/Cargo.lock",
    "veth-observer-ebpf/Cargo.toml",
    "veth-observer-ebpf/src",
];

/// The inputs as absolute paths, for whoever has to notice a change.
pub(crate) fn inputs(root: &Path) -> impl Iterator<Item = PathBuf> {
    INPUTS.into_iter().map(|input| root.join(input))
}

/// One hex digest over the relative paths and contents of the inputs, the same on every clone: sorted by path, lines
/// ending in LF whatever git made of them, and of folders only the Rust files.
pub(crate) fn hash(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for input in inputs(root) {
        collect(&input, &mut files)?;
    }
    files.sort();
    let mut text = Vec::new();
    for file in files {
        let relative = file.strip_prefix(root).unwrap_or(&file);
        let contents: Vec<u8> = fs::read(&file)?.into_iter().filter(|byte| *byte != b'\r').collect();
        text.extend_from_slice(format!("{} {}\n", relative.display(), contents.len()).as_bytes());
        text.extend_from_slice(&contents);
    }
    Ok(hex(&text))
}

/// The SHA-256 of some bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let halves = |byte: &u8| [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
    Sha256::digest(bytes).iter().flat_map(halves).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rs") {
            collect(&path, files)?;
        }
    }
    Ok(())
}
