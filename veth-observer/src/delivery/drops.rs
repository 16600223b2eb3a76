//! Deaths by stage, reason and location.

use crate::model::{death::Death, reading::Reading, report::Dropped};

/// The deaths of one direction as a report gives them, the most frequent first.
pub(super) fn by_place(reading: &Reading) -> Vec<Dropped> {
    let mut places: Vec<Dropped> = reading.deaths.iter().map(place).collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.frames));
    places
}

fn place(death: &Death) -> Dropped {
    Dropped {
        stage: "other".to_owned(),
        reason: death.reason.clone().unwrap_or_default(),
        location: death.function.clone().unwrap_or_default(),
        frames: death.frames,
    }
}
