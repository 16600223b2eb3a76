//! Frames that a queue drops are in the file, and tshark finds them by their comment.

use std::collections::BTreeSet;

use super::{File, number, numbered};
use crate::support::{
    command::Run,
    wire::{Wire, X, Y},
    witness::Tcpdump,
};

#[test]
fn the_frames_that_a_token_bucket_drops_and_no_others() {
    let wire = Wire::new();
    let bucket = "tc qdisc add dev vx root tbf rate 1mbit burst 2kb limit 20kb";
    wire.lab.exec(0, &bucket.split(' ').collect::<Vec<_>>());
    let witness = Tcpdump::start(&wire.lab, 1, Y, 100);
    let file = File::new("lost.pcapng");
    let capture = Run::here(&["capture", &wire.selector(), "-w", file.path()]).observing();
    let drops = wire.lab.qdisc_drops(0, X, "tbf");
    let refused: BTreeSet<u32> =
        (0..200).filter(|&at| wire.lab.offer_frames(0, X, &numbered(at, 1000), 1) == 1).collect();
    let drops = wire.lab.qdisc_drops(0, X, "tbf") - drops;
    let outcome = capture.interrupt();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    assert!(drops > 50 && drops == refused.len() as u64, "{drops} {refused:?}");
    let numbers = |filter: &str| -> Vec<u32> {
        file.packets(filter).iter().map(|packet| number(&packet.bytes)).collect()
    };
    let lost = numbers("frame.comment contains \"lost\"");
    assert_eq!((lost.len(), BTreeSet::from_iter(lost)), (refused.len(), refused.clone()));
    let arrived: Vec<u32> = (0..200).filter(|at| !refused.contains(at)).collect();
    assert_eq!(numbers("frame.interface_name == \"vy\""), arrived);
    assert_eq!(numbers("frame.interface_name == \"vx\""), (0..200).collect::<Vec<_>>());
    let theirs: Vec<u32> =
        witness.packets(arrived.len()).iter().map(|packet| number(&packet.bytes)).collect();
    assert_eq!(theirs, arrived);

    let filter = "frame.comment contains \"lost\"";
    for line in
        file.fields(filter, &["frame.interface_name", "frame.packet_flags_direction", "frame.comment"])
    {
        let words: Vec<&str> = line.split('\t').collect();
        assert_eq!((words[0], words[1]), ("vx", "0x00000002"), "{line}");
        assert!(words[2].contains("vx>vy, lost: dropped at qdisc, QDISC_"), "{line}");
    }
    let delivered = file.fields("frame.comment contains \"delivered after\"", &["frame.number"]);
    assert_eq!(delivered.len(), 2 * arrived.len());
}
