//! The programs, one frame at a time, in the kernel but on no device.

use veth_observer::kernel::{Hook, Sampling, Settings, load};
use veth_observer_common::sample::{MAX_SNAPLEN, ROOMS, SampleHeader, kind};

use crate::support::programs::{Bench, Context, settings};

const NOTHING: Context = Context { cb: [0; 5], wire_len: 0, gso_segs: 0, gso_size: 0 };

/// Ethernet, then whatever follows. For a test run the kernel wants at least one byte of it, and of IP a whole header
/// (net/bpf/test_run.c); shorter frames are sent on a real pair elsewhere.
fn frame(ethertype: u16, len: usize) -> Vec<u8> {
    let mut frame = vec![0x02; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.resize(len, 0xa5);
    frame
}

#[test]
fn frames_of_every_kind_and_length_are_counted_both_ways() {
    let mut bench = Bench::new(0, None);
    let mut expected = [(0, 0), (0, 0)];
    for (index, ethertype) in
        [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88b5, 0x05dc, 0xffff].into_iter().enumerate()
    {
        let shortest = match ethertype {
            0x0800 => 34,
            0x86dd => 54,
            _ => 15,
        };
        for len in [15, 33, 34, 42, 54, 59, 60, 64, 1514, 2000].into_iter().filter(|&len| len >= shortest) {
            let from = index % 2;
            bench.cross(from, &frame(ethertype, len), NOTHING);
            expected[from].0 += 1;
            expected[from].1 += len as u64;
        }
    }
    for (direction, (frames, bytes)) in (0..).zip(expected) {
        let (sent, received) = (bench.sent(direction), bench.received(direction));
        assert_eq!((sent.skbs, sent.frames, sent.bytes), (frames, frames, bytes));
        assert_eq!((received.skbs, received.frames, received.bytes), (frames, frames, bytes));
        assert_eq!((received.unmatched, received.delays.iter().sum::<u64>()), (0, frames));
        assert_eq!(sent.epochs.iter().sum::<u64>(), frames);
        assert_eq!(received.epochs.iter().sum::<u64>(), frames);
        assert!(received.delay_min_ns > 0 && received.delay_min_ns <= received.delay_max_ns);
    }
}

#[test]
fn one_end_alone_writes_no_stamp_and_takes_none_off() {
    let settings = Settings { one_end: true, ..settings(Hook::Tc, 0, None) };
    let mut bench = Bench { loaded: load(&settings).unwrap() };
    assert!(bench.loaded.drops.is_none(), "nothing of it can be seen to die");
    let gso = Context { wire_len: 1966 + 3 * 66, gso_segs: 4, gso_size: 500, cb: [1, 2, 3, 4, 5] };
    for ingress in [false, true] {
        assert_eq!(bench.run(0, ingress, &frame(0x0800, 1966), gso).cb, gso.cb);
    }
    let (sent, received) = (bench.sent(0), bench.received(1));
    assert_eq!((sent.skbs, sent.frames, sent.bytes), (1, 4, 1966 + 3 * 66));
    assert_eq!((received.unmatched_skbs, received.unmatched, received.unmatched_bytes), (1, 4, 1966));
    assert_eq!((received.frames, received.timed(), sent.epochs.iter().sum::<u64>()), (0, 0, 0));
}

#[test]
fn a_super_frame_counts_as_the_frames_and_bytes_it_will_be() {
    let mut bench = Bench::new(0, None);
    // 1 Ethernet + IP + TCP header of 66 bytes before 1900 bytes in segments of 500.
    let gso = Context { wire_len: 1966 + 3 * 66, gso_segs: 4, gso_size: 500, ..NOTHING };
    bench.cross(0, &frame(0x0800, 1966), gso);
    let (sent, received) = (bench.sent(0), bench.received(0));
    assert_eq!((sent.skbs, sent.frames, sent.bytes), (1, 4, 1966 + 3 * 66));
    assert_eq!((received.skbs, received.frames, received.bytes), (1, 4, 1966 + 3 * 66));
    assert_eq!(received.delays.iter().sum::<u64>(), 4);
}

#[test]
fn segments_the_source_did_not_count_and_a_lone_segment() {
    let mut bench = Bench::new(0, None);
    let dodgy = Context { wire_len: 1966 + 3 * 66, gso_segs: 0, gso_size: 500, ..NOTHING };
    bench.run(0, false, &frame(0x0800, 1966), dodgy);
    assert_eq!((bench.sent(0).frames, bench.sent(0).bytes), (4, 1966 + 3 * 66));
    bench.cross(1, &frame(0x0800, 566), Context { gso_segs: 1, ..NOTHING });
    assert_eq!((bench.sent(1).frames, bench.received(1).frames, bench.received(1).bytes), (1, 1, 566));
}

#[test]
fn a_super_frame_cut_up_on_the_way_arrives_as_its_segments() {
    let mut bench = Bench::new(0, None);
    let gso = Context { wire_len: 1966 + 3 * 66, gso_segs: 4, gso_size: 500, ..NOTHING };
    let stamped = bench.run(0, false, &frame(0x0800, 1966), gso);
    for len in [566, 566, 566, 466] {
        bench.run(1, true, &frame(0x0800, len), Context { cb: stamped.cb, ..NOTHING });
    }
    let (sent, received) = (bench.sent(0), bench.received(0));
    assert_eq!((sent.frames, sent.bytes), (received.frames, received.bytes));
    assert_eq!((sent.skbs, received.skbs), (1, 4));
}

#[test]
fn a_stamp_is_taken_off_and_counts_once_and_one_way_only() {
    let mut bench = Bench::new(0, None);
    let frame = frame(0x0800, 60);
    let stamped = bench.run(0, false, &frame, NOTHING);
    assert_ne!((stamped.cb[3], stamped.cb[4]), (0, 0));
    assert_eq!(stamped.cb[..3], [0, 0, 0], "only the words of the lane are written");
    let arrived = bench.run(1, true, &frame, stamped);
    assert_eq!(arrived.cb, [0; 5]);
    bench.run(1, true, &frame, arrived);
    bench.run(0, true, &frame, stamped);
    assert_eq!((bench.received(0).frames, bench.received(0).unmatched), (1, 1));
    assert_eq!((bench.received(1).frames, bench.received(1).unmatched), (0, 1));
}

#[test]
fn words_that_are_not_ours_never_count() {
    let mut bench = Bench::new(0, None);
    let mut other = Bench::new(0, None);
    let frame = frame(0x0800, 60);
    let foreign = other.run(0, false, &frame, NOTHING);
    let mut unmatched = 0;
    for cb in [[0; 5], [u32::MAX; 5], [1, 2, 3, 4, 5], foreign.cb] {
        bench.run(1, true, &frame, Context { cb, ..NOTHING });
        unmatched += 1;
        assert_eq!((bench.received(0).frames, bench.received(0).unmatched), (0, unmatched));
    }
}

/// Three frames that leave one CPU one after the other.
fn three_departures(bench: &mut Bench, gso: Context) -> [Context; 3] {
    stay_on_this_cpu();
    let frame = frame(0x0800, 1966);
    std::array::from_fn(|_| Context {
        wire_len: 0,
        gso_segs: 0,
        gso_size: 0,
        ..bench.run(0, false, &frame, gso)
    })
}

fn stay_on_this_cpu() {
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &cpus).unwrap();
}

