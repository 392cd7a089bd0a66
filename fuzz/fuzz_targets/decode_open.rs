//! See `socketio_fuzz_checks::decode_open`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::decode_open(data));
