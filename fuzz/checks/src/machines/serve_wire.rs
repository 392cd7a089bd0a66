//! The server's end of a wire, with clients that send any bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engineio_proto::codec::websocket::{Decoder, Received, Role};
use engineio_proto::driver::server::{App, Context};
use engineio_proto::server::{Event, Server, ServerEvent};
use engineio_proto::{Encoded, Instant};
use engineio_wire::server::{Action, Hosted, Options, Peer, PipeId, Reply};

use super::server::seed;
use super::{MOST_DEADLINES, MOST_OUTPUTS, MOST_STEPS, engine_server, pick};
use crate::input::Input;

/// What clients send most of the time. `SID` stands for the id of a session.
const PARTS: &[&[u8]] = &[
    b"GET /e/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /e/?EIO=4&transport=polling&sid=SID HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /e/?EIO=4&transport=polling&sid=SID HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n4ab",
    b"POST /e/?EIO=4&transport=polling&sid=SID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /e/?EIO=4&transport=polling&sid=SID HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 70\r\n\r\n",
    b"GET /e/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /e/?EIO=4&transport=websocket&sid=SID HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x81\x82\0\0\0\x004a",
    b"\x82\x83\0\0\0\0abc",
    b"\x01\x82\0\0\0\x004b",
    b"\x00\x81\0\0\0\0c",
    b"\x80\x81\0\0\0\0d",
    b"\x89\x81\0\0\0\0p",
    b"\x8a\x80\0\0\0\0",
    b"\x81\x81\0\0\0\x003",
    b"\x81\x86\0\0\0\x002probe",
    b"\x81\x81\0\0\0\x005",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"2\r\n4x\r\n",
    b"0\r\n\r\n",
    b"\r\n",
];

/// A history of connections, clients that send any bytes, and a clock; the first byte chooses the settings.
///
/// Nothing comes for a connection that is closed. Each connection carries one request of another path at a time. What is
/// written is a sequence of whole responses, and after a handshake of frames that a client reads. The memory held stays
/// within its limit, deadlines come to an end, and in the end nothing is left. With the highest bit of the first byte, the
/// rest are the bytes of one client, and all comes out the same in pieces of any size.
pub fn serve_wire(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    if choice & 0x80 != 0 {
        return same_in_pieces(choice, &mut input);
    }
    let mut rig = Rig::new(choice);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let op = input.byte();
        rig.step(op % 24, &mut input);
        if !op.is_multiple_of(3) {
            rig.take();
        }
        rig.check_held();
    }
    rig.end();
}

/// Sends each message back.
#[derive(Default)]
struct Echo {
    log: Vec<String>,
}

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: ServerEvent,
        context: &mut Context<'_, ()>,
    ) {
        match event {
            ServerEvent::Handshake { token, .. } if self.log.len().is_multiple_of(4) => {
                let _gone = server.reject(token, Some("no"));
            }
            ServerEvent::Handshake { token, .. } => {
                let _gone = server.accept(token, context.now);
            }
            ServerEvent::Opened { session, .. } => {
                assert!(
                    context.handshake(session).is_some(),
                    "a session has a request"
                );
            }
            ServerEvent::Session {
                session,
                event: Event::Message(message),
            } => {
                self.log.push(format!("{message:?}"));
                let _full = server.send(session, &Encoded::new(&message));
            }
            ServerEvent::Session { event, .. } => self.log.push(format!("{event:?}")),
            _ => {}
        }
    }
}

struct Rig {
    host: Hosted<Server, Echo>,
    now: Instant,
    max_bytes_held: usize,
    open: BTreeSet<PipeId>,
    opened: usize,
    /// Those that the wire has closed.
    closed: BTreeSet<PipeId>,
    /// Batches that are not written, with the bytes that are left.
    under_way: BTreeMap<PipeId, usize>,
    written: BTreeMap<PipeId, Vec<u8>>,
    owed: BTreeSet<PipeId>,
    foreign: Vec<String>,
    /// What was written to the connection that was closed last.
    last: Vec<u8>,
    /// The ids of sessions, from their open packets.
    sids: Vec<String>,
}

impl Rig {
    fn new(choice: u8) -> Self {
        let server = Server::new(engine_server::config(choice), 3, &seed()).expect("good settings");
        let mut options = Options::new("/e");
        options.head_timeout = Duration::from_millis(100);
        options.body_timeout = Duration::from_millis(300);
        options.keep_alive_timeout = Duration::from_millis(200);
        options.write_timeout = Duration::from_millis(150);
        options.close_timeout = Duration::from_millis(50);
        options.max_pipes = 8;
        options.max_foreign_body = 60;
        if choice & 8 != 0 {
            (options.max_head, options.max_fields) = (256, 5);
        }
        options.max_bytes_held = if choice & 16 == 0 { 1 << 20 } else { 1_000 };
        Self {
            max_bytes_held: options.max_bytes_held,
            host: Hosted::new(server, Echo::default(), options, Instant::ZERO),
            now: Instant::ZERO,
            open: BTreeSet::new(),
            opened: 0,
            closed: BTreeSet::new(),
            under_way: BTreeMap::new(),
            written: BTreeMap::new(),
            owed: BTreeSet::new(),
            foreign: Vec::new(),
            last: Vec::new(),
            sids: Vec::new(),
        }
    }

