//! Inputs near known ones, for plain loops.
//!
//! A loop that calls a check with these inputs needs no fuzzer. It knows nothing of coverage, so it finds less in the same
//! time. The same seed makes the same inputs.
//!
//! ```
//! use socketio_fuzz_checks::near::{near, passes, shrink};
//! use socketio_fuzz_checks::{Random, decode_frame};
//!
//! let seeds = [b"\04hello".to_vec(), b"\0bAQID".to_vec()];
//! let mut random = Random::new(7);
//! for _ in 0..1_000 {
//!     let input = near(&seeds, &mut random, 100);
//!     if !passes(decode_frame, &input) {
//!         panic!("this fails: {:?}", shrink(decode_frame, input));
//!     }
//! }
//! ```

use std::panic::{self, AssertUnwindSafe};

use socketio_testkit::Random;

use crate::Check;

/// Makes an input of at most `max_len` bytes: a seed with some changes, two that are joined, or any bytes.
pub fn near(seeds: &[Vec<u8>], random: &mut Random, max_len: u64) -> Vec<u8> {
    let any = |random: &mut Random| {
        (0..random.below(max_len))
            .map(|_| random.number() as u8)
            .collect()
    };
    let seed = |random: &mut Random| {
        let index = random.below(seeds.len() as u64) as usize;
        seeds.get(index).cloned().unwrap_or_default()
    };
    let mut input: Vec<u8> = match random.below(8) {
        0 => return any(random),
        1 => {
            let (mut first, second) = (seed(random), seed(random));
            first.truncate(random.below(first.len() as u64 + 1) as usize);
            let from = random.below(second.len() as u64 + 1) as usize;
            first.extend_from_slice(second.get(from..).unwrap_or_default());
            first
        }
        _ => seed(random),
    };
    for _ in 0..=random.below(8) {
        change(&mut input, random);
    }
    input.truncate(max_len as usize);
    input
}

fn change(input: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(input.len() as u64 + 1) as usize;
    let byte = random.number() as u8;
    match (random.below(6), input.get_mut(at)) {
        (0 | 1, Some(there)) => *there = byte,
        (2, Some(there)) => *there ^= 1 << (byte % 8),
        (3, Some(_)) => drop(input.remove(at)),
        (4, Some(_)) => {
            // Some steps once more.
            let end = (at + usize::from(byte % 16)).min(input.len());
            let again = input.get(at..end).unwrap_or_default().to_vec();
            drop(input.splice(at..at, again));
        }
        _ => input.insert(at, byte),
    }
}

/// Whether a check passes.
pub fn passes(check: Check, input: &[u8]) -> bool {
    panic::catch_unwind(AssertUnwindSafe(|| check(input))).is_ok()
}

/// Takes away what an input does not need to fail. An input that passes comes back empty or as it was.
pub fn shrink(check: Check, mut input: Vec<u8>) -> Vec<u8> {
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at + size <= input.len() {
            let mut smaller = input.clone();
            drop(smaller.drain(at..at + size));
            if passes(check, &smaller) {
                at += size;
            } else {
                input = smaller;
            }
        }
        size /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails for two bytes that need not stand beside each other.
    fn fussy(input: &[u8]) {
        let first = input.iter().position(|byte| *byte == b'x');
        let last = input.iter().rposition(|byte| *byte == b'y');
        assert!(first.is_none() || last.is_none() || first > last);
    }

    #[test]
    fn what_fails_shrinks_to_what_it_needs() {
        let _quiet = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        assert_eq!(shrink(fussy, b"aaxbbbybb".to_vec()), b"xy");
        assert!(!passes(fussy, b"xy") && passes(fussy, b"yx"));
    }

    #[test]
    fn inputs_are_the_same_again_and_near_their_seeds() {
        let seeds = [b"0123456789".to_vec(), b"abcdefghij".to_vec()];
        let inputs = |seed| {
            let mut random = Random::new(seed);
            (0..500)
                .map(|_| near(&seeds, &mut random, 30))
                .collect::<Vec<_>>()
        };
        assert_eq!(inputs(3), inputs(3));
        assert_ne!(inputs(3), inputs(4));
        let all = inputs(3);
        assert!(all.iter().all(|input| input.len() <= 30));
        let holds = |part: &[u8]| {
            let holds = |input: &&Vec<u8>| input.windows(part.len()).any(|window| window == part);
            all.iter().filter(holds).count()
        };
        assert!(holds(b"345") > 80 && holds(b"def") > 80);
        let joined = all
            .iter()
            .filter(|input| input.contains(&b'2') && input.contains(&b'g'));
        assert!(joined.count() > 5);
    }
}
