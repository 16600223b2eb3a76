//! One record of the ring buffer: this header, then the snapped bytes of the frame.

/// `departed_ns` of a frame that was never seen sent.
pub const NEVER: u64 = u64::MAX;

/// `cpu` of a departure that is known by the frame's bytes alone.
pub const ANY_CPU: u32 = u32::MAX;

/// The longest snap length, in bytes: a whole frame of the largest MTU, with its header and one tag.
pub const MAX_SNAPLEN: u32 = 65_535 + 18;

/// Bytes that records have room for, beside the snap length: the least that fits is taken. A bare small frame, one of the
/// usual MTU, a jumbo frame.
pub const ROOMS: [u32; 3] = [128, 1600, 9216];

/// What a record tells.
pub mod kind {
    /// A frame was at the egress hook of the sending end.
    pub const SENT: u8 = 0;
    /// A frame was at the ingress hook of the other.
    pub const RECEIVED: u8 = 1;
    /// A frame died between the two. Its bytes are told only where departures are not.
    pub const DIED: u8 = 2;
}

/// In the byte order of the host, except where said.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleHeader {
    /// CLOCK_MONOTONIC at the hook, nanoseconds.
    pub at_ns: u64,
    /// CLOCK_MONOTONIC of departure in nanoseconds, or [`NEVER`]. With the CPU it tells one departure from all others.
    pub departed_ns: u64,
    /// Of a departure, its number among those of this CPU and direction, from 1 on; of a death, the address of the kernel
    /// function; else 0.
    pub detail: u64,
    /// `skb->len`: bytes from the Ethernet header on, without a VLAN tag that the kernel took out.
    pub len: u32,
    /// Frames that the skb stands for.
    pub frames: u32,
    /// Bytes of the frame that follow and are valid.
    pub captured: u32,
    /// [`crate::slot`] of the pair and direction.
    pub slot: u32,
    /// The CPU it left on, or [`ANY_CPU`].
    pub cpu: u32,
    /// Of a death, `enum skb_drop_reason` of the running kernel; else 0.
    pub reason: u32,
    /// `skb->vlan_tci`, host order; meaningless when `vlan_proto` is 0.
    pub vlan_tci: u16,
    /// EtherType of the tag that the kernel took out, host order, or 0.
    pub vlan_proto: u16,
    /// One of [`kind`].
    pub kind: u8,
    /// Of a death, one of [`crate::drops::device`]; else 0.
    pub device: u8,
    pub reserved: [u8; 2],
}

pub const HEADER_LEN: usize = size_of::<SampleHeader>();

const _: () = assert!(HEADER_LEN == 56);

impl SampleHeader {
    /// Splits a record into header and frame; `None` when it is shorter than it says.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = record.split_at_checked(HEADER_LEN)?;
        let u64_at = |at: usize| Some(u64::from_ne_bytes(header.get(at..at + 8)?.try_into().ok()?));
        let u32_at = |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let u16_at = |at: usize| Some(u16::from_ne_bytes(header.get(at..at + 2)?.try_into().ok()?));
        let header = Self {
            at_ns: u64_at(0)?,
            departed_ns: u64_at(8)?,
            detail: u64_at(16)?,
            len: u32_at(24)?,
            frames: u32_at(28)?,
            captured: u32_at(32)?,
            slot: u32_at(36)?,
            cpu: u32_at(40)?,
            reason: u32_at(44)?,
            vlan_tci: u16_at(48)?,
            vlan_proto: u16_at(50)?,
            kind: *header.get(52)?,
            device: *header.get(53)?,
            reserved: [0; 2],
        };
        Some((header, rest.get(..header.captured as usize)?))
    }

    /// How long the frame was under way, in nanoseconds; none when it was never seen sent.
    pub fn delay_ns(&self) -> Option<u64> {
        (self.departed_ns != NEVER).then(|| self.at_ns.saturating_sub(self.departed_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_splits_at_every_length_or_says_no() {
        let mut record = [0_u8; HEADER_LEN + 20];
        record[0..8].copy_from_slice(&70_u64.to_ne_bytes());
        record[8..16].copy_from_slice(&50_u64.to_ne_bytes());
        record[32..36].copy_from_slice(&20_u32.to_ne_bytes());
        record[48..50].copy_from_slice(&0x0123_u16.to_ne_bytes());
        record[52] = kind::DIED;
        for cut in 0..record.len() {
            assert_eq!(SampleHeader::split(&record[..cut]), None, "{cut}");
        }
        let (header, bytes) = SampleHeader::split(&record).unwrap();
        assert_eq!((header.captured, header.vlan_tci, bytes.len()), (20, 0x0123, 20));
        assert_eq!((header.kind, header.delay_ns()), (kind::DIED, Some(20)));
        assert_eq!(SampleHeader { departed_ns: NEVER, ..header }.delay_ns(), None);
        assert_eq!(SampleHeader { departed_ns: 71, ..header }.delay_ns(), Some(0));
    }
}
