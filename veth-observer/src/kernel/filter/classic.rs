//! The words of a classic BPF program: what the bits of its codes say (include/uapi/linux/bpf_common.h), as far as libpcap
//! writes them.

use crate::model::filter::Instruction;

/// What one instruction does with the accumulator A, the index X and the 16 words of memory M.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Bytes of the frame to A, from `at`, or from X + `at` on.
    Load {
        at: u32,
        size: u32,
        indexed: bool,
    },
    /// Four times the low half of a byte of the frame to X: the length of an IPv4 header.
    HeaderLength {
        at: u32,
    },
    /// The length of the frame, a number or a word of memory to a register.
    Length(Register),
    Set(Register, u32),
    Recall(Register, u8),
    Keep(Register, u8),
    /// A becomes what the arithmetic makes of it and the operand.
    Compute(Arithmetic, Operand),
    Negate,
    /// Skips as many instructions; libpcap takes it as signed, and so loops.
    Jump(i32),
    /// Skips `jt` instructions when A compares as asked with the operand, else `jf`.
    Branch(Comparison, Operand),
    /// Ends; matched when not 0.
    Return(u32),
    ReturnA,
    /// From A to X or back.
    Copy(Register),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    A,
    X,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    K(u32),
    X,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Or,
    And,
    ShiftLeft,
    ShiftRight,
    Modulo,
    ExclusiveOr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    NotLess,
    AnyBit,
}

/// Words of memory.
pub(super) const MEMORY: u8 = 16;

/// What an instruction does; none when it does nothing that the machine knows.
pub(super) fn read(instruction: Instruction) -> Option<Operation> {
    let Instruction { code, k, .. } = instruction;
    let operand = if code & 0x08 == 0 { Operand::K(k) } else { Operand::X };
    let slot = || u8::try_from(k).ok().filter(|&slot| slot < MEMORY);
    let size = match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        _ => 1,
    };
    let operation = match code {
        0x20 | 0x28 | 0x30 => Operation::Load { at: k, size, indexed: false },
        0x40 | 0x48 | 0x50 => Operation::Load { at: k, size, indexed: true },
        0xb1 => Operation::HeaderLength { at: k },
        0x80 => Operation::Length(Register::A),
        0x81 => Operation::Length(Register::X),
        0x00 => Operation::Set(Register::A, k),
        0x01 => Operation::Set(Register::X, k),
        0x60 => Operation::Recall(Register::A, slot()?),
        0x61 => Operation::Recall(Register::X, slot()?),
        0x02 => Operation::Keep(Register::A, slot()?),
        0x03 => Operation::Keep(Register::X, slot()?),
        0x84 => Operation::Negate,
        0x05 => Operation::Jump(k.cast_signed()),
        0x06 => Operation::Return(k),
        0x16 => Operation::ReturnA,
        0x07 => Operation::Copy(Register::X),
        0x87 => Operation::Copy(Register::A),
        _ if code & 0x07 == 0x04 => Operation::Compute(arithmetic(code)?, operand),
        _ if code & 0x07 == 0x05 => Operation::Branch(comparison(code)?, operand),
        _ => return None,
    };
    Some(operation)
}

fn arithmetic(code: u16) -> Option<Arithmetic> {
    Some(match code & !0x0f {
        0x00 => Arithmetic::Add,
        0x10 => Arithmetic::Subtract,
        0x20 => Arithmetic::Multiply,
        0x30 => Arithmetic::Divide,
        0x40 => Arithmetic::Or,
        0x50 => Arithmetic::And,
        0x60 => Arithmetic::ShiftLeft,
        0x70 => Arithmetic::ShiftRight,
        0x90 => Arithmetic::Modulo,
        0xa0 => Arithmetic::ExclusiveOr,
        _ => return None,
    })
}

fn comparison(code: u16) -> Option<Comparison> {
    Some(match code & !0x0f {
        0x10 => Comparison::Equal,
        0x20 => Comparison::Greater,
        0x30 => Comparison::NotLess,
        0x40 => Comparison::AnyBit,
        _ => return None,
    })
}
