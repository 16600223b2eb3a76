//! What must hold whatever the bytes: no panic, no more than was there, and no control character onto a terminal.

use clap::Parser as _;
use veth_observer::{
    cli::Cli,
    collect,
    frame::{describe, hex},
    kernel::btf::Btf,
    model::{mac::Mac, sample::Record},
    topology::Selector,
    view::{Style, decode, fields, line, object},
};
use veth_observer_common::sample::SampleHeader;

/// The first two bytes say how long the frame was before it was cut.
pub(crate) fn frame(data: &[u8]) {
    let Some((len, bytes)) = data.split_first_chunk() else { return };
    let len = bytes.len().max(usize::from(u16::from_le_bytes(*len)));
    let description = describe::describe(bytes, len);
    assert!(!(description.cut && description.malformed), "{description:?}");
    assert!(!description.cut || len > bytes.len(), "{description:?}");
    serde_json::to_string(&description).expect("JSON");
    printable(&line::summary(&description));
    printable(&decode::decode(bytes));
    assert_eq!(hex::parse(&hex::digits(bytes)).ok().as_deref(), Some(bytes));
}

/// A record of the ring.
pub(crate) fn sample(data: &[u8]) {
    let split = SampleHeader::split(data);
    let record = collect::decode(data);
    assert!(split.is_some() || record.is_none());
    let (Some((header, bytes)), Some(record)) = (split, record) else { return };
    assert!(bytes.len() == header.captured as usize && bytes.len() <= data.len());
    let seen = match record {
        Record::Seen(seen) => seen,
        Record::Died(died) => return assert!(died.departure.from < 2 && died.bytes.len() <= bytes.len() + 4),
    };
    assert!(seen.from < 2 && seen.bytes.len() <= bytes.len() + 4);
    let fate = seen.arrival();
    let sample = seen.sample(fate);
    printable(&line::line(&sample, ["a", "b"], Style::default()));
    let object = line::object(&sample, ["a", "b"]).with_bytes(&sample.bytes);
    let json = serde_json::to_vec(&object).expect("JSON");
    assert_eq!(object::read(&json), Ok(object::Line::Frame(Box::new(object))));
}

/// What somebody typed: a selector, an address, bytes in hex, or flags of `send`.
pub(crate) fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(selector) = text.parse::<Selector>() {
        assert_eq!(selector.to_string().parse::<Selector>().ok(), Some(selector));
    }
    if let Ok(mac) = text.parse::<Mac>() {
        assert_eq!(mac.to_string().parse::<Mac>().ok(), Some(mac));
    }
    if let Ok(bytes) = hex::parse(&text) {
        assert_eq!(hex::parse(&hex::digits(&bytes)).ok(), Some(bytes));
    }
    if let Ok(object::Line::Frame(object)) = object::read(data) {
        printable(&line::show(&object, line::Shape::default()));
        printable(&fields::text(&object, &["time", "from"]).expect("text").replace('\t', ""));
    }
    let words = ["veth-observer", "send", "veth0"].into_iter().chain(text.split_whitespace());
    drop(Cli::try_parse_from(words));
}

/// The type information of a kernel.
pub(crate) fn btf(data: &[u8]) {
    let Ok(btf) = Btf::parse(data.to_vec()) else { return };
    for (structure, path) in [
        ("sk_buff", &["dev"][..]),
        ("sk_buff", &["cb"]),
        ("net_device", &["nd_net", "net"]),
        ("Received", &["frames"]),
    ] {
        btf.offset(structure, path);
    }
    btf.enumerators("skb_drop_reason");
    btf.tracepoint_args("kfree_skb");
}

fn printable(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}
