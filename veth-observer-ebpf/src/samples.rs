//! Sampled frames into the ring buffer.
//!
//! Nobody is woken per record, which would cost microseconds: the reader comes by on a timer.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{
        bpf_probe_read_kernel, bpf_ringbuf_discard, bpf_ringbuf_reserve, bpf_ringbuf_submit,
    },
    macros::map,
    maps::RingBuf,
    programs::{TcContext, XdpContext},
};
use veth_observer_common::{
    counters::Sampling,
    drops::TOLD_BYTES,
    sample::{HEADER_LEN, MAX_SNAPLEN, ROOMS, SampleHeader},
};

use crate::{
    constants::{VO_FILTER, VO_SAMPLE, VO_SNAPLEN},
    filter::{self, Filtered},
    frame::{self, Bytes},
    journal, skb,
};

/// Written here, drained by the observer; what does not fit is counted as lost.
#[map]
static VO_SAMPLES: RingBuf = RingBuf::with_byte_size(4096, 0);

/// What a program already knows of a frame.
pub struct Seen {
    /// Of [`veth_observer_common::sample::kind`].
    pub kind: u8,
    pub now: u64,
    pub departed_ns: u64,
    pub detail: u64,
    pub len: u32,
    pub frames: u32,
    pub slot: u32,
    pub cpu: u32,
}

/// A frame that a sample can be taken of.
pub trait Sampled: Bytes + Filtered {
    /// EtherType (host order) and control information of a VLAN tag that stands beside the frame.
    fn vlan(&self) -> Option<(u16, u16)>;
    /// Says that the ring had no room.
    fn log_ring_full(&self, len: u32);
}

impl Sampled for TcContext {
    #[inline(always)]
    fn vlan(&self) -> Option<(u16, u16)> {
        frame::vlan(self)
    }

    #[inline(always)]
    fn log_ring_full(&self, len: u32) {
        journal::ring_full(self.skb.skb, len);
    }
}

impl Sampled for XdpContext {
    #[inline(always)]
    fn vlan(&self) -> Option<(u16, u16)> {
        // Not to be seen from here.
        None
    }

    #[inline(always)]
    fn log_ring_full(&self, len: u32) {
        journal::ring_full_at_xdp(self.ctx, len);
    }
}

/// Whether to sample a frame: of those that the filter matches, systematically (RFC 5475 §5.1) one in `VO_SAMPLE`, the first
/// included; by its digest where both ends know it by that alone, so that both choose the same (RFC 5475 §6.2).
#[inline(always)]
pub fn choose(ctx: &impl Sampled, sampling: &mut Sampling, digest: Option<u64>) -> bool {
    let rate = u64::from(VO_SAMPLE.load());
    if rate == 0 || !filter::passes(ctx) {
        return false;
    }
    if rate == 1 {
        return true;
    }
    if let Some(digest) = digest {
        return digest.is_multiple_of(rate);
    }
    let before = sampling.passed;
    sampling.passed += 1;
    before.is_multiple_of(rate)
}

#[inline(always)]
pub fn take(ctx: &impl Sampled, sampling: &mut Sampling, sampled: bool, seen: Seen) {
    if VO_SAMPLE.load() == 0 {
        return;
    }
    if !sampled {
        // A stamp says that a frame was not chosen. Why, with a filter and a rate, only the frame can tell.
        if VO_FILTER.load() != 0 && (VO_SAMPLE.load() == 1 || !ctx.matches()) {
            sampling.filtered += 1;
        } else {
            sampling.skipped += 1;
        }
    } else if write(ctx, &seen) {
        sampling.taken += 1;
    } else {
        sampling.lost += 1;
        // Ever more rarely, or the log would drown in it.
        if sampling.lost.is_power_of_two() {
            ctx.log_ring_full(seen.len);
        }
    }
}

