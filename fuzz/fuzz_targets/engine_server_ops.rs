//! See `fuzz_checks::engine_server_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::engine_server_ops(data));
