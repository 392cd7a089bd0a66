//! Handshakes that the application decides on, draining, counters and hints.

use std::time::Duration;

use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{Config as EngineConfig, Output};
use socketio_proto::engine::{ConnectionId, Frame, Transport, Transports};
use socketio_proto::server::{Admission, Config, Event, Parting, Target};

use socketio_proto::parser::Parser;

use crate::support::{Net, config, event, run, run_with};

fn asking() -> Config {
    let engine = EngineConfig::default()
        .with_ping_interval(Duration::from_secs(3_600))
        .with_allow_request(true)
        .with_report_refusals(true);
    Config::default().with_engine(engine)
}

/// The request for a WebTransport session.
const CONNECT: RequestHead<'static> = RequestHead::new("CONNECT", "/socket.io/", "");

#[test]
fn the_application_decides_on_handshakes() {
    run_with(asking(), |net| {
        let client = net.ask_for_session();
        assert_eq!(net.drain(), ["c0 wants in"]);
        let token = net.handshakes.pop_front().unwrap();
        let session = net.server.accept_handshake(token, net.now).unwrap();
        assert_eq!(net.drain(), ["c0 opened"]);
        assert_eq!(net.session(client), session);
        net.text(client, "0");
        net.accept_after_events();
    });
}

#[test]
fn a_webtransport_stream_is_not_read_while_the_application_decides_on_its_handshake() {
    let mut config = asking();
    config.engine.transports = Transports::default().with(Transport::WebTransport);
    run_with(config, |net| {
        let stream = ConnectionId(1_000);
        net.server.handle_webtransport(stream, &CONNECT, net.now);
        assert!(net.server.wants_read(stream), "for its first frame");
        net.server
            .handle_frame(stream, Frame::Text("0".into()), net.now);
        assert!(!net.server.wants_read(stream));
        let token = loop {
            let output = net.server.poll_output().expect("a handshake");
            if let Output::Event(Event::Handshake { token, .. }) = output {
                break token;
            }
        };
        assert!(!net.server.wants_read(stream));
        net.server.accept_handshake(token, net.now).unwrap();
        assert!(net.server.wants_read(stream));
        while net.server.poll_output().is_some() {}
        net.server.handle_connection_closed(stream, net.now);
        while net.server.poll_output().is_some() {}
    });
}

#[test]
fn a_handshake_that_is_rejected_is_refused_and_told() {
    run_with(asking(), |net| {
        net.ask_for_session();
        net.drain();
        let token = net.handshakes.pop_front().unwrap();
        net.server.reject_handshake(token, Some("no")).unwrap();
        assert_eq!(net.drain(), ["c0 get 403", "c0 refused: Forbidden"]);
        net.ask_for_session();
        net.drain();
        net.advance(20_000);
        assert_eq!(net.drain(), ["c1 get 403", "c1 refused: Forbidden"]);
        let token = net.handshakes.pop_front().unwrap();
        assert!(net.server.accept_handshake(token, net.now).is_err());
    });
}

#[test]
fn draining_delivers_what_is_queued_and_tells_the_clients() {
    run(|net| {
        let (on_websocket, first) = net.joined(&["/"]);
        let on_polling = net.polling();
        let second = net.join(on_polling, "/");
        for socket in [first, second] {
            net.emit(socket, r#"["last"]"#).unwrap();
        }
        net.server
            .drain(Parting::StayAway, Duration::from_secs(5), net.now);
        let lines = net.drain();
        assert_eq!(
            lines,
            [
                r#"c0 < 42["last"]"#,
                "c0 < 41",
                "c0 closed by the server",
                "$0 disconnected: server shutting down",
                "$1 disconnected: server shutting down",
                "c0 closed: forced close",
            ]
        );
        assert!(net.is_closed(on_websocket));
        net.poll(on_polling);
        assert_eq!(net.drain(), [r#"c1 < 42["last"]|41"#]);
        net.poll(on_polling);
        assert_eq!(net.drain(), ["c1 < 6|1", "c1 closed: forced close"]);
        assert_eq!(net.server.poll_timeout(), None, "nothing is waited for");
    });
}

#[test]
fn draining_without_telling_lets_clients_reconnect() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.server
            .drain(Parting::Reconnect, Duration::from_secs(5), net.now);
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                "$0 disconnected: server shutting down",
                "c0 closed: forced close"
            ]
        );
        assert!(net.is_closed(client));
        net.ask_for_session();
        assert_eq!(net.drain(), ["c1 get 503"], "but not to this server");
        net.server.set_admission(Admission::Open);
        net.polling();
    });
}

#[test]
fn who_does_not_read_is_dropped_at_the_end_of_the_time_for_draining() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        net.emit(socket, r#"["last"]"#).unwrap();
        net.text(client, r#"2["a"]"#);
        net.server
            .drain(Parting::StayAway, Duration::from_secs(5), net.now);
        net.text(client, r#"2["too late"]"#);
        assert_eq!(
            net.drain(),
            [r#"$0 event ["a"]"#, "$0 disconnected: server shutting down"]
        );
        net.advance(4_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 closed: forced close"]);
    });
}

#[test]
fn who_waits_for_a_verdict_goes_with_the_others() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        net.server
            .drain(Parting::StayAway, Duration::from_secs(5), net.now);
        assert_eq!(
            net.drain(),
            ["c0 closed by the server", "c0 closed: forced close"]
        );
        assert!(net.accept().is_err());
    });
}

#[test]
fn the_counters_are_those_of_the_server_below() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["a"]"#).unwrap();
        net.text(client, r#"2["b"]"#);
        net.drain();
        let stats = net.server.stats();
        assert_eq!(
            (stats.messages_in, stats.messages_out),
            (2, 2),
            "with the CONNECT"
        );
        assert_eq!(stats.opened.websocket, 1);
    });
}

/// Whether each frame that waits for a client may be compressed.
fn hints(net: &mut Net, connection: u64) -> Vec<bool> {
    std::iter::from_fn(|| net.server.poll_frame_with_hint(ConnectionId(connection)))
        .inspect(|(frame, _)| assert!(!matches!(frame, Frame::Text(text) if text.is_empty())))
        .map(|(_, compress)| compress)
        .collect()
}

#[test]
fn compression_is_on_unless_an_event_says_otherwise() {
    run_with(config(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.stall(client);
        let key = net.key(socket);
        let payload = event(r#"["a"]"#);
        net.server.emit(key, &payload, net.now).unwrap();
        assert_eq!(hints(net, 0), [true]);
        let payload = payload.uncompressed();
        net.server.emit(key, &payload, net.now).unwrap();
        net.server
            .broadcast(&Target::namespace("/"), &payload, net.now)
            .unwrap();
        assert_eq!(hints(net, 0), [false, false]);
        let binary = socketio_proto::Payload::event("b")
            .binary(vec![1])
            .build()
            .unwrap();
        net.server
            .emit(key, &binary.uncompressed(), net.now)
            .unwrap();
        // The text and its attachment, which MessagePack has in one message.
        let parts = match crate::PARSER {
            Parser::MsgPack => 1,
            Parser::Json | _ => 2,
        };
        assert_eq!(hints(net, 0), vec![false; parts]);
        net.drain();
    });
}
