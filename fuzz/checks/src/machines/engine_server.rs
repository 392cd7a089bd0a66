//! The Engine.IO server with an application that does anything.

use std::time::Duration;

use engineio_proto::server::{Admission, Config, Event, HandshakeToken, Server, ServerEvent};
use engineio_proto::{Encoded, Message, Transport, Transports};

use super::server::{Life, Machine, NETWORK_OPS, Rig, seed};
use super::{MOST_STEPS, pick};
use crate::input::Input;

impl Machine for Server {
    fn engine(&self) -> &Server {
        self
    }

    fn life(event: &ServerEvent) -> Life {
        life(event)
    }
}

/// A history of clients, application and clock; the first byte chooses the settings.
///
/// Every request is answered once, and every connection closed. Every session opens and closes once, and is silent
/// afterwards. The memory held stays within the limits. Once time has passed nothing is left: no session, no byte, no
/// deadline. In half of the histories clients first stop reading while they continue to send, and all of them are timed
/// out.
pub fn engine_server_ops(data: &[u8]) {
    let mut input = Input::new(data);
    let config = config(input.byte());
    let limit = config.max_bytes_held;
    let mut rig = Rig::new(Server::new(config, 3, &seed()).expect("good settings"));
    let mut asked = Vec::new();
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let op = input.byte() % (NETWORK_OPS + 14);
        match op.checked_sub(NETWORK_OPS) {
            None => rig.network(op, &mut input),
            Some(op) => act(&mut rig, op, &mut asked, &mut input),
        }
        // Taking outputs later makes no difference to what must hold.
        if !op.is_multiple_of(3) {
            asked.extend(tokens(rig.take()));
        }
        asked.extend(tokens(rig.check_held(limit)));
    }
    if data.len().is_multiple_of(2) {
        rig.go_blind(|_, _| {});
    }
    rig.end(|_, _| {});
}

fn act(rig: &mut Rig<Server>, op: u8, asked: &mut Vec<HandshakeToken>, input: &mut Input<'_>) {
    let (sessions, now) = (rig.open_sessions(), rig.now);
    let session = pick(&sessions, input.byte());
    let server = &mut rig.machine;
    match (op, session) {
        (0..=1, _) => {
            if let Some(token) = asked.pop() {
                // Who waited too long is gone.
                let _gone = server.accept(token, now);
            }
        }
        (2, _) => {
            if let Some(token) = asked.pop() {
                let _gone = server.reject(token, Some("no"));
            }
        }
        (3..=5, Some(session)) => {
            let _refused = server.send(*session, &Encoded::new(&Message::Text(input.text())));
        }
        (6, Some(session)) => drop(server.send(*session, &Encoded::binary(input.binary()))),
        (7, Some(session)) => {
            let parts = [
                Encoded::new(&Message::text("51-")),
                Encoded::binary(input.binary()),
            ];
            let _dropped = server.send_volatile(*session, &parts);
        }
        (8 | 9, Some(session)) => server.close(*session, now),
        (10, Some(session)) => server.discard(*session),
        (11, _) => server.set_admission(if input.byte().is_multiple_of(4) {
            Admission::Closed
        } else {
            Admission::Open
        }),
        (12, _) if input.byte().is_multiple_of(8) => {
            server.shut_down(Duration::from_millis(100), now)
        }
        _ => drop(server.send_many(sessions, &Encoded::new(&Message::text("all")))),
    }
}

fn tokens(events: Vec<ServerEvent>) -> impl Iterator<Item = HandshakeToken> {
    events.into_iter().filter_map(|event| match event {
        ServerEvent::Handshake { token, .. } => Some(token),
        _ => None,
    })
}

pub(super) fn config(choice: u8) -> Config {
    let config = Config::default()
        .with_transports(Transports::default().with(Transport::WebTransport))
        .with_allow_eio3(true)
        .with_allow_jsonp(true)
        .with_max_pending_streams(3)
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
        .with_upgrade_timeout(Duration::from_millis(400))
        .with_close_timeout(Duration::from_millis(250))
        .with_max_buffered(4_000, 40)
        .with_max_undelivered(4_000, 40)
        .with_max_sessions(8)
        .with_max_bytes_held(if choice & 1 == 0 { 64 << 10 } else { 1 << 20 })
        .with_allow_request(choice & 1 != 0)
        .with_report_refusals(choice & 2 != 0);
    if choice & 4 == 0 {
        return config;
    }
    config
        .with_max_payload(60)
        .with_max_buffered(80, 3)
        .with_max_undelivered(80, 3)
        .with_max_packets_per_payload(3)
        .with_initial_packet(Message::text("i"))
}

fn life(event: &ServerEvent) -> Life {
    match event {
        ServerEvent::Opened { session, .. } => Life::Opened(*session),
        ServerEvent::Session {
            session,
            event: Event::Closed(_),
        } => Life::Closed(*session),
        ServerEvent::Session { session, .. } => Life::Of(*session),
        _ => Life::Other,
    }
}
