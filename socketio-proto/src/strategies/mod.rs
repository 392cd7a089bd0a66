//! Strategies of proptest for all that Socket.IO carries, valid and nearly valid.
//!
//! Each function returns a strategy that shrinks. A value loses what is not needed, and comes out of the lists and objects
//! around it. Types with one obvious strategy also implement `proptest::arbitrary::Arbitrary`, so that a property can name
//! the type instead. [`engine::strategies`](engineio_proto::strategies) has the strategies for Engine.IO.
//!
//! | input | valid | nearly valid or worse |
//! |---|---|---|
//! | JSON | [`value`] | [`json_text`] |
//! | contents with attachments | [`content`], [`args`], [`event_name`], [`event`], [`ack`], [`object`] | |
//! | packets | [`packet`], and [`legacy_packet`] of revision 4 | |
//! | their messages | [`packet_messages`] | `nearly(…)`, [`peer_message`] |
//! | MessagePack | [`packet_messages`] | [`msgpack_message`], [`msgpack_value`], `nearly(…)` |
//!
//! # Examples
//!
//! ```
//! use proptest::prelude::*;
//! use socketio_proto::inputs::{Nearly, PacketMessages};
//!
//! proptest! {
//!     fn a_packet_is_read_or_refused(input: Nearly<PacketMessages>) {
//!         let mut decoder = input.0.decoder();
//!         for message in input.0.messages {
//!             let packet = decoder.add(message);
//!             prop_assert!(packet.is_ok() || !decoder.is_waiting());
//!         }
//!     }
//! }
//! a_packet_is_read_or_refused();
//! ```
//!
//! A failing example shrinks to its core. This property fails for every event with an attachment:
//!
//! ```
//! use proptest::test_runner::{Config, TestError, TestRunner};
//! use socketio_proto::strategies;
//!
//! let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
//! let failed = runner.run(&strategies::event(), |payload| {
//!     assert!(payload.attachments().is_empty());
//!     Ok(())
//! });
//! let Err(TestError::Fail(_, smallest)) = failed else { panic!("some events have attachments") };
//! assert_eq!(smallest.json(), r#"["",{"_placeholder":true,"num":0}]"#);
//! assert_eq!(smallest.attachments(), [""]);
//! ```

mod message;
mod msgpack;
mod shrink;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use engineio_proto::Revision;
use proptest::arbitrary::{Arbitrary, any};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy};
use serde_json::Value;

use self::shrink::Shrinking;
use crate::inputs::{Content, MsgPackMessage, PacketMessages};
use crate::parser::{Limits, Parser};
use crate::{EncodeError, MAX_PACKET_ID, Packet, PacketType, Payload, is_reserved_event};

pub use engineio_proto::strategies::{mutation, nearly, shown};
pub use message::{json_text, packet_messages, peer_message};
pub use msgpack::{msgpack_message, msgpack_value};

/// JSON values up to four levels deep.
pub fn value() -> BoxedStrategy<Value> {
    Shrinking(tree(leaf().boxed()))
        .prop_map(|content| content.to_value())
        .boxed()
}

/// Values up to four levels deep, with attachments at any depth.
pub fn content() -> BoxedStrategy<Content> {
    Shrinking(with_attachments()).boxed()
}

/// The arguments of an event or an acknowledgement: up to four, with as many attachments as a decoder takes by default.
pub fn args() -> BoxedStrategy<Vec<Content>> {
    let args = vec(with_attachments(), 0..5).prop_map(|mut args| {
        let mut left = usize::from(Limits::default().max_attachments);
        args.iter_mut()
            .for_each(|arg| arg.keep_attachments(&mut left));
        args
    });
    Shrinking(args).boxed()
}

fn leaf() -> impl Strategy<Value = Content> {
    prop_oneof![
        Just(Content::Null),
        any::<bool>().prop_map(Content::Bool),
        any::<i64>().prop_map(Content::Int),
        any::<u64>().prop_map(Content::Unsigned),
        any::<f64>().prop_map(Content::Float),
        any::<String>().prop_map(Content::Text),
    ]
}

fn with_attachments() -> impl Strategy<Value = Content> {
    tree(prop_oneof![3 => leaf(), 1 => binary().prop_map(Content::Binary)].boxed())
}

/// Without the first choice most values would be lists and objects.
fn tree(leaf: BoxedStrategy<Content>) -> impl Strategy<Value = Content> {
    let nested = leaf.clone().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Content::List),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Content::Object(members.into_iter().collect())),
        ]
    });
    prop_oneof![leaf, nested]
}

