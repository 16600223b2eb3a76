//! A replay as text: what a file holds, what of it was sent, and what became of that.

use std::fmt::Write as _;

use super::{Style, escape, table::aligned, units};
use crate::model::replay::{Contents, Replayed, Told, Verification};

/// What all sentences are about.
pub struct Words<'a> {
    pub file: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub contents: &'a Contents,
    pub style: Style,
}

impl Words<'_> {
    /// What would be sent.
    pub fn planned(&self, frames: u64, bytes: Option<u64>, duration_ns: Option<u64>) -> String {
        let mut text = format!("would send {frames} frames");
        if let Some(bytes) = bytes {
            let _ = write!(text, ", {bytes} B");
        }
        let _ = write!(text, " of {} on {}", escape::name(self.file), escape::name(self.from));
        if let Some(ns) = duration_ns {
            let _ = write!(text, ", over {}", units::duration(ns, self.style));
        }
        text.push('\n');
        text + &self.skipped()
    }

    /// Why there is nothing to send.
    pub fn nothing(&self) -> String {
        let skipped = self.skipped();
        let why = if skipped.is_empty() { "it has none" } else { skipped.trim_end() };
        format!(
            "{} has no frame that can be sent on {}: {why}",
            escape::name(self.file),
            escape::name(self.from)
        )
    }

    /// What was sent.
    pub fn sent(&self, replayed: &Replayed) -> String {
        let mut text = format!(
            "sent {} frames, {} B of {} on {} in {}\n",
            replayed.sent,
            replayed.bytes,
            escape::name(self.file),
            escape::name(self.from),
            units::duration(replayed.elapsed_ns, self.style)
        );
        if replayed.refused > 0 {
            let _ =
                writeln!(text, "{} more dropped on the way out: queue full or peer down", replayed.refused);
        }
        text + &self.skipped()
    }

    /// What became of it at the other end.
    pub fn verified(&self, verified: &Verification) -> String {
        let Verification { arrived, missing, others, unseen, delay, .. } = verified;
        let to = escape::name(self.to);
        let mut text = format!("{arrived} arrived on {to}, {missing} did not\n");
        if verified.told == Told::ByBytes {
            let _ = writeln!(text, "told by their bytes from {others} frames of others that left meanwhile");
            if *missing > 0 && *unseen > 0 {
                let _ = writeln!(text, "{unseen} arrivals were not looked at, because the ring was full");
            }
        }
        if !verified.dropped.is_empty() {
            let whose = if *others > 0 { ", those of others among them" } else { "" };
            let rows = verified.dropped.iter().map(|place| {
                let reason = place.reason.clone().unwrap_or_else(|| "-".into());
                vec![place.stage.to_string(), place.frames.to_string(), reason, place.location.clone()]
            });
            let _ = writeln!(text, "\nseen to die on the way{whose}:");
            text += &aligned(&["STAGE", "FRAMES", "REASON", "LOCATION"], rows.collect(), 1);
        }
        if delay.count > 0 {
            let times = [
                delay.min_ns,
                delay.mean_ns,
                delay.p50_ns,
                delay.p90_ns,
                delay.p99_ns,
                delay.p999_ns,
                delay.max_ns,
            ];
            let mut row = vec![format!("{} > {to}", escape::name(self.from)), delay.count.to_string()];
            row.extend(times.map(|ns| ns.map_or_else(|| "-".into(), |ns| units::duration(ns, self.style))));
            let header = ["ONE-WAY DELAY", "COUNT", "MIN", "MEAN", "P50", "P90", "P99", "P99.9", "MAX"];
            let _ = write!(text, "\n{}", aligned(&header, vec![row], 1));
        }
        text
    }

    /// Why the replay did not hold.
    pub fn breach(&self, verified: &Verification) -> String {
        let Verification { arrived, missing, unseen, .. } = verified;
        let to = escape::name(self.to);
        let all = arrived + missing;
        if *unseen > 0 {
            let most = missing.min(unseen);
            return format!(
                "{missing} of {all} frames were not seen on {to}, of which {most} may have arrived unseen: others sent \
                 meanwhile, and the ring was full"
            );
        }
        format!("{missing} of {all} frames did not arrive on {to}")
    }

    fn skipped(&self) -> String {
        let (contents, skipped) = (self.contents, self.contents.skipped);
        if skipped.all() == 0 {
            return String::new();
        }
        let long = format!("longer than {} takes", escape::name(self.from));
        let reasons = [
            (skipped.not_ethernet, "no Ethernet"),
            (skipped.cut, "cut when they were captured"),
            (skipped.short, "shorter than an Ethernet header"),
            (skipped.long, long.as_str()),
        ];
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect();
        format!("skipped {} of {} records: {}\n", skipped.all(), contents.records, reasons.join(", "))
    }
}
