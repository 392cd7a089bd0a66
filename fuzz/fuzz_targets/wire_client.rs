//! See `socketio_fuzz_checks::wire_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::wire_client(data));
