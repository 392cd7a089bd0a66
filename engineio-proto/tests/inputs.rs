//! Promises of the strategies and of `arbitrary`: valid inputs are valid and of every kind, nearly valid ones mostly are
//! not valid, and failing ones shrink to their core.
#![cfg(test)]

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use engineio_proto::codec::websocket::{self, Received, Role};
use engineio_proto::codec::{Open, Packet, v3, v4, webtransport};
use engineio_proto::inputs::{
    Change, Head, Mutate, Mutation, Nearly, PayloadKind, PollingPayload, Shown, WebSocketPart,
    WebSocketStream, WebTransportStream,
};
use engineio_proto::server::{Config, Route};
use engineio_proto::{Bytes, Frame, Message, Revision, Transport, strategies};
use proptest::prelude::*;

use support::{assert_all, samples, smallest, variant};

#[path = "../../tests/support/samples.rs"]
mod support;

/// Large enough for every message of a stream.
const LIMIT: usize = 100_000;

/// Values that `arbitrary` makes of bytes, always the same.
fn structured<T: for<'a> Arbitrary<'a>>(count: usize) -> Vec<T> {
    samples(proptest::collection::vec(any::<u8>(), 0..400), count)
        .iter()
        .map(|bytes| T::arbitrary(&mut Unstructured::new(bytes)).unwrap())
        .collect()
}

/// Both kinds of values of a type.
fn both<T>(count: usize) -> Vec<T>
where
    T: for<'a> Arbitrary<'a> + proptest::arbitrary::Arbitrary,
{
    let mut values = samples(any::<T>(), count);
    values.extend(structured(count));
    values
}

const PACKETS: [&str; 7] = [
    "Open", "Close", "Ping", "Pong", "Message", "Upgrade", "Noop",
];

#[test]
fn packets_are_of_every_type_with_text_and_bytes() {
    for packets in [samples(any::<Packet>(), 500), structured(500)] {
        assert_all(packets.iter().map(variant), &PACKETS, 20);
        let messages = packets.iter().filter_map(|packet| {
            let Packet::Message(message) = packet else {
                return None;
            };
            Some(variant(message))
        });
        assert_all(messages, &["Text", "Binary"], 20);
        assert!(packets.contains(&Packet::Message(Message::text(""))));
        assert!(
            packets
                .iter()
                .any(|packet| !v4::encode_text(packet).is_ascii())
        );
    }
}

#[test]
fn each_choice_is_made_about_as_often_as_the_others() {
    let names = both::<Revision>(100);
    assert_all(names.iter().map(variant), &["V3", "V4"], 50);
    let names = both::<Transport>(100);
    let transports = ["Polling", "WebSocket", "WebTransport"];
    assert_all(names.iter().map(variant), &transports, 30);
    let names = both::<Role>(100);
    assert_all(names.iter().map(variant), &["Client", "Server"], 50);
    for kind in PayloadKind::ALL {
        let count = both::<PayloadKind>(100)
            .iter()
            .filter(|made| *made == kind)
            .count();
        assert!(count >= 30, "{kind:?} occurs {count} times");
    }
}

#[test]
fn frames_of_both_revisions_hold_a_packet() {
    for revision in [Revision::V3, Revision::V4] {
        let frames = samples(strategies::frame(revision), 500);
        assert_all(frames.iter().map(variant), &["Text", "Binary"], 20);
        let base64 = |frame: &Frame| matches!(frame, Frame::Text(text) if text.starts_with('b'));
        assert!(frames.iter().filter(|frame| base64(frame)).count() > 20);
        for frame in frames {
            let packet = match revision {
                Revision::V3 => v3::decode_frame(frame),
                Revision::V4 | _ => v4::decode_frame(frame),
            };
            assert!(packet.is_ok(), "{packet:-?}");
        }
    }
    for frame in structured::<Frame>(300) {
        assert!(v3::decode_frame(frame.clone()).is_ok() || v4::decode_frame(frame).is_ok());
    }
}

#[test]
fn handshakes_come_back() {
    let all = both::<Open>(300);
    for open in &all {
        assert_eq!(Open::decode(&open.encode()).as_ref(), Ok(open));
    }
    let upgrades: BTreeSet<usize> = all.iter().map(|open| open.upgrades.len()).collect();
    assert_eq!(upgrades, BTreeSet::from([0, 1, 2]));
    assert!(all.iter().any(|open| open.max_payload.is_none()));
    assert!(all.iter().any(|open| open.max_payload.is_some()));
}

