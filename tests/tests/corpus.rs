//! Replays the seeds of the fuzz targets, and what lies near them, on the stable compiler.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use socketio_fuzz_checks::{CHECKS, Check};

#[test]
fn every_target_has_seeds_and_every_folder_a_target() {
    let folders: BTreeSet<String> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let targets: BTreeSet<String> = CHECKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, targets);
    for (name, _) in CHECKS {
        assert!(seeds(name).len() >= 8, "{name} has too few seeds");
    }
}

#[test]
fn every_seed_passes() {
    for_every_seed(|check, seed| check(seed));
}

#[test]
fn every_seed_passes_cut_off_anywhere() {
    for_every_seed(|check, seed| {
        for end in 0..seed.len() {
            check(&seed[..end]);
        }
    });
}

#[test]
fn every_seed_passes_with_any_byte_replaced() {
    for_every_seed(|check, seed| {
        let mut changed = seed.to_vec();
        for index in 0..seed.len() {
            // What the protocols, JSON and MessagePack give a meaning to, and what is neither ASCII nor UTF-8.
            for byte in
                *b"0456b,-/9\"\\{}[]: \x1e\x00\x80\xc3\xff\x91\xc1\xc6\xc7\xd4\xd7\xd9\xdd\xdf"
            {
                changed[index] = byte;
                check(&changed);
            }
            changed[index] = seed[index];
        }
    });
}

fn for_every_seed(mut replay: impl FnMut(Check, &[u8])) {
    for (name, check) in CHECKS {
        for path in seeds(name) {
            // The name of the seed stands above the panic of a failed check.
            println!("{}", path.display());
            replay(*check, &fs::read(&path).unwrap());
        }
    }
}

fn seeds(target: &str) -> Vec<PathBuf> {
    let mut seeds: Vec<PathBuf> = fs::read_dir(corpus().join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    seeds
}

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}
