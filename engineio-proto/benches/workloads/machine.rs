//! The server alone: no sockets, but a driver that takes each output at once.

use benchmarks::Run;
use bytes::Bytes;
use engineio_proto::{ByteString, ConnectionId, Encoded, Frame, Message};

use super::net::Net;

const SESSIONS: u64 = 1_000;

/// A text packet with 48 bytes.
const PACKET: &str = "4forty-eight bytes of text, as in a short message";

/// A message to the server and back for each of 1,000 sessions; an operation is one of them.
pub(super) fn echo() -> Run {
    let mut net = Net::with_sessions(SESSIONS);
    let frame = Frame::Text(PACKET.to_owned().into());
    net.handle(ConnectionId(0), &frame);
    assert_eq!(net.frame.as_ref(), Some(&frame));
    Run::new(SESSIONS as u32, move || {
        let before = net.frames;
        for index in 0..SESSIONS {
            net.handle(ConnectionId(index), &frame);
        }
        assert_eq!(net.frames - before, SESSIONS);
    })
}

/// Messages to all of 1,000 sessions; an operation is one message that reaches one of them.
pub(super) fn broadcast() -> Run {
    const MESSAGES: u64 = 5;
    let mut net = Net::with_sessions(SESSIONS);
    let send = |net: &mut Net| {
        let message = Encoded::new(&Message::text(&PACKET[1..]));
        let sent = net.server.send_many(net.sessions.iter().copied(), &message);
        net.drain();
        assert_eq!(sent.sent as u64, SESSIONS);
    };
    send(&mut net);
    assert_eq!(net.frame, Some(Frame::Text(PACKET.into())));
    Run::new((MESSAGES * SESSIONS) as u32, move || {
        let before = net.frames;
        for _ in 0..MESSAGES {
            send(&mut net);
        }
        assert_eq!(net.frames - before, MESSAGES * SESSIONS);
    })
}

/// Messages of 64 sessions on HTTP long-polling: there in a POST, back in the GET that is always outstanding. An operation is
/// one message with both requests.
pub(super) fn polling_echo() -> Run {
    const POLLING: u64 = 64;
    let mut net = Net::new();
    let query = |net: &mut Net| format!("{}&transport=polling", net.open_by_polling());
    let queries: Vec<_> = (0..POLLING).map(|_| query(&mut net)).collect();
    let body = Bytes::from_static(PACKET.as_bytes());
    net.post(&queries[0], &body);
    assert_eq!(net.body, "ok");
    net.get(&queries[0]);
    assert_eq!(net.body, body);
    for query in &queries {
        net.get(query);
    }
    Run::new(POLLING as u32, move || {
        let before = net.responses;
        for query in &queries {
            net.post(query, &body);
            net.get(query);
        }
        assert_eq!(net.responses - before, 2 * POLLING);
    })
}

/// The whole life of a session beside 1,000 others: handshake by polling, upgrade, close. An operation is one session.
pub(super) fn churn() -> Run {
    const LIVES: u32 = 50;
    let mut net = Net::with_sessions(SESSIONS);
    let frames = net.frames;
    live(&mut net);
    assert_eq!(net.body, "6", "what releases the GET");
    assert_eq!(net.frame, Some(Frame::Text("3probe".into())));
    assert_eq!(net.frames - frames, 1);
    Run::new(LIVES, move || {
        for _ in 0..LIVES {
            live(&mut net);
        }
    })
}

fn live(net: &mut Net) {
    let query = net.open_by_polling();
    net.get(&format!("{query}&transport=polling"));
    let connection = net.upgrade(&format!("{query}&transport=websocket"));
    for text in ["2probe", "5"] {
        net.handle(connection, &Frame::Text(ByteString::from_static(text)));
    }
    net.close(connection);
    net.sessions.pop();
}

/// Pings and pongs of 20,000 idle sessions, whose deadlines are spread over 20 s of the 25 s between two pings. An operation
/// is one ping with its pong.
pub(super) fn heartbeat() -> Run {
    const IDLE: u64 = 20_000;
    const PINGS: u64 = 1_000;
    let mut net = Net::with_sessions(IDLE);
    net.pass();
    assert_eq!(net.frame, Some(Frame::Text("2".into())));
    assert_eq!(net.pongs, 1);
    Run::new(PINGS as u32, move || {
        let end = net.pongs + PINGS;
        while net.pongs < end {
            net.pass();
        }
        assert_eq!(net.pongs, end);
    })
}
