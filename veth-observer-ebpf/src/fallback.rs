//! Recognising frames that lose their stamp on the way. Which means is in use may change at any time.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::generated::{bpf_map_delete_elem, bpf_map_lookup_elem, bpf_map_update_elem},
    macros::map,
    maps::{Array, HashMap},
    programs::{TcContext, XdpContext},
};
use veth_observer_common::{
    DIRECTIONS,
    digest::{self, Departure, Head},
    matching::{ADDRESSES, DIGESTS, METHOD, STAMP},
    stamp::HORIZON_NS,
};

use crate::{
    constants::{VO_DIGEST_ENTRIES, VO_FALLBACK, VO_PAIRS, key, slot},
    frame::{self, Bytes},
};

/// Written by the observer, by slot; the last says in how many directions frames are recognised by their address.
#[map]
static VO_METHODS: Array<u32> = Array::with_max_entries(DIRECTIONS + 1, 0);

/// Written at egress, taken out at ingress and where frames die.
#[map]
static VO_ADDRESSES: HashMap<u64, [u32; 2]> = HashMap::with_max_entries(ADDRESSES, 0);

/// Written at egress, ticked off at ingress.
#[map]
static VO_DIGESTS: Array<Departure> = Array::with_max_entries(DIRECTIONS * DIGESTS, 0);

/// Set by the observer where it is not for frames to tell, else here.
#[map]
static VO_BEGUN: Array<u32> = Array::with_max_entries(2, 0);

/// What the observer says of a direction: how frames are recognised beside the stamp, and whether they are observed.
#[inline(always)]
pub fn state(direction: u32) -> u32 {
    if VO_FALLBACK.load() == 0 {
        return STAMP;
    }
    word(slot(direction))
}

/// Whether any frame of these pairs is recognised by its address.
#[inline(always)]
pub fn knows_addresses() -> bool {
    VO_FALLBACK.load() != 0 && word(VO_PAIRS.load() * DIRECTIONS) != 0
}

#[inline(always)]
fn word(index: u32) -> u32 {
    let Some(word) = VO_METHODS.get_ptr(index) else { return STAMP };
    // SAFETY: the map lives as long as the program; the observer may write meanwhile.
    unsafe { word.read_volatile() }
}

/// How frames of a direction are recognised beside the stamp.
#[inline(always)]
pub fn method(direction: u32) -> u32 {
    state(direction) & METHOD
}

/// Keeps the stamp aside by the address of the buffer; false when there was no room.
#[inline(always)]
pub fn remember_address(ctx: &TcContext, words: &[u32; 2]) -> bool {
    // The context of a TC program is the buffer itself.
    let address = ctx.skb.skb;
    // SAFETY: key and value live on the stack for the length of the call.
    unsafe {
        bpf_map_update_elem(
            (&raw const VO_ADDRESSES).cast_mut().cast(),
            (&raw const address).cast(),
            words.as_ptr().cast(),
            u64::from(BPF_ANY),
        ) == 0
    }
}

/// The sealed stamp of a buffer that is known by its address, once.
#[inline(always)]
pub fn recall_address(buffer: *const u8) -> Option<[u32; 2]> {
    let address = buffer;
    let map = (&raw const VO_ADDRESSES).cast_mut().cast();
    // SAFETY: the key lives on the stack; what is found stays readable until the program ends.
    unsafe {
        let words = bpf_map_lookup_elem(map, (&raw const address).cast()).cast::<[u32; 2]>();
        let words = *words.as_ref()?;
        bpf_map_delete_elem(map, (&raw const address).cast());
        Some(words)
    }
}

/// Keeps the time of departure aside by the bytes of the frame.
#[inline(always)]
pub fn remember_digest(digest: u64, direction: u32, now: u64) {
    let Some(departure) = entry(direction, digest) else { return };
    // Twice the same and not yet arrived: nobody can tell them apart.
    let double = departure.digest == digest && departure.at_ns != 0 && now - departure.at_ns < HORIZON_NS;
    *departure = Departure { digest, at_ns: if double { 0 } else { now } };
}

/// When the frame left, if that is known by its bytes; once.
#[inline(always)]
pub fn recall_digest(digest: u64, direction: u32, now: u64) -> Option<u64> {
    let departure = entry(direction, digest)?;
    let at_ns = departure.at_ns;
    if departure.digest != digest || at_ns == 0 || now.wrapping_sub(at_ns) > HORIZON_NS {
        return None;
    }
    departure.at_ns = 0;
    Some(at_ns)
}

#[inline(always)]
fn entry(direction: u32, digest: u64) -> Option<&'static mut Departure> {
    let entries = VO_DIGEST_ENTRIES.load();
    let departure = VO_DIGESTS.get_ptr_mut(slot(direction) * entries + (digest as u32 & (entries - 1)))?;
    // SAFETY: the map lives as long as the program; a torn write fails the comparison of digests or times.
    Some(unsafe { &mut *departure })
}

/// Whether frames that left under observation arrive by now, where their bytes are all there is to tell: what was under
/// way when it began was not counted as sent, and the first that was tells the end of it, because a queue keeps its order.
#[inline(always)]
pub fn has_begun(slot: u32, digest: Option<u64>, direction: u32) -> bool {
    let Some(begun) = VO_BEGUN.get_ptr_mut(slot) else { return false };
    // SAFETY: the map lives as long as the program, and the value only ever becomes 1.
    unsafe {
        if begun.read_volatile() == 0 {
            if !digest.is_some_and(|digest| has_left(digest, direction)) {
                return false;
            }
            begun.write_volatile(1);
        }
    }
    true
}

/// Whether a frame with this digest left since we came, arrived or not.
#[inline(always)]
fn has_left(digest: u64, direction: u32) -> bool {
    entry(direction, digest).is_some_and(|departure| departure.digest == digest)
}

/// None when the frame cannot be read.
#[inline(always)]
pub fn digest_of(ctx: &TcContext, direction: u32) -> Option<u64> {
    digest_of_bytes(ctx, frame::is_tagged(ctx)?, frame::len(ctx), direction)
}

/// The same in the driver, which keeps a frame of any length in several pieces.
#[inline(always)]
pub fn digest_of_xdp(ctx: &XdpContext, len: u32, direction: u32) -> Option<u64> {
    digest_of_bytes(ctx, frame::is_tagged_at_xdp(ctx)?, len, direction)
}

#[inline(always)]
fn digest_of_bytes(frame: &impl Bytes, is_tagged: bool, len: u32, direction: u32) -> Option<u64> {
    let mut head: Head = [0; digest::LEN / 8];
    let tag = if is_tagged { 4 } else { 0 };
    let into = head.as_mut_ptr().cast::<u8>();
    // SAFETY: both pieces lie within `head`.
    unsafe {
        if !frame.load(0, into, 12) {
            return None;
        }
        let rest = len.saturating_sub(12 + tag).min(digest::LEN as u32 - 12);
        let less = core::hint::black_box(u64::from(rest).wrapping_sub(1));
        if less < digest::LEN as u64 - 12 && !frame.load(12 + tag, into.add(12), (less + 1) as u32) {
            return None;
        }
    }
    Some(digest::digest(&mut head, key(direction)))
}
