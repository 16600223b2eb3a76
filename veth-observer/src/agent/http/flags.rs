//! The flags of the web server, called as Prometheus' exporters call them.

use std::path::PathBuf;

use clap::Args;

use super::Address;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Web options")]
pub struct Flags {
    /// Where to listen: ADDRESS:PORT, :PORT for all addresses, or unix:PATH; may be given several times
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_values_t = [Address::LOOPBACK])]
    pub listen: Vec<Address>,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics", value_parser = telemetry_path)]
    pub telemetry_path: String,
    /// YAML file with `tls_server_config` and `basic_auth_users`, read anew when it changes
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Classic histograms with 15 buckets in place of 29
    #[arg(long = "web.coarse-histograms")]
    pub coarse_histograms: bool,
    /// Tell also the kernel function in which frames were dropped, in a label `location`
    #[arg(long = "web.drop-locations")]
    pub drop_locations: bool,
}

/// Paths that are taken.
const OURS: [&str; 4] = ["/", "/healthz", "/readyz", "/api"];

fn telemetry_path(path: &str) -> Result<String, String> {
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
