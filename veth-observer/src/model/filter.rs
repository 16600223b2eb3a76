//! A filter as libpcap compiled it.

/// An expression in the language of pcap-filter(7), and the program it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub expression: String,
    pub instructions: Vec<Instruction>,
}

impl Filter {
    /// Whether it matches every frame without a look at it.
    pub fn matches_all(&self) -> bool {
        // Return (0x06) what is not 0.
        self.instructions.first().is_some_and(|first| first.code == 0x06 && first.k != 0)
    }
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
