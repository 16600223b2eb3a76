//! The translation, run by an interpreter of eBPF that is not ours.

use std::cell::RefCell;

use veth_observer_common::filter::OUTSIDE;

use super::*;

thread_local! {
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// In place of the function in the object.
fn load(_: u64, at: u64, size: u64, _: u64, _: u64) -> u64 {
    FRAME.with_borrow(|frame| {
        if size == u64::from(LENGTH) {
            return frame.len() as u64;
        }
        let bytes = usize::try_from(at)
            .ok()
            .and_then(|at| frame.get(at..at.checked_add(usize::try_from(size).ok()?)?));
        bytes.map_or(OUTSIDE.cast_unsigned(), |bytes| {
            bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
        })
    })
}

type Words = (u16, u8, u8, u32);

fn program(words: &[Words]) -> Vec<Instruction> {
    words.iter().map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect()
}

fn run(words: &[Words], frame: &[u8]) -> u64 {
    const CALL_HELPER: Bytes = [0x85, 0, 0, 0, 1, 0, 0, 0];
    let code: Vec<Bytes> = translate(&program(words))
        .unwrap()
        .into_iter()
        .map(|instruction| if instruction == CALL { CALL_HELPER } else { instruction })
        .collect();
    FRAME.replace(frame.to_vec());
    let mut machine = rbpf::EbpfVmNoData::new(Some(code.as_flattened())).unwrap();
    machine.register_helper(1, load).unwrap();
    machine.execute_program().unwrap()
}

const RETURN_A: Words = (0x16, 0, 0, 0);
const TO_X: Words = (0x07, 0, 0, 0);

const fn k(code: u16, k: u32) -> Words {
    (code, 0, 0, k)
}

/// A and X are set, then A and X meet, once as a register and once as a number.
#[track_caller]
fn arithmetic(code: u16, a: u32, x: u32, expected: u32) {
    let with_register = [k(0x01, x), k(0x00, a), k(code | 0x08, 0), RETURN_A];
    let with_number = [k(0x00, a), k(code, x), RETURN_A];
    for words in [&with_register[..], &with_number] {
        assert_eq!(run(words, &[]), u64::from(expected), "{words:?}");
    }
}

#[test]
fn arithmetic_is_of_32_bits_without_sign() {
    const MAX: u32 = u32::MAX;
    for (code, a, x, expected) in [
        (0x04, MAX, 1, 0),
        (0x04, 2, 3, 5),
        (0x14, 2, 3, MAX),
        (0x24, 0x1_0001, 0x1_0000, 0x1_0000),
        (0x34, MAX, 0x8000_0000, 1),
        (0x34, 100, 7, 14),
        (0x94, 100, 7, 2),
        (0x94, MAX, 0x8000_0000, 0x7fff_ffff),
        (0x44, 0xf0, 0x0f, 0xff),
        (0x54, 0xf0f0_f0f0, 0xff00_0000, 0xf000_0000),
        (0xa4, MAX, 0xffff_0000, 0xffff),
        (0x64, 1, 31, 0x8000_0000),
        (0x74, 0x8000_0000, 31, 1),
    ] {
        arithmetic(code, a, x, expected);
    }
    assert_eq!(run(&[k(0x00, 1), k(0x84, 0), RETURN_A], &[]), u64::from(MAX), "minus");
}

#[test]
fn nothing_is_left_of_a_number_shifted_by_all_its_bits() {
    for x in [32, 33, 63, 64, 0x8000_0000, u32::MAX] {
        arithmetic(0x64, u32::MAX, x, 0);
        arithmetic(0x74, u32::MAX, x, 0);
    }
}

#[test]
fn division_by_0_is_no_match() {
    const MATCH: Words = k(0x06, 1);
    for code in [0x34, 0x94] {
        assert_eq!(run(&[k(0x00, 5), k(code | 0x08, 0), MATCH], &[]), 0);
        assert_eq!(run(&[k(0x00, 5), k(code, 0), MATCH], &[]), 0);
        assert_eq!(run(&[k(0x01, 5), k(code | 0x08, 0), MATCH], &[]), 1);
    }
}

#[test]
fn loads_are_big_endian_and_outside_is_no_match() {
    let frame: Vec<u8> = (1..=20).collect();
    for (code, at, expected) in [
        (0x30, 19, 20),
        (0x30, 20, 0),
        (0x28, 18, 0x1314),
        (0x28, 19, 0),
        (0x20, 16, 0x1112_1314),
        (0x20, 17, 0),
        (0x20, u32::MAX, 0),
        (0x20, 0xffff_f000, 0),
    ] {
        assert_eq!(run(&[k(code, at), RETURN_A], &frame), expected, "{code:#x} {at}");
        assert_eq!(
            run(&[k(0x01, at), k(code + 0x20, 0), RETURN_A], &frame),
            expected,
            "{code:#x} at X = {at}"
        );
    }
    let back_to_the_begin = [k(0x01, 8), k(0x50, u32::MAX - 7), RETURN_A];
    assert_eq!(run(&back_to_the_begin, &frame), 0, "an offset does not wrap");
}

#[test]
fn lengths_and_headers() {
    let frame = [0x4f; 33];
    assert_eq!(run(&[k(0x80, 0), RETURN_A], &frame), 33);
    assert_eq!(run(&[k(0x81, 0), k(0x87, 0), RETURN_A], &frame), 33);
    assert_eq!(run(&[k(0xb1, 32), k(0x87, 0), RETURN_A], &frame), 60);
    assert_eq!(run(&[k(0xb1, 33), k(0x06, 1)], &frame), 0);
}

#[test]
fn memory_keeps_both_registers_over_a_load() {
    let mut words = Vec::new();
    for slot in 0..16 {
        words.extend([k(0x00, 1 << slot), TO_X, k(if slot % 2 == 0 { 0x02 } else { 0x03 }, slot)]);
    }
    words.push(k(0x20, 0));
    words.extend([k(0x00, 0), TO_X]);
    for slot in 0..16 {
        words.extend([TO_X, k(0x60, slot), k(0x0c, 0)]);
    }
    words.push(RETURN_A);
    assert_eq!(run(&words, &[0; 4]), 0xffff);
    assert_eq!(run(&[k(0x60, 3), RETURN_A], &[]), 0, "what nobody wrote is 0");
}

#[test]
fn comparisons_are_without_sign_and_lead_both_ways() {
    const LARGE: u32 = 0xffff_fff0;
    for (code, a, x, holds) in [
        (0x15, 5, 5, true),
        (0x15, 5, 6, false),
        (0x15, LARGE, LARGE, true),
        (0x25, LARGE, 1, true),
        (0x25, 5, 5, false),
        (0x25, 1, LARGE, false),
        (0x35, 5, 5, true),
        (0x35, 1, LARGE, false),
        (0x35, LARGE, 1, true),
        (0x45, 6, 2, true),
        (0x45, 4, 2, false),
        (0x45, LARGE, 0x8000_0000, true),
    ] {
        for (code, x_set, k_set) in [(code, 0, x), (code | 0x08, x, 0)] {
            // To the next, over one, over two.
            for (jt, jf) in [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2)] {
                let words = [
                    k(0x01, x_set),
                    k(0x00, a),
                    (code, jt, jf, k_set),
                    k(0x06, 10),
                    k(0x06, 11),
                    k(0x06, 12),
                ];
                let expected = 10 + u64::from(if holds { jt } else { jf });
                assert_eq!(run(&words, &[]), expected, "{code:#x} {a} {x} {jt} {jf}");
            }
        }
    }
    assert_eq!(run(&[k(0x05, 1), k(0x06, 1), k(0x06, 2)], &[]), 2);
}

