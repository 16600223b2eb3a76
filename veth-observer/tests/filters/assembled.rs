//! Programs that libpcap does not write, but that its interpreter runs.

use veth_observer::model::filter::{Filter, Instruction};

use super::{frames::frames, matrix::Filtering};
use crate::support::pcap::Reference;

/// Code and number of instructions that do not branch.
const PROGRAMS: [(&str, &[(u16, u32)]); 14] = [
    ("a shift by 32 and more, by X", &[(0x30, 0), (0x07, 0), (0x00, 1), (0x6c, 0), (0x16, 0)]),
    ("a shift to the right by X", &[(0x30, 17), (0x07, 0), (0x00, 0x8000_0000), (0x7c, 0), (0x16, 0)]),
    ("minus", &[(0x30, 14), (0x84, 0), (0x74, 28), (0x14, 15), (0x16, 0)]),
    ("a sum that passes 32 bits", &[(0x00, u32::MAX), (0x04, 1), (0x16, 0)]),
    ("a product that passes 32 bits", &[(0x00, 0x1_0000), (0x07, 0), (0x2c, 0), (0x16, 0)]),
    ("division by X, which may be 0", &[(0x30, 15), (0x07, 0), (0x00, 10), (0x3c, 0), (0x00, 1), (0x16, 0)]),
    ("rest of X, which may be 0", &[(0x30, 15), (0x07, 0), (0x00, 10), (0x9c, 0), (0x00, 1), (0x16, 0)]),
    ("division of a large number", &[(0x00, u32::MAX), (0x34, 0x8000_0000), (0x14, 1), (0x16, 0)]),
    ("all words of memory", &[(0x30, 0), (0x02, 0), (0x02, 15), (0x61, 0), (0x60, 15), (0x1c, 0), (0x16, 0)]),
    ("X to memory and back", &[(0xb1, 14), (0x03, 7), (0x01, 0), (0x60, 7), (0x14, 20), (0x16, 0)]),
    ("the length in X", &[(0x81, 0), (0x87, 0), (0x54, 1), (0x16, 0)]),
    ("a word at X that ends beyond the frame", &[(0x81, 0), (0x40, u32::MAX - 3), (0x00, 1), (0x16, 0)]),
    ("the last word of the frame", &[(0x80, 0), (0x14, 4), (0x07, 0), (0x40, 0), (0x16, 0)]),
    (
        "bits, either and both",
        &[(0x30, 0), (0x44, 2), (0x07, 0), (0x30, 1), (0x4c, 0), (0xac, 0), (0x5c, 0), (0x16, 0)],
    ),
];

#[test]
fn programs_that_no_expression_gives_run_as_in_libpcap() {
    let frames = frames();
    for (name, program) in PROGRAMS {
        let instructions: Vec<_> =
            program.iter().map(|&(code, k)| Instruction { code, jt: 0, jf: 0, k }).collect();
        let reference = Reference::of(&instructions);
        let mut ours = Filtering::new(Filter { expression: name.to_owned(), instructions });
        for frame in &frames {
            assert_eq!(ours.matches(frame), reference.matches(&frame.bytes), "{name}: {}", frame.name);
        }
    }
}
