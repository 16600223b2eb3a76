//! Podman with a store of its own in namespaces of its own.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{end_of, identity, netns_of, owned_by, pids};
use crate::support::{
    command::{Outcome, Run},
    engine::Host,
};

struct Podman {
    host: Host,
    rootfs: String,
}

/// A bridge and addresses, without the rules for the world outside.
const NETWORK: &str = r#"{"cniVersion":"0.4.0","name":"NAME","plugins":[{"type":"bridge","bridge":"NAME0",
    "isGateway":true,"ipMasq":false,"ipam":{"type":"host-local","dataDir":"/run/ipam",
    "ranges":[[{"subnet":"10.99.NUMBER.0/24"}]]}}]}"#;

impl Podman {
    fn new() -> Self {
        let host = Host::new();
        let rootfs = host.rootfs();
        fs::create_dir(host.folder().join("net")).unwrap();
        for (number, name) in ["near", "far"].iter().enumerate() {
            let network = NETWORK.replace("NAME", name).replace("NUMBER", &number.to_string());
            fs::write(host.folder().join(format!("net/{name}.conflist")), network).unwrap();
        }
        // The limits that it asks for by itself take a privilege that root may lack.
        let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n";
        fs::write(host.folder().join("containers.conf"), limits).unwrap();
        Self { host, rootfs }
    }

    fn run(&self, args: &[&str]) -> String {
        let at = |name: &str| self.host.folder().join(name).to_str().unwrap().to_owned();
        let conf = format!("CONTAINERS_CONF={}", at("containers.conf"));
        let places = [at("store"), at("run"), at("tmp"), at("net")]
            .map(|path| fs::create_dir_all(&path).map(|()| path).unwrap());
        let mut all = vec![conf.as_str(), "podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs"];
        all.extend(["--events-backend", "file", "--storage-driver", "vfs"]);
        for (option, path) in ["--root", "--runroot", "--tmpdir", "--network-config-dir"].iter().zip(&places)
        {
            all.extend([*option, path]);
        }
        all.extend(args);
        self.host.run("env", &all)
    }

    /// Starts a container that sleeps, and gives its id.
    fn start(&self, name: &str, network: &str) -> String {
        let cgroup = self.host.cgroup();
        self.run(&[
            "run",
            "-d",
            "--name",
            name,
            "--network",
            network,
            "--cgroup-parent",
            cgroup,
            "--rootfs",
            &self.rootfs,
            "/bin/sleep",
            "1000",
        ])
    }

    fn inspect(&self, name: &str, what: &str) -> String {
        self.run(&["inspect", "--format", what, name])
    }

    /// Holds what we say of a container to what Podman does.
    #[track_caller]
    fn agrees(&self, name: &str, end: &Value) {
        let owner = &end["owner"];
        assert_eq!(owner["runtime"], "podman");
        assert_eq!(owner["id"], self.inspect(name, "{{.Id}}"));
        let pid: u32 = self.inspect(name, "{{.State.Pid}}").parse().unwrap();
        assert!(pids(&owner["pid"]).contains(&pid), "{owner}");
        assert_eq!(netns_of(&owner["pid"]), format!("net:[{}]", end["netns"]["inode"]));
    }
}

fn peer(selector: &str) -> Outcome {
    Run::here(&["peer", selector, "-j"]).outcome()
}

