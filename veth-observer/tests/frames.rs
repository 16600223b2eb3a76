//! `send` where no pair is needed, and the packet socket on a pair of its own.

use std::{
    process::{Command, Output},
    thread,
};

use veth_observer::wire::PacketSocket;

fn send(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_veth-observer"))
        .arg("send")
        .args(flags)
        .output()
        .expect("the binary runs")
}

const DOCUMENT: [&str; 10] = [
    "vethX",
    "--src-mac=22:11:11:11:11:11",
    "--dst-mac=22:22:22:22:22:22",
    "--ip4",
    "1.1.1.1,2.2.2.2",
    "--tcp",
    "1111,2222",
    "--payload",
    "123",
    "--dry-run",
];

#[test]
fn dry_run_shows_the_frame_of_the_document_without_a_pair() {
    let output = send(&DOCUMENT);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "would send 57 B\n\
         ethernet  22:11:11:11:11:11 > 22:22:22:22:22:22\n\
         type      0x0800 (IPv4)\n\
         ipv4      1.1.1.1 > 2.2.2.2, ttl 64, protocol 6 (tcp)\n\
         tcp       1111 > 2222, flags [S]\n\
         0000  22 22 22 22 22 22 22 11  11 11 11 11 08 00 45 00  \"\"\"\"\"\"\".......E.\n\
         0010  00 2b 00 01 00 00 40 06  74 c7 01 01 01 01 02 02  .+....@.t.......\n\
         0020  02 02 04 57 08 ae 00 00  00 00 00 00 00 00 50 02  ...W..........P.\n\
         0030  20 00 18 a3 00 00 31 32  33                        .....123\n"
    );
}

#[test]
fn dry_run_in_json_gives_back_what_frame_hex_took() {
    let hex = "ffffffffffff221111111111080600010800060400012211111111110a0000010000000000000a000002";
    let output = send(&["vethX", "--frame-hex", hex, "--dry-run", "-j"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["schema"], 1);
    assert_eq!(object["frame_hex"], hex);
    assert_eq!(object["bytes"], 42);
    assert_eq!(object["frame"]["arp"]["target"]["ip"], "10.0.0.2");
}

#[test]
fn payloads_come_from_files() {
    let path = std::env::temp_dir().join(format!("veth-observer-payload-{}", std::process::id()));
    std::fs::write(&path, "from a file").expect("a writable temporary folder");
    let from = format!("@{}", path.display());
    let mut flags = DOCUMENT.to_vec();
    flags[8] = &from;
    let output = send(&flags);
    std::fs::remove_file(&path).expect("the file is there");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("would send 65 B\n"), "{output:?}");
    let missing = send(&flags);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read the payload from"), "{missing:?}");
}

#[test]
fn bad_flags_exit_with_2_and_say_why() {
    let both = ["--src-mac=22:11:11:11:11:11", "--dst-mac=22:22:22:22:22:22", "--dry-run"];
    for (flags, why) in [
        (&["--udp", "1,2"][..], "--ip4 <SRC,DST>|--ip6 <SRC,DST>"),
        (&["--ip4", "1.1.1.1,2.2.2.2", "--ethertype", "0x1234"], "cannot be used with"),
        (&["--src-mac", "nonsense"], "a MAC address is six bytes in hex"),
        (&["--vlan", "4095"], "an id is 0 to 4094"),
        (&["--size", "13"], "a frame of 13 bytes cannot hold its content of 14 bytes"),
        (&["--size", "100000"], "no veth takes more than 65553 bytes"),
        (&["--ip4", "1.1.1.1,2.2.2.2", "--size", "65553"], "the payload is too long"),
    ] {
        let mut all = vec!["vethX"];
        all.extend(both.iter().filter(|flag| !flags.contains(&"--src-mac") || !flag.starts_with("--src")));
        all.extend(flags);
        let output = send(&all);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why), "{flags:?}: {said}");
    }
    let short = send(&["vethX", "--frame-hex", "22", "--dry-run"]);
    assert_eq!(short.status.code(), Some(2));
    let said = "veth-observer: --frame-hex has length 1; an Ethernet header alone has 14 bytes\n";
    assert_eq!(String::from_utf8_lossy(&short.stderr), said);
}

fn ip(line: &str) -> String {
    let output = Command::new("ip").args(line.split(' ')).output().expect("ip from iproute2");
    assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs on a thread in a network namespace that goes with it.
fn in_namespace(work: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: only this thread changes its network namespace; no descriptor table is unshared.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
                .expect("the right to make a network namespace");
            work();
        });
        thread.join().expect("the work in the namespace");
    });
}

/// Frames and bytes that an end received.
fn received(name: &str) -> (u64, u64) {
    let links: serde_json::Value =
        serde_json::from_str(&ip(&format!("-j -s link show {name}"))).expect("JSON from ip");
    let rx = &links[0]["stats64"]["rx"];
    (rx["packets"].as_u64().expect("packets"), rx["bytes"].as_u64().expect("bytes"))
}

#[test]
fn a_packet_socket_puts_frames_of_every_length_on_the_pair() {
    in_namespace(|| {
        ip("link add voX type veth peer name voY");
        let index = rustix::net::netdevice::name_to_index(
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
                .expect("a socket"),
            "voX",
        )
        .expect("an index");
        let socket = PacketSocket::open(index).expect("a packet socket");
        let code = |frame: &[u8]| socket.send(frame).map_err(|error| error.raw_os_error());
        let mut frame = vec![0x22; 1519];
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        assert_eq!(code(&frame[..60]), Err(Some(libc::ENETDOWN)), "both ends are down");

        for end in ["voX", "voY"] {
            // No IPv6 autoconfiguration, so that only our frames are counted.
            ip(&format!("link set {end} addrgenmode none"));
        }
        ip("link set voY up");
        ip("link set voX up");
        let before = received("voY");
        let mut bytes = 0;
        for length in 14..=1514 {
            assert_eq!(code(&frame[..length]), Ok(()), "{length} bytes");
            bytes += u64::try_from(length).expect("small");
        }
        let after = received("voY");
        assert_eq!(after.0 - before.0, 1501);
        assert!([bytes, bytes - 1501 * 14].contains(&(after.1 - before.1)), "{before:?} {after:?}");

        assert_eq!(code(&frame[..1515]), Err(Some(libc::EMSGSIZE)));
        frame[12..14].copy_from_slice(&[0x81, 0x00]);
        assert_eq!(code(&frame[..1518]), Ok(()), "a tag is allowed on top of the MTU");
        assert_eq!(code(&frame[..1519]), Err(Some(libc::EMSGSIZE)));
        assert_eq!(code(&frame[..13]), Err(Some(libc::EINVAL)), "shorter than an Ethernet header");

        ip("link set voY down");
        // Until the kernel has noticed the lost carrier it says that the device dropped the frame, afterwards nothing.
        assert!(matches!(code(&frame[..60]), Ok(()) | Err(Some(libc::ENOBUFS))));
        ip("link del voX");
        assert!(matches!(code(&frame[..60]), Err(Some(libc::ENXIO | libc::ENODEV | libc::ENETDOWN))));
        assert_eq!(PacketSocket::open(index).expect_err("gone").raw_os_error(), Some(libc::ENODEV));
    });
}
