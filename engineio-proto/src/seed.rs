//! Randomness that the caller brings.

use core::fmt;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// 32 bytes of entropy, from which a machine draws everything random it needs.
///
/// Session ids come from it, so on a server it must come from the operating system's secure source and be used once.
/// The same seed and the same inputs give the same outputs, byte for byte.
///
/// # Examples
///
/// ```
/// use engineio_proto::Seed;
///
/// let seed = Seed::new([7; 32]); // a test; a server fills this from the operating system
/// assert_eq!(format!("{seed:?}"), "Seed(..)");
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Makes a seed from 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever writes a seed down. They give away every id that was drawn from it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Draws the seed of a child machine: for the same `label` the same, for another `label` unrelated.
    #[must_use]
    pub fn child(&self, label: u64) -> Self {
        let mut rng = ChaCha12Rng::from_seed(self.0);
        rng.set_stream(label);
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The generator behind a seed; its type is in no public signature.
pub(crate) struct Generator(ChaCha12Rng);

impl Generator {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self(ChaCha12Rng::from_seed(seed.0))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_reproducible_and_differ() {
        let seed = Seed::new([1; 32]);
        assert_eq!(seed.child(1), seed.child(1));
        assert_ne!(seed.child(1), seed.child(2));
        assert_ne!(seed.child(0), seed);
    }
}
