//! `sio` as a person uses it, on a terminal: one that `script` makes, which every Linux has.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::sio_support::Server;

const PATIENCE: Duration = Duration::from_secs(10);
const UP: &str = "\x1b[A";
const END_OF_INPUT: &str = "\x04";
const INTERRUPT: &str = "\x03";

/// A terminal in which `sio` runs.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not yet looked at.
    screen: String,
}

impl Terminal {
    fn start(server: &Server, home: &State) -> Self {
        let command = format!("{} {} --no-color", env!("CARGO_BIN_EXE_sio"), server.url());
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("XDG_STATE_HOME", &home.0)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a terminal");
        let keys = child.stdin.take().expect("piped");
        let mut out = child.stdout.take().expect("piped");
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut buffer) {
                let some = buffer.get(..length).unwrap_or_default();
                if sender.send(some.to_vec()).is_err() {
                    break;
                }
            }
        });
        let screen = String::new();
        let mut terminal = Self {
            child,
            keys,
            shown,
            screen,
        };
        terminal.expect("* connected: namespace /, id ");
        terminal.expect("auth {}");
        terminal.expect("> ");
        terminal
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
        self.keys.flush().expect("a terminal");
    }

    /// Waits for a text, and passes over everything up to it.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(start) = self.screen.find(text) {
                self.screen.drain(..start + text.len());
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let more = self.shown.recv_timeout(left);
            assert!(more.is_ok(), "no {text:?} in {:?}", self.screen);
            self.screen
                .push_str(&String::from_utf8_lossy(&more.unwrap_or_default()));
        }
    }

    #[track_caller]
    fn ends_with(mut self, code: i32) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("a process") {
                assert_eq!(status.code(), Some(code));
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().expect("to end it");
        assert!(
            self.child.wait().expect("an end").success(),
            "it does not end"
        );
    }
}

/// A directory for what `sio` remembers.
struct State(PathBuf);

impl State {
    fn new(name: &str) -> Self {
        let name = format!("sio-state-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // Nothing was kept in it.
        let _missing = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn commands_are_edited_answered_and_remembered() {
    let (server, state) = (Server::ours(), State::new("history"));
    let mut terminal = Terminal::start(&server, &state);
    terminal.type_in("/ack message-with-ack 12\x7f3\r");
    terminal.expect("message-with-ack -> 13");
    terminal.expect("> ");
    terminal.type_in(UP);
    terminal.expect("/ack message-with-ack 13");
    terminal.type_in("\r");
    terminal.expect("message-with-ack -> 13");
    terminal.expect("> ");
    terminal.type_in(END_OF_INPUT);
    terminal.ends_with(0);

    let mut next = Terminal::start(&server, &state);
    next.type_in(UP);
    next.expect("/ack message-with-ack 13");
    next.type_in("\r");
    next.expect("message-with-ack -> 13");
    next.expect("> ");
    next.type_in("/quit\r");
    next.ends_with(0);
}

#[test]
fn what_arrives_while_a_command_is_typed_does_not_disturb_it() {
    let (server, state) = (Server::ours(), State::new("typing"));
    let mut terminal = Terminal::start(&server, &state);
    terminal.type_in("ticks 3 300\r");
    terminal.expect("tick 0");
    terminal.expect("> ");
    terminal.type_in("/ack message-");
    terminal.expect("/ack message-");
    terminal.expect("tick 1");
    terminal.expect("> /ack message-");
    terminal.expect("tick 2");
    terminal.type_in("with-ack done\r");
    terminal.expect("message-with-ack -> \"done\"");
    terminal.type_in(END_OF_INPUT);
    terminal.ends_with(0);
}

#[test]
fn a_mistake_is_explained_and_an_interrupt_ends_with_status_130() {
    let (server, state) = (Server::ours(), State::new("mistake"));
    let mut terminal = Terminal::start(&server, &state);
    terminal.type_in("/emit x\r");
    terminal.expect("unknown command /emit; /help lists them");
    terminal.expect("> ");
    terminal.type_in("/help\r");
    terminal.expect("/disconnect           leaves the namespace");
    terminal.expect("> ");
    terminal.type_in(INTERRUPT);
    terminal.ends_with(130);
}

#[test]
fn a_lost_connection_is_made_again_while_the_prompt_stays() {
    let (mut server, state) = (Server::ours(), State::new("lost"));
    let mut terminal = Terminal::start(&server, &state);
    server.restart();
    terminal.expect("disconnected");
    terminal.expect("* connected: namespace /, id ");
    terminal.expect("> ");
    terminal.type_in("/ack message-with-ack again\r");
    terminal.expect("message-with-ack -> \"again\"");
    terminal.type_in(END_OF_INPUT);
    terminal.ends_with(0);
}