#[test]
fn a_container_is_known_by_name_from_its_start_to_its_end() {
    let podman = Podman::new();
    let unique = format!("web{}", std::process::id());
    let id = podman.start(&unique, "near");
    let [end, there] = end_of(&unique);
    podman.agrees(&unique, &end);
    assert_eq!(end["ifname"], "eth0");
    assert_eq!(end["mac"], podman.inspect(&unique, "{{.NetworkSettings.Networks.near.MacAddress}}"));
    assert_eq!(end["owner"]["containers"], Value::from(vec![unique.clone()]));

    // By name, by the beginning of its id and by what the pair is called.
    for selector in
        [format!("container:{unique}"), format!("container:{}", &id[..12]), format!("pair:{unique}")]
    {
        assert_eq!(identity(&peer(&selector).json()["peer"]), identity(&there), "{selector}");
    }
    let veth = there["ifname"].as_str().unwrap();
    let said = podman.host.observer(&["peer", veth]);
    let (inode, pid) = (&end["netns"]["inode"], &end["owner"]["pid"]);
    let short = &id[..12];
    let expected =
        format!("eth0 (ifindex 2) in netns {inode}, container {unique} (podman {short}), pid {pid}\n");
    assert_eq!(said, expected);
    let table = podman.host.observer(&["list"]);
    assert!(table.lines().next().unwrap().contains("  OWNER  "), "{table}");
    assert!(table.contains(&format!("  container:{unique}  ")), "{table}");

    let shown = Run::here(&["show", &format!("container:{unique}"), "-j"]).outcome().json();
    assert_eq!((&shown["ifname"], &shown["owner"]), (&end["ifname"], &end["owner"]));
    let chosen = podman.host.observer(&["list", "--fields", "pair,peer-mac"]);
    let mac = end["mac"].as_str().unwrap();
    let words: Vec<Vec<&str>> = chosen.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["PAIR", "PEER", "MAC"]);
    assert!(words.contains(&vec![unique.as_str(), mac]), "{chosen}");
    let names = Run::here(&["list", "-j"]).outcome().json();
    assert!(names["pairs"].as_array().unwrap().iter().any(|pair| pair["pair"] == unique), "{names:#}");

    // Renamed: known at once by the new name only.
    let newer = format!("{unique}-b");
    let watch = Run::here(&["list", "--watch", "-j"]).lines();
    watch.wait_for("present", |line| line.contains(&unique));
    podman.run(&["rename", &unique, &newer]);
    watch.wait_for("the new name", |line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["event"] == "changed" && line.to_string().contains(&newer)
    });
    drop(watch);
    podman.agrees(&newer, &end_of(&newer)[0]);
    let gone = peer(&format!("container:{unique}x"));
    assert!(gone.stderr.contains("fix: veth-observer list"), "{gone:?}");
    let missing = peer(&format!("container:{unique}")).fails(4);
    assert_eq!(missing, format!("there is no container:{unique} with a veth end"));

    // Restarted: another namespace and process, the same name.
    podman.run(&["restart", "-t", "0", &newer]);
    let [again, _] = end_of(&newer);
    podman.agrees(&newer, &again);
    assert_ne!(again["netns"]["cookie"], end["netns"]["cookie"]);
    assert_ne!(again["owner"]["pid"], end["owner"]["pid"]);

    // Stopped: its pair is gone.
    podman.run(&["stop", "-t", "0", &newer]);
    peer(&format!("container:{newer}")).fails(4);
    assert!(owned_by(&newer).is_empty());
}

#[test]
fn nothing_is_left_of_an_engine() {
    let podman = Podman::new();
    let unique = format!("gone{}", std::process::id());
    podman.start(&unique, "near");
    let pid = end_of(&unique)[0]["owner"]["pid"].clone();
    let (folder, cgroups) = (podman.host.folder().to_owned(), podman.host.cgroups());
    assert!(folder.exists() && cgroups.iter().any(|cgroup| cgroup.exists()));
    drop(podman);
    assert!(!folder.exists() && !cgroups.iter().any(|cgroup| cgroup.exists()), "{cgroups:?}");
    assert!(!std::path::Path::new(&format!("/proc/{pid}/comm")).exists());
    assert!(owned_by(&unique).is_empty());
}

#[test]
fn two_in_one_pod_are_one_owner() {
    let podman = Podman::new();
    let unique = format!("shop{}", std::process::id());
    podman.run(&["import", &podman.host.archive(), "votest:1"]);
    let cgroup = podman.host.cgroup();
    podman.run(&[
        "pod",
        "create",
        "--name",
        &unique,
        "--network",
        "near",
        "--cgroup-parent",
        cgroup,
        "--infra-image",
        "votest:1",
        "--infra-command",
        "/bin/sleep 1000",
    ]);
    let (app, side) = (format!("{unique}-app"), format!("{unique}-side"));
    for name in [&app, &side] {
        podman.run(&["run", "-d", "--pod", &unique, "--name", name, "votest:1", "/bin/sleep", "1000"]);
    }
    let [end, there] = end_of(&unique);
    let infra = podman.run(&["pod", "inspect", "--format", "{{.InfraContainerID}}", &unique]);
    assert_eq!(end["owner"]["id"], infra);
    assert_eq!(end["owner"]["name"], Value::Null);
    assert_eq!(end["owner"]["containers"], Value::from(vec![app.clone(), side.clone()]));
    for selector in [format!("pod:{unique}"), format!("container:{app}"), format!("container:{side}")] {
        assert_eq!(identity(&peer(&selector).json()["peer"]), identity(&there), "{selector}");
    }
    let veth = there["ifname"].as_str().unwrap();
    let said = podman.host.observer(&["peer", veth]);
    let expected = format!(", pod {unique} (podman {}) of {app}, {side}, pid ", &infra[..12]);
    assert!(said.contains(&expected), "{said}");

    podman.run(&["rm", "-f", "-t", "0", &side]);
    assert_eq!(end_of(&unique)[0]["owner"]["containers"], Value::from(vec![app]));
}

#[test]
fn two_pairs_of_one_container_are_told_apart() {
    let podman = Podman::new();
    let unique = format!("two{}", std::process::id());
    podman.start(&unique, "near,far");
    let names = [format!("container:{unique}/eth0"), format!("container:{unique}/eth1")];
    let said = peer(&format!("container:{unique}")).fails(4);
    assert_eq!(said, format!("container:{unique} names 2 veth ends: {}", names.join(", ")));
    let found = names.each_ref().map(|name| peer(name).json());
    assert_ne!(found[0]["peer"]["ifname"], found[1]["peer"]["ifname"]);
    assert_eq!(peer(&format!("pair:{unique}/eth1")).code, Some(0));
    let missing = peer(&format!("container:{unique}/eth7")).fails(4);
    assert_eq!(missing, format!("container:{unique} has no veth end eth7"));
    let pattern = Run::here(&["delete", &format!("container:{unique}*/eth1"), "--yes"]).outcome().fails(2);
    assert_eq!(pattern, format!("container:{unique}*/eth1 may mean more pairs tomorrow"));
    let typo = peer(&format!("container:{unique}0"));
    assert!(typo.stderr.contains(&format!("did you mean container:{unique}?")), "{typo:?}");
}

