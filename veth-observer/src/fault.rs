//! Failures that a caller of the binary can tell apart: each kind has its own exit code.
//!
//! Everything else is a plain [`anyhow::Error`] and exits with 1.

use std::fmt;

/// What went wrong, as far as the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::NotFound => 4,
            Self::Breached => 5,
        }
    }
}

/// One sentence for a person, the command that mends it where there is one, and the kind for the exit code.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    pub message: String,
    pub fix: Option<String>,
}

impl Fault {
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), fix: None }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unavailable, message: message.into(), fix: None }
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
