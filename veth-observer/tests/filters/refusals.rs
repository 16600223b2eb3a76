//! What is not a filter, and what is too much of one.

use std::sync::Arc;

use veth_observer::{
    fault::{Fault, Kind},
    kernel::{Hook, Sampling, load},
    model::filter::{Filter, Instruction},
    pcap,
};

use crate::support::programs::settings;

fn refused(filter: Filter) -> (Option<Kind>, String) {
    let sampling = Some(Sampling { filter: Some(Arc::new(filter)), ..Sampling::default() });
    let error = load(&settings(Hook::Tc, 0, sampling)).err().expect("it is refused");
    (error.downcast_ref::<Fault>().map(|fault| fault.kind), format!("{error:#}"))
}

#[test]
fn a_bad_expression_is_a_usage_error_in_the_words_of_libpcap() {
    for (expression, words) in [
        ("tcp prot 443", "syntax error"),
        ("port 99999", "illegal port number"),
        ("net 10.0.0.1/24", "non-network bits set"),
        ("tcp and udp", "expression rejects all packets"),
        ("ip[2:3] = 1", "data size must be 1, 2, or 4"),
        ("ip[0] / 0 = 1", "division by zero"),
    ] {
        let error = pcap::compile(expression).unwrap_err();
        let fault = error.downcast_ref::<Fault>().unwrap();
        assert_eq!(fault.kind, Kind::Usage, "{expression}: {fault}");
        assert!(fault.message.contains(words), "{fault}");
        assert!(fault.message.contains(expression) && !fault.message.contains('\n'), "{fault}");
    }
    assert_eq!(pcap::compile("tcp\0").unwrap_err().downcast_ref::<Fault>().unwrap().kind, Kind::Usage);
}

#[test]
fn an_empty_expression_is_every_frame() {
    for expression in ["", "  "] {
        assert!(pcap::compile(expression).unwrap().matches_all());
    }
    assert!(!pcap::compile("tcp").unwrap().matches_all());
}

#[test]
fn a_filter_that_there_is_no_room_for() {
    let (load, end) =
        (Instruction { code: 0x28, jt: 0, jf: 0, k: 12 }, Instruction { code: 0x16, jt: 0, jf: 0, k: 0 });
    let instructions = [vec![load; 1000], vec![end]].concat();
    let (kind, sentence) = refused(Filter { expression: "long".to_owned(), instructions });
    assert_eq!(kind, Some(Kind::Usage), "{sentence}");
    assert!(sentence.contains("instructions, and there is room for"), "{sentence}");
}

#[test]
fn programs_that_are_none() {
    let filter = |instructions: &[(u16, u8, u32)]| Filter {
        expression: "?".to_owned(),
        instructions: instructions.iter().map(|&(code, jt, k)| Instruction { code, jt, jf: 0, k }).collect(),
    };
    for (instructions, words) in [
        (&[(0xffff, 0, 0), (0x06, 0, 0)][..], "instruction 0 of the filter is unknown"),
        (&[(0x02, 0, 16), (0x06, 0, 0)], "instruction 0 of the filter is unknown"),
        (&[(0x15, 7, 0), (0x06, 0, 0)], "jumps out of itself"),
        (&[(0x05, 0, u32::MAX - 1), (0x06, 0, 0)], "jumps out of itself"),
        (&[(0x00, 0, 1)], "does not end"),
        (&[], "does not end"),
    ] {
        let (_, sentence) = refused(filter(instructions));
        assert!(sentence.contains(words), "{sentence}");
    }
}
