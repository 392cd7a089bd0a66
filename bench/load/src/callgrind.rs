//! Counts the user-space instructions of a process with callgrind, which starts to count on command.
//!
//! The count covers a fixed number of exchanges, from the first byte that is sent to the last one that is received. It
//! covers neither the start of the server nor the joining of its clients.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use load::{Result, fault};

/// Without these options glibc would fill and copy memory by `rep stos` and `rep movs`, which valgrind counts once a
/// byte.
pub(crate) const TUNABLES: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824";

/// The command line in front of a command that is to be counted.
pub(crate) fn command(profile: &Path) -> Vec<OsString> {
    let mut out_file = OsString::from("--callgrind-out-file=");
    out_file.push(leftover(profile));
    let mut line: Vec<OsString> = [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
    ]
    .map(OsString::from)
    .into();
    line.push(out_file);
    line
}

/// Starts to count.
pub(crate) fn begin(process: u32) -> Result<()> {
    monitor(process, &["instrumentation", "on"])
}

/// Stops, and returns the number of instructions. The profile has them by function.
pub(crate) fn end(process: u32, profile: &Path) -> Result<u64> {
    monitor(process, &["dump"])?;
    monitor(process, &["instrumentation", "off"])?;
    // The first dump has this suffix.
    fs::rename(with_suffix(&leftover(profile), ".1"), profile)?;
    total(&fs::read_to_string(profile)?)
}

/// The file for the remaining counts, which callgrind writes when the process ends.
pub(crate) fn leftover(profile: &Path) -> PathBuf {
    with_suffix(profile, ".leftover")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn total(profile: &str) -> Result<u64> {
    let mut totals = profile
        .lines()
        .filter_map(|line| line.strip_prefix("totals: "));
    match totals.next_back().map(|total| total.trim().parse()) {
        Some(Ok(total)) => Ok(total),
        _ => fault("the profile has no total"),
    }
}

fn monitor(process: u32, request: &[&str]) -> Result<()> {
    let output = Command::new("vgdb")
        .arg(format!("--pid={process}"))
        .args(request)
        .output()?;
    if !output.status.success() {
        return fault(format!(
            "vgdb {request:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_stands_at_the_end_of_a_profile() {
        assert_eq!(
            total("events: Ir\nfn=(1) main\n16 400\n\ntotals: 1234\n").unwrap(),
            1234
        );
        assert!(total("events: Ir\n").is_err());
    }
}
