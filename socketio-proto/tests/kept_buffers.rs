//! Memory kept of large buffers with little content, as counted by an allocator.
//!
//! Each case uses fifty buffers of 200 kB with a few bytes for the application. The application takes the events and
//! keeps them, or leaves them in the machine.
#![cfg(test)]

use allocation_counter::measure;
use engineio_proto::client as engine;
use engineio_proto::codec::webtransport;
use engineio_proto::http::Answer;
use engineio_proto::{Bytes, ConnectionId, Frame, Instant, Message, RequestId, Revision, Seed};
use socketio_proto::client::{self, SocketOptions};
use socketio_proto::engine::Transport;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::server;

const BUFFERS: usize = 50;
const LARGE: usize = 200_000;

/// The memory that all fifty may keep together; each buffer alone is larger.
const MOST: i64 = 400_000;

/// Runs `f`, prints how much of its allocations remains, and compares it with [`MOST`].
fn kept<T>(name: &str, f: impl FnOnce() -> T) -> T {
    let mut made = None;
    let info = measure(|| made = Some(f()));
    println!(
        "{name}: {} B of {} MB",
        info.bytes_current,
        BUFFERS * LARGE / 1_000_000
    );
    assert!(
        info.bytes_current <= MOST,
        "{name}: {} B",
        info.bytes_current
    );
    made.unwrap()
}

fn filler() -> String {
    "x".repeat(LARGE)
}

/// The event of an output, if it is one.
fn event<E>(output: engine::Output<E>) -> Option<E> {
    if let engine::Output::Event(event) = output {
        Some(event)
    } else {
        None
    }
}

fn engine_client(revision: Revision) -> (engine::Client, RequestId) {
    let config = engine::Config::default()
        .with_revision(revision)
        .with_transports([Transport::Polling])
        .with_max_undelivered(LARGE, 10_000);
    let mut client = engine::Client::new(config, &Seed::new([1; 32])).unwrap();
    client.open(Instant::ZERO);
    let get = next_get(&mut client);
    let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let body = match revision {
        Revision::V3 => format!("{}:{open}", open.len()),
        Revision::V4 | _ => open.to_owned(),
    };
    client.handle_response(get, Answer::new(200, body), Instant::ZERO);
    let get = next_get(&mut client);
    (client, get)
}

fn next_get(client: &mut engine::Client) -> RequestId {
    std::iter::from_fn(|| client.poll_output())
        .find_map(|output| {
            if let engine::Output::Request { request, .. } = output {
                Some(request)
            } else {
                None
            }
        })
        .expect("a poll")
}

/// Takes bodies with one small message each, which stay in the machine.
fn poll_bodies(name: &str, revision: Revision, body: impl Fn() -> Answer) {
    kept(name, || {
        let (mut client, mut get) = engine_client(revision);
        let mut events = Vec::new();
        for _ in 0..BUFFERS {
            client.handle_response(get, body(), Instant::ZERO);
            get = loop {
                let output = client.poll_output().expect("a poll");
                if let engine::Output::Request { request, .. } = output {
                    break request;
                }
                events.extend(event(output));
            };
        }
        events.extend(std::iter::from_fn(|| client.poll_output()).filter_map(event));
        let messages = events
            .iter()
            .filter(|event| matches!(event, engine::Event::Message(message) if message.len() == 5));
        assert_eq!(messages.count(), BUFFERS);
        (client, events)
    });
}

#[test]
fn a_client_that_polls_keeps_messages_and_not_the_bodies_they_came_in() {
    poll_bodies("polling", Revision::V4, || {
        Answer::new(200, format!("4hello\u{1e}6{}", filler()))
    });
    poll_bodies("polling, base64", Revision::V4, || {
        Answer::new(200, format!("baGVsbG8=\u{1e}6{}", filler()))
    });
    poll_bodies("polling, revision 3, text", Revision::V3, || {
        Answer::new(200, format!("6:4hello{}:6{}", LARGE + 1, filler()))
    });
    poll_bodies("polling, revision 3, binary", Revision::V3, || {
        let mut body = vec![1, 6, 0xff, 4];
        body.extend_from_slice(b"hello");
        body.push(0);
        let digits = (LARGE + 1).to_string();
        body.extend(digits.bytes().map(|digit| digit - b'0'));
        body.extend_from_slice(&[0xff, b'6']);
        body.extend_from_slice(filler().as_bytes());
        let mut answer = Answer::new(200, body);
        answer.content_type = Some("application/octet-stream".into());
        answer
    });
}

#[test]
fn a_webtransport_decoder_keeps_frames_and_not_the_chunks_they_came_in() {
    kept("webtransport", || {
        let mut frames = Vec::new();
        for _ in 0..BUFFERS {
            let mut decoder = webtransport::Decoder::new(LARGE);
            let (head, _) = webtransport::encode(Frame::Binary(filler().into()));
            let filler = filler();
            let parts = [
                head.as_ref(),
                filler.as_bytes(),
                b"\x064hello",
                b"\x064hello",
            ];
            let mut chunk = Bytes::from(parts.concat());
            while let Some(frame) = decoder.decode(&mut chunk).unwrap() {
                frames.extend((frame.len() < LARGE).then_some(frame));
            }
        }
        assert_eq!(frames.len(), 2 * BUFFERS);
        frames
    });
}

