//! Fields of a frame by the names that they have in its JSON, in an order of choice.

use anyhow::Result;
use serde_json::{Map, Value};

use super::{escape, object::Object};
use crate::model::SCHEMA;

/// Every key that an [`Object`] can have, those inside others behind a dot.
pub const NAMES: &[&str] = &[
    "ts_ns",
    "time",
    "point",
    "end",
    "from",
    "to",
    "number",
    "fate",
    "delay_ns",
    "stage",
    "reason",
    "location",
    "len",
    "frames",
    "src_mac",
    "dst_mac",
    "vlans",
    "ethertype",
    "network",
    "network.src",
    "network.dst",
    "network.ttl",
    "network.protocol",
    "network.fragment",
    "network.fragment.id",
    "network.fragment.offset",
    "network.fragment.more",
    "transport",
    "transport.kind",
    "transport.src_port",
    "transport.dst_port",
    "transport.flags",
    "transport.type",
    "transport.code",
    "transport.echo",
    "transport.echo.id",
    "transport.echo.sequence",
    "arp",
    "arp.operation",
    "arp.sender",
    "arp.sender.mac",
    "arp.sender.ip",
    "arp.target",
    "arp.target.mac",
    "arp.target.ip",
    "cut",
    "malformed",
    BYTES,
];

/// The one that is only there when it is asked for.
pub const BYTES: &str = "frame_hex";

/// The values, with a tab between two; empty where the frame has none, and with commas between several.
pub fn text(object: &Object, names: &[impl AsRef<str>]) -> Result<String> {
    let object = serde_json::to_value(object)?;
    let values = names.iter().map(|name| match find(&object, name.as_ref()) {
        None => String::new(),
        Some(Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Some(value) => plain(value),
    });
    Ok(values.map(|value| escape::name(&value).into_owned()).collect::<Vec<_>>().join("\t"))
}

/// An object with these keys only, nested as they were; `null` where the frame has none.
pub fn json(object: &Object, names: &[impl AsRef<str>]) -> Result<Value> {
    let object = serde_json::to_value(object)?;
    let mut picked = Map::from_iter([("schema".to_owned(), SCHEMA.into())]);
    for name in names {
        let value = find(&object, name.as_ref()).cloned().unwrap_or_default();
        put(&mut picked, name.as_ref(), value);
    }
    Ok(Value::Object(picked))
}

fn find<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.').try_fold(object, |inside, key| inside.get(key)).filter(|value| !value.is_null())
}

fn put(picked: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(picked.insert(name.to_owned(), value)),
        Some((outer, inner)) => {
            let outer = picked.entry(outer).or_insert_with(|| Map::new().into());
            // Else it was picked whole, and the frame has none.
            if let Value::Object(outer) = outer {
                put(outer, inner, value);
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::object::{
            object,
            tests::{NAMES as ENDS, fates, sample},
        },
        *,
    };
    use crate::{
        frame::specimen::{self, SCAPY},
        model::sample::Sample,
    };

    fn paths(value: &Value, before: &str, found: &mut BTreeSet<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            found.insert(format!("{before}{key}"));
            paths(value, &format!("{before}{key}."), found);
        }
    }

    #[test]
    fn the_names_are_those_of_the_json_and_no_others() {
        let mut found = BTreeSet::new();
        for (name, _) in SCAPY {
            for fate in fates() {
                let bytes = specimen::frame(name);
                let sample = Sample { fate, ..sample(bytes.clone()) };
                let object = object(&sample, ENDS).with_bytes(&bytes);
                paths(&serde_json::to_value(&object).unwrap(), "", &mut found);
            }
        }
        assert!(found.remove("schema"));
        assert_eq!(NAMES.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), found);
        assert_eq!(NAMES.len(), found.len(), "each once");
    }

    #[test]
    fn text_is_tabs_in_the_order_of_choice() {
        let show = |name: &str, fields: &[&str]| {
            text(&object(&sample(specimen::frame(name)), ENDS), fields).unwrap()
        };
        assert_eq!(show("tcp4", &["transport.dst_port", "src_mac", "len"]), "2222\t22:11:11:11:11:11\t57");
        assert_eq!(show("arp", &["transport.dst_port", "delay_ns", "number", "cut"]), "\t2420\t\tfalse");
        assert_eq!(show("qinq", &["vlans", "ethertype"]), "100,5\t0x0800");
        assert_eq!(show("icmp4", &["transport.echo"]), r#"{"id":1,"sequence":3}"#);
    }

    #[test]
    fn text_of_a_hostile_name_stays_one_line_with_its_tabs() {
        let hostile = object(&sample(specimen::frame("arp")), ["a\u{1b}[2J\t", "b\n"]);
        assert_eq!(text(&hostile, &["from", "to"]).unwrap(), "a\\u{1b}[2J\\t\tb\\n");
    }

    #[test]
    fn json_keeps_the_nesting_and_says_null() {
        let pick = |name: &str, fields: &[&str]| {
            json(&object(&sample(specimen::frame(name)), ENDS), fields).unwrap().to_string()
        };
        assert_eq!(
            pick("tcp4", &["src_mac", "transport.dst_port", "transport.src_port", "stage"]),
            r#"{"schema":1,"src_mac":"22:11:11:11:11:11","stage":null,"transport":{"dst_port":2222,"src_port":1111}}"#
        );
        assert_eq!(pick("arp", &["transport.dst_port"]), r#"{"schema":1,"transport":{"dst_port":null}}"#);
        for order in [["transport", "transport.kind"], ["transport.kind", "transport"]] {
            assert_eq!(pick("arp", &order), r#"{"schema":1,"transport":null}"#);
            assert!(pick("udp6", &order).contains(r#""transport":{"dst_port":2,"kind":"udp","src_port":1}"#));
        }
    }
}
