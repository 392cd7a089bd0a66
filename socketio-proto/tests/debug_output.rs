//! `Debug` output of servers and clients that hold secrets: it shows none of them.
#![cfg(test)]

#[path = "../../engineio-proto/tests/support/shown.rs"]
mod shown;

use socketio_proto::client::{self, SocketOptions};
use socketio_proto::engine::client as engine_client;
use socketio_proto::engine::http::{Answer, RequestHead};
use socketio_proto::engine::server as engine_server;
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ConnectionId, Encoded, Frame, Instant, Message, Seed};
use socketio_proto::engine::{Revision, Transport};
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::server::{
    self, Matcher, Peer, RecoveryConfig, RecoveryStorage, SocketId, Target,
};
use socketio_proto::{Packet, PacketRef, PacketType, Payload, ReadError, Rooms};

use shown::{Shown, member};

const NOW: Instant = Instant::ZERO;

fn upgrade(query: &str) -> RequestHead<'_> {
    let mut head = RequestHead::new("GET", "/", query);
    head.upgrade = true;
    head
}

fn text(frame: Option<Frame>) -> String {
    match frame {
        Some(Frame::Text(text)) => text.to_string(),
        other => panic!("{other:-?}"),
    }
}

#[test]
fn a_socket_io_server_shows_neither_auth_nor_pid() {
    for parser in [Parser::Json, Parser::MsgPack] {
        let mut shown = Shown::default();
        shown.secret("auth-secret");
        let config = server::Config::default()
            .with_parser(parser)
            .with_connection_state_recovery(Some(RecoveryConfig::default()));
        shown.add(&config);
        let mut server = server::Server::new(config, 0, &Seed::new([1; 32])).unwrap();
        let id = ConnectionId(1);
        server.handle_upgrade(id, &upgrade("EIO=4&transport=websocket"), NOW);
        let auth = Payload::from_json(PacketType::Connect, r#"{"token":"auth-secret"}"#, vec![]);
        let auth = auth.unwrap();
        shown.add(&auth);
        shown.add(&auth.raw_args());
        let connect = PacketRef::new(PacketType::Connect, "/").with_payload(&auth);
        shown.add(&connect);
        let encoded = parser.encode(connect, 10).unwrap();
        shown.add(&encoded);
        for part in encoded.parts() {
            shown.add(part);
            shown.add(&part.frame());
            shown.add(&part.message());
            server.handle_frame(id, engine_frame(part), NOW);
        }
        shown.add(&server);
        let mut key = None;
        while let Some(output) = server.poll_output() {
            shown.add(&output);
            if let Output::Frames { connection } = output {
                while let Some(frame) = server.poll_frame(connection) {
                    shown.add(&frame);
                    if let Frame::Text(text) = &frame
                        && text.contains("\"pid\"")
                    {
                        shown.secret(&member(text, "pid"));
                    }
                }
            } else if let Output::Event(server::Event::Connecting { token, .. }) = output {
                key = server.accept(token, Instant::ZERO).ok();
            }
        }
        let socket = key.expect("a socket");
        let data = Payload::from_json(PacketType::Connect, r#"{"d":"data-secret"}"#, vec![]);
        shown.secret("data-secret");
        server.set_data(socket, data.ok());
        let event = Payload::event("e").arg("event-secret").build().unwrap();
        shown.secret("event-secret");
        shown.add(&event);
        server.emit(socket, &event, Instant::ZERO).unwrap();
        shown.add(&server);
        server.handle_connection_closed(id, NOW);
        let store = server.recovery_store("/").expect("a store");
        let session = store.sessions().next().expect("a session");
        shown.secret(session.pid.as_str());
        let head: Vec<_> = session
            .pid
            .as_str()
            .bytes()
            .take(8)
            .map(|byte| byte.to_string())
            .collect();
        shown.secret(&head.join(", "));
        shown.add(session);
        shown.add(store);
        shown.add(&store.packets().next());
        shown.add(&server);
        while let Some(output) = server.poll_output() {
            shown.add(&output);
        }
        shown.check();
    }
}

/// A message as a client writes it.
fn engine_frame(part: &Encoded) -> Frame {
    part.frame()
}

#[test]
fn a_client_shows_no_session_id_cookie_auth_or_token() {
    let mut shown = Shown::default();
    for secret in [
        "query-secret",
        "header-secret",
        "auth-secret",
        "cookie-secret",
        "session-id-1",
        "socket-id-1",
        "persistent-id",
        "own-query-secret",
    ] {
        shown.secret(secret);
    }
    let pairs = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let endpoint = engine_client::Endpoint::parse("http://localhost/?token=query-secret").unwrap();
    shown.add(&endpoint);
    let own = engine_client::TransportOptions::default()
        .with_extra_headers(pairs("x-token", "header-secret"));
    let config = client::Config::new(endpoint).with_engine(|engine| {
        engine
            .with_query(pairs("token", "own-query-secret"))
            .with_extra_headers(pairs("authorization", "header-secret"))
            .with_credentials_sent(true)
            .with_transport_options(Transport::WebSocket, own)
    });
    shown.add(&config);
    shown.add(&config.engine);
    let mut client = client::Client::new(config, &Seed::new([1; 32])).unwrap();
    let auth = Payload::from_json(PacketType::Connect, r#"{"token":"auth-secret"}"#, vec![]);
    let options = SocketOptions::default().with_auth(auth.unwrap());
    shown.add(&options);
    client.connect("/", options, NOW).unwrap();
    let bodies = [
        r#"0{"sid":"session-id-1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#,
        r#"40{"sid":"socket-id-1","pid":"persistent-id"}"#,
        "42[\"e\",\"event-data\",\"offset\"]",
    ];
    let mut bodies = bodies.into_iter();
    let mut rounds = 0;
    while let Some(output) = client.poll_output() {
        rounds += 1;
        assert!(rounds < 100);
        shown.add(&output);
        shown.add(&client);
        if let engine_client::Output::Request { request, message } = output {
            let body = if message.method == "POST" {
                Some("ok")
            } else {
                bodies.next()
            };
            let Some(body) = body else { continue };
            let answer = Answer::new(200, body).with_set_cookie("lb=cookie-secret; Path=/");
            shown.add(&answer);
            client.handle_response(request, answer, NOW);
        } else if let engine_client::Output::Connect { connection, .. } = output {
            client.handle_connected(connection, NOW);
            while let Some(frame) = client.poll_frame(connection) {
                shown.add(&frame);
            }
        }
    }
    shown.add(&client);
    client.close(NOW);
    shown.add(&client);
    while let Some(output) = client.poll_output() {
        shown.add(&output);
    }
    shown.check();
}

#[test]
fn what_is_read_and_half_read_shows_no_content() {
    let mut shown = Shown::default();
    shown.secret("the-secret");
    let bytes: Vec<_> = b"the-secret".iter().map(u8::to_string).collect();
    shown.secret(&bytes.join(", "));
    let mut decoder = Parser::Json
        .decoder(Limits::default())
        .with_revision(Revision::V4);
    let header = r#"52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    decoder.add(Message::text(header)).unwrap();
    decoder.add(Message::binary(&b"the-secret"[..])).unwrap();
    shown.add(&decoder);
    let packet = Packet::new(PacketType::Connect, "/admin?token=the-secret");
    shown.add(&packet);
    let sid = "Secret-VI97HAXpY6yYW";
    shown.secret(&sid[4..]);
    shown.add(&SocketId::parse(sid));
    shown.add(&SocketId::parse(&format!("/admin#{sid}")));

    shown.check();
    assert_eq!(format!("{packet:-?}").matches("the-secret").count(), 1);
}

#[test]
fn all_of_it_is_shown_on_request() {
    let frame = Frame::Text("0{\"sid\":\"s\"}".into());
    assert_eq!(format!("{frame:?}"), "Text(12 bytes)");
    assert_eq!(format!("{frame:-?}"), r#"Text("0{\"sid\":\"s\"}")"#);
    assert_eq!(text(Some(frame)), "0{\"sid\":\"s\"}");
    let payload = Payload::event("e").arg(&1).build().unwrap();
    assert!(format!("{payload:-?}").contains(r#"[\"e\",1]"#));
}

/// Accepts every client that asks for a namespace, or creates the namespace.
fn answer(server: &mut server::Server, event: server::Event) -> Option<server::SocketKey> {
    if let server::Event::Connecting { token, .. } = event {
        return server.accept(token, Instant::ZERO).ok();
    }
    if let server::Event::NamespaceRequested { token, .. } = event {
        server.allow_namespace(token, Instant::ZERO).unwrap();
    }
    None
}

#[test]
fn rooms_that_are_named_after_a_socket_do_not_show_its_id() {
    for revision in ["EIO=4", "EIO=3"] {
        let mut shown = Shown::default();
        let config = server::Config::default()
            .with_engine(engine_server::Config::default().with_allow_eio3(true))
            .with_room_events(true)
            .with_connection_state_recovery(Some(
                RecoveryConfig::default().with_storage(RecoveryStorage::Outside),
            ));
        let mut server = server::Server::new(config, 0, &Seed::new([1; 32])).unwrap();
        server.add_namespace("/admin").unwrap();
        server.add_parent(Matcher::Ask);
        let query = format!("{revision}&transport=websocket");
        let id = ConnectionId(1);
        server.handle_upgrade(id, &upgrade(&query), NOW);
        let packets = ["40", "40/admin", "40/asked?token=query-secret"];
        // Clients of revision 4 are let into `/` without asking.
        for packet in packets.into_iter().skip(usize::from(revision == "EIO=3")) {
            server.handle_frame(id, Frame::Text(packet.into()), NOW);
        }
        shown.secret("query-secret");
        let mut names = Vec::new();
        while let Some(output) = server.poll_output() {
            shown.add(&output);
            let Output::Event(event) = output else {
                continue;
            };
            let Some(socket) = answer(&mut server, event) else {
                continue;
            };
            let name = server.socket_id(socket).unwrap().as_str().to_owned();
            // What the ids have in common is shown: where the slot of the socket is.
            shown.secret(&name[name.len() - 12..]);
            server.join(socket, "chat").unwrap();
            server.join(socket, &format!("{}-{name}", names.len())).ok();
            names.push((socket, name));
            shown.add(&server);
        }
        assert_eq!(names.len(), 3, "{revision}");
        let event = Payload::event("e").build().unwrap();
        for (socket, name) in &names {
            let namespace = if name.starts_with('/') { "/admin" } else { "/" };
            // A room that another socket is in, named after this one.
            server.join(names[0].0, name).unwrap();
            let rooms = [name.as_str()];
            let target = Target::namespace(namespace)
                .rooms(&rooms)
                .except_rooms(&rooms);
            shown.add(&target);
            server.broadcast(&target, &event, Instant::ZERO).unwrap();
            server.emit(*socket, &event, Instant::ZERO).unwrap();
            shown.add(&server);
        }
        server.handle_connection_closed(id, NOW);
        shown.add(&server);
        while let Some(output) = server.poll_output() {
            shown.add(&output);
        }
        shown.check();
    }
}

#[test]
fn what_a_connection_is_asked_shows_no_query() {
    let mut shown = Shown::default();
    shown.secret("query-secret");
    for revision in [Revision::V4, Revision::V3] {
        let limits = Limits::default();
        let mut connection = Peer::new(Parser::Json, limits, 2).with_revision(revision);
        for name in ["/a", "/b", "/c"] {
            let packet = format!("0{name}?token=query-secret,");
            let received = connection.handle_message(Message::text(packet));
            let received = received.unwrap().expect("a request");
            shown.add(&received);
            if let server::Received::Connect { namespace, .. } = received {
                connection.expect(namespace, 1);
            }
            shown.add(&connection);
        }
    }
    let mut rooms = Rooms::new();
    rooms.join(1, "query-secret");
    shown.add(&rooms);
    shown.check();
    assert!(format!("{rooms:-?}").contains("query-secret"));
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts")]
struct Wanted {
    token: u64,
}

#[test]
fn why_something_cannot_be_read_tells_no_content() {
    let mut shown = Shown::default();
    shown.secret("read-secret");
    shown.secret("4815162342");
    let auth = |json: &'static str| Payload::from_json(PacketType::Connect, json, vec![]).unwrap();
    let data = |json: &'static str| auth(json).data::<Wanted>().unwrap_err();
    let map = |json: &'static str| auth(json).data::<std::collections::BTreeMap<String, u8>>();
    let one = |json: &'static str| auth(json).data::<std::collections::BTreeMap<String, Variant>>();
    let errors: Vec<ReadError> = vec![
        data(r#"{"token":"read-secret"}"#),
        data(r#"{"read-secret":1}"#),
        map(r#"{"token":4815162342}"#).unwrap_err(),
        map(r#"{"token":-4815162342}"#).unwrap_err(),
        map(r#"{"token":4815162342.5}"#).unwrap_err(),
        map(r#"{"token":481516234248151623424815162342}"#).unwrap_err(),
        one(r#"{"token":"read-secret"}"#).unwrap_err(),
        one(r#"{"token":{"read-secret":1}}"#).unwrap_err(),
        one(r#"{"token":4815162342}"#).unwrap_err(),
    ];
    for error in errors {
        shown.add(&error);
        shown.add_text(error.to_string());
    }
    shown.check();
}

#[derive(Debug, serde::Deserialize)]
enum Variant {
    A,
}
