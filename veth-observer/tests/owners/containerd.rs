//! containerd by itself, where it is installed, as Docker brings it: ids that are any word, and no name but in the bundle.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{end_of, identity, netns_of, pids};
use crate::support::{
    command::Run,
    engine::Host,
    netns::{Background, eventually},
};

const DAEMON: &str = "/usr/bin/containerd";

#[test]
fn containers_of_ctr_are_known_by_their_ids_and_annotations() {
    if !Path::new(DAEMON).exists() {
        eprintln!("skipped: no {DAEMON} here");
        return;
    }
    let host = Host::new();
    let at = |name: &str| host.folder().join(name).to_str().unwrap().to_owned();
    let socket = at("containerd.sock");
    let config = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = \"{socket}\"\n",
        at("root"),
        at("state"),
    );
    fs::write(at("config.toml"), config).unwrap();
    let mut daemon: Command = host.command(DAEMON, &["--config", &at("config.toml")]);
    let _daemon = Background::start(daemon.stdout(Stdio::null()).stderr(Stdio::null()));
    let ctr = |args: &[&str]| host.run("ctr", &[&["--address", socket.as_str()], args].concat());
    eventually("containerd answers", || {
        let mut version = Command::new("ctr");
        version.args(["--address", &socket, "version"]).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    });
    let rootfs = host.rootfs();
    let (job, web) = (format!("job{}", std::process::id()), format!("cweb{}", std::process::id()));
    let id = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";
    let annotation = format!("nerdctl/name={web}");
    for (id, name, ifname) in [(job.as_str(), &job, "h0"), (id, &web, "h1")] {
        let cgroup = format!("{}/{id}", host.cgroup());
        let mut run = vec!["run", "--detach", "--cgroup", &cgroup, "--rootfs"];
        if name == &web {
            run.extend(["--annotation", &annotation]);
        }
        run.extend([rootfs.as_str(), id, "/bin/sleep", "1000"]);
        ctr(&run);
        let tasks = ctr(&["tasks", "list"]);
        let pid = tasks.lines().find(|line| line.starts_with(id)).unwrap().split_whitespace().nth(1).unwrap();
        host.run("ip", &["link", "add", ifname, "type", "veth", "peer", "name", "eth0", "netns", pid]);

        let [end, there] = end_of(name);
        assert_eq!(there["ifname"], ifname);
        assert_eq!((&end["owner"]["runtime"], &end["owner"]["id"]), (&"containerd".into(), &id.into()));
        assert!(pids(&end["owner"]["pid"]).contains(&pid.parse().unwrap()), "{end}");
        assert_eq!(netns_of(&end["owner"]["pid"]), format!("net:[{}]", end["netns"]["inode"]));
        let found = Run::here(&["peer", &format!("container:{name}"), "-j"]).outcome().json();
        assert_eq!(identity(&found["peer"]), identity(&there));
    }
}
