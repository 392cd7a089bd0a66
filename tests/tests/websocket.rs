//! The WebSocket codec against others: streams of frames, good ones and mutated ones, go to ours, to `tungstenite` and to the
//! npm package `ws`. All must read the same messages and refuse the same streams.
//!
//! Each known difference is listed with a predicate that says which streams it is about. `WEBSOCKET_STREAMS` sets the
//! number of streams, and `WEBSOCKET_SEED` the seed.
#![cfg(test)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engineio_proto::codec::websocket::{Close, Decoder, Encoder, Received, Role, Violation};
use engineio_proto::{Bytes, Frame, Seed};
use serde_json::{Value, json};
use socketio_testkit::Random;
use tungstenite::error::CapacityError;
use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// The bytes that a message may have.
const MAX: usize = 70_000;

/// What came of a stream: everything that was read, and the code to close with if a rule was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Outcome {
    read: Vec<Item>,
    violation: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Item {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code and the reason; 1005 for none.
    Close(u16, String),
}

#[derive(Clone, Debug)]
struct Stream {
    role: Role,
    bytes: Vec<u8>,
}

impl Stream {
    fn random(random: &mut Random) -> Self {
        let role = if random.chance(500) {
            Role::Server
        } else {
            Role::Client
        };
        let mut encoder = match role {
            Role::Server => Encoder::client(&Seed::new([5; 32]), 0),
            Role::Client => Encoder::server(),
        };
        let mut bytes = Vec::new();
        for _ in 0..random.below(5) + 1 {
            frame(random, &mut encoder, &mut bytes);
        }
        for _ in 0..random.below(4) {
            mutate(random, &mut bytes);
        }
        Self { role, bytes }
    }
}

/// Appends a frame, mostly a good one; a message may come in fragments.
fn frame(random: &mut Random, encoder: &mut Encoder, bytes: &mut Vec<u8>) {
    let content = content(random);
    let text = || String::from_utf8_lossy(&content).into_owned();
    let (header, content) = match random.below(8) {
        0 => encoder.ping(&Bytes::from(content)),
        1 => encoder.pong(&Bytes::from(content)),
        2 => {
            let code = *pick(
                random,
                &[
                    1000, 1001, 1002, 1004, 1005, 1011, 1014, 1015, 2999, 3000, 4999, 5000, 0,
                ],
            );
            let close = Close::new(code, text());
            encoder.close(Some(&close).filter(|_| code > 0))
        }
        3 | 4 => encoder.message(Frame::Binary(content.into())),
        _ => encoder.message(Frame::Text(text().into())),
    };
    let start = bytes.len();
    bytes.extend_from_slice(header.as_ref());
    bytes.extend_from_slice(&content);
    if random.chance(300) {
        // Not final, and a continuation behind it.
        bytes[start] &= 0x7f;
        let (header, content) = encoder.message(Frame::Binary(self::content(random).into()));
        let start = bytes.len();
        bytes.extend_from_slice(header.as_ref());
        bytes[start] = 0x80;
        bytes.extend_from_slice(&content);
    }
}

fn pick<'a, T>(random: &mut Random, items: &'a [T]) -> &'a T {
    random.pick(items).expect("there are some")
}

fn content(random: &mut Random) -> Vec<u8> {
    let length = match random.below(20) {
        0 => 126 + random.below(4),
        1 => 65_530 + random.below(10),
        2 => 70_000 - 5 + random.below(10),
        _ => random.below(12),
    } as usize;
    (0..length)
        .map(|_| *pick(random, b"4\"ax\xc3\xa4"))
        .collect()
}

/// Changes a byte, takes some out, or puts some in; near the front of a frame if it can be.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let near = bytes.len().min(40) as u64;
    let at = random.below(near) as usize;
    match random.below(4) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => drop(bytes.drain(at..(at + 1 + random.below(3) as usize).min(bytes.len()))),
        _ => bytes.insert(
            at,
            *pick(random, &[0, 1, 0x80, 0x81, 0x82, 0x88, 126, 127, 254, 255]),
        ),
    }
}

fn ours(stream: &Stream) -> Outcome {
    let mut decoder = Decoder::new(stream.role, MAX);
    let (mut rest, mut read) = (&stream.bytes[..], Vec::new());
    let violation = loop {
        match decoder.decode(&mut rest) {
            Ok(Some(received)) => read.push(match received {
                Received::Message(Frame::Text(text)) => Item::Text(text.to_string()),
                Received::Message(Frame::Binary(data)) => Item::Binary(data.to_vec()),
                Received::Compressed { .. } => unreachable!("it was not agreed on"),
                Received::Ping(data) => Item::Ping(data.to_vec()),
                Received::Pong(data) => Item::Pong(data.to_vec()),
                Received::Close(None) => Item::Close(1005, String::new()),
                Received::Close(Some(close)) => Item::Close(close.code, close.reason.to_string()),
            }),
            Ok(None) => break None,
            Err(violation) => break Some(Violation::close_code(violation)),
        }
    };
    Outcome { read, violation }
}

