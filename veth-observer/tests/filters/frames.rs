//! Frames of every kind that filters tell apart, and cut short wherever that makes a difference.

/// One frame and what it is called in a failure.
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

const X: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];
const Y: [u8; 6] = [2, 0, 0, 0, 0, 0x0b];
const ALL: [u8; 6] = [0xff; 6];

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

pub(super) fn frames() -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        whole().into_iter().map(|(name, bytes)| Frame { name: name.to_owned(), bytes }).collect();
    for (name, lengths) in [
        ("tcp4", &[14, 15, 20, 24, 33, 34, 36, 37, 38, 46, 47, 48, 53][..]),
        ("options", &[34, 54, 57, 58]),
        ("udp6", &[14, 20, 21, 54, 56, 57, 58]),
        ("arp", &[15, 27, 28, 31, 32, 41]),
        ("vlan tcp", &[15, 16, 17, 18, 22, 33, 37, 38, 42, 57]),
        ("qinq", &[18, 21, 22, 40]),
        ("fragment, first", &[36, 38]),
    ] {
        for &len in lengths {
            let bytes = frames.iter().find(|frame| frame.name == name).unwrap().bytes[..len].to_vec();
            frames.push(Frame { name: format!("{name} cut to {len}"), bytes });
        }
    }
    frames
}

fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let tcp4 = v4(6, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], &tcp(40000, 443, 0x02, b""));
    let get = v4(6, [10, 0, 0, 9], [10, 0, 0, 1], 0x4000, &[], &tcp(443, 40000, 0x18, b"GET / HTTP/1.1\r\n"));
    let udp4 = v4(17, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], &udp(5000, 53, b"hello"));
    let a: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let b: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    let all: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let udp6 = v6(17, a, b, &udp(1, 53, b"hello"));
    let hop_by_hop = [&[17, 0, 5, 2, 0, 0, 0, 0][..], &udp(53, 53, b"x")].concat();
    let fragment6 = |offset: u16| {
        let header =
            [&[17, 0][..], &(offset << 3 | u16::from(offset == 0)).to_be_bytes(), &[0, 0, 0, 9]].concat();
        [&header[..], &udp(5000, 53, b"hello!!!")].concat()
    };
    let routing = [&[0, 0, 0, 0, 0, 0, 0, 0][..]].concat();
    let chain = [&[43, 0, 1, 4, 0, 0, 0, 0][..], &[6, 0, 0, 0, 0, 0, 0, 0], &tcp(443, 9, 0x11, b"")].concat();
    let arp = |operation: u8| {
        let ends = [&X[..], &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 2]].concat();
        [&[0, 1, 8, 0, 6, 4, 0, operation][..], &ends].concat()
    };
    let tagged = |id: u16, ethertype: u16, rest: &[u8]| [&tag(id, ethertype)[..], rest].concat();
    let session = [&[0x11, 0, 0, 7, 0, 42, 0, 0x21][..], &tcp4].concat();
    vec![
        ("tcp4", eth(Y, IPV4, &tcp4)),
        ("tcp4 with payload", eth(Y, IPV4, &get)),
        ("tcp4 padded to 60", [eth(Y, IPV4, &tcp4), vec![0; 6]].concat()),
        ("tcp4 ends with 5a", [eth(Y, IPV4, &tcp4), vec![0x5a; 7]].concat()),
        ("udp4", eth(Y, IPV4, &udp4)),
        ("udp4 from 53", eth(Y, IPV4, &v4(17, [10, 0, 0, 2], [192, 168, 7, 1], 0, &[], &udp(53, 70, b"")))),
        ("udp4 to all", eth(ALL, IPV4, &v4(17, [10, 0, 0, 1], [255; 4], 0, &[], &udp(68, 67, b"")))),
        (
            "igmp",
            eth(
                [1, 0, 0x5e, 0, 0, 1],
                IPV4,
                &v4(2, [10, 0, 0, 1], [224, 0, 0, 1], 0, &[], &[0x11, 100, 0, 0, 0, 0, 0, 0]),
            ),
        ),
        ("icmp4", eth(Y, IPV4, &v4(1, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], &[8, 0, 0, 0, 0, 1, 0, 1]))),
        (
            "icmp4 reply",
            eth(Y, IPV4, &v4(1, [10, 0, 0, 2], [10, 0, 0, 1], 0, &[], &[0, 0, 0, 0, 0, 1, 0, 1])),
        ),
        (
            "sctp4",
            eth(
                Y,
                IPV4,
                &v4(132, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], &[0, 7, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0]),
            ),
        ),
        ("ip4 experimental", eth(Y, IPV4, &v4(253, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], b"x"))),
        ("esp, ah, vrrp", eth(Y, IPV4, &v4(50, [10, 0, 0, 3], [10, 0, 0, 4], 0, &[], &[0; 8]))),
        (
            "ah before tcp",
            eth(
                Y,
                IPV4,
                &v4(
                    51,
                    [10, 0, 0, 3],
                    [10, 0, 0, 4],
                    0,
                    &[],
                    &[&[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &tcp(443, 1, 2, b"")].concat(),
                ),
            ),
        ),
        (
            "options",
            eth(Y, IPV4, &v4(6, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[7, 3, 4, 0], &tcp(443, 81, 0x12, b""))),
        ),
        (
            "ten words of options",
            eth(Y, IPV4, &v4(17, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[1; 40], &udp(9, 443, b""))),
        ),
        (
            "fragment, first",
            eth(Y, IPV4, &v4(17, [10, 0, 0, 1], [10, 0, 0, 2], 0x2000, &[], &udp(5000, 53, b"12345678"))),
        ),
        (
            "fragment, last",
            eth(Y, IPV4, &v4(17, [10, 0, 0, 1], [10, 0, 0, 2], 0x00b9, &[], &udp(5000, 53, b"12345678"))),
        ),
        (
            "fragment of tcp",
            eth(Y, IPV4, &v4(6, [10, 0, 0, 1], [10, 0, 0, 2], 0x20b9, &[], &tcp(443, 443, 2, b""))),
        ),
        ("udp6", eth(Y, IPV6, &udp6)),
        ("tcp6", eth(Y, IPV6, &v6(6, b, a, &tcp(443, 50000, 0x11, b"")))),
        ("icmp6", eth(Y, IPV6, &v6(58, a, b, &[128, 0, 0, 0, 0, 1, 0, 1]))),
        (
            "neighbour solicitation",
            eth(
                [0x33, 0x33, 0, 0, 0, 1],
                IPV6,
                &v6(58, a, all, &[&[135, 0, 0, 0, 0, 0, 0, 0][..], &b].concat()),
            ),
        ),
        ("hop by hop", eth(Y, IPV6, &v6(0, a, b, &hop_by_hop))),
        ("chain of headers", eth(Y, IPV6, &v6(0, a, b, &chain))),
        ("chain that is cut", eth(Y, IPV6, &v6(0, a, b, &routing))),
        ("fragment6, first", eth(Y, IPV6, &v6(44, a, b, &fragment6(0)))),
        ("fragment6, later", eth(Y, IPV6, &v6(44, a, b, &fragment6(32)))),
        ("sctp6", eth(Y, IPV6, &v6(132, a, b, &[0, 7, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0]))),
        ("arp", eth(ALL, ARP, &arp(1))),
        ("arp reply", eth(Y, ARP, &arp(2))),
        ("rarp", eth(ALL, 0x8035, &arp(3))),
        ("vlan tcp", eth(Y, VLAN, &tagged(5, IPV4, &tcp4))),
        ("vlan udp6", eth(Y, VLAN, &tagged(100, IPV6, &udp6))),
        ("vlan arp", eth(ALL, VLAN, &tagged(5, ARP, &arp(1)))),
        ("qinq", eth(Y, 0x88a8, &tagged(100, VLAN, &tagged(5, IPV4, &udp4)))),
        ("old qinq", eth(Y, 0x9100, &tagged(100, VLAN, &tagged(5, IPV4, &tcp4)))),
        ("mpls", eth(Y, 0x8847, &[&[0, 1, 1, 64][..], &tcp4].concat())),
        ("mpls of two", eth(Y, 0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], &udp4].concat())),
        ("pppoe discovery", eth(ALL, 0x8863, &[0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0])),
        ("pppoe session", eth(Y, 0x8864, &session)),
        ("experimental", eth(Y, 0x88b5, &[0x5a; 46])),
        ("spanning tree", eth([1, 0x80, 0xc2, 0, 0, 0], 38, &[&[0x42, 0x42, 3][..], &[0; 35]].concat())),
        ("long", eth(Y, IPV4, &v4(17, [10, 0, 0, 1], [10, 0, 0, 2], 0, &[], &udp(5000, 53, &[0x5a; 1472])))),
        (
            "no time to live",
            eth(Y, IPV4, &{
                let mut ip = udp4.clone();
                ip[8] = 0;
                ip
            }),
        ),
    ]
}

