//! Tying our programs to both ends of a pair, giving back exactly what was taken, and seeing what others tied there.

mod lane;
pub mod programs;
mod tcx;

pub use lane::Lane;
pub use tcx::Attachment;
