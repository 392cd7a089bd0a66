//! Session ids.

use core::fmt;

use crate::Seed;
use crate::seed::{Generator, Purpose};

/// A session id: 20 characters of the URL-safe base64 alphabet, the official shape.
///
/// The 120 bits are 16 bits that name the shard, 16 bits that lead to the slot of the session, and 88 bits from a
/// cryptographic generator. Whoever holds a session id may speak for its session: it is a secret, and `Debug` shows
/// only its first four characters. Comparing two ids takes the same time wherever they differ.
///
/// Source: Engine.IO protocol revision 4, "Handshake"; `engine.io/lib/contrib/base64id.ts` for the shape.
#[derive(Clone, Copy, Eq)]
pub struct Sid([u8; LEN]);

pub(crate) const LEN: usize = 20;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Sid {
    /// Reads a session id, `None` unless it is 20 characters of `A-Z a-z 0-9 - _`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes().try_into().ok()?)
    }

    /// Reads a session id of the right length.
    pub(crate) fn from_bytes(bytes: [u8; LEN]) -> Option<Self> {
        let all = bytes.iter().fold(0, |all, byte| all | value(*byte));
        (all <= LARGEST).then_some(Self(bytes))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructors only let ASCII in.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The shard that made the id.
    #[must_use]
    pub fn shard(&self) -> u16 {
        (self.head() >> 16) as u16
    }

    /// The slots that the id may have been made for, among those below `slots`: one in 65,536.
    pub fn candidate_slots(&self, slots: u32) -> impl Iterator<Item = u32> + use<> {
        (self.head() & 0xffff..slots).step_by(1 << 16)
    }

    /// Draws an id for the slot of a shard.
    fn generate(shard: u16, slot: u32, generator: &mut Generator) -> Self {
        let mut raw = [0_u8; 15];
        generator.fill(&mut raw);
        let [s0, s1] = shard.to_be_bytes();
        let [.., h0, h1] = slot.to_be_bytes();
        let head = [s0, s1, h0, h1];
        for (target, source) in raw.iter_mut().zip(head) {
            *target = source;
        }
        let mut text = [b'A'; LEN];
        for (group, digits) in raw.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
            let bits = group
                .iter()
                .fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
            for (digit, shift) in digits.iter_mut().zip([18, 12, 6, 0]) {
                if let Some(&letter) = ALPHABET.get((bits >> shift & 63) as usize) {
                    *digit = letter;
                }
            }
        }
        Self(text)
    }

    /// The first 32 bits of the id: the shard, and what leads to the slot.
    fn head(&self) -> u32 {
        let [a, b, c, d, e, f, ..] = self.0.map(|digit| u32::from(value(digit)));
        a << 26 | b << 20 | c << 14 | d << 8 | e << 2 | f >> 4
    }
}

/// Makes session ids from a seed.
///
/// # Examples
///
/// ```
/// use engineio_proto::{Seed, SidGenerator};
///
/// let mut generator = SidGenerator::new(3, &Seed::new([7; 32]));
/// let sid = generator.generate(70_000);
/// assert_eq!(sid.shard(), 3);
/// assert!(sid.candidate_slots(100_000).any(|slot| slot == 70_000));
/// ```
#[derive(Debug)]
pub struct SidGenerator {
    shard: u16,
    generator: Generator,
}

impl SidGenerator {
    /// Makes a generator of ids that carry `shard`. The seed must be fresh entropy outside of tests. Generators with one
    /// seed and different shards have nothing in common.
    #[must_use]
    pub fn new(shard: u16, seed: &Seed) -> Self {
        Self {
            shard,
            generator: Generator::new(seed, Purpose::SessionIds, shard.into()),
        }
    }

    /// Draws an id for whatever lies in a slot.
    pub fn generate(&mut self, slot: u32) -> Sid {
        Sid::generate(self.shard, slot, &mut self.generator)
    }

    /// The shard that the ids carry.
    #[must_use]
    pub fn shard(&self) -> u16 {
        self.shard
    }
}

impl PartialEq for Sid {
    fn eq(&self, other: &Self) -> bool {
        self.0
            .as_chunks::<4>()
            .0
            .iter()
            .zip(other.0.as_chunks::<4>().0)
            .fold(0, |difference, (a, b)| {
                difference | (u32::from_ne_bytes(*a) ^ u32::from_ne_bytes(*b))
            })
            == 0
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.sign_minus() {
            return write!(f, "Sid({})", self.as_str());
        }
        write!(f, "Sid({}…)", self.as_str().get(..4).unwrap_or_default())
    }
}

/// The largest value of a digit: six bits, all set.
const LARGEST: u8 = 63;

/// The value of a base64url digit, above [`LARGEST`] for what is none.
fn value(digit: u8) -> u8 {
    VALUES.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT)
}

/// Stands for what is no digit.
const NO_DIGIT: u8 = u8::MAX;

/// The value of each character that is a digit.
const VALUES: [u8; 256] = values();

#[expect(
    clippy::indexing_slicing,
    reason = "a constant: out of bounds it would not compile"
)]
const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::Seed;

    #[test]
    fn carries_shard_and_slot_and_parses_back() {
        let mut generator = Generator::new(&Seed::new([3; 32]), Purpose::SessionIds, 0);
        for (shard, slot) in [(0, 0), (1, 2), (0xffff, 0xffff), (0x1234, 0xabcd_5678)] {
            let sid = Sid::generate(shard, slot, &mut generator);
            assert_eq!(sid.as_str().len(), 20);
            assert_eq!(sid.shard(), shard);
            assert_eq!(
                sid.candidate_slots(slot.saturating_add(1)).last(),
                Some(slot)
            );
            assert_eq!(Sid::parse(sid.as_str()), Some(sid));
        }
    }

    #[test]
    fn two_draws_differ() {
        let mut generator = Generator::new(&Seed::new([3; 32]), Purpose::SessionIds, 0);
        assert_ne!(
            Sid::generate(0, 0, &mut generator),
            Sid::generate(0, 0, &mut generator)
        );
    }

    #[test]
    fn only_the_official_shape_parses() {
        for text in [
            "",
            "abc",
            "abcdefghijklmnopqrs",
            "abcdefghijklmnopqrstu",
            "abcdefghijklmnopqrs=",
            "__proto__",
            "abcdefghijklmnopqré",
        ] {
            assert_eq!(Sid::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let sid = Sid::parse("abcdefghijklmnopqrst").unwrap();
        assert_eq!(format!("{sid:?}"), "Sid(abcd…)");
    }
}