#[test]
fn payloads_of_every_kind_hold_their_packets() {
    for payloads in [samples(any::<PollingPayload>(), 300), structured(300)] {
        let kinds = payloads.iter().map(|payload| format!("{:?}", payload.kind));
        assert_all(kinds, &["V4", "V3Text", "V3Binary"], 50);
        assert!(payloads.iter().any(|payload| payload.packets.len() > 2));
        for payload in payloads {
            assert_eq!(payload.body, payload.kind.encode(&payload.packets));
            let decoded = payload.kind.decode(payload.body.clone(), usize::MAX);
            let packets: Result<Vec<_>, _> = decoded.into_iter().collect();
            assert_eq!(packets, Ok(payload.packets));
        }
    }
}

fn read_websocket(stream: &WebSocketStream) -> Result<Vec<Received>, websocket::Violation> {
    let mut decoder = websocket::Decoder::new(stream.reader, LIMIT);
    let (mut rest, mut received) = (&stream.bytes[..], Vec::new());
    while let Some(one) = decoder.decode(&mut rest)? {
        received.push(one);
    }
    Ok(received)
}

#[test]
fn websocket_streams_are_what_their_reader_receives() {
    for streams in [samples(any::<WebSocketStream>(), 400), structured(400)] {
        for stream in &streams {
            assert_eq!(read_websocket(stream).as_ref(), Ok(&stream.received));
        }
        let kinds = streams
            .iter()
            .flat_map(|stream| stream.received.iter().map(variant));
        assert_all(kinds, &["Message", "Ping", "Pong", "Close"], 20);
        let roles = streams.iter().map(|stream| variant(&stream.reader));
        assert_all(roles, &["Client", "Server"], 50);
        let starts = |byte: u8| {
            streams
                .iter()
                .filter(|stream| stream.bytes.first() == Some(&byte))
                .count()
        };
        assert!(starts(1) > 5 && starts(2) > 5, "fragmented messages");
        assert!(starts(0x81) > 5 && starts(0x82) > 5, "whole messages");
        let wide = streams.iter().filter(|stream| {
            matches!(stream.bytes.get(..4), Some([_, second, 0, 0..=125]) if second & 0x7e == 0x7e)
        });
        assert!(wide.count() > 5, "lengths in more bytes than they need");
    }
    let lengths: Vec<usize> = samples(strategies::websocket_part(), 500)
        .iter()
        .filter_map(|part| {
            let WebSocketPart::Message { frame, .. } = part else {
                return None;
            };
            Some(frame.len())
        })
        .collect();
    for range in [0..=0, 1..=125, 126..=130, 65_500..=65_540] {
        assert!(
            lengths.iter().any(|length| range.contains(length)),
            "{range:?}"
        );
    }
}

#[test]
fn control_frames_are_short_and_as_long_as_they_may_be() {
    let streams = samples(any::<WebSocketStream>(), 300);
    let received = streams.iter().flat_map(|stream| &stream.received);
    let contents = received.filter_map(|received| match received {
        Received::Ping(content) | Received::Pong(content) => Some(content.len()),
        Received::Message(_) | Received::Compressed { .. } | Received::Close(_) => None,
    });
    let sizes = contents.map(|len| if len >= 120 { "long" } else { "short" });
    assert_all(sizes.map(String::from), &["long", "short"], 20);
}

#[test]
fn webtransport_streams_are_what_their_reader_receives() {
    for streams in [samples(any::<WebTransportStream>(), 300), structured(300)] {
        for stream in &streams {
            let mut decoder = webtransport::Decoder::new(LIMIT);
            let (mut rest, mut frames) = (stream.bytes.clone(), Vec::new());
            while let Some(frame) = decoder.decode(&mut rest).unwrap() {
                frames.push(frame);
            }
            assert_eq!(frames, stream.frames);
        }
        let kinds = streams
            .iter()
            .flat_map(|stream| stream.frames.iter().map(variant));
        assert_all(kinds, &["Text", "Binary"], 50);
    }
    let long = |stream: &WebTransportStream| stream.frames.iter().any(|frame| frame.len() > 0xffff);
    assert!(samples(any::<WebTransportStream>(), 300).iter().any(long));
}

