//! The randomness of the delays between attempts.

use engineio_proto::{Seed, SidGenerator};

/// Draws numbers that are at least 0 and less than 1.
///
/// The generator of ids is the one source of random bits that the layer below offers; the last 54 bits of an id are
/// nothing but random.
#[derive(Debug)]
pub(super) struct Jitter(SidGenerator);

impl Jitter {
    pub(super) fn new(seed: &Seed) -> Self {
        Self(SidGenerator::new(0, seed))
    }

    pub(super) fn draw(&mut self) -> f64 {
        let id = self.0.generate(0);
        let bits = id.as_str().bytes().rev().take(9).fold(0_u64, |bits, byte| {
            let digit = match byte {
                b'A'..=b'Z' => byte.wrapping_sub(b'A'),
                b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
                b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
                b'-' => 62,
                _ => 63,
            };
            bits << 6 | u64::from(digit)
        });
        // 53 bits are what a number of this type holds exactly.
        (bits >> 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_over_zero_to_one_and_reproducible() {
        let draws = |seed| {
            let mut jitter = Jitter::new(&Seed::new([seed; 32]));
            core::array::from_fn::<f64, 1000, _>(|_| jitter.draw())
        };
        let drawn = draws(1);
        let mut tenths = [0; 10];
        for random in drawn {
            assert!((0.0..1.0).contains(&random));
            tenths[(random * 10.0) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|count| (60..140).contains(count)),
            "{tenths:?}"
        );
        assert_eq!(draws(1), drawn);
        assert_ne!(draws(2), drawn);
    }
}
