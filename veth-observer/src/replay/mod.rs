//! The frames of a capture file, onto an end again.
//!
//! A file is read twice, and never into memory whole: [`survey`] reads all of it before anything is sent, so that a
//! damaged file sends nothing, and [`play`] sends.

mod file;
mod play;
mod survey;

pub use file::{Capture, Record};
pub use play::{Plan, Stopped, Tempo, play};
pub use survey::{Skip, judge, survey};
