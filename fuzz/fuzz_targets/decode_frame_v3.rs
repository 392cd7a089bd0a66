//! See `socketio_fuzz_checks::decode_frame_v3`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::decode_frame_v3(data));
