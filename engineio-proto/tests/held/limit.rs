//! Behaviour at the memory limit of a server.

use std::collections::BTreeSet;

use bytes::Bytes;
use engineio_proto::http::RequestHead;
use engineio_proto::ledger::Ledger;
use engineio_proto::server::{
    CloseReason, Config, Event, Output, Server, ServerEvent, SessionKey, TransportFault,
};
use engineio_proto::{
    ConnectionId, Encoded, Frame, Instant, Message, RequestId, Seed, SendError, Transport,
};

const LIMIT: usize = 1 << 20;
const NOW: Instant = Instant::ZERO;
const ENDED: CloseReason = CloseReason::TransportError(TransportFault::MemoryLimit);

struct Net {
    server: Server,
    sessions: Vec<SessionKey>,
    closed: Vec<(SessionKey, CloseReason)>,
    statuses: Vec<u16>,
    gone: BTreeSet<ConnectionId>,
}

impl Net {
    fn with(clients: u64) -> Self {
        let config = Config::default()
            .with_max_bytes_held(LIMIT)
            .with_transports(Config::default().transports.with(Transport::WebTransport));
        Self::of(config, clients)
    }

    fn of(config: Config, clients: u64) -> Self {
        let mut net = Self {
            server: Server::new(config, 0, &Seed::new([3; 32])).unwrap(),
            sessions: Vec::new(),
            closed: Vec::new(),
            statuses: Vec::new(),
            gone: BTreeSet::new(),
        };
        for number in 0..clients {
            net.open(number);
        }
        net
    }

    fn open(&mut self, number: u64) {
        self.ask(number);
        self.take(true);
    }

    fn ask(&mut self, number: u64) {
        let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(ConnectionId(number), &head.with_upgrade(), NOW);
    }

    fn take(&mut self, frames: bool) {
        while let Some(output) = self.server.poll_output() {
            self.check();
            match output {
                Output::Frames { connection } if frames => {
                    while self.server.poll_frame(connection).is_some() {}
                }
                Output::Event(ServerEvent::Opened { session, .. }) => self.sessions.push(session),
                Output::Event(ServerEvent::Session {
                    session,
                    event: Event::Closed(reason),
                }) => self.closed.push((session, reason)),
                Output::Respond { response, .. } | Output::Refuse { response, .. } => {
                    self.statuses.push(response.status);
                }
                Output::Close { connection } => {
                    self.gone.insert(connection);
                }
                Output::Event(_) | Output::Accept { .. } | Output::Frames { .. } => {}
            }
        }
    }

    fn check(&self) {
        let held = self.server.bytes_held();
        assert!(held <= LIMIT, "{held} of {LIMIT}");
    }

    /// A case in which answers that nobody takes exceed the limit.
    fn send_over(&mut self, client: usize, message: &Encoded) -> Result<(), SendError> {
        self.server.send(self.sessions[client], message)
    }

    fn send(&mut self, client: usize, message: &Encoded) -> Result<(), SendError> {
        let sent = self.server.send(self.sessions[client], message);
        self.check();
        sent
    }
}

fn text(len: usize) -> Encoded {
    Encoded::new(&Message::text("x".repeat(len)))
}

#[test]
fn handshakes_are_refused_before_anybody_is_ended() {
    let mut net = Net::with(2);
    net.send(0, &text(LIMIT * 4 / 5)).unwrap();
    net.ask(2);
    net.take(false);
    assert_eq!(net.sessions.len(), 3, "there is room");
    while net.server.bytes_held() <= LIMIT - LIMIT / 16 {
        net.send(1, &text(1_000)).unwrap();
    }
    net.ask(3);
    let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
    net.server
        .handle_request(RequestId(1), &head, Bytes::new(), NOW);
    let head = RequestHead::new("CONNECT", "/engine.io/", "");
    net.server.handle_webtransport(ConnectionId(4), &head, NOW);
    net.take(false);
    assert_eq!(net.statuses, [503; 3]);
    assert_eq!((net.sessions.len(), &*net.closed), (3, &[][..]));
    let stats = net.server.stats();
    assert_eq!(
        (stats.refused.memory_limit, stats.ended_by_memory_limit),
        (3, 0)
    );
}

#[test]
fn the_session_ends_whose_removal_frees_most_and_is_told() {
    let mut net = Net::with(5);
    let shared = text(LIMIT / 2);
    for client in 0..4 {
        net.send(client, &shared).unwrap();
    }
    net.send(0, &text(1_000)).unwrap();
    net.send(1, &text(LIMIT / 5)).unwrap();
    net.send(2, &text(2_000)).unwrap();
    assert_eq!(net.closed, []);
    for _ in 0..2 {
        net.send(4, &text(LIMIT / 8)).unwrap();
    }
    net.take(false);
    // What is shared counts for nobody; client 4 holds more alone than client 1.
    assert_eq!(net.closed, [(net.sessions[4], ENDED)]);
    assert!(net.gone.contains(&ConnectionId(4)));
    assert_eq!(net.server.stats().ended_by_memory_limit, 1);
    assert_eq!(net.send(4, &text(1)), Err(SendError::Closed));
    for client in 0..4 {
        net.send(client, &text(1)).unwrap();
    }
}