/// Reads fifty large messages and keeps the packets.
fn packets(name: &str, parser: Parser, revision: Revision, message: impl Fn() -> Message) {
    kept(name, || {
        let mut decoder = parser.decoder(Limits::default()).with_revision(revision);
        let mut packets = Vec::new();
        for _ in 0..BUFFERS {
            packets.push(decoder.add(message()).unwrap().expect("a packet"));
        }
        packets
    });
}

#[test]
fn packets_keep_what_they_hold_and_not_the_messages_they_came_in() {
    let json = |text: String| move || Message::text(text.clone());
    packets(
        "zeros before an id",
        Parser::Json,
        Revision::V4,
        json(format!("2{}1[\"a\"]", "0".repeat(LARGE))),
    );
    packets(
        "spaces behind an event",
        Parser::Json,
        Revision::V4,
        json(format!("2[\"a\"]{}", " ".repeat(LARGE))),
    );
    kept("the name of a namespace", || {
        let mut decoder = Parser::Json.decoder(Limits::default());
        let mut names = Vec::new();
        for _ in 0..BUFFERS {
            let text = format!("0/admin,{{\"token\":\"{}\"}}", filler());
            names.push(decoder.add(Message::text(text)).unwrap().unwrap().namespace);
        }
        names
    });
    // { "type": 2, "nsp": "/admin", "data": ["e", bin], "options": str }
    let message = || {
        let mut message = vec![0x84, 0xa4];
        message.extend_from_slice(b"type\x02\xa3nsp\xa6/admin\xa4data\x92\xa1e\xc4\x01\x07");
        message.extend_from_slice(b"\xa7options\xdb");
        message.extend_from_slice(&(LARGE as u32).to_be_bytes());
        message.extend_from_slice(filler().as_bytes());
        Message::binary(message)
    };
    packets("MessagePack", Parser::MsgPack, Revision::V4, message);
    packets(
        "MessagePack of version 2",
        Parser::MsgPack,
        Revision::V3,
        json(format!(
            "{{\"type\":4,\"nsp\":\"/admin\",\"data\":\"no\",\"query\":\"{}\"}}",
            filler()
        )),
    );
}

#[test]
fn a_socket_io_client_keeps_small_events_and_not_the_bodies_they_came_in() {
    for parser in [Parser::Json, Parser::MsgPack] {
        kept(&format!("events over polling, {parser:?}"), || {
            let endpoint = engine::Endpoint::parse("http://localhost").unwrap();
            let config = client::Config::new(endpoint)
                .with_parser(parser)
                .with_engine(|engine| {
                    engine
                        .with_transports([Transport::Polling])
                        .with_max_undelivered(LARGE, 10_000)
                });
            let mut client = client::Client::new(config, &Seed::new([1; 32])).unwrap();
            let options = SocketOptions::default();
            client.connect("/", options, Instant::ZERO).unwrap();
            let mut events = Vec::new();
            let mut answers = 0;
            while answers < BUFFERS + 2 {
                let Some(output) = client.poll_output() else {
                    panic!("a poll after {answers} answers");
                };
                let engine::Output::Request { request, message } = output else {
                    events.extend(event(output));
                    continue;
                };
                if message.method == "POST" {
                    client.handle_response(request, Answer::new(200, "ok"), Instant::ZERO);
                    continue;
                }
                let body = match (answers, parser) {
                    (0, _) => {
                        r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#
                            .to_owned()
                    }
                    // { "type": 0, "nsp": "/", "data": { "sid": "y" } }
                    (1, Parser::MsgPack) => "bg6R0eXBlAKNuc3ChL6RkYXRhgaNzaWSheQ==".to_owned(),
                    (1, _) => r#"40{"sid":"y"}"#.to_owned(),
                    // { "type": 2, "nsp": "/", "data": ["e", "a"] }
                    (_, Parser::MsgPack) => {
                        format!("bg6R0eXBlAqNuc3ChL6RkYXRhkqFloWE=\u{1e}6{}", filler())
                    }
                    (_, _) => format!("42[\"e\",\"a\"]\u{1e}6{}", filler()),
                };
                answers += 1;
                client.handle_response(request, Answer::new(200, body), Instant::ZERO);
            }
            events.extend(std::iter::from_fn(|| client.poll_output()).filter_map(event));
            let received = events
                .iter()
                .filter(|event| matches!(event, client::Event::Event { .. }));
            assert_eq!(received.count(), BUFFERS);
            (client, events)
        });
    }
}

#[test]
fn a_server_keeps_the_name_of_a_namespace_and_not_the_packet_that_made_it() {
    kept("children of a parent", || {
        let mut server =
            server::Server::new(server::Config::default(), 0, &Seed::new([1; 32])).unwrap();
        let pattern = server::NamespacePattern::new("/child-{int}").unwrap();
        server.add_parent(pattern.into());
        for number in 0..BUFFERS as u64 {
            let id = ConnectionId(number);
            let mut head = RequestHead::new("GET", "/", "EIO=4&transport=websocket");
            head.upgrade = true;
            server.handle_upgrade(id, &head, Instant::ZERO);
            let text = format!("40/child-{number},{{\"token\":\"{}\"}}", filler());
            let text = text[..LARGE - 2].to_owned() + "\"}";
            server.handle_frame(id, Frame::Text(text.into()), Instant::ZERO);
            while let Some(output) = server.poll_output() {
                if let engineio_proto::server::Output::Event(server::Event::Connecting {
                    token,
                    ..
                }) = output
                {
                    server.accept(token, Instant::ZERO).unwrap();
                }
            }
        }
        server
    });
}
