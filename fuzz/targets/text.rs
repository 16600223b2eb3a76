//! Selectors, addresses, hex and the flags of `send`.

#![no_main]

#[path = "../../veth-observer/tests/rubbish/checks.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::text(data));
