//! A check of the bytes that a client reads from its server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engineio_proto::client::{Client, Config, Endpoint, Event};
use engineio_proto::{Encoded, Instant, Message, Seed, Transport};
use engineio_wire::Batch;
use engineio_wire::client::{Options, Output, PipeId, Proxy, Wire};
use sha1_smol::Sha1;

use crate::input::Input;

/// A history of a client's connections: what the server sends on them, how they break, time, and commands. The first byte
/// chooses the settings, the second the length of pieces.
///
/// A wire that gets its bytes in pieces does the same as one that gets them whole. No pipe is named twice or after its end,
/// one batch is under way for each, and no more memory is held than what came and what waits. In the end nothing is left.
pub fn wire_client(data: &[u8]) {
    let mut input = Input::new(data);
    let (choice, piece) = (input.byte(), usize::from(input.byte()).max(1));
    let mut whole = Rig::new(choice, usize::MAX);
    let mut cut = Rig::new(choice, piece);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let step = Step::read(&mut input);
        whole.take(&step);
        cut.take(&step);
        assert_eq!(whole.taken(), cut.taken(), "{step:?}");
    }
    whole.end();
}

const MOST_STEPS: usize = 200;

#[derive(Debug)]
struct Step<'a> {
    op: u8,
    pipe: u8,
    bytes: &'a [u8],
}

impl<'a> Step<'a> {
    fn read(input: &mut Input<'a>) -> Self {
        Self {
            op: input.byte(),
            pipe: input.byte(),
            bytes: input.chunk(),
        }
    }
}

struct Rig {
    wire: Wire<Client>,
    now: Instant,
    piece: usize,
    /// The pipes that are known, each with its batch under way and the key of its handshake.
    pipes: BTreeMap<PipeId, Pipe>,
    named: BTreeSet<PipeId>,
    /// Everything that the wire wanted since it was looked at.
    done: Vec<String>,
    came: usize,
    waits: usize,
}

#[derive(Default)]
struct Pipe {
    batch: Batch,
    key: Vec<u8>,
}

const OPEN: &[u8] =
    br#"0{"sid":"x","upgrades":["websocket"],"pingInterval":3000,"pingTimeout":2000}"#;

impl Rig {
    fn new(choice: u8, piece: usize) -> Self {
        let transports: &[_] = match choice % 4 {
            0 => &[Transport::Polling],
            1 => &[Transport::WebSocket],
            2 => &[Transport::Polling, Transport::WebSocket],
            _ => &[Transport::WebTransport, Transport::WebSocket],
        };
        let address = if choice & 4 == 0 {
            "http://a"
        } else {
            "https://a"
        };
        let config = Config::new(Endpoint::parse(address).expect("an address"))
            .with_transports(transports)
            .with_try_all_transports(true)
            .with_protocols(if choice & 8 == 0 {
                Vec::new()
            } else {
                vec!["p".into()]
            })
            .with_max_payload(MAX_PAYLOAD);
        let mut options = Options::default();
        options.max_head = 300;
        if choice & 16 != 0 {
            options = options.with_proxy(Proxy::new("proxy", 1));
        }
        if choice & 32 != 0 {
            options = options.with_max_idle_for_post(Duration::from_secs(1));
        }
        let seed = Seed::new([1; 32]);
        let client = Client::new(config, &seed).expect("good settings");
        let mut rig = Self {
            wire: Wire::new(client, options, &seed),
            now: Instant::from_millis(1),
            piece,
            pipes: BTreeMap::new(),
            named: BTreeSet::new(),
            done: Vec::new(),
            came: 0,
            waits: 0,
        };
        rig.wire.machine_mut().open(rig.now);
        rig.drain();
        rig
    }

    fn take(&mut self, step: &Step<'_>) {
        let pipes = self.pipes.len().max(1);
        let known = self.pipes.keys().nth(usize::from(step.pipe) % pipes);
        // One that is not known any more, or never was one.
        let pipe = known.copied().or(self.named.first().copied());
        if let Some(pipe) = pipe {
            self.network(step, pipe);
        }
        match step.op % 16 {
            11 => {
                let passed = Duration::from_millis(u64::from(step.pipe) * 100);
                self.now = self.now + passed;
                self.wire.handle_timeout(self.now);
            }
            12 => {
                self.now = self.now.max(self.wire.poll_timeout().unwrap_or(self.now));
                self.wire.handle_timeout(self.now);
            }
            13 => {
                self.wire.handle_timeout(self.now);
                let message = Message::binary(step.bytes.to_vec());
                // It may be closed, or full.
                let sent = self.wire.machine_mut().send(&Encoded::new(&message));
                self.waits += sent.map_or(0, |()| step.bytes.len() * 2 + 300);
            }
            14 => {
                self.wire.handle_timeout(self.now);
                self.wire.machine_mut().close(self.now);
            }
            15 => {
                self.wire.handle_timeout(self.now);
                self.wire.machine_mut().open(self.now);
            }
            _ => {}
        }
        self.drain();
    }

