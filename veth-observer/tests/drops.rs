//! The last frames that died, against senders that know which these were.

use std::{net::SocketAddr, os::fd::OwnedFd};

use veth_observer::{
    frame::craft::{Content, FrameSpec, Ip, Transport, Vlan, craft},
    model::{
        drop::{LastDrops, Stage},
        mac::Mac,
        report::DirectionReport,
    },
    observe::{Observation, Settings},
};

use crate::support::{
    bpf::{self, Hook},
    bursts::SuperFrames,
    netns::eventually,
    wire::{Wire, X, X_IP, X_MAC, Y, Y_IP, Y_MAC},
};

/// Remembered in each direction, and told at a time.
const LAST: u32 = 16;
/// Bytes that are told of each.
const KEPT: usize = 128;
/// For which that number holds, in nanoseconds.
const TIME: u64 = 1 << 27;

/// A datagram of 200 bytes with its number as the port that it comes from.
fn numbered(number: u16, vlan: Option<Vlan>) -> Vec<u8> {
    let ip = Ip::V4 { src: X_IP.parse().unwrap(), dst: Y_IP.parse().unwrap() };
    let spec = FrameSpec {
        src_mac: Mac(X_MAC),
        dst_mac: Mac(Y_MAC),
        vlan,
        content: Content::Ip(ip, Some(Transport::Udp { src: number, dst: 9 })),
        payload: b"nobody's business".to_vec(),
        size: Some(200),
    };
    craft(&spec, 0).unwrap()
}

fn plain(numbers: std::ops::Range<u16>) -> impl Iterator<Item = Vec<u8>> {
    numbers.map(|number| numbered(number, None))
}

fn observe(wire: &Wire, last_drops: u32) -> Observation {
    wire.observe(Settings { last_drops, ..wire.settings() })
}

/// What an observation came to from `vx`, which lost frames, and what is told of these.
fn finish(wire: &Wire, mut observation: Observation) -> (DirectionReport, LastDrops) {
    let report = wire.close(&mut observation);
    let [last, none] = observation.last_drops().clone();
    assert_eq!(none, LastDrops::default(), "nothing was lost that way");
    let pair = report.pairs.into_iter().next().unwrap();
    let (elapsed, [out, _]) = (pair.elapsed_ns, pair.directions);
    for frame in &last.frames {
        assert!(frame.after_ns < elapsed, "{frame:?}");
        let place = out.dropped.iter().find(|place| place.location == frame.place.location);
        assert!(place.is_some_and(|place| (place.stage, &place.reason) == (frame.place.stage, &frame.place.reason)));
    }
    (out, last)
}

/// Told or not, all that died is counted.
#[track_caller]
fn assert_complete(out: &DirectionReport, last: &LastDrops) {
    let told = last.told;
    assert_eq!(told.frames + told.held_back + told.lost, out.dropped_frames(), "{told:?} {out:#?}");
}

/// The frames are some of those that died, the last of all that were told, in their order and byte for byte.
#[track_caller]
fn assert_among(last: &LastDrops, died: &[u16], sent: impl Fn(u16) -> Vec<u8>) {
    assert_eq!(last.shown(), last.told.frames.min(LAST.into()), "{last:#?}");
    assert!(died.len() > LAST as usize || last.shown() == died.len() as u64, "a few are all told: {last:#?}");
    let mut numbers = died.iter();
    for frame in &last.frames {
        // A tag that stood beside the frame comes on top.
        assert!([KEPT, KEPT + 4].contains(&frame.bytes.len()), "{frame:?}");
        assert!(numbers.any(|number| sent(*number).starts_with(&frame.bytes)), "{frame:?}");
        assert_eq!((frame.len, frame.place.frames), (200, 1), "{frame:?}");
    }
    assert!(last.frames.iter().is_sorted_by_key(|frame| frame.at_ns));
}

fn drop_at_xdp(wire: &Wire) -> OwnedFd {
    let dropper = bpf::load(Hook::XdpNative, "dropper", 1);
    let ifindex = wire.lab.ifindex(1, Y);
    wire.lab.namespace(1).run(|| bpf::attach(&dropper, ifindex, Hook::XdpNative)).unwrap()
}

fn take_down(wire: &Wire) {
    wire.lab.ip(1, &["link", "set", Y, "down"]);
    eventually("the end has lost its carrier", || {
        wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "DOWN"
    });
}

fn shape(wire: &Wire) {
    let words = "tc qdisc add dev vx root tbf rate 1mbit burst 2kb limit 20kb";
    wire.lab.exec(0, &words.split(' ').collect::<Vec<_>>());
}

#[test]
fn of_a_few_each_is_told() {
    let wire = Wire::new();
    take_down(&wire);
    wire.over_both(|| {
        let observation = observe(&wire, LAST);
        wire.lab.send_in_turn(0, X, plain(100..112));
        let (out, last) = finish(&wire, observation);
        assert_complete(&out, &last);
        assert_eq!(out.dropped_frames(), 12);
        assert_among(&last, &(100..112).collect::<Vec<_>>(), |number| numbered(number, None));
        assert!(last.frames.iter().all(|frame| frame.place.stage == Stage::Qdisc), "{last:#?}");
    });
}