#[test]
fn heads_are_of_every_method_revision_and_transport_and_many_are_served() {
    for heads in [samples(any::<Head>(), 1_000), structured(1_000)] {
        assert_all(
            heads.iter().map(|head| head.method.clone()),
            &["GET", "POST", "OPTIONS", "PUT"],
            20,
        );
        let has = |part: &str| {
            heads
                .iter()
                .filter(|head| head.query.contains(part))
                .count()
        };
        for part in [
            "EIO=4",
            "EIO=3",
            "EIO=5",
            "sid=",
            "&t=",
            "&j=",
            "b64=",
            "polling",
            "websocket",
            "webtransport",
        ] {
            assert!(has(part) > 20, "{part} occurs {} times", has(part));
        }
        assert!(
            heads
                .iter()
                .all(|head| head.upgrade == head.query.contains("transport=websocket"))
        );
        let with = |of: fn(&Head) -> &Option<Vec<u8>>| {
            heads.iter().filter(|head| of(head).is_some()).count()
        };
        for header in [
            with(|head| &head.host),
            with(|head| &head.origin),
            with(|head| &head.user_agent),
            with(|head| &head.content_type),
            with(|head| &head.referer),
            with(|head| &head.sec_fetch_site),
            with(|head| &head.access_control_request_headers),
        ] {
            assert!((100..900).contains(&header), "{header}");
        }
        let config = Config::default().with_allow_eio3(true);
        let served = heads
            .iter()
            .filter(|head| Route::of(&head.as_head(), &config).is_ok())
            .count();
        assert!((50..950).contains(&served), "{served} of 1000 are served");
    }
}

#[test]
fn most_changes_leave_something_that_is_not_valid() {
    fn share<T>(invalid: impl Fn(&T) -> bool) -> [usize; 2]
    where
        T: for<'a> Arbitrary<'a> + proptest::arbitrary::Arbitrary + Mutate + 'static,
        T::Strategy: 'static,
    {
        let count =
            |values: Vec<Nearly<T>>| values.iter().filter(|value| invalid(&value.0)).count();
        [
            count(samples(any::<Nearly<T>>(), 1_000)),
            count(structured(1_000)),
        ]
    }
    let payloads = share(|payload: &PollingPayload| {
        let decoded = payload.kind.decode(payload.body.clone(), usize::MAX);
        decoded.iter().any(Result::is_err)
    });
    let websockets = share(|stream: &WebSocketStream| read_websocket(stream).is_err());
    let webtransports = share(|stream: &WebTransportStream| {
        let mut decoder = webtransport::Decoder::new(LIMIT);
        let mut rest = stream.bytes.clone();
        loop {
            match decoder.decode(&mut rest) {
                Ok(Some(_)) => {}
                Ok(None) => return decoder.buffered_bytes() > 0,
                Err(_) => return true,
            }
        }
    });
    let config = Config::default().with_allow_eio3(true);
    let heads = share(|head: &Head| Route::of(&head.as_head(), &config).is_err());
    for share in [payloads, websockets, webtransports, heads].concat() {
        assert!(
            (150..980).contains(&share),
            "{payloads:?} {websockets:?} {webtransports:?} {heads:?}"
        );
    }
}

#[test]
fn a_change_does_what_it_says() {
    let changed = |change, at, byte| {
        let mut bytes = b"abcdef".to_vec();
        Mutation::new(change, at, byte).change_bytes(&mut bytes, &[]);
        String::from_utf8(bytes).unwrap()
    };
    let middle = 0x8000;
    for (change, byte, expected) in [
        (Change::Set, b'x', "abcxef"),
        (Change::Set, b'd', "abceef"),
        (Change::Flip, 1, "abcfef"),
        (Change::More, 0, "abceef"),
        (Change::Less, 0, "abccef"),
        (Change::Insert, b'x', "abcxdef"),
        (Change::Remove, 0, "abcef"),
        (Change::Double, 1, "abcdedef"),
        (Change::Double, 15, "abcdefdef"),
        (Change::Swap, 0, "abcedf"),
        (Change::Cut, 0, "abc"),
    ] {
        assert_eq!(changed(change, middle, byte), expected, "{change:?}");
    }
    assert_eq!(changed(Change::Insert, u16::MAX, b'x'), "abcdefx");
    assert_eq!(changed(Change::Swap, u16::MAX, b'x'), "abcdef");
    for change in Change::ALL {
        let mut nothing = Vec::new();
        Mutation::new(*change, 0, 1).change_bytes(&mut nothing, &[0]);
        assert_eq!(nothing.is_empty(), *change == Change::Cut, "{change:?}");
    }
    let mut text = String::from("aé😀");
    Mutation::new(Change::Remove, middle, 0).change_text(&mut text, &[]);
    assert_eq!(text, "a😀");
}

