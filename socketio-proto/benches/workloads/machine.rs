//! The server alone: no sockets, but a driver that takes each output at once.

use benchmarks::Run;
use bytes::Bytes;
use socketio_proto::Payload;
use socketio_proto::engine::{ByteString, ConnectionId, Frame};
use socketio_proto::server::{Config, RecoveryConfig, Target};

use super::net::{Net, text};

const CLIENTS: u64 = 1_000;

/// 48 bytes.
const TEXT: &str = "forty-eight bytes of text, as in a short message";

/// An event with acknowledgement from each of 1,000 clients; an operation is one of them.
pub(super) fn echo() -> Run {
    echoes(Net::with_clients(Config::default(), CLIENTS))
}

/// The same, where the application reads the argument and writes it again.
pub(super) fn echo_typed() -> Run {
    let mut net = Net::with_clients(Config::default(), CLIENTS);
    net.answer = |event| {
        let (text,): (String,) = event.args().unwrap();
        Payload::ack().arg(&text).build().unwrap()
    };
    echoes(net)
}

fn echoes(mut net: Net) -> Run {
    let event = Frame::Text(format!(r#"4217["echo","{TEXT}"]"#).into());
    let answers = net.keep(|net| net.frame(Net::connection(0), &event));
    assert_eq!(answers, [format!(r#"4317["{TEXT}"]"#)]);
    Run::new(CLIENTS as u32, move || {
        let before = net.frames;
        for index in 0..CLIENTS {
            net.frame(Net::connection(index), &event);
        }
        assert_eq!(net.frames - before, CLIENTS);
    })
}

/// Events to all of 1,000 clients; an operation is one event that reaches one of them.
pub(super) fn broadcast() -> Run {
    const EVENTS: u64 = 5;
    let mut net = Net::with_clients(Config::default(), CLIENTS);
    let texts = net.keep(|net| broadcast_to(net, &Target::namespace("/")));
    assert_eq!(texts.len() as u64, CLIENTS);
    assert!(
        texts
            .iter()
            .all(|text| *text == format!(r#"42["news","{TEXT}"]"#))
    );
    Run::new((EVENTS * CLIENTS) as u32, move || {
        let before = net.frames;
        for _ in 0..EVENTS {
            broadcast_to(&mut net, &Target::namespace("/"));
        }
        assert_eq!(net.frames - before, EVENTS * CLIENTS);
    })
}

/// Makes an event, and brings it to all who are meant.
pub(super) fn broadcast_to(net: &mut Net, target: &Target<'_>) {
    let event = Payload::event("news").arg(TEXT).build().unwrap();
    net.server.broadcast(target, &event, net.now).unwrap();
    net.drain();
}

/// Events with acknowledgements of 64 clients on HTTP long-polling: the event in a POST, the acknowledgement in the GET that
/// is always outstanding. An operation is one event with both requests.
pub(super) fn polling_echo() -> Run {
    const POLLING: u64 = 64;
    let mut net = Net::new(Config::default());
    let queries: Vec<_> = (0..POLLING).map(|_| join_by_polling(&mut net)).collect();
    let event = Bytes::from(format!(r#"4217["echo","{TEXT}"]"#));
    let bodies = net.keep(|net| net.post(&queries[0], &event));
    assert_eq!(bodies, ["ok".to_owned(), format!(r#"4317["{TEXT}"]"#)]);
    net.get(&queries[0]);
    Run::new(POLLING as u32, move || {
        let before = net.responses;
        for query in &queries {
            net.post(query, &event);
            net.get(query);
        }
        assert_eq!(net.responses - before, 2 * POLLING);
    })
}

/// The query of a new client in `/` that has a GET outstanding.
fn join_by_polling(net: &mut Net) -> String {
    let query = format!("{}&transport=polling", open_by_polling(net));
    net.post(&query, &Bytes::from_static(b"40"));
    net.get(&query);
    net.get(&query);
    query
}

/// The query by which a new session goes on, but for the transport.
fn open_by_polling(net: &mut Net) -> String {
    net.get("EIO=4&t=Pq7x2Lm&transport=polling");
    let sid = between(text(&net.body), r#""sid":""#);
    format!("EIO=4&t=Pq7x2Ln&sid={sid}")
}

/// The text between `before` and the next quotation mark.
fn between<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once('"').unwrap().0
}

/// The whole life of a client beside 1,000 others: handshake by polling, upgrade, join, leave, close. An operation is one
/// client.
pub(super) fn churn() -> Run {
    const LIVES: u32 = 50;
    let mut net = Net::with_clients(Config::default(), CLIENTS);
    let said = net.keep(live);
    let said: Vec<_> = said.iter().map(|text| &text[..text.len().min(3)]).collect();
    assert_eq!(said, ["0{\"", "6", "3pr", "40{"]);
    Run::new(LIVES, move || {
        for _ in 0..LIVES {
            live(&mut net);
        }
    })
}

fn live(net: &mut Net) {
    let query = open_by_polling(net);
    net.get(&format!("{query}&transport=polling"));
    let connection = net.upgrade(&format!("{query}&transport=websocket"));
    for text in ["2probe", "5", "40", "41"] {
        net.frame(connection, &Frame::Text(ByteString::from_static(text)));
    }
    net.close(connection);
    net.sockets.pop();
}

/// Pings and pongs of 20,000 idle clients, whose deadlines are spread over 20 s of the 25 s between two pings. An operation is
/// one ping with its pong.
pub(super) fn heartbeat() -> Run {
    const IDLE: u64 = 20_000;
    const PINGS: u64 = 1_000;
    let mut net = Net::with_clients(Config::default(), IDLE);
    let said = net.keep(Net::pass);
    assert_eq!((said, net.pongs), (vec!["2".to_owned()], 1));
    Run::new(PINGS as u32, move || {
        let end = net.pongs + PINGS;
        while net.pongs < end {
            net.pass();
        }
        assert_eq!(net.pongs, end);
    })
}

/// Clients that lose their connection and come back, with their session and ten events that they missed. An operation is one
/// client.
pub(super) fn recovery() -> Run {
    const LOST: usize = 50;
    const MISSED: usize = 10;
    let recovery = RecoveryConfig::default();
    let config = Config::default().with_connection_state_recovery(Some(recovery));
    let mut net = Net::new(config);
    let mut clients = Vec::new();
    for _ in 0..LOST {
        let connection = net.open();
        let joined = net.keep(|net| net.frame(connection, &Frame::Text("40".into())));
        clients.push((connection, between(&joined[0], r#""pid":""#).to_owned()));
    }
    let all = Target::namespace("/");
    let first = net.keep(|net| broadcast_to(net, &all));
    // The last argument of an event is its offset.
    let offset = between(&first[0], &format!(r#""{TEXT}",""#)).to_owned();
    for _ in 0..MISSED {
        broadcast_to(&mut net, &all);
    }
    let mut clients: Vec<_> = clients
        .into_iter()
        .map(|(connection, pid)| {
            let join = format!(r#"40{{"pid":"{pid}","offset":"{offset}"}}"#);
            (connection, Frame::Text(join.into()))
        })
        .collect();
    let said = net.keep(|net| come_back(net, &mut clients[0]));
    assert_eq!(
        said.len(),
        1 + MISSED + 1,
        "handshake, what was missed, CONNECT"
    );
    Run::new(LOST as u32, move || {
        let before = net.recovered;
        for client in &mut clients {
            come_back(&mut net, client);
        }
        assert_eq!(net.recovered - before, LOST as u64);
    })
}

fn come_back(net: &mut Net, (connection, join): &mut (ConnectionId, Frame)) {
    net.close(*connection);
    *connection = net.open();
    net.frame(*connection, join);
}
