//! What is wrong with a file, and where.

use std::{fmt, io, ops::Range};

use serde::Serialize;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Such as `web.listen_address`; none where the file is no TOML at that place.
    pub key: Option<String>,
    pub message: String,
}

impl Problem {
    pub(super) fn new(text: &str, span: Range<usize>, key: Option<String>, message: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self { line, column, key, message }
    }
}

/// As compilers have it, without the file before it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// In the words of people, with the key that may have been meant. What serde says is the same since its first version.
pub(super) fn sentence(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let typed = quoted.next().unwrap_or_default();
        let keys: Vec<&str> = quoted.collect();
        let distance = |key: &&str| strsim::damerau_levenshtein(typed, key);
        let nearest =
            keys.iter().min_by_key(|key| distance(key)).filter(|key| distance(key) <= 1 + key.len() / 4);
        return match nearest {
            Some(nearest) => format!("there is no such key; did you mean {nearest}?"),
            None => format!("there is no such key, only {}", keys.join(", ")),
        };
    }
    if message.starts_with("missing field") {
        return format!("the key {} is missing", quoted.next().unwrap_or_default());
    }
    let words = [
        ("a sequence", "a list"),
        ("sequence", "list"),
        ("a map", "a table"),
        ("map", "table"),
        ("a boolean", "true or false"),
        ("usize", "a whole number"),
        ("u64", "a whole number"),
        ("u32", "a whole number"),
        ("struct Pair", "a table, [[pair]]"),
        ("struct Alias", "a table, [[alias]]"),
        ("struct Web", "a table, [web]"),
    ];
    match message.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let plain = words.iter().find(|(word, _)| *word == expected).map_or(expected, |(_, plain)| plain);
            let found = found.strip_prefix("invalid type: ").unwrap_or(found);
            let found = found.strip_prefix("invalid value: ").unwrap_or(found);
            format!("it must be {plain}, not {found}")
        }
        None => message.replace('\n', "; "),
    }
}

/// The system's words for an error, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
