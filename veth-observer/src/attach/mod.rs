//! Tying the programs to both ends of a pair, and giving back exactly what was taken.

mod lane;
mod tcx;

pub use lane::Lane;
pub use tcx::Attachment;