#[test]
fn those_that_a_queue_refused_and_no_others() {
    let wire = Wire::new();
    shape(&wire);
    wire.over_both(|| {
        let observation = observe(&wire, LAST);
        let refused = wire.lab.offer_each(0, X, plain(0..300));
        let (out, last) = finish(&wire, observation);
        assert_complete(&out, &last);
        let died: Vec<u16> = refused.iter().map(|at| u16::try_from(*at).unwrap()).collect();
        assert!(died.len() > LAST as usize && out.dropped_frames() == died.len() as u64);
        assert_among(&last, &died, |number| numbered(number, None));
    });
}

#[test]
fn those_that_a_program_dropped_in_the_driver() {
    let wire = Wire::new();
    let link = drop_at_xdp(&wire);
    wire.over_both(|| {
        let observation = observe(&wire, LAST);
        wire.lab.send_in_turn(0, X, plain(0..100));
        let (out, last) = finish(&wire, observation);
        assert_complete(&out, &last);
        assert_eq!(out.dropped_frames(), 100);
        assert_among(&last, &(0..100).collect::<Vec<_>>(), |number| numbered(number, None));
        assert!(last.frames.iter().all(|frame| frame.place.stage == Stage::Xdp), "{last:#?}");
    });
    drop(link);
}

#[test]
fn a_tag_that_the_kernel_took_out_is_back_in_its_place() {
    let wire = Wire::new();
    let observation = observe(&wire, LAST);
    // Before our hook, and behind where the kernel takes tags out.
    let dropper = bpf::load(Hook::TcxIngressFirst, "dropper", 2);
    let ifindex = wire.lab.ifindex(1, Y);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&dropper, ifindex, Hook::TcxIngressFirst)).unwrap();
    let tagged = |number| numbered(number, Some(Vlan { id: 100, pcp: 3 }));
    wire.lab.send_in_turn(0, X, (0..10).map(tagged));
    let (out, last) = finish(&wire, observation);
    drop(link);
    assert_complete(&out, &last);
    assert_among(&last, &(0..10).collect::<Vec<_>>(), tagged);
    assert!(last.frames.iter().all(|frame| frame.place.stage == Stage::IngressProgram), "{last:#?}");
}

#[test]
fn buffers_of_several_frames_count_as_such() {
    let wire = Wire::new();
    take_down(&wire);
    let sender = SuperFrames::new(&wire.lab, [0, 1], SocketAddr::new(Y_IP.parse().unwrap(), 9));
    let observation = observe(&wire, LAST);
    sender.send(3);
    let (out, last) = finish(&wire, observation);
    assert_complete(&out, &last);
    assert_eq!((out.dropped_frames(), last.shown()), (30, 30));
    let told: Vec<_> = last.frames.iter().map(|frame| (frame.place.frames, frame.len)).collect();
    assert_eq!(told, [(10, 10_042); 3]);
}

#[test]
fn segments_of_such_buffers_that_a_queue_cut_up() {
    let wire = Wire::new();
    shape(&wire);
    let sender = SuperFrames::new(&wire.lab, [0, 1], SocketAddr::new(Y_IP.parse().unwrap(), 9));
    let observation = observe(&wire, LAST);
    sender.send(20);
    let (out, last) = finish(&wire, observation);
    // The wholes that it cut up die too, and are no loss: they are counted with the others, and not among the frames.
    assert!(last.told.frames + last.told.held_back > out.dropped_frames(), "{:?} {out:#?}", last.told);
    assert!(!last.frames.is_empty() && last.frames.iter().all(|frame| frame.place.frames == 1), "{last:#?}");
    assert!(last.frames.iter().all(|frame| frame.bytes[30..34] == [10, 77, 0, 2]), "{last:#?}");
}

#[test]
fn of_a_flood_so_many_are_told_at_a_time() {
    const FRAMES: u64 = 50_000;
    let wire = Wire::new();
    take_down(&wire);
    let mut observation = observe(&wire, LAST);
    wire.lab.send_frames(0, X, &numbered(7, None), FRAMES);
    let elapsed = observation.report().unwrap().pairs[0].elapsed_ns;
    let (out, last) = finish(&wire, observation);
    assert_complete(&out, &last);
    assert_eq!((out.dropped_frames(), last.frames.len()), (FRAMES, LAST as usize));
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    let most = u64::from(LAST) * cpus * (elapsed / TIME + 2);
    assert!(last.told.frames <= most && last.told.lost == 0, "{:?} of {most}", last.told);
    assert!(last.told.held_back > 0, "{:?}", last.told);
}

#[test]
fn what_the_ring_has_no_room_for_is_counted() {
    const FRAMES: u64 = 5000;
    let wire = Wire::new();
    take_down(&wire);
    let observation = observe(&wire, 1 << 16);
    wire.lab.send_frames(0, X, &numbered(7, None), FRAMES);
    let (out, last) = finish(&wire, observation);
    assert_complete(&out, &last);
    assert_eq!(out.dropped_frames(), FRAMES);
    assert!(last.told.lost > 0, "{:?}", last.told);
    assert_eq!((last.shown(), last.told.held_back), (FRAMES - last.told.lost, 0));
}

#[test]
fn without_being_asked_for_none_is_told() {
    let wire = Wire::new();
    take_down(&wire);
    let mut observation = observe(&wire, 0);
    wire.lab.send_frames(0, X, &numbered(7, None), 10);
    let report = wire.close(&mut observation);
    assert_eq!(report.pairs[0].directions[0].dropped_frames(), 10);
    assert_eq!(observation.last_drops(), &[LastDrops::default(), LastDrops::default()]);
}