/// Gives the bytes of a stream, and would block behind them. What is written goes nowhere.
struct Pipe<'a>(&'a [u8]);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            some => Ok(some),
        }
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn of_tungstenite(stream: &Stream) -> Outcome {
    let role = match stream.role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX))
        .max_frame_size(Some(MAX));
    let mut socket = WebSocket::from_raw_socket(Pipe(&stream.bytes), role, Some(config));
    let mut read = Vec::new();
    let violation = loop {
        match socket.read() {
            Ok(Message::Text(text)) => read.push(Item::Text(text.as_str().to_owned())),
            Ok(Message::Binary(data)) => read.push(Item::Binary(data.to_vec())),
            Ok(Message::Ping(data)) => read.push(Item::Ping(data.to_vec())),
            Ok(Message::Pong(data)) => read.push(Item::Pong(data.to_vec())),
            Ok(Message::Close(close)) => {
                read.push(match close {
                    None => Item::Close(1005, String::new()),
                    Some(close) => Item::Close(close.code.into(), close.reason.as_str().to_owned()),
                });
                break None;
            }
            Ok(Message::Frame(_)) => panic!("raw frames are not read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
            Err(Error::Utf8(_)) => break Some(1007),
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => break Some(1009),
            Err(Error::Protocol(_)) => break Some(1002),
            Err(other) => panic!("{other}"),
        }
    };
    Outcome { read, violation }
}

fn streams(per_run: usize) -> (usize, Random) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let seed = number("WEBSOCKET_SEED").unwrap_or(1);
    let count = number("WEBSOCKET_STREAMS").map_or(per_run, |count| count as usize);
    (count, Random::new(seed))
}

/// The known differences of `tungstenite`. In each it refuses what we refuse, but in another way, or one code more.
fn listed(ours: &Outcome, theirs: &mut Outcome) -> Option<u16> {
    let own_words = Item::Close(1002, "Protocol violation".to_owned());
    match (ours.violation, theirs.violation) {
        // Of two faults in a frame it looks at the reason before the code, and at the length before all others.
        (Some(1002), Some(1007 | 1009)) => Some(1002),
        // It reads text as it comes, and we when it is whole.
        (ours, Some(1007)) => ours,
        // It gives the refusal of a code as if that had come.
        (Some(1002), None) if theirs.read.last() == Some(&own_words) => {
            theirs.read.pop();
            Some(1002)
        }
        // It knows no 1014, which the registry of codes has had since.
        (None, None) if theirs.read.last() == Some(&own_words) => {
            if let Some(Item::Close(1014, _)) = ours.read.last() {
                theirs.read.clone_from(&ours.read);
            }
            None
        }
        (_, same) => same,
    }
}

#[test]
fn tungstenite_reads_the_same() {
    let (count, mut random) = streams(1_500);
    let (mut agreed, mut refused) = (0, 0);
    for number in 0..count {
        let stream = Stream::random(&mut random);
        let ours = ours(&stream);
        let mut theirs = of_tungstenite(&stream);
        if ours.violation.is_some() && theirs.violation.is_none() {
            // It looks at some frames once they are whole.
            let mut longer = stream.clone();
            longer.bytes.resize(stream.bytes.len() + MAX + 20, 0);
            theirs = of_tungstenite(&longer);
        }
        theirs.violation = listed(&ours, &mut theirs);
        assert_eq!(ours, theirs, "stream {number}: {stream:?}");
        match ours.violation {
            None => agreed += 1,
            Some(_) => refused += 1,
        }
    }
    println!("{agreed} streams read alike, {refused} refused alike");
    assert!(agreed > count / 5 && refused > count / 5);
}

/// The process with `ws`.
struct Node(Child);

impl Node {
    fn start(tests: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg(tests.join("websocket-receiver.mjs"));
        node.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(node.spawn().expect("Node.js"))
    }

    fn read(&mut self, streams: &[Stream]) -> Vec<Outcome> {
        let streams: Vec<Value> = streams
            .iter()
            .map(|stream| {
                let is_server = stream.role == Role::Server;
                json!({ "isServer": is_server, "bytes": STANDARD.encode(&stream.bytes) })
            })
            .collect();
        let input = self.0.stdin.as_mut().expect("piped");
        writeln!(input, "{}", Value::Array(streams)).expect("it reads");
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("it answers");
        let outcomes: Vec<Value> = serde_json::from_str(&line).expect("an array");
        outcomes.iter().map(outcome).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}

fn outcome(value: &Value) -> Outcome {
    let bytes = |item: &Value| {
        STANDARD
            .decode(item[1].as_str().expect("bytes"))
            .expect("base64")
    };
    let text = |item: &Value, at: usize| item[at].as_str().expect("text").to_owned();
    let items = value["read"].as_array().expect("items");
    let read = items.iter().map(|item| match item[0].as_str() {
        Some("text") => Item::Text(text(item, 1)),
        Some("binary") => Item::Binary(bytes(item)),
        Some("ping") => Item::Ping(bytes(item)),
        Some("pong") => Item::Pong(bytes(item)),
        Some("close") => Item::Close(item[1].as_u64().expect("a code") as u16, text(item, 2)),
        _ => panic!("{item}"),
    });
    Outcome {
        read: read.collect(),
        violation: value["violation"].as_u64().map(|code| code as u16),
    }
}

#[test]
fn ws_reads_the_same() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    if !tests.join("node_modules/ws").is_dir() {
        println!("left out: ws, for which `scripts/test install` is needed");
        return;
    }
    let (count, mut random) = streams(1_500);
    let mut node = Node::start(&tests);
    for _ in 0..count.div_ceil(200) {
        let streams: Vec<Stream> = (0..200).map(|_| Stream::random(&mut random)).collect();
        for (stream, theirs) in streams.iter().zip(node.read(&streams)) {
            assert_eq!(ours(stream), theirs, "{stream:?}");
        }
    }
}
