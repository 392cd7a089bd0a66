//! Masking: the content of a client's frames is combined with a key of four bytes.

use core::fmt;

use crate::seed::Generator;
use crate::{Purpose, Seed};

/// A key, turned to where in the content it is to be used next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key([u8; 4]);

impl Key {
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks content, or takes its mask off, which is the same; eight bytes at a time.
    pub(super) fn apply(&mut self, content: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = content.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.0.iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(rest.len() % 4);
    }
}

/// The keys of one client, from its seed. A peer cannot foretell them.
pub(super) struct Keys {
    generator: Generator,
    drawn: [u8; 64],
    used: usize,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    pub(super) fn new(seed: &Seed, connection: u64) -> Self {
        Self {
            generator: Generator::new(seed, Purpose::Masks, connection),
            drawn: [0; 64],
            used: usize::MAX,
        }
    }

    pub(super) fn next(&mut self) -> [u8; 4] {
        if let Some(key) = self.drawn.as_chunks::<4>().0.get(self.used) {
            self.used += 1;
            return *key;
        }
        self.generator.fill(&mut self.drawn);
        self.used = 1;
        self.drawn
            .as_chunks::<4>()
            .0
            .first()
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn masking_goes_on_where_it_stopped() {
        let key = [1, 2, 4, 8];
        let content: Vec<u8> = (0..=255).collect();
        let slowly: Vec<u8> = content
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ key[at % 4])
            .collect();
        for first in 0..40 {
            for second in first..60 {
                let mut masked = content.clone();
                let mut state = Key::new(key);
                state.apply(&mut masked[..first]);
                state.apply(&mut masked[first..second]);
                state.apply(&mut masked[second..]);
                assert_eq!(masked, slowly, "{first} {second}");
            }
        }
    }

    #[test]
    fn keys_differ_and_are_those_of_the_seed() {
        let draw = |seed: u8, connection: u64| {
            let mut keys = Keys::new(&Seed::new([seed; 32]), connection);
            (0..100).map(|_| keys.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
        let mut keys = draw(1, 1);
        keys.sort_unstable();
        keys.dedup();
        assert!(keys.len() > 98);
    }
}
