//! Numbers with units, for people.

/// Which characters the reader's terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    #[default]
    Utf8,
    Ascii,
}

impl Charset {
    /// From LC_ALL, LC_CTYPE and LANG: the first that is set and not empty rules (POSIX, 8.2).
    pub fn from_locale(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> Self {
        let locale = [lc_all, lc_ctype, lang].into_iter().flatten().find(|value| !value.is_empty());
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Utf8 } else { Self::Ascii }
    }

    /// The sign for microseconds.
    pub const fn micro(self) -> &'static str {
        match self {
            Self::Utf8 => "µs",
            Self::Ascii => "us",
        }
    }

    /// The sign for "times".
    pub const fn times(self) -> &'static str {
        match self {
            Self::Utf8 => "×",
            Self::Ascii => "x",
        }
    }
}

/// Nanoseconds with three significant digits: `999 ns`, `2.42 µs`, `41.0 ms`, `1.50 s`.
pub fn duration(ns: u64, charset: Charset) -> String {
    scaled(ns, 1000, &["ns", charset.micro(), "ms", "s"])
}

/// Bytes with three significant digits and binary prefixes: `57 B`, `1.48 KiB`, `2.00 GiB`.
pub fn bytes(count: u64) -> String {
    scaled(count, 1024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// Whole numbers in the first unit; above it three digits, rounded half up, and never fewer than the whole part.
fn scaled(value: u64, step: u128, units: &[&str]) -> String {
    let value = u128::from(value);
    let mut one = 1;
    for (rank, unit) in units.iter().enumerate() {
        let last = rank + 1 == units.len();
        if rank == 0 {
            if value < step || last {
                return format!("{value} {unit}");
            }
        } else {
            // The fewest decimals that still leave three digits, chosen after rounding: 9.996 is 10.0.
            let rounded = |scale: u128| (value * scale + one / 2) / one;
            let (hundredths, tenths, whole) = (rounded(100), rounded(10), rounded(1));
            if hundredths < 1000 {
                return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
            }
            if tenths < 1000 {
                return format!("{}.{} {unit}", tenths / 10, tenths % 10);
            }
            if whole < step || last {
                return format!("{whole} {unit}");
            }
        }
        one *= step;
    }
    // Not reached: the last unit always returns.
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (ns, text) in [
            (0, "0 ns"),
            (7, "7 ns"),
            (999, "999 ns"),
            (1000, "1.00 µs"),
            (2_420, "2.42 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (41_000, "41.0 µs"),
            (412_300, "412 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_500_000_000, "1.50 s"),
            (3_600_000_000_000, "3600 s"),
            (u64::MAX, "18446744074 s"),
        ] {
            assert_eq!(duration(ns, Charset::Utf8), text);
        }
        assert_eq!(duration(2_420, Charset::Ascii), "2.42 us");
    }

    #[test]
    fn bytes_have_binary_prefixes() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1514, "1.48 KiB"),
            (1_048_575, "1.00 MiB"),
            (1_047_000, "1022 KiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn the_first_locale_that_is_set_rules() {
        assert_eq!(Charset::from_locale(None, None, Some("en_US.UTF-8")), Charset::Utf8);
        assert_eq!(Charset::from_locale(Some(""), Some("C.utf8"), Some("C")), Charset::Utf8);
        assert_eq!(Charset::from_locale(Some("C"), None, Some("en_US.UTF-8")), Charset::Ascii);
        assert_eq!(Charset::from_locale(None, None, None), Charset::Ascii);
    }
}
