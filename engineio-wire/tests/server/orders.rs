//! Every order of what a client does, cut at every byte, against a machine that is given whole requests and frames.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Event, Output, Server, ServerEvent};
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, RequestId, Seed};
use engineio_wire::server::{Options, PipeId};

use crate::support::{Rig, frame, get, post, shown, upgrade};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Post,
    Poll,
    Upgrade,
    Text(&'static str),
    HangUp,
    HangUpSocket,
    Wait,
}

const STEPS: [Step; 9] = [
    Step::Post,
    Step::Poll,
    Step::Upgrade,
    Step::Text("2probe"),
    Step::Text("5"),
    Step::Text("4b"),
    Step::HangUp,
    Step::HangUpSocket,
    Step::Wait,
];

const PING_INTERVAL: Duration = Duration::from_secs(25);
const HANDSHAKE: &str = "EIO=4&transport=polling";

/// A machine without a wire. Requests of a connection wait for each other, as they do on a connection.
struct Direct {
    server: Server,
    log: Vec<String>,
    now: Instant,
    waiting: VecDeque<(&'static str, String, &'static str)>,
    current: Option<RequestId>,
    socket: Option<ConnectionId>,
    names: u64,
}

impl Direct {
    fn new() -> Self {
        let mut direct = Self {
            server: Server::new(Config::default(), 0, &Seed::new([7; 32])).unwrap(),
            log: Vec::new(),
            now: Instant::ZERO,
            waiting: VecDeque::new(),
            current: None,
            socket: None,
            names: 0,
        };
        direct.request("GET", HANDSHAKE.to_owned(), "");
        direct
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn request(&mut self, method: &'static str, query: String, body: &'static str) {
        self.waiting.push_back((method, query, body));
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            if let Some(output) = self.server.poll_output() {
                self.take(output);
            } else if self.current.is_none()
                && let Some((method, query, body)) = self.waiting.pop_front()
            {
                let id = RequestId(self.name());
                self.current = Some(id);
                let head = RequestHead::new(method, "/engine.io/", &query);
                let body = Bytes::from_static(body.as_bytes());
                self.server.handle_request(id, &head, body, self.now);
            } else {
                return;
            }
        }
    }

    fn take(&mut self, output: Output<ServerEvent>) {
        match output {
            Output::Respond { request, .. } if self.current == Some(request) => self.current = None,
            Output::Frames { connection } => while self.server.poll_frame(connection).is_some() {},
            Output::Refuse { connection, .. } | Output::Close { connection }
                if self.socket == Some(connection) =>
            {
                self.socket = None;
            }
            Output::Event(ServerEvent::Opened { .. }) => {
                self.log.push(format!("opened by /engine.io/?{HANDSHAKE}"));
            }
            Output::Event(ServerEvent::Session { session, event }) => match event {
                Event::Message(message) => {
                    self.log.push(shown(&message));
                    let _full = self.server.send(session, &Encoded::new(&message));
                }
                Event::Closed(reason) => self.log.push(format!("closed: {reason:?}")),
                _ => {}
            },
            _ => {}
        }
    }

    fn step(&mut self, step: Step, sid: &str) {
        let query = format!("EIO=4&transport=polling&sid={sid}");
        match step {
            Step::Post => self.request("POST", query, "4a"),
            Step::Poll => self.request("GET", query, ""),
            Step::Upgrade => {
                let socket = ConnectionId(self.name());
                self.socket = Some(socket);
                let query = format!("EIO=4&transport=websocket&sid={sid}");
                let head = RequestHead::new("GET", "/engine.io/", &query).with_upgrade();
                self.server.handle_upgrade(socket, &head, self.now);
            }
            Step::Text(text) => {
                if let Some(socket) = self.socket {
                    let text = Frame::Text(text.into());
                    self.server.handle_frame(socket, text, self.now);
                }
            }
            Step::HangUp => {
                self.waiting.clear();
                if let Some(request) = self.current.take() {
                    self.server.handle_request_aborted(request, self.now);
                }
            }
            Step::HangUpSocket => {
                if let Some(socket) = self.socket.take() {
                    self.server.handle_connection_closed(socket, self.now);
                }
            }
            Step::Wait => {
                self.now = self.now + PING_INTERVAL;
                self.server.handle_timeout(self.now);
            }
        }
        self.drain();
    }
}

/// The same on a wire.
struct Wired {
    rig: Rig,
    polling: PipeId,
    socket: Option<PipeId>,
}

