//! A distribution drawn in the terminal: a row per range, its count and share as text, and a bar beside them.

use std::fmt::Write;

use super::{Style, units};
use crate::model::{quantile::Bin, report::Distribution};

/// Columns of the longest bar where there is room for it.
pub(super) const WIDTH: u64 = 40;

/// More rows than this are merged.
const ROWS: usize = 20;

/// Rows from the shortest time to the longest, with bars of at most `longest` columns; nothing when nothing was counted.
pub(super) fn draw(title: &str, spread: &Distribution, style: Style, longest: u64) -> String {
    let bins = bins(spread);
    let Some(most) = bins.iter().map(|bin| bin.count).max() else { return String::new() };
    let width = most.to_string().len().max("COUNT".len());
    let mut text = format!("{title:<24}  {:>width$}  {:>8}\n", "COUNT", "SHARE");
    for bin in &bins {
        let (count, share) = (bin.count, units::share(bin.count, spread.count));
        let row = format!(
            "{:>24}  {count:>width$}  {share:>8}  {}",
            range(bin, style),
            bar(count, most, style, longest)
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// As fine as the rows allow.
fn bins(spread: &Distribution) -> Vec<Bin> {
    let finest = [1, 2, 4, 8].into_iter().map(|merged| spread.bins(merged)).find(|bins| bins.len() <= ROWS);
    finest.unwrap_or_else(|| spread.bins(16))
}

fn range(bin: &Bin, style: Style) -> String {
    let above = units::duration(bin.above_ns, style);
    match bin.upto_ns {
        Some(upto) => format!("{above} - {}", units::duration(upto, style)),
        None => format!("above {above}"),
    }
}

/// Never empty for a count that is not 0.
fn bar(count: u64, most: u64, style: Style, longest: u64) -> String {
    let eighths = (u128::from(count) * u128::from(longest) * 8).div_ceil(u128::from(most.max(1)));
    let eighths = usize::try_from(eighths).unwrap_or(0);
    if !style.unicode {
        return "#".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(
        [None, Some('▏'), Some('▎'), Some('▍'), Some('▌'), Some('▋'), Some('▊'), Some('▉')][eighths % 8],
    );
    bar
}

#[cfg(test)]
mod tests {
    use veth_observer_common::buckets;

    use super::*;

    fn spread(filled: &[(usize, u64)]) -> Distribution {
        let mut spread = Distribution { buckets: vec![0; buckets::COUNT], ..Distribution::default() };
        for &(index, count) in filled {
            spread.buckets[index] += count;
            spread.count += count;
        }
        spread
    }

    #[test]
    fn every_count_is_drawn_and_written() {
        let spread = spread(&[(40, 1000), (41, 1), (50, 500)]);
        for (style, longest, shortest) in
            [(Style { unicode: true }, "█", "▏"), (Style { unicode: false }, "#", "#")]
        {
            let text = draw("vx > vy", &spread, style, WIDTH);
            let rows: Vec<&str> = text.lines().collect();
            assert_eq!(rows.len(), 1 + 11, "{text}");
            assert!(rows[1].ends_with(&longest.repeat(40)) && rows[1].contains(" 1000 "), "{text}");
            assert!(rows[2].ends_with(&format!("0.067%  {shortest}")), "{text}");
            assert!(rows[3].ends_with("0%"), "{text}");
        }
        assert_eq!(draw("vx > vy", &Distribution::default(), Style::default(), WIDTH), "");
    }

    #[test]
    fn rows_are_few_however_far_the_times_lie_apart() {
        for last in 1..buckets::COUNT {
            let spread = spread(&[(0, 3), (last, 5), (last / 2, 7)]);
            let bins = bins(&spread);
            assert!(bins.len() <= ROWS, "{last}");
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), spread.count);
        }
    }
}
