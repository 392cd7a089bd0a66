//! See `socketio_fuzz_checks::roundtrip_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::roundtrip_packet(data));
