//! Names of packets, by which a client says which one it got last.

use bytestring::ByteString;
use engineio_proto::{Seed, SidGenerator};

/// Makes the offsets of packets: 84 random bits each, so that those of different servers differ and none tells how many
/// there were.
#[derive(Debug)]
pub(super) struct Offsets(SidGenerator);

impl Offsets {
    pub(super) fn new(seed: &Seed) -> Self {
        Self(SidGenerator::new(0, seed))
    }

    pub(super) fn next(&mut self) -> ByteString {
        let id = self.0.generate(0);
        // The characters before have bits of the shard and the slot.
        id.as_str().get(6..).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn offsets_tell_neither_their_number_nor_their_order_and_never_repeat() {
        let mut offsets = Offsets::new(&Seed::new([1; 32]));
        let drawn: Vec<_> = (0..10_000).map(|_| offsets.next()).collect();
        assert!(drawn.iter().all(|offset| offset.len() == 14));
        let unique: BTreeSet<_> = drawn.iter().collect();
        assert_eq!(unique.len(), drawn.len());
        // No character stays, and none grows: one pair in two is in ascending order.
        for place in 0..14 {
            let digits: BTreeSet<_> = drawn
                .iter()
                .map(|offset| offset.as_bytes()[place])
                .collect();
            assert_eq!(digits.len(), 64, "{place}");
        }
        let ascending = drawn.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((4_500..5_500).contains(&ascending), "{ascending}");
    }
}
