//! Median, and how far to trust it.

/// A median with the interval that holds it in 95 of 100 resamplings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

const RESAMPLINGS: usize = 4000;

/// Percentile bootstrap of the median, by a generator with a fixed seed: the same values give the same interval.
pub(super) fn estimate(values: &[f64]) -> Option<Estimate> {
    let middle = median(values.to_vec())?;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut medians: Vec<f64> = (0..RESAMPLINGS)
        .filter_map(|_| median(values.iter().map(|_| values[below(values.len(), &mut state)]).collect()))
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| medians[(medians.len() - 1) * share / 1000];
    Some(Estimate { median: middle, low: at(25), high: at(975) })
}

/// The middle value, or the mean of the two in the middle; nothing of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        len if len % 2 == 1 => Some(values[half]),
        _ => Some(f64::midpoint(values[half - 1], values[half])),
    }
}

/// A number below `len`, by xorshift (Marsaglia, 2003).
fn below(len: usize, state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from((*state >> 33) % len as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_odd_even_one_and_none() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![7.0]), Some(7.0));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        assert_eq!(estimate(&[2.0; 9]), Some(Estimate { median: 2.0, low: 2.0, high: 2.0 }));
    }

    #[test]
    fn the_interval_holds_the_median_and_ignores_one_wild_value() {
        let values = [1.00, 1.01, 0.99, 1.02, 0.98, 1.00, 1.01, 0.99, 1.00, 25.0];
        let Estimate { median, low, high } = estimate(&values).unwrap();
        assert!(low <= median && median <= high, "{low} {median} {high}");
        assert!(low >= 0.98 && high <= 1.02, "{low} {high}");
    }

    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        // Of 25 ordered values, the 8th and the 18th hold the median of the population in about 95 of 100 cases.
        let values: Vec<f64> = (1..=25).map(f64::from).collect();
        let Estimate { low, high, .. } = estimate(&values).unwrap();
        assert!((7.0..=9.0).contains(&low) && (17.0..=19.0).contains(&high), "{low} {high}");
    }
}
