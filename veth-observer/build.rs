//! Puts the eBPF object where the crate embeds it from: the committed one while its sources are unchanged, else one
//! built from source where the toolchain is there.

#[path = "../xtask/src/ebpf/recipe.rs"]
mod recipe;
#[path = "../xtask/src/ebpf/sources.rs"]
mod sources;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    // One sentence for whoever builds, not the debug print of an error.
    if let Err(error) = embed() {
        println!("cargo::error={error}");
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    // Asked when it runs: a target folder that came along from elsewhere must not embed the object from there.
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo did not say where the crate is")?;
    let root = Path::new(&here).parent().ok_or("the crate is not in its workspace")?;
    let prebuilt = root.join("veth-observer-ebpf/prebuilt");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not say where to write")?);
    for input in sources::inputs(root).chain([prebuilt.clone()]) {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    let recorded = fs::read_to_string(prebuilt.join("SOURCES.sha256")).unwrap_or_default();
    let object = if recorded.trim() == sources::hash(root)? {
        prebuilt.join("programs.o")
    } else if recipe::is_installed(root) {
        println!(
            "cargo::warning=eBPF sources changed: built from source; `cargo xtask ebpf` before you commit"
        );
        recipe::build(root, &out.join("ebpf"))?
    } else {
        return Err("eBPF sources changed since veth-observer-ebpf/prebuilt/programs.o was built: \
                    run `cargo xtask ebpf`"
            .into());
    };
    let object = fs::read(object)?;
    println!("cargo::rustc-env=VETH_OBSERVER_OBJECT_HASH={}", &sources::hex(&object)[..12]);
    fs::write(out.join("programs.o"), object)?;
    Ok(())
}
