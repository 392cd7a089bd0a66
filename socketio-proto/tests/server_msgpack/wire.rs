//! Behaviour of a server that is specific to MessagePack.

use bytes::Bytes;
use socketio_proto::engine::{ConnectionId, Frame};
use socketio_proto::parser::Limits;
use socketio_proto::server::Target;
use socketio_proto::{PacketType, Payload};

use crate::support::{Net, config, event, run, run_with};

/// The frames that wait for a client which was told to stop reading.
fn frames(net: &mut Net, connection: u64) -> Vec<Frame> {
    std::iter::from_fn(|| net.server.poll_frame(ConnectionId(connection))).collect()
}

#[test]
fn a_session_of_the_official_client() {
    run(|net| {
        let client = net.websocket();
        net.stall(client);
        net.binary(client, b"\x83\xa4type\x00\xa4data\xd4\x00\x00\xa3nsp\xa1/");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        let socket = net.accept().unwrap();
        let sid = net.id(socket);
        let answer = [
            &b"\x83\xa4type\x00\xa4data\x81\xa3sid\xb4"[..],
            sid.as_bytes(),
            b"\xa3nsp\xa1/",
        ];
        assert_eq!(frames(net, 0), [Frame::Binary(answer.concat().into())]);
        net.binary(
            client,
            b"\x85\xa4type\x02\xa4data\x93\xa5hello\x81\xa1k\x01\xc4\x03\x01\x02\x03\
              \xa7options\x81\xa8compress\xc3\xa2id\x00\xa3nsp\xa1/",
        );
        let args = r#"[{"k":1},{"_placeholder":true,"num":0}] b"\x01\x02\x03""#;
        assert_eq!(
            net.drain(),
            [format!("$0 event? [\"hello\",{}", &args[1..])]
        );
        let token = net.ack_token().unwrap();
        let reply = Payload::ack()
            .arg("ok")
            .binary(vec![1, 2, 3])
            .build()
            .unwrap();
        net.server.respond(token, &reply).unwrap();
        let answer =
            b"\x84\xa4type\x03\xa2id\x00\xa4data\x92\xa2ok\xc4\x03\x01\x02\x03\xa3nsp\xa1/";
        assert_eq!(frames(net, 0), [Frame::Binary(Bytes::from_static(answer))]);
        net.drain();
    });
}

