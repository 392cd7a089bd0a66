//! Sessions over WebTransport: opened there, or moved there from polling.

use core::time::Duration;
use std::sync::Arc;

use engineio_proto::codec::DecodeError;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Admission, Config, Handshake, Output, Session, Timer};
use engineio_proto::{ConnectionId, Instant, Sid, Transport, Transports};

use super::gate::Gate;
use crate::support::{Net, Number, both};

fn config() -> Config {
    let transports = Transports::default().with(Transport::WebTransport);
    Config::default().with_transports(transports)
}

/// A session on polling, with a WebTransport stream as probe beside it.
fn probing(net: &mut Net) -> (usize, Number) {
    let session = net.open_polling();
    let connection = net.probe_webtransport(session);
    assert_eq!(net.drain(), [format!("c{connection} accept")]);
    (session, connection)
}

/// First frames that do not open a stream: other packets, and those that name no session which could upgrade.
const INVALID: [&str; 11] = [
    "",
    "x",
    "1",
    "2probe",
    "4hello",
    "0{",
    "0{}",
    "0null",
    r#"0{"sid":1}"#,
    r#"0{"sid":"__proto__"}"#,
    r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#,
];

#[test]
fn a_stream_opens_a_session_with_its_first_frame() {
    both(config(), |net| {
        let connection = net.webtransport();
        assert_eq!(net.drain(), ["c0 accept"]);
        net.advance(9_999);
        net.text(connection, "0");
        assert_eq!(
            net.drain_whole(),
            [
                r#"c0 < 0{"sid":"SID0","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
                "s0 opened by c0"
            ]
        );
        assert_eq!(net.session(0).transport(), Transport::WebTransport);
        net.text(connection, "4hello");
        net.binary(connection, &[1, 2]);
        net.text(connection, "bAQI=");
        net.send(0, "hi").unwrap();
        net.send_binary(0, &[3]).unwrap();
        net.send_binary(0, &[]).unwrap();
        assert_eq!(
            net.drain(),
            [
                "c0 < 4hi",
                "c0 < b\"\\x03\"",
                "c0 < b\"\"",
                "s0 text hello",
                "s0 binary b\"\\x01\\x02\"",
                "s0 binary b\"\\x01\\x02\""
            ]
        );
    });
}

#[test]
fn what_comes_right_behind_the_first_frame_counts() {
    both(config(), |net| {
        let connection = net.webtransport();
        net.text(connection, "0");
        net.text(connection, "4hello");
        assert_eq!(
            net.drain(),
            ["c0 accept", "c0 < 0{…}", "s0 opened by c0", "s0 text hello"]
        );
    });
}

