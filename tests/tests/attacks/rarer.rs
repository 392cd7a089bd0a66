//! Attacks by way of the older revisions, the rarer transports and the other parser.

use std::collections::BTreeMap;

use socketio_proto::engine::Transport;
use socketio_proto::engine::codec::DecodeError;
use socketio_proto::engine::codec::webtransport::Decoder;
use socketio_proto::engine::server::{Origin, Origins};
use socketio_proto::parser::Parser;
use socketio_proto::{Packet, PacketType};

use super::*;

/// The request for a WebTransport session.
const CONNECT: RequestHead<'static> = RequestHead::new("CONNECT", "/socket.io/", "");

fn engine(target: &mut Target, change: impl FnOnce(engine::Config) -> engine::Config) {
    let engine = change(Config::default().engine);
    let config = Config::default().with_engine(engine);
    target.server = Server::new(config, 0, &Seed::new([7; 32])).unwrap();
}

/// A server with one client in `/`, on a WebSocket, which speaks MessagePack.
fn message_pack() -> Target {
    let mut target = Target::new();
    let config = Config::default().with_parser(Parser::MsgPack);
    target.server = Server::new(config, 0, &Seed::new([7; 32])).unwrap();
    target.open(ATTACKER);
    target.message(b"\x82\xa4type\x00\xa3nsp\xa1/", &[]);
    assert_eq!(target.sockets.len(), 1);
    target
}

impl Target {
    fn message(&mut self, head: &[u8], rest: &[u8]) {
        self.frame(ATTACKER, Frame::Binary([head, rest].concat().into()));
    }

    /// Opens a session on polling and gives the query of its requests.
    fn polling(&mut self, query: &str) -> String {
        let query = format!("{query}&transport=polling");
        self.request("GET", &query, Bytes::new());
        format!("{query}&sid={}", sid(self))
    }
}

/// A frame that is announced and comes byte by byte takes what has come, doubled; beyond the limit, nothing at all.
#[test]
fn frames_that_come_byte_by_byte_cost_what_has_come() {
    let most = 1_000_000;
    let header = [&[0xff][..], &(most as u64).to_be_bytes()].concat();
    let mut decoder = Decoder::new(most);
    let mut bytes = vec![0; most];
    let mut feed = |bytes: &mut Bytes| {
        let info = measure(|| {
            while !bytes.is_empty() {
                assert_eq!(decoder.decode(&mut bytes.split_to(1)), Ok(None));
            }
        });
        info.bytes_max
    };
    let at_first = feed(&mut header.into());
    bytes.truncate(most - 1);
    let mut content = Bytes::from(bytes);
    let little = feed(&mut content.split_to(100));
    let all = feed(&mut content);
    println!("{at_first} B for the header, {little} B for 100 bytes, {all} B for all but one");
    assert!(
        at_first <= 24,
        "that of the chunk which brings it: {at_first}"
    );
    assert!(little <= 256 + 128, "{little}");
    assert!(all < 2 * MIB, "{all}");

    let header = [&[0xff][..], &(most as u64 + 1).to_be_bytes()].concat();
    let mut decoder = Decoder::new(most);
    let info = measure(|| {
        let mut last = Ok(None);
        for byte in header.chunks(1) {
            last = decoder.decode(&mut Bytes::from_owner(byte.to_vec()));
        }
        assert!(matches!(last, Err(DecodeError::TooLong { .. })));
    });
    assert_eq!(info.bytes_current, 0);
}

/// Streams that never say anything take a deadline each, up to their number, and are closed at it.
#[test]
fn streams_that_say_nothing_cost_a_deadline_each() {
    let mut target = Target::new();
    engine(&mut target, |engine| {
        let transports = engine.transports.with(Transport::WebTransport);
        engine.with_transports(transports)
    });
    let most = Config::default().engine.max_pending_streams;
    let held = cost(&mut target, |target| {
        for number in 0..2 * most as u64 {
            target
                .server
                .handle_webtransport(ConnectionId(number), &CONNECT, target.now);
            target.drain();
        }
    });
    assert_eq!(target.server.engine().pending_streams(), most);
    assert!(held < 2 * MIB, "{held}");
    target.pass(Duration::from_secs(10));
    assert_eq!(target.server.engine().pending_streams(), 0);
    assert_eq!(target.server.poll_timeout(), None);
}