#[test]
fn a_structural_change_hits_a_length() {
    let packets = vec![
        Packet::Message(Message::text("abc")),
        Packet::Noop("".into()),
    ];
    let changed = |kind, change, at| {
        let mut payload = PollingPayload::new(kind, packets.clone());
        payload.mutate(&Mutation::new(change, at, 0).at_structure());
        payload.body
    };
    assert_eq!(changed(PayloadKind::V3Text, Change::More, 0), "5:4abc1:6");
    assert_eq!(
        changed(PayloadKind::V3Text, Change::Less, u16::MAX),
        "4:4abc1:5"
    );
    assert_eq!(changed(PayloadKind::V4, Change::Remove, 0x8000), "4abc6");
    assert_eq!(
        changed(PayloadKind::V3Binary, Change::More, 0x2000)[..5],
        [0, 5, 255, b'4', b'a']
    );
    let mut list = vec![Message::text("a"), Message::text("b")];
    list.mutate(&Mutation::new(Change::Remove, 0, 0).at_structure());
    assert_eq!(list, [Message::text("b")]);
    list.mutate(&Mutation::new(Change::Double, 0, 0).at_structure());
    assert_eq!(list.len(), 2);
    list.mutate(&Mutation::new(Change::Cut, 0x8000, 0).at_structure());
    assert_eq!(list, [Message::text("b")]);
}

#[test]
fn changes_of_all_kinds_occur() {
    for mutations in [samples(any::<Mutation>(), 500), structured(500)] {
        let names: Vec<String> = Change::ALL
            .iter()
            .map(|change| format!("{change:?}"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names.len(), 9);
        assert_all(
            mutations.iter().map(|mutation| variant(&mutation.change)),
            &names,
            20,
        );
        let structural = mutations
            .iter()
            .filter(|mutation| mutation.structural)
            .count();
        assert!((100..400).contains(&structural));
        assert!(mutations.iter().any(|mutation| mutation.at > 0xf000));
    }
}

#[test]
fn failing_examples_shrink_to_their_core() {
    let is_binary = |packet: &Packet| matches!(packet, Packet::Message(Message::Binary(_)));
    let empty = Packet::Message(Message::binary(Bytes::new()));
    assert_eq!(smallest(5_000, any::<Packet>(), is_binary), empty);
    assert_eq!(
        smallest(5_000, any::<Packet>(), |packet| matches!(
            packet,
            Packet::Noop(_)
        )),
        Packet::Noop("".into())
    );
    for kind in PayloadKind::ALL {
        let smallest = smallest(5_000, strategies::polling_payload(*kind), |payload| {
            payload.packets.iter().any(is_binary)
        });
        assert_eq!(smallest.packets, core::slice::from_ref(&empty));
    }
    let stream = smallest(
        5_000,
        strategies::websocket_stream(Role::Server),
        |stream| {
            stream
                .received
                .iter()
                .any(|one| matches!(one, Received::Pong(_)))
        },
    );
    assert_eq!(stream.received, [Received::Pong(Bytes::new())]);
    assert_eq!(stream.bytes, &[0x8a, 0x80, 0, 0, 0, 0][..]);
    let stream = smallest(5_000, any::<WebTransportStream>(), |stream| {
        stream
            .frames
            .iter()
            .any(|frame| matches!(frame, Frame::Binary(_)))
    });
    assert_eq!(stream.frames, [Frame::Binary(Bytes::from_static(&[0]))]);
    let head = smallest(5_000, any::<Head>(), |head| head.query.contains("EIO=3"));
    assert_eq!(head, {
        let mut plain = Head::new("GET", "/engine.io/", "EIO=3&transport=polling");
        plain.upgrade = false;
        plain
    });
    let Nearly(text) = smallest(
        5_000,
        strategies::nearly(Just(String::from("abcdef"))),
        |text| text.0.len() < 6,
    );
    assert!(text.len() == 5 || text.is_empty(), "{text}");
}

#[test]
fn a_shown_value_shows_its_content() {
    let Shown(message) = smallest(5_000, any::<Shown<Message>>(), |message| message.len() > 2);
    assert_eq!(format!("{:?}", Shown(&message)), format!("{message:-?}"));
    assert_eq!(
        format!("{:#?}", Shown(vec![Message::text("a")])),
        "[\n    Text(\n        \"a\",\n    ),\n]"
    );
}
