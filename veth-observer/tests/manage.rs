//! Making, finding and removing pairs, against the real kernel and the real `ip`.

mod bad_input;
mod create;
mod find;
mod follow;
mod holders;
mod library;
mod show;
mod unprivileged;
