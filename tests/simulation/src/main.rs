//! Runs the worlds of many seeds, or shows that of one: `--help` tells how.
#![expect(clippy::print_stdout, reason = "a program that prints what it found")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use lexopt::{Arg, Parser, ValueExt};
use simulation::{Counts, Coverage, Outcome, Recording, run};

const HELP: &str = "\
Runs simulated worlds, one for each seed, until one breaks a promise.

Usage: simulation [--start N] [--seeds N] [--threads N] [--keep-going] [--coverage]
       simulation --seed N [--trace]

  --start N      the first seed, 0 if it is not given
  --seeds N      how many seeds, 1000 if it is not given
  --threads N    how many at a time, as many as there are cores if it is not given
  --keep-going   run all seeds, whatever they find
  --coverage     print how often things happened that worlds are there to show; a run of
                 20000 seeds or more prints it too, and fails if one of them never happened
  --seed N       just this one
  --trace        print all that happens in it";

struct Arguments {
    start: u64,
    seeds: u64,
    threads: usize,
    keep_going: bool,
    trace: bool,
    coverage: bool,
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments {
        start: 0,
        seeds: 1000,
        threads: thread::available_parallelism().map_or(1, usize::from),
        keep_going: false,
        trace: false,
        coverage: false,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("start") => arguments.start = parser.value()?.parse()?,
            Arg::Long("seeds") => arguments.seeds = parser.value()?.parse()?,
            Arg::Long("threads") => arguments.threads = parser.value()?.parse()?,
            Arg::Long("coverage") => arguments.coverage = true,
            Arg::Long("keep-going") => arguments.keep_going = true,
            Arg::Long("trace") => arguments.trace = true,
            Arg::Long("seed") => {
                (arguments.start, arguments.seeds) = (parser.value()?.parse()?, 1);
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => run_all(&arguments),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

/// So many seeds show all that worlds are there to show.
const MANY: u64 = 20_000;

fn run_all(arguments: &Arguments) -> ExitCode {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let (failures, sum) = (AtomicU64::new(0), Mutex::new(Counts::default()));
    let coverage = Mutex::new(Coverage::default());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.seeds {
                        break;
                    }
                    let seed = arguments.start + number;
                    let outcome = run_one(seed, arguments.trace);
                    let (Ok(mut sum), Ok(mut coverage)) = (sum.lock(), coverage.lock()) else {
                        break;
                    };
                    *sum += outcome.counts;
                    coverage.add(outcome.coverage);
                    if let Some(fault) = outcome.fault {
                        println!("seed {seed}: {fault}");
                        failures.fetch_add(1, Ordering::Relaxed);
                        stop.fetch_or(!arguments.keep_going, Ordering::Relaxed);
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done % 1000 == 0 {
                        // A run that is stopped has its sum too.
                        println!("{done} seeds: {sum:?}");
                    }
                }
            });
        }
    });
    let (failures, done) = (failures.into_inner(), done.into_inner());
    println!("{done} seeds, {failures} failed");
    if let Ok(sum) = sum.into_inner() {
        println!("{sum:?}");
    }
    let coverage = coverage.into_inner().unwrap_or_default();
    let complete = report(&coverage, arguments.coverage, done);
    if failures == 0 && complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints what worlds covered, if it is asked for or they are many. Whether that is all they should.
fn report(coverage: &Coverage, wanted: bool, seeds: u64) -> bool {
    let gaps = coverage.gaps();
    if wanted || seeds >= MANY {
        println!("{coverage}");
        for gap in &gaps {
            println!("{gap}");
        }
    }
    gaps.is_empty() || seeds < MANY
}

fn run_one(seed: u64, trace: bool) -> Outcome {
    let recording = if trace {
        Recording::Trace
    } else {
        Recording::Nothing
    };
    let outcome = run(seed, recording);
    for line in &outcome.trace {
        println!("{line}");
    }
    outcome
}
