//! What a filter that was put into the object and the object itself agree on.

/// The functions that leave room for a filter, and those that it loads bytes of the frame with: of tc, then of XDP.
pub const FUNCTIONS: [(&str, &str); 2] = [("vo_filter", "vo_load"), ("vo_filter_xdp", "vo_load_xdp")];

/// What a load answers where the frame has not got the bytes; every answer below zero is this.
pub const OUTSIDE: i64 = -1;

/// In place of a size: asks for the length of the frame, in bytes, a VLAN tag that the kernel keeps beside it included.
pub const LENGTH: u32 = 0;
