//! What this kernel and this process can do, and the sentence for what they cannot.

use std::{fs, io};

use anyhow::Result;
use aya::{maps::MapType, programs::ProgramType};

use crate::fault::{CAPABILITIES, Fault};

/// Where the kernel describes its own types; aya and the verifier name things by it.
pub const BTF: &str = "/sys/kernel/btf/vmlinux";

/// True when the kernel said "not you". EACCES is the verifier's "not so".
pub fn denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}

/// The exact way out for a caller who lacks the privilege to `what`.
pub fn missing_privilege(what: &str) -> Fault {
    Fault::denied(format!("no privilege to {what}"))
}

/// The capabilities of [`CAPABILITIES`] that this process does not have in effect.
pub fn missing_capabilities() -> Result<Vec<(&'static str, &'static str)>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = u64::from_str_radix(effective.unwrap_or_default().trim(), 16)?;
    let missing = CAPABILITIES.iter().filter(|(_, bit, _)| effective >> bit & 1 == 0);
    Ok(missing.map(|(name, _, purpose)| (*name, *purpose)).collect())
}

/// Whether open files or memory ran out: no fault of what was asked for, and it may pass.
pub fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    Errno::from_io_error(error)
        .is_some_and(|errno| [Errno::MFILE, Errno::NFILE, Errno::NOMEM].contains(&errno))
}

/// Tries to make a ring buffer (Linux 5.8).
pub fn has_ring_buffer() -> Result<bool> {
    Ok(aya::sys::is_map_supported(MapType::RingBuf)?)
}

/// Tries whether an XDP program may read frames in several pieces (Linux 5.18).
pub fn has_xdp_load_bytes() -> Result<bool> {
    let helper = aya::sys::BpfHelper::BPF_FUNC_xdp_load_bytes;
    Ok(aya::sys::is_helper_supported(ProgramType::Xdp, helper)?)
}

/// Release of the running kernel, as `uname -r` prints it.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
