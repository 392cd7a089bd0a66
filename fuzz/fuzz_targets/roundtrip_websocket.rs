//! See `socketio_fuzz_checks::roundtrip_websocket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::roundtrip_websocket(data));
