//! Rubbish into everything that reads what others wrote: the same checks as below `fuzz/`, on stable Rust and in seconds.

#[path = "rubbish/checks.rs"]
mod checks;

use std::time::{Duration, Instant};

use veth_observer::frame::craft::{Content, FrameSpec, Ip, Transport, Vlan, craft};
use veth_observer::model::mac::Mac;

/// As many inputs as there is time for, of each kind.
const MOST: u32 = 200_000;
const LEAST: u32 = 1_000;
const TIME: Duration = Duration::from_secs(3);

/// Marsaglia's xorshift, from a fixed start: what fails here fails again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 8).unwrap() % bound
    }

    /// A seed with some bytes changed, taken out or put in; bytes of the alphabet, if there is one.
    fn spoil(&mut self, seed: &[u8], alphabet: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..self.below(6) {
            let byte = if alphabet.is_empty() {
                self.next().to_le_bytes()[3]
            } else {
                alphabet[self.below(alphabet.len())]
            };
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
    }
}

fn throw(check: fn(&[u8]), seeds: &[Vec<u8>], alphabet: &[u8]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let started = Instant::now();
    let mut thrown = 0;
    while thrown < LEAST || thrown < MOST && started.elapsed() < TIME {
        let seed = &seeds[random.below(seeds.len())];
        check(&random.spoil(seed, alphabet));
        thrown += 1;
    }
    eprintln!("{thrown} inputs");
}

fn frames() -> Vec<Vec<u8>> {
    let (v4, v6) = (
        Ip::V4 { src: [10, 0, 0, 1].into(), dst: [10, 0, 0, 2].into() },
        Ip::V6 { src: [0xfd; 16].into(), dst: [0xfe; 16].into() },
    );
    let udp = Some(Transport::Udp { src: 1, dst: 53 });
    let contents = [
        Content::Raw(0x88b5),
        Content::Raw(0x0806),
        Content::Raw(0x0800),
        Content::Raw(0x86dd),
        Content::Raw(0x8100),
        Content::Ip(v4, udp),
        Content::Ip(v6, udp),
        Content::Ip(v4, Some(Transport::Tcp { src: 1, dst: 2 })),
        Content::Ip(v6, Some(Transport::Icmp)),
    ];
    let vlans = [None, Some(Vlan { id: 100, pcp: 3 })];
    let (src_mac, dst_mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let specs = contents.into_iter().flat_map(|content| vlans.into_iter().map(move |vlan| (content, vlan)));
    let spec =
        |(content, vlan)| FrameSpec { src_mac, dst_mac, vlan, content, payload: vec![0; 40], size: None };
    specs.map(|both| craft(&spec(both), 7).unwrap()).collect()
}

#[test]
fn frames_are_described_and_never_believed() {
    let with_len = |frame: Vec<u8>| [&[frame.len().to_le_bytes()[0], 0][..], &frame].concat();
    throw(checks::frame, &frames().into_iter().map(with_len).collect::<Vec<_>>(), &[]);
}

#[test]
fn records_of_the_ring_are_decoded_or_refused() {
    let record = |frame: Vec<u8>| {
        let mut record = vec![0; 40];
        record[24] = frame.len().to_le_bytes()[0];
        record[34] = frame[0];
        [record, frame].concat()
    };
    throw(checks::sample, &frames().into_iter().map(record).collect::<Vec<_>>(), &[]);
}

#[test]
fn what_people_type_is_read_or_refused() {
    let seeds = [
        "veth0",
        "ifindex:12",
        "netns:blue/eth0",
        "netns:host/ifindex:1",
        "02:00:00:00:00:0a",
        "02-00-00",
        "0a0b0c",
        "--ip4 1.1.1.1,2.2.2.2 --tcp 1111,2222 --payload 123",
        "--ip6 fd00::1,fd00::2 --udp 1,2 --size 1500 --vlan 100,3",
        "--ethertype 0x88b5 --hex 0a0b -c 3 --rate 10",
        "--src-mac 02:00:00:00:00:0a --icmp --from b --verify --timeout 1s",
    ];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    throw(checks::text, &seeds, b"0129afxz:,./- \x00\xff\xc3\xa4");
}

#[test]
fn type_information_is_read_or_refused() {
    let object = aya_obj::Object::parse(veth_observer::kernel::object::OBJECT).unwrap();
    let btf = object.btf.unwrap().to_bytes();
    checks::btf(&btf);
    throw(checks::btf, &[btf], &[]);
}