/// MessagePack becomes up to seven times as much JSON, which is what counts where the application takes nothing.
#[test]
fn message_pack_that_grows_counts_as_what_it_becomes() {
    let mut target = message_pack();
    target.takes = false;
    let members = 499_000_u32;
    let head = [
        &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e\xdf"[..],
        &members.to_be_bytes(),
    ];
    let (head, rest) = (head.concat(), vec![0xc2; 2 * members as usize]);
    let held = cost(&mut target, |target| {
        while target.server.wants_read(ATTACKER) {
            target.message(&head, &rest);
        }
    });
    // As it grows it is there twice for a moment.
    assert!(held < 16 * MIB, "{held}");
    let counted = target.server.bytes_held();
    let json = "[\"e\",{}]".len() + 14 * members as usize - 1;
    assert!(counted >= json && counted < json * 5 / 4, "{counted}");
    target.takes = true;
    target.drain();
    assert_eq!((target.events, target.server.bytes_held()), (1, 0));
}

/// Of a message that is mostly something else, an event without binary data keeps nothing but itself.
#[test]
fn message_pack_of_which_little_is_meant_costs_that() {
    let mut target = message_pack();
    target.takes = false;
    let head = b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1e\xa7options\xdb\x00\x0e\xa6\x00";
    let rest = vec![b'x'; 960_000];
    let info = measure(|| target.message(head, &rest));
    println!("{} B kept", info.bytes_current);
    assert!(info.bytes_current < KIB as i64, "{}", info.bytes_current);
    target.takes = true;
    target.drain();
    assert_eq!(target.events, 1);
}

/// The names of namespaces that a client is in do not keep the messages that asked for them.
#[test]
fn names_do_not_keep_the_messages_that_brought_them() {
    for parser in [Parser::Json, Parser::MsgPack] {
        let mut target = match parser {
            Parser::MsgPack => message_pack(),
            _ => Target::with_attacker(),
        };
        target
            .server
            .add_parent(NamespacePattern::new("/*").unwrap().into());
        let mut held = 0;
        for number in 0..5 {
            let auth = BTreeMap::from([("token", "x".repeat(900_000))]);
            let packet = Packet::new(PacketType::Connect, format!("/{number}"))
                .with_payload(Payload::object(&auth).unwrap());
            let info = measure(|| {
                let encoded = parser.encode(packet.borrow(), 0).unwrap();
                let frame = encoded.parts()[0].frame();
                drop((encoded, packet));
                target.frame(ATTACKER, frame);
            });
            held += info.bytes_current;
        }
        println!("{held} B kept of 5 namespaces");
        assert_eq!(target.sockets.len(), 6);
        assert!(held < 16 << 10, "{held}");
    }
}

/// A message that waits for the application does not keep the body that it came in, if it is a small part of it.
#[test]
fn small_messages_do_not_keep_large_bodies() {
    let mut target = Target::new();
    let query = target.polling("EIO=4");
    target.request("POST", &query, Bytes::from_static(b"40"));
    target.takes = false;
    let info = measure(|| {
        for _ in 0..20 {
            let body = format!("42[\"x\"]\x1e6{}", "x".repeat(900_000));
            target.request("POST", &query, body.into());
        }
    });
    println!("{} B kept of 20 bodies", info.bytes_current);
    assert!(info.bytes_current < 64 << 10, "{}", info.bytes_current);
    target.takes = true;
    target.drain();
    assert_eq!(target.events, 20);

    let mut target = message_pack();
    target.takes = false;
    let head =
        b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e\xc4\x01\x07\xa7options\xdb\x00\x0e\xa6\x00";
    let rest = vec![b'x'; 960_000];
    let info = measure(|| {
        for _ in 0..20 {
            target.message(head, &rest);
        }
    });
    println!("{} B kept of 20 messages", info.bytes_current);
    assert!(info.bytes_current < 64 << 10, "{}", info.bytes_current);
    target.takes = true;
    target.drain();
    assert_eq!(target.events, 20);
}

