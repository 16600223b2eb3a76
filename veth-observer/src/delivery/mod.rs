//! The arithmetic: counters and a time in, a report out. Pure: the same readings give the same report.

mod beside;
mod drops;
mod fates;
mod ledger;
mod matching;
mod one_end;
mod quantiles;
mod stages;
pub mod window;

pub use drops::place_of;
pub use fates::{Fates, Knowledge};
pub use ledger::Ledger;
pub use one_end::of_one_end;
pub use quantiles::Delays;
