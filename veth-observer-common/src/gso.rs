//! Frames and bytes of a socket buffer that the kernel may cut into several frames later (GSO).

/// `gso_segs` and `gso_size` of `struct __sk_buff`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gso {
    pub segs: u32,
    pub size: u32,
}

/// Frames that an skb stands for, and the header that each of them repeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segments {
    pub frames: u32,
    /// Bytes of header on each frame, 0 when there is but one.
    pub header: u32,
}

/// At egress: `wire_len` is `qdisc_skb_cb(skb)->pkt_len`, to which `qdisc_pkt_len_init()` (net/core/dev.c) has added one
/// header per further segment. The GSO fields are asked for only when it has: they lie in another cache line.
///
/// `gso_segs` may be 1 with `gso_size` 0 for a lone TCP segment, and 0 with a `gso_size` for an skb from an untrusted
/// source (SKB_GSO_DODGY), whose segments the kernel counts for itself; then both unknowns follow from `wire_len`.
#[inline(always)]
pub fn at_egress(len: u32, wire_len: u32, gso: impl FnOnce() -> Gso) -> Segments {
    const ONE: Segments = Segments { frames: 1, header: 0 };
    if wire_len <= len {
        return ONE;
    }
    let repeated = wire_len - len;
    let Gso { segs: gso_segs, size: gso_size } = gso();
    if gso_size == 0 {
        return ONE;
    }
    let frames = if gso_segs == 0 { untold(len, repeated, gso_size) } else { gso_segs };
    if frames < 2 {
        return ONE;
    }
    Segments { frames, header: repeated / (frames - 1) }
}

/// The number of segments n for which n - 1 headers make `repeated` and the rest of `len` fills n segments.
///
/// Where two numbers fit, the header decides: Ethernet adds 14 bytes to IP and transport headers, which are multiples of 4.
#[inline(always)]
fn untold(len: u32, repeated: u32, gso_size: u32) -> u32 {
    let most = len.div_ceil(gso_size);
    if most < 3 {
        return most;
    }
    let fits = |frames: u32| {
        let header = repeated / (frames - 1);
        header * (frames - 1) == repeated && len.saturating_sub(header).div_ceil(gso_size) == frames
    };
    let decided = fits(most) && (!fits(most - 1) || (repeated / (most - 1)) % 4 == 2);
    if decided { most } else { most - 1 }
}

/// At ingress `wire_len` is the plain length; the header length comes with the stamp, or is 0 when there was none.
#[inline(always)]
pub fn at_ingress(len: u32, header: u32, gso: Gso) -> u32 {
    match gso {
        Gso { size: 0, .. } => 1,
        Gso { segs: 0, size } => len.saturating_sub(header).div_ceil(size),
        Gso { segs, .. } => segs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_frame_is_one_whatever_the_fields_say() {
        for (segs, size) in [(0, 0), (1, 0), (1, 1448), (0, 1448)] {
            assert_eq!(at_egress(66, 66, || Gso { segs, size }), Segments { frames: 1, header: 0 });
        }
        assert_eq!(at_ingress(66, 0, Gso { segs: 0, size: 0 }), 1);
        assert_eq!(at_ingress(66, 0, Gso { segs: 1, size: 0 }), 1);
    }

    #[test]
    fn a_super_frame_says_how_many_and_which_header() {
        let payload = 44 * 1448 + 100;
        let wire = (66 + payload) + 44 * 66;
        let gso = Gso { segs: 45, size: 1448 };
        assert_eq!(at_egress(66 + payload, wire, || gso), Segments { frames: 45, header: 66 });
        assert_eq!(at_ingress(66 + payload, 66, gso), 45);
    }

    #[test]
    fn segments_that_the_source_did_not_count_follow_from_the_length() {
        for header in [42, 54, 66, 86, 126] {
            for size in [500_u32, 1000, 1400, 1448] {
                for payload in (size + 1..40 * size).step_by(97) {
                    let frames = payload.div_ceil(size);
                    let wire = header + payload + (frames - 1) * header;
                    let got = at_egress(header + payload, wire, || Gso { segs: 0, size });
                    assert_eq!(got, Segments { frames, header }, "{header} {size} {payload}");
                    assert_eq!(at_ingress(header + payload, header, Gso { segs: 0, size }), frames);
                }
            }
        }
    }
}