#[test]
fn frames_that_overtake_and_frames_that_come_twice() {
    let mut bench = Bench::new(0, None);
    let [first, second, third] = three_departures(&mut bench, NOTHING);
    let frame = frame(0x0800, 1966);
    for stamped in [first, third, third, second, second, first] {
        bench.run(1, true, &frame, stamped);
    }
    let received = bench.received(0);
    assert_eq!((received.frames, received.reordered, received.duplicated), (3, 1, 3));
    assert_eq!(received.epochs.iter().sum::<u64>(), 3, "a second arrival takes nobody's place");
    assert_eq!(received.delays.iter().sum::<u64>(), 3);
    assert_eq!(received.variation.buckets.iter().sum::<u64>(), 1, "third after first");
}

#[test]
fn pieces_of_one_buffer_are_neither_late_nor_double() {
    let mut bench = Bench::new(0, None);
    let gso = Context { wire_len: 1966 + 3 * 66, gso_segs: 4, gso_size: 500, ..NOTHING };
    let [first, second, third] = three_departures(&mut bench, gso);
    for stamped in [first, second, first, second, third, third] {
        bench.run(1, true, &frame(0x0800, 566), stamped);
    }
    let received = bench.received(0);
    assert_eq!((received.frames, received.reordered, received.duplicated), (6, 0, 0));
    assert_eq!(received.variation.buckets.iter().sum::<u64>(), 2);
}

