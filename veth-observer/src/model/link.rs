//! Ends and pairs.

use std::fmt;

use serde::Serialize;

/// A network namespace as far as the caller may know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Netns {
    /// SO_NETNS_COOKIE (Linux 5.14): never reused while the machine is up, unlike the inode. Needs entering the namespace.
    pub cookie: Option<u64>,
    /// Inode of the namespace file, the number in `net:[…]`.
    pub inode: Option<u64>,
    /// Name under /run/netns, else `pid N (command)`; none when neither is known.
    pub name: Option<String>,
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.inode) {
            (Some(name), _) => f.write_str(name),
            (None, Some(inode)) => write!(f, "net:[{inode}]"),
            (None, None) => f.write_str("another namespace"),
        }
    }
}

/// One end of a pair. What an unprivileged caller cannot see is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct End {
    pub ifname: Option<String>,
    /// Unique in its namespace only.
    pub ifindex: u32,
    pub netns: Netns,
    /// `aa:bb:cc:dd:ee:ff`
    pub mac: Option<String>,
    /// Bytes.
    pub mtu: Option<u32>,
    /// As `ip` prints it, in lower case: `up`, `down`, `lowerlayerdown`, …
    pub operstate: Option<String>,
    /// Who lives in the namespace; filled where container names are resolved.
    pub owner: Option<Owner>,
}

impl End {
    /// The name, or `ifindex N` where the name is not visible.
    pub fn label(&self) -> String {
        self.ifname.clone().unwrap_or_else(|| format!("ifindex {}", self.ifindex))
    }
}

/// Who lives in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Owner {
    pub runtime: Option<String>,
    pub id: Option<String>,
    pub name: Option<String>,
    pub pod: Option<String>,
    pub namespace: Option<String>,
    pub pid: Option<u32>,
}

/// Two ends that are each other's peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub ends: [End; 2],
}
