//! Names with `*` for anything and `?` for any one character. Pure.

/// Whether the text has such characters.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether `text` is, from its beginning to its end, what `pattern` says.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // The last `*`, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&c) if c == '?' || c == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((position, taken)) = star else { return false };
                star = Some((position, taken + 1));
                (at, seen) = (position + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_whole_text() {
        for (pattern, text) in [
            ("web*", "web"),
            ("web*", "web-1"),
            ("*", ""),
            ("**", "x"),
            ("?b", "ab"),
            ("a*b*c", "axxbyyc"),
            ("a", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("web*", "we"), ("?", ""), ("a*b", "ab1"), ("a", "ab"), ("", "a"), ("a*bc", "abd")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(matches(&"*a".repeat(200), &"a".repeat(5000)));
        assert!(!matches(&"*a".repeat(200), &"b".repeat(5000)));
    }

    /// The definition, which takes forever on long texts.
    fn plainly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', after)), rest) => {
                plainly(after, text) || rest.is_some_and(|(_, rest)| plainly(pattern, rest))
            }
            (Some(_), None) => false,
            (Some((one, after)), Some((other, rest))) => {
                (*one == b'?' || one == other) && plainly(after, rest)
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_what_it_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            assert_eq!(matches(&pattern, &text), plainly(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