#[test]
fn the_heartbeat_is_that_of_any_session() {
    both(config(), |net| {
        let (_, connection) = net.open_webtransport();
        net.advance(25_000);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.text(connection, "3");
        net.advance(25_000);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.advance(19_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
    });
}

#[test]
fn either_side_may_close() {
    both(config(), |net| {
        let (session, connection) = net.open_webtransport();
        net.send(session, "last").unwrap();
        net.close(session);
        assert_eq!(
            net.drain(),
            [
                format!("c{connection} < 4last"),
                format!("c{connection} close"),
                format!("s{session} closed: forced close")
            ]
        );
        let (session, connection) = net.open_webtransport();
        net.disconnect(connection);
        assert_eq!(net.drain(), [format!("s{session} closed: transport close")]);
        let (session, connection) = net.open_webtransport();
        net.fail(connection);
        assert_eq!(
            net.drain(),
            [format!(
                "s{session} closed: transport error (connection error)"
            )]
        );
        let (session, connection) = net.open_webtransport();
        net.text(connection, "1");
        assert_eq!(
            net.drain(),
            [
                format!("c{connection} close"),
                format!("s{session} closed: transport close")
            ]
        );
    });
}

#[test]
fn bytes_that_are_no_frame_end_the_session() {
    both(config(), |net| {
        let (_, connection) = net.open_webtransport();
        net.bad_frame(connection, DecodeError::Empty);
        assert_eq!(
            net.drain(),
            ["c0 close", "s0 closed: parse error (empty packet)"]
        );
        net.bad_frame(connection, DecodeError::Empty);
    });
}

#[test]
fn a_stream_that_says_nothing_is_closed_at_the_upgrade_timeout() {
    both(config(), |net| {
        net.webtransport();
        assert_eq!(net.drain(), ["c0 accept"]);
        net.advance(9_999);
        assert_eq!((net.drain(), net.due_in()), (vec![], Some(1)));
        net.advance(1);
        assert_eq!((net.drain(), net.due_in()), (vec!["c0 close".into()], None));
        net.text(0, "0");
    });
}

#[test]
fn a_stream_that_does_not_begin_as_it_must_is_closed() {
    for first in INVALID {
        both(config(), |net| {
            let connection = net.webtransport();
            net.text(connection, first);
            assert_eq!(net.drain(), ["c0 accept", "c0 close"], "{first}");
            net.text(connection, "0");
            assert_eq!((net.drain(), net.due_in()), (vec![], None));
        });
    }
    both(config(), |net| {
        let connection = net.webtransport();
        net.binary(connection, b"0");
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
        let connection = net.webtransport();
        net.bad_frame(connection, DecodeError::Utf8);
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
    });
}

#[test]
fn a_stream_that_goes_away_before_it_said_anything_is_forgotten() {
    both(config(), |net| {
        let connection = net.webtransport();
        net.disconnect(connection);
        let connection = net.webtransport();
        net.fail(connection);
        assert_eq!(net.drain(), ["c0 accept", "c1 accept"]);
        assert_eq!(net.due_in(), None);
    });
}

#[test]
fn streams_that_say_nothing_are_counted_to_the_limit() {
    both(config().with_max_pending_streams(2), |net| {
        net.webtransport();
        net.webtransport();
        net.webtransport();
        assert_eq!(net.drain(), ["c0 accept", "c1 accept", "c2 refuse 503 "]);
        net.text(0, "0");
        net.disconnect(1);
        net.webtransport();
        net.webtransport();
        net.webtransport();
        assert_eq!(
            net.drain(),
            [
                "c3 accept",
                "c4 accept",
                "c5 refuse 503 ",
                "c0 < 0{…}",
                "s0 opened by c0"
            ]
        );
        net.advance(10_000);
        assert_eq!(net.drain(), ["c3 close", "c4 close"]);
    });
}

#[test]
fn a_session_beyond_the_limit_is_not_opened() {
    both(config().with_max_sessions(1), |net| {
        net.open_webtransport();
        let connection = net.webtransport();
        net.text(connection, "0");
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
    });
}

#[test]
fn it_is_refused_unless_it_is_among_the_transports() {
    both(Config::default(), |net| {
        net.webtransport();
        assert_eq!(net.drain(), ["c0 refuse 400 Transport unknown"]);
        net.text(0, "0");
    });
}

#[test]
fn a_request_with_a_query_is_none_of_webtransport() {
    both(config(), |net| {
        net.get("EIO=4&transport=webtransport");
        net.connect("EIO=4&transport=webtransport");
        assert_eq!(
            net.drain(),
            [
                r#"r0 400 {"code":0,"message":"Transport unknown"}"#,
                "c0 refuse 400 Transport unknown"
            ]
        );
    });
}

#[test]
fn it_is_offered_behind_the_websocket() {
    let without_websocket = Transports::NONE
        .with(Transport::Polling)
        .with(Transport::WebTransport);
    for (config, upgrades) in [
        (config(), r#"["websocket","webtransport"]"#),
        (Config::default(), r#"["websocket"]"#),
        (
            Config::default().with_transports(without_websocket),
            r#"["webtransport"]"#,
        ),
        (config().with_allow_upgrades(false), "[]"),
    ] {
        both(config, |net| {
            net.get("EIO=4&transport=polling");
            let handshake = net.drain_whole().swap_remove(0);
            let offered = format!("\"upgrades\":{upgrades},");
            assert!(handshake.contains(&offered), "{handshake}");
        });
    }
}

#[test]
fn a_session_moves_from_polling() {
    both(config(), |net| {
        let (session, connection) = probing(net);
        net.poll(session);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["r1 200 6", "c0 < 3probe"]);
        net.send(session, "waits").unwrap();
        net.poll(session);
        net.send(session, "moves").unwrap();
        assert_eq!(net.drain(), ["r2 200 4waits"]);
        net.text(connection, "5");
        net.text(connection, "4hello");
        assert_eq!(
            net.drain(),
            [
                "c0 < 4moves",
                "s0 upgraded to webtransport",
                "s0 text hello"
            ]
        );
        assert_eq!(net.session(session).transport(), Transport::WebTransport);
        net.poll(session);
        assert_eq!(
            net.drain(),
            [r#"r3 400 {"code":3,"message":"Bad request"}"#]
        );
    });
}

#[test]
fn another_packet_on_the_probe_or_none_in_time_leaves_the_session_on_polling() {
    both(config(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "4hello");
        assert_eq!(net.drain(), ["c0 close"]);
        let connection = net.probe_webtransport(session);
        net.bad_frame(connection, DecodeError::Empty);
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
        let connection = net.probe_webtransport(session);
        net.disconnect(connection);
        net.probe_webtransport(session);
        assert_eq!(net.drain(), ["c2 accept", "c3 accept"]);
        assert_eq!(
            net.session(session).next_timer(),
            Some((Timer::Upgrade, net.now + Duration::from_secs(10)))
        );
        net.advance(10_000);
        assert_eq!(net.drain(), ["c3 close"]);
        net.upgrade(session);
    });
}

#[test]
fn a_session_has_one_probe_at_a_time_and_moves_once() {
    both(config(), |net| {
        let (session, connection) = probing(net);
        net.probe_webtransport(session);
        net.probe(session);
        assert_eq!(
            net.drain(),
            ["c1 accept", "c1 close", "c2 accept", "c2 close"]
        );
        net.text(connection, "5");
        assert_eq!(net.drain(), ["s0 upgraded to webtransport"]);
        net.probe_webtransport(session);
        net.probe(session);
        assert_eq!(
            net.drain(),
            ["c3 accept", "c3 close", "c4 accept", "c4 close"]
        );
        let (session, _) = net.open_webtransport();
        net.probe_webtransport(session);
        assert_eq!(net.drain(), ["c6 accept", "c6 close"]);
        let (session, _) = net.open_websocket();
        net.probe_webtransport(session);
        assert_eq!(net.drain(), ["c8 accept", "c8 close"]);
    });
}

#[test]
fn without_upgrades_sessions_open_and_do_not_move() {
    both(config().with_allow_upgrades(false), |net| {
        let session = net.open_polling();
        net.probe_webtransport(session);
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
        net.open_webtransport();
    });
}

#[test]
fn a_session_of_revision_3_is_not_offered_it_and_does_not_move_there() {
    both(config().with_allow_eio3(true), |net| {
        net.get("EIO=3&transport=polling");
        let handshake = net.drain_whole().swap_remove(0);
        assert!(handshake.contains(r#""upgrades":["websocket"],"#));
        net.probe_webtransport(0);
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
        assert!(net.session(0).is_open());
    });
}

#[test]
fn a_frame_is_measured_to_the_limit() {
    both(config().with_max_payload(6), |net| {
        let (_, connection) = net.open_webtransport();
        net.text(connection, "412345");
        net.text(connection, "4123456");
        assert_eq!(
            net.drain(),
            [
                "c0 close",
                "s0 text 12345",
                "s0 closed: transport error (max payload size exceeded)"
            ]
        );
    });
}

#[test]
fn the_first_frame_is_measured_to_the_limit_too() {
    // With the id of a session it has 31 bytes.
    for (limit, expected) in [(31, &["c0 accept"][..]), (30, &["c0 accept", "c0 close"])] {
        both(config().with_max_payload(limit), |net| {
            let session = net.open_polling();
            net.probe_webtransport(session);
            assert_eq!(net.drain(), expected, "{limit}");
        });
    }
}

fn gate() -> Gate {
    Gate::new(config().with_allow_request(true).with_report_refusals(true))
}

impl Gate {
    /// Asks for a WebTransport session and opens its stream with a frame.
    fn stream(&mut self, id: u64, first: &'static str) {
        let head = RequestHead::new("CONNECT", "/engine.io/", "");
        self.server
            .handle_webtransport(ConnectionId(id), &head, self.now);
        self.frame(id, first);
    }
}

#[test]
fn the_application_decides_on_a_stream_too() {
    let mut gate = gate();
    gate.stream(1, "0");
    assert_eq!(gate.drain(), ["c1 accept", "c1 wants in"]);
    assert!(!gate.server.wants_read(ConnectionId(1)));
    gate.accept().unwrap();
    assert!(gate.server.wants_read(ConnectionId(1)));
    assert_eq!(gate.drain(), ["c1 < open", "s0 opened by c1"]);
    gate.stream(2, "0");
    gate.drain();
    gate.reject(Some("no")).unwrap();
    assert_eq!(gate.drain(), ["c2 close", "c2 refused: Forbidden"]);
    gate.stream(3, "0");
    gate.drain();
    gate.advance(20_000);
    assert_eq!(gate.drain(), ["c3 close", "c3 refused: Forbidden"]);
    assert!(gate.accept().is_err());
}

#[test]
fn who_speaks_before_the_application_decided_is_closed() {
    let mut gate = gate();
    gate.stream(1, "0");
    gate.frame(1, "4hello");
    assert_eq!(
        gate.drain(),
        [
            "c1 accept",
            "c1 close",
            "c1 wants in",
            "c1 refused: Bad request"
        ]
    );
    assert!(gate.accept().is_err());
    gate.stream(2, "0");
    let id = ConnectionId(2);
    gate.server
        .handle_bad_frame(id, DecodeError::Empty, gate.now);
    assert_eq!(
        gate.drain(),
        [
            "c2 accept",
            "c2 close",
            "c2 wants in",
            "c2 refused: Bad request"
        ]
    );
    assert!(gate.accept().is_err());
}

#[test]
fn a_server_that_shuts_down_opens_no_session_on_a_stream() {
    let mut gate = gate();
    gate.stream(1, "0");
    gate.drain();
    gate.server.set_admission(Admission::Closed);
    gate.stream(2, "0");
    assert_eq!(
        gate.drain(),
        [
            "c1 close",
            "c2 accept",
            "c2 close",
            "c1 refused: shutting down",
            "c2 refused: shutting down"
        ]
    );
}

#[test]
fn streams_are_counted() {
    let mut gate = Gate::new(config().with_report_refusals(true));
    gate.stream(1, "0");
    gate.stream(2, "4");
    gate.stream(3, r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#);
    let head = RequestHead::new("CONNECT", "/engine.io/", "");
    gate.server
        .handle_webtransport(ConnectionId(4), &head, gate.now);
    assert_eq!(gate.server.pending_streams(), 1);
    gate.drain();
    let stats = *gate.server.stats();
    assert_eq!(
        (stats.webtransport_requests, stats.upgrade_requests),
        (4, 0)
    );
    assert_eq!((stats.opened.webtransport, stats.opened.websocket), (1, 0));
    assert_eq!(
        (stats.refused.bad_request, stats.refused.unknown_sid),
        (1, 1)
    );
    assert_eq!(gate.server.sessions_on(Transport::WebTransport), 1);
    gate.frame(1, "1");
    gate.drain();
    assert_eq!(gate.server.sessions_on(Transport::WebTransport), 0);
    assert_eq!(gate.server.stats().closed.transport_close, 1);
}

/// A WebSocket is still to be answered; a stream has been accepted already.
#[test]
fn a_session_that_is_over_refuses_a_websocket_and_closes_a_stream() {
    let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").unwrap();
    let handshake = Handshake::new(Transport::Polling);
    let (id, now) = (ConnectionId(1), Instant::ZERO);
    for stream in [true, false] {
        let mut session = Session::open(Arc::new(config()), sid, &handshake, now).unwrap();
        session.discard();
        while session.poll_output().is_some() {}
        if stream {
            session.handle_webtransport(id, now);
        } else {
            session.handle_connection(id, now);
        }
        match session.poll_output() {
            Some(Output::Close { connection }) if stream => assert_eq!(connection, id),
            Some(Output::Refuse { response, .. }) if !stream => assert_eq!(response.status, 400),
            other => panic!("{other:?}"),
        }
        assert!(session.poll_output().is_none());
    }
}
