//! The Debian package, as far as it can be told without building it: `cargo xtask deb --check` does the rest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{packaged, read};
use crate::support::{command::Run, netns::run};

/// What is made when the package is.
const DOCUMENTS: &str = "target/release/documents/";

/// `[package.metadata.deb]`, and the package that it is in.
fn package() -> (Value, Value) {
    let folder = env!("CARGO_MANIFEST_DIR");
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path"];
    let metadata = run(env!("CARGO"), &[&arguments[..], &[&format!("{folder}/Cargo.toml")]].concat());
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "veth-observer").unwrap().clone();
    (package["metadata"]["deb"].clone(), package)
}

/// Source, destination and mode of each file.
fn assets(deb: &Value) -> Vec<[&str; 3]> {
    let files = deb["assets"].as_array().unwrap().iter().filter_map(Value::as_array);
    files.map(|asset| [0, 1, 2].map(|at| asset[at].as_str().unwrap())).collect()
}

fn is_there(source: &Path) -> bool {
    let Some(ending) = source.file_name().unwrap().to_str().unwrap().strip_prefix('*') else {
        return source.is_file();
    };
    let mut files = fs::read_dir(source.parent().unwrap()).unwrap();
    files.any(|file| file.unwrap().file_name().to_str().unwrap().ends_with(ending))
}

#[test]
fn all_that_is_packed_is_there_and_only_the_program_is_one() {
    let (deb, _) = package();
    let mut seen = 0;
    for [source, destination, mode] in assets(&deb) {
        let is_program = source == "target/release/veth-observer";
        assert_eq!(mode, if is_program { "755" } else { "644" }, "{source}");
        assert!(!destination.starts_with('/'), "{destination}");
        if let Some(document) = source.strip_prefix(DOCUMENTS) {
            match document.split_once('/').unwrap() {
                ("completions", shell) => drop(Run::here(&["completions", shell]).outcome().ok()),
                other => assert_eq!(other, ("man", "*.1.gz")),
            }
        } else if !is_program {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(source);
            assert!(is_there(&path), "{source}");
            seen += 1;
        }
    }
    assert!(seen > 6, "{seen}");
}

#[test]
fn the_unit_finds_what_it_names_in_the_package() {
    let (deb, _) = package();
    // Under these names cargo-deb looks for what it makes the scripts of.
    assert_eq!(deb["systemd-units"]["unit-scripts"], "../packaging/systemd");
    assert!(packaged("systemd/veth-observer.sysusers").is_file());
    let unit = read("systemd/veth-observer.service");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
    let destination = |wanted: &str| {
        assets(&deb).into_iter().find(|[source, to, _]| {
            let name =
                if to.ends_with('/') { Path::new(source).file_name().unwrap().to_str().unwrap() } else { "" };
            format!("/{to}{name}") == wanted
        })
    };
    let program = value("ExecStart=").split(' ').next().unwrap().to_owned();
    assert_eq!(destination(&program).unwrap()[0], "target/release/veth-observer");
    let defaults = destination(&value("EnvironmentFile=-")).unwrap()[0];
    assert_eq!(defaults, "../packaging/deb/default");
    let flags = read("deb/default");
    assert!(flags.lines().all(|line| line.starts_with('#')), "nothing is set until somebody does: {flags}");
    let link = deb["assets"].as_array().unwrap().iter().find(|asset| asset.is_object()).unwrap();
    assert_eq!(link["link_name"], json_string(&program));
    assert!(link["dest"].as_str().unwrap().ends_with("/extcap/veth-observer-extcap"));
}

fn json_string(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn scripts_and_changelog_are_of_this_version() {
    let (deb, package) = package();
    let changelog = read("deb/changelog");
    let first = changelog.lines().next().unwrap();
    let version = package["version"].as_str().unwrap();
    assert!(first.starts_with(&format!("veth-observer ({version}-1) ")), "{first}");
    let maintainer = deb["maintainer"].as_str().unwrap();
    assert!(changelog.contains(&format!("\n -- {maintainer}  ")), "{changelog}");
    // dpkg shows the first line of a description cut.
    assert!(package["description"].as_str().unwrap().len() <= 80);
    let script = packaged("deb/prerm");
    assert!(read("deb/prerm").contains("\n#DEBHELPER#\n"));
    let checked = Command::new("sh").arg("-n").arg(script).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