#[test]
fn frames_of_a_container_are_counted() {
    let podman = Podman::new();
    let unique = format!("busy{}", std::process::id());
    podman.start(&unique, "near");
    // Nothing may be sent but what the test sends.
    let pid = podman.inspect(&unique, "{{.State.Pid}}");
    let quiet = ["--target", &pid, "--net", "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1"];
    podman.host.run("nsenter", &quiet);
    let selector = format!("container:{unique}");
    let stats = Run::here(&["stats", &selector, "-j"]).observing();
    let send =
        ["send", &selector, "--count", "50", "--ethertype", "0x88b5", "--dst-mac", "02:00:00:00:00:09", "-j"];
    Run::here(&send).outcome().json();
    let outcome = stats.interrupt();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let pair = &report["pairs"][0];
    assert_eq!(pair["ends"][0]["owner"]["name"], unique, "{outcome:?}");
    let direction = &pair["directions"][0];
    assert_eq!(direction["from"], "eth0");
    assert_eq!(direction["sent"]["frames"], 50);
    assert_eq!(direction["received"]["frames"], 50);
}

#[test]
fn an_end_that_moves_into_a_container_has_its_owner() {
    let podman = Podman::new();
    let unique = format!("into{}", std::process::id());
    podman.start(&unique, "near");
    podman.host.run("ip", &["link", "add", "m0", "type", "veth", "peer", "name", "m1"]);
    let stats = Run::here(&["stats", &format!("netns:pid:{}/m0", podman.host.inside()), "-j"]).observing();
    podman.host.run("ip", &["link", "set", "m0", "netns", &podman.inspect(&unique, "{{.State.Pid}}")]);
    let report: Value = serde_json::from_str(&stats.interrupt().stdout).unwrap();
    let end = &report["pairs"][0]["ends"][0];
    assert_eq!((&end["ifname"], &end["owner"]["name"]), (&"m0".into(), &unique.as_str().into()), "{end:#}");
    assert_eq!(peer(&format!("pair:{unique}/m0")).json()["peer"]["ifname"], "m1");
}

#[test]
fn without_privilege_the_cgroup_still_tells_the_id() {
    let podman = Podman::new();
    let unique = format!("low{}", std::process::id());
    let id = podman.start(&unique, "near");
    let [end, there] = end_of(&unique);
    let netns = format!("/proc/{}/ns/net", podman.host.inside());
    let list = Run::nobody_at(&netns, &["list", "-j"]).outcome().json();
    let pair = &list["pairs"][0];
    assert_eq!(pair["ends"][0]["ifname"], there["ifname"], "{list:#}");
    let owner = &pair["ends"][1]["owner"];
    assert_eq!((&owner["runtime"], &owner["id"]), (&"podman".into(), &id.into()));
    assert_eq!(owner["pid"], end["owner"]["pid"]);
    assert_eq!(owner["name"], Value::Null);
}

#[test]
fn an_agent_notices_that_a_container_is_renamed() {
    let podman = Podman::new();
    let unique = format!("ward{}", std::process::id());
    podman.start(&unique, "near");
    let selector = format!("container:{unique}*");
    let arguments = ["--interval", "100ms", "--web.listen-address", "127.0.0.1:0"];
    let agent = Run::here(&[&["agent", "-j", "--pairs", &selector][..], &arguments].concat()).lines();
    let names = |line: &str| -> Vec<Value> {
        let line: Value = serde_json::from_str(line).unwrap();
        line["pairs"].as_array().unwrap().iter().map(|pair| pair["pair"].clone()).collect()
    };
    agent.wait_for("its name", |line| names(line) == [unique.as_str()]);
    let newer = format!("{unique}-b");
    podman.run(&["rename", &unique, &newer]);
    let renamed = Instant::now();
    let line = agent.wait_for("its new name", |line| {
        // No message tells of it; every ten seconds the agent looks.
        assert!(renamed.elapsed() < Duration::from_secs(30), "{line}");
        names(line) == [newer.as_str()]
    });
    let line: Value = serde_json::from_str(&line).unwrap();
    let owners: Vec<&Value> =
        line["pairs"][0]["ends"].as_array().unwrap().iter().map(|end| &end["owner"]["name"]).collect();
    assert!(owners.contains(&&Value::from(newer)), "{line:#}");
    // It is the same observation.
    assert_eq!(line["agent"]["events"]["added"], 1, "{line:#}");
}
