//! See `fuzz_checks::session_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::session_ops(data));
