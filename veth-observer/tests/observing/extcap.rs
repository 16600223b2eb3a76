//! `extcap`, asked by the real tshark.

use std::{
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::{
    command::{PROGRAM, Run},
    netns::{Lab, eventually, run},
    wire::{Wire, X, Y},
};

/// A folder of settings of a test's own, with the link in it.
struct Wireshark {
    config: PathBuf,
}

impl Wireshark {
    fn new(lab: &Lab) -> Self {
        let config = std::env::temp_dir().join(format!("{}-config", lab.name(0)));
        std::fs::create_dir(&config).unwrap();
        let this = Self { config };
        let said = this.extcap(&["install", "--user"]);
        let link = this.link();
        assert_eq!(said, format!("linked {} -> {PROGRAM}\n", link.display()));
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(PROGRAM));
        this
    }

    fn link(&self) -> PathBuf {
        self.config.join("wireshark/extcap/veth-observer-extcap")
    }

    fn extcap(&self, args: &[&str]) -> String {
        let mut command = Command::new(PROGRAM);
        let output = command.arg("extcap").args(args).env("XDG_CONFIG_HOME", &self.config).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn tshark(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tshark");
        command.args(args).env("XDG_CONFIG_HOME", &self.config).stdin(Stdio::null());
        command
    }

    /// The value of the interface that shows the pair of this wire.
    fn interface(&self, wire: &Wire) -> String {
        let listed = self.tshark(&["-D"]).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        let [a, b] = [0, 1].map(|at| wire.lab.name(at));
        let displays = [
            format!("(veth-observer: {a} {X} \u{2194} {b} {Y})"),
            format!("(veth-observer: {b} {Y} \u{2194} {a} {X})"),
        ];
        let lines: Vec<&str> =
            listed.lines().filter(|line| displays.iter().any(|display| line.ends_with(display))).collect();
        assert_eq!(lines.len(), 1, "one interface for the pair: {listed}");
        lines[0].split_whitespace().nth(1).unwrap().to_owned()
    }
}

impl Drop for Wireshark {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.config);
    }
}

fn programs(wire: &Wire) -> usize {
    let shown = |selector: String| Run::here(&["show", &selector, "-j"]).outcome().json();
    let ends = [wire.selector(), format!("netns:{}/{Y}", wire.lab.name(1))];
    ends.into_iter().map(|end| shown(end)["bpf"].as_array().unwrap().len()).sum()
}

/// Starts tshark and waits until we are on both hooks of both ends.
fn capturing(wire: &Wire, command: &mut Command) -> Child {
    let tshark = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("it observes", || programs(wire) == 4);
    std::thread::sleep(Duration::from_millis(50));
    tshark
}

/// A frame of the EtherType for experiments, or another.
fn frame(ethertype: [u8; 2], len: usize) -> Vec<u8> {
    let mut frame = super::frame();
    frame[12..14].copy_from_slice(&ethertype);
    frame.resize(len, 7);
    frame
}

#[test]
fn tshark_lists_the_pair_and_captures_both_of_its_ends() {
    let wire = Wire::new();
    let wireshark = Wireshark::new(&wire.lab);
    let interface = wireshark.interface(&wire);
    let fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "eth.type", "-e", "frame.len"];
    let args = [&["-l", "-n", "-i", &interface, "-a", "packets:6"][..], &fields].concat();
    let tshark = capturing(&wire, &mut wireshark.tshark(&args));
    wire.lab.send_frames(0, X, &frame([0x88, 0xb5], 60), 20);
    wire.lab.send_frames(1, Y, &frame([0x88, 0xb6], 90), 20);
    let output = tshark.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        let len = if line.contains("0x88b5") { "60" } else { "90" };
        assert!(line.ends_with(len) && (line.starts_with(X) || line.starts_with(Y)), "{text}");
    }
    assert!(text.lines().count() >= 6, "{text}");
    eventually("nothing is attached any more", || programs(&wire) == 0);
}

