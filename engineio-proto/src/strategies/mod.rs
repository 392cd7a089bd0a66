//! Strategies of proptest for all that Engine.IO carries, valid and nearly valid.
//!
//! Each function returns a strategy that shrinks: a failing text becomes short, a list loses what is not needed, a
//! [nearly valid](nearly) value loses changes. Types with one obvious strategy also implement
//! `proptest::arbitrary::Arbitrary`, so that a property can name the type instead.
//!
//! | input | valid | nearly valid or worse |
//! |---|---|---|
//! | texts, bytes, messages | [`text`], [`binary`], [`message`] | `nearly(…)` |
//! | packets, handshakes | [`packet`], [`payload_packet`], [`open`] | [`peer_text`] |
//! | frames | [`frame`] | `nearly(frame(…))` |
//! | polling payloads | [`polling_payload`] | [`polling_body`], `nearly(…)` |
//! | request heads | [`head`] | `nearly(head())` |
//! | WebSocket streams | [`websocket_stream`] | [`websocket_bytes`], `nearly(…)` |
//! | WebTransport streams | [`webtransport_stream`] | [`webtransport_bytes`], `nearly(…)` |
//!
//! # Examples
//!
//! ```
//! use engineio_proto::inputs::{Nearly, PayloadKind};
//! use engineio_proto::strategies;
//! use proptest::prelude::*;
//!
//! proptest! {
//!     fn no_fault_gives_more_packets_than_bytes(
//!         Nearly(payload) in strategies::nearly(strategies::polling_payload(PayloadKind::V4)),
//!     ) {
//!         let packets = payload.kind.decode(payload.body.clone(), usize::MAX);
//!         prop_assert!(packets.len() <= payload.body.len() + 1);
//!     }
//! }
//! no_fault_gives_more_packets_than_bytes();
//! ```
//!
//! `Debug` of types that may hold secrets shows lengths only. [`shown`] wraps a value so that a failing example shows
//! its content:
//!
//! ```
//! use engineio_proto::inputs::Shown;
//! use engineio_proto::{Message, strategies};
//! use proptest::strategy::{Strategy, ValueTree};
//! use proptest::test_runner::{Config, TestError, TestRunner};
//!
//! let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
//! let failed = runner.run(&strategies::shown(strategies::message()), |message| {
//!     assert!(matches!(*message, Message::Text(_)), "no bytes, please");
//!     Ok(())
//! });
//! let Err(TestError::Fail(_, smallest)) = failed else { panic!("some messages are binary") };
//! assert_eq!(format!("{smallest:?}"), r#"Binary(b"")"#);
//! ```

mod body;
mod head;
mod stream;

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;
use core::time::Duration;
use proptest::arbitrary::{Arbitrary, any};
use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::codec::websocket::Role;
use crate::codec::{Open, Packet, v3, v4};
use crate::inputs::{
    Change, Head, Mutate, Mutation, Nearly, PayloadKind, PollingPayload, Shown, WebSocketStream,
    WebTransportStream,
};
use crate::{Frame, Message, Revision, Transport};

pub use body::{polling_body, polling_payload};
pub use head::head;
pub use stream::{
    websocket_bytes, websocket_part, websocket_stream, webtransport_bytes, webtransport_frame,
    webtransport_stream,
};

/// Texts: `probe`, printable ASCII with characters of two to four bytes, what looks like a length, and any text.
pub fn text() -> BoxedStrategy<ByteString> {
    prop_oneof![
        "[ -~€😀\n]{0,20}",
        Just(String::from("probe")),
        "[0-9:]{0,9}",
        any::<String>()
    ]
    .prop_map(ByteString::from)
    .boxed()
}

/// Up to 40 bytes.
pub fn binary() -> BoxedStrategy<Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from).boxed()
}

/// Messages, text or binary.
pub fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        text().prop_map(Message::Text),
        binary().prop_map(Message::Binary)
    ]
    .boxed()
}

/// Packets of every type. Control packets have any data, as decoders keep it.
pub fn packet() -> BoxedStrategy<Packet> {
    packet_of(text())
}

/// Packets that a payload of any kind can hold: none has the separator of revision 4 in a text.
pub fn payload_packet() -> BoxedStrategy<Packet> {
    packet_of(
        text()
            .prop_map(|text| text.replace(v4::SEPARATOR as char, "").into())
            .boxed(),
    )
}

fn packet_of(text: BoxedStrategy<ByteString>) -> BoxedStrategy<Packet> {
    prop_oneof![
        2 => text.clone().prop_map(|text| Packet::Message(Message::Text(text))),
        2 => binary().prop_map(|data| Packet::Message(Message::Binary(data))),
        1 => text.clone().prop_map(Packet::Open),
        1 => text.clone().prop_map(Packet::Close),
        1 => text.clone().prop_map(Packet::Ping),
        1 => text.clone().prop_map(Packet::Pong),
        1 => text.clone().prop_map(Packet::Upgrade),
        1 => text.prop_map(Packet::Noop),
    ]
    .boxed()
}

