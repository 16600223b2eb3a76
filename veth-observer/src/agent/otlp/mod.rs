//! Pushing the numbers to a receiver of OpenTelemetry, over OTLP/HTTP in protobuf. Built in by the cargo feature `otlp`.
//!
//! * [`Flags`]: what the command line says of it; `settings` and `resource` add the standard variables.
//! * `exporter`: snapshots as bodies of requests.
//! * `receiver`: one request and what became of it. `tls` says whom to trust.
//! * [`Pushing`]: when to send, when to try again, and what to tell. On a thread of its own: a receiver that is slow or dead
//!   holds up nothing but what it is to be sent, and of that there is never more than one export.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod backoff;
#[cfg(feature = "otlp")]
mod exporter;
mod flags;
#[cfg(feature = "otlp")]
mod pushing;
#[cfg(feature = "otlp")]
mod receiver;
#[cfg(feature = "otlp")]
mod resource;
#[cfg(feature = "otlp")]
mod settings;
#[cfg(feature = "otlp")]
mod tls;

#[cfg(not(feature = "otlp"))]
pub use self::absent::Pushing;
pub use self::flags::Flags;
#[cfg(feature = "otlp")]
pub use self::pushing::Pushing;
