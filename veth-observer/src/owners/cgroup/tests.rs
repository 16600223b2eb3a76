//! Lines as the runtimes write them.

use super::*;

const ID: &str = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";
const OTHER: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f";
const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const UID_UNIT: &str = "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9";

#[track_caller]
fn is(path: &str, runtime: Option<&'static str>, id: &str, pod: Option<&str>, depth: usize) {
    let path = path.replace("UIDU", UID_UNIT).replace("UID", UID).replace("OTHER", OTHER).replace("ID", ID);
    let id = id.replace("OTHER", OTHER).replace("ID", ID);
    let expected = Trace { runtime, id, pod: pod.map(str::to_owned), depth };
    assert_eq!(container(&format!("0::{path}\n")).as_ref(), Some(&expected), "{path}");
    let v1 = format!("12:cpu,cpuacct:/\n1:name=systemd:{path}\n0::/\n");
    assert_eq!(container(&v1).as_ref(), Some(&expected), "{path} of systemd's hierarchy");
}

#[test]
fn docker() {
    is("/docker/ID", Some("docker"), "ID", None, 1);
    is("/system.slice/docker-ID.scope", Some("docker"), "ID", None, 1);
    is("/system.slice/docker-ID.scope/init.scope", Some("docker"), "ID", None, 1);
    is(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
        Some("docker"),
        "ID",
        None,
        1,
    );
    is("/../docker-ID.scope", Some("docker"), "ID", None, 1);
    is("/custom-parent/ID", None, "ID", None, 1);
    is("/system.slice:docker:ID", Some("docker"), "ID", None, 1);
    is("/docker/ID/docker/OTHER", Some("docker"), "OTHER", None, 2);
    is("/ecs/1f6a5f0e8c9d4b6f8a7e6d5c4b3a2918/ID", None, "ID", None, 1);
}

#[test]
fn podman() {
    is("/machine.slice/libpod-ID.scope", Some("podman"), "ID", None, 1);
    is("/machine.slice/libpod-ID.scope/container", Some("podman"), "ID", None, 1);
    is(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
        Some("podman"),
        "ID",
        None,
        1,
    );
    is("/libpod_parent/libpod-ID", Some("podman"), "ID", None, 1);
    is("/libpod_parent/OTHER/libpod-ID", Some("podman"), "ID", Some(OTHER), 1);
    is(
        "/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope/container",
        Some("podman"),
        "ID",
        Some(OTHER),
        1,
    );
    is("/system.slice/web.service/libpod-payload-ID", Some("podman"), "ID", None, 1);
}

#[test]
fn kubernetes() {
    let uid = Some(UID);
    for class in ["kubepods-burstable", "kubepods-besteffort", "kubepods"] {
        let slice = format!("/kubepods.slice/{class}.slice/{class}-podUIDU.slice");
        is(&format!("{slice}/cri-containerd-ID.scope"), Some("containerd"), "ID", uid, 1);
        is(&format!("{slice}/crio-ID.scope"), Some("cri-o"), "ID", uid, 1);
        is(&format!("{slice}/crio-ID.scope/container"), Some("cri-o"), "ID", uid, 1);
        is(&format!("{slice}/docker-ID.scope"), Some("docker"), "ID", uid, 1);
    }
    is("/kubepods/burstable/podUID/ID", None, "ID", uid, 1);
    is("/kubepods/podUID/ID", None, "ID", uid, 1);
    is("/kubepods/besteffort/podUID/crio-ID", Some("cri-o"), "ID", uid, 1);
    is(
        "/system.slice/containerd.service/kubepods-burstable-podUIDU.slice:cri-containerd:ID",
        Some("containerd"),
        "ID",
        uid,
        1,
    );
    // A pod of the kubelet itself has the digest of its file for a uid.
    is(
        "/kubepods/burstable/pod8cf2b2a3d4e5f60718293a4b5c6d7e8f/ID",
        None,
        "ID",
        Some("8cf2b2a3d4e5f60718293a4b5c6d7e8f"),
        1,
    );
    // A node that is itself a container.
    is(
        "/docker/OTHER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUIDU.slice/cri-containerd-ID.scope",
        Some("containerd"),
        "ID",
        uid,
        2,
    );
}