/// Frames with one valid packet. A binary message is a binary frame, or base64 in a text frame.
pub fn frame(revision: Revision) -> BoxedStrategy<Frame> {
    (packet(), any::<bool>())
        .prop_map(move |(packet, as_text)| match (revision, as_text) {
            (Revision::V3, false) => v3::encode_frame(&packet),
            (Revision::V3, true) => Frame::Text(v3::encode_text(&packet)),
            (Revision::V4, false) => v4::encode_frame(&packet),
            (Revision::V4, true) => Frame::Text(v4::encode_text(&packet)),
        })
        .boxed()
}

/// Handshakes as a server sends them.
pub fn open() -> BoxedStrategy<Open> {
    (
        ".{1,256}",
        subsequence(&["websocket", "webtransport"][..], 0..=2),
        any::<u32>(),
        any::<u32>(),
        any::<Option<u64>>(),
    )
        .prop_map(|(sid, upgrades, interval, timeout, max_payload)| {
            let millis = |millis: u32| Duration::from_millis(millis.into());
            let upgrades = upgrades.into_iter().map(ByteString::from).collect();
            let mut open =
                Open::new(sid, millis(interval), millis(timeout)).with_upgrades(upgrades);
            open.max_payload = max_payload;
            open
        })
        .boxed()
}

/// The text of a packet as a peer may send it to a session. Most mean something to a session, some of these are
/// changed, and some are any text.
pub fn peer_text() -> BoxedStrategy<String> {
    let known = select(
        &[
            "4a", "4", "4€", "3", "3", "2", "2probe", "2probe", "5", "5", "6", "0", "0{}", "bAQID",
            "b", "1", "2", "3probe", "x", "", "b=",
        ][..],
    )
    .prop_map(String::from);
    let changed = (known.clone(), any::<Index>(), any::<char>()).prop_map(|(text, at, other)| {
        let mut chars: Vec<char> = text.chars().collect();
        match chars.get_mut(at.index(text.chars().count() + 1)) {
            Some(char) => *char = other,
            None => chars.push(other),
        }
        chars.into_iter().collect()
    });
    prop_oneof![12 => known, 1 => changed, 1 => any::<String>()].boxed()
}

/// A change at any place.
pub fn mutation() -> BoxedStrategy<Mutation> {
    (
        select(Change::ALL),
        any::<u16>(),
        any::<u8>(),
        any::<bool>(),
    )
        .prop_map(|(change, at, byte, structural)| {
            let mutation = Mutation::new(change, at, byte);
            if structural {
                mutation.at_structure()
            } else {
                mutation
            }
        })
        .boxed()
}

/// Values of a strategy, each with one to three changes.
pub fn nearly<S>(valid: S) -> BoxedStrategy<Nearly<S::Value>>
where
    S: Strategy + 'static,
    S::Value: Mutate,
{
    (valid, vec(mutation(), 1..4))
        .prop_map(|(mut value, mutations)| {
            mutations.iter().for_each(|mutation| value.mutate(mutation));
            Nearly(value)
        })
        .boxed()
}

/// The same values, whose failing examples show their content.
pub fn shown<S>(values: S) -> BoxedStrategy<Shown<S::Value>>
where
    S: Strategy + 'static,
    S::Value: fmt::Debug,
{
    values.prop_map(Shown).boxed()
}

macro_rules! arbitrary {
    ($($type:ty => $strategy:expr;)*) => {$(
        impl Arbitrary for $type {
            type Parameters = ();
            type Strategy = BoxedStrategy<Self>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                $strategy.boxed()
            }
        }
    )*};
}

arbitrary! {
    Message => message();
    Packet => packet();
    Open => open();
    Revision => select(&[Self::V4, Self::V3][..]);
    Frame => any::<Revision>().prop_flat_map(frame);
    Transport => select(&[Self::Polling, Self::WebSocket, Self::WebTransport][..]);
    Role => select(&[Self::Client, Self::Server][..]);
    PayloadKind => select(PayloadKind::ALL);
    PollingPayload => any::<PayloadKind>().prop_flat_map(polling_payload);
    Head => head();
    WebSocketStream => any::<Role>().prop_flat_map(websocket_stream);
    WebTransportStream => webtransport_stream();
    Mutation => mutation();
}

impl<T: Arbitrary + Mutate + 'static> Arbitrary for Nearly<T>
where
    T::Strategy: 'static,
{
    type Parameters = T::Parameters;
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with(parameters: T::Parameters) -> Self::Strategy {
        nearly(T::arbitrary_with(parameters))
    }
}

impl<T: Arbitrary + 'static> Arbitrary for Shown<T>
where
    T::Strategy: 'static,
{
    type Parameters = T::Parameters;
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with(parameters: T::Parameters) -> Self::Strategy {
        shown(T::arbitrary_with(parameters))
    }
}
