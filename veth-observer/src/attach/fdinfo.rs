//! What the kernel says of our own BPF links under /proc/self/fdinfo, since aya gives out no descriptor of them.

use std::fs;

/// The file that tells where one of our links is attached now.
#[derive(Debug)]
pub(super) struct LinkFile(String);

impl LinkFile {
    /// The link of ours that has all these numbers.
    pub(super) fn find(numbers: &[(&str, u32)]) -> Option<Self> {
        for entry in fs::read_dir("/proc/self/fdinfo").ok()?.flatten() {
            let path = entry.path().display().to_string();
            let text = fs::read_to_string(&path).unwrap_or_default();
            if field(&text, "link_id").is_some()
                && numbers.iter().all(|&(name, number)| field(&text, name) == Some(number))
            {
                return Some(Self(path));
            }
        }
        None
    }

    /// Index of the device now, wherever it has moved; none once it is unregistered, or the link taken off.
    pub(super) fn ifindex(&self) -> Option<u32> {
        // kernel/bpf/tcx.c, `tcx_link_fdinfo`, and net/core/dev.c, `bpf_xdp_link_show_fdinfo`: 0 then.
        field(&fs::read_to_string(&self.0).ok()?, "ifindex").filter(|&index| index != 0)
    }
}

fn field(fdinfo: &str, name: &str) -> Option<u32> {
    fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}
