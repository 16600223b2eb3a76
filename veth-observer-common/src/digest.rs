//! A frame recognised by its own bytes, where nothing else survives between the ends: a digest of what does not change on
//! the way, as in hash-based selection (RFC 5475 §6.2).
//!
//! Lengths, checksums and the flags that segmentation changes are left out, so the first segment of a GSO buffer has the
//! digest of the buffer.

/// Bytes that are looked at, from the Ethernet header on, without a VLAN tag; shorter frames are filled with zeros.
pub const LEN: usize = 80;
const WORDS: usize = LEN / 8;

/// Those bytes as words in the order of the machine, which must be little-endian for the masks below.
pub type Head = [u64; WORDS];

/// A departure that waits for its arrival: entry `slot * entries + digest % entries` of the table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    pub digest: u64,
    /// CLOCK_MONOTONIC, nanoseconds; 0 when it arrived, or when a frame with the same digest left meanwhile and nobody can
    /// tell the two apart.
    pub at_ns: u64,
}

const IPV4: u64 = 0x0008;
const IPV6: u64 = 0xdd86;
const TCP: u64 = 6;
const UDP: u64 = 17;

/// EtherType lies in bytes 12 and 13.
#[inline(always)]
fn ethertype(head: &Head) -> u64 {
    head[1] >> 32 & 0xffff
}

/// Digest of the head of a frame, which is spoilt by it.
#[inline(always)]
pub fn digest(head: &mut Head, key: u64) -> u64 {
    match ethertype(head) {
        IPV4 => forget_ipv4(head),
        IPV6 => forget_ipv6(head),
        _ => {}
    }
    let mut digest = key;
    for word in *head {
        digest = (digest ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        digest ^= digest >> 32;
    }
    digest
}

#[inline(always)]
fn forget_ipv4(head: &mut Head) {
    let header_words = head[1] >> 48 & 0xf;
    let protocol = head[2] >> 56;
    // Total length, bytes 16 and 17; checksum, 24 and 25.
    head[2] &= !0xffff;
    head[3] &= !0xffff;
    if header_words != 5 {
        // Behind options the transport header lies elsewhere: identification and addresses must do.
        forget_from_word_4(head);
    } else if protocol == TCP {
        // Flags, byte 47; checksum, 50 and 51.
        head[5] &= !(0xff << 56);
        head[6] &= !(0xffff << 16);
    } else if protocol == UDP {
        // Length, bytes 38 and 39; checksum, 40 and 41.
        head[4] &= !(0xffff << 48);
        head[5] &= !0xffff;
    }
}

#[inline(always)]
fn forget_ipv6(head: &mut Head) {
    let next = head[2] >> 32 & 0xff;
    // Payload length, bytes 18 and 19.
    head[2] &= !(0xffff << 16);
    if next == TCP {
        // Flags, byte 67; checksum, 70 and 71.
        head[8] &= !(0xff << 24 | 0xffff << 48);
    } else if next == UDP {
        // Length, bytes 58 and 59; checksum, 60 and 61.
        head[7] &= !(0xffff << 16 | 0xffff << 32);
    }
}

#[inline(always)]
fn forget_from_word_4(head: &mut Head) {
    // The destination address ends with byte 33.
    head[4] &= 0xffff;
    for word in &mut head[5..] {
        *word = 0;
    }
}

// SAFETY: repr(C), made of u64 only: no padding, no invalid bit pattern.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Departure {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x0123_4567_89ab_cdef;

    fn of(bytes: &[u8; LEN]) -> u64 {
        let mut head = [0; WORDS];
        for (word, bytes) in head.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap());
        }
        digest(&mut head, KEY)
    }

    fn frame(ethertype: u16, ip: &[u8], protocol_at: usize, protocol: u8) -> [u8; LEN] {
        let mut frame = core::array::from_fn(|index| index as u8 ^ 0x5a);
        frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
        frame[14..14 + ip.len()].copy_from_slice(ip);
        frame[protocol_at] = protocol;
        frame
    }

    /// Bytes whose change the digest does not see.
    fn forgotten(frame: &[u8; LEN]) -> [bool; LEN] {
        core::array::from_fn(|index| {
            let mut changed = *frame;
            changed[index] ^= 0x40;
            of(&changed) == of(frame)
        })
    }

    #[track_caller]
    fn forgets(frame: &[u8; LEN], expected: &[usize]) {
        for (index, forgotten) in forgotten(frame).into_iter().enumerate() {
            assert_eq!(forgotten, expected.contains(&index), "byte {index}");
        }
    }

    #[test]
    fn only_what_changes_on_the_way_is_forgotten() {
        forgets(&frame(0x0800, &[0x45], 23, 6), &[16, 17, 24, 25, 47, 50, 51]);
        forgets(&frame(0x0800, &[0x45], 23, 17), &[16, 17, 24, 25, 38, 39, 40, 41]);
        forgets(&frame(0x0800, &[0x45], 23, 1), &[16, 17, 24, 25]);
        forgets(&frame(0x86dd, &[0x60], 20, 6), &[18, 19, 67, 70, 71]);
        forgets(&frame(0x86dd, &[0x60], 20, 17), &[18, 19, 58, 59, 60, 61]);
        forgets(&frame(0x0806, &[], 23, 6), &[]);
    }

    #[test]
    fn behind_options_the_addresses_must_do() {
        let forgotten = forgotten(&frame(0x0800, &[0x46], 23, 6));
        assert!(forgotten[34..].iter().all(|&forgotten| forgotten));
        assert!(!forgotten[26..34].iter().any(|&forgotten| forgotten));
    }
}