    fn step(&mut self, op: u8, input: &mut Input<'_>) {
        if op < 3 {
            return self.open();
        }
        let pipes: Vec<_> = self.open.iter().copied().collect();
        let Some(pipe) = pick(&pipes, input.byte()).copied() else {
            return self.open();
        };
        match op {
            3..=11 => self.send_part(pipe, input.byte()),
            12 | 13 => {
                let bytes = input.binary();
                self.send(pipe, &bytes);
            }
            14..=16 => self.write(pipe, usize::from(input.byte())),
            17 | 18 => self.write(pipe, usize::MAX),
            19 => self.respond(pipe),
            20 => self.wait(u64::from(input.byte())),
            21 => {
                self.host.handle_closed(pipe, self.now);
                self.gone(pipe);
            }
            22 => {
                self.host.handle_failed(pipe, self.now);
                self.gone(pipe);
            }
            _ => self.wait(1),
        }
    }

    fn open(&mut self) {
        let opened = self.host.handle_open(Peer::default(), self.now);
        // Of those that it has closed the outputs tell later.
        assert!(opened.is_some() || self.open.len() >= 8);
        self.open.extend(opened);
        self.opened += usize::from(opened.is_some());
    }

    fn send_part(&mut self, pipe: PipeId, choice: u8) {
        let part = PARTS[usize::from(choice) % PARTS.len()];
        let sid = pick(&self.sids, choice / PARTS.len() as u8)
            .cloned()
            .unwrap_or_default();
        let bytes = match part.windows(3).position(|window| window == b"SID") {
            Some(at) => [&part[..at], sid.as_bytes(), &part[at + 3..]].concat(),
            None => part.to_vec(),
        };
        self.send(pipe, &bytes);
    }

    fn send(&mut self, pipe: PipeId, bytes: &[u8]) {
        if self.host.wants_read(pipe) {
            self.host.handle_bytes(pipe, bytes, self.now);
        }
    }

    fn write(&mut self, pipe: PipeId, most: usize) {
        if !self.under_way.contains_key(&pipe) {
            if let Some(batch) = self.host.poll_write(pipe) {
                assert!(!batch.is_empty());
                let bytes = batch.chunks().collect::<Vec<_>>().concat();
                let text = String::from_utf8_lossy(&bytes);
                let sid = text.split("\"sid\":\"").nth(1);
                let sid = sid.and_then(|rest| rest.split('"').next());
                self.sids.extend(sid.map(str::to_owned));
                self.written.entry(pipe).or_default().extend(&bytes);
                self.under_way.insert(pipe, batch.len());
            }
        } else {
            assert!(self.host.poll_write(pipe).is_none(), "one batch at a time");
        }
        if let Some(left) = self.under_way.remove(&pipe) {
            let count = left.min(most);
            self.host.handle_written(pipe, count, self.now);
            if left > count {
                self.under_way.insert(pipe, left - count);
            }
        }
    }

