//! Our reading of the kernel's types against bpftool's.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use veth_observer::kernel::btf::Btf;

use crate::support::netns::run;

/// `[12] STRUCT 'net' size=…` and the lines below it.
struct Type {
    kind: String,
    name: String,
    line: String,
    below: Vec<String>,
}

static DUMP: LazyLock<HashMap<u32, Type>> = LazyLock::new(|| {
    let text = run("bpftool", &["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw"]);
    let (mut types, mut last) = (HashMap::<u32, Type>::new(), 0);
    for line in text.lines() {
        let Some((id, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else {
            types.get_mut(&last).unwrap().below.push(line.trim().to_owned());
            continue;
        };
        last = id.parse().unwrap();
        let kind = rest.split(' ').next().unwrap().to_owned();
        types.insert(last, Type { kind, name: quoted(rest), line: rest.to_owned(), below: Vec::new() });
    }
    types
});

fn quoted(line: &str) -> String {
    line.split('\'').nth(1).unwrap_or_default().to_owned()
}

fn number(line: &str, key: &str) -> u32 {
    let word = line.split(' ').find_map(|word| word.strip_prefix(key)).unwrap();
    word.parse().unwrap_or_else(|_| word.parse::<i32>().unwrap().cast_unsigned())
}

fn named(kind: &str, name: &str) -> &'static Type {
    DUMP.values().find(|found| found.kind == kind && found.name == name).unwrap()
}

fn unwrapped(id: u32) -> Option<&'static Type> {
    let found = DUMP.get(&id)?;
    match found.kind.as_str() {
        "TYPEDEF" | "CONST" | "VOLATILE" | "RESTRICT" | "TYPE_TAG" => {
            unwrapped(number(&found.line, "type_id="))
        }
        _ => Some(found),
    }
}

/// Bits to a member and its type, by bpftool's lines.
fn member(outer: &Type, name: &str) -> Option<(u32, u32)> {
    outer.below.iter().find_map(|line| {
        let (at, id) = (number(line, "bits_offset="), number(line, "type_id="));
        match quoted(line) {
            found if found == name => Some((at, id)),
            anonymous if anonymous == "(anon)" => {
                member(unwrapped(id)?, name).map(|(further, id)| (at + further, id))
            }
            _ => None,
        }
    })
}

fn offset(structure: &str, path: &[&str]) -> u32 {
    let (mut outer, mut bits) = (named("STRUCT", structure), 0);
    for (index, name) in path.iter().enumerate() {
        let (at, id) = member(outer, name).unwrap();
        bits += at;
        if index + 1 < path.len() {
            outer = unwrapped(id).unwrap();
        }
    }
    assert_eq!(bits % 8, 0);
    bits / 8
}

#[test]
fn members_are_where_bpftool_sees_them() {
    let btf = Btf::running().unwrap();
    for (structure, path) in [
        ("sk_buff", &["cb"][..]),
        ("sk_buff", &["len"]),
        ("sk_buff", &["head"]),
        ("sk_buff", &["end"]),
        ("sk_buff", &["dev"]),
        ("skb_shared_info", &["gso_size"]),
        ("skb_shared_info", &["gso_segs"]),
        ("net_device", &["ifindex"]),
        ("net_device", &["nd_net", "net"]),
        ("net", &["net_cookie"]),
    ] {
        assert_eq!(btf.offset(structure, path), Some(offset(structure, path)), "{structure} {path:?}");
    }
    assert_eq!(btf.offset("sk_buff", &["no_such_member"]), None);
    assert_eq!(btf.offset("no_such_structure", &["dev"]), None);
}

#[test]
fn drop_reasons_have_the_numbers_and_names_that_bpftool_sees() {
    let expected: BTreeMap<u32, String> = named("ENUM", "skb_drop_reason")
        .below
        .iter()
        .map(|line| (number(line, "val="), quoted(line).replace("SKB_DROP_REASON_", "")))
        .collect();
    assert!(expected.len() > 50);
    let reasons = Btf::running().unwrap().enumerators("skb_drop_reason");
    assert_eq!(reasons, expected);
    assert!(reasons.values().any(|name| name == "TC_EGRESS"));
}

#[test]
fn tracepoints_have_the_arguments_that_bpftool_sees() {
    let btf = Btf::running().unwrap();
    for tracepoint in ["kfree_skb", "consume_skb", "net_dev_start_xmit", "netif_receive_skb"] {
        let typedef = named("TYPEDEF", &format!("btf_trace_{tracepoint}"));
        let pointer = &DUMP[&number(&typedef.line, "type_id=")];
        let arguments = DUMP[&number(&pointer.line, "type_id=")].below.len() - 1;
        assert_eq!(btf.tracepoint_args(tracepoint), Some(arguments), "{tracepoint}");
    }
    assert_eq!(btf.tracepoint_args("no_such_tracepoint"), None);
}