/// No session holds such messages alone, and sessions that hold little must not end for them.
#[test]
fn messages_that_a_few_share_end_them_and_nobody_else() {
    let mut net = Net::with(40);
    for _ in 0..3 {
        let shared = text(LIMIT * 28 / 100);
        for client in 0..2 {
            net.send(client, &shared).unwrap();
        }
    }
    assert_eq!(net.server.stats().ended_by_memory_limit, 0);
    for number in 0..190 {
        net.send(2 + number % 38, &text(200)).unwrap();
    }
    net.take(false);
    let mut ended: Vec<_> = net.closed.iter().map(|(session, _)| *session).collect();
    ended.sort_unstable();
    assert_eq!(ended, net.sessions[..2]);
}

/// The queues of two sessions need no slots for these messages, so neither holds anything alone.
#[test]
fn sessions_that_hold_nothing_alone_end_too() {
    let mut net = Net::with(2);
    for _ in 0..3 {
        let shared = text(LIMIT * 28 / 100);
        for client in 0..2 {
            net.send(client, &shared).unwrap();
        }
    }
    assert_eq!(net.server.stats().ended_by_memory_limit, 0);
    // Answers to refused requests cannot be dropped.
    let unknown = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=nonsense");
    for number in 0..500 {
        net.server
            .handle_request(RequestId(number), &unknown, Bytes::new(), NOW);
        net.check();
    }
    assert_eq!(net.server.stats().ended_by_memory_limit, 2);
}

/// Another machine that holds the same message does not affect this one.
#[test]
fn what_another_machine_asks_of_a_message_counts_there() {
    let messages: Vec<_> = (0..3)
        .map(|_| Encoded::binary(vec![1; 1_000].into()))
        .collect();
    let held = |before: usize, after: usize| {
        let mut other = Net::with(1);
        let mut net = Net::with(2);
        let mut seen = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            if number < before {
                other.send(0, message).unwrap();
                let _form = (message.polling_packet(), message.frame_v3());
            }
            for client in 0..2 {
                net.send(client, message).unwrap();
                seen.push(net.server.bytes_held());
            }
            if number < after {
                let _over = other.send(0, message);
                let _form = message.text_packet_v3();
                other.take(true);
            }
            seen.push(net.server.bytes_held());
        }
        drop(other);
        while net.server.poll_frame(ConnectionId(0)).is_some() {
            seen.push(net.server.bytes_held());
        }
        seen
    };
    let alone = held(0, 0);
    for (before, after) in [(0, 3), (3, 0), (3, 3), (2, 1)] {
        assert_eq!(held(before, after), alone, "{before} {after}");
    }
}

/// A machine that is dropped with messages in its queues leaves no trace in them.
#[test]
fn a_machine_that_is_dropped_holds_nothing_any_more() {
    let message = text(10_000);
    for _ in 0..100 {
        let mut net = Net::with(2);
        for client in 0..2 {
            net.send(client, &message).unwrap();
        }
        assert!(net.server.bytes_held() > 10_000);
        let ledger = net.server.ledger().clone();
        drop(net);
        assert_eq!(ledger.total(), 0);
    }
}

/// Answers cannot be dropped. While they alone exceed the limit, not every call searches for a session to end.
#[test]
fn answers_that_are_not_taken_are_kept_and_end_nobody_later() {
    let mut net = Net::with(1);
    let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=nonsense");
    for number in 0..20_000 {
        net.server
            .handle_request(RequestId(number), &head, Bytes::new(), NOW);
    }
    assert!(net.server.is_over_limit());
    assert_eq!(net.send_over(0, &text(LIMIT / 2)), Ok(()));
    let mut answers = 0;
    while let Some(output) = net.server.poll_output() {
        answers += usize::from(matches!(output, Output::Respond { .. }));
    }
    assert_eq!((answers, net.server.bytes_held()), (20_000, 0));
}

#[test]
fn of_equal_sessions_the_oldest_ends() {
    let mut net = Net::with(4);
    // The first slot is taken by the youngest session.
    net.server.handle_connection_closed(ConnectionId(0), NOW);
    net.take(true);
    net.open(7);
    assert_eq!(net.sessions[4].slot(), 0);
    net.closed.clear();
    for client in [4, 2, 1] {
        net.send(client, &text(LIMIT / 4)).unwrap();
    }
    net.take(false);
    assert_eq!(net.closed, []);
    // Another session exceeds the limit.
    for _ in 0..140 {
        net.send(3, &text(1_000)).unwrap();
    }
    net.take(false);
    assert_eq!(net.closed, [(net.sessions[1], ENDED)]);
}

