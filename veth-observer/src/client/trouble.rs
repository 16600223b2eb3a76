//! Why an agent gives no answer.

use std::{fmt, io};

use super::Address;
use crate::fault::Fault;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens there.
    Absent,
    /// The file of the socket, or a folder above it, is not for this user.
    Denied,
    /// The connection cannot be opened for another reason.
    Unreachable(String),
    /// It ended before the answer did.
    Closed,
    /// No answer in time.
    Silent,
    /// An answer that is none: its status and first line.
    Refused(u16, String),
    OtherSchema(u32),
    /// Something answers that is no agent of ours.
    Foreign,
}

impl Trouble {
    pub(super) fn of_opening(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::Absent,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Unreachable(error.to_string()),
        }
    }

    /// For a person who asked this agent.
    pub fn at(&self, address: &Address) -> Fault {
        let message = format!("{self} at {address}");
        match self {
            Self::Absent => Fault::failed(message)
                .fix("sudo systemctl start veth-observer, or --direct to observe without an agent (as root)"),
            Self::Denied => Fault::unavailable(message).fix(JOIN),
            Self::Silent | Self::Closed | Self::Unreachable(_) | Self::Refused(..) => Fault::failed(message)
                .fix("systemctl status veth-observer tells how it does; --direct observes without it (as root)"),
            Self::OtherSchema(_) | Self::Foreign => Fault::failed(message)
                .fix("use the veth-observer that the agent runs, or restart the agent; --direct observes without it"),
        }
    }
}

/// How to become one of those who may ask.
pub const JOIN: &str = "sudo usermod -aG veth-observer $USER, and log in again";

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no agent"),
            Self::Denied => f.write_str("this user may not ask the agent"),
            Self::Unreachable(why) => write!(f, "{why}: cannot reach the agent"),
            Self::Closed => f.write_str("the connection was closed by the agent"),
            Self::Silent => f.write_str("no answer in time from the agent"),
            Self::Refused(status, line) => write!(f, "{status} ({line}) was the answer of the agent"),
            Self::OtherSchema(schema) => {
                write!(f, "schema {schema} and not {} is what the agent speaks", crate::model::SCHEMA)
            }
            Self::Foreign => f.write_str("an answer of no agent that we know came"),
        }
    }
}

impl std::error::Error for Trouble {}
