//! Random histories of clients, application and clock, good and hostile.

use engineio_proto::Bytes;
use engineio_proto::strategies::peer_text;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::dialect::Dialect;

/// One step. Sessions, requests and connections are picked by a number, modulo those that there are.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    OpenPolling(Dialect),
    OpenWebSocket(Dialect),
    OpenWebTransport,
    /// Asks for a WebTransport session and says nothing yet.
    Stream,
    Poll(usize),
    Post(usize, Bytes),
    PostBinary(usize),
    PostHead(usize),
    PostRest(usize, Bytes),
    PostTooLarge(usize),
    Abort(usize),
    Probe(usize),
    ProbeWebTransport(usize),
    BadFrame(usize),
    Text(usize, String),
    Binary(usize, Bytes),
    Disconnect(usize),
    Fail(usize),
    Request(&'static str, usize, &'static str),
    Send(usize, String),
    SendBinary(usize, Bytes),
    Volatile(usize),
    Close(usize),
    Discard(usize),
    Advance(u64),
}

/// Histories of up to `most` steps, none of which opens a session but the first two and the rare one behind them.
pub(crate) fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let open = prop_oneof![
        2 => dialect().prop_map(Op::OpenPolling),
        1 => dialect().prop_map(Op::OpenWebSocket),
        1 => Just(Op::OpenWebTransport),
    ];
    (open, vec(op(), 0..most)).prop_map(|(first, mut ops)| {
        ops.insert(0, first);
        ops
    })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![
        3 => Just(Dialect::V4),
        1 => Just(Dialect::V3),
        1 => Just(Dialect::V3Text),
        1 => Just(Dialect::Jsonp),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let pick = || 0..8_usize;
    prop_oneof![
        1 => dialect().prop_map(Op::OpenPolling),
        1 => dialect().prop_map(Op::OpenWebSocket),
        1 => Just(Op::OpenWebTransport),
        1 => Just(Op::Stream),
        8 => pick().prop_map(Op::Poll),
        8 => (pick(), body()).prop_map(|(session, body)| Op::Post(session, body)),
        1 => pick().prop_map(Op::PostBinary),
        3 => pick().prop_map(Op::PostHead),
        3 => (pick(), body()).prop_map(|(request, body)| Op::PostRest(request, body)),
        1 => pick().prop_map(Op::PostTooLarge),
        2 => pick().prop_map(Op::Abort),
        4 => pick().prop_map(Op::Probe),
        3 => pick().prop_map(Op::ProbeWebTransport),
        1 => pick().prop_map(Op::BadFrame),
        16 => (pick(), peer_text()).prop_map(|(connection, text)| Op::Text(connection, text)),
        3 => (pick(), vec(any::<u8>(), 0..4)).prop_map(|(connection, data)| Op::Binary(connection, data.into())),
        1 => pick().prop_map(Op::Disconnect),
        1 => pick().prop_map(Op::Fail),
        1 => (select(&["GET", "POST", "PUT", "HEAD", ""][..]), pick(), select(&["polling", "websocket", "webtransport", "", "%"][..]))
            .prop_map(|(method, session, transport)| Op::Request(method, session, transport)),
        8 => (pick(), "[a-c€\u{1e}]{0,3}").prop_map(|(session, text)| Op::Send(session, text)),
        3 => (pick(), vec(any::<u8>(), 0..5)).prop_map(|(session, data)| Op::SendBinary(session, data.into())),
        2 => pick().prop_map(Op::Volatile),
        1 => pick().prop_map(Op::Close),
        1 => pick().prop_map(Op::Discard),
        8 => select(&[0, 1, 10, 99, 100, 199, 200, 300, 1_000][..]).prop_map(Op::Advance),
    ]
}

/// The body of a POST: packets, and now and then arbitrary bytes.
pub(crate) fn body() -> impl Strategy<Value = Bytes> {
    let packets = vec(peer_text(), 1..4).prop_map(|texts| Bytes::from(texts.join("\x1e")));
    let bytes = vec(any::<u8>(), 0..8).prop_map(Bytes::from);
    prop_oneof![12 => packets, 1 => bytes]
}
