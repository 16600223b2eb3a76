//! A filter as libpcap compiled it.

/// An expression in the language of pcap-filter(7), and the program it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub expression: String,
    pub instructions: Vec<Instruction>,
}

/// One instruction of the classic BPF machine (`struct sock_filter` in include/uapi/linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    pub k: u32,
}
