//! Operations on the sockets of a target.

use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::server::{Config, DisconnectFrom, Target};

use crate::net::Net;

const MAIN: Target<'static> = Target::namespace("/");
const MEMBERS: usize = 2_000;
const NAMES: usize = 10_000;

/// The members of one room, and names of rooms of which only the last is known.
fn crowd() -> (Net, Vec<String>) {
    let mut net = Net::with_clients(Config::default(), MEMBERS as u64);
    net.server.join_many(&MAIN, "crowd");
    let unknown = (0..NAMES).map(|room| format!("unknown {room}"));
    (net, unknown.chain(["crowd".to_owned()]).collect())
}

fn event() -> Payload {
    Payload::event("news").arg(&1).build().unwrap()
}

#[test]
fn a_broadcast_looks_at_each_name_and_each_member_once() {
    let (mut net, names) = crowd();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let event = event();
    let mut sent = |what: &str, target: Target<'_>, expected: usize| {
        let now = net.now;
        let taken = net.steps(what, |server| {
            assert_eq!(
                server.broadcast(&target, &event, now).unwrap().sent,
                expected
            );
        });
        net.drain();
        taken
    };
    let one = sent("to one room", MAIN.rooms(&["crowd"]), MEMBERS);
    let whole = sent("to the namespace", MAIN, MEMBERS);
    let unknown = sent("to 10,000 unknown and it", MAIN.rooms(&names), MEMBERS);
    let repeated = sent("10,000 times to it", MAIN.rooms(&["crowd"; NAMES]), MEMBERS);
    let except = sent(
        "but 10,000 unknown",
        MAIN.except_rooms(&names[..NAMES]),
        MEMBERS,
    );
    let nobody = sent("but 10,000 and it", MAIN.except_rooms(&names), 0);
    // For each recipient: itself, its socket, its client and its session.
    assert!(one <= MEMBERS * 5 + 10, "{one}");
    assert!(whole <= MEMBERS * 5 + 10, "{whole}");
    for (name, taken) in [
        ("unknown", unknown),
        ("repeated", repeated),
        ("except", except),
    ] {
        assert!(taken <= one + NAMES * 3, "{name}: {taken}");
    }
    assert!(nobody <= MEMBERS * 2 + NAMES * 3, "{nobody}");
}

#[test]
fn every_operation_on_a_target_looks_at_each_name_and_each_member_once() {
    let (mut net, names) = crowd();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (target, event, now) = (MAIN.rooms(&names), event(), net.now);
    let lists = NAMES * 3;
    let cost = |each: usize| MEMBERS * each + lists + 50;
    let packet = net.server.encode_event("/", &event).unwrap();
    let taken = net.steps("broadcast_encoded", |server| {
        server.broadcast_encoded(&target, &packet);
    });
    assert!(taken <= cost(5), "{taken}");
    net.drain();
    let taken = net.steps("broadcast_with_ack", |server| {
        server
            .broadcast_with_ack(&target, &event, Duration::from_secs(1), now)
            .unwrap();
    });
    assert!(taken <= cost(6), "{taken}");
    net.drain();
    let taken = net.steps("sockets", |server| {
        assert_eq!(server.sockets(target).count(), MEMBERS);
    });
    assert!(taken <= cost(1), "{taken}");
    let taken = net.steps("join_many", |server| {
        assert_eq!(server.join_many(&target, "other").joined, MEMBERS);
    });
    assert!(taken <= cost(12), "{taken}");
    let taken = net.steps("leave_many", |server| {
        assert_eq!(server.leave_many(&target, "other"), MEMBERS);
    });
    assert!(taken <= cost(8), "{taken}");
    let taken = net.steps("disconnect_many", |server| {
        assert_eq!(
            server.disconnect_many(&target, DisconnectFrom::Namespace, now),
            MEMBERS
        );
    });
    assert!(taken <= cost(40), "{taken}");
}

#[test]
fn sockets_that_are_in_many_rooms_cost_each_room_that_is_named_once() {
    const SOCKETS: usize = 50;
    const ROOMS: usize = 4_000;
    let mut net = Net::with_clients(Config::default(), SOCKETS as u64);
    let names: Vec<_> = (0..ROOMS).map(|room| format!("room {room}")).collect();
    for name in &names {
        net.server.join_many(&MAIN, name);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let event = event();
    for (what, target, sent) in [
        ("to 4,000 rooms", MAIN.rooms(&names), SOCKETS),
        ("but 4,000 rooms", MAIN.except_rooms(&names), 0),
        ("both", MAIN.rooms(&names).except_rooms(&names), 0),
    ] {
        let now = net.now;
        let taken = net.steps(what, |server| {
            assert_eq!(server.broadcast(&target, &event, now).unwrap().sent, sent);
        });
        net.drain();
        assert!(taken <= 2 * (SOCKETS + 3) * ROOMS, "{what}: {taken}");
    }
}

#[test]
fn a_large_room_that_is_excluded_costs_no_more_than_the_few_who_are_asked_about() {
    let (mut net, _) = crowd();
    net.server.join(net.sockets[MEMBERS - 1], "few").unwrap();
    let target = MAIN.rooms(&["few"]).except_rooms(&["crowd"]);
    let event = event();
    let now = net.now;
    let taken = net.steps("to a room of one but one of 2,000", |server| {
        assert_eq!(server.broadcast(&target, &event, now).unwrap().sent, 0);
    });
    assert!(taken <= 20, "{taken}");
}
