//! The unix socket.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
};

use veth_observer::agent::http::Limits;

use super::{Agent, client::curled, fake, flags};

#[test]
fn a_group_may_use_it_and_it_goes_with_the_agent() {
    let path = std::env::temp_dir().join(format!("vo-agent-{}.sock", std::process::id()));
    let address = format!("unix:{}", path.display());
    // As a killed run leaves it.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let agent = Agent::with(&flags(&["127.0.0.1:0", &address]), Limits::default(), fake::one);
    let file = fs::symlink_metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    let socket = path.to_str().unwrap();
    let answer = curled(&["--unix-socket", socket, "http://agent/api/v1/report"]);
    assert!(answer.status == 200 && answer.body.contains("\"pair\":\"web\""), "{answer:?}");
    let tcp = curled(&[&agent.url("/healthz")]);
    assert_eq!(tcp.status, 200, "both listen");
    drop(agent);
    assert!(!path.exists());
}