    fn respond(&mut self, pipe: PipeId) {
        if self.owed.remove(&pipe) {
            let reply = Reply::new(200, "body").with_field("x", "y");
            self.host.respond(pipe, &reply);
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
        self.host.handle_timeout(self.now);
        assert!(
            self.host.poll_timeout().is_none_or(|due| due > self.now),
            "deadlines end"
        );
    }

    /// Takes all outputs, and writes nothing.
    fn take(&mut self) -> BTreeSet<PipeId> {
        let mut writable = BTreeSet::new();
        for _ in 0..MOST_OUTPUTS {
            let Some(action) = self.host.poll_output() else {
                return writable;
            };
            match action {
                Action::Write(pipe) => {
                    assert!(self.open.contains(&pipe), "nothing comes for a closed pipe");
                    writable.insert(pipe);
                }
                Action::Shutdown(pipe) | Action::Read(pipe) => assert!(self.open.contains(&pipe)),
                Action::Close(pipe) => {
                    assert!(self.closed.insert(pipe), "a pipe is closed once");
                    self.gone(pipe);
                }
                Action::Foreign(foreign) => {
                    self.foreign.push(format!("{foreign:?}"));
                    assert!(self.open.contains(&foreign.pipe));
                    assert!(self.owed.insert(foreign.pipe), "one request at a time");
                }
                Action::Timeout | Action::Work(_) => {}
            }
        }
        panic!("outputs without end");
    }

    fn gone(&mut self, pipe: PipeId) {
        // What the driver says is over still gets its close.
        self.open.remove(&pipe);
        self.owed.remove(&pipe);
        self.under_way.remove(&pipe);
        assert!(!self.host.wants_read(pipe) && self.host.poll_write(pipe).is_none());
        if let Some(written) = self.written.remove(&pipe) {
            check_written(&written);
            self.last = written;
        }
    }

    fn check_held(&self) {
        let held = self.host.wire().bytes_held();
        // Beside it are responses and frames, which the machine has bounded, and the last read.
        assert!(held <= self.max_bytes_held + 8 * 8_000, "{held}");
        assert!(self.host.wire().pipe_count() <= 8);
    }

    /// Lets the clients go silent, and waits until nothing is left.
    fn end(&mut self) {
        for _ in 0..MOST_DEADLINES {
            for pipe in self.take() {
                self.write(pipe, usize::MAX);
            }
            for pipe in self.open.clone() {
                self.write(pipe, usize::MAX);
            }
            for pipe in self.owed.clone() {
                self.respond(pipe);
            }
            match self.host.poll_timeout() {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.host.handle_timeout(self.now);
                }
                None if self.take().is_empty() && self.owed.is_empty() => break,
                None => {}
            }
        }
        let wire = self.host.wire();
        assert_eq!(
            (wire.pipe_count(), wire.bytes_held()),
            (0, 0),
            "{:?}",
            self.open
        );
        assert_eq!(wire.machine().session_count(), 0);
        assert_eq!(wire.handshakes().len(), 0);
        assert!(self.open.is_empty());
        assert_eq!(self.closed.len(), self.opened, "each is closed once");
    }
}

/// Checks that these are responses, and frames behind a handshake. The last may be cut off.
fn check_written(mut rest: &[u8]) {
    while !rest.is_empty() {
        assert!(rest.starts_with(b"HTTP/1.1 ") || rest.len() < 9, "{rest:?}");
        let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
            return;
        };
        let (head, behind) = rest.split_at(end + 4);
        let head = std::str::from_utf8(head).expect("text");
        rest = behind;
        if head.starts_with("HTTP/1.1 101 ") {
            return check_frames(rest);
        }
        let length = head.split("\r\nContent-Length: ").nth(1);
        let length = length.and_then(|rest| rest.split('\r').next()?.parse().ok());
        // The answer to HEAD has a length and no body.
        if !rest.starts_with(b"HTTP/1.1 ") {
            rest = rest.get(length.unwrap_or(0)..).unwrap_or_default();
        }
    }
}

fn check_frames(mut rest: &[u8]) {
    let mut decoder = Decoder::new(Role::Client, 1 << 20);
    while let Some(received) = decoder.decode(&mut rest).expect("valid frames") {
        if let Received::Close(_) = received {
            assert!(rest.is_empty(), "a close frame is the last");
        }
    }
}

/// The first lines of the answers. A client is asked for a body only if that is not there yet.
fn statuses(written: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(written);
    let answers = text.split("HTTP/1.1 ").skip(1);
    let lines = answers.filter_map(|answer| answer.split('\r').next());
    lines
        .filter(|line| *line != "100 Continue")
        .map(str::to_owned)
        .collect()
}

/// Gives the bytes of one client whole, and in pieces.
fn same_in_pieces(choice: u8, input: &mut Input<'_>) {
    let step = usize::from(input.byte()).max(1);
    let mut bytes = Vec::new();
    while !input.is_empty() {
        let choice = input.byte();
        match PARTS.get(usize::from(choice)) {
            Some(part) => bytes.extend_from_slice(part),
            None => bytes.extend_from_slice(&input.binary()),
        }
    }
    let run = |step: usize| {
        // Nobody decides, for the order of questions and messages depends on when they are taken.
        let mut rig = Rig::new(choice & !17);
        rig.open();
        let pipe = *rig.open.first().expect("it is open");
        for piece in bytes.chunks(step) {
            rig.send(pipe, piece);
            rig.settle(pipe);
        }
        // Whether the connection is closed at once depends on what has come behind the last request.
        let written = rig.written.remove(&pipe).unwrap_or(rig.last);
        (rig.host.app().log.clone(), rig.foreign, statuses(&written))
    };
    let whole = run(bytes.len().max(1));
    for step in [1, step] {
        assert_eq!(run(step), whole, "{}", String::from_utf8_lossy(&bytes));
    }
}

impl Rig {
    /// Writes and answers until there is nothing to do.
    fn settle(&mut self, pipe: PipeId) {
        for _ in 0..MOST_OUTPUTS {
            let writable = self.take();
            if !self.owed.is_empty() {
                self.respond(pipe);
            } else if writable.is_empty() {
                return;
            }
            self.write(pipe, usize::MAX);
        }
        panic!("it does not come to rest");
    }
}
