use pcap_file::pcapng::{Block, PcapNgReader};

use super::*;
use crate::model::{link::Netns, sample::Fate};

fn origin() -> Origin {
    let end = |name: &str, netns: &str, mac: Option<&str>| End {
        ifname: Some(name.to_owned()),
        netns: Netns { name: Some(netns.to_owned()), ..Netns::default() },
        mac: mac.map(str::to_owned),
        ..End::default()
    };
    let web = Owner { name: Some("web".to_owned()), id: Some("0123".to_owned()), ..Owner::default() };
    Origin {
        application: "veth-observer 1".to_owned(),
        os: "Linux 6.18".to_owned(),
        ends: [
            end("web0", "host", Some("02:00:00:00:00:0a")),
            End { owner: Some(web), ..end("eth0", "blue", None) },
        ],
        snaplen: 64,
        filter: Some("tcp port 80".to_owned()),
        loss_timeout: Duration::from_secs(2),
    }
}

fn sample(from: usize, point: Point, len: u8) -> Sample {
    let fate = Fate::Delivered { delay_ns: 1_500 };
    let bytes: Vec<u8> = (0..len).collect();
    let (number, at_ns) = (Some(7), 1_700_000_000_123_456_789);
    Sample { from, point, number, at_ns, fate, len: len.into(), frames: 1, bytes }
}

/// All blocks, as a reader of the format finds them.
fn blocks(bytes: &[u8]) -> Vec<Block<'static>> {
    let mut reader = PcapNgReader::new(bytes).unwrap();
    let mut blocks = vec![Block::SectionHeader(reader.section().clone())];
    while let Some(block) = reader.next_block() {
        blocks.push(block.unwrap().0.into_owned());
    }
    blocks
}

#[test]
fn a_section_names_its_origin_and_both_ends() {
    let blocks = blocks(&Section::new(&origin()).unwrap().take());
    let [Block::SectionHeader(header), Block::InterfaceDescription(x), Block::InterfaceDescription(y)] =
        &blocks[..]
    else {
        panic!("{blocks:?}")
    };
    assert_eq!(
        header.options,
        [
            SectionHeaderOption::OS("Linux 6.18".into()),
            SectionHeaderOption::UserApplication("veth-observer 1".into())
        ]
    );
    assert_eq!((x.linktype, x.snaplen), (DataLink::ETHERNET, 64));
    let filter = InterfaceDescriptionOption::IfFilter(b"\0tcp port 80"[..].into());
    let common = [
        InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        InterfaceDescriptionOption::IfOs("Linux 6.18".into()),
    ];
    let own = |name: &'static str, description: &'static str| {
        [
            InterfaceDescriptionOption::IfName(name.into()),
            InterfaceDescriptionOption::IfDescription(description.into()),
        ]
    };
    let mac = InterfaceDescriptionOption::IfMacAddr(vec![2, 0, 0, 0, 0, 0x0a].into());
    assert_eq!(
        x.options,
        [&own("web0", "web0 of web0 <-> eth0, in netns host")[..], &common, &[mac, filter.clone()]].concat()
    );
    assert_eq!(
        y.options,
        [&own("eth0", "eth0 of web0 <-> eth0, in netns blue, container web")[..], &common, &[filter]]
            .concat()
    );
}

#[test]
fn a_packet_is_on_the_interface_that_saw_it_and_cut_to_the_snap_length() {
    let mut section = Section::new(&origin()).unwrap();
    for (point, len, dropped) in [(Point::Sent, 64, 0), (Point::Received, 60, 3), (Point::Sent, 68, 0)] {
        section.packet(&sample(1, point, len), dropped).unwrap();
    }
    let blocks = blocks(&section.take());
    let comment = "#7 eth0>web0, delivered after 1.500 µs";
    for (block, (interface, flags, len, dropped)) in
        blocks[3..].iter().zip([(1, 2, 64, None), (0, 1, 60, Some(3)), (1, 2, 68, None)])
    {
        let packet = block.as_enhanced_packet().unwrap();
        assert_eq!((packet.interface_id, packet.original_len), (interface, len));
        assert_eq!(packet.timestamp, Duration::from_nanos(1_700_000_000_123_456_789));
        assert_eq!(packet.data[..], (0..u8::try_from(len.min(64)).unwrap()).collect::<Vec<_>>());
        let mut options = vec![
            EnhancedPacketOption::Flags(flags),
            EnhancedPacketOption::Common(CommonOption::Comment(comment.into())),
        ];
        options.extend(dropped.map(EnhancedPacketOption::DropCount));
        assert_eq!(packet.options, options);
    }
    assert_eq!(blocks.len(), 6);
}

#[test]
fn the_statistics_of_an_end_add_up() {
    let mut section = Section::new(&origin()).unwrap();
    assert!(!section.is_empty());
    let before = section.take();
    assert!(section.is_empty());
    let sampled = Sampled { taken: 10, skipped: 5, filtered: 3, lost: 2 };
    section.statistics(1, &Statistics { start_ns: 1, end_ns: 9, sampled, written: 10 }).unwrap();
    let blocks = blocks(&[before, section.take()].concat());
    let statistics = blocks[3].as_interface_statistics().unwrap();
    assert_eq!((statistics.interface_id, statistics.timestamp), (1, Duration::from_nanos(9)));
    assert_eq!(
        statistics.options,
        [
            InterfaceStatisticsOption::IsbStartTime(Duration::from_nanos(1)),
            InterfaceStatisticsOption::IsbEndTime(Duration::from_nanos(9)),
            InterfaceStatisticsOption::IsbIfRecv(20),
            InterfaceStatisticsOption::IsbFilterAccept(12),
            InterfaceStatisticsOption::IsbIfDrop(2),
            InterfaceStatisticsOption::IsbOsDrop(2),
            InterfaceStatisticsOption::IsbUsrDeliv(10),
        ]
    );
}

#[test]
fn owners_by_the_name_that_people_use() {
    let full = Owner {
        runtime: Some("containerd".to_owned()),
        id: Some("0123".to_owned()),
        name: Some("nginx".to_owned()),
        pod: Some("web-1".to_owned()),
        namespace: Some("shop".to_owned()),
        pid: Some(1),
        ..Owner::default()
    };
    assert_eq!(owner(&full).unwrap(), "pod shop/web-1, container nginx");
    assert_eq!(owner(&Owner { pod: None, ..full.clone() }).unwrap(), "container nginx");
    assert_eq!(owner(&Owner { pod: None, name: None, ..full }).unwrap(), "container 0123");
    assert_eq!(owner(&Owner::default()), None);
}