#[test]
fn a_capture_has_every_frame_of_both_ends_cut_as_asked() {
    let wire = Wire::new();
    let wireshark = Wireshark::new(&wire.lab);
    let interface = wireshark.interface(&wire);
    let file = wireshark.config.join("out.pcapng");
    let file = file.to_str().unwrap();
    let option = format!("extcap.{}.snaplen:64", interface.to_lowercase().replace('-', "_"));
    let args = ["-q", "-i", &interface, "-o", &option, "-w", file];
    let mut tshark = capturing(&wire, &mut wireshark.tshark(&args));
    wire.lab.send_frames(0, X, &frame([0x88, 0xb5], 1000), 200);
    wire.lab.send_frames(1, Y, &frame([0x88, 0xb6], 1000), 100);
    let count = |filter: &str| {
        let args = ["-r", file, "-Y", filter, "-T", "fields", "-e", "frame.len"];
        String::from_utf8(Command::new("tshark").args(args).output().unwrap().stdout).unwrap().lines().count()
    };
    // Each where it arrived; where departures are seen as well, also where it left.
    let received =
        |end: &str| format!("frame.interface_name == \"{end}\" && frame.packet_flags_direction == 1");
    eventually("all is written", || count(&received(Y)) == 200 && count(&received(X)) == 100);
    assert_eq!(count("frame.cap_len != 64 || frame.len != 1000"), 0, "cut by the option of Wireshark");
    run("kill", &["-INT", &tshark.id().to_string()]);
    assert!(tshark.wait().unwrap().success());
    eventually("nothing is attached any more", || programs(&wire) == 0);
}

#[test]
fn a_capture_filter_is_checked_and_applied() {
    let wire = Wire::new();
    let wireshark = Wireshark::new(&wire.lab);
    let interface = wireshark.interface(&wire);
    let check = |filter: &str| {
        wireshark.extcap(&["--extcap-capture-filter", filter, "--extcap-interface", &interface])
    };
    assert_eq!(
        (check("ether proto 0x88b6"), check("tcp port 443"), check("")),
        (String::new(), String::new(), String::new())
    );
    let said = check("tcp prot 443");
    assert!(
        said.starts_with("cannot take \"tcp prot 443\" as a filter: ") && said.lines().count() == 1,
        "{said}"
    );

    let fields = ["-T", "fields", "-e", "eth.type", "-e", "frame.len"];
    let args = [&["-l", "-n", "-i", &interface, "-f", "ether proto 0x88b6", "-c", "3"][..], &fields].concat();
    let tshark = capturing(&wire, &mut wireshark.tshark(&args));
    wire.lab.send_frames(0, X, &frame([0x88, 0xb5], 60), 500);
    wire.lab.send_frames(0, X, &frame([0x88, 0xb6], 90), 30);
    let output = tshark.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0x88b6\t90\n".repeat(3));
    eventually("nothing is attached any more", || programs(&wire) == 0);
}

#[test]
fn what_is_killed_or_closed_early_leaves_nothing() {
    let wire = Wire::new();
    let wireshark = Wireshark::new(&wire.lab);
    let interface = wireshark.interface(&wire);
    for signal in ["-INT", "-TERM", "-KILL"] {
        let mut tshark = capturing(&wire, &mut wireshark.tshark(&["-q", "-i", &interface]));
        run("kill", &[signal, &tshark.id().to_string()]);
        tshark.wait().unwrap();
        eventually("nothing is attached any more", || programs(&wire) == 0);
    }
}