#[inline(always)]
fn write(ctx: &impl Sampled, seen: &Seen) -> bool {
    let snaplen = VO_SNAPLEN.load();
    if snaplen == 0 || snaplen > MAX_SNAPLEN {
        return false;
    }
    let captured = if seen.len < snaplen { seen.len } else { snaplen };
    let header = header(seen, captured, ctx.vlan().unwrap_or((0, 0)));
    let room = room(captured, snaplen);
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    // SAFETY: the size is a constant to the verifier on every path, since the snap length comes from a frozen map; the
    // record is written within that size and submitted or discarded on every path.
    unsafe {
        let size = HEADER_LEN as u64 + u64::from(room);
        let record = bpf_ringbuf_reserve((&raw const VO_SAMPLES).cast_mut().cast(), size, 0).cast::<u8>();
        if record.is_null() {
            return false;
        }
        record.cast::<SampleHeader>().write(header);
        // The verifier wants both bounds on the very register that is passed on. That of Linux 6.1 learns none from
        // `!= 0`, and none for a copy in 32 bits: so the length is hidden from LLVM and compared again, less one.
        let less = core::hint::black_box(u64::from(captured).wrapping_sub(1));
        if less >= u64::from(room) || !ctx.load(0, record.add(HEADER_LEN), (less + 1) as u32) {
            bpf_ringbuf_discard(record.cast(), flags);
            return false;
        }
        bpf_ringbuf_submit(record.cast(), flags);
    }
    true
}

/// The least room that the captured bytes fit in.
#[inline(always)]
fn room(captured: u32, snaplen: u32) -> u32 {
    for room in ROOMS {
        if captured <= room && room < snaplen {
            return room;
        }
    }
    snaplen
}

/// Tells that a sampled frame died; false when the ring had no room.
#[inline(always)]
pub fn write_death(seen: &Seen, reason: u32, device: u32) -> bool {
    let header = SampleHeader { reason, device: device as u8, ..header(seen, 0, (0, 0)) };
    // SAFETY: the record has the size of the header, and is submitted.
    unsafe {
        let map = (&raw const VO_SAMPLES).cast_mut().cast();
        let record = bpf_ringbuf_reserve(map, HEADER_LEN as u64, 0).cast::<SampleHeader>();
        if record.is_null() {
            return false;
        }
        record.write(header);
        bpf_ringbuf_submit(record.cast(), u64::from(BPF_RB_NO_WAKEUP));
    }
    true
}

/// Tells that a frame died, with its first bytes; false when the ring had no room.
#[inline(always)]
pub fn write_dead(seen: Seen, reason: u32, device: u32, frame: &skb::Frame) -> bool {
    let captured = if frame.in_one_piece < TOLD_BYTES { frame.in_one_piece } else { TOLD_BYTES };
    let seen = Seen { len: frame.len, ..seen };
    let header = SampleHeader { reason, device: device as u8, ..header(&seen, captured, frame.vlan) };
    // SAFETY: the record has room for the header and the bytes, of which no more are read, and is submitted.
    unsafe {
        let size = HEADER_LEN as u64 + u64::from(TOLD_BYTES);
        let record = bpf_ringbuf_reserve((&raw const VO_SAMPLES).cast_mut().cast(), size, 0).cast::<u8>();
        if record.is_null() {
            return false;
        }
        let written = record.cast::<SampleHeader>();
        written.write(header);
        // As in `write`.
        let less = core::hint::black_box(u64::from(captured).wrapping_sub(1));
        if less >= u64::from(TOLD_BYTES)
            || bpf_probe_read_kernel(record.add(HEADER_LEN).cast(), (less + 1) as u32, frame.at.cast()) != 0
        {
            (*written).captured = 0;
        }
        bpf_ringbuf_submit(record.cast(), u64::from(BPF_RB_NO_WAKEUP));
    }
    true
}

#[inline(always)]
fn header(seen: &Seen, captured: u32, (vlan_proto, vlan_tci): (u16, u16)) -> SampleHeader {
    SampleHeader {
        at_ns: seen.now,
        departed_ns: seen.departed_ns,
        detail: seen.detail,
        len: seen.len,
        frames: seen.frames,
        captured,
        slot: seen.slot,
        cpu: seen.cpu,
        reason: 0,
        vlan_tci,
        vlan_proto,
        kind: seen.kind,
        device: 0,
        reserved: [0; 2],
    }
}
