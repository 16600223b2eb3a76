//! Why a pair is not observed, in few and fixed words.

use crate::{
    attach::Taken,
    fault::{Fault, Kind},
    kernel::features,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It went away.
    Gone,
    /// The namespace of an end cannot be entered.
    Unreachable,
    /// Two observers are on it already.
    Taken,
    /// A privilege or a feature of the kernel is missing.
    Unavailable,
    /// Open files or memory ran out.
    Exhausted,
    Failed,
}

impl Failure {
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let failure = if error.is::<Taken>() {
            Self::Taken
        } else if error.downcast_ref::<Fault>().is_some_and(|fault| fault.kind == Kind::Unavailable) {
            Self::Unavailable
        } else if error.chain().filter_map(|cause| cause.downcast_ref()).any(features::exhausted) {
            Self::Exhausted
        } else {
            Self::Failed
        };
        tracing::info!(reason = failure.word(), "{error:#}");
        failure
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Unreachable => "unreachable",
            Self::Taken => "taken",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Failed => "failed",
        }
    }
}
