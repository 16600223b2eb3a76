//! One record of the ring as a [`Sample`]. Pure.

use veth_observer_common::{
    DIRECTIONS,
    sample::{NO_DELAY, SampleHeader},
};

use crate::model::sample::{Fate, Point, Sample};

const MACS: usize = 12;

/// `None` when the record is shorter than it says.
///
/// The kernel takes an outer VLAN tag out of the frame before our hook; it is put back where it was on the wire.
pub fn decode(record: &[u8], wall_offset_ns: u64) -> Option<Sample> {
    let (header, bytes) = SampleHeader::split(record)?;
    let mut bytes = bytes.to_vec();
    let mut len = header.len;
    if header.vlan_proto != 0 {
        len = len.saturating_add(4);
        if bytes.len() >= MACS {
            let [a, b] = header.vlan_proto.to_be_bytes();
            let [c, d] = header.vlan_tci.to_be_bytes();
            bytes.splice(MACS..MACS, [a, b, c, d]);
        }
    }
    Some(Sample {
        from: (header.slot % DIRECTIONS) as usize,
        point: Point::Received,
        number: None,
        at_ns: header.at_ns.wrapping_add(wall_offset_ns),
        fate: match header.delay_ns {
            NO_DELAY => Fate::Unmatched,
            delay_ns => Fate::Delivered { delay_ns },
        },
        len,
        frames: header.frames,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(vlan_proto: u16, bytes: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        record.extend(1000_u64.to_ne_bytes());
        record.extend(NO_DELAY.to_ne_bytes());
        for word in [60_u32, 1, u32::try_from(bytes.len()).unwrap(), 3] {
            record.extend(word.to_ne_bytes());
        }
        record.extend(0x0064_u16.to_ne_bytes());
        record.extend(vlan_proto.to_ne_bytes());
        record.extend([0; 4]);
        record.extend(bytes);
        record
    }

    #[test]
    fn a_tag_goes_back_behind_the_addresses() {
        let bytes: Vec<u8> = (0..20).collect();
        let sample = decode(&record(0x8100, &bytes), 5).unwrap();
        assert_eq!((sample.from, sample.at_ns, sample.delay_ns(), sample.len), (1, 1005, None, 64));
        assert_eq!(sample.bytes[10..20], [10, 11, 0x81, 0, 0, 0x64, 12, 13, 14, 15]);
        assert_eq!(decode(&record(0, &bytes), 5).unwrap().bytes, bytes);
        assert_eq!(decode(&record(0x8100, &bytes[..8]), 5).unwrap().bytes, bytes[..8]);
    }

    #[test]
    fn no_length_is_too_long() {
        let mut record = record(0x8100, &[0; 20]);
        record[16..20].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(decode(&record, 0).unwrap().len, u32::MAX);
    }
}
