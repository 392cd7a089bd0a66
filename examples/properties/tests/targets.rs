//! Runs the fuzz targets without a fuzzer, on inputs that proptest makes.
#![allow(
    unused_attributes,
    reason = "the targets have no `main`, and this test has one"
)]

extern crate self as libfuzzer_sys;

use proptest::prelude::*;

/// Makes a function of a target, in the place of what libFuzzer calls.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: $type:ty| $body:block) => {
        pub(crate) fn check(bytes: &[u8]) {
            let mut bytes = arbitrary::Unstructured::new(bytes);
            if let Ok($input) = <$type as arbitrary::Arbitrary>::arbitrary(&mut bytes) {
                $body
            }
        }
    };
}

#[path = "../fuzz/fuzz_targets/bid.rs"]
mod bid;
#[path = "../fuzz/fuzz_targets/hostile.rs"]
mod hostile;

proptest! {
    #[test]
    fn the_targets_hold(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        bid::check(&bytes);
        hostile::check(&bytes);
    }
}
