//! Runs of one workload against one server that was started for it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use load::connection::PATIENCE;
use load::drive::{Driver, Scenario};
use load::scenario::Echo;
use load::{Limit, Result, fault};

use crate::callgrind;
use crate::measure::{cpu_time, resident_memory};
use crate::server::{Launch, Server};
use crate::workload::{Kind, Workload};

/// The time for which a server is watched for answers that nobody waits for.
const SILENCE: Duration = Duration::from_millis(100);

/// The time that a server gets to settle before its memory is read.
const SETTLING: Duration = Duration::from_secs(1);

/// The figures of a timed run.
#[derive(Clone)]
pub(crate) struct Times {
    pub(crate) per_second: f64,
    /// CPU time of the server for an operation.
    pub(crate) cpu: Duration,
    /// The latencies that 50 %, 99 % and 99.9 % of the operations do not exceed.
    pub(crate) latencies: [Duration; 3],
    /// The share of the time that the generator computed. Near 1 it is the generator that is measured.
    pub(crate) generator: f64,
}

/// The length of a timed run.
#[derive(Clone, Copy)]
pub(crate) struct Durations {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// Measures times.
pub(crate) fn times(
    server: &Server,
    workload: &Workload,
    core: Option<usize>,
    durations: Durations,
) -> Result<Times> {
    let process = server.start(Launch {
        core,
        profile: None,
    })?;
    let mut driver = Driver::new(PATIENCE)?;
    let mut scenario = driven(workload, process.address, &mut driver)?;
    driver.run(&mut *scenario, Limit::Time(durations.warm_up))?;
    let (own, generator) = (process.id(), std::process::id());
    let before = (cpu_time(own)?, cpu_time(generator)?);
    let phase = driver.run(&mut *scenario, Limit::Time(durations.measured))?;
    let elapsed = phase.elapsed();
    let after = (cpu_time(own)?, cpu_time(generator)?);
    driver.settle(&mut *scenario, SILENCE)?;

    let latencies = phase.latencies();
    let operations = latencies.len();
    if operations == 0 {
        return fault("nothing was done in time");
    }
    let quantile = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
    Ok(Times {
        per_second: operations as f64 / elapsed.as_secs_f64(),
        cpu: (after.0 - before.0).div_f64(operations as f64),
        latencies: [0.5, 0.99, 0.999].map(quantile),
        generator: (after.1 - before.1).div_duration_f64(elapsed),
    })
}

/// Counts user-space instructions for an operation; the profile stays in `profile`, if it is given.
pub(crate) fn instructions(
    server: &Server,
    workload: &Workload,
    core: Option<usize>,
    profile: Option<PathBuf>,
) -> Result<f64> {
    let keeps = profile.is_some();
    let temporary = || std::env::temp_dir().join(format!("callgrind.{}", std::process::id()));
    let profile = profile.unwrap_or_else(temporary);
    let launch = Launch {
        core,
        profile: Some(&profile),
    };
    let process = server.start(launch)?;
    let mut driver = Driver::new(PATIENCE)?;
    let mut scenario = driven(workload, process.address, &mut driver)?;
    driver.run(
        &mut *scenario,
        Limit::Exchanges(workload.counted.div_ceil(4)),
    )?;
    driver.settle(&mut *scenario, SILENCE)?;
    callgrind::begin(process.id())?;
    let phase = driver.run(&mut *scenario, Limit::Exchanges(workload.counted))?;
    driver.settle(&mut *scenario, SILENCE)?;
    let total = callgrind::end(process.id(), &profile)?;
    drop(process);
    fs::remove_file(callgrind::leftover(&profile))?;
    if !keeps {
        fs::remove_file(&profile)?;
    }
    Ok(total as f64 / phase.latencies().len() as f64)
}

/// Measures the resident memory for each idle client, in bytes.
pub(crate) fn memory(server: &Server, workload: &Workload, core: Option<usize>) -> Result<f64> {
    let Kind::Idle { clients } = workload.kind else {
        return fault(format!("the clients of {} are not idle", workload.name));
    };
    let process = server.start(Launch {
        core,
        profile: None,
    })?;
    sleep(SETTLING);
    let before = resident_memory(process.id())?;
    let mut driver = Driver::new(PATIENCE)?;
    let mut idle = Echo::join(process.address, clients, &mut driver)?;
    driver.settle(&mut idle, SETTLING)?;
    let after = resident_memory(process.id())?;
    // All of them were served: one exchange for each begins at once.
    driver.run(&mut idle, Limit::Exchanges(clients as u64))?;
    Ok(after.saturating_sub(before) as f64 / clients as f64)
}

fn driven(
    workload: &Workload,
    address: SocketAddr,
    driver: &mut Driver,
) -> Result<Box<dyn Scenario>> {
    match workload.prepare(address, driver)? {
        Some(scenario) => Ok(scenario),
        None => fault(format!("the clients of {} do nothing", workload.name)),
    }
}