fn eth(to: [u8; 6], ethertype: u16, rest: &[u8]) -> Vec<u8> {
    [&to[..], &X, &ethertype.to_be_bytes(), rest].concat()
}

/// What stands behind the EtherType of a tag.
fn tag(id: u16, ethertype: u16) -> Vec<u8> {
    [(3 << 13 | id).to_be_bytes(), ethertype.to_be_bytes()].concat()
}

/// No checksum: no filter looks at it.
fn v4(protocol: u8, from: [u8; 4], to: [u8; 4], fragment: u16, options: &[u8], rest: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let total = u16::try_from(header + rest.len()).unwrap().to_be_bytes();
    let first = [0x40 | u8::try_from(header / 4).unwrap(), 0, total[0], total[1], 0, 1];
    let second = [64, protocol, 0, 0];
    [&first[..], &fragment.to_be_bytes(), &second, &from, &to, options, rest].concat()
}

fn v6(next: u8, from: [u8; 16], to: [u8; 16], rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &from, &to, rest].concat()
}

fn tcp(from: u16, to: u16, flags: u8, rest: &[u8]) -> Vec<u8> {
    let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
    [&ports[..], &[0; 8], &[0x50, flags, 0x20, 0, 0, 0, 0, 0], rest].concat()
}

fn udp(from: u16, to: u16, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + rest.len()).unwrap();
    let words = [from, to, length, 0].map(u16::to_be_bytes).concat();
    [&words[..], rest].concat()
}