#[test]
fn containers_without_a_daemon_and_whole_systems() {
    is("/default/ID", None, "ID", None, 1);
    is("/system.slice/nerdctl-ID.scope", Some("containerd"), "ID", None, 1);
    is("/system.slice/runc-web.scope", Some("runc"), "web", None, 1);
    is("/lxc.payload.web", Some("lxc"), "web", None, 1);
    is("/lxc.payload.web/init.scope", Some("lxc"), "web", None, 1);
    is("/lxc/101/ns/init.scope", Some("lxc"), "101", None, 1);
    is("/machine.slice/machine-web.scope/payload/init.scope", Some("systemd-nspawn"), "web", None, 1);
    is(r"/machine.slice/machine-my\x2dbox.scope", Some("systemd-nspawn"), "my-box", None, 1);
    is("/machine.slice/systemd-nspawn@web.service/payload", Some("systemd-nspawn"), "web", None, 1);
    is("/lxc.payload.outer/system.slice/docker-ID.scope", Some("docker"), "ID", None, 2);
}

#[test]
fn what_is_in_no_container() {
    for path in [
        "/",
        "/init.scope",
        "/system.slice/ssh.service",
        "/user.slice/user-1000.slice/session-3.scope",
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        "/machine.slice/libpod-conmon-ID.scope",
        "/machine.slice/machine-libpod_pod_OTHER.slice/libpod-conmon-ID.scope",
        "/kubepods.slice/kubepods-podUIDU.slice/crio-conmon-ID.scope",
        "/libpod_parent/conmon",
        "/libpod_parent/OTHER/conmon",
        "/lxc.monitor.web",
        "/lxc.payload.",
        "/user.slice/lxc.payload.\u{1b}[31m",
        r"/machine.slice/machine-\x1b\x5b31m.scope",
        "/system.slice/runc-a b.scope",
        r"/machine.slice/machine-qemu\x2d1\x2dvm.scope",
        r"/machine.slice/machine-lxc\x2d42\x2dvm.scope/emulator",
        "/kubepods/burstable/podUID",
        "/docker/3f9c1d2a77b0",
        "/batch/2780c63e50bf8bbb654e74e6513c09a8",
        "",
    ] {
        let path =
            path.replace("UIDU", UID_UNIT).replace("UID", UID).replace("OTHER", OTHER).replace("ID", ID);
        assert_eq!(container(&format!("4:memory:{path}\n0::{path}\n")), None, "{path}");
    }
}

#[test]
fn the_line_that_says_most_counts() {
    let hybrid = format!("4:memory:/docker/{ID}\n1:name=systemd:/system.slice/cron.service\n0::/\n");
    assert_eq!(container(&hybrid).unwrap().id, ID);
    let nested = format!("4:memory:/docker/{ID}\n0::/docker/{OTHER}\n");
    assert_eq!(container(&nested).unwrap().id, OTHER, "the unified hierarchy first");
}

#[test]
fn rubbish_is_no_container() {
    for text in
        ["", "\n\n", "::", "0:", ":::::", "0::/\\x", "0::/docker/\u{fffd}", "0::/machine-\\xzz\\x", "a:b"]
    {
        assert_eq!(container(text), None, "{text:?}");
    }
    let odd = r"0::/machine-\xff\x2.scope";
    assert_eq!(container(odd).unwrap().id, r"\xff\x2");
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "(0::)?(/|:|-|pod|docker|lxc|machine-|libpod_pod_|.slice|.scope|\\\\x|\\PC){0,40}") {
        if let Some(trace) = container(&text) {
            assert!(trace.id.chars().all(|c| c.is_ascii_graphic()), "{trace:?}");
        }
    }
}
