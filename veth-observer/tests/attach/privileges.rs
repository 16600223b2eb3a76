//! The capabilities that README.md names are enough, and what one of them less takes away is said.

use serde_json::Value;
use veth_observer::fault::CAPABILITIES;

use crate::support::{
    command::Run,
    wire::{Wire, X, Y},
};

/// As `setpriv` calls them.
fn all_but(left_out: &str) -> Vec<&'static str> {
    let names = CAPABILITIES.iter().filter_map(|(name, ..)| name.strip_prefix("cap_"));
    names.filter(|name| *name != left_out).collect()
}

/// Whether the kernel shows its functions to nobody without CAP_SYSLOG (`kallsyms_show_value`).
pub(super) fn symbols_take_a_capability() -> bool {
    let level = |name: &str| -> i32 {
        std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap().trim().parse().unwrap()
    };
    level("kptr_restrict") > 0 || level("perf_event_paranoid") > 1
}

/// `stats` with some of the capabilities, while 30 frames are too long for Y.
fn observed(left_out: &str) -> Value {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    let selector = wire.selector();
    let arguments = ["stats", &selector, "-j", "--loss-timeout", "200ms"];
    let stats = Run::with_capabilities(&all_but(left_out), &arguments).observing();
    let frame = [&[0xff; 12][..], &[0x88, 0xb5], &[0; 986]].concat();
    wire.lab.offer_frames(0, X, &frame, 30);
    let pair = stats.interrupt().json()["pairs"][0].clone();
    assert_eq!(pair["directions"][0]["sent"]["frames"], 30, "{pair}");
    pair
}

#[test]
fn those_in_the_readme_are_all_that_it_takes() {
    let readme = include_str!("../../../README.md");
    let list = CAPABILITIES.map(|(name, ..)| name).join(",");
    assert!(readme.contains(&format!("sudo setcap {list}+ep ")), "{list}");

    let pair = observed("");
    assert_eq!(pair["limits"], serde_json::json!([]), "{pair}");
    let dropped = &pair["directions"][0]["dropped"][0];
    assert_eq!((&dropped["stage"], &dropped["frames"]), (&"veth".into(), &30.into()), "{pair}");
    assert!(dropped["location"].as_str().unwrap().starts_with("__dev_forward_skb"), "{pair}");

    let doctor = Run::with_capabilities(&all_but(""), &["doctor", "-j"]).outcome();
    let report: Value = serde_json::from_str(&doctor.stdout).unwrap();
    for check in report["checks"].as_array().unwrap() {
        // What other tests leave for a moment is theirs.
        assert!(check["ok"] == true || check["name"] == "leftovers", "{check}");
    }
}

#[test]
fn without_syslog_places_have_no_names_and_the_report_says_so() {
    if !symbols_take_a_capability() {
        return eprintln!("skipped: this kernel is set to show its functions to everybody");
    }
    let pair = observed("syslog");
    let dropped = &pair["directions"][0]["dropped"][0];
    assert!(dropped["location"].as_str().unwrap().starts_with("0x"), "{pair}");
    let [limit] = pair["limits"].as_array().unwrap().as_slice() else { panic!("{pair}") };
    assert!(limit.as_str().unwrap().contains("CAP_SYSLOG"), "{limit}");

    let outcome = Run::with_capabilities(&all_but("syslog"), &["doctor"]).outcome();
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert!(outcome.stdout.contains("FAIL  symbols"), "{outcome:?}");
    assert!(outcome.stdout.contains("missing: cap_syslog (name the functions"), "{outcome:?}");
}
