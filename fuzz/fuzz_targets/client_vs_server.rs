//! See `fuzz_checks::client_vs_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::client_vs_server(data));
