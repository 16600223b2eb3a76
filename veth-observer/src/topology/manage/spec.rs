//! What a pair shall be, checked before the kernel is asked.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{fault::Fault, model::mac::Mac, netns::Namespace};

/// Both ends of a pair to be made.
#[derive(Debug, Clone)]
pub struct PairSpec {
    pub ends: [EndSpec; 2],
    /// Bytes, for both ends; none for the kernel's 1500.
    pub mtu: Option<u32>,
    /// Receive and transmit queues of both ends; none for as many as there are CPUs.
    pub queues: Option<u32>,
    /// Whether to bring both ends up.
    pub up: bool,
}

/// One end of a pair to be made.
#[derive(Debug, Clone)]
pub struct EndSpec {
    pub name: String,
    pub namespace: Namespace,
    pub addrs: Vec<Address>,
    /// None for one that the kernel draws.
    pub mac: Option<Mac>,
}

impl EndSpec {
    /// An end without addresses.
    pub fn new(name: impl Into<String>, namespace: Namespace) -> Self {
        Self { name: name.into(), namespace, addrs: Vec::new(), mac: None }
    }
}

/// An address with its prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    pub ip: IpAddr,
    pub prefix: u8,
}

impl FromStr for Address {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::usage(format!("address {text}: it must look like 10.0.0.1/24 or fd00::1/64"));
        let (ip, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        if prefix > longest {
            return Err(Fault::usage(format!("address {text}: the prefix is at most {longest} bits long")));
        }
        Ok(Self { ip, prefix })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// Reads a MAC address that an interface can have.
pub fn unicast_mac(text: &str) -> Result<Mac, Fault> {
    let mac: Mac = text.parse().map_err(|error| Fault::usage(format!("{text}: {error}")))?;
    if mac.0[0] & 1 == 1 {
        return Err(Fault::usage(format!(
            "MAC address {text}: it is a multicast address, an interface needs a unicast one"
        )));
    }
    if mac.0 == [0; 6] {
        return Err(Fault::usage(format!("MAC address {text}: an interface cannot have all zeros")));
    }
    Ok(mac)
}

/// Checks what net/core/dev.c `dev_valid_name` would refuse with a mere EINVAL.
pub fn check_name(name: &str) -> Result<(), Fault> {
    let wrong = |why: &str| Err(Fault::usage(format!("interface name {name:?}: {why}")));
    match name {
        "" => wrong("it is empty"),
        _ if name.len() > 15 => wrong(&format!("it has {} bytes, at most 15 fit", name.len())),
        "." | ".." => wrong("it cannot be a dot or two"),
        _ if name.contains('/') => wrong("it cannot contain a slash"),
        _ if name.contains(':') => wrong("it cannot contain a colon"),
        _ if name.contains('%') => wrong("it cannot contain a percent sign"),
        _ if name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            wrong("it cannot contain white space")
        }
        _ => Ok(()),
    }
}

/// ETH_MIN_MTU to ETH_MAX_MTU, as drivers/net/veth.c sets them.
pub fn check_mtu(mtu: u32) -> Result<(), Fault> {
    if (68..=65_535).contains(&mtu) {
        return Ok(());
    }
    Err(Fault::usage(format!("MTU {mtu}: a veth device takes 68 to 65535 bytes")))
}

/// 1 to 4096, as net/core/rtnetlink.c `rtnl_create_link` takes them.
pub fn check_queues(queues: u32) -> Result<(), Fault> {
    if (1..=4096).contains(&queues) {
        return Ok(());
    }
    Err(Fault::usage(format!("{queues} queues: a veth device takes 1 to 4096")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_kernel_takes() {
        for good in ["a", "veth0", "fifteen-bytes-x", "eth0.100", "ünï"] {
            check_name(good).expect(good);
        }
        for bad in ["", "sixteen-bytes-xx", "a/b", ".", "..", "a b", "a:b", "a\tb", "veth%d", "ünïcödé-nämé"]
        {
            check_name(bad).expect_err(bad);
        }
    }

    #[test]
    fn macs_are_unicast() {
        assert_eq!(unicast_mac("02:00:00:00:00:0A").unwrap().to_string(), "02:00:00:00:00:0a");
        for bad in [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:01:02",
            "02:00:00:00:00:zz",
            "01:00:5e:00:00:01",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "+2:0:0:0:0:1",
        ] {
            unicast_mac(bad).expect_err(bad);
        }
    }

    #[test]
    fn addresses_carry_a_prefix_that_fits() {
        for good in ["10.0.0.1/24", "10.0.0.1/32", "fd00::1/128", "0.0.0.0/0"] {
            assert_eq!(good.parse::<Address>().expect(good).to_string(), good);
        }
        for bad in ["10.0.0.1", "10.0.0.1/33", "fd00::1/129", "10.0.0/24", "x/1", "10.0.0.1/-1", "10.0.0.1/"]
        {
            bad.parse::<Address>().expect_err(bad);
        }
    }

    #[test]
    fn the_ends_of_the_mtu_range() {
        for (mtu, good) in [(67, false), (68, true), (65_535, true), (65_536, false)] {
            assert_eq!(check_mtu(mtu).is_ok(), good, "{mtu}");
        }
    }
}