impl Wired {
    fn new() -> (Self, String) {
        let mut rig = Rig::new(Config::default(), Options::new("/engine.io"));
        let polling = rig.open();
        let sid = rig.session(polling);
        let socket = None;
        (
            Self {
                rig,
                polling,
                socket,
            },
            sid,
        )
    }

    /// The connection that a step sends on, and what it sends.
    fn bytes(&mut self, step: Step, sid: &str) -> Option<(PipeId, Vec<u8>)> {
        let query = format!("EIO=4&transport=polling&sid={sid}");
        let request = match step {
            Step::Post => post(&query, "4a"),
            Step::Poll => get(&query),
            Step::Upgrade => {
                let pipe = self.rig.open();
                self.socket = Some(pipe);
                let query = format!("EIO=4&transport=websocket&sid={sid}");
                return Some((pipe, upgrade(&query).into_bytes()));
            }
            Step::Text(text) => return Some((self.socket?, frame(0x81, text.as_bytes()))),
            Step::HangUp | Step::HangUpSocket | Step::Wait => return None,
        };
        if self.rig.closed.contains(&self.polling) {
            self.polling = self.rig.open();
        }
        Some((self.polling, request.into_bytes()))
    }

    fn step(&mut self, step: Step, sid: &str, cut: usize) {
        if let Some((pipe, bytes)) = self.bytes(step, sid) {
            let (before, after) = bytes.split_at(cut.min(bytes.len()));
            self.rig.send(pipe, before);
            self.rig.send(pipe, after);
            return;
        }
        match step {
            Step::HangUp if !self.rig.closed.contains(&self.polling) => {
                self.rig.close(self.polling)
            }
            Step::HangUpSocket => {
                if let Some(pipe) = self.socket.take() {
                    self.rig.close(pipe);
                }
            }
            Step::Wait => self.rig.wait(PING_INTERVAL),
            _ => {}
        }
    }
}

/// Gives the length of what was sent last, and what the application saw.
fn compare(steps: &[Step], cut: usize) -> (usize, Vec<String>) {
    let (mut wired, sid) = Wired::new();
    let mut direct = Direct::new();
    let mut len = 0;
    for step in steps {
        // A client has one WebSocket.
        if *step == Step::Upgrade && wired.socket.is_some() {
            continue;
        }
        len = wired.bytes_len(*step, &sid);
        wired.step(*step, &sid, cut);
        direct.step(*step, &sid);
        let machine = wired.rig.host.wire().machine();
        assert_eq!(
            wired.rig.host.app().log,
            direct.log,
            "{steps:?}, cut at {cut}"
        );
        assert_eq!(
            machine.session_count(),
            direct.server.session_count(),
            "{steps:?}"
        );
        assert_eq!(
            machine.poll_timeout(),
            direct.server.poll_timeout(),
            "{steps:?}"
        );
    }
    (len, direct.log)
}

impl Wired {
    fn bytes_len(&self, step: Step, sid: &str) -> usize {
        match step {
            Step::Post => post(&format!("EIO=4&transport=polling&sid={sid}"), "4a").len(),
            Step::Poll => get(&format!("EIO=4&transport=polling&sid={sid}")).len(),
            Step::Upgrade => upgrade(&format!("EIO=4&transport=websocket&sid={sid}")).len(),
            Step::Text(text) => frame(0x81, text.as_bytes()).len(),
            Step::HangUp | Step::HangUpSocket | Step::Wait => 0,
        }
    }
}

fn every_order(depth: u32, mut call: impl FnMut(&[Step])) {
    for number in 0..STEPS.len().pow(depth) {
        let order: Vec<_> = (0..depth)
            .map(|at| STEPS[number / STEPS.len().pow(at) % STEPS.len()])
            .collect();
        call(&order);
    }
}

#[test]
fn the_application_sees_the_same_in_every_order() {
    let mut seen = BTreeSet::new();
    every_order(4, |order| {
        seen.insert(compare(order, usize::MAX).1);
    });
    println!("the application saw {} different things", seen.len());
    assert!(seen.len() > 10);
    let is_last = |log: &Vec<String>, last: &str| log.last().is_some_and(|line| line == last);
    assert!(
        seen.iter().any(|log| is_last(log, "b")),
        "through an upgrade"
    );
    assert!(seen.iter().any(|log| is_last(log, "a")), "in a body");
}

#[test]
fn the_application_sees_the_same_cut_at_every_byte() {
    every_order(2, |order| {
        let (len, _) = compare(order, usize::MAX);
        for cut in 1..len {
            compare(order, cut);
        }
    });
}
