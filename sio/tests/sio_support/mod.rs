//! Servers to run `sio` against, and `sio` itself.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::programs::program;
use super::python::python;

/// A server under test, which ends with its value.
pub struct Server {
    pub name: &'static str,
    process: Child,
    url: String,
}

impl Server {
    /// Every server whose packages are installed.
    pub fn all() -> Vec<Self> {
        ["ours", "official", "python"]
            .into_iter()
            .filter_map(Self::named)
            .collect()
    }

    /// Those that can speak MessagePack, and do.
    pub fn all_in_msgpack() -> Vec<Self> {
        ["ours, in MessagePack", "official, in MessagePack"]
            .into_iter()
            .filter_map(Self::named)
            .collect()
    }

    pub fn ours() -> Self {
        Self::named("ours").expect("part of this package")
    }

    /// Ours, which serves WebTransport too.
    pub fn with_webtransport() -> Self {
        Self::named("ours, with WebTransport").expect("part of this package")
    }

    /// Those that speak the older revision, if their packages are installed.
    pub fn of_revision_3() -> Vec<Self> {
        ["official, allowing revision 3", "official, version 2"]
            .into_iter()
            .filter_map(Self::named)
            .collect()
    }

    /// The same in MessagePack, the second with version 2 of the parser.
    pub fn of_revision_3_in_msgpack() -> Vec<Self> {
        [
            "official, allowing revision 3, in MessagePack",
            "official, version 2, in MessagePack",
        ]
        .into_iter()
        .filter_map(Self::named)
        .collect()
    }

    /// The official server of Socket.IO 2, if its packages are installed.
    pub fn version_2() -> Option<Self> {
        Self::named("official, version 2")
    }

    /// Kills the server and starts it again on the same port.
    pub fn restart(&mut self) {
        self.process.kill().expect("to end it");
        self.process.wait().expect("an end");
        let port = self.url.rsplit_once(':').expect("a port").1.to_owned();
        let again = Self::on_port(self.name, &port).expect("it was there before");
        *self = again;
    }

    fn named(name: &'static str) -> Option<Self> {
        let server = Self::on_port(name, "0");
        if server.is_none() {
            eprintln!("left out: the server {name}, for which `scripts/test install` is needed");
        }
        server
    }

    fn on_port(name: &'static str, port: &str) -> Option<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
        let in_msgpack = name.strip_suffix(", in MessagePack");
        let mut command = match in_msgpack.unwrap_or(name) {
            "official" => {
                let script = tests.join("js/reference/conformance.mjs");
                let mut command = Command::new("node");
                command.arg(script).arg("--socketio");
                Some(command).filter(|_| tests.join("js/node_modules").is_dir())
            }
            "official, allowing revision 3" => {
                let script = tests.join("js/reference/conformance.mjs");
                let mut command = Command::new("node");
                command.arg(script).args(["--socketio", "--allow-eio3"]);
                Some(command).filter(|_| tests.join("js/node_modules").is_dir())
            }
            "official, version 2" => {
                let script = tests.join("js/reference/conformance-v2.mjs");
                let mut command = Command::new("node");
                command.arg(script).arg("--socketio");
                Some(command).filter(|_| tests.join("js/node_modules/socket.io-v2").is_dir())
            }
            "python" => {
                let mut command = Command::new(python()?);
                command.arg(tests.join("python/conformance.py"));
                Some(command)
            }
            other => {
                let mut command = Command::new(program("conformance"));
                command.arg("--socketio");
                if other == "ours, with WebTransport" {
                    command.arg("--webtransport");
                }
                Some(command)
            }
        }?;
        command.args(["--port", port]);
        if name.starts_with("official,") {
            // The ping of a client waits behind a large request, and its time has begun before.
            command.args(["--ping-timeout", "2000"]);
        }
        if in_msgpack.is_some() {
            command.args(["--parser", "msgpack"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("a process");
        let out = process.stdout.take().expect("piped");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()))
            .expect("an address");
        Some(Self { name, process, url })
    }

    pub fn port(&self) -> u16 {
        let port = self.url.rsplit_once(':').expect("a port").1;
        port.parse().expect("a number")
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn start(&self, namespace: &str, arguments: &[&str]) -> Child {
        let url = format!("{}{namespace}", self.url);
        start(&[&[url.as_str()], arguments].concat())
    }

    pub fn sio(&self, namespace: &str, arguments: &[&str]) -> Run {
        self.sio_with(namespace, arguments, "")
    }

    pub fn sio_with(&self, namespace: &str, arguments: &[&str], input: &str) -> Run {
        let url = format!("{}{namespace}", self.url);
        sio(&[&[url.as_str()], arguments].concat(), input)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already did so on its own account, which its test has noticed.
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// How a run of `sio` ended.
pub struct Run {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
            code: output.status.code(),
        }
    }
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sio"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process")
}

pub fn sio(arguments: &[&str], input: &str) -> Run {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that has ended reads nothing.
        let _ended = stdin.write_all(input.as_bytes());
    });
    let run = Run::of(child.wait_with_output().expect("an end"));
    writer.join().expect("written");
    run
}

pub struct TempFile(pub PathBuf);

impl TempFile {
    pub fn new(content: &[u8]) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("sio-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("room for a file");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}
