//! The web server: numbers for scrapers, programs and people, read-only.
//!
//! A client can hold up neither the collection nor another client: connections, waiting and sizes are bounded
//! ([`Limits`]), and whoever only occupies a place loses it to the next.

mod connections;
mod flags;
mod frames;
mod gate;
mod listen;
mod negotiate;
mod page;
mod passwords;
mod patience;
mod routes;
mod server;
mod serving;
mod stream;
mod tls;
mod unix;
mod web_config;

use std::time::Duration;

use self::server::Server;
#[cfg(feature = "otlp")]
pub(super) use self::tls::certificates;
pub use self::{
    flags::{Flags, telemetry_path},
    listen::Address,
    serving::Serving,
};
pub use crate::model::published::SOCKET;

/// Where metrics are served unless it is said otherwise. To be registered with Prometheus' list of ports.
pub const PORT: u16 = 10435;

/// What one client, or all of them, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Streams among them.
    pub streams: usize,
    /// Bytes of a request line and its headers.
    pub head: usize,
    /// From the beginning of a connection, or the end of the request before, to the end of the headers.
    pub reading: Duration,
    /// From there to the beginning of the answer.
    pub answering: Duration,
    /// That what is written may wait for the client to take it.
    pub writing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            streams: 32,
            head: 16 << 10,
            // No interval at which scrapers come: a connection is not to be closed just as it is used again.
            reading: Duration::from_secs(25),
            answering: Duration::from_secs(10),
            writing: Duration::from_secs(10),
        }
    }
}
