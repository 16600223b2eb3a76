//! One record of the ring as a [`Record`]. Pure.

use veth_observer_common::{
    DIRECTIONS,
    drops::Place,
    sample::{ANY_CPU, NEVER, SampleHeader, kind},
};

use crate::model::sample::{Departure, Died, Point, Record, Seen};

const MACS: usize = 12;

/// `None` when the record is shorter than it says, or tells what is not known here.
///
pub fn decode(record: &[u8]) -> Option<Record> {
    let (header, bytes) = SampleHeader::split(record)?;
    let from = (header.slot % DIRECTIONS) as usize;
    let cpu = (header.cpu != ANY_CPU).then_some(header.cpu);
    let departure = Departure { from, at_ns: header.departed_ns, cpu };
    let (at_ns, frames) = (header.at_ns, header.frames);
    let (len, bytes) = on_the_wire(&header, bytes);
    let point = match header.kind {
        kind::SENT => Point::Sent,
        kind::RECEIVED => Point::Received,
        kind::DIED => {
            let (location, reason, device) = (header.detail, header.reason, u32::from(header.device));
            let place = Place { location, slot: header.slot, reason, device, reserved: 0 };
            return Some(Record::Died(Died { departure, at_ns, frames, place, len, bytes }));
        }
        _ => return None,
    };
    Some(Record::Seen(Seen {
        from,
        point,
        number: (point == Point::Sent).then_some(header.detail),
        at_ns,
        departure: (header.departed_ns != NEVER).then_some(departure),
        len,
        frames,
        bytes,
    }))
}

/// Length and bytes. The kernel takes an outer VLAN tag out of the frame before our hook; it is put back where it was.
fn on_the_wire(header: &SampleHeader, bytes: &[u8]) -> (u32, Vec<u8>) {
    let mut bytes = bytes.to_vec();
    if header.vlan_proto == 0 {
        return (header.len, bytes);
    }
    if bytes.len() >= MACS {
        let [a, b] = header.vlan_proto.to_be_bytes();
        let [c, d] = header.vlan_tci.to_be_bytes();
        bytes.splice(MACS..MACS, [a, b, c, d]);
    }
    (header.len.saturating_add(4), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, vlan_proto: u16, bytes: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        for word in [1000, NEVER, 7] {
            record.extend(word.to_ne_bytes());
        }
        for word in [60_u32, 1, u32::try_from(bytes.len()).unwrap(), 3, 2, 64] {
            record.extend(word.to_ne_bytes());
        }
        record.extend(0x0064_u16.to_ne_bytes());
        record.extend(vlan_proto.to_ne_bytes());
        record.extend([kind, 1, 0, 0]);
        record.extend(bytes);
        record
    }

    fn seen(record: &[u8]) -> Seen {
        match decode(record) {
            Some(Record::Seen(seen)) => seen,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tag_goes_back_behind_the_addresses() {
        let bytes: Vec<u8> = (0..20).collect();
        let tagged = seen(&record(kind::RECEIVED, 0x8100, &bytes));
        assert_eq!((tagged.from, tagged.at_ns, tagged.departure, tagged.len), (1, 1000, None, 64));
        assert_eq!(tagged.bytes[10..20], [10, 11, 0x81, 0, 0, 0x64, 12, 13, 14, 15]);
        assert_eq!(seen(&record(kind::RECEIVED, 0, &bytes)).bytes, bytes);
        assert_eq!(seen(&record(kind::RECEIVED, 0x8100, &bytes[..8])).bytes, bytes[..8]);
    }

    #[test]
    fn no_length_is_too_long() {
        let mut record = record(kind::SENT, 0x8100, &[0; 20]);
        record[24..28].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!((seen(&record).len, seen(&record).number), (u32::MAX, Some(7)));
    }

    #[test]
    fn a_death_tells_where_and_whose() {
        let bytes: Vec<u8> = (0..20).collect();
        let mut died = record(kind::DIED, 0x8100, &bytes);
        died[8..16].copy_from_slice(&500_u64.to_ne_bytes());
        let departure = Departure { from: 1, at_ns: 500, cpu: Some(2) };
        let place = Place { location: 7, slot: 3, reason: 64, device: 1, reserved: 0 };
        let Some(Record::Died(died)) = decode(&died) else { panic!("no death") };
        assert_eq!((died.departure, died.at_ns, died.frames, died.place), (departure, 1000, 1, place));
        assert_eq!((died.len, &died.bytes[12..16], died.bytes.len()), (64, &[0x81, 0, 0, 0x64][..], 24));
        assert_eq!(decode(&record(9, 0, &[])), None);
    }
}
