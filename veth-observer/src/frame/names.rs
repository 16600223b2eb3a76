//! Names of protocol numbers, as people know them from tcpdump.

/// Name of an EtherType (IEEE 802 numbers); values below 0x0600 are an IEEE 802.3 length.
pub const fn ethertype(value: u16) -> Option<&'static str> {
    Some(match value {
        0x0000..=0x05dc => "802.3",
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x6558 => "TEB",
        0x8035 => "RARP",
        0x8100 => "802.1Q",
        0x86dd => "IPv6",
        0x8809 => "slow protocols",
        0x8847 => "MPLS",
        0x8848 => "MPLS multicast",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE",
        0x888e => "802.1X",
        0x88a8 => "802.1ad",
        0x88b5 | 0x88b6 => "experimental",
        0x88b7 => "OUI extended",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x9000 => "loopback test",
        _ => return None,
    })
}

/// Name of an IP protocol number (IANA "Assigned Internet Protocol Numbers").
pub const fn ip_protocol(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "hop-by-hop",
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        43 => "routing",
        44 => "fragment",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        59 => "no next header",
        60 => "destination options",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        136 => "udplite",
        253 | 254 => "experimental",
        _ => return None,
    })
}

/// Name of an ICMP type (RFC 792 and later).
pub const fn icmp4(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "echo reply",
        3 => "unreachable",
        5 => "redirect",
        8 => "echo request",
        11 => "time exceeded",
        12 => "parameter problem",
        13 => "timestamp request",
        14 => "timestamp reply",
        _ => return None,
    })
}

/// Name of an ICMPv6 type (RFC 4443, 4861, 2710, 3810).
pub const fn icmp6(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "unreachable",
        2 => "packet too big",
        3 => "time exceeded",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 | 143 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        _ => return None,
    })
}
