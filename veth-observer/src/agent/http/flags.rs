//! The flags of the web server, called as Prometheus' exporters call them.

use std::path::PathBuf;

use clap::{ArgAction, Args, builder::BoolishValueParser};

use super::Address;

#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Web options")]
pub struct Flags {
    /// Where to listen: ADDRESS:PORT, :PORT for all addresses, or unix:PATH; may be given several times
    #[arg(
        id = "listen_address",
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_values_t = [Address::LOOPBACK],
        value_delimiter = ',',
        env = "VETH_OBSERVER_WEB_LISTEN_ADDRESS",
        hide_env_values = true
    )]
    pub listen: Vec<Address>,
    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        env = "VETH_OBSERVER_WEB_TELEMETRY_PATH",
        hide_env_values = true
    )]
    pub telemetry_path: String,
    /// YAML file with `tls_server_config` and `basic_auth_users`, read anew when it changes
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "VETH_OBSERVER_WEB_CONFIG_FILE",
        hide_env_values = true
    )]
    pub config_file: Option<PathBuf>,
    /// Classic histograms with 15 buckets in place of 29
    #[arg(
        long = "web.coarse-histograms",
        env = "VETH_OBSERVER_WEB_COARSE_HISTOGRAMS",
        hide_env_values = true,
        value_name = "true|false",
        value_parser = BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        action = ArgAction::Set
    )]
    pub coarse_histograms: bool,
    /// Tell also the kernel function in which frames were dropped, in a label `location`
    #[arg(
        long = "web.drop-locations",
        env = "VETH_OBSERVER_WEB_DROP_LOCATIONS",
        hide_env_values = true,
        value_name = "true|false",
        value_parser = BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        action = ArgAction::Set
    )]
    pub drop_locations: bool,
    /// Let who may use a unix socket here watch frames, by `watch --agent`: what is said on the wire, and no longer numbers alone
    #[arg(
        long = "web.frames",
        env = "VETH_OBSERVER_WEB_FRAMES",
        hide_env_values = true,
        value_name = "true|false",
        value_parser = BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        action = ArgAction::Set
    )]
    pub frames: bool,
}

/// Paths that are taken.
const OURS: [&str; 4] = ["/", "/healthz", "/readyz", "/api"];

/// Checks a path of the metrics.
pub fn telemetry_path(path: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !path.starts_with('/') || !path.chars().all(is_plain) || path.contains("//") {
        return Err("give a path of letters, digits and /-_.~, as /metrics".into());
    }
    let path = path.trim_end_matches('/');
    let is_taken =
        path.is_empty() || OURS.contains(&path) || path.starts_with("/api/") || path.starts_with("/page/");
    if is_taken { Err("that path serves something else".into()) } else { Ok(path.to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        web: Flags,
    }

    fn flags(line: &str) -> Result<Flags, clap::Error> {
        Line::try_parse_from(["agent"].into_iter().chain(line.split_whitespace())).map(|line| line.web)
    }

    #[test]
    fn loopback_unless_said_otherwise() {
        assert_eq!(flags("").unwrap().listen, [Address::LOOPBACK]);
        let listen = flags("--web.listen-address [::]:9 --web.listen-address unix:/run/x").unwrap().listen;
        assert_eq!(listen.iter().map(Address::to_string).collect::<Vec<_>>(), ["[::]:9", "unix:/run/x"]);
    }

    #[test]
    fn metrics_take_no_path_of_another() {
        assert_eq!(flags("--web.telemetry-path=/probe/metrics/").unwrap().telemetry_path, "/probe/metrics");
        for path in
            ["", "/", "metrics", "/api/v1/report", "/healthz", "/readyz/", "/a b", "/{x}", "/*x", "//"]
        {
            let line = ["agent", "--web.telemetry-path", path];
            assert!(Line::try_parse_from(line).is_err(), "{path}");
        }
    }
}
