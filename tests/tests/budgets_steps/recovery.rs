//! Connection state recovery.

use std::sync::Arc;

use socketio_proto::engine::{Encoded, Instant, Message, Sid};
use socketio_proto::server::{
    Config, LoggedPacket, Recipients, RecoveryConfig, RecoveryStore, SavedSession, SocketId, Target,
};
use socketio_proto::{EncodedPacket, Payload};

use crate::net::Net;

const PID: &str = "BBBBBBBBBBBBBBBBBBBB";

fn packet(number: usize, rooms: Vec<Arc<str>>) -> LoggedPacket {
    LoggedPacket {
        offset: format!("{number}").into(),
        recipients: Recipients {
            except_rooms: rooms.clone(),
            rooms,
            ..Recipients::default()
        },
        packet: EncodedPacket::from_parts(vec![Encoded::new(&Message::text("2"))]).unwrap(),
        sent_at: Instant::ZERO,
    }
}

/// The steps of giving a session in so many rooms back, where each packet was for so many other rooms.
fn restore(packets: usize, rooms_of_packet: usize, rooms_of_session: usize) -> usize {
    let config = RecoveryConfig::default()
        .with_max_packets(20_000)
        .with_max_bytes(usize::MAX);
    let mut store = RecoveryStore::new(config);
    let names = |kind: &str, count| -> Vec<Arc<str>> {
        (0..count)
            .map(|room| format!("{kind} {room}").into())
            .collect()
    };
    let rooms = names("packet", rooms_of_packet);
    for number in 0..=packets {
        store.record(packet(number, rooms.clone()));
    }
    store.save(SavedSession {
        socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
        pid: Sid::parse(PID).unwrap(),
        rooms: names("session", rooms_of_session).into_iter().collect(),
        data: None,
        disconnected_at: Instant::ZERO,
    });
    let before = store.steps();
    let restored = store.restore(&Sid::parse(PID).unwrap(), "0", Instant::ZERO);
    assert!(restored.unwrap().missed.is_empty());
    let taken = store.steps() - before;
    println!(
        "{packets} packets to {rooms_of_packet} rooms, a session in {rooms_of_session}: {taken} steps"
    );
    taken
}

#[test]
fn a_session_in_few_rooms_is_given_back_without_a_look_at_all_rooms_of_the_packets() {
    for (packets, rooms_of_packet, rooms_of_session) in
        [(1_000, 1_000, 1), (10_000, 1, 4_000), (1_000, 500, 400)]
    {
        let taken = restore(packets, rooms_of_packet, rooms_of_session);
        let fewer = rooms_of_packet.min(rooms_of_session);
        assert!(taken <= packets * (fewer + 1), "{taken}");
    }
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, behind: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(behind).unwrap().0
}

#[test]
fn what_is_sent_looks_only_at_those_whom_it_concerns_of_the_clients_that_wait() {
    const WAITING: u64 = 10_000;
    let recovery = RecoveryConfig::default().with_skip_middlewares(false);
    let config = Config::default().with_connection_state_recovery(Some(recovery));
    let mut net = Net::with_clients(config, WAITING + 1);
    let pids = net.texts.iter().filter(|text| text.starts_with("40"));
    let pids: Vec<_> = pids
        .map(|text| between(text, r#""pid":""#, "\"").to_owned())
        .collect();
    net.server.join_many(&Target::namespace("/"), "all");
    net.server.join(net.sockets[7], "few").unwrap();
    let event = Payload::event("news").build().unwrap();
    net.texts.clear();
    net.server
        .broadcast(&Target::namespace("/"), &event, net.now)
        .unwrap();
    net.drain();
    let offset = between(&net.texts[0], r#""news",""#, "\"").to_owned();
    net.hold = true;
    for client in 0..WAITING {
        net.vanish(client);
        let connection = client + WAITING + 1;
        net.open(connection);
        let pid = &pids[client as usize];
        net.text(
            connection,
            &format!(r#"40{{"pid":"{pid}","offset":"{offset}"}}"#),
        );
    }
    assert_eq!(net.undecided.len(), WAITING as usize);

    let stays = net.sockets[WAITING as usize];
    let now = net.now;
    let taken = net.steps("an event to one while 10,000 wait", |server| {
        server.emit(stays, &event, now).unwrap();
    });
    assert!(taken <= 20, "{taken}");
    let target = Target::namespace("/");
    for (what, rooms, concerned) in [
        ("an event to a room of none of them", &["none"][..], 0),
        ("an event to a room of one of them", &["few"], 1),
        (
            "an event to a room of all of them",
            &["all"],
            WAITING as usize,
        ),
        ("an event to all", &[], WAITING as usize),
    ] {
        let now = net.now;
        let taken = net.steps(what, |server| {
            server.broadcast(&target.rooms(rooms), &event, now).unwrap();
        });
        assert!(taken <= 3 * concerned + 30, "{what}: {taken}");
    }
    let now = net.now;
    let taken = net.steps("an event to all but all of them", |server| {
        server
            .broadcast(&target.except_rooms(&["all"]), &event, now)
            .unwrap();
    });
    assert!(taken <= 2 * WAITING as usize + 30, "{taken}");
}

#[test]
fn what_expires_at_once_is_forgotten_a_part_at_a_time() {
    const SESSIONS: usize = 2_000;
    const ROOMS: usize = 50;
    const PER_CALL: usize = 16_384;
    let config = RecoveryConfig::default()
        .with_max_sessions(SESSIONS)
        .with_max_packets(SESSIONS);
    let mut store = RecoveryStore::new(config);
    let rooms: Vec<Arc<str>> = (0..ROOMS).map(|room| format!("{room}").into()).collect();
    for number in 0..SESSIONS {
        store.record(packet(number, vec![Arc::clone(&rooms[0])]));
        store.save(SavedSession {
            socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
            pid: Sid::parse(PID).unwrap(),
            rooms: rooms.iter().cloned().collect(),
            data: None,
            disconnected_at: Instant::ZERO,
        });
    }
    let mut net = Net::new(Config::default().with_connection_state_recovery(Some(config)));
    assert!(net.server.set_recovery_store("/", store, net.now));
    let end = net.now + config.max_disconnection_duration * 2;
    let kept = |net: &Net| {
        let store = net.server.recovery_store("/");
        store.map_or(0, |store| {
            store.packets().count() * 3 + store.sessions().count() * (ROOMS + 1)
        })
    };
    let (mut calls, mut before) = (0, kept(&net));
    while net.server.poll_timeout().is_some_and(|due| due <= end) {
        net.server.handle_timeout(end);
        let now = kept(&net);
        assert!(before - now <= PER_CALL + ROOMS, "{}", before - now);
        (calls, before) = (calls + 1, now);
    }
    println!("2,000 sessions in 50 rooms each expire in {calls} calls");
    assert_eq!((before, calls), (0, 7));
    assert!(net.server.recovery_store("/").is_none());
}
