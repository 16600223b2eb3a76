//! What this kernel and this process can do, and the sentence for what they cannot.

use std::io;

use crate::fault::Fault;

/// The capabilities that observing both ends of a container's pair takes, as `setcap` wants them.
pub const CAPABILITIES: &str = "cap_bpf,cap_net_admin,cap_net_raw,cap_perfmon,cap_sys_admin,cap_sys_ptrace";

/// True when the kernel said "not you". EACCES is the verifier's "not so".
pub fn denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}

/// The exact way out for a caller who lacks the privilege to `what`.
pub fn missing_privilege(what: &str) -> Fault {
    Fault::unavailable(format!("no privilege to {what}")).fix(privilege_fix())
}

/// The command that gives this program the privilege it lacks.
pub fn privilege_fix() -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "veth-observer".into(), |path| path.display().to_string());
    format!("run it with sudo, or once: sudo setcap {CAPABILITIES}+ep {program}")
}
