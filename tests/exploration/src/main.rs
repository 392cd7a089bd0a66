//! Explores scenarios, or walks one path through one: `--help` tells how.
#![expect(clippy::print_stdout, reason = "a program that prints what it found")]

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use exploration::{Fault, Limits, Path, Scenario, scenarios};
use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "\
Explores all that can happen in small scenarios, shortest paths first, until a promise is broken.

Usage: exploration [SCENARIO...] [--quick | --minute | --depth N] [--threads N]
       exploration SCENARIO --replay PATH
       exploration --list

  SCENARIO       what to explore, all scenarios if it is not given
  --quick        the depth of the tests; without it that, and then the whole depth
  --minute       that, and then two steps less than the whole depth: about a minute of one core
  --depth N      this depth
  --threads N    how many threads search, as many as there are cores if it is not given
  --replay PATH  walk one path, as a failure prints it, and tell all that happens on it
  --list         the scenarios with both depths

The exit status is 1 if a promise is broken.";

#[derive(Clone, Copy)]
enum Depth {
    Quick,
    Minute,
    Full,
    Of(usize),
}

struct Arguments {
    names: Vec<String>,
    depth: Depth,
    threads: usize,
    replay: Option<Path>,
    list: bool,
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments {
        names: Vec::new(),
        depth: Depth::Full,
        threads: thread::available_parallelism().map_or(1, usize::from),
        replay: None,
        list: false,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(name) => arguments.names.push(name.string()?),
            Arg::Long("quick") => arguments.depth = Depth::Quick,
            Arg::Long("minute") => arguments.depth = Depth::Minute,
            Arg::Long("depth") => arguments.depth = Depth::Of(parser.value()?.parse()?),
            Arg::Long("threads") => arguments.threads = parser.value()?.parse()?,
            Arg::Long("replay") => arguments.replay = Some(parser.value()?.parse()?),
            Arg::Long("list") => arguments.list = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Short(_) | Arg::Long(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => run(&arguments),
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

fn run(arguments: &Arguments) -> ExitCode {
    // A machine that panics is a broken promise, which is told with its path.
    std::panic::set_hook(Box::new(|_| {}));
    let is_wanted = |scenario: &&Scenario| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| *name == scenario.name)
    };
    let wanted: Vec<_> = scenarios().iter().filter(is_wanted).collect();
    if wanted.len() < arguments.names.len() {
        println!("there is no such scenario; --list names them");
        return ExitCode::FAILURE;
    }
    if arguments.list {
        for scenario in &wanted {
            println!(
                "{:<22} {:>2} {:>2}",
                scenario.name, scenario.quick, scenario.full
            );
        }
        return ExitCode::SUCCESS;
    }
    if let Some(path) = &arguments.replay {
        for scenario in &wanted {
            println!("{}", scenario.trace(path).join("\n"));
        }
        return ExitCode::SUCCESS;
    }
    let quick = |scenario: &Scenario| scenario.quick;
    let full = |scenario: &Scenario| scenario.full;
    let minute = |scenario: &Scenario| scenario.quick.max(scenario.full - 2);
    let threads = arguments.threads;
    // What lies near the start is found at once, in whatever scenario it lies.
    let holds = match arguments.depth {
        Depth::Of(depth) => explore(&wanted, threads, |_| depth),
        Depth::Quick => explore(&wanted, threads, quick),
        Depth::Minute => explore(&wanted, threads, quick) && explore(&wanted, threads, minute),
        Depth::Full => explore(&wanted, threads, quick) && explore(&wanted, threads, full),
    };
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether all promises hold.
fn explore(scenarios: &[&Scenario], threads: usize, depth: impl Fn(&Scenario) -> usize) -> bool {
    for scenario in scenarios {
        let start = Instant::now();
        let outcome = scenario.explore(Limits::new(depth(scenario), threads));
        println!(
            "{:<22} depth {:>2}{} {:>8} states {:>9} steps {:>7.1} s",
            scenario.name,
            outcome.depth,
            if outcome.complete { ", all " } else { "      " },
            outcome.states,
            outcome.steps,
            start.elapsed().as_secs_f64(),
        );
        if let Some(fault) = &outcome.fault {
            tell(scenario, fault);
            return false;
        }
    }
    true
}

fn tell(scenario: &Scenario, fault: &Fault) {
    let depth = fault.path.steps.len();
    println!(
        "\nBROKEN in {} at depth {depth}: {}",
        scenario.name, fault.promise
    );
    println!("{}", scenario.trace(&fault.path).join("\n"));
    println!(
        "\nagain: cargo run --profile checked -p exploration -- {} --replay {}",
        scenario.name, fault.path
    );
}
