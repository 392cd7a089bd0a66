//! Counters and gauges of a server.

use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, SlowReader};
use engineio_proto::{ConnectionId, Encoded, Message, RequestId, Transport};

use super::gate::Gate;

#[test]
fn everything_is_counted_once() {
    let mut gate = Gate::new(Config::default());
    gate.open(1);
    gate.connect(2);
    gate.drain();
    assert_eq!(gate.server.stats().opened.polling, 1);
    assert_eq!(gate.server.stats().opened.websocket, 1);
    gate.post(3, 0, "4abc\x1ebAQID");
    gate.frame(2, "4é");
    gate.send(0, "four");
    gate.send(1, "sixsix");
    let volatile = [Encoded::new(&Message::text("v"))];
    assert!(!gate.server.send_volatile(gate.sessions[0], &volatile));
    gate.drain();
    gate.get(4, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA");
    gate.drain();
    let stats = *gate.server.stats();
    assert_eq!((stats.requests, stats.upgrade_requests), (3, 1));
    assert_eq!((stats.messages_in, stats.bytes_in), (3, 8));
    assert_eq!((stats.messages_out, stats.bytes_out), (2, 10));
    assert_eq!((stats.frames_in, stats.frames_out), (1, 2));
    assert_eq!((stats.dropped, stats.full), (1, 0));
    assert_eq!(stats.refused.unknown_sid, 1);
    let polling = gate.server.session(gate.sessions[0]).unwrap();
    assert_eq!(polling.buffered().bytes, 4);
    assert_eq!(gate.server.bytes_held(), polling.bytes_held());
    gate.frame(2, "1");
    gate.post(5, 0, "!");
    gate.drain();
    let closed = gate.server.stats().closed;
    assert_eq!(
        (closed.transport_close, closed.parse_error, closed.total()),
        (1, 1, 2)
    );
    assert_eq!(gate.server.bytes_held(), 0);
}

#[test]
fn a_request_is_counted_once_whether_its_body_was_too_large_or_it_was_refused_before() {
    let mut gate = Gate::new(Config::default());
    gate.open(1);
    gate.drain();
    let query = gate.query(0);
    for (id, query) in [(2, &*query), (3, "EIO=4&transport=pigeon")] {
        let head = RequestHead::new("POST", "/engine.io/", query);
        gate.server
            .handle_request_begun(RequestId(id), &head, gate.now);
        gate.server
            .handle_request_too_large(RequestId(id), gate.now);
    }
    assert_eq!(gate.server.stats().requests, 3);
    gate.drain();
}

#[test]
fn what_a_layer_above_forgets_is_counted_by_it() {
    let mut gate = Gate::new(Config::default());
    for (count, sum) in [(0, 0), (3, 3), (4, 7)] {
        gate.server.note_forgotten(count);
        assert_eq!(gate.server.stats().forgotten_by_memory_limit, sum);
    }
}

#[test]
fn the_initial_packet_is_held_until_it_leaves() {
    let mut gate = Gate::new(Config::default().with_initial_packet(Message::text("welcome")));
    gate.open(1);
    gate.drain();
    gate.send(0, "four");
    let before = gate.server.bytes_held();
    gate.connect(2);
    assert!(gate.server.bytes_held() > before + "welcome".len());
    gate.drain();
    assert_eq!(gate.server.bytes_held(), before);
}

#[test]
fn sessions_are_counted_by_the_transport_that_they_are_on() {
    let mut gate = Gate::new(Config::default());
    gate.open(1);
    gate.open(2);
    gate.connect(3);
    gate.drain();
    let on = |gate: &Gate| {
        [Transport::Polling, Transport::WebSocket].map(|on| gate.server.sessions_on(on))
    };
    assert_eq!(on(&gate), [2, 1]);
    let sid = gate.server.session(gate.sessions[0]).unwrap().sid();
    let query = format!("EIO=4&transport=websocket&sid={}", sid.as_str());
    let head = RequestHead::new("GET", "/engine.io/", &query);
    gate.server.handle_upgrade(ConnectionId(4), &head, gate.now);
    gate.frame(4, "2probe");
    gate.frame(4, "5");
    gate.drain();
    assert_eq!(on(&gate), [1, 2]);
    assert_eq!(gate.server.stats().upgraded, 1);
    gate.frame(4, "1");
    gate.frame(3, "1");
    assert_eq!(on(&gate), [1, 0], "before the application was told");
    gate.server.discard(gate.sessions[1]);
    assert_eq!(on(&gate), [0, 0]);
    gate.drain();
}

#[test]
fn a_slow_reader_is_refused_more_or_loses_its_session() {
    let small = Config::default().with_max_buffered(4, 100);
    let mut gate = Gate::new(small.clone());
    gate.open(1);
    gate.drain();
    assert!(gate.send(0, "four"));
    assert!(!gate.send(0, "x"));
    assert_eq!(gate.drain(), [""; 0], "by default it stays");
    assert_eq!(gate.server.stats().full, 1);

    let mut gate = Gate::new(small.with_slow_reader(SlowReader::Close));
    gate.open(1);
    gate.connect(2);
    gate.drain();
    for session in 0..2 {
        assert!(gate.send(session, "four"), "at the limit");
        assert!(!gate.send(session, "x"), "beyond it");
        assert!(!gate.send(session, "x"), "it is closed");
    }
    assert_eq!(
        gate.drain(),
        [
            "c2 < 4four",
            "c2 close",
            "s0 closed: transport error",
            "s1 closed: transport error"
        ]
    );
    assert_eq!((gate.server.stats().full, gate.server.bytes_held()), (2, 0));
}
