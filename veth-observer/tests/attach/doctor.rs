//! `doctor` and `cleanup` for those who may nothing.

use super::privileges::symbols_take_a_capability;
use crate::support::{command::Run, netns::Lab};

#[test]
fn without_privilege_each_failure_has_its_fix() {
    let (lab, hidden) = (Lab::new(1), symbols_take_a_capability());
    let outcome = Run::nobody(lab.name(0), &["doctor", "-j"]).outcome();
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let checks = report["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kernel", "BTF", "capabilities", "symbols", "ring buffer", "tcx", "leftovers"]);
    for check in checks {
        let denied = match check["name"].as_str().unwrap() {
            "symbols" => hidden,
            name => ["capabilities", "ring buffer", "tcx"].contains(&name),
        };
        assert_eq!(check["ok"], !denied, "{check}");
        let fix = check["fix"].as_str().unwrap_or_default();
        assert_eq!(fix.starts_with("run it with sudo, or once: sudo setcap "), denied, "{check}");
    }
    assert_eq!(outcome.stderr, format!("veth-observer: {} of 7 checks failed\n", 3 + u32::from(hidden)));
}

#[test]
fn cleanup_without_privilege_says_what_it_could_not_see() {
    let lab = Lab::new(1);
    let sentence = Run::nobody(lab.name(0), &["cleanup"]).outcome().fails(3);
    assert!(sentence.ends_with("could not be looked into"), "{sentence}");
}
