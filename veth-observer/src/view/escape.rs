//! Names that others chose, safe to print.

use std::borrow::Cow;

/// The text with every control character written as its escape, so that no name can steer a terminal.
///
/// An interface name may hold any byte but `/`, `:` and white space (`dev_valid_name` in the kernel).
pub fn name(text: &str) -> Cow<'_, str> {
    if text.chars().any(steers) {
        text.chars().flat_map(|c| if steers(c) { c.escape_default().collect() } else { vec![c] }).collect()
    } else {
        Cow::Borrowed(text)
    }
}

/// Control characters, and the marks that turn the direction of text around (Unicode UAX #9).
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn only_what_steers_is_escaped() {
        assert_eq!(name("veth0"), "veth0");
        assert_eq!(name("vethé"), "vethé");
        assert_eq!(name("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(name("a\nb\u{9b}\u{202e}"), "a\\nb\\u{9b}\\u{202e}");
    }
}
