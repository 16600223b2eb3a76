//! Whether those who take every frame keep up, and what a filter costs each.

use std::fmt::Write as _;

use super::{
    account::Account,
    cases::Case,
    comparison::{Measure, Rows},
    report::shown,
    workloads::Workload,
};

/// What became of the frames, of every workload and case that has an account.
pub(super) fn accounts(rows: &Rows, cases: &[Case]) -> String {
    let mut table =
        "| load | case | offered | passed | taken | left out | lost | lost, share | in no number |\n\
                     |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for workload in Workload::ALL {
        for &case in cases {
            let Some(account) = rows.account(workload, case) else { continue };
            let Account { passed, taken, left_out, lost } = account;
            let rate = rows.median(workload, case, Measure::Rate).unwrap_or(f64::NAN);
            let unit = workload.unit();
            let _ = writeln!(
                table,
                "| {} | {} | {rate:.0} {unit}s/s | {passed} | {taken} | {left_out} | {lost} | {} | {} |",
                workload.name(),
                case.name(),
                share(lost, passed),
                account.untold(),
            );
        }
    }
    table
}

/// What the command with a filter adds to the flood beyond what the same command adds without; one that nothing matches
/// beyond `stats`, which takes no frames either.
pub(super) fn filters(rows: &Rows) -> String {
    let mut table =
        "| filter | compared | ns of CPU per frame | with the observer's own CPU |\n|---|---|---|---|\n"
            .to_owned();
    for (filter, case, base) in [
        ("all match", Case::WatchUdp, Case::WatchAll),
        ("all match", Case::CaptureUdp, Case::Capture),
        ("none match", Case::WatchNone, Case::Stats),
        ("none match", Case::CaptureNone, Case::Stats),
        ("none match", Case::CaptureNone, Case::Capture),
    ] {
        let over = |measure| shown(rows.over(Workload::Flood, case, base, measure), 0);
        let _ = writeln!(
            table,
            "| {filter} | {} less {} | {} | {} |",
            case.name(),
            base.name(),
            over(Measure::Cpu),
            over(Measure::AllCpu)
        );
    }
    table
}

#[expect(clippy::cast_precision_loss, reason = "counts of one benchmark lie far below 2^52")]
fn share(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.3} %", part as f64 * 100.0 / whole as f64) }
}
