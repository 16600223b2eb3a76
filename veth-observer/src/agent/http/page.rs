//! The page at `/`: for now, where else to look.

/// With the path of the metrics in it.
pub(super) fn page(telemetry_path: &str) -> String {
    include_str!("page/index.html").replace("{telemetry_path}", telemetry_path)
}
