//! Failures that a caller of the binary can tell apart: each kind has its own exit code.
//!
//! Everything else is a plain [`anyhow::Error`] and exits with 1, as does [`Kind::Failed`], of which we know what mends it.

use std::fmt;

/// What went wrong, as far as the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It did not work this time.
    Failed,
    /// The command line asks for something that cannot be.
    Usage,
    /// A privilege or a kernel feature is missing.
    Unavailable,
    /// No such interface, pair, namespace or container, or more than one.
    NotFound,
    /// A threshold was not met; the numbers themselves are good.
    Breached,
}

impl Kind {
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::NotFound => 4,
            Self::Breached => 5,
        }
    }
}

/// The capabilities that observing and managing pairs takes: by name, by number (include/uapi/linux/capability.h), and
/// what each is for.
pub const CAPABILITIES: [(&str, u32, &str); 7] = [
    ("cap_net_admin", 12, "attach programs, see into other namespaces, make pairs"),
    ("cap_net_raw", 13, "send frames"),
    ("cap_sys_ptrace", 19, "find the namespaces of other users' processes"),
    ("cap_sys_admin", 21, "enter the namespaces of containers"),
    ("cap_syslog", 34, "name the functions of the kernel where frames are dropped"),
    ("cap_perfmon", 38, "load programs that the verifier checks as a tracer's"),
    ("cap_bpf", 39, "load programs and maps"),
];

/// The command that gives this program the privilege it lacks.
pub fn privilege_fix() -> String {
    let program = std::env::current_exe();
    let program = program.map_or_else(|_| "veth-observer".into(), |path| path.display().to_string());
    // setcap sets all at once, so none may be missing.
    let all = CAPABILITIES.map(|(name, ..)| name).join(",");
    format!("run it with sudo, or once: sudo setcap {all}+ep {program}")
}

/// One sentence for a person, the command that mends it where there is one, and the kind for the exit code.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    pub message: String,
    pub fix: Option<String>,
}

impl Fault {
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into(), fix: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), fix: None }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unavailable, message: message.into(), fix: None }
    }

    /// Unavailable for lack of privilege, with the exact way to get it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::unavailable(message).fix(privilege_fix())
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self { kind: Kind::NotFound, message: message.into(), fix: None }
    }

    pub fn breached(message: impl Into<String>) -> Self {
        Self { kind: Kind::Breached, message: message.into(), fix: None }
    }

    /// Adds the command that mends it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
