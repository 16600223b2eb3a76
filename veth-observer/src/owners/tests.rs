//! Whole machines in a directory: /proc and the files that each runtime documents, as if it had written them.

mod machine;

use std::{fs, os::unix::fs::symlink, path::Path};

use super::*;
use machine::Machine;

const A: &str = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";
const B: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f";
const C: &str = "c3d4e5f6071829304a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9fa0b1";
const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

fn one(owners: &mut Owners, pids: &[u32]) -> Option<Owner> {
    owners.of(&[(Home::Cookie(5), pids)]).pop().unwrap()
}

fn shim(machine: &Machine, pid: u32, namespace: &str, id: &str, tasks: &str) {
    let program = "/usr/bin/containerd-shim-runc-v2";
    let arguments =
        [program, "-namespace", namespace, "-id", id, "-address", "/run/containerd/containerd.sock"];
    machine.process(pid, 1, "/system.slice/containerd.service", &arguments);
    machine.works_in(pid, &format!("{tasks}/{id}"));
}

fn conmon(machine: &Machine, pid: u32, id: &str, bundle: &str, run: &str) {
    let pidfile = format!("{run}/{id}/userdata/pidfile");
    let arguments = [
        "/usr/bin/conmon",
        "-c",
        id,
        "-u",
        id,
        "-r",
        "/usr/bin/runc",
        "-b",
        bundle,
        "-p",
        &pidfile,
        "-n",
        "stale",
    ];
    machine.process(pid, 1, &format!("/machine.slice/libpod-conmon-{id}.scope"), &arguments);
}

/// Docker with its data where it was told to: config.json mounts files from there.
fn docker(machine: &Machine, id: &str, name: &str) {
    let tasks = "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby";
    shim(machine, 30, "moby", id, tasks);
    machine.write(
        &format!("{tasks}/{id}/config.json"),
        &format!(
            r#"{{"hostname":"x","mounts":[{{"source":"proc"}},{{"source":"/srv/docker/containers/{id}/hosts"}}],
            "linux":{{"namespaces":[{{"type":"network"}}]}}}}"#
        ),
    );
    machine.write(&format!("/srv/docker/containers/{id}/config.v2.json"), &config_v2(id, name));
    machine.process(31, 30, &format!("/system.slice/docker-{id}.scope"), &["nginx"]);
}

fn config_v2(id: &str, name: &str) -> String {
    format!(
        r#"{{"ID":"{id}","Name":"/{name}","Config":{{"Image":"nginx:1.27","Labels":{{}}}},"State":{{"Pid":31}}}}"#
    )
}

#[test]
fn docker_wherever_its_data_is() {
    let machine = Machine::new();
    docker(&machine, A, "web");
    let owner = machine.owner(&[31]);
    assert_eq!((owner.runtime.as_deref(), owner.name.as_deref()), (Some("docker"), Some("web")));
    assert_eq!((owner.id.as_deref(), owner.image.as_deref()), (Some(A), Some("nginx:1.27")));
    assert_eq!((owner.pid, owner.containers), (Some(31), vec!["web".to_owned()]));
}

#[test]
fn docker_in_its_usual_place_when_the_shim_is_gone() {
    let machine = Machine::new();
    machine.process(31, 1, &format!("/docker/{A}"), &["nginx"]);
    machine.write(&format!("/var/lib/docker/containers/{A}/config.v2.json"), &config_v2(A, "web"));
    assert_eq!(machine.owner(&[31]).name.as_deref(), Some("web"));
}

#[test]
fn a_rename_is_seen_and_nothing_else_is_read_again() {
    let machine = Machine::new();
    docker(&machine, A, "old");
    let owners = &mut machine.owners();
    assert_eq!(one(owners, &[31]).unwrap().name.as_deref(), Some("old"));
    machine.write(&format!("/srv/docker/containers/{A}/config.v2.json"), &config_v2(A, "new"));
    assert_eq!(one(owners, &[31]).unwrap().name.as_deref(), Some("new"));
    // What is remembered needs neither the bundle nor the cgroup any more.
    machine
        .remove(&format!("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{A}/config.json"));
    fs::remove_file(machine.0.join("proc/31/cgroup")).unwrap();
    assert_eq!(one(owners, &[31]).unwrap().name.as_deref(), Some("new"));
    // A namespace that is gone is forgotten with its containers.
    assert!(owners.of(&[]).is_empty());
    assert_eq!(one(owners, &[31]), None);
}

