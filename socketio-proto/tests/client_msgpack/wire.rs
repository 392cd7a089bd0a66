//! Behaviour of a client that is specific to MessagePack.

use bytes::Bytes;
use socketio_proto::client::{Auth, SocketError, SocketOptions};
use socketio_proto::engine::Message;
use socketio_proto::parser::{Limits, Parser};

use crate::support::{auth, run};

#[test]
fn the_answers_of_the_official_server_are_understood() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        rig.binary(b"\x83\xa4type\x00\xa4data\x82\xa3sid\xa1s\xa3pid\xd4\x00\x00\xa3nsp\xa1/");
        assert_eq!(rig.drain(), ["/ connected"]);
        rig.binary(
            b"\x83\xa4type\x02\xa4data\x94\xa4news\x01\x81\xa1a\x96\xc3\xc0\xd4\x00\x00\xff\
              \xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa2\xc3\xa9\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa3nsp\xa1/",
        );
        assert_eq!(
            rig.drain(),
            [r#"/ event ["news",1,{"a":[true,null,null,-1,1.5,"é"]},"1970-01-01T00:00:00.000Z"]"#]
        );
        rig.connect("/admin");
        assert_eq!(rig.drain(), ["> 40/admin,"]);
        rig.binary(
            b"\x83\xa4type\x04\xa4data\x82\xa7message\xa2no\xa4data\xd4\x00\x00\xa3nsp\xa6/admin",
        );
        assert_eq!(rig.drain(), ["/admin connect_error: no"]);
    });
}

#[test]
fn text_and_malformed_bytes_close_the_connection_which_comes_back() {
    run(|rig| {
        for wrong in [
            None,
            Some(&b"\xc1"[..]),
            Some(b""),
            Some(b"\x80"),
            Some(b"\x82\xa4type"),
        ] {
            let socket = rig.joined();
            match wrong {
                Some(bytes) => rig.binary(bytes),
                None => rig.raw("4x"),
            }
            let lines = rig.drain();
            assert!(
                lines
                    .iter()
                    .any(|line| line.contains("disconnected: parse error")),
                "{lines:?}"
            );
            rig.disconnect(socket);
            rig.drain();
            assert!(rig.client.forget(socket));
        }
    });
}

#[test]
fn bytes_in_an_authentication_are_refused_whatever_the_parser() {
    run(|rig| {
        let connect = b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa3key\xc4\x01\x09";
        let mut decoder = Parser::MsgPack.decoder(Limits::default());
        let packet = decoder.add(Message::Binary(Bytes::from_static(connect)));
        let with_bytes = packet.unwrap().unwrap().payload.unwrap();
        let options = SocketOptions::default().with_auth(with_bytes.clone());
        let refused = rig.client.connect("/", options, rig.now);
        assert_eq!(refused, Err(SocketError::Auth));
        let options = SocketOptions::default().with_auth(auth(r#"{"token":1}"#));
        let socket = rig.connect_with("/", options);
        let refused = rig.client.set_auth(socket, Auth::Fixed(with_bytes));
        assert_eq!(refused, Err(SocketError::Auth));
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), [r#"> 40{"token":1}"#, "opened"]);
    });
}