#[test]
fn a_buffer_of_several_frames_that_comes_twice() {
    let mut bench = Bench::new(0, None);
    stay_on_this_cpu();
    let gso = Context { wire_len: 1966 + 3 * 66, gso_segs: 4, gso_size: 500, ..NOTHING };
    let stamped = bench.run(0, false, &frame(0x0800, 1966), gso);
    for _ in 0..2 {
        bench.run(1, true, &frame(0x0800, 1966), Context { gso_segs: 4, gso_size: 500, ..stamped });
    }
    let received = bench.received(0);
    let counts = (received.frames, received.duplicated, received.reordered, received.timed());
    assert_eq!(counts, (4, 4, 0, 4));
}

#[test]
fn variation_is_the_difference_of_two_delays() {
    let mut bench = Bench::new(0, None);
    let departures = three_departures(&mut bench, NOTHING);
    let frame = frame(0x0800, 1966);
    let mut delays = Vec::new();
    for stamped in departures {
        let before = bench.received(0).delay_sum_ns;
        bench.run(1, true, &frame, stamped);
        delays.push(bench.received(0).delay_sum_ns - before);
    }
    let differences: Vec<u64> = delays.windows(2).map(|pair| pair[0].abs_diff(pair[1])).collect();
    let variation = bench.received(0).variation;
    assert_eq!(variation.sum_ns, differences.iter().sum::<u64>());
    assert_eq!(Some(&variation.max_ns), differences.iter().max());
    assert_eq!(Some(&!variation.min_complement_ns), differences.iter().min());
}

#[test]
fn two_observers_in_two_lanes_do_not_touch_each_other() {
    let (mut first, mut second) = (Bench::new(0, None), Bench::new(1, None));
    let frame = frame(0x0806, 42);
    let mut context = NOTHING;
    for bench in [&mut second, &mut first] {
        context = bench.run(0, false, &frame, context);
    }
    for bench in [&mut second, &mut first] {
        context = bench.run(1, true, &frame, context);
    }
    for bench in [&first, &second] {
        assert_eq!((bench.sent(0).frames, bench.received(0).frames, bench.received(0).unmatched), (1, 1, 0));
    }
}

fn samples(bench: &mut Bench) -> Vec<(SampleHeader, Vec<u8>)> {
    let ring = bench.loaded.samples.as_mut().unwrap();
    let mut samples = Vec::new();
    while let Some(record) = ring.next() {
        let (header, bytes) = SampleHeader::split(&record).unwrap();
        samples.push((header, bytes.to_vec()));
    }
    samples
}

#[test]
fn samples_carry_the_frame_cut_to_the_snap_length() {
    for snaplen in [1, 14, 96, 128, MAX_SNAPLEN] {
        let mut bench =
            Bench::new(0, Some(Sampling { rate: 1, snaplen, ring_bytes: 1 << 20, ..Sampling::default() }));
        for len in [34, 60, 95, 96, 97, 1514] {
            let frame = frame(0x0800, len);
            bench.cross(0, &frame, NOTHING);
            let [(header, bytes)] = samples(&mut bench).try_into().unwrap();
            assert_eq!((header.len as usize, header.frames, header.slot), (len, 1, 0));
            assert_eq!(bytes, frame[..len.min(snaplen as usize)]);
            assert!(header.delay_ns().unwrap() < 1_000_000_000);
            assert_eq!(header.kind, kind::RECEIVED);
        }
        let counted = bench.received(0).sampling;
        assert_eq!((counted.taken, counted.skipped, counted.lost), (6, 0, 0));
        assert_eq!(bench.sent(0).sampling.taken, 0);
    }
}

#[test]
fn a_record_has_the_least_room_that_its_frame_takes() {
    let sampling = Sampling { snaplen: MAX_SNAPLEN, departures: true, ..Sampling::default() };
    for len in ROOMS.map(|room| room as usize).into_iter().flat_map(|room| [room - 1, room, room + 1]) {
        let mut bench = Bench::new(0, Some(Sampling { ring_bytes: 1 << 18, ..sampling.clone() }));
        // A test run takes no longer frame (net/bpf/test_run.c).
        let frame = frame(0x0800, len.min(3000));
        for _ in 0..3 {
            bench.cross(0, &frame, NOTHING);
        }
        // The test run itself frees the buffer of each departure.
        let mut records = samples(&mut bench);
        records.retain(|(header, _)| header.kind != kind::DIED);
        assert_eq!(records.len(), 6, "{len}");
        assert!(records.iter().all(|(_, bytes)| *bytes == frame), "{len}");
    }
}

