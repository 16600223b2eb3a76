//! Flags as they are typed: percentiles, shares, and thresholds of delay.

use std::time::Duration;

use crate::model::latency::Percentile;

/// `p99=50us`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MaxDelay {
    pub(super) quantity: Quantity,
    pub(super) limit: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Quantity {
    Min,
    Mean,
    Max,
    Percentile(Percentile),
}

pub(super) fn percentile(text: &str) -> Result<Percentile, String> {
    let text = text.strip_prefix('p').unwrap_or(text);
    match text.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 && plain(text) => {
            Ok(Percentile { text: text.to_owned(), share: percent / 100.0 })
        }
        _ => Err("a percentile is a number above 0 and at most 100, such as 99.9".into()),
    }
}

pub(super) fn max_delay(text: &str) -> Result<MaxDelay, String> {
    let Some((name, limit)) = text.split_once('=') else {
        return Err("give it as QUANTITY=DURATION, for example p99=50us".into());
    };
    let quantity = match name {
        "min" => Quantity::Min,
        "mean" => Quantity::Mean,
        "max" => Quantity::Max,
        _ if name.starts_with('p') => Quantity::Percentile(percentile(name)?),
        _ => return Err(format!("{name} is none of min, mean, max and pN, such as p99")),
    };
    let limit = humantime::parse_duration(limit).map_err(|error| format!("{limit}: {error}"))?;
    Ok(MaxDelay { quantity, limit })
}

/// `0.1%` or `0.001`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
    match number.parse::<f64>() {
        Ok(value) if (0.0..=whole).contains(&value) && plain(number) => Ok(value / whole),
        _ => Err("give it in percent or as a share, for example 0.1% or 0.001".into()),
    }
}

/// Digits and a point: no sign, no exponent, no `inf`.
fn plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_of_a_hundred() {
        let at = |text: &str| percentile(text).map(|p| p.share).ok();
        assert_eq!((at("50"), at("p99"), at("100")), (Some(0.5), Some(0.99), Some(1.0)));
        assert!((at("99.9").unwrap() - 0.999).abs() < 1e-12);
        for text in ["0", "100.1", "-1", "p", "", "nan", "inf", "1e1", "+5", "fifty"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_threshold_of_delay_is_a_quantity_and_a_time() {
        let MaxDelay { quantity, limit } = max_delay("p99.9=50us").unwrap();
        assert_eq!(limit, Duration::from_micros(50));
        assert!(matches!(quantity, Quantity::Percentile(Percentile { text, .. }) if text == "99.9"));
        assert_eq!(max_delay("max=1ms").unwrap().quantity, Quantity::Max);
        for text in ["p99", "p99=", "p99=soon", "p0=1ms", "median=1ms", "=1ms", "p99=50"] {
            assert!(max_delay(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_in_percent_or_of_one() {
        for (text, value) in [("0.1%", 0.001), ("0.001", 0.001), ("0", 0.0), ("100%", 1.0), ("1", 1.0)] {
            assert!((share(text).unwrap() - value).abs() < 1e-12, "{text}");
        }
        for text in ["", "%", "-1%", "101%", "1.1", "0.1 %", "nan", "1e-3", "few"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
