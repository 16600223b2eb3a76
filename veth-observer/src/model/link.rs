//! Ends and pairs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the namespace of pid 1 is called.
pub const HOST: &str = "host";

/// A network namespace as far as the caller may know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Who lives in the namespace; none for the machine's own, for the caller's own, and where no container does.
    pub owner: Option<Owner>,
}

impl End {
    /// The name, or `ifindex N` where the name is not visible.
    pub fn label(&self) -> String {
        self.ifname.clone().unwrap_or_else(|| format!("ifindex {}", self.ifindex))
    }

    /// Where it is, in the words of people: the container or pod, else the namespace.
    pub fn home(&self) -> String {
        self.owner.as_ref().and_then(Owner::selector).unwrap_or_else(|| self.netns.to_string())
    }
}

/// Who lives in a namespace: a container, or a pod, whose containers share one. What cannot be told is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `systemd-nspawn` or `runc`.
    pub runtime: Option<String>,
    /// Of the container that brought the namespace: in a pod its sandbox.
    pub id: Option<String>,
    /// Of that container; none for the sandbox of a pod, which nobody calls by its name.
    pub name: Option<String>,
    pub pod: Option<String>,
    /// Of Kubernetes.
    pub namespace: Option<String>,
    /// Lowest process of that container.
    pub pid: Option<u32>,
    pub image: Option<String>,
    /// All containers in the namespace but sandboxes, by name or else by the beginning of their id, sorted.
    pub containers: Vec<String>,
}

/// Digits of an id that are enough for people, as runtimes print it.
const SHORT: usize = 12;

impl Owner {
    /// The beginning of the id; the whole of one that is a name.
    pub fn short_id(&self) -> Option<&str> {
        self.id.as_deref().map(short)
    }

    /// `container:web` or `pod:default/db-0`, as it can be asked for.
    pub fn selector(&self) -> Option<String> {
        match (&self.pod, &self.namespace) {
            (Some(pod), Some(namespace)) => Some(format!("pod:{namespace}/{pod}")),
            (Some(pod), None) => Some(format!("pod:{pod}")),
            (None, _) => Some(format!("container:{}", self.name.as_deref().or(self.short_id())?)),
        }
    }
}

/// The first twelve digits of a hexadecimal id, and any other one whole.
pub fn short(id: &str) -> &str {
    let is_hex = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { &id[..SHORT] } else { id }
}

/// Two ends that are each other's peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub ends: [End; 2],
}
