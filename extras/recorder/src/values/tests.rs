use std::fmt::Debug;

use bytes::Bytes;
use socketio_proto::PacketType;
use socketio_proto::engine::http::{Answer, RequestHead};
use socketio_proto::engine::{Encoded, Frame, Message};
use socketio_proto::server::Target;

use super::*;

/// Writes, reads, and compares all visible parts.
fn round<T: for<'a> Wire<'a> + Debug>(value: &T) -> T {
    let mut out = Writer::default();
    value.write(&mut out);
    let mut input = Reader::new(&out.bytes);
    let read = T::read(&mut input).unwrap();
    assert_eq!(format!("{read:-?}"), format!("{value:-?}"));
    assert_eq!(input.len(), 0);
    read
}

/// If a value gains a part, add it here too.
fn has_parts(value: &impl Debug, expected: &[&str]) {
    let text = format!("{value:#?}");
    let parts = text.lines().filter_map(|line| {
        let part = line.strip_prefix("    ")?.split(':').next()?;
        part.starts_with(|first: char| first.is_ascii_lowercase())
            .then_some(part)
    });
    assert_eq!(parts.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn values_come_back_whole() {
    let event = Payload::event("e").arg(&1).binary(vec![1, 2]);
    let event = event.build().unwrap().uncompressed();
    round(&event);
    let place = r#"{"_placeholder":true,"num":0}"#;
    let json = format!("[{}]", [place; 50].join(","));
    let data = vec![Bytes::from(vec![0; 5_000])];
    let repeated = Payload::from_json_within(PacketType::Ack, json, data, 200).unwrap();
    let read = round(&repeated);
    assert_eq!(read.max_expansion(), 200);
    let auth = r#"{"a":{"_placeholder":true,"num":0}}"#;
    let data = vec![Bytes::from_static(b"x")];
    round(&Payload::from_json(PacketType::Connect, auth, data).unwrap());
    round(&Payload::no_args());
    round(&Payload::connect_error("no", Some(&Payload::object("why").unwrap())).unwrap());
    round(&Payload::object("a string").unwrap());
    round(
        &Payload::object(
            &[("a", 1)]
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>(),
        )
        .unwrap(),
    );
    round(&Frame::Text("4é".into()));
    round(&Frame::Binary(Bytes::from_static(&[0, 0xff])));
    round(&Encoded::binary(Bytes::from_static(b"x")).uncompressed());
    round(
        &Answer::new(200, "ok")
            .with_set_cookie("a=b")
            .with_date("d")
            .with_content_type("t"),
    );
    round(
        &SocketOptions::default()
            .with_auth(Payload::object("s").unwrap())
            .with_retries(3),
    );
    round(
        &SocketOptions::default()
            .with_auth_asked()
            .with_ack_timeout(Some(Duration::MAX)),
    );
    round(&DecodeError::UnknownType(7));
    round(&DecodeError::TooLong {
        length: u64::MAX,
        limit: 1,
    });
    round(&DecodeError::Empty);
    round(&Backoff::default());
    round(&Matcher::Ask);
    round(&Matcher::Pattern(
        NamespacePattern::new("/a-{int}/**").unwrap(),
    ));
    round(&AckToken::from_bits([1, 2]));
    round(&ClientAckToken::from_bits([1, 2, 3]));
    round(&SocketKey::from_bits(u64::MAX));
}

#[test]
fn a_store_comes_back_with_what_it_holds() {
    let mut store = RecoveryStore::new(RecoveryConfig::default().with_max_packets(7));
    let id = "abcdefghijklmnopqrst";
    let session = SavedSession {
        socket: SocketId::parse(id).unwrap(),
        pid: Sid::parse(id).unwrap(),
        rooms: [Arc::from("r"), Arc::from("s")].into(),
        data: Some(Payload::no_args()),
        disconnected_at: Instant::from_millis(5),
    };
    let packet = EncodedPacket::from_parts(vec![Encoded::new(&Message::text("2[\"e\"]"))]);
    store.record(LoggedPacket {
        offset: "o".into(),
        recipients: Recipients {
            socket: Some(session.socket.clone()),
            rooms: vec![Arc::from("r")],
            except: None,
            except_rooms: vec![],
        },
        packet: packet.unwrap(),
        sent_at: Instant::from_millis(4),
    });
    round(&Restored {
        missed: store
            .packets()
            .map(|packet| packet.packet.clone())
            .collect(),
        session: session.clone(),
    });
    store.save(session);
    round(&store);
}

#[test]
fn borrowed_values_come_back_whole() {
    let head = RequestHead::new("GET", "/socket.io/", "a=b")
        .with_upgrade()
        .with_content_type(b"text/plain")
        .with_origin(b"o")
        .with_user_agent(&[0xff])
        .with_host(b"h")
        .with_referer(b"r")
        .with_sec_fetch_site(b"s")
        .with_access_control_request_headers(b"a");
    let mut out = Writer::default();
    head.write(&mut out);
    let read = RequestHead::read(&mut Reader::new(&out.bytes)).unwrap();
    assert_eq!(format!("{read:-?}"), format!("{head:-?}"));

    let target = Target::namespace("/a")
        .rooms(&["r"])
        .except_rooms(&["s", "t"])
        .except(SocketKey::from_bits(5))
        .volatile()
        .local();
    let mut out = Writer::default();
    write_target(&target, &mut out);
    let read = read_target(&mut Reader::new(&out.bytes)).unwrap();
    assert_eq!(read.target(), target);
}

#[test]
fn no_value_has_a_part_that_is_not_written() {
    let head = RequestHead::new("GET", "/", "");
    has_parts(
        &head,
        &[
            "method",
            "path",
            "query",
            "upgrade",
            "content_type",
            "origin",
            "user_agent",
            "host",
            "referer",
            "sec_fetch_site",
            "access_control_request_headers",
        ],
    );
    has_parts(
        &Answer::default(),
        &["status", "set_cookies", "content_type", "date", "body"],
    );
    has_parts(
        &Target::namespace("/"),
        &[
            "namespace",
            "rooms",
            "except_rooms",
            "except",
            "volatile",
            "local",
        ],
    );
    has_parts(
        &SocketOptions::default(),
        &["auth", "ack_timeout", "retries"],
    );
    has_parts(
        &Backoff::default(),
        &[
            "reconnection_delay",
            "reconnection_delay_max",
            "randomization_factor",
        ],
    );
}
