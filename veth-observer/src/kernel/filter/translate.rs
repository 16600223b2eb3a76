//! Classic BPF to eBPF: the same verdict on the same bytes as libpcap's own interpreter. Pure.
//!
//! The frame's context is kept in r6, A in r7 and X in r8, both with zeros in their upper half; M lies on the stack. Only
//! `protochain` jumps back; r9 counts how often, so that the verifier sees an end.

use anyhow::{Context as _, Result, bail};
use veth_observer_common::filter::LENGTH;

use super::{
    classic::{self, Arithmetic, Comparison, MEMORY, Operand, Operation, Register},
    extended::{
        Bytes, CALL, EXIT, R0, R1, R2, R3, R6, R7 as A, R8 as X, R9, add, copy, jump, jump_below_zero,
        jump_by_number, jump_by_register, load, op, store, when, with_number, with_offset, with_register,
    },
};
use crate::model::filter::Instruction;

/// The body of a function that is given the context of a frame in r1 and answers in r0: not 0 when the frame matches. It ends
/// in an exit; every [`CALL`] in it is one of the function that loads from the frame.
pub(super) fn translate(program: &[Instruction]) -> Result<Vec<Bytes>> {
    let operations = program.iter().enumerate().map(|(number, &instruction)| {
        classic::read(instruction)
            .with_context(|| format!("instruction {number} of the filter is unknown: {instruction:?}"))
    });
    let operations: Vec<Operation> = operations.collect::<Result<_>>()?;
    let mut out = Output::default();
    out.begin(&operations);
    let mut begins = Vec::with_capacity(program.len());
    for (number, (operation, instruction)) in operations.iter().zip(program).enumerate() {
        begins.push(out.code.len());
        out.operation(*operation, &Targets::of(number, *instruction))?;
    }
    out.end(&begins)
}

const OUT_OF_ITSELF: &str = "the filter jumps out of itself";

/// How often a filter may jump back: headers in a row that `protochain` follows. What is longer does not match.
const ROUNDS: u32 = 32;

/// Where a jump leads: numbers of instructions of the original.
struct Targets {
    next: usize,
    yes: usize,
    no: usize,
}

impl Targets {
    fn of(number: usize, instruction: Instruction) -> Self {
        let next = number + 1;
        Self { next, yes: next + usize::from(instruction.jt), no: next + usize::from(instruction.jf) }
    }
}

#[derive(Clone, Copy)]
enum Target {
    Original(usize),
    /// Where the answer is "no".
    Reject,
}

#[derive(Default)]
struct Output {
    code: Vec<Bytes>,
    /// Jumps whose distance is still to be entered.
    jumps: Vec<(usize, Target)>,
}

impl Output {
    fn begin(&mut self, operations: &[Operation]) {
        self.code.extend([copy(R6, R1), with_number(op::MOV, A, 0), with_number(op::MOV, X, 0)]);
        if operations.iter().any(|operation| matches!(operation, Operation::Jump(..0))) {
            self.code.push(with_number(op::MOV, R9, 0));
        }
        // libpcap never reads a word that it did not write before, but the verifier may not see that.
        for slot in 0..MEMORY {
            if operations.iter().any(|operation| matches!(operation, Operation::Recall(_, at) if *at == slot))
            {
                self.code.push(store(offset(slot), A));
            }
        }
    }

    fn operation(&mut self, operation: Operation, targets: &Targets) -> Result<()> {
        match operation {
            Operation::Load { at, size, indexed } => {
                self.load_frame(at, size, indexed);
                self.code.push(copy(A, R0));
            }
            Operation::HeaderLength { at } => {
                self.load_frame(at, 1, false);
                self.code.extend([copy(X, R0), with_number(op::AND, X, 0xf), with_number(op::LSH, X, 2)]);
            }
            Operation::Length(register) => {
                self.load_frame(0, LENGTH, false);
                self.code.push(copy(number(register), R0));
            }
            Operation::Set(register, k) => self.code.push(with_number(op::MOV, number(register), k)),
            Operation::Recall(register, slot) => self.code.push(load(number(register), offset(slot))),
            Operation::Keep(register, slot) => self.code.push(store(offset(slot), number(register))),
            Operation::Compute(arithmetic, operand) => self.compute(arithmetic, operand),
            Operation::Negate => self.code.push(with_number(op::NEG, A, 0)),
            Operation::Jump(distance) => {
                if distance < 0 {
                    self.code.push(with_number(op::ADD, R9, 1));
                    self.jump_to(Target::Reject, jump_by_number(when::GREATER, R9, ROUNDS, 0));
                }
                let to = targets.next.checked_add_signed(distance as isize);
                self.jump(to.context(OUT_OF_ITSELF)?);
            }
            Operation::Branch(comparison, operand) => self.branch(comparison, operand, targets),
            Operation::Return(k) => self.code.extend([with_number(op::MOV, R0, k), EXIT]),
            Operation::ReturnA => self.code.extend([copy(R0, A), EXIT]),
            Operation::Copy(Register::X) => self.code.push(copy(X, A)),
            Operation::Copy(Register::A) => self.code.push(copy(A, X)),
        }
        Ok(())
    }