/// Deep nesting and counts that lie cost no more than the message once more, and no stack.
#[test]
fn message_pack_bombs_cost_their_message_and_no_stack() {
    let event = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e";
    let other = b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1e\xa1x";
    let nested = [&[0x91; 900_000][..], &[0xc0]].concat();
    let counts = [0xdd, 0, 0x0d, 0xbb, 0xa0].repeat(180_000);
    let attack = move || {
        for (head, rest, lives) in [
            (&event[..], &nested, false),
            (&other[..], &nested, true),
            (&event[..], &counts, false),
            (&other[..], &counts, false),
        ] {
            let mut target = message_pack();
            let message = Frame::Binary([head, rest].concat().into());
            let held = cost(&mut target, |target| target.frame(ATTACKER, message));
            assert!(held < MIB, "{held}");
            assert_eq!(target.sessions(), usize::from(lives));
        }
    };
    let small = std::thread::Builder::new()
        .name("message_pack_bombs_cost_their_message_and_no_stack".to_owned())
        .stack_size(128 * 1024);
    small.spawn(attack).unwrap().join().unwrap();
}

/// A form costs its text once decoded and once unescaped, while it is read.
#[test]
fn forms_cost_their_text_twice_while_they_are_read() {
    let mut target = Target::new();
    engine(&mut target, |engine| engine.with_allow_jsonp(true));
    let query = target.polling("EIO=4&j=0");
    for (form, most) in [
        ("&".repeat(1_000_000), KIB),
        ("a=b&".repeat(250_000), KIB),
        (format!("d=6{}", "%20".repeat(333_000)), 2 * MIB),
        (format!("d=6{}", "\\n".repeat(499_000)), 3 * MIB),
        (format!("d=6{}", "%ff".repeat(333_000)), 4 * MIB),
    ] {
        let held = cost(&mut target, |target| {
            target.request("POST", &query, form.into());
        });
        assert!(held < most, "{held}");
    }
    assert_eq!(target.sessions(), 1);
}

/// Lengths that lie or never end end the session, and cost nothing; nor do a million packets of none.
#[test]
fn lengths_that_lie_cost_nothing() {
    let mut target = Target::new();
    engine(&mut target, |engine| engine.with_allow_eio3(true));
    for (body, status) in [
        ("9999999999:4".to_owned(), 400),
        ("9".repeat(1_000_000), 400),
        (format!("1000000:{}", "4".repeat(900_000)), 400),
        (format!("3:4{}", "😀".repeat(200_000)), 400),
        ("0:".repeat(500_000), 200),
    ] {
        let query = target.polling("EIO=3");
        let held = cost(&mut target, |target| {
            target.request("POST", &query, body.into());
        });
        assert!(held < 4 * KIB, "{held}");
        assert_eq!(target.statuses.pop(), Some(status));
        assert_eq!(target.sessions(), usize::from(status == 200));
    }
}

/// Heartbeats that are sent without reading anything do not hold the session, nor what is buffered for it.
#[test]
fn heartbeats_of_a_client_that_reads_nothing_hold_it_no_longer() {
    for (query, heartbeat, most) in [("EIO=4", "3", 45), ("EIO=3", "2", 46)] {
        let mut target = Target::new();
        engine(&mut target, |engine| engine.with_allow_eio3(true));
        let query = format!("{query}&transport=websocket");
        let head = RequestHead::new("GET", "/socket.io/", &query).with_upgrade();
        target.server.handle_upgrade(ATTACKER, &head, target.now);
        target.drain();
        if heartbeat == "3" {
            target.text(ATTACKER, "40");
        }
        target.writes = false;
        let socket = target.sockets[0];
        let kilobyte = "x".repeat(1_000);
        let event = Payload::event("news").arg(&kilobyte);
        let event = event.build().unwrap();
        let mut lasted = 0;
        cost(&mut target, |target| {
            while target.server.emit(socket, &event, Instant::ZERO).is_ok() {}
            while target.sessions() > 0 && lasted < 86_400 {
                lasted += 1;
                target.pass(Duration::from_secs(1));
                target.text(ATTACKER, heartbeat);
            }
        });
        println!("over after {lasted} s");
        assert_eq!(lasted, most);
        assert_eq!(target.server.engine().bytes_held(), 0);
    }
}

