//! Connection state recovery.

use std::sync::Arc;

use socketio_proto::EncodedPacket;
use socketio_proto::engine::{Encoded, Instant, Message, Sid};
use socketio_proto::server::{
    LoggedPacket, Recipients, RecoveryConfig, RecoveryStore, SavedSession, SocketId,
};

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
