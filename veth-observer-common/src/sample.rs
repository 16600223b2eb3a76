//! One record of the ring buffer: this header, then the snapped bytes of the frame.

/// `delay_ns` of a frame that was never seen sent.
pub const NO_DELAY: u64 = u64::MAX;

/// The longest snap length, in bytes: a whole frame of the largest MTU, with its header and one tag.
pub const MAX_SNAPLEN: u32 = 65_535 + 18;

/// In the byte order of the host, except where said.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleHeader {
    /// CLOCK_MONOTONIC of arrival, nanoseconds.
    pub at_ns: u64,
    /// One-way delay in nanoseconds, or [`NO_DELAY`].
    pub delay_ns: u64,
    /// `skb->len`: bytes from the Ethernet header on, without a VLAN tag that the kernel took out.
    pub len: u32,
    /// Frames that the skb stands for.
    pub frames: u32,
    /// Bytes of the frame that follow and are valid.
    pub captured: u32,
    /// [`crate::slot`] of the pair and direction.
    pub slot: u32,
    /// `skb->vlan_tci`, host order; meaningless when `vlan_proto` is 0.
    pub vlan_tci: u16,
    /// EtherType of the tag that the kernel took out, host order, or 0.
    pub vlan_proto: u16,
    pub reserved: u32,
}

pub const HEADER_LEN: usize = size_of::<SampleHeader>();

const _: () = assert!(HEADER_LEN == 40);

impl SampleHeader {
    /// Splits a record into header and frame; `None` when it is shorter than it says.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = record.split_at_checked(HEADER_LEN)?;
        let u64_at = |at: usize| Some(u64::from_ne_bytes(header.get(at..at + 8)?.try_into().ok()?));
        let u32_at = |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let u16_at = |at: usize| Some(u16::from_ne_bytes(header.get(at..at + 2)?.try_into().ok()?));
        let header = Self {
            at_ns: u64_at(0)?,
            delay_ns: u64_at(8)?,
            len: u32_at(16)?,
            frames: u32_at(20)?,
            captured: u32_at(24)?,
            slot: u32_at(28)?,
            vlan_tci: u16_at(32)?,
            vlan_proto: u16_at(34)?,
            reserved: u32_at(36)?,
        };
        Some((header, rest.get(..header.captured as usize)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_splits_at_every_length_or_says_no() {
        let mut record = [0_u8; HEADER_LEN + 20];
        record[24..28].copy_from_slice(&20_u32.to_ne_bytes());
        record[32..34].copy_from_slice(&0x0123_u16.to_ne_bytes());
        for cut in 0..record.len() {
            assert_eq!(SampleHeader::split(&record[..cut]), None, "{cut}");
        }
        let (header, bytes) = SampleHeader::split(&record).unwrap();
        assert_eq!((header.captured, header.vlan_tci, bytes.len()), (20, 0x0123, 20));
    }
}