#[test]
fn both_ends_sample_the_same_frames() {
    for rate in [1, 3] {
        let sampling = Sampling { rate, departures: true, ..Sampling::default() };
        let mut bench = Bench::new(0, Some(sampling));
        for _ in 0..60 {
            bench.cross(0, &frame(0x0800, 60), NOTHING);
        }
        let records = samples(&mut bench);
        let of =
            |wanted| records.iter().map(|(header, _)| header).filter(move |header| header.kind == wanted);
        let identity = |header: &SampleHeader| (header.departed_ns, header.cpu);
        let sent: Vec<_> = of(kind::SENT).map(identity).collect();
        assert_eq!(sent, of(kind::RECEIVED).map(identity).collect::<Vec<_>>());
        assert!(sent.len() >= 60 / rate as usize && of(kind::SENT).all(|header| header.detail > 0));
        let (left, arrived) = (bench.sent(0).sampling, bench.received(0).sampling);
        assert_eq!((left.taken, left.skipped, left.lost), (arrived.taken, arrived.skipped, arrived.lost));
        assert_eq!(left.taken + left.skipped, 60);
    }
}

#[test]
fn one_in_n_is_sampled_and_the_rest_is_counted() {
    let mut bench =
        Bench::new(0, Some(Sampling { rate: 10, snaplen: 64, ring_bytes: 1 << 16, ..Sampling::default() }));
    for _ in 0..100 {
        bench.cross(1, &frame(0x0800, 60), NOTHING);
        bench.run(1, true, &frame(0x0800, 60), NOTHING);
    }
    // Counters are per CPU, and the first frame on each is sampled: a move to another CPU may add one.
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    for (direction, delayed) in [(1, true), (0, false)] {
        let counted = bench.received(direction).sampling;
        assert_eq!(counted.taken + counted.skipped, 100);
        assert!((10..10 + cpus).contains(&counted.taken), "{counted:?}");
        let taken = samples_with_delay(&mut bench, delayed);
        assert!(taken == 0 || taken >= 10);
    }
}

fn samples_with_delay(bench: &mut Bench, delayed: bool) -> usize {
    samples(bench).iter().filter(|(header, _)| header.delay_ns().is_some() == delayed).count()
}

#[test]
fn what_the_ring_cannot_hold_is_counted() {
    let mut bench =
        Bench::new(0, Some(Sampling { rate: 1, snaplen: 1000, ring_bytes: 4096, ..Sampling::default() }));
    for _ in 0..50 {
        bench.cross(0, &frame(0x0800, 1200), NOTHING);
    }
    let received = bench.received(0);
    let counted = received.sampling;
    assert_eq!(counted.taken + counted.lost, 50);
    assert_eq!(counted.taken, samples(&mut bench).len() as u64);
    assert!(counted.lost > 40);
    assert_eq!(received.frames, 50, "counting does not depend on the ring");
}

#[test]
fn xdp_in_the_driver_knows_frames_by_their_bytes() {
    for frags in [false, true] {
        let sampling =
            Some(Sampling { rate: 1, snaplen: MAX_SNAPLEN, ring_bytes: 1 << 20, ..Sampling::default() });
        let mut bench = Bench::at(Hook::Xdp { generic: false }, 0, sampling);
        let frame = |number: usize| [&frame(0x88b5, 60)[..], &number.to_be_bytes()].concat();
        // Nobody saw these leave, and nothing that left has come.
        for number in 0..3 {
            bench.run_xdp(1, frags, &frame(number));
        }
        let received = bench.received(0);
        assert_eq!((received.early, received.early_bytes, received.unmatched), (3, 3 * 68, 0));
        for number in 3..8 {
            bench.run(0, false, &frame(number), NOTHING);
            bench.run_xdp(1, frags, &frame(number));
        }
        // From then on all are counted, and timed once.
        for number in [9, 7, 7] {
            bench.run_xdp(1, frags, &frame(number));
        }
        let received = bench.received(0);
        assert_eq!((received.early, received.unmatched, received.unmatched_bytes), (3, 8, 8 * 68));
        assert_eq!((received.by_digest, received.delays.iter().sum::<u64>()), (5, 5));
        assert_eq!((received.sampling.taken, received.sampling.lost), (11, 0));
        assert_eq!(bench.received(1), veth_observer_common::counters::Received::ZERO);
    }
}

#[test]
fn xdp_passes_frames_of_every_kind_and_length() {
    for (generic, frags) in [(false, false), (false, true), (true, false)] {
        let mut bench = Bench::at(Hook::Xdp { generic }, 1, None);
        for ethertype in [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88b5, 0x05dc, 0xffff] {
            for len in [14, 15, 16, 17, 18, 33, 60, 79, 80, 81, 84, 1514, 3000] {
                for end in 0..2 {
                    bench.run_xdp(end, frags, &frame(ethertype, len));
                }
            }
        }
    }
}
