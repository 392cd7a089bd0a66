//! See `fuzz_checks::roundtrip_socketio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::roundtrip_socketio(data));
