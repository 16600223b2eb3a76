//! The compiled programs, embedded by `build.rs`.

/// The ELF object for `bpfel-unknown-none`, its alignment as aya's parser needs it.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/programs.o"));

/// Version of the observer and the first digits of the SHA-256 of the object inside it.
pub const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (kernel programs ", env!("VETH_OBSERVER_OBJECT_HASH"), ")");