#[test]
fn a_message_that_alone_exceeds_the_limit_is_refused() {
    let mut net = Net::with(2);
    let too_large = SendError::TooLarge { limit: LIMIT };
    assert_eq!(net.send(0, &text(LIMIT)), Err(too_large));
    let many = net.server.send_many(net.sessions.clone(), &text(LIMIT));
    assert_eq!((many.sent, many.full), (0, 2));
    net.take(true);
    assert_eq!((net.server.bytes_held(), &*net.closed), (0, &[][..]));
}

/// The server may hold exactly the limit.
#[test]
fn a_message_that_takes_all_of_the_limit_goes() {
    let message = text(LIMIT / 2);
    let ledger = Ledger::new();
    ledger.hold(&message);
    let size = ledger.total();
    for (limit, sent) in [(size - 1, 0), (size, 1)] {
        let config = Config::default().with_max_bytes_held(limit);
        let mut net = Net::of(config, 1);
        let many = net.server.send_many(net.sessions.clone(), &message);
        assert_eq!(many.sent, sent);
        assert_eq!(net.server.bytes_held(), size * sent);
        net.take(false);
        assert_eq!(net.closed, []);
    }
}

#[test]
fn messages_that_the_application_does_not_take_end_their_session() {
    let mut net = Net::with(2);
    net.server
        .handle_frame(ConnectionId(1), Frame::Text("4small".into()), NOW);
    for _ in 0..3 {
        let text = format!("4{}", "x".repeat(LIMIT / 3));
        net.server
            .handle_frame(ConnectionId(0), Frame::Text(text.into()), NOW);
        net.check();
    }
    net.take(true);
    assert_eq!(net.closed, [(net.sessions[0], ENDED)]);
    assert_eq!(net.server.bytes_held(), 0);
}

/// The answer to the held poll is still a script.
#[test]
fn a_page_that_polls_by_scripts_is_told_by_one() {
    let config = Config::default().with_max_bytes_held(LIMIT);
    let mut net = Net::of(config.with_allow_jsonp(true), 0);
    let get = |net: &mut Net, id: u64, query: &str| {
        let head = RequestHead::new("GET", "/engine.io/", query);
        net.server
            .handle_request(RequestId(id), &head, Bytes::new(), NOW);
    };
    get(&mut net, 1, "EIO=4&transport=polling&j=0");
    net.take(true);
    let session = net.server.session(net.sessions[0]).unwrap();
    let query = format!("EIO=4&transport=polling&j=0&sid={}", session.sid().as_str());
    get(&mut net, 2, &query);
    for id in 3..6 {
        let head = RequestHead::new("POST", "/engine.io/", &query);
        let body = format!("d=4{}", "x".repeat(LIMIT / 3));
        net.server
            .handle_request(RequestId(id), &head, body.into(), NOW);
    }
    let mut answers = Vec::new();
    while let Some(output) = net.server.poll_output() {
        if let Output::Respond { request, response } = output
            && request == RequestId(2)
        {
            answers.push(response.body);
        }
    }
    assert_eq!(answers, [r#"___eio[0]("1");"#]);
}

/// At the limit, a send looks at few messages on average.
#[test]
fn many_small_sessions_at_the_limit_end_in_groups() {
    let mut net = Net::with(500);
    for _ in 0..30 {
        for client in 0..500 {
            let _over = net.send(client, &text(100));
        }
    }
    net.take(false);
    let ended = net.closed.len();
    assert!(ended > 100, "{ended}");
    // Each search frees a 64th of the limit: some ten of these sessions.
    assert!(net.closed.iter().all(|(_, reason)| *reason == ENDED));
    assert_eq!(net.server.stats().ended_by_memory_limit, ended as u64);
}

/// According to the allocator, the limit bounds the memory beyond idle sessions.
#[test]
fn what_all_clients_make_the_server_hold_stays_below_the_limit() {
    let mut net = Net::with(200);
    let mut sent = 0;
    let info = allocation_counter::measure(|| {
        for round in 0..40 {
            for client in 0..200 {
                let message = text(500 + round);
                sent += 500;
                let _over = net.send(client, &message);
                let text = format!("4{}", "x".repeat(300));
                let frame = Frame::Text(text.into_boxed_str().into_string().into());
                let connection = ConnectionId(client as u64);
                net.server.handle_frame(connection, frame, NOW);
            }
        }
    });
    println!("{sent} B sent, {} B held at most", info.bytes_max);
    assert!(
        info.bytes_max <= LIMIT as u64 + 10_000,
        "{}",
        info.bytes_max
    );
}
