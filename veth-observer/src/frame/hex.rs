//! Bytes as hexadecimal digits, both ways.

use std::fmt::{self, Write as _};

/// Why a text is not bytes in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHex {
    /// This character is neither a hex digit nor a separator.
    Character(char),
    /// This many digits: the last byte has only one.
    Odd(usize),
}

impl fmt::Display for NotHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(character) => write!(f, "{character:?} is not a hex digit"),
            Self::Odd(digits) => write!(f, "{digits} hex digits do not make whole bytes"),
        }
    }
}

impl std::error::Error for NotHex {}

/// Reads bytes in hex; white space, colons and hyphens may stand anywhere.
pub fn parse(text: &str) -> Result<Vec<u8>, NotHex> {
    let mut nibbles = Vec::with_capacity(text.len());
    for character in text.chars().filter(|&c| !c.is_whitespace() && c != ':' && c != '-') {
        let digit = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        nibbles.push(digit.ok_or(NotHex::Character(character))?);
    }
    let (pairs, rest) = nibbles.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotHex::Odd(nibbles.len()));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The bytes as lower-case digits without separators.
pub fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Lines of offset, 16 bytes in hex and the same bytes in ASCII, as `hexdump -C` and tcpdump's -X print them.
pub fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let _ = write!(text, "{:04x} ", row * 16);
        for column in 0..16 {
            let gap = if column == 8 { " " } else { "" };
            let _ = match chunk.get(column) {
                Some(byte) => write!(text, "{gap} {byte:02x}"),
                None => write!(text, "{gap}   "),
            };
        }
        text.push_str("  ");
        text.extend(
            chunk
                .iter()
                .map(|&byte| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' }),
        );
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_may_stand_anywhere() {
        assert_eq!(parse("22:22-0A ff\n\t01"), Ok(vec![0x22, 0x22, 0x0a, 0xff, 0x01]));
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(digits(&[0x22, 0x0a]), "220a");
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("0x22"), Err(NotHex::Character('x')));
        assert_eq!(parse("22 2").unwrap_err().to_string(), "3 hex digits do not make whole bytes");
    }

    #[test]
    fn dumps_in_rows_of_sixteen() {
        let bytes: Vec<u8> = (0x30..0x42).chain([0xff]).collect();
        assert_eq!(
            dump(&bytes),
            "0000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?\n\
             0010  40 41 ff                                          @A.\n"
        );
        assert_eq!(dump(&[]), "");
    }
}
