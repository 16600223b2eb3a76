//! What the agent shows to the outside: numbers over HTTP, from whatever collects them.
//!
//! * [`source`]: asking the collecting task for a snapshot. Nothing else here comes near the kernel's maps.
//! * [`exporter`]: snapshots as bodies of answers, each made once.
//! * [`frames`]: asking whoever observes for frames, for one client.
//! * [`http`]: the server, and the page that it shows.
//! * [`otlp`]: the same, pushed.
//! * `json`: the bodies that only the server has.
//! * [`process`]: what the kernel says of our process.

pub mod exporter;
pub mod frames;
pub mod http;
mod json;
pub mod otlp;
pub mod process;
pub mod source;
