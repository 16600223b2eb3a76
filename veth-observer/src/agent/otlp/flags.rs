//! The flags of pushing.

use std::time::Duration;

use clap::Args;

use crate::agent::source::FRESH;

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "OTLP options")]
#[group(id = "otlp")]
pub struct Flags {
    /// Push the metrics to this receiver, http://HOST:4318 or https://…; /v1/metrics is added unless it is there. The standard
    /// OTEL_* variables are heeded
    #[arg(long, value_name = "URL")]
    #[cfg_attr(not(feature = "otlp"), arg(hide = true))]
    pub otlp_endpoint: Option<String>,
    /// Push so often; else OTEL_METRIC_EXPORT_INTERVAL, or once a minute
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    #[cfg_attr(not(feature = "otlp"), arg(hide = true))]
    pub otlp_interval: Option<Duration>,
}

/// Not more often than there are new numbers.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < FRESH { Err("the shortest is 100ms".to_owned()) } else { Ok(interval) }
}
