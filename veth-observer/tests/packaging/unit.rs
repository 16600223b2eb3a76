//! The unit of systemd.

use std::collections::BTreeSet;

use veth_observer::agent::http::{Address, PORT, SOCKET};

use super::{capabilities, listens, packaged, read};
use crate::support::netns::run;

const UNIT: &str = "systemd/veth-observer.service";

/// All values of a key.
fn values(key: &str) -> Vec<String> {
    let unit = read(UNIT);
    let values = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

fn value(key: &str) -> String {
    let values = values(key);
    assert_eq!(values.len(), 1, "{key}: {values:?}");
    values[0].clone()
}

#[test]
fn it_has_the_capabilities_of_the_code_and_no_other() {
    for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        let value = value(key);
        let of_unit: BTreeSet<String> =
            value.split(' ').map(|name| name.strip_prefix("CAP_").unwrap().to_owned()).collect();
        assert_eq!(of_unit, capabilities(), "{key}");
    }
    // systemd takes CAP_SYSLOG away with it, and says nothing.
    assert!(values("ProtectKernelLogs").is_empty());
    assert_eq!((value("User").as_str(), value("Group").as_str()), ("veth-observer", "veth-observer"));
    let user = read("systemd/veth-observer.sysusers");
    assert!(user.lines().any(|line| line.starts_with("u veth-observer ")), "{user}");
}

#[test]
fn systemd_calls_it_well_protected() {
    let path = packaged(UNIT).display().to_string();
    run("systemd-analyze", &["security", "--no-pager", "--offline=true", "--threshold=40", &path]);
    // The limit is one: without its protections the unit would not pass.
    let bare = std::env::temp_dir().join(format!("vo-bare-{}.service", std::process::id()));
    std::fs::write(&bare, "[Service]\nExecStart=/bin/true\n").unwrap();
    let path = bare.display().to_string();
    let command = ["security", "--no-pager", "--offline=true", "--threshold=40", &path];
    let output = std::process::Command::new("systemd-analyze").args(command).output().unwrap();
    std::fs::remove_file(bare).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn systemd_understands_every_line() {
    let unit = read(UNIT).replace("/usr/bin/veth-observer", env!("CARGO_BIN_EXE_veth-observer"));
    let folder = std::env::temp_dir().join(format!("vo-unit-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("veth-observer.service");
    std::fs::write(&path, unit).unwrap();
    let output = std::process::Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
        .expect("systemd-analyze starts");
    std::fs::remove_dir_all(folder).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("veth-observer.service:"), "{said}");
}

#[test]
fn it_listens_on_loopback_and_on_the_socket_of_its_own_folder() {
    let line = value("ExecStart");
    let words: Vec<&str> = line.split(' ').filter(|word| *word != "$ARGS").collect();
    assert_eq!(words[0], "/usr/bin/veth-observer");
    assert_eq!(listens(&words[1..]), [Address::LOOPBACK, Address::Unix(SOCKET.into())]);
    assert!(Address::LOOPBACK.to_string().ends_with(&format!(":{PORT}")));
    assert_eq!(SOCKET, format!("/run/{}/agent.sock", value("RuntimeDirectory")));
    assert_eq!(value("ExecReload"), "/bin/kill -HUP $MAINPID");
    assert_eq!((value("Type").as_str(), value("WatchdogSec").as_str()), ("notify", "30s"));
}
