//! See `fuzz_checks::roundtrip_packet_v3`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_checks::roundtrip_packet_v3(data));
