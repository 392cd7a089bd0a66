//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, ValueExt};

use crate::run::Durations;
use crate::server::{SERVERS, Server};
use crate::workload::{WORKLOADS, Workload};

pub(crate) const HELP: &str = include_str!("help.txt");

/// The options of the command line.
pub(crate) struct Options {
    pub(crate) instructions: bool,
    pub(crate) times: bool,
    pub(crate) smoke: bool,
    pub(crate) servers: Vec<&'static Server>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) durations: Durations,
    /// The core of the servers, and that of the generator.
    pub(crate) cores: Option<(usize, usize)>,
    pub(crate) profiles: Option<PathBuf>,
    pub(crate) write: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; `None` if help is wanted.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            instructions: true,
            times: true,
            smoke: false,
            servers: SERVERS.iter().collect(),
            workloads: WORKLOADS.to_vec(),
            durations: Durations {
                warm_up: Duration::from_secs(3),
                measured: Duration::from_secs(6),
            },
            cores: None,
            profiles: None,
            write: None,
        };
        let mut is_partial = false;
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("instructions") => options.times = false,
                Arg::Long("times") => options.instructions = false,
                Arg::Long("smoke") => options.make_small(),
                Arg::Long("servers") => {
                    let names = parser.value()?.string()?;
                    options.servers = chosen(&names, SERVERS.iter(), |server| server.name)?;
                    is_partial = true;
                }
                Arg::Long("workloads") => {
                    let names = parser.value()?.string()?;
                    let all = options.workloads.iter().copied();
                    options.workloads = chosen(&names, all, |workload| workload.name)?;
                    is_partial = true;
                }
                Arg::Long("warm-up") => options.durations.warm_up = seconds(&mut parser)?,
                Arg::Long("measure") => options.durations.measured = seconds(&mut parser)?,
                Arg::Long("cores") => options.cores = Some(pair(&parser.value()?.string()?)?),
                Arg::Long("profiles") => options.profiles = Some(parser.value()?.into()),
                Arg::Long("write") => options.write = Some(parser.value()?.into()),
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
            }
        }
        if !options.instructions && !options.times {
            return Err("give one of --instructions and --times, or neither for both".into());
        }
        if options.write.is_some() && (is_partial || options.smoke) {
            return Err("--write needs all servers and workloads".into());
        }
        Ok(Some(options))
    }

    fn make_small(&mut self) {
        self.smoke = true;
        self.instructions = false;
        self.workloads = self
            .workloads
            .iter()
            .map(|workload| workload.small())
            .collect();
        self.durations = Durations {
            warm_up: Duration::from_millis(100),
            measured: Duration::from_secs(1),
        };
    }
}

/// The items that a list of names, parted by commas, chooses; in their own order.
fn chosen<T>(
    names: &str,
    all: impl Iterator<Item = T>,
    name_of: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>, lexopt::Error> {
    let mut names: Vec<_> = names.split(',').collect();
    let mut found = Vec::new();
    for item in all {
        let length = names.len();
        names.retain(|name| *name != name_of(&item));
        if names.len() < length {
            found.push(item);
        }
    }
    match names.first() {
        Some(unknown) => Err(format!("nothing is called {unknown:?}").into()),
        None => Ok(found),
    }
}

fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let seconds = parser.value()?.parse()?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string().into())
}

fn pair(text: &str) -> Result<(usize, usize), lexopt::Error> {
    let cores = text
        .split_once(',')
        .map(|(server, load)| (usize::from_str(server), usize::from_str(load)));
    match cores {
        Some((Ok(server), Ok(load))) => Ok((server, load)),
        _ => Err("--cores takes two numbers with a comma between".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, lexopt::Error> {
        Options::parse(lexopt::Parser::from_iter(line.split(' '))).map(Option::unwrap)
    }

    #[test]
    fn the_help_text_names_all_servers_and_workloads() {
        let names = SERVERS.iter().map(|server| server.name);
        for name in names.chain(WORKLOADS.iter().map(|workload| workload.name)) {
            assert!(HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn names_choose_and_unknown_ones_are_refused() {
        let options = parse("load --servers epoll,driver --workloads churn").unwrap();
        let names: Vec<_> = options.servers.iter().map(|server| server.name).collect();
        assert_eq!(names, ["driver", "epoll"]);
        assert_eq!(options.workloads.len(), 1);
        assert!(parse("load --servers driver,nginx").is_err());
    }

    #[test]
    fn a_table_with_gaps_is_not_written() {
        assert!(parse("load --write docs/performance.md").is_ok());
        assert!(parse("load --write docs/performance.md --servers epoll").is_err());
        assert!(parse("load --smoke --write docs/performance.md").is_err());
        assert!(parse("load --instructions --times").is_err());
    }

    #[test]
    fn smoke_means_few_clients_and_no_valgrind() {
        let options = parse("load --smoke").unwrap();
        assert!(!options.instructions && options.times);
        assert!(options.durations.measured <= Duration::from_secs(1));
    }

    #[test]
    fn cores_come_in_pairs() {
        assert_eq!(parse("load --cores 0,1").unwrap().cores, Some((0, 1)));
        assert!(parse("load --cores 0").is_err());
    }
}
