//! The Socket.IO client with an application that does anything.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use engineio_proto::client::Endpoint;
use socketio_proto::Payload;
use socketio_proto::client::{
    AckId, AckToken, AuthToken, Client, Config, Event, Reconnection, SocketKey, SocketOptions,
};
use socketio_proto::parser::Parser;

use super::client::{NETWORK_OPS, Rig, seed};
use super::{MOST_STEPS, engine_client, pick};
use crate::input::Input;

const NAMESPACES: [&str; 3] = ["/", "/a", "/asked"];

/// A history of server, network, application and clock; the first byte chooses the settings.
///
/// Each event that awaits an acknowledgement gets one or fails, once. A socket is told of a connection and of its end
/// in turns. Buffers stay within their limits. Once everything is disconnected, nothing is left.
pub fn socket_client_ops(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let mut rig = Rig::new(Client::new(config(choice), &seed()).expect("good settings"));
    let mut app = App::default();
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let op = input.byte() % (NETWORK_OPS + 20);
        match op.checked_sub(NETWORK_OPS) {
            None => rig.network(op, &mut input),
            Some(op) => app.act(&mut rig, op, &mut input),
        }
        if !op.is_multiple_of(3) {
            app.take(rig.take());
        }
        check_limits(&rig.machine);
    }
    app.stop(&mut rig);
    rig.end(|_, events| app.take(events));
    assert_eq!(app.awaited, BTreeSet::new(), "every acknowledgement ends");
    for socket in rig.machine.sockets().collect::<Vec<_>>() {
        assert!(!rig.machine.is_connected(socket));
        assert!(rig.machine.forget(socket));
    }
    assert_eq!(rig.machine.poll_timeout(), None);
}

#[derive(Default)]
struct App {
    tokens: VecDeque<AckToken>,
    questions: VecDeque<AuthToken>,
    awaited: BTreeSet<AckId>,
    forgotten: BTreeSet<SocketKey>,
    connected: BTreeSet<SocketKey>,
}

impl App {
    fn act(&mut self, rig: &mut Rig<Client>, op: u8, input: &mut Input<'_>) {
        let (client, now) = (&mut rig.machine, rig.now);
        let sockets: Vec<_> = client.sockets().collect();
        let socket = pick(&sockets, input.byte()).copied();
        // Few steps need an event, and building one takes longer than most steps.
        let choice = input.byte();
        match (op, socket) {
            (0..=3, _) => {
                let namespace = NAMESPACES[usize::from(input.byte()) % NAMESPACES.len()];
                let _limit = client.connect(namespace, options(namespace), now);
            }
            (4 | 5, Some(socket)) => drop(client.emit(socket, &event(choice), now)),
            (6..=8, Some(socket)) => {
                let timeout = Duration::from_millis(u64::from(input.byte()) * 10);
                let timeout = Some(timeout).filter(|timeout| *timeout < Duration::from_secs(2));
                if let Ok(id) = client.emit_with_ack(socket, &event(choice), timeout, now) {
                    assert!(self.awaited.insert(id), "no id is used twice");
                }
            }
            (9, Some(socket)) => drop(client.emit_volatile(socket, &event(choice), now)),
            (10, Some(socket)) => drop(client.clear_buffer(socket)),
            (11, Some(socket)) => drop(client.disconnect(socket, now)),
            (12, Some(socket)) => drop(client.connect_again(socket, now)),
            (13, Some(socket)) if input.byte().is_multiple_of(4) => {
                client.forget(socket);
                self.forgotten.insert(socket);
                self.connected.remove(&socket);
            }
            (14, _) => {
                if let Some(token) = self.tokens.pop_front() {
                    let _over = client.respond(token, &Payload::no_args(), now);
                }
            }
            (15 | 16, _) => {
                if let Some(token) = self.questions.pop_front() {
                    let _over = client.provide_auth(token, None, now);
                }
            }
            (17, _) => client.open(now),
            (18, _) => client.close(now),
            _ => client.set_reconnection(if input.byte().is_multiple_of(4) {
                Reconnection::Manual
            } else {
                Reconnection::Automatic
            }),
        }
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Connected { socket, .. } if !self.forgotten.contains(&socket) => {
                    assert!(self.connected.insert(socket), "connected twice");
                }
                Event::Disconnected { socket, .. } if !self.forgotten.contains(&socket) => {
                    self.connected.remove(&socket);
                }
                // Events that arrive before the answer to CONNECT come before it, as in the official client.
                Event::Event { ack, .. } => self.tokens.extend(ack),
                Event::Ack { id, .. } | Event::AckFailed { id, .. } => {
                    assert!(self.awaited.remove(&id), "each ends once");
                }
                Event::AuthRequired { token, .. } => self.questions.push_back(token),
                _ => {}
            }
        }
    }

    fn stop(&mut self, rig: &mut Rig<Client>) {
        let (client, now) = (&mut rig.machine, rig.now);
        client.set_reconnection(Reconnection::Manual);
        for socket in client.sockets().collect::<Vec<_>>() {
            client.clear_buffer(socket);
            client.disconnect(socket, now).expect("it is there");
            client.clear_buffer(socket);
        }
        client.close(now);
    }
}

fn check_limits(client: &Client) {
    let config = client.config();
    for socket in client.sockets() {
        let buffered = client.buffered(socket);
        for (events, bytes) in [
            (buffered.events, buffered.bytes),
            (buffered.retries, buffered.retry_bytes),
            (buffered.received, buffered.received_bytes),
        ] {
            assert!(events <= config.max_buffered_events);
            assert!(bytes <= config.max_buffered_bytes || events == 1);
        }
    }
    assert!(client.sockets().count() <= config.max_namespaces);
}

fn config(choice: u8) -> Config {
    let engine = engine_client::config(choice);
    let mut config = Config::new(Endpoint::default())
        .with_timeout(Some(Duration::from_millis(900)))
        .with_namespace_timeout(Some(Duration::from_millis(800)))
        .with_reconnection_delay(Duration::from_millis(100))
        .with_reconnection_delay_max(Duration::from_millis(500))
        .with_report_packets(choice & 32 != 0)
        .with_max_namespaces(2 + usize::from(choice & 1))
        .with_max_buffered(5, 200)
        .with_max_pending_acks(4);
    config.engine = engine;
    if choice & 64 != 0 {
        config = config.with_parser(Parser::MsgPack);
    }
    config
}

fn options(namespace: &str) -> SocketOptions {
    match namespace {
        "/a" => SocketOptions::default()
            .with_retries(2)
            .with_ack_timeout(Some(Duration::from_millis(700))),
        "/asked" => SocketOptions::default().with_auth_asked(),
        _ => SocketOptions::default(),
    }
}

pub(super) fn event(choice: u8) -> Payload {
    let event = Payload::event("e").arg(&choice);
    let event = if choice.is_multiple_of(4) {
        event.binary(vec![choice; 3])
    } else {
        event
    };
    event.build().expect("a payload")
}
