//! The servers that are measured, and their processes.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use load::{Result, fault};
use rustix::process::{Pid, Signal, kill_process};

use crate::callgrind;

/// A column of the tables.
pub(crate) struct Server {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    program: Program,
}

enum Program {
    /// A binary of this workspace.
    Rust(&'static str),
    /// A module below `bench/servers`.
    Node(&'static str),
}

/// All of them: ours first, the floor last.
pub(crate) const SERVERS: [Server; 5] = [
    Server {
        name: "driver",
        title: "ours",
        program: Program::Rust("server-driver"),
    },
    Server {
        name: "wire",
        title: "ours on mio",
        program: Program::Rust("server-wire"),
    },
    Server {
        name: "socketioxide",
        title: "socketioxide 0.18.9",
        program: Program::Rust("server-socketioxide"),
    },
    Server {
        name: "official",
        title: "socket.io 4.8.4",
        program: Program::Node("official/main.mjs"),
    },
    Server {
        name: "epoll",
        title: "bare epoll",
        program: Program::Rust("server-epoll"),
    },
];

/// The way in which a server is started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Launch<'a> {
    /// The core that it is pinned to.
    pub(crate) core: Option<usize>,
    /// The file for its profile, if it runs under callgrind.
    pub(crate) profile: Option<&'a Path>,
}

/// A server that runs. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Whether its instructions can be counted. Valgrind translates the code of V8 again each time that V8 makes some,
    /// and what is made depends on times.
    pub(crate) fn is_countable(&self) -> bool {
        matches!(self.program, Program::Rust(_))
    }

    /// Starts it on a free port.
    pub(crate) fn start(&self, launch: Launch<'_>) -> Result<Process> {
        let mut line: Vec<OsString> = Vec::new();
        if let Some(core) = launch.core {
            line.extend(["taskset".into(), "-c".into(), core.to_string().into()]);
        }
        if let Some(profile) = launch.profile {
            line.extend(callgrind::command(profile));
        }
        match self.program {
            Program::Rust(binary) => {
                line.push(binary_path(binary)?.into());
                // The server on mio is one of the examples, which have arguments: no ping falls into what is counted.
                if self.name == "wire" {
                    line.extend(["127.0.0.1:0".into(), "3600".into()]);
                }
            }
            Program::Node(module) => {
                let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../servers");
                line.extend(["node".into(), servers.join(module).into()]);
            }
        }
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.env("NODE_ENV", "production");
        if launch.profile.is_some() {
            command.env("GLIBC_TUNABLES", callgrind::TUNABLES);
        }
        let mut child = command.spawn()?;
        let mut announced = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut announced)?;
        }
        match announced
            .trim()
            .strip_prefix("listening on ")
            .map(str::parse)
        {
            Some(Ok(address)) => Ok(Process { child, address }),
            _ => {
                child.kill()?;
                child.wait()?;
                fault(format!("{} does not start: {announced:?}", self.name))
            }
        }
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Valgrind removes its pipes when it is asked to end. What fails is gone already.
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ended = self.child.wait();
    }
}

/// The path of a binary beside this one, or of an example of the main workspace, in the folder below.
fn binary_path(name: &str) -> Result<PathBuf> {
    let beside = env::current_exe()?.with_file_name(name);
    let below = beside.with_file_name("examples").join(name);
    match [beside, below].into_iter().find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => fault(format!("{name} is not built")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_titles_name_the_versions_that_are_locked() {
        let versions = [
            (
                "socketioxide",
                r#"name = "socketioxide""#,
                include_str!("../../Cargo.lock"),
            ),
            (
                "official",
                r#""node_modules/socket.io": {"#,
                include_str!("../../servers/official/package-lock.json"),
            ),
        ];
        for (name, entry, lock) in versions {
            let server = SERVERS.iter().find(|server| server.name == name).unwrap();
            let (_, version) = server.title.split_once(' ').unwrap();
            let (_, locked) = lock.split_once(entry).unwrap();
            let line = locked.trim_start().lines().next().unwrap();
            assert!(line.contains(&format!("\"{version}\"")), "{line}");
        }
    }
}
