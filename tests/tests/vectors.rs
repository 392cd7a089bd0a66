//! Checks the codecs against what the official packages do.
//!
//! Reads the folder named by `CONFORMANCE_VECTORS`, by default `tests/vectors`, whose README tells the format and the
//! rules of comparison. Every vector of every file is checked; fields, kinds and files that are not known fail. With
//! `CONFORMANCE_UNKNOWN=count` kinds and files that are not known are counted and reported instead.
#![expect(
    clippy::print_stdout,
    reason = "the figures are to be seen, passing or not"
)]

#[path = "vectors/engineio.rs"]
mod engineio;
#[path = "vectors/engineio_v3.rs"]
mod engineio_v3;
#[path = "vectors/engineio_webtransport.rs"]
mod engineio_webtransport;
#[path = "vectors/kinds.rs"]
mod kinds;
#[path = "vectors/model.rs"]
mod model;
#[path = "vectors/msgpack.rs"]
mod msgpack;
#[path = "vectors/runner.rs"]
mod runner;
#[path = "vectors/socketio.rs"]
mod socketio;
#[path = "vectors/tree.rs"]
mod tree;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use runner::Unknown;

fn main() -> ExitCode {
    let folder = env::var_os("CONFORMANCE_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"),
        PathBuf::from,
    );
    let unknown = match env::var("CONFORMANCE_UNKNOWN").as_deref() {
        Err(env::VarError::NotPresent) => Unknown::Fails,
        Ok("count") => Unknown::IsCounted,
        Ok(_) | Err(_) => {
            println!("CONFORMANCE_UNKNOWN is `count` or not set");
            return ExitCode::FAILURE;
        }
    };
    println!("vectors of {}", folder.display());
    let report = runner::check(&folder, unknown);
    for line in &report.lines {
        println!("{line}");
    }
    println!(
        "{} passed, {} failed, {} unknown",
        report.passed, report.failed, report.unknown
    );
    if report.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