#[test]
fn a_loop_ends_by_itself_or_is_no_match() {
    let until = |rounds| {
        let back = (0x05, 0, 0, (-3_i32).cast_unsigned());
        [k(0x00, 0), k(0x04, 1), (0x15, 1, 0, rounds), back, RETURN_A]
    };
    assert_eq!(run(&until(10), &[]), 10);
    assert_eq!(run(&until(ROUNDS + 1), &[]), u64::from(ROUNDS + 1));
    assert_eq!(run(&until(ROUNDS + 2), &[]), 0);
}

#[test]
fn what_is_no_program_is_refused() {
    for (words, reason) in [
        (&[k(0x18, 0)][..], "unknown"),
        (&[k(0x60, 16)], "unknown"),
        (&[k(0xe4, 1), RETURN_A], "unknown"),
        (&[k(0x55, 1), RETURN_A], "unknown"),
        (&[(0x15, 1, 0, 0), RETURN_A], "jumps out of itself"),
        (&[k(0x05, 5), RETURN_A], "jumps out of itself"),
        (&[k(0x05, u32::MAX - 1), RETURN_A], "jumps out of itself"),
        (&[k(0x00, 1)], "does not end"),
        (&[], "does not end"),
    ] {
        let error = translate(&program(words)).unwrap_err().to_string();
        assert!(error.contains(reason), "{words:?}: {error}");
    }
}
