//! See `fuzz_checks::decode_websocket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::decode_websocket(data));
