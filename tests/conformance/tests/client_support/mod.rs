//! Servers to connect to, and one way to run a client on each of the three drivers.

pub mod gateway;
pub mod peers;

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as Clock};

use engineio_driver::{Clock as MachineClock, Resolver, Tls};
use engineio_proto::driver::client::{App, Machine};
use engineio_proto::{Instant, Seed};
use engineio_wire::client::Options;

use super::python::python;

/// After this long a test fails rather than to wait on.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The drivers.
#[derive(Clone, Copy, Debug)]
pub enum Runtime {
    Tokio,
    Smol,
    Threads,
}

/// The program that serves.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// This workspace's.
    Ours,
    /// The same, which lets clients of revision 3 in.
    OursEio3,
    /// The one on the official packages.
    Official,
    /// The same, which lets clients of revision 3 in.
    OfficialEio3,
    /// The one on the official packages of release 4.0, the first of version 4, which serves Socket.IO only.
    OfficialV40,
    /// The one on the official packages of version 3, which serves Socket.IO only.
    OfficialV3,
    /// The one on the official packages of version 2, which serves Socket.IO only.
    OfficialV2,
    /// The same, with a main namespace that takes a while to decide.
    SlowV2,
    /// The one on python-socketio, which serves Socket.IO only.
    Python,
}

/// A server under test, killed when dropped.
pub struct Server {
    program: Program,
    mode: &'static str,
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts a server on a free port; `None` if its packages are not installed.
    pub fn start(program: Program, mode: &'static str) -> Option<Self> {
        let (child, port) = spawn(program, mode, 0)?;
        Some(Self {
            program,
            mode,
            child,
            port,
        })
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the process without a farewell.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("an end");
    }

    /// Lets the process stand still, with its sockets open.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", "kill \"$0\" \"$1\"", signal, &id])
            .status();
        assert!(status.expect("a shell").success());
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        let (child, port) = spawn(self.program, self.mode, self.port).expect("installed");
        assert_eq!(port, self.port);
        self.child = child;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _dead = self.child.kill();
        let _dead = self.child.wait();
    }
}

/// The command that starts a program; `None` if its packages are not installed.
fn command(program: Program, mode: &str) -> Option<Command> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (command, script) = match program {
        Program::Ours | Program::OursEio3 => (Some(env!("CARGO_BIN_EXE_conformance").into()), None),
        Program::Official | Program::OfficialEio3 | Program::OfficialV40 | Program::OfficialV3 => {
            let is_installed = tests.join("js/node_modules").is_dir();
            let node = is_installed.then(|| PathBuf::from("node"));
            (node, Some(tests.join("js/reference/conformance.mjs")))
        }
        Program::OfficialV2 | Program::SlowV2 => {
            let is_installed = tests.join("js/node_modules/socket.io-v2").is_dir();
            let node = is_installed.then(|| PathBuf::from("node"));
            (node, Some(tests.join("js/reference/conformance-v2.mjs")))
        }
        Program::Python => (python(), Some(tests.join("python/conformance.py"))),
    };
    let mut command = Command::new(command?);
    command.args(script);
    match (program, mode) {
        // It serves nothing else.
        (Program::Python, mode) => command.args(mode.split(' ').skip(1)),
        (_, mode) => command.args(mode.split(' ')),
    };
    match program {
        Program::OursEio3 | Program::OfficialEio3 => drop(command.arg("--allow-eio3")),
        Program::OfficialV40 => drop(command.args(["--release", "4.0"])),
        Program::OfficialV3 => drop(command.args(["--release", "3.1"])),
        Program::SlowV2 => drop(command.args(["--slow", "100"])),
        Program::Ours | Program::Official | Program::OfficialV2 | Program::Python => {}
    }
    if let Program::OursEio3 | Program::OfficialEio3 | Program::OfficialV2 | Program::SlowV2 =
        program
    {
        // The ping of a client waits behind a large request, and its time has begun before.
        command.args(["--ping-timeout", "2000"]);
    }
    Some(command)
}