/// Our side alone, with a pipe of our own.
#[test]
fn the_end_of_the_reader_and_sigterm_are_quiet_ends() {
    let wire = Wire::new();
    let wireshark = Wireshark::new(&wire.lab);
    let interface = wireshark.interface(&wire);
    let fifo = wireshark.config.join("fifo");
    run("mkfifo", &[fifo.to_str().unwrap()]);
    for end in ["reader", "signal"] {
        let mut command = Command::new(wireshark.link());
        command.args(["--capture", "--extcap-interface", &interface, "--fifo", fifo.to_str().unwrap()]);
        command.args(["--snaplen", "256", "--sample", "1/1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let reader = std::fs::File::open(&fifo).unwrap();
        eventually("it observes", || programs(&wire) == 4);
        if end == "reader" {
            drop(reader);
        } else {
            run("kill", &["-TERM", &child.id().to_string()]);
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut { reader }, &mut bytes).unwrap();
            assert_eq!(bytes[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a section");
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{end}: {output:?}");
        assert!(output.stderr.is_empty(), "Wireshark would show it as a failure: {output:?}");
        assert_eq!(programs(&wire), 0);
    }
}

#[test]
fn questions_are_answered_quickly_and_by_anybody() {
    let wire = Wire::new();
    let (a, b) = (wire.lab.name(0), wire.lab.name(1));
    let started = std::time::Instant::now();
    let listed = Run::here(&["extcap", "--extcap-interfaces", "--extcap-version=4.0"]).outcome().ok();
    assert!(started.elapsed() < Duration::from_secs(2), "Wireshark waits for it: {:?}", started.elapsed());
    assert!(listed.starts_with("extcap {version=0.1.0}{help=https://"), "{listed}");
    let ours: Vec<&str> = listed.lines().filter(|line| line.contains(a) && line.contains(b)).collect();
    assert_eq!(ours.len(), 1, "{listed}");
    let value = ours[0].split_once("{value=").unwrap().1.split_once('}').unwrap().0;
    let asked = |question: &str| Run::here(&["extcap", question, "--extcap-interface", value]).outcome().ok();
    assert_eq!(asked("--extcap-dlts"), "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
    assert_eq!(asked("--extcap-config").lines().count(), 2);

    // Somebody who may nothing sees the near end alone.
    let listed = Run::nobody(a, &["extcap", "--extcap-interfaces"]).outcome().ok();
    assert!(listed.contains(&format!("{{value=vo-{a}-{X}}}")), "{listed}");
    let fifo = std::env::temp_dir().join(format!("{a}-fifo"));
    run("mkfifo", &["-m", "666", fifo.to_str().unwrap()]);
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read(fifo).unwrap()
    });
    let capture = ["extcap", "--capture", "--extcap-interface", &format!("vo-{a}-{X}"), "--fifo"];
    let outcome = Run::nobody(a, &[&capture[..], &[fifo.to_str().unwrap()]].concat()).outcome();
    // It may have failed before it opened the pipe, where the reader waits for it.
    drop(std::fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&fifo));
    assert!(reader.join().unwrap().is_empty());
    std::fs::remove_file(&fifo).unwrap();
    let said = outcome.fails(3);
    assert!(said.contains("cannot enter the namespace") || said.contains("it needs"), "{said}");

    let gone = ["extcap", "--capture", "--extcap-interface", "vo-x-y", "--fifo", "/nowhere"];
    assert!(Run::here(&gone).outcome().fails(4).contains("there is no pair that is called vo-x-y"));
    Run::here(&["extcap"]).outcome().fails(2);
}

#[test]
fn the_link_is_put_and_removed_and_nothing_of_others_is() {
    let lab = Lab::new(1);
    let wireshark = Wireshark::new(&lab);
    let link = wireshark.link();
    let said = wireshark.extcap(&["install"]);
    assert!(said.ends_with("is there already\n"), "{said}");
    assert!(wireshark.extcap(&["uninstall", "--user"]).starts_with("removed "));
    assert!(!link.exists() && std::fs::read_dir(link.parent().unwrap()).unwrap().next().is_none());
    assert!(wireshark.extcap(&["uninstall"]).ends_with("is not there\n"));
    // Of an older version of us, elsewhere.
    std::os::unix::fs::symlink("/opt/old/veth-observer", &link).unwrap();
    wireshark.extcap(&["install"]);
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(PROGRAM));
    let folder = link.parent().unwrap().to_str().unwrap();
    std::fs::remove_file(&link).unwrap();
    for strange in ["file", "link"] {
        match strange {
            "file" => std::fs::write(&link, "somebody's").unwrap(),
            _ => std::os::unix::fs::symlink("/bin/true", &link).unwrap(),
        }
        for what in ["install", "uninstall"] {
            let said = Run::here(&["extcap", what, "--dir", folder]).outcome().fails(1);
            assert!(said.ends_with("is there already and is not ours; it was left alone"), "{said}");
        }
        std::fs::remove_file(&link).unwrap();
    }
}
