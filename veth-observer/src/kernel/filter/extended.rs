//! Instructions of eBPF as bytes (Documentation/bpf/standardization/instruction-set.rst in the kernel).

/// One instruction, of a little-endian machine.
pub(super) type Bytes = [u8; 8];

/// Where a call to another function of the object stands for now: its distance is not known yet.
pub(super) const CALL: Bytes = instruction(0x85, 0, 1, 0, 0);
pub(super) const EXIT: Bytes = instruction(0x95, 0, 0, 0, 0);
/// Does nothing.
pub(super) const PASS: Bytes = jump(0);

pub(super) const R0: u8 = 0;
pub(super) const R1: u8 = 1;
pub(super) const R2: u8 = 2;
pub(super) const R3: u8 = 3;
pub(super) const R6: u8 = 6;
pub(super) const R7: u8 = 7;
pub(super) const R8: u8 = 8;
pub(super) const R9: u8 = 9;
pub(super) const STACK: u8 = 10;

/// What 32-bit arithmetic does, in the upper half of its code.
pub(super) mod op {
    pub(crate) const ADD: u8 = 0x00;
    pub(crate) const SUB: u8 = 0x10;
    pub(crate) const MUL: u8 = 0x20;
    pub(crate) const DIV: u8 = 0x30;
    pub(crate) const OR: u8 = 0x40;
    pub(crate) const AND: u8 = 0x50;
    pub(crate) const LSH: u8 = 0x60;
    pub(crate) const RSH: u8 = 0x70;
    pub(crate) const NEG: u8 = 0x80;
    pub(crate) const MOD: u8 = 0x90;
    pub(crate) const XOR: u8 = 0xa0;
    pub(crate) const MOV: u8 = 0xb0;
}

/// What a jump asks of two numbers of 32 bits, unsigned, in the upper half of its code.
pub(super) mod when {
    pub(crate) const EQUAL: u8 = 0x10;
    pub(crate) const GREATER: u8 = 0x20;
    pub(crate) const NOT_LESS: u8 = 0x30;
    pub(crate) const ANY_BIT: u8 = 0x40;
    pub(crate) const NOT_EQUAL: u8 = 0x50;
    pub(crate) const LESS: u8 = 0xa0;
    pub(crate) const NOT_GREATER: u8 = 0xb0;
}

const fn instruction(code: u8, to: u8, from: u8, offset: i16, k: u32) -> Bytes {
    let (offset, k) = (offset.to_le_bytes(), k.to_le_bytes());
    [code, from << 4 | to, offset[0], offset[1], k[0], k[1], k[2], k[3]]
}

/// 32-bit arithmetic with a number; the upper half of the register becomes 0.
pub(super) const fn with_number(op: u8, to: u8, k: u32) -> Bytes {
    instruction(op | 0x04, to, 0, 0, k)
}

/// 32-bit arithmetic with another register.
pub(super) const fn with_register(op: u8, to: u8, from: u8) -> Bytes {
    instruction(op | 0x0c, to, from, 0, 0)
}

/// All 64 bits of another register.
pub(super) const fn copy(to: u8, from: u8) -> Bytes {
    instruction(0xbf, to, from, 0, 0)
}

/// The sum of all 64 bits.
pub(super) const fn add(to: u8, from: u8) -> Bytes {
    instruction(0x0f, to, from, 0, 0)
}

pub(super) const fn jump(offset: i16) -> Bytes {
    instruction(0x05, 0, 0, offset, 0)
}

/// Jumps when the lower 32 bits of a register compare with a number as asked.
pub(super) const fn jump_by_number(when: u8, register: u8, k: u32, offset: i16) -> Bytes {
    instruction(when | 0x06, register, 0, offset, k)
}

pub(super) const fn jump_by_register(when: u8, register: u8, other: u8, offset: i16) -> Bytes {
    instruction(when | 0x0e, register, other, offset, 0)
}

/// Jumps when all 64 bits of a register, taken as signed, are below 0.
pub(super) const fn jump_below_zero(register: u8, offset: i16) -> Bytes {
    instruction(0xc5, register, 0, offset, 0)
}

/// 32 bits to the stack, at an offset from its top.
pub(super) const fn store(offset: i16, from: u8) -> Bytes {
    instruction(0x63, STACK, from, offset, 0)
}

/// 32 bits from the stack; the upper half of the register becomes 0.
pub(super) const fn load(to: u8, offset: i16) -> Bytes {
    instruction(0x61, to, STACK, offset, 0)
}

/// The same jump or call with another distance.
pub(super) fn with_offset(mut instruction: Bytes, offset: i16) -> Bytes {
    instruction[2..4].copy_from_slice(&offset.to_le_bytes());
    instruction
}

pub(super) fn with_callee(mut call: Bytes, distance: i32) -> Bytes {
    call[4..8].copy_from_slice(&distance.to_le_bytes());
    call
}
