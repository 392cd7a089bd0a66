//! Feeds the checks with what lies near their seeds, on the stable compiler and without libFuzzer:
//! `fuzz-loop [TARGET]... [--runs N] [--seed S] [--max-len BYTES]`, or with one input: `fuzz-loop TARGET --input FILE`.
//!
//! It knows nothing of coverage, so it finds less than libFuzzer in the same time, but it needs nothing, and the same seed
//! makes the same inputs. An input that fails is made smaller and written to `fuzz/artifacts/TARGET/`.

use std::error::Error;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use socketio_fuzz_checks::near::{near, passes, shrink};
use socketio_fuzz_checks::{CHECKS, Check, Random};

struct Arguments {
    targets: Vec<String>,
    runs: u64,
    seed: u64,
    max_len: u64,
    input: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("fuzz-loop: {error}");
            return ExitCode::from(2);
        }
    };
    let mut failed = false;
    for (name, check) in CHECKS {
        if arguments.targets.is_empty() || arguments.targets.iter().any(|target| target == name) {
            failed |= !run(name, *check, &arguments);
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether all went well.
fn run(name: &str, check: Check, arguments: &Arguments) -> bool {
    if let Some(file) = &arguments.input {
        return fs::read(file).is_ok_and(|input| passes(check, &input));
    }
    let seeds = seeds(name);
    let mut random = Random::new(arguments.seed);
    let started = Instant::now();
    for run in 0..arguments.runs {
        let input = near(&seeds, &mut random, arguments.max_len);
        if !passes(check, &input) {
            let small = quietly(|| shrink(check, input));
            let file = keep(name, &small);
            println!(
                "{name}: run {run} of seed {} failed; {} bytes that fail are in {}",
                arguments.seed,
                small.len(),
                file.display()
            );
            return false;
        }
    }
    println!(
        "{name}: {} runs of seed {} in {:.1} s",
        arguments.runs,
        arguments.seed,
        started.elapsed().as_secs_f64()
    );
    true
}

/// Without a word about each panic.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let value = act();
    panic::set_hook(hook);
    value
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = root().join("artifacts").join(name);
    let file = folder.join(format!(
        "loop-{:016x}",
        input.iter().fold(0_u64, |sum, byte| sum
            .wrapping_mul(31)
            .wrapping_add(u64::from(*byte)))
    ));
    if let Err(error) = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)) {
        eprintln!(
            "fuzz-loop: cannot write {}: {error}; the input is {input:?}",
            file.display()
        );
    }
    file
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(root().join("corpus").join(name)) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments {
        targets: Vec::new(),
        runs: 10_000,
        seed: 1,
        max_len: 1_000,
        input: None,
    };
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, Box<dyn Error>> {
            Ok(words.next().ok_or("a number is missing")?.parse()?)
        };
        match word.as_str() {
            "--runs" => arguments.runs = number()?,
            "--seed" => arguments.seed = number()?,
            "--input" => arguments.input = Some(words.next().ok_or("a file is missing")?.into()),
            "--max-len" => arguments.max_len = number()?,
            name if CHECKS.iter().any(|(check, _)| *check == name) => arguments.targets.push(word),
            other => return Err(format!("{other} is no target").into()),
        }
    }
    Ok(arguments)
}
