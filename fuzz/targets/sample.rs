//! Records of the ring buffer.

#![no_main]

#[path = "../../veth-observer/tests/rubbish/checks.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::sample(data));
