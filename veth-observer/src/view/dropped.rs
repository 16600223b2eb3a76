//! A frame that was dropped, as JSON has it: what is known of it, but for its bytes.

use serde::Serialize;

use super::{line, object::rfc3339};
use crate::{
    frame::describe::{Description, describe},
    model::{
        drop::{DroppedFrame, Stage},
        report::Dropped,
    },
};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Object<'a> {
    /// When it was freed, in nanoseconds since the Unix epoch.
    pub ts_ns: u64,
    /// The same in RFC 3339, UTC, nine digits.
    pub time: String,
    /// How long it had been under way.
    pub after_ns: u64,
    pub stage: Stage,
    /// `null` where the kernel gives none.
    pub reason: Option<&'a str>,
    pub location: &'a str,
    /// Bytes of the whole buffer.
    pub len: u32,
    /// Frames the buffer stood for.
    pub frames: u64,
    /// What it says, in the words of `watch`; empty where its bytes are not known.
    pub text: String,
    #[serde(flatten)]
    pub description: Description,
}

/// The JSON form of a frame that was dropped.
pub fn object(frame: &DroppedFrame) -> Object<'_> {
    let DroppedFrame { at_ns, after_ns, place, len, bytes } = frame;
    let Dropped { stage, reason, location, frames } = place;
    let description = describe(bytes, usize::try_from(*len).unwrap_or(usize::MAX));
    Object {
        ts_ns: *at_ns,
        time: rfc3339(*at_ns),
        after_ns: *after_ns,
        stage: *stage,
        reason: reason.as_deref(),
        location,
        len: *len,
        frames: *frames,
        text: if bytes.is_empty() { String::new() } else { line::brief(&description) },
        description,
    }
}
