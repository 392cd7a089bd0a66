//! Values that one seed gives for different purposes have nothing in common.
#![cfg(test)]

use std::collections::BTreeMap;

use engineio_proto::{Seed, Sid, SidGenerator};

const SEED: [u8; 32] = [7; 32];

/// The 88 random bits of ids, one after the other, as bytes.
fn random_bits(generator: &mut SidGenerator, ids: usize) -> Vec<u8> {
    (0..ids)
        .flat_map(|_| bits(&generator.generate(0)))
        .collect()
}

/// The last eleven of the fifteen bytes of an id.
fn bits(sid: &Sid) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = sid.as_str().chars();
    let number = digits.fold(0_u128, |number, digit| {
        number << 6 | ALPHABET.find(digit).expect("a digit") as u128
    });
    number.to_be_bytes().into_iter().skip(5).collect()
}

#[test]
fn ids_of_two_shards_with_one_seed_share_no_bits() {
    let mut drawn = BTreeMap::new();
    for shard in [0, 1, 2, 255, 256, 0xffff] {
        let mut generator = SidGenerator::new(shard, &Seed::new(SEED));
        for number in 0..1_000 {
            let earlier = drawn.insert(bits(&generator.generate(0)), (shard, number));
            assert_eq!(earlier, None, "{shard} {number}");
        }
    }
}

#[test]
fn no_eight_bytes_occur_in_two_streams() {
    let seed = Seed::new(SEED);
    let mut streams = vec![("the seed itself".to_owned(), SEED.to_vec())];
    for label in [0, 1, 2, 3, 255, 256, 1 << 32, u64::MAX - 1, u64::MAX] {
        let child = seed.child(label);
        streams.push((format!("child {label}"), child.as_bytes().to_vec()));
        let grandchild = child.child(label).as_bytes().to_vec();
        streams.push((format!("grandchild {label}"), grandchild));
        for shard in [0, 1] {
            let mut ids = SidGenerator::new(shard, &child);
            let name = format!("ids of child {label}, shard {shard}");
            streams.push((name, random_bits(&mut ids, 300)));
        }
    }
    for shard in [0, 1, 256] {
        let mut ids = SidGenerator::new(shard, &seed);
        streams.push((
            format!("ids of shard {shard}"),
            random_bits(&mut ids, 2_000),
        ));
    }
    let mut seen = BTreeMap::new();
    for (index, (name, stream)) in streams.iter().enumerate() {
        // The seed repeats itself, and is looked for elsewhere.
        let step = if index == 0 { stream.len() } else { 1 };
        for window in stream.windows(8).step_by(step) {
            if let Some(other) = seen.insert(window, name) {
                panic!("{name} has eight bytes of {other}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_and_another_gives_another() {
    let draw = |byte| random_bits(&mut SidGenerator::new(3, &Seed::new([byte; 32])), 10);
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let child = |byte| Seed::new([byte; 32]).child(5);
    assert_eq!(child(1), child(1));
    assert_ne!(child(1), child(2));
}
