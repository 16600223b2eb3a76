//! Numbers as people read them.

use super::Style;

/// Nanoseconds in three significant digits: `420 ns`, `2.42 µs`, `12.4 ms`, `1.50 s`, and `m:ss` from two minutes on.
pub fn duration(ns: u64, style: Style) -> String {
    let micro = if style.unicode { "µs" } else { "us" };
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..999_500 => three_digits(ns, 1_000, micro),
        999_500..999_500_000 => three_digits(ns, 1_000_000, "ms"),
        999_500_000..120_000_000_000 => three_digits(ns, 1_000_000_000, "s"),
        _ => format!("{}:{:02} min", ns / 60_000_000_000, ns / 1_000_000_000 % 60),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn three_digits(ns: u64, unit: u64, name: &str) -> String {
    let value = ns as f64 / unit as f64;
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {name}")
}

/// A part of a whole in percent; never 0 % for a part that is not 0.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn share(part: u64, whole: u64) -> String {
    percent(if whole == 0 { 0.0 } else { part as f64 / whole as f64 })
}

/// A share in percent; never 0 % for a share that is not 0.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent <= 0.0 {
        "0%".into()
    } else if percent < 0.001 {
        "<0.001%".into()
    } else {
        format!("{percent:.3}%")
    }
}

/// A number in three significant digits: `999`, `1.23k`, `45.6M`.
pub fn compact(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..999_500 => three_digits(number, 1_000, "k"),
        999_500..999_500_000 => three_digits(number, 1_000_000, "M"),
        999_500_000..999_500_000_000 => three_digits(number, 1_000_000_000, "G"),
        _ => three_digits(number, 1_000_000_000_000, "T"),
    }
    .replace(' ', "")
}

/// Events in a span of nanoseconds, per second.
pub fn per_second(events: u64, span_ns: u64) -> u64 {
    let rate = u128::from(events) * 1_000_000_000 / u128::from(span_ns.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_at_every_size() {
        let style = Style { unicode: true };
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (2_417, "2.42 µs"),
            (99_949, "99.9 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_400_000, "12.4 ms"),
            (1_500_000_000, "1.50 s"),
            (119_000_000_000, "119 s"),
            (125_000_000_000, "2:05 min"),
        ] {
            assert_eq!(duration(ns, style), text);
        }
        assert_eq!(duration(2_417, Style { unicode: false }), "2.42 us");
    }

    #[test]
    fn a_number_is_as_long_as_it_says_something() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_234, "1.23k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (1 << 40, "1.10T"),
        ] {
            assert_eq!(compact(number), text);
        }
    }

    #[test]
    fn a_small_loss_is_never_none() {
        assert_eq!(share(0, 10), "0%");
        assert_eq!(share(1, 10_000_000), "<0.001%");
        assert_eq!(share(2, 11_871), "0.017%");
    }
}