    /// Bytes of the frame, or its length, to r0; the answer is "no" when it has not got them.
    fn load_frame(&mut self, at: u32, size: u32, indexed: bool) {
        self.code.extend([copy(R1, R6), with_number(op::MOV, R2, at)]);
        if indexed {
            // In 64 bits: what passes the end of 32 is outside of every frame.
            self.code.push(add(R2, X));
        }
        self.code.extend([with_number(op::MOV, R3, size), CALL]);
        self.jump_to(Target::Reject, jump_below_zero(R0, 0));
    }

    fn compute(&mut self, arithmetic: Arithmetic, operand: Operand) {
        let op = match arithmetic {
            Arithmetic::Add => op::ADD,
            Arithmetic::Subtract => op::SUB,
            Arithmetic::Multiply => op::MUL,
            Arithmetic::Divide => op::DIV,
            Arithmetic::Or => op::OR,
            Arithmetic::And => op::AND,
            Arithmetic::ShiftLeft => op::LSH,
            Arithmetic::ShiftRight => op::RSH,
            Arithmetic::Modulo => op::MOD,
            Arithmetic::ExclusiveOr => op::XOR,
        };
        let divides = matches!(arithmetic, Arithmetic::Divide | Arithmetic::Modulo);
        let shifts = matches!(arithmetic, Arithmetic::ShiftLeft | Arithmetic::ShiftRight);
        match operand {
            Operand::K(0) if divides => self.jump_to(Target::Reject, jump(0)),
            Operand::K(32..) if shifts => self.code.push(with_number(op::MOV, A, 0)),
            Operand::K(k) => self.code.push(with_number(op, A, k)),
            Operand::X if divides => {
                self.jump_to(Target::Reject, jump_by_number(when::EQUAL, X, 0, 0));
                self.code.push(with_register(op, A, X));
            }
            // Where the machine would take the lower five bits alone.
            Operand::X if shifts => self.code.extend([
                jump_by_number(when::LESS, X, 32, 2),
                with_number(op::MOV, A, 0),
                jump(1),
                with_register(op, A, X),
            ]),
            Operand::X => self.code.push(with_register(op, A, X)),
        }
    }

    fn branch(&mut self, comparison: Comparison, operand: Operand, targets: &Targets) {
        let (when, unless) = match comparison {
            Comparison::Equal => (when::EQUAL, Some(when::NOT_EQUAL)),
            Comparison::Greater => (when::GREATER, Some(when::NOT_GREATER)),
            Comparison::NotLess => (when::NOT_LESS, Some(when::LESS)),
            Comparison::AnyBit => (when::ANY_BIT, None),
        };
        let by = |when| match operand {
            Operand::K(k) => jump_by_number(when, A, k, 0),
            Operand::X => jump_by_register(when, A, X, 0),
        };
        match unless {
            Some(unless) if targets.yes == targets.next => {
                self.jump_to(Target::Original(targets.no), by(unless));
            }
            _ => {
                self.jump_to(Target::Original(targets.yes), by(when));
                if targets.no != targets.next {
                    self.jump(targets.no);
                }
            }
        }
    }

    fn jump(&mut self, to: usize) {
        self.jump_to(Target::Original(to), jump(0));
    }

    fn jump_to(&mut self, target: Target, instruction: Bytes) {
        self.jumps.push((self.code.len(), target));
        self.code.push(instruction);
    }

    /// Adds where the answer is "no", and enters the distances of the jumps.
    fn end(mut self, begins: &[usize]) -> Result<Vec<Bytes>> {
        let reject = self.code.len();
        // Only when something leads there: the verifier wants every instruction within reach.
        if self.jumps.iter().any(|(_, target)| matches!(target, Target::Reject)) {
            self.code.extend([with_number(op::MOV, R0, 0), EXIT]);
        }
        for (from, target) in self.jumps {
            let to = match target {
                Target::Original(number) => *begins.get(number).context(OUT_OF_ITSELF)?,
                Target::Reject => reject,
            };
            let distance =
                i16::try_from(to.cast_signed() - from.cast_signed() - 1).context("the filter is too long")?;
            self.code[from] = with_offset(self.code[from], distance);
        }
        if self.code.last() != Some(&EXIT) {
            bail!("the filter does not end");
        }
        Ok(self.code)
    }
}

fn number(register: Register) -> u8 {
    match register {
        Register::A => A,
        Register::X => X,
    }
}

/// A word of memory on the stack.
fn offset(slot: u8) -> i16 {
    -4 * (i16::from(slot) + 1)
}

#[cfg(test)]
mod tests;
