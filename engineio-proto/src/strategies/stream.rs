//! Strategies for streams of WebSockets and WebTransport.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, prop_oneof};
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::Frame;
use crate::codec::websocket::{Close, Role, is_valid_code};
use crate::inputs::{WebSocketPart, WebSocketStream, WebTransportStream};

use super::nearly;

/// Parts of a WebSocket stream: messages, whole or in fragments, pings and pongs.
pub fn websocket_part() -> BoxedStrategy<WebSocketPart> {
    let message = (
        content(),
        prop_oneof![2 => Just(Vec::new()), 1 => vec(0..200_usize, 1..4)],
        vec(control(), 0..3),
    )
        .prop_map(|(frame, cuts, pings)| WebSocketPart::Message { frame, cuts, pings });
    prop_oneof![
        3 => message,
        1 => control().prop_map(WebSocketPart::Ping),
        1 => control().prop_map(WebSocketPart::Pong),
    ]
    .boxed()
}

/// Valid streams of up to five parts, now and then with a close at the end.
pub fn websocket_stream(reader: Role) -> BoxedStrategy<WebSocketStream> {
    let close = (
        any::<u16>().prop_map(|code| {
            if is_valid_code(code) {
                code
            } else {
                3000 + code % 2000
            }
        }),
        "[ -~€]{0,20}",
    )
        .prop_map(|(code, reason)| Close::new(code, reason));
    let close = of(of(close).prop_map(WebSocketPart::Close));
    (
        vec(websocket_part(), 0..5),
        close,
        any::<[u8; 4]>(),
        0..3_u8,
    )
        .prop_map(move |(mut parts, close, key, wide)| {
            parts.extend(close);
            WebSocketStream::new(reader, parts, key, wide)
        })
        .boxed()
}

/// Bytes that may be a WebSocket stream: valid and nearly valid ones, one header before any bytes, and any bytes.
pub fn websocket_bytes(reader: Role) -> BoxedStrategy<Bytes> {
    let header = (
        prop_oneof![
            Just(0x81_u8),
            Just(0x82),
            Just(0x01),
            Just(0x02),
            Just(0x80),
            Just(0),
            Just(0x88),
            Just(0x89)
        ],
        any::<u8>(),
        vec(any::<u8>(), 0..60),
    )
        .prop_map(|(first, second, mut rest)| {
            rest.splice(..0, [first, second]);
            Bytes::from(rest)
        });
    prop_oneof![
        1 => websocket_stream(reader).prop_map(|stream| stream.bytes),
        3 => nearly(websocket_stream(reader)).prop_map(|stream| stream.0.bytes),
        2 => header,
        1 => vec(any::<u8>(), 0..60).prop_map(Bytes::from),
    ]
    .boxed()
}

/// Frames that a WebTransport stream can carry, which are not empty. Some are as long as two or eight bytes of length
/// need.
pub fn webtransport_frame() -> BoxedStrategy<Frame> {
    let text = prop_oneof!["[0-6]", "4[ -~€😀]{0,200}", any::<String>()]
        .prop_map(|text| if text.is_empty() { "6".into() } else { text });
    let long = || prop_oneof![120..130_usize, 65_530..65_540_usize];
    prop_oneof![
        4 => text.prop_map(|text| Frame::Text(text.into())),
        4 => vec(any::<u8>(), 1..200).prop_map(|data| Frame::Binary(data.into())),
        1 => (long(), any::<u8>()).prop_map(|(length, byte)| Frame::Binary(repeated(length, byte))),
        1 => long().prop_map(|length| Frame::Text("4".repeat(length).into())),
    ]
    .boxed()
}

/// Valid streams of up to five frames.
pub fn webtransport_stream() -> BoxedStrategy<WebTransportStream> {
    vec(webtransport_frame(), 0..6)
        .prop_map(WebTransportStream::new)
        .boxed()
}

/// Bytes that may be a WebTransport stream: valid and nearly valid ones, and bytes that stand in headers.
pub fn webtransport_bytes() -> BoxedStrategy<Bytes> {
    let byte = prop_oneof![Just(0), Just(126), Just(127), Just(255), any::<u8>()];
    prop_oneof![
        webtransport_stream().prop_map(|stream| stream.bytes),
        nearly(webtransport_stream()).prop_map(|stream| stream.0.bytes),
        vec(byte, 0..30).prop_map(Bytes::from),
    ]
    .boxed()
}

/// The content of a message, at times as long as two or eight bytes of length need.
fn content() -> BoxedStrategy<Frame> {
    let length = prop_oneof![4 => 0..40_usize, 2 => 120..130_usize, 1 => 65_530..65_540_usize];
    prop_oneof![
        2 => "[ -~€😀\n]{0,40}".prop_map(|text| Frame::Text(text.into())),
        1 => length.clone().prop_map(|length| Frame::Text("ä".repeat(length / 2).into())),
        2 => vec(any::<u8>(), 0..40).prop_map(|data| Frame::Binary(data.into())),
        1 => (length, any::<u8>()).prop_map(|(length, byte)| Frame::Binary(repeated(length, byte))),
    ]
    .boxed()
}

/// The content of a control frame.
fn control() -> BoxedStrategy<Bytes> {
    prop_oneof![4 => vec(any::<u8>(), 0..10), 1 => vec(any::<u8>(), 120..126)]
        .prop_map(Bytes::from)
        .boxed()
}

fn repeated(length: usize, byte: u8) -> Bytes {
    let mut bytes = Vec::new();
    bytes.resize(length, byte);
    bytes.into()
}