fn binary() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..8).prop_map(Bytes::from)
}

/// Names of events: any text that is not reserved.
pub fn event_name() -> BoxedStrategy<String> {
    any::<String>()
        .prop_map(|mut name| {
            if is_reserved_event(&name) {
                name.push('_');
            }
            name
        })
        .boxed()
}

/// Payloads of events.
pub fn event() -> BoxedStrategy<Payload> {
    built((event_name(), args()), |(name, args)| {
        Content::event(&name, &args)
    })
}

/// Payloads of acknowledgements.
pub fn ack() -> BoxedStrategy<Payload> {
    built(args(), |args| Content::ack(&args))
}

/// Payloads of packets that let in or refuse: objects without attachments.
pub fn object() -> BoxedStrategy<Payload> {
    let members = vec((any::<String>(), tree(leaf().boxed())), 0..3)
        .prop_map(|members| members.into_iter().collect::<BTreeMap<_, _>>());
    built(Shrinking(members), |members| {
        Payload::object(&Content::Object(members).to_value())
    })
}

/// Payloads that can be built, which all of these values can.
fn built<S: Strategy + 'static>(
    values: S,
    build: fn(S::Value) -> Result<Payload, EncodeError>,
) -> BoxedStrategy<Payload> {
    values
        .prop_filter_map("a payload that cannot be built", move |value| {
            build(value).ok()
        })
        .boxed()
}

/// Namespaces as they stand in packets: `/`, and any without a comma.
pub fn namespace() -> BoxedStrategy<String> {
    prop_oneof![Just(String::from("/")), "/[^,]{0,8}"].boxed()
}

/// Packets of every type of protocol revision 5. A refusal may be without a payload, as the default parser reads it.
pub fn packet() -> BoxedStrategy<Packet> {
    let other = prop_oneof![
        of(object()).prop_map(|payload| (PacketType::Connect, None, payload)),
        Just((PacketType::Disconnect, None, None)),
        of(object()).prop_map(|payload| (PacketType::ConnectError, None, payload)),
    ];
    of_parts(namespace(), other.boxed())
}

/// Packets of every type of protocol revision 4, which Socket.IO 1 and 2 speak. A CONNECT has a query instead of a
/// payload, and a refusal is a text or an object.
pub fn legacy_packet() -> BoxedStrategy<Packet> {
    let message =
        any::<String>().prop_filter_map("a text", |message| Payload::object(&message).ok());
    let other = prop_oneof![
        Just((PacketType::Connect, None, None)),
        Just((PacketType::Disconnect, None, None)),
        prop_oneof![message, object()].prop_map(|payload| (
            PacketType::ConnectError,
            None,
            Some(payload)
        )),
    ];
    let query = of(select(&["?", "?token=a%20b", "?a=1&b=2"][..]));
    (of_parts(namespace(), other.boxed()), query)
        .prop_map(|(mut packet, query)| {
            if packet.packet_type == PacketType::Connect
                && let Some(query) = query
            {
                packet.namespace = [&*packet.namespace, query].concat().into();
            }
            packet
        })
        .boxed()
}

type Rest = (PacketType, Option<u64>, Option<Payload>);

/// Packets of a namespace: events, acknowledgements, and those of other types.
fn of_parts(namespace: BoxedStrategy<String>, other: BoxedStrategy<Rest>) -> BoxedStrategy<Packet> {
    let id = || of(0..=MAX_PACKET_ID);
    let event = (id(), event()).prop_map(|(id, payload)| (PacketType::Event, id, Some(payload)));
    let ack = (id(), ack()).prop_map(|(id, payload)| (PacketType::Ack, id, Some(payload)));
    (namespace, prop_oneof![3 => event, 2 => ack, 2 => other])
        .prop_map(|(namespace, (packet_type, id, payload))| {
            let mut packet = Packet::new(packet_type, namespace);
            packet.id = id;
            packet.payload = payload;
            packet
        })
        .boxed()
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
    Content => content();
    Payload => prop_oneof![event(), ack()];
    Packet => packet();
    PacketType => select(&[Self::Event, Self::Ack, Self::Connect, Self::Disconnect, Self::ConnectError][..]);
    Parser => select(&[Self::Json, Self::MsgPack][..]);
    PacketMessages => (any::<Parser>(), any::<Revision>())
        .prop_flat_map(|(parser, revision)| packet_messages(parser, revision));
    MsgPackMessage => msgpack_message();
}
