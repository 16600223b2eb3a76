//! Which rows are shown: words that must be in a name, and conditions that must hold.

use std::str::FromStr;

use super::{Row, as_f64};

/// `web loss>0 p99>50us`: all of it must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    text: String,
    /// In lower case.
    words: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Condition {
    quantity: Quantity,
    relation: Relation,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Loss,
    Lost,
    Dropped,
    Rate,
    Bits,
    P50,
    P99,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
}

/// The longer ones first, since `>` begins `>=`.
const RELATIONS: [(&str, Relation); 5] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    (">", Relation::Above),
    ("<", Relation::Below),
    ("=", Relation::Equal),
];

const QUANTITIES: [(&str, Quantity); 8] = [
    ("loss", Quantity::Loss),
    ("lost", Quantity::Lost),
    ("dropped", Quantity::Dropped),
    ("rate", Quantity::Rate),
    ("bits", Quantity::Bits),
    ("p50", Quantity::P50),
    ("p99", Quantity::P99),
    ("max", Quantity::Max),
];

impl Filter {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn passes(&self, row: &Row) -> bool {
        self.words.iter().all(|word| is_named(row, word))
            && self.conditions.iter().all(|condition| condition.holds(row))
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut filter = Self { text: text.trim().to_owned(), ..Self::default() };
        for part in text.split_whitespace() {
            let found =
                RELATIONS.into_iter().find_map(|(sign, relation)| Some((part.split_once(sign)?, relation)));
            match found {
                None => filter.words.push(part.to_lowercase()),
                Some(((name, limit), relation)) => {
                    let known = QUANTITIES.into_iter().find(|(known, _)| *known == name);
                    let quantity = known.map(|(_, quantity)| quantity).ok_or_else(|| {
                        format!("{name:?} is none of {}", QUANTITIES.map(|(known, _)| known).join(", "))
                    })?;
                    let limit = quantity.limit(limit)?;
                    filter.conditions.push(Condition { quantity, relation, limit });
                }
            }
        }
        Ok(filter)
    }
}

impl Quantity {
    fn limit(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Loss => {
                let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
                let share = number.parse::<f64>().ok().filter(|share| (0.0..=whole).contains(share));
                share
                    .map(|share| share / whole)
                    .ok_or_else(|| format!("{text:?}: a loss is like 0.1% or 0.001"))
            }
            Self::P50 | Self::P99 | Self::Max => {
                let time =
                    if text == "0" { Ok(std::time::Duration::ZERO) } else { humantime::parse_duration(text) };
                let ns = time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
                ns.map(as_f64).map_err(|_| format!("{text:?}: a time is like 50us or 2ms"))
            }
            Self::Lost | Self::Dropped | Self::Rate | Self::Bits => {
                let units = [("k", 1e3), ("M", 1e6), ("G", 1e9)];
                let unit = units.into_iter().find_map(|(unit, of)| Some((text.strip_suffix(unit)?, of)));
                let (number, of) = unit.unwrap_or((text, 1.0));
                let number = number.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
                number
                    .map(|number| number * of)
                    .ok_or_else(|| format!("{text:?}: a number is like 100 or 1.5k"))
            }
        }
    }

    /// None where nothing arrived that could be timed, and where only one end is observed.
    fn of(self, row: &Row) -> Option<f64> {
        let direction = row.direction();
        match self {
            Self::Loss => row.loss(),
            Self::Lost => direction.whole().map(|whole| as_f64(whole.lost)),
            Self::Dropped => direction.whole().map(|whole| as_f64(whole.dropped_frames())),
            Self::Rate => Some(as_f64(row.rate.frames_per_second)),
            Self::Bits => Some(as_f64(row.rate.bits_per_second)),
            Self::P50 => direction.delay.p50_ns.map(as_f64),
            Self::P99 => direction.delay.p99_ns.map(as_f64),
            Self::Max => direction.delay.max_ns.map(as_f64),
        }
    }
}

impl Condition {
    fn holds(self, row: &Row) -> bool {
        let Some(value) = self.quantity.of(row) else { return false };
        match self.relation {
            Relation::Above => value > self.limit,
            Relation::AtLeast => value >= self.limit,
            Relation::Below => value < self.limit,
            Relation::AtMost => value <= self.limit,
            Relation::Equal => (value - self.limit).abs() < f64::EPSILON,
        }
    }
}

fn is_named(row: &Row, word: &str) -> bool {
    let direction = row.direction();
    let is_in = |name: &str| name.to_lowercase().contains(word);
    is_in(&row.pair.pair)
        || is_in(&direction.from)
        || is_in(&direction.to)
        || row.pair.ends.iter().any(|end| is_in(&end.home()))
}