/// Requests of pages that are not served cost nothing beyond their answers: no session, no stream and no question to the
/// application.
#[test]
fn a_flood_of_requests_of_foreign_pages_leaves_nothing() {
    let mut target = Target::new();
    engine(&mut target, |engine| {
        let transports = engine.transports.with(Transport::WebTransport);
        let origin = Origin::parse("https://app.example").unwrap();
        engine
            .with_transports(transports)
            .with_origins(Origins::same_host().with(origin))
            .with_allow_request(true)
            .with_allow_jsonp(true)
            .with_allow_eio3(true)
    });
    let polling = target.polling_of(b"https://app.example");
    // Slots and trees have their first page.
    target.foreign(&polling);
    let before = target.server.bytes_held();
    let info = measure(|| {
        for _ in 0..4_000 {
            target.foreign(&polling);
        }
    });
    println!(
        "20,000 requests of a foreign page: {} B left, {} B at most",
        info.bytes_current, info.bytes_max
    );
    assert_eq!(info.bytes_current, 0);
    assert!(info.bytes_max < KIB, "{}", info.bytes_max);
    assert_eq!(target.server.bytes_held(), before);
    let refused = target.server.stats().refused;
    assert_eq!(refused.foreign_origin, 5 * 4_001);
    assert_eq!(target.sessions(), 1);
    assert_eq!(target.server.engine().pending_handshakes(), 0);
    assert_eq!(target.server.engine().pending_streams(), 0);
}

/// The CORS headers of the answer are stored for each held poll, as a number.
#[test]
fn polls_that_are_held_for_other_origins_cost_little_more() {
    let held = |origins: Origins| {
        let mut target = Target::new();
        engine(&mut target, |engine| engine.with_origins(origins));
        for _ in 0..1_000 {
            target.polling("EIO=4");
        }
        let sessions = target.server.engine().sessions();
        let queries: Vec<_> = sessions
            .map(|(_, session)| format!("EIO=4&transport=polling&sid={}", session.sid().as_str()))
            .collect();
        let counted = target.server.bytes_held();
        let info = measure(|| {
            for query in &queries {
                target.request("GET", query, Bytes::new());
            }
        });
        let counted = target.server.bytes_held() - counted;
        (info.bytes_current, i64::try_from(counted).unwrap())
    };
    let (alone, _) = held(Origins::same_host());
    let (shared, counted) = held(Origins::any());
    println!("1,000 held polls: {alone} B, {shared} B where other origins are served");
    assert!(alone < shared && shared - alone < 80 * 1_000);
    assert!((shared..=2 * shared).contains(&counted), "{counted}");
}

impl Target {
    /// Opens a session for a page, with the application's consent, and gives the query of its requests.
    fn polling_of(&mut self, origin: &[u8]) -> String {
        let query = "EIO=4&transport=polling";
        let head = RequestHead::new("GET", "/socket.io/", query).with_origin(origin);
        self.requests += 1;
        let id = RequestId(self.requests);
        self.server
            .handle_request(id, &head, Bytes::new(), self.now);
        let mut asked = None;
        while let Some(output) = self.server.poll_output() {
            if let Output::Event(Event::Handshake { token, .. }) = output {
                asked = Some(token);
            }
        }
        self.server
            .accept_handshake(asked.unwrap(), self.now)
            .unwrap();
        self.drain();
        format!("{query}&sid={}", sid(self))
    }

    /// Five requests of a page that is not served: a handshake over each transport, and two of a session that it
    /// cannot know.
    fn foreign(&mut self, polling: &str) {
        const EVIL: &[u8] = b"https://evil.example";
        let jsonp = "EIO=3&transport=polling&j=0";
        for (method, query) in [("GET", jsonp), ("GET", polling), ("POST", polling)] {
            self.requests += 1;
            let id = RequestId(self.requests);
            let head = RequestHead::new(method, "/socket.io/", query).with_origin(EVIL);
            self.server.handle_request_begun(id, &head, self.now);
            if method == "GET" {
                self.server
                    .handle_request(id, &head, Bytes::new(), self.now);
            }
            self.drain();
            assert_eq!(self.statuses.pop(), Some(403));
        }
        let id = ConnectionId(self.requests);
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(id, &head.with_upgrade().with_origin(EVIL), self.now);
        self.server
            .handle_webtransport(id, &CONNECT.with_origin(EVIL), self.now);
        self.drain();
    }
}
