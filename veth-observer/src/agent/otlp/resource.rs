//! What the agent is, as every export says it.

use std::collections::BTreeMap;

use anyhow::Result;
use rustix::rand::{GetRandomFlags, getrandom};

use super::settings::{self, Environment};

/// Names and values; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to them and replace them.
pub(super) fn attributes(environment: Environment<'_>, version: &str) -> Result<Vec<(String, String)>> {
    let host = rustix::system::uname();
    let mut attributes: BTreeMap<String, String> = [
        ("service.name", "veth-observer".to_owned()),
        ("service.version", version.to_owned()),
        ("service.instance.id", random_uuid()?),
        ("host.name", host.nodename().to_string_lossy().into_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    attributes.extend(settings::pairs(environment, "OTEL_RESOURCE_ATTRIBUTES")?);
    if let Some(name) = environment("OTEL_SERVICE_NAME") {
        attributes.insert("service.name".to_owned(), name);
    }
    Ok(attributes.into_iter().collect())
}

/// Of version 4 (RFC 9562), as the conventions want it for what has no id of its own.
fn random_uuid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<BTreeMap<String, String>> {
        let environment =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        attributes(&environment, "1.2").map(|attributes| attributes.into_iter().collect())
    }

    #[test]
    fn an_agent_says_what_it_is() {
        let mine = of(&[]).unwrap();
        let keys: Vec<&str> = mine.keys().map(String::as_str).collect();
        assert_eq!(keys, ["host.name", "service.instance.id", "service.name", "service.version"]);
        assert_eq!((&*mine["service.name"], &*mine["service.version"]), ("veth-observer", "1.2"));
        assert!(!mine["host.name"].is_empty());
        let id = &mine["service.instance.id"];
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert!(groups == [8, 4, 4, 4, 12] && id.as_bytes()[14] == b'4', "{id}");
        assert_ne!(&of(&[]).unwrap()["service.instance.id"], id);
    }

    #[test]
    fn the_standard_variables_have_the_last_word() {
        let both = [
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a, service.instance.id=one,k8s.node.name=n%2C1"),
            ("OTEL_SERVICE_NAME", "b"),
        ];
        let said = of(&both).unwrap();
        assert_eq!(
            [&*said["service.name"], &*said["service.instance.id"], &*said["k8s.node.name"]],
            ["b", "one", "n,1"]
        );
        assert_eq!(of(&both[..1]).unwrap()["service.name"], "a");
        assert!(of(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1,b")]).is_err());
    }
}
