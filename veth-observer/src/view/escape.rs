//! What others chose, safe to print: names, sentences and JSON that hold them.

use std::borrow::Cow;

/// The text with every control character written as its escape, so that no name can steer a terminal.
///
/// An interface name may hold any byte but `/`, `:` and white space (`dev_valid_name` in the kernel).
pub fn name(text: &str) -> Cow<'_, str> {
    replace(text, steers, |c| c.escape_default().collect())
}

/// The same for sentences of several lines.
pub fn text(text: &str) -> Cow<'_, str> {
    replace(text, |c| steers(c) && c != '\n' && c != '\t', |c| c.escape_default().collect())
}

/// The same for JSON, which escapes but some of them, as JSON escapes the others. Line ends between its values stay.
pub fn json(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte == b'\n' || (b' '..0x7f).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    replace(text, |c| steers(c) && c != '\n', |c| format!("\\u{:04x}", u32::from(c)))
}

fn replace(text: &str, what: impl Fn(char) -> bool, by: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.chars().any(&what) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if what(c) { safe += &by(c) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// Control characters, and the marks that turn the direction of text around (Unicode UAX #9).
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{json, name, text};

    #[test]
    fn only_what_steers_is_escaped() {
        assert_eq!(name("veth0"), "veth0");
        assert_eq!(name("vethé"), "vethé");
        assert_eq!(name("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(name("a\nb\u{9b}\u{202e}"), "a\\nb\\u{9b}\\u{202e}");
    }

    #[test]
    fn sentences_keep_their_lines_and_json_its_meaning() {
        assert_eq!(text("one\n\ttwo\u{1b}c"), "one\n\ttwo\\u{1b}c");
        let hostile = "a\u{1b}\u{7f}\u{9b}2J\u{202e}é";
        let written = serde_json::to_string_pretty(&[hostile]).unwrap();
        let safe = json(&written);
        assert_eq!(safe, "[\n  \"a\\u001b\\u007f\\u009b2J\\u202eé\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [hostile]);
    }
}
