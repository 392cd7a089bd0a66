//! See `socketio_fuzz_checks::client_vs_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::client_vs_server(data));
