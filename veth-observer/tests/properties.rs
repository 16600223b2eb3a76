//! What must hold for any input: the arithmetic of the ledger, the buckets, GSO and the stamp.

mod arithmetic;
mod delays;
mod ledger;
