//! All pairs of a machine.
