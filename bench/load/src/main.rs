//! Starts servers, loads them, and prints what an operation costs.

mod callgrind;
mod measure;
mod options;
mod report;
mod run;
mod server;
mod workload;

use std::fs;
use std::io::{self, Write};

use benchmarks::report::{origin, replace_in};
use load::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use options::{HELP, Options};
use server::Server;
use workload::Workload;

fn main() -> Result<()> {
    let Some(options) = Options::parse(lexopt::Parser::from_env())? else {
        return Ok(io::stdout().write_all(HELP.as_bytes())?);
    };
    raise_file_limit()?;
    if let Some((_, core)) = options.cores {
        let mut cores = CpuSet::new();
        cores.set(core);
        sched_setaffinity(None, &cores)?;
    }
    if options.instructions {
        publish(&options, "whole servers: instructions", &costs(&options)?)?;
    }
    if options.times {
        publish(&options, "whole servers: times", &times(&options)?)?;
    }
    Ok(())
}

/// Servers inherit the limit.
fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// The table of instructions and memory.
fn costs(options: &Options) -> Result<String> {
    if let Some(directory) = &options.profiles {
        fs::create_dir_all(directory)?;
    }
    let mut rows = Vec::new();
    for workload in &options.workloads {
        let mut figures = Vec::new();
        for server in &options.servers {
            let figure = cost(options, server, workload)?;
            if let Some(figure) = figure {
                eprintln!("{} of {}: {figure:.0}", workload.name, server.name);
            }
            figures.push(figure);
        }
        rows.push((workload, figures));
    }
    Ok(report::costs(&options.servers, &rows))
}

fn cost(options: &Options, server: &Server, workload: &Workload) -> Result<report::Figure> {
    let core = options.cores.map(|(core, _)| core);
    if workload.is_idle() {
        return run::memory(server, workload, core).map(Some);
    }
    if !server.is_countable() {
        return Ok(None);
    }
    let name = format!("{}.{}.callgrind", server.name, workload.name);
    let profile = options
        .profiles
        .as_ref()
        .map(|directory| directory.join(name));
    run::instructions(server, workload, core, profile).map(Some)
}

/// The table of rates and latencies.
fn times(options: &Options) -> Result<String> {
    let core = options.cores.map(|(core, _)| core);
    let mut rows = Vec::new();
    for workload in &options.workloads {
        for server in &options.servers {
            if !workload.is_idle() {
                let times = run::times(server, workload, core, options.durations)?;
                eprintln!(
                    "{} of {}: {:.0}/s",
                    workload.name, server.name, times.per_second
                );
                rows.push((workload, *server, times));
            } else if options.smoke {
                let bytes = run::memory(server, workload, core)?;
                eprintln!("{} of {}: {bytes:.0} bytes", workload.name, server.name);
            }
        }
    }
    Ok(report::times(&rows))
}

fn publish(options: &Options, place: &str, table: &str) -> Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let command = ["scripts/bench servers".to_owned(), words.join(" ")].join(" ");
    let origin = origin(command.trim(), &["rustc", "valgrind", "node"]);
    let text = format!("{table}\n{origin}\n");
    println!("\n{text}");
    match &options.write {
        Some(file) => Ok(replace_in(file, place, &text)?),
        None => Ok(()),
    }
}
