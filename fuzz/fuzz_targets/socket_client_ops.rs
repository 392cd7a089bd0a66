//! See `socketio_fuzz_checks::socket_client_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::socket_client_ops(data));