    /// What happens to one connection.
    fn network(&mut self, step: &Step<'_>, pipe: PipeId) {
        let bytes = step.bytes;
        match step.op % 16 {
            0 => self.bytes(pipe, bytes),
            1 => self.bytes(pipe, &response(bytes)),
            2 => self.bytes(pipe, &response(OPEN)),
            3 => {
                let key = self.pipes.get(&pipe).map(|pipe| &*pipe.key);
                let switched = switched(key.unwrap_or_default(), bytes);
                self.bytes(pipe, &switched);
            }
            4 => self.bytes(pipe, &frame(OPEN)),
            5 => self.bytes(pipe, &frame(bytes)),
            6 => self.wire.handle_connected(pipe, self.now),
            7 => self.wire.handle_secured(pipe, self.now),
            8 => {
                self.pipes.remove(&pipe);
                self.wire.handle_closed(pipe, self.now);
            }
            9 => {
                self.pipes.remove(&pipe);
                self.wire.handle_failed(pipe, self.now);
            }
            10 => self.written(pipe, step.bytes.len()),
            _ => {}
        }
    }

    fn bytes(&mut self, pipe: PipeId, bytes: &[u8]) {
        self.came += bytes.len();
        for piece in bytes.chunks(self.piece) {
            self.wire.handle_bytes(pipe, piece, self.now);
        }
    }

    /// A part of the batch leaves; all of it if `most` is zero.
    fn written(&mut self, pipe: PipeId, most: usize) {
        let Some(known) = self.pipes.get_mut(&pipe) else {
            return;
        };
        let all = known.batch.len();
        let count = if most == 0 { all } else { all.min(most) };
        bytes::Buf::advance(&mut known.batch, count);
        self.wire.handle_written(pipe, count, self.now);
    }

    /// Does what the wire wants.
    fn drain(&mut self) {
        while let Some(output) = self.wire.poll_output() {
            self.done.push(format!("{output:?}"));
            match output {
                Output::Connect { pipe, host, .. } => {
                    assert!(!host.is_empty());
                    assert!(self.named.insert(pipe), "{pipe:?} is named twice");
                    self.pipes.insert(pipe, Pipe::default());
                }
                Output::StartTls { pipe, .. } => assert!(self.pipes.contains_key(&pipe)),
                Output::Write(pipe) => self.write(pipe),
                Output::Close(pipe) => {
                    let known = self.pipes.remove(&pipe);
                    assert!(known.is_some(), "{pipe:?} is closed and not known");
                }
                Output::Event(Event::Message(message)) => assert!(message.len() <= MAX_PAYLOAD),
                Output::Event(_) => {}
            }
        }
        // Heads of requests wait too.
        let bound = self.came * 2 + self.waits + 2000 * self.pipes.len() + 64;
        assert!(self.wire.bytes_held() <= bound, "{bound}");
        assert_eq!(self.wire.pipe_count(), self.pipes.len());
    }

    fn write(&mut self, pipe: PipeId) {
        let known = self.pipes.get_mut(&pipe).expect("a pipe that is known");
        let Some(batch) = self.wire.poll_write(pipe) else {
            return;
        };
        assert!(known.batch.is_empty(), "one batch is under way");
        assert!(self.wire.poll_write(pipe).is_none());
        let bytes: Vec<u8> = batch.chunks().flatten().copied().collect();
        assert!(!bytes.is_empty());
        let text = String::from_utf8_lossy(&bytes);
        let key = text
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        known.key = key.map_or(Vec::new(), |key| key.as_bytes().to_vec());
        self.done.push(text.into_owned());
        known.batch = batch;
    }

    /// Everything that the wire wanted: the events in order, and the rest sorted, since connections have no order among
    /// themselves.
    fn taken(&mut self) -> (Vec<String>, Vec<String>) {
        let done = std::mem::take(&mut self.done);
        let is_event = |text: &String| text.starts_with("Event");
        let (events, mut rest): (Vec<_>, Vec<_>) = done.into_iter().partition(is_event);
        rest.sort_unstable();
        (events, rest)
    }

    /// Closes the client, and breaks each connection that it opens.
    fn end(mut self) {
        self.wire.machine_mut().close(self.now);
        self.drain();
        for _ in 0..10_000 {
            if let Some(pipe) = self.pipes.keys().next().copied() {
                self.pipes.remove(&pipe);
                self.wire.handle_failed(pipe, self.now);
            } else if let Some(due) = self.wire.poll_timeout() {
                self.now = self.now.max(due);
                self.wire.handle_timeout(self.now);
            } else {
                assert!(self.wire.is_at_rest() && self.wire.machine().is_closed());
                assert_eq!((self.wire.pipe_count(), self.wire.bytes_held()), (0, 0));
                return;
            }
            self.drain();
        }
        panic!("it does not come to rest");
    }
}

/// The largest message and body.
const MAX_PAYLOAD: usize = 500;

fn response(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The response that opens a WebSocket, with bytes behind it.
fn switched(key: &[u8], then: &[u8]) -> Vec<u8> {
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest.digest().bytes());
    let head = format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    [head.as_bytes(), then].concat()
}

/// A frame of text.
fn frame(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len().min(125)).unwrap_or(125);
    let content = content.get(..usize::from(length)).unwrap_or_default();
    [&[0x81, length], content].concat()
}
