//! Measures what operations take as a server gets more sockets: `scripts/bench scale --help`.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark whose result is wrong must not go on"
)]
#![expect(clippy::print_stdout, reason = "the result of a program")]

#[expect(dead_code, reason = "the other benchmarks use the rest")]
#[path = "../workloads/net.rs"]
mod net;
mod world;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use benchmarks::plot::{self, Line};
use benchmarks::report;
use lexopt::{Arg, ValueExt};

use world::{OPERATIONS, World};

const HELP: &str = "\
Measures what operations take in servers of several sizes.

Usage: scripts/bench scale [OPTION]...

  --sockets LIST  the sizes, by default 1000,10000,100000,1000000; each a multiple of 1000
  --rounds COUNT  how often each operation is measured, by default 15; the median counts
  --write FILE    puts the table into its place in FILE, as seen from the repository, and the plot beside it as scale.svg

A figure is the time of the processor in nanoseconds. 1,000,000 sockets take about 1 GB.
";

const PLACE: &str = "scale";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    sockets: Vec<usize>,
    rounds: usize,
    write: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Some(options) = parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    let measured = options.sockets.iter();
    let measured: Vec<_> = measured
        .map(|sockets| (*sockets, measure(*sockets, options.rounds)))
        .collect();
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let command = ["scripts/bench scale".to_owned(), words.join(" ")].join(" ");
    let origin = report::origin(command.trim(), &["rustc"]);
    let text = format!("{}\n{origin}\n", table(&measured));
    println!("{text}");
    if let Some(file) = &options.write {
        // Cargo runs a benchmark in the folder of its package.
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        report::replace_in(&file, PLACE, &text)?;
        fs::write(file.with_file_name("scale.svg"), plot(&measured))?;
    }
    Ok(())
}

/// Reads the command line; `None` if help is wanted.
fn parse() -> Result<Option<Options>> {
    let mut options = Options {
        sockets: vec![1_000, 10_000, 100_000, 1_000_000],
        rounds: 15,
        write: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            // Cargo says so to each benchmark.
            Arg::Long("bench") => {}
            Arg::Long("sockets") => {
                let sizes = parser.value()?.string()?;
                options.sockets = sizes
                    .split(',')
                    .map(str::parse)
                    .collect::<std::result::Result<_, _>>()?;
            }
            Arg::Long("rounds") => options.rounds = parser.value()?.parse()?,
            Arg::Long("write") => options.write = Some(parser.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => {
                return Err(argument.unexpected().into());
            }
        }
    }
    let whole = |sockets: &usize| *sockets > 0 && sockets.is_multiple_of(1_000);
    if !options.sockets.iter().all(whole) || options.sockets.is_empty() || options.rounds == 0 {
        return Err("--sockets takes multiples of 1000, and --rounds at least 1".into());
    }
    Ok(Some(options))
}

/// The nanoseconds of each operation in a server of that size.
fn measure(sockets: usize, rounds: usize) -> Vec<f64> {
    let mut world = World::new(sockets);
    // What the first round takes once and keeps belongs to no operation.
    world.round();
    let rounds: Vec<_> = (0..rounds).map(|_| world.round()).collect();
    let medians = (0..OPERATIONS.len()).map(|operation| {
        let mut taken: Vec<_> = rounds.iter().map(|round| round[operation]).collect();
        taken.sort_unstable_by(f64::total_cmp);
        taken[taken.len() / 2]
    });
    let medians = medians.collect();
    eprintln!("{sockets} sockets: {medians:.0?} ns");
    medians
}

/// A row for each operation, a column for each size.
fn table(measured: &[(usize, Vec<f64>)]) -> String {
    let mut head = vec!["ns".to_owned()];
    let sizes = measured.iter().map(|(sockets, _)| *sockets as f64);
    head.extend(sizes.map(|sockets| format!("{} sockets", report::grouped(sockets))));
    let rows = OPERATIONS.iter().enumerate().map(|(operation, name)| {
        let figures = measured
            .iter()
            .map(|(_, taken)| report::grouped(taken[operation]));
        [(*name).to_owned()].into_iter().chain(figures).collect()
    });
    report::table(&head, 1, rows)
}

fn plot(measured: &[(usize, Vec<f64>)]) -> String {
    let lines = OPERATIONS.iter().enumerate().map(|(operation, name)| Line {
        name: (*name).to_owned(),
        points: measured
            .iter()
            .map(|(sockets, taken)| (*sockets as f64, taken[operation]))
            .collect(),
    });
    let lines: Vec<_> = lines.collect();
    plot::log_log(
        "What operations take as a server gets more sockets",
        "sockets of the server",
        "nanoseconds for one operation",
        &lines,
    )
}
