//! Every fence is shown something that must not pass: a fence that cannot fail keeps nothing out.

use super::*;

/// What is found in a file of the observer, as `line: sentence`.
fn found(file: &str, source: &str) -> Vec<String> {
    let crates =
        ["anyhow", "aya", "clap", "serde", "serde_json", "tokio", "veth_observer_common"].map(str::to_owned);
    let module = module_of(Path::new(file));
    let room = module.first().map_or("", String::as_str);
    let findings = check(source, room, &module, &BTreeSet::from(crates));
    findings.iter().map(|finding| format!("{}: {}", finding.line, finding.sentence)).collect()
}

#[test]
fn a_room_out_of_bounds_is_found_however_it_is_written() {
    let uses = [
        "use crate::kernel::Loaded;",
        "use crate::kernel;",
        "use crate::{model::Report, kernel::Loaded};",
        "use crate::{model::{Report, Pair}, kernel::{Loaded, Other}};",
        "use {crate::kernel::Loaded, crate::model};",
        "use super::super::kernel::Loaded;",
        "use super::{super::kernel::Loaded};",
        "pub use super::super::{kernel as k};",
        "fn f() { let x = crate::kernel::load(); }",
        "fn f() { println!(\"{}\", crate::kernel::NAME); }",
        "fn f() -> Option<crate::kernel::Loaded> { None }",
        "mod inner { use super::super::super::kernel; }",
    ];
    for source in uses {
        assert_eq!(
            found("delivery/ledger.rs", source),
            ["1: `delivery` may not use `crate::kernel`"],
            "{source}"
        );
    }
}

#[test]
fn an_outside_crate_out_of_bounds_is_found_however_it_is_written() {
    let uses = [
        "use tokio::time::sleep;",
        "use ::tokio::time::sleep;",
        "use tokio;",
        "use tokio as t;",
        "extern crate tokio;",
        "use {std::fmt, tokio::time};",
        "fn f() { tokio::spawn(()); }",
        "fn f() { let x = ::tokio::spawn(()); }",
        "#[tokio::main] fn f() {}",
        "fn f() { assert!(tokio::ready()); }",
        "fn f(x: Vec<tokio::time::Instant>) {}",
    ];
    for source in uses {
        assert_eq!(found("view/table.rs", source), ["1: `view` may not use the crate `tokio`"], "{source}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let source = "
        //! Not `crate::kernel`, in words only.
        use std::fmt;
        use crate::model::{Report, Pair};
        use super::{direction, super::model::Sample};
        use veth_observer_common::counters;
        fn tokio() -> &'static str { \"tokio::spawn crate::kernel\" }
        fn f(x: &Report) { x.tokio::<u8>(); other::tokio::y(); crate::delivery::z(); }
    ";
    assert_eq!(found("delivery/ledger.rs", source), [""; 0]);
}

#[test]
fn the_line_is_that_of_the_name() {
    let source = "\nuse crate::{\n    model::Report,\n    kernel::Loaded,\n};\n";
    assert_eq!(found("delivery/mod.rs", source), ["4: `delivery` may not use `crate::kernel`"]);
}

#[test]
fn a_glob_over_the_root_is_a_use_of_everything() {
    assert_eq!(found("delivery/mod.rs", "use super::*;"), ["1: `delivery` may not use `crate::*`"]);
    assert_eq!(found("delivery/ledger.rs", "use super::*;"), [""; 0]);
}

#[test]
fn tests_may_use_other_crates_but_not_other_rooms() {
    let source = "#[cfg(test)] mod tests { use super::*; use tokio::time; use crate::view; }";
    assert_eq!(found("model/report.rs", source), ["1: `model` may not use `crate::view`"]);
    assert_eq!(found("model/report.rs", "mod tests { use tokio::time; }").len(), 1);
    assert_eq!(found("model/tests.rs", "use tokio::time;"), [""; 0]);
}

#[test]
fn unsafe_stays_where_the_kernel_is() {
    assert_eq!(found("view/mod.rs", "fn f() { unsafe { g() } }"), ["1: `view` has no `unsafe`"]);
    assert_eq!(found("cli/mod.rs", "unsafe fn f() {}"), ["1: `cli` has no `unsafe`"]);
    assert_eq!(found("netns/mod.rs", "fn f() { unsafe { g() } }"), [""; 0]);
    assert_eq!(found("view/mod.rs", "#![forbid(unsafe_code)]"), [""; 0]);
}

#[test]
fn the_root_knows_rooms_and_no_crates() {
    assert_eq!(found("main.rs", "fn main() { veth_observer::cli::main() }"), [""; 0]);
    assert_eq!(found("main.rs", "use clap::Parser;"), ["1: `` may not use the crate `clap`"]);
}

#[test]
fn names_that_say_nothing_are_refused() {
    assert_eq!(found("view/utils.rs", "").len(), 1);
    assert_eq!(found("view/helpers/mod.rs", "").len(), 1);
    assert_eq!(found("view/mod.rs", "mod types;").len(), 1);
}

#[test]
fn a_room_without_a_fence_is_refused() {
    assert_eq!(found("attic/mod.rs", ""), ["1: the room `attic` is not in the table"]);
}

#[test]
fn long_files_are_warned_about_and_then_refused() {
    let lines = |count| check(&"\n".repeat(count), "view", &["view".to_owned()], &BTreeSet::new());
    assert!(lines(350).is_empty());
    assert!(lines(351)[0].is_warning);
    assert!(!lines(501)[0].is_warning);
}

#[test]
fn dependencies_are_read_from_every_way_to_write_them() {
    let manifest = "[dependencies]\na-b = \"1\"\nc.workspace = true\n# d = \"1\"\n[dependencies.e]\nversion = \"1\"\n\
                    [lints]\nworkspace = true\n[target.'cfg(unix)'.dev-dependencies]\nf = \"1\"\n";
    assert_eq!(dependencies(manifest), ["a_b", "c", "e", "f"]);
}

#[test]
fn every_room_of_the_tour_has_a_fence() {
    let lib = fs::read_to_string(root().unwrap().join("veth-observer/src/lib.rs")).unwrap();
    for room in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(FENCES.iter().any(|fence| fence.room == room), "{room}");
    }
}
