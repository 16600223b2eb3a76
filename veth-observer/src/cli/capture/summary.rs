//! What a capture came to, in one line or one object.

use anyhow::Result;
use serde_json::json;

use super::{recorder::Captured, sink::Files, target::Target};
use crate::{
    cli::output::{self, Output},
    model::SCHEMA,
    view::escape,
};

/// On standard error; as JSON on standard output, unless the capture is there.
pub(super) fn print(
    out: &mut Output,
    captured: &Captured,
    target: &Target,
    names: [String; 2],
    ended: Option<String>,
) -> Result<()> {
    if !out.wants_json() {
        let ended = ended.map_or_else(String::new, |why| format!("ended early: {why}\n"));
        output::note(ended + &text(captured, &names));
        return Ok(());
    }
    let end = |at: usize| {
        let sampled = captured.sampled[at];
        json!({
            "end": names[at], "packets": captured.packets[at], "filtered": sampled.filtered,
            "skipped": sampled.skipped, "lost": sampled.lost,
        })
    };
    let object = json!({ "schema": SCHEMA, "summary": {
        "packets": captured.packets.iter().sum::<u64>(),
        "ends": [end(0), end(1)],
        "files": captured.files.kept,
        "files_begun": captured.files.begun,
        "ended": ended,
    }});
    if target.is_stdout() {
        output::note(object.to_string());
        return Ok(());
    }
    out.json(&object)
}

/// `12 packets in web.pcapng, 6 at web0 and 6 at eth0; 0 filtered, 0 skipped by --sample, 0 lost because the ring was full`
fn text(captured: &Captured, names: &[String; 2]) -> String {
    let [a, b] = captured.packets;
    let [first, second] = names.each_ref().map(|name| escape::name(name));
    let sum = |of: fn(&crate::model::sample::Sampled) -> u64| captured.sampled.iter().map(of).sum::<u64>();
    let (filtered, skipped, lost) = (sum(|end| end.filtered), sum(|end| end.skipped), sum(|end| end.lost));
    format!(
        "{} packet{}{}, {a} at {first} and {b} at {second}; {filtered} filtered, {skipped} skipped by --sample, \
        {lost} lost because the ring was full",
        a + b,
        if a + b == 1 { "" } else { "s" },
        place(&captured.files)
    )
}

fn place(Files { kept, begun }: &Files) -> String {
    match &kept[..] {
        [] => String::new(),
        [one] if *begun == 1 => format!(" in {}", one.display()),
        [one] => format!(" in {begun} files, of which {} is kept", one.display()),
        [first, .., last] => {
            let kept = kept.len();
            let (first, last) = (first.display(), last.display());
            format!(" in {begun} files, of which {kept} are kept, {first} to {last}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::Sampled;

    #[test]
    fn where_the_packets_are() {
        let files = |names: &[&str], begun| Files { kept: names.iter().map(Into::into).collect(), begun };
        assert_eq!(place(&files(&[], 1)), "");
        assert_eq!(place(&files(&["a"], 1)), " in a");
        assert_eq!(place(&files(&["a-0003"], 3)), " in 3 files, of which a-0003 is kept");
        assert_eq!(
            place(&files(&["a-0002", "a-0003", "a-0004"], 4)),
            " in 4 files, of which 3 are kept, a-0002 to a-0004"
        );
    }

    #[test]
    fn all_that_is_not_in_the_file_is_in_the_line() {
        let sampled = Sampled { taken: 6, skipped: 1, filtered: 2, lost: 3 };
        let captured = Captured {
            packets: [6, 5],
            sampled: [sampled; 2],
            files: Files { kept: vec!["web".into()], begun: 1 },
        };
        assert_eq!(
            text(&captured, &["web0".to_owned(), "eth0".to_owned()]),
            "11 packets in web, 6 at web0 and 5 at eth0; 4 filtered, 2 skipped by --sample, 6 lost because the ring was full"
        );
    }
}