#[test]
fn a_name_that_comes_late_is_waited_for() {
    let machine = Machine::new();
    machine.process(31, 1, &format!("/docker/{A}"), &["nginx"]);
    let owners = &mut machine.owners();
    let nameless = one(owners, &[31]).unwrap();
    assert_eq!((nameless.runtime.as_deref(), nameless.name), (Some("docker"), None));
    machine.write(&format!("/var/lib/docker/containers/{A}/config.v2.json"), &config_v2(A, "web"));
    assert_eq!(one(owners, &[31]).unwrap().name.as_deref(), Some("web"));
}

/// Podman: a store of one's own, and a pod, of which nothing but the infra container's host name has the name.
#[test]
fn podman_with_a_store_of_its_own() {
    let machine = Machine::new();
    let (store, run) = ("/home/me/store/overlay-containers", "/run/user/1000/containers/overlay-containers");
    let pod = B;
    let infra_name = format!("{}-infra", &pod[..12]);
    for (pid, id, network, annotation) in [
        (40, A, "", r#""io.kubernetes.cri-o.Created":"now""#.to_owned()),
        (50, C, "/proc/41/ns/net", format!(r#""io.kubernetes.cri-o.SandboxID":"{A}""#)),
    ] {
        let bundle = format!("{store}/{id}/userdata");
        conmon(&machine, pid, id, &bundle, run);
        let slice = format!("/user.slice/user-libpod_pod_{pod}.slice/libpod-{id}.scope/container");
        machine.process(pid + 1, pid, &slice, &["sleep"]);
        machine.write(
            &format!("{bundle}/config.json"),
            &format!(
                r#"{{"hostname":"shop","annotations":{{"io.container.manager":"libpod",{annotation}}},
                "linux":{{"namespaces":[{{"type":"network","path":"{network}"}}]}}}}"#
            ),
        );
    }
    machine
        .write(&format!("{store}/containers.json"), &format!(r#"[{{"id":"{A}","names":["{infra_name}"]}}]"#));
    // Started with --rm.
    let names = |name: &str| format!(r#"[{{"id":"{C}","names":["{name}"],"metadata":"{{}}"}}]"#);
    machine.write(&format!("{run}/volatile-containers.json"), &names("app"));
    let owners = &mut machine.owners();
    let owner = one(owners, &[41, 51]).unwrap();
    assert_eq!((owner.runtime.as_deref(), owner.pod.as_deref()), (Some("podman"), Some("shop")));
    assert_eq!((owner.id.as_deref(), owner.name), (Some(A), None));
    assert_eq!(owner.containers, ["app"]);
    machine.write(&format!("{run}/volatile-containers.json"), &names("renamed"));
    assert_eq!(one(owners, &[41, 51]).unwrap().containers, ["renamed"]);
}

/// containerd for Kubernetes: one shim for the pod, and the bundles of its containers beside the sandbox's.
#[test]
fn a_pod_of_containerd() {
    let machine = Machine::new();
    let tasks = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";
    shim(&machine, 60, "k8s.io", A, tasks);
    let slice = format!("/kubepods.slice/kubepods-pod{}.slice", UID.replace('-', "_"));
    for (pid, id, kind, name) in
        [(61, A, "sandbox", ""), (62, B, "container", "postgres"), (63, C, "container", "side")]
    {
        machine.process(pid, 60, &format!("{slice}/cri-containerd-{id}.scope"), &["x"]);
        let network = if kind == "sandbox" { "/var/run/netns/cni-1" } else { "/proc/61/ns/net" };
        machine.write(
            &format!("{tasks}/{id}/config.json"),
            &format!(
                r#"{{"annotations":{{"io.kubernetes.cri.container-type":"{kind}","io.kubernetes.cri.sandbox-id":"{A}",
                "io.kubernetes.cri.sandbox-name":"db-0","io.kubernetes.cri.sandbox-namespace":"shop",
                "io.kubernetes.cri.container-name":"{name}","io.kubernetes.cri.image-name":"img"}},
                "linux":{{"namespaces":[{{"type":"network","path":"{network}"}}]}}}}"#
            ),
        );
    }
    let owner = machine.owner(&[61, 62, 63]);
    assert_eq!((owner.pod.as_deref(), owner.namespace.as_deref()), (Some("db-0"), Some("shop")));
    assert_eq!((owner.id.as_deref(), owner.runtime.as_deref()), (Some(A), Some("containerd")));
    assert_eq!((owner.pid, owner.containers), (Some(61), vec!["postgres".to_owned(), "side".to_owned()]));
}

