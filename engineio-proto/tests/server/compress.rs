//! The hint whether something is worth compressing, for drivers that do so.

use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Output, Server, ServerEvent};
use engineio_proto::{Bytes, ConnectionId, Encoded, Frame, Instant, Message, RequestId, Seed};

const NOW: Instant = Instant::ZERO;

fn server() -> Server {
    Server::new(Config::default(), 0, &Seed::new([3; 32])).unwrap()
}

fn message(compress: bool) -> Encoded {
    let message = Encoded::new(&Message::text("hi"));
    if compress {
        message
    } else {
        message.uncompressed()
    }
}

#[test]
fn the_answer_of_a_poll_may_be_compressed_unless_all_its_messages_say_no() {
    let mut server = server();
    let open = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
    server.handle_request(RequestId(0), &open, Bytes::new(), NOW);
    let mut session = None;
    while let Some(output) = server.poll_output() {
        if let Output::Respond { response, .. } = &output {
            assert!(response.compress, "the handshake");
        }
        if let Output::Event(ServerEvent::Opened { session: key, .. }) = output {
            session = Some(key);
        }
    }
    let session = session.unwrap();
    let sid = server.session(session).unwrap().sid();
    let query = format!("EIO=4&transport=polling&sid={}", sid.as_str());
    let cases: [(&[bool], bool); 4] = [
        (&[true], true),
        (&[false], false),
        (&[false, false], false),
        (&[false, true], true),
    ];
    for (messages, compress) in cases {
        for &allowed in messages {
            server.send(session, &message(allowed)).unwrap();
        }
        let poll = RequestHead::new("GET", "/engine.io/", &query);
        server.handle_request(RequestId(1), &poll, Bytes::new(), NOW);
        let Some(Output::Respond { response, .. }) = server.poll_output() else {
            panic!("an answer")
        };
        assert_eq!(response.compress, compress, "{messages:?}");
    }
    let post = RequestHead::new("POST", "/engine.io/", &query);
    server.handle_request(RequestId(2), &post, "4x".into(), NOW);
    let Some(Output::Respond { response, .. }) = server.poll_output() else {
        panic!("an answer")
    };
    assert!(!response.compress, "there is nothing in it");
}

#[test]
fn a_frame_may_be_compressed_unless_its_message_says_no() {
    let mut server = server();
    let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=websocket");
    let connection = ConnectionId(0);
    server.handle_upgrade(connection, &head, NOW);
    let mut session = None;
    while let Some(output) = server.poll_output() {
        if let Output::Event(ServerEvent::Opened { session: key, .. }) = output {
            session = Some(key);
        }
    }
    assert!(matches!(
        server.poll_frame_with_hint(connection),
        Some((Frame::Text(_), true))
    ));
    for compress in [true, false] {
        server.send(session.unwrap(), &message(compress)).unwrap();
        let frame = Frame::Text("4hi".into());
        assert_eq!(
            server.poll_frame_with_hint(connection),
            Some((frame, compress))
        );
    }
}
