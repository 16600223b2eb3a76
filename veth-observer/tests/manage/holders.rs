//! Namespaces that have no process of their own: held by a thread, by a file in another mount namespace, by a descriptor.

use std::{
    process::{Command, Stdio},
    sync::mpsc::channel,
};

use serde_json::Value;

use crate::support::{
    command::Run,
    netns::{Background, Lab, eventually, run},
};

/// The pair with an end of that name.
fn pair_of(ifname: &str) -> Option<Value> {
    let list = Run::here(&["list", "-j"]).outcome().json();
    let pairs = list["pairs"].as_array().unwrap();
    pairs
        .iter()
        .find(|pair| pair["ends"][0]["ifname"] == ifname || pair["ends"][1]["ifname"] == ifname)
        .cloned()
}

fn unique(letter: char) -> [String; 2] {
    [0, 1].map(|end| format!("{letter}{}{end}", std::process::id()))
}

#[test]
fn a_thread_holds_a_namespace() {
    let [a, b] = unique('t');
    let (ready, when_ready) = channel();
    let (done, when_done) = channel::<()>();
    let (one, other) = (a.clone(), b.clone());
    let thread = std::thread::spawn(move || {
        // SAFETY: only the network namespace of this thread changes, which ends with the test.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        // A child of this thread is where the thread is.
        run("ip", &["link", "add", &one, "type", "veth", "peer", "name", &other]);
        let inode = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        ready.send(inode.to_str().unwrap().to_owned()).unwrap();
        let _ = when_done.recv();
    });
    let inode = when_ready.recv().unwrap();
    let pair = pair_of(&a);
    drop(done);
    thread.join().unwrap();
    let pair = pair.expect("the pair in the thread's namespace");
    assert_eq!(inode, format!("net:[{}]", pair["ends"][0]["netns"]["inode"]));
    assert_eq!(pair["ends"][0]["owner"], Value::Null, "a visitor owns nothing");
    // It is not called after where the thread's process is.
    assert_ne!(pair["ends"][0]["netns"]["name"], "host");
    eventually("the pair is gone with the thread", || pair_of(&a).is_none());
}

#[test]
fn a_file_in_another_mount_namespace_holds_one() {
    let [a, b] = unique('m');
    let script = "mount --make-rprivate / && mount -t tmpfs tmpfs /run && touch '/run/a b' \
        && unshare --net='/run/a b' true && touch /run/ready && exec sleep 1000";
    let mut command = Command::new("unshare");
    let holder = Background::start(command.args(["--mount", "sh", "-c", script]).stdin(Stdio::null()));
    let root = format!("/proc/{}/root/run", holder.pid());
    eventually("the file", || std::path::Path::new(&format!("{root}/ready")).exists());
    let net = format!("--net={root}/a b");
    run("nsenter", &[&net, "ip", "link", "add", &a, "type", "veth", "peer", "name", &b]);
    let pair = pair_of(&a).expect("the pair in the bound namespace");
    let inode = run("stat", &["--dereference", "--format", "%i", &format!("{root}/a b")]);
    assert_eq!(pair["ends"][0]["netns"]["inode"].to_string(), inode.trim());
    drop(holder);
    eventually("the pair is gone with the mount", || pair_of(&a).is_none());
}

#[test]
fn a_descriptor_holds_one() {
    let [a, b] = unique('d');
    let mut lab = Lab::new(1);
    lab.ip(0, &["link", "add", &a, "type", "veth", "peer", "name", &b]);
    let script = format!("exec 7</run/netns/{} && echo && exec sleep 1000", lab.name(0));
    let mut holder = Background::start(
        Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()),
    );
    std::io::Read::read_exact(&mut holder.0.stdout.take().unwrap(), &mut [0]).unwrap();
    lab.remove(0);
    let pair = pair_of(&a).expect("the pair in the namespace that has no name any more");
    assert_eq!(pair["ends"][0]["netns"]["name"], Value::Null);
    drop(holder);
    eventually("the pair is gone with the descriptor", || pair_of(&a).is_none());
}
