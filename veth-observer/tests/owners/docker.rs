//! Docker, where it is installed: its package starts a daemon, which is more than a test may do to a machine.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{end_of, identity, netns_of, pids};
use crate::support::{
    command::Run,
    engine::Host,
    netns::{Background, eventually},
};

const DAEMON: &str = "/usr/sbin/dockerd";

struct Docker {
    host: Host,
    _daemon: Background,
    socket: String,
}

impl Docker {
    fn new() -> Option<Self> {
        if !Path::new(DAEMON).exists() {
            eprintln!("skipped: no {DAEMON} here");
            return None;
        }
        let host = Host::new();
        let at = |name: &str| host.folder().join(name).to_str().unwrap().to_owned();
        let socket = format!("unix://{}", at("docker.sock"));
        let (data, exec, pidfile) = (at("data"), at("exec"), at("pid"));
        let mut command: Command = host.command(
            DAEMON,
            &[
                "--data-root",
                &data,
                "--exec-root",
                &exec,
                "--pidfile",
                &pidfile,
                "-H",
                &socket,
                "--storage-driver",
                "vfs",
                "--cgroup-parent",
                host.cgroup(),
                "--default-ulimit",
                "nofile=1024:1024",
                "--iptables=false",
                "--ip-masq=false",
                "--exec-opt",
                "native.cgroupdriver=cgroupfs",
            ],
        );
        let daemon = Background::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let docker = Self { host, _daemon: daemon, socket };
        eventually("dockerd answers", || {
            let quiet = Stdio::null;
            let mut version = Command::new("docker");
            version.args(["-H", &docker.socket, "version"]).stdout(quiet()).stderr(quiet());
            version.status().is_ok_and(|status| status.success())
        });
        docker.run(&["import", &docker.host.archive(), "votest:1"]);
        Some(docker)
    }

    fn run(&self, args: &[&str]) -> String {
        self.host.run("docker", &[&["-H", self.socket.as_str()], args].concat())
    }

    fn start(&self, name: &str, network: &str) -> String {
        self.run(&["run", "-d", "--name", name, "--network", network, "votest:1", "/bin/sleep", "1000"])
    }

    #[track_caller]
    fn agrees(&self, name: &str, end: &Value) {
        let owner = &end["owner"];
        assert_eq!(owner["runtime"], "docker");
        assert_eq!(owner["id"], self.run(&["inspect", "--format", "{{.Id}}", name]));
        assert_eq!(owner["image"], "votest:1");
        let pid: u32 = self.run(&["inspect", "--format", "{{.State.Pid}}", name]).parse().unwrap();
        assert!(pids(&owner["pid"]).contains(&pid), "{owner}");
        assert_eq!(netns_of(&owner["pid"]), format!("net:[{}]", end["netns"]["inode"]));
    }
}

#[test]
fn a_container_of_docker_is_known_from_its_start_to_its_end() {
    let Some(docker) = Docker::new() else { return };
    let unique = format!("dock{}", std::process::id());
    docker.start(&unique, "bridge");
    let [end, there] = end_of(&unique);
    docker.agrees(&unique, &end);
    let mac = docker.run(&["inspect", "--format", "{{.NetworkSettings.MacAddress}}", &unique]);
    assert_eq!(end["mac"], mac);

    // A second one in the same namespace is a guest there.
    let guest = format!("{unique}-guest");
    docker.start(&guest, &format!("container:{unique}"));
    let [end, _] = end_of(&unique);
    docker.agrees(&unique, &end);
    assert_eq!(end["owner"]["containers"], Value::from(vec![unique.clone(), guest.clone()]));
    let found = Run::here(&["peer", &format!("container:{guest}"), "-j"]).outcome().json();
    assert_eq!(identity(&found["peer"]), identity(&there));
    docker.run(&["rm", "-f", &guest]);

    let newer = format!("{unique}-b");
    docker.run(&["rename", &unique, &newer]);
    docker.agrees(&newer, &end_of(&newer)[0]);
    docker.run(&["restart", "-t", "0", &newer]);
    let [again, _] = end_of(&newer);
    docker.agrees(&newer, &again);
    assert_ne!(again["netns"]["cookie"], end["netns"]["cookie"]);
    docker.run(&["rm", "-f", &newer]);
    let gone = Run::here(&["peer", &format!("container:{newer}")]).outcome().fails(4);
    assert_eq!(gone, format!("there is no container:{newer} with a veth end"));
}
