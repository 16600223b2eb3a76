//! Sampled frames into the ring buffer.
//!
//! Nobody is woken per record, which would cost microseconds: the reader comes by on a timer.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{bpf_ringbuf_discard, bpf_ringbuf_reserve, bpf_ringbuf_submit},
    macros::map,
    maps::RingBuf,
    programs::{TcContext, XdpContext},
};
use veth_observer_common::{
    counters::Received,
    sample::{HEADER_LEN, MAX_SNAPLEN, SampleHeader},
};

use crate::{
    constants::{VO_SAMPLE, VO_SNAPLEN},
    frame::{self, Bytes},
    journal,
};

/// Written here, drained by the observer; what does not fit is counted in `Received::sample_lost`.
#[map]
static VO_SAMPLES: RingBuf = RingBuf::with_byte_size(4096, 0);

/// What the arrival program already knows of a frame.
pub struct Seen {
    pub now: u64,
    pub delay_ns: u64,
    pub len: u32,
    pub frames: u32,
    pub slot: u32,
}

/// A frame that a sample can be taken of.
pub trait Sampled: Bytes {
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

/// Systematic sampling (RFC 5475 §5.1): one in `VO_SAMPLE`, the first included.
#[inline(always)]
pub fn chosen(before: u64) -> bool {
    let rate = VO_SAMPLE.load();
    rate == 1 || (rate > 1 && before.is_multiple_of(u64::from(rate)))
}

#[inline(always)]
pub fn take(ctx: &impl Sampled, received: &mut Received, sampled: bool, seen: Seen) {
    if VO_SAMPLE.load() == 0 {
        return;
    }
    if !sampled {
        received.skipped += 1;
    } else if write(ctx, &seen) {
        received.sampled += 1;
    } else {
        received.sample_lost += 1;
        // Ever more rarely, or the log would drown in it.
        if received.sample_lost.is_power_of_two() {
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
    let (vlan_proto, vlan_tci) = ctx.vlan().unwrap_or((0, 0));
    let captured = if seen.len < snaplen { seen.len } else { snaplen };
    let header = SampleHeader {
        at_ns: seen.now,
        delay_ns: seen.delay_ns,
        len: seen.len,
        frames: seen.frames,
        captured,
        slot: seen.slot,
        vlan_tci,
        vlan_proto,
        reserved: 0,
    };
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    // SAFETY: the size is a constant to the verifier, since the snap length comes from a frozen map; the record is
    // written within that size and submitted or discarded on every path.
    unsafe {
        let size = HEADER_LEN as u64 + u64::from(snaplen);
        let record = bpf_ringbuf_reserve((&raw const VO_SAMPLES).cast_mut().cast(), size, 0).cast::<u8>();
        if record.is_null() {
            return false;
        }
        record.cast::<SampleHeader>().write(header);
        // The verifier wants both bounds on the very register that is passed on. That of Linux 6.1 learns none from
        // `!= 0`, and none for a copy in 32 bits: so the length is hidden from LLVM and compared again, less one.
        let less = core::hint::black_box(u64::from(captured).wrapping_sub(1));
        if less >= u64::from(snaplen) || !ctx.load(0, record.add(HEADER_LEN), (less + 1) as u32) {
            bpf_ringbuf_discard(record.cast(), flags);
            return false;
        }
        bpf_ringbuf_submit(record.cast(), flags);
    }
    true
}
