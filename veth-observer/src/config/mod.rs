//! What the agent is told: by flags, by the environment, by a file, in that order.
//!
//! * [`Flags`]: the command line and the environment.
//! * [`File`]: the file, in TOML, with everything that is wrong in it and where.
//! * [`Settings`]: what holds, and where each value came from.

mod effective;
mod file;
mod flags;
mod problem;
mod settings;
mod values;

use std::{io::ErrorKind, path::Path};

use crate::fault::Fault;

pub use effective::Effective;
pub use file::{File, parse};
pub use flags::Flags;
pub use problem::Problem;
pub use settings::{Origin, Settings, aliases};

/// Read where no other is named, if it is there.
pub const PATH: &str = "/etc/veth-observer/config.toml";

/// Every key with its default and what it means.
pub const TEMPLATE: &str = include_str!("template.toml");

/// The text of a file that must be there.
pub fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| {
        let fault = Fault::usage(format!("cannot read {}: {}", path.display(), problem::reason(&error)));
        match error.kind() {
            ErrorKind::NotFound => fault.fix(format!("veth-observer config print > {}", path.display())),
            _ => fault,
        }
    })
}

#[cfg(test)]
mod tests;