#[test]
fn a_session_of_the_official_client_of_revision_4() {
    let config = config();
    let engine = config.engine.clone().with_allow_eio3(true);
    run_with(config.with_engine(engine), |net| {
        net.add_namespace("/a");
        let client = net.old_websocket();
        net.stall(client);
        net.accept().unwrap();
        let let_in = b"\x04\x82\xa4type\x00\xa3nsp\xa1/";
        assert_eq!(frames(net, 0), [Frame::Binary(Bytes::from_static(let_in))]);
        net.text(client, r#"{"type":0,"query":"k=v","nsp":"/a?k=v"}"#);
        assert_eq!(net.drain(), [r#"c0 connecting /a {"k":"v"}"#]);
        net.reject("no", Some(r#"{"code":1}"#)).unwrap();
        net.text(client, r#"{"type":0,"nsp":"/b"}"#);
        // It takes a string and nothing else.
        let refusals: [&[u8]; 2] = [
            b"\x04\x83\xa4type\x04\xa4data\xa2no\xa3nsp\xa2/a",
            b"\x04\x83\xa4type\x04\xa4data\xb1Invalid namespace\xa3nsp\xa2/b",
        ];
        let refusals = refusals.map(|bytes| Frame::Binary(Bytes::from_static(bytes)));
        assert_eq!(frames(net, 0), refusals);
        net.binary(
            client,
            b"\x84\xa4type\x05\xa4data\x92\xa5hello\xc4\x01\x07\xa7options\x80\xa3nsp\xa1/",
        );
        let event = r#"$0 event ["hello",{"_placeholder":true,"num":0}] b"\x07""#;
        assert_eq!(net.drain(), [event]);
        net.text(client, r#"{"type":1,"nsp":"/"}"#);
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
    });
}

#[test]
fn text_and_malformed_bytes_close_the_connection() {
    run(|net| {
        let malformed: [&[u8]; 4] = [
            b"",
            b"\xc1",
            b"\x83\xa4type",
            b"\x82\xa4type\x05\xa3nsp\xa1/",
        ];
        for (index, wrong) in [None].into_iter().chain(malformed.map(Some)).enumerate() {
            for client in net.both() {
                let socket = net.join(client, "/");
                match wrong {
                    Some(bytes) => net.binary(client, bytes),
                    None => net.text(client, "2x"),
                }
                let lines = net.drain();
                let reason = format!("${socket} disconnected: forced close (");
                assert!(
                    lines.iter().any(|line| line.starts_with(&reason)),
                    "{index}: {lines:?}"
                );
                if !net.is_closed(client) {
                    // Over polling the client is told with its next poll.
                    net.poll(client);
                    net.drain();
                }
                assert!(net.is_closed(client), "{index}: {lines:?}");
            }
        }
    });
}

/// `false` is one byte, and as a key and a value 14 of JSON.
#[test]
fn events_count_as_what_they_become() {
    let engine = config().engine.with_max_undelivered(5_000, 1_000);
    let config = config()
        .with_engine(engine.with_max_payload(1_000))
        .with_limits(Limits::default().with_max_msgpack_attachments(0));
    run_with(config, |net| {
        let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e\xde\x01\x90";
        let event = [&head[..], &[0xc2; 800]].concat();
        let (client, _) = net.joined(&["/"]);
        net.binary(client, &event);
        assert!(!net.wants_read(client));
        let session = net.session(client);
        assert_eq!(net.server.undelivered(session), (1, 5_607));
        net.binary(client, &event);
        assert_eq!(net.drain().len(), 2, "one more than should be is no fault");
        for _ in 0..3 {
            net.binary(client, &event);
        }
        let lines = net.drain();
        let closed = "$0 disconnected: forced server close (too many undelivered events)";
        assert!(lines.iter().any(|line| line == closed));
    });
}

#[test]
fn a_broadcast_is_encoded_once() {
    run(|net| {
        for _ in 0..3 {
            let (client, _) = net.joined(&["/"]);
            net.stall(client);
        }
        let payload = Payload::event("news").binary(vec![7; 100]).build().unwrap();
        net.server
            .broadcast(&Target::namespace("/"), &payload, net.now)
            .unwrap();
        let mut places = Vec::new();
        for connection in 0..3 {
            let frames = frames(net, connection);
            let [Frame::Binary(data)] = &frames[..] else {
                panic!("{frames:?}");
            };
            places.push(data.as_ptr());
        }
        assert!(places.iter().all(|place| *place == places[0]), "one buffer");
        net.drain();
    });
}

#[test]
fn attachments_are_not_limited_as_in_text() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        let many = (0..100_u8).fold(Payload::event("many"), |payload, byte| {
            payload.binary(vec![byte])
        });
        net.stall(client);
        net.server
            .emit(net.key(socket), &many.build().unwrap(), net.now)
            .unwrap();
        let mut sent = frames(net, 0);
        let Some(Frame::Binary(data)) = sent.pop() else {
            panic!("nothing was sent");
        };
        net.binary(client, &data);
        let lines = net.drain();
        assert!(
            lines[0].starts_with("$0 event [\"many\",{\"_placeholder\":true,\"num\":0},"),
            "{lines:?}"
        );
        assert!(lines[0].ends_with(" b\"c\""), "{lines:?}");
    });
}

#[test]
fn what_is_missing_may_be_nil() {
    run(|net| {
        let client = net.websocket();
        net.binary(
            client,
            b"\x84\xa4type\x00\xa4data\xc0\xa3nsp\xa1/\xa2id\xc0",
        );
        assert_eq!(net.drain(), ["c0 connecting /"]);
        net.accept().unwrap();
        net.drain();
        net.binary(client, b"\x83\xa4type\x01\xa4data\xc0\xa3nsp\xa1/");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
    });
}

#[test]
fn a_namespace_whose_name_has_a_comma_is_refused_as_any_that_does_not_exist() {
    run(|net| {
        let client = net.websocket();
        net.stall(client);
        net.binary(client, b"\x82\xa4type\x00\xa3nsp\xa4/a,b");
        assert_eq!(
            frames(net, 0),
            [Frame::Binary(Bytes::from_static(
                b"\x83\xa4type\x04\xa4data\x81\xa7message\xb1Invalid namespace\xa3nsp\xa4/a,b"
            ))]
        );
        net.drain();
    });
}

#[test]
fn an_authentication_may_have_bytes_in_it() {
    run(|net| {
        let client = net.websocket();
        net.binary(
            client,
            b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa3key\xc4\x02\x01\x02",
        );
        let lines = net.drain();
        assert_eq!(
            lines,
            [r#"c0 connecting / {"key":{"_placeholder":true,"num":0}}"#]
        );
        net.accept_after_events();
        // What looks like one is data, and nobody is closed for it.
        let lookalike = b"\x82\xac_placeholder\xc3\xa3num\x05";
        let packet = [
            &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x93\xa1e"[..],
            lookalike,
            b"\xc4\x01\x09",
        ];
        net.binary(client, &packet.concat());
        let json = r#"["e",{"_placeholder":1,"num":5},{"_placeholder":true,"num":0}]"#;
        assert_eq!(net.drain(), [format!(r#"$0 event {json} b"\t""#)]);
        let received = Payload::from_json(PacketType::Event, json, vec![Bytes::from_static(b"\t")]);
        net.server
            .emit(net.key(0), &received.unwrap(), net.now)
            .unwrap();
        assert_eq!(net.drain().len(), 2);
        net.server
            .emit(net.key(0), &event(r#"["plain"]"#), net.now)
            .unwrap();
        net.drain();
    });
}