fn spawn(program: Program, mode: &str, port: u16) -> Option<(Child, u16)> {
    let Some(mut command) = command(program, mode) else {
        eprintln!("left out: {program:?}, for which `scripts/test install` is needed");
        return None;
    };
    let mut child = command
        .args(["--port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    let output = child.stdout.take().expect("piped");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    let port = line.trim().rsplit_once(':').expect("an address").1;
    Some((child, port.parse().expect("a port")))
}

type Call<M> = Box<dyn FnOnce(&mut M, Instant) + Send>;

/// Passes events to the test, and does what the test wants done.
struct Probe<M: Machine> {
    start: Option<Call<M>>,
    events: Sender<M::Event>,
}

impl<M: Machine<Event: Send> + 'static> App<M> for Probe<M> {
    type Command = Call<M>;

    fn started(&mut self, machine: &mut M, now: Instant) {
        if let Some(start) = self.start.take() {
            start(machine, now);
        }
    }

    fn handle_event(&mut self, _: &mut M, event: M::Event, _: Instant) -> ControlFlow<()> {
        // The test may have seen enough.
        let _ignored = self.events.send(event);
        ControlFlow::Continue(())
    }

    fn handle_command(&mut self, machine: &mut M, call: Call<M>, now: Instant) -> ControlFlow<()> {
        call(machine, now);
        ControlFlow::Continue(())
    }
}

/// What a driver finds around it.
pub struct World {
    pub tls: Tls,
    pub clock: MachineClock,
    /// The driver on tokio has none.
    pub resolver: Resolver,
}

impl World {
    pub fn trusting(tls: Tls) -> Self {
        Self {
            tls,
            clock: MachineClock::start(),
            resolver: Resolver::system(),
        }
    }
}

/// A client that runs on a thread of its own.
pub struct Running<M: Machine> {
    pub runtime: Runtime,
    send: Box<dyn Fn(Call<M>)>,
    events: Receiver<M::Event>,
    thread: JoinHandle<()>,
}

impl<M> Running<M>
where
    M: Machine<Event: std::fmt::Debug + Send> + Send + 'static,
{
    pub fn start(
        runtime: Runtime,
        machine: M,
        tls: Tls,
        start: impl FnOnce(&mut M, Instant) + Send + 'static,
    ) -> Self {
        Self::start_in(runtime, machine, World::trusting(tls), start)
    }

    pub fn start_in(
        runtime: Runtime,
        machine: M,
        world: World,
        start: impl FnOnce(&mut M, Instant) + Send + 'static,
    ) -> Self {
        let World {
            tls,
            clock,
            resolver,
        } = world;
        // What is drawn from it is told apart by the connection, and is no secret in a test.
        let seed = Seed::new([2; 32]);
        let (sender, events) = channel();
        let probe = Probe {
            start: Some(Box::new(start)),
            events: sender,
        };
        let (send, thread): (Box<dyn Fn(Call<M>)>, _) = match runtime {
            Runtime::Tokio => {
                let builder = || {
                    tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                };
                let executor = builder().expect("a runtime");
                let (driver, commander) = socketio::client::Driver::new(machine, probe, tls);
                let driver = driver.with_clock(clock);
                let thread = thread::spawn(move || drop(executor.block_on(driver.run())));
                let send = move |call| assert!(commander.blocking_send(call).is_ok(), "it runs");
                (Box::new(send), thread)
            }
            Runtime::Smol => {
                let (driver, commander) =
                    socketio_smol::Driver::new(machine, probe, tls, Options::default(), &seed);
                let driver = driver.with_clock(clock).with_resolver(resolver);
                let thread = thread::spawn(move || drop(smol::block_on(driver.run())));
                let send = move |call| assert!(commander.send_blocking(call).is_ok(), "it runs");
                (Box::new(send), thread)
            }
            Runtime::Threads => {
                let (driver, commander) =
                    socketio_blocking::Driver::new(machine, probe, tls, Options::default(), &seed);
                let driver = driver.with_clock(clock).with_resolver(resolver);
                let thread = thread::spawn(move || drop(driver.run()));
                let send = move |call| assert!(commander.send(call), "it runs");
                (Box::new(send), thread)
            }
        };
        Self {
            runtime,
            send,
            events,
            thread,
        }
    }

    /// Does something with the machine, where it runs.
    pub fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut M, Instant) -> T + Send + 'static,
    ) -> T {
        let (sender, result) = channel();
        (self.send)(Box::new(move |machine, now| {
            let _ignored = sender.send(f(machine, now));
        }));
        result.recv_timeout(PATIENCE).expect("a result")
    }

    /// The first event from here on that `pick` wants; others are passed over.
    #[track_caller]
    pub fn wait<T>(&self, pick: impl Fn(M::Event) -> Option<T>) -> T {
        let end = Clock::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            let left = end.saturating_duration_since(Clock::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("{:?} brought no such event, but {passed:#?}", self.runtime);
            };
            passed.push(format!("{event:?}").chars().take(200).collect::<String>());
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    }

    /// Ends the driver, which must not take longer than this.
    pub fn stop(self, within: Duration) {
        let started = Clock::now();
        drop(self.send);
        self.thread.join().expect("no panic");
        let took = started.elapsed();
        assert!(took < within, "{:?} took {took:?}", self.runtime);
    }
}
