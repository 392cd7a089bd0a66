//! CPU time and memory of a process, as the kernel reports them.

use std::fs;
use std::time::Duration;

use load::{Result, fault};
use rustix::param::{clock_ticks_per_second, page_size};

/// The CPU time of a process, user and system, all threads, in ticks of mostly 10 ms.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    match ticks(&stat) {
        Some(ticks) => Ok(Duration::from_secs(ticks) / clock_ticks_per_second() as u32),
        None => fault(format!("no times in {stat:?}")),
    }
}

/// The resident memory of a process in bytes.
pub(crate) fn resident_memory(process: u32) -> Result<u64> {
    let statm = fs::read_to_string(format!("/proc/{process}/statm"))?;
    match statm.split(' ').nth(1).map(str::parse::<u64>) {
        Some(Ok(pages)) => Ok(pages * page_size() as u64),
        _ => fault(format!("no pages in {statm:?}")),
    }
}

/// The fields `utime` and `stime`. The name of the program comes before them, and may have any characters.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_are_found_behind_any_name() {
        let stat = "7 (a) b c) R 1 7 7 0 -1 4194304 1 0 0 0 120 34 5 6 20 0 1 0 99 1 1";
        assert_eq!(ticks(stat), Some(154));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_memory(std::process::id()).unwrap() > 100_000);
        cpu_time(std::process::id()).unwrap();
    }
}
