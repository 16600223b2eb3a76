//! Tying our programs to both ends of a pair, giving back exactly what was taken, and seeing what others tied there.

mod attachment;
mod clsact;
mod lane;
pub mod leftovers;
mod links;
mod names;
pub mod programs;
mod qdisc;
mod rtnetlink;
mod tcx;
mod xdp;

pub use attachment::{Attachment, Gone, Method, Options};
pub use lane::{Lane, Taken};
pub use names::is_there;
pub use qdisc::Way;
