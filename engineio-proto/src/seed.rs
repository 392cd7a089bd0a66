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
    ///
    /// It is also unrelated to everything that a machine draws from this seed, and to [`derive`](Self::derive).
    #[must_use]
    pub fn child(&self, label: u64) -> Self {
        self.derive(Purpose::Child, label)
    }

    /// Draws the seed for a part of a machine. Another purpose or index gives an unrelated one.
    ///
    /// The seed is the key of ChaCha12, the index its stream, and the purpose the number of its block, so each pair has a
    /// block of its own. No block of a seed is ever given out as an id.
    #[must_use]
    pub fn derive(&self, purpose: Purpose, index: u64) -> Self {
        self.block(Use::Seed, purpose, index)
    }

    /// 32 bytes that belong to this use, purpose and index alone.
    fn block(&self, of: Use, purpose: Purpose, index: u64) -> Self {
        let block = FIRST_BLOCK | u128::from(purpose as u8) << 1 | of as u128;
        let mut rng = ChaCha12Rng::from_seed(self.0);
        rng.set_stream(index);
        rng.set_word_pos(block * WORDS_PER_BLOCK);
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

/// What a part of a machine draws randomness for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[repr(u8)]
pub enum Purpose {
    /// What the caller likes: [`Seed::child`].
    Child = 0,
    /// Session ids; the index is the shard.
    SessionIds = 1,
    /// The parameter that makes the requests of a client unique.
    Requests = 2,
    /// A server of this layer inside one of the layer above; the index is the shard.
    EngineServer = 3,
    /// A client of this layer inside one of the layer above; the index is its number.
    EngineClient = 4,
    /// Ids of sockets, and pids; the index is the shard.
    SocketIds = 5,
    /// Offsets of events; the index is the shard.
    Offsets = 6,
    /// Delays between attempts to connect.
    Jitter = 7,
    /// Keys that a client masks its WebSocket frames with; the index is the connection.
    Masks = 8,
    /// The key of a client's WebSocket handshake, which everybody on the way reads; the index is the connection.
    Handshakes = 9,
}

/// A key is either for more keys or for output. The two have blocks of their own.
#[derive(Clone, Copy)]
enum Use {
    Seed = 0,
    Output = 1,
}

/// Far behind all that anybody draws from the stream of a key from its beginning.
const FIRST_BLOCK: u128 = 1 << 63;

const WORDS_PER_BLOCK: u128 = 16;

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The generator behind a seed; its type is in no public signature.
pub(crate) struct Generator(ChaCha12Rng);

impl Generator {
    pub(crate) fn new(seed: &Seed, purpose: Purpose, index: u64) -> Self {
        let key = seed.block(Use::Output, purpose, index);
        Self(ChaCha12Rng::from_seed(key.0))
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
    use alloc::collections::BTreeSet;

    use super::*;

    const PURPOSES: [Purpose; 10] = [
        Purpose::Child,
        Purpose::SessionIds,
        Purpose::Requests,
        Purpose::EngineServer,
        Purpose::EngineClient,
        Purpose::SocketIds,
        Purpose::Offsets,
        Purpose::Jitter,
        Purpose::Masks,
        Purpose::Handshakes,
    ];

    #[test]
    fn children_are_reproducible_and_differ() {
        let seed = Seed::new([1; 32]);
        assert_eq!(seed.child(1), seed.child(1));
        assert_ne!(seed.child(1), seed.child(2));
        assert_ne!(seed.child(0), seed);
    }

    #[test]
    fn who_has_a_derived_seed_has_no_key_that_ids_are_drawn_with() {
        let seed = Seed::new([1; 32]);
        for purpose in PURPOSES {
            let mut drawn = [0; 32];
            Generator::new(&seed, purpose, 5).fill(&mut drawn);
            let mut guessed = [0; 32];
            ChaCha12Rng::from_seed(seed.derive(purpose, 5).0).fill_bytes(&mut guessed);
            assert_ne!(drawn, guessed, "{purpose:?}");
        }
    }

    #[test]
    fn no_two_of_use_purpose_and_index_have_eight_bytes_in_common() {
        let seed = Seed::new([1; 32]);
        let mut plain = ChaCha12Rng::from_seed(seed.0);
        let mut own = alloc::vec![0; 65_536];
        plain.fill_bytes(&mut own);
        let mut streams = alloc::vec![own];
        for purpose in PURPOSES {
            for index in [0, 1, 2, 255, 0xffff, 1 << 32, u64::MAX] {
                streams.push(seed.derive(purpose, index).0.to_vec());
                let mut output = alloc::vec![0; 1024];
                Generator::new(&seed, purpose, index).fill(&mut output);
                streams.push(output);
                // A derived seed, with the same purpose once more.
                let mut inner = alloc::vec![0; 1024];
                Generator::new(&seed.derive(purpose, index), purpose, index).fill(&mut inner);
                streams.push(inner);
            }
        }
        let mut seen = BTreeSet::new();
        for (number, stream) in streams.iter().enumerate() {
            for window in stream.windows(8) {
                assert!(seen.insert(window), "{number}");
            }
        }
    }
}
