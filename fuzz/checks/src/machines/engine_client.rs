//! The Engine.IO client with an application that does anything.

use std::time::Duration;

use engineio_proto::client::{Client, Config, Event};
use engineio_proto::{Encoded, Message, Revision, Transport};

use super::MOST_STEPS;
use super::client::{BEAT, NETWORK_OPS, Rig, seed};
use crate::input::Input;

/// A history of server, network, application and clock; the first byte chooses the settings.
///
/// No id is used twice. Each opening ends with one `Closed`, and no event comes between that and the next opening. The
/// queue stays within its limits. A closed client has nothing left: no request, no connection, no deadline. In half of
/// the histories the server first stops reading while it continues to send, and the client gives it up.
pub fn engine_client_ops(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    // Revision 3 knows no WebTransport.
    let revision = match choice & 32 != 0 && choice & 3 != 3 {
        true => Revision::V3,
        false => Revision::V4,
    };
    let config = config(choice).with_revision(revision);
    let (messages, bytes) = (config.max_buffered_messages, config.max_buffered_bytes);
    let mut rig = Rig::of(
        revision,
        Client::new(config, &seed()).expect("good settings"),
    );
    let mut told = Told::default();
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let op = input.byte() % (NETWORK_OPS + 12);
        match op.checked_sub(NETWORK_OPS) {
            None => rig.network(op, &mut input),
            Some(op) => act(&mut rig, op, &mut told, &mut input),
        }
        if !op.is_multiple_of(3) {
            told.take(rig.take());
        }
        let buffered = rig.machine.buffered();
        assert!(buffered.messages <= messages);
        // One message may be larger, if it waits alone: here it has two parts at most.
        assert!(buffered.bytes <= bytes || buffered.messages <= 2);
    }
    if data.len().is_multiple_of(2) {
        go_blind(&mut rig, revision, &mut told);
    }
    rig.machine.close(rig.now);
    rig.end(|_, events| told.take(events));
    assert!(rig.machine.is_closed());
    assert_eq!(told.opened, told.closed, "each opening ends once");
    assert_eq!(rig.machine.poll_timeout(), None);
}

/// Makes the server stop reading. The client must give it up after one round of the heartbeat that may have left, and
/// one that waits. Opening and probes have their own timeouts.
fn go_blind(rig: &mut Rig<Client>, revision: Revision, told: &mut Told) {
    told.take(rig.take());
    if told.period > LONGEST_PERIOD {
        return;
    }
    let packets: &[_] = match (revision, told.opened % 2) {
        (Revision::V3, 0) => &["3", "6"],
        (Revision::V3, _) => &["6", "4a"],
        _ => &["2", "6"],
    };
    let lasts = told.period * 3 + LONGEST_OPENING + BEAT * 4;
    rig.go_blind(packets, lasts, |events| told.take(events));
    assert!(rig.machine.is_closed(), "{:?}", rig.machine);
}

/// The largest interval and timeout of a handshake for which the end is awaited.
const LONGEST_PERIOD: Duration = Duration::from_secs(10);

/// The maximum time of an opening before it has failed.
const LONGEST_OPENING: Duration = Duration::from_millis(900);

fn act(rig: &mut Rig<Client>, op: u8, told: &mut Told, input: &mut Input<'_>) {
    let (client, now) = (&mut rig.machine, rig.now);
    match op {
        0..=2 => {
            told.opened += usize::from(client.is_closed());
            client.open(now);
        }
        3..=5 => drop(client.send(&Encoded::new(&Message::Text(input.text())))),
        6 => drop(client.send_parts(&[
            Encoded::new(&Message::text("51-")),
            Encoded::binary(input.binary()),
        ])),
        7 => drop(client.send_volatile(&[Encoded::new(&Message::text("v"))])),
        8 => client.close(now),
        9 if input.byte().is_multiple_of(4) => client.discard(),
        10 => drop(client.has_ping_expired(now)),
        _ => drop(client.take_unsent().count()),
    }
}

/// The events that the application received.
#[derive(Default)]
struct Told {
    opened: usize,
    closed: usize,
    /// The interval and timeout of the last handshake.
    period: Duration,
}

impl Told {
    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            assert!(self.closed < self.opened, "{event:?} while nothing is open");
            if let Event::Opened(open) = &event {
                self.period = open.ping_interval.saturating_add(open.ping_timeout);
            }
            self.closed += usize::from(matches!(event, Event::Closed(_)));
        }
    }
}

pub(super) fn config(choice: u8) -> Config {
    let transports = match choice & 3 {
        0 => vec![Transport::Polling],
        1 => vec![Transport::WebSocket],
        2 => vec![Transport::Polling, Transport::WebSocket],
        _ => vec![
            Transport::Polling,
            Transport::WebSocket,
            Transport::WebTransport,
        ],
    };
    let config = Config::default()
        .with_transports(transports)
        .with_try_all_transports(choice & 4 != 0)
        .with_remember_upgrade(choice & 8 != 0)
        .with_credentials_sent(true)
        .with_open_timeout(LONGEST_OPENING)
        .with_probe_timeout(Duration::from_millis(400))
        .with_max_buffered(4_000, 40)
        .with_max_undelivered(4_000, 40);
    if choice & 16 == 0 {
        return config;
    }
    config
        .with_request_timeout(Duration::from_millis(300))
        .with_max_payload(200)
        .with_max_packets_per_post(2)
        .with_max_buffered(80, 3)
        .with_max_undelivered(80, 3)
}