/// The same without the right to look into anything but the names of logs.
#[test]
fn a_pod_by_the_names_of_its_logs() {
    let machine = Machine::new();
    for (pid, id) in [(61, A), (62, B)] {
        machine.process(pid, 1, &format!("/kubepods/burstable/pod{UID}/{id}"), &["x"]);
    }
    machine.write(&format!("/var/log/pods/shop_db-0_{UID}/postgres/0.log"), "");
    machine.write(&format!("/var/log/containers/db-0_shop_postgres-{B}.log"), "");
    let owner = machine.owner(&[61, 62]);
    assert_eq!((owner.pod.as_deref(), owner.namespace.as_deref()), (Some("db-0"), Some("shop")));
    assert_eq!(owner.containers, ["3f9c1d2a77b0", "postgres"], "a pause container has no log");
}

/// CRI-O drops the sandbox's process where it can; conmon names the bundle, and everything else is in there.
#[test]
fn a_pod_of_cri_o_without_its_sandbox() {
    let machine = Machine::new();
    let bundle = format!("/run/containers/storage/overlay-containers/{B}/userdata");
    conmon(&machine, 70, B, &bundle, "/run/containers/storage/overlay-containers");
    machine.process(71, 70, &format!("/kubepods.slice/crio-{B}.scope/container"), &["postgres"]);
    machine.write(
        &format!("{bundle}/config.json"),
        &format!(
            r#"{{"annotations":{{"io.container.manager":"cri-o","io.kubernetes.cri-o.ContainerType":"container",
            "io.kubernetes.cri-o.SandboxID":"{A}","io.kubernetes.cri-o.ImageName":"quay.io/pg:16",
            "io.kubernetes.pod.name":"db-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"pg"}},
            "linux":{{"namespaces":[{{"type":"network","path":"/var/run/netns/0a1b"}}]}}}}"#
        ),
    );
    let owner = machine.owner(&[71]);
    assert_eq!((owner.runtime.as_deref(), owner.pod.as_deref()), (Some("cri-o"), Some("db-0")));
    assert_eq!((owner.id.as_deref(), owner.image.as_deref()), (Some(A), Some("quay.io/pg:16")));
    assert_eq!(owner.containers, ["pg"]);
}

/// Docker below a kubelet keeps the pod in labels.
#[test]
fn a_pod_of_docker() {
    let machine = Machine::new();
    for (pid, id, kind, name) in [(61, A, "podsandbox", "POD"), (62, B, "container", "pg")] {
        machine.process(pid, 1, &format!("/kubepods/burstable/pod{UID}/{id}"), &["x"]);
        machine.write(
            &format!("/var/lib/docker/containers/{id}/config.v2.json"),
            &format!(
                r#"{{"Name":"/k8s_{name}_db-0_shop_{UID}_0","Config":{{"Image":"i","Labels":{{
                "io.kubernetes.docker.type":"{kind}","io.kubernetes.pod.name":"db-0",
                "io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"{name}"}}}}}}"#
            ),
        );
    }
    let owner = machine.owner(&[61, 62]);
    assert_eq!((owner.runtime.as_deref(), owner.id.as_deref()), (Some("docker"), Some(A)));
    assert_eq!((owner.pod.as_deref(), owner.containers), (Some("db-0"), vec!["pg".to_owned()]));
}

