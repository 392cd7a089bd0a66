//! See `socketio_fuzz_checks::serve_wire`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::serve_wire(data));