/// Containers of `ctr`, `nerdctl` and `runc`, LXC and nspawn.
#[test]
fn where_the_id_or_the_cgroup_is_the_name() {
    let machine = Machine::new();
    shim(&machine, 80, "default", "job", "/run/containerd/io.containerd.runtime.v2.task/default");
    machine.process(81, 80, "/default/job", &["sleep"]);
    machine.process(82, 1, "/batch", &["sleep"]);
    machine.write("/run/runc/batch/state.json", "{}");
    machine.process(83, 1, "/lxc.payload.box/init.scope", &["init"]);
    machine.process(84, 1, r"/machine.slice/machine-my\x2dbox.scope/payload", &["systemd"]);
    let tasks = "/run/containerd/io.containerd.runtime.v2.task/default";
    shim(&machine, 85, "default", A, tasks);
    machine.process(86, 85, &format!("/default/{A}"), &["nginx"]);
    let annotations = r#"{"annotations":{"nerdctl/name":"web"},"linux":{"namespaces":[{"type":"network"}]}}"#;
    machine.write(&format!("{tasks}/{A}/config.json"), annotations);
    for (pid, runtime, name) in [
        (81, "containerd", "job"),
        (82, "runc", "batch"),
        (83, "lxc", "box"),
        (84, "systemd-nspawn", "my-box"),
        (86, "containerd", "web"),
    ] {
        let owner = machine.owner(&[pid]);
        assert_eq!((owner.runtime.as_deref(), owner.name.as_deref()), (Some(runtime), Some(name)));
    }
}

#[test]
fn nobody_in_particular_is_no_owner() {
    let machine = Machine::new();
    machine.process(90, 1, "/user.slice/user-1000.slice/session-3.scope", &["sleep"]);
    conmon(&machine, 91, A, "/x", "/y");
    assert_eq!(one(&mut machine.owners(), &[90, 91]), None);
    assert_eq!(one(&mut machine.owners(), &[4_000_000]), None, "a process that went");
    assert_eq!(one(&mut machine.owners(), &[]), None);
}

/// What runs in a container may call itself a monitor and bring files of its own.
#[test]
fn a_container_cannot_name_itself() {
    let machine = Machine::new();
    docker(&machine, A, "web");
    let lie = format!("/lie/overlay-containers/{A}/userdata");
    let arguments = ["conmon", "-c", A, "-b", &lie];
    let inside = format!("/system.slice/docker-{A}.scope");
    machine.process(31, 30, &inside, &arguments);
    machine.process(32, 31, &inside, &["sh"]);
    machine.write(
        &format!("{lie}/config.json"),
        r#"{"annotations":{"io.container.manager":"cri-o","io.kubernetes.pod.name":"victim"}}"#,
    );
    let owner = machine.owner(&[32]);
    assert_eq!((owner.name.as_deref(), owner.pod), (Some("web"), None));
}

#[test]
fn files_of_rubbish_leave_the_owner_with_less() {
    type Write = fn(&Path);
    let rubbish: [(&str, Write); 5] = [
        ("nothing", |path| fs::write(path, "").unwrap()),
        ("binary", |path| fs::write(path, [0xff; 4096]).unwrap()),
        ("nested", |path| fs::write(path, "[".repeat(1 << 20)).unwrap()),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("dangling", |path| symlink("nowhere", path).unwrap()),
    ];
    for (what, write) in rubbish {
        let machine = Machine::new();
        docker(&machine, A, "web");
        for path in [
            format!("/srv/docker/containers/{A}/config.v2.json"),
            format!("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{A}/config.json"),
        ] {
            machine.remove(&path);
            write(&machine.0.join("root").join(path.trim_start_matches('/')));
            let owner = machine.owner(&[31]);
            assert_eq!((owner.runtime.as_deref(), owner.name), (Some("docker"), None), "{what}");
            assert_eq!(owner.id.as_deref(), Some(A), "{what}");
        }
    }
}
