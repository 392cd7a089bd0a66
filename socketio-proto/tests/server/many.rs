//! Operations on many sockets, and what adapters and instruments are told.

use std::time::Duration;

use socketio_proto::server::{DisconnectFrom, Observed, Target};

use crate::support::{Net, config, event, run, run_with};

const MAIN: Target<'static> = Target::namespace("/");

/// Three sockets in `/`, the first two in `room`.
fn three(net: &mut Net) {
    for _ in 0..3 {
        net.joined(&["/"]);
    }
    net.server.join(net.key(0), "room").unwrap();
    net.server.join(net.key(1), "room").unwrap();
    net.drain();
}

fn in_room(net: &Net, room: &str) -> Vec<usize> {
    let selected: Vec<_> = net.server.sockets(MAIN.rooms(&[room])).collect();
    let sockets = 0..net.socket_count();
    sockets
        .filter(|socket| selected.contains(&net.key(*socket)))
        .collect()
}

#[test]
fn all_sockets_join_a_room_or_those_of_a_room() {
    run(|net| {
        three(net);
        assert_eq!(net.server.join_many(&MAIN, "all").joined, 3);
        assert_eq!(in_room(net, "all"), [0, 1, 2]);
        let some = MAIN.rooms(&["room"]).except(net.key(0));
        assert_eq!(net.server.join_many(&some, "few").joined, 1);
        assert_eq!(in_room(net, "few"), [1]);
    });
}

#[test]
fn sockets_that_may_join_no_more_rooms_are_counted() {
    run_with(config().with_max_rooms_per_socket(1), |net| {
        three(net);
        let outcome = net.server.join_many(&MAIN, "all");
        assert_eq!((outcome.joined, outcome.refused), (1, 2));
        assert_eq!(in_room(net, "all"), [2]);
    });
}

#[test]
fn all_sockets_leave_a_room_or_those_of_a_room() {
    run(|net| {
        three(net);
        net.server.join_many(&MAIN, "all");
        assert_eq!(net.server.leave_many(&MAIN.rooms(&["room"]), "all"), 2);
        assert_eq!(in_room(net, "all"), [2]);
        assert_eq!(net.server.leave_many(&MAIN, "room"), 2);
        assert_eq!(in_room(net, "room"), [0; 0]);
    });
}

#[test]
fn all_sockets_are_disconnected_or_those_of_a_room() {
    run(|net| {
        three(net);
        let now = net.now;
        assert_eq!(
            net.server
                .disconnect_many(&MAIN.rooms(&["room"]), DisconnectFrom::Namespace, now),
            2
        );
        let left = "disconnected: server namespace disconnect from [\"room\"]";
        assert_eq!(
            net.drain(),
            [
                "c0 < 41",
                "c1 < 41",
                &format!("$0 {left}"),
                &format!("$1 {left}")
            ]
        );
        assert_eq!(
            net.server
                .disconnect_many(&MAIN, DisconnectFrom::Namespace, now),
            1
        );
        assert_eq!(
            net.drain(),
            ["c2 < 41", "$2 disconnected: server namespace disconnect"]
        );
    });
}

#[test]
fn disconnecting_with_close_takes_all_namespaces_of_the_clients() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        let now = net.now;
        assert_eq!(
            net.server
                .disconnect_many(&MAIN, DisconnectFrom::Server, now),
            1
        );
        assert_eq!(
            net.drain(),
            [
                "c0 < 41",
                "c0 < 41/a,",
                "c0 closed by the server",
                "$0 disconnected: server namespace disconnect",
                "$1 disconnected: server namespace disconnect",
                "c0 closed: forced close",
            ]
        );
    });
}

#[test]
fn rooms_are_told_of_in_the_official_order_if_so_configured() {
    run_with(config().with_room_events(true), |net| {
        let client = net.websocket();
        net.text(client, "0");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        net.accept().unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 40{"sid":"$0"}"#,
                r#"* / room "$0" created"#,
                r#"$0 joined "$0""#
            ]
        );
        for _ in 0..2 {
            net.server.join(net.key(0), "room").unwrap();
        }
        assert_eq!(
            net.drain(),
            [r#"* / room "room" created"#, r#"$0 joined "room""#]
        );
        assert!(net.server.leave_room(net.key(0), "room"));
        assert!(!net.server.leave_room(net.key(0), "room"));
        assert_eq!(
            net.drain(),
            [r#"$0 left "room""#, r#"* / room "room" deleted"#]
        );
        net.server.join(net.key(0), "last").unwrap();
        net.drain();
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            [
                r#"$0 left "$0""#,
                r#"* / room "$0" deleted"#,
                r#"$0 left "last""#,
                r#"* / room "last" deleted"#,
                r#"$0 disconnected: client namespace disconnect from ["last"]"#
            ]
        );
    });
}

#[test]
fn a_room_named_after_a_socket_lives_while_anybody_is_in_it() {
    run_with(config().with_room_events(true), |net| {
        for _ in 0..2 {
            let client = net.websocket();
            net.text(client, "0");
            net.accept_after_events();
        }
        let id = net.id(0);
        net.server.join(net.key(1), &id).unwrap();
        assert_eq!(net.drain(), [r#"$1 joined "$0""#]);
        assert!(net.server.leave_room(net.key(0), &id));
        assert_eq!(net.drain(), [r#"$0 left "$0""#]);
        assert!(net.server.leave_room(net.key(1), &id));
        assert_eq!(net.drain(), [r#"$1 left "$0""#, r#"* / room "$0" deleted"#]);
    });
}

#[test]
fn what_is_sent_in_an_observed_namespace_is_told_once_with_its_recipients() {
    run(|net| {
        three(net);
        assert!(net.server.observe("/", Observed::Sent));
        net.emit(2, r#"["one",1]"#).unwrap();
        net.broadcast(MAIN.rooms(&["room"]), r#"["few"]"#);
        assert_eq!(
            net.drain(),
            [
                r#"c2 < 42["one",1]"#,
                r#"c0 < 42["few"]"#,
                r#"c1 < 42["few"]"#,
                r#"* sent in / to $2 ["one",1]"#,
                r#"* sent in / to $0 $1 ["few"]"#
            ]
        );
        net.broadcast(MAIN.rooms(&["empty"]), r#"["none"]"#);
        assert_eq!(net.drain(), [""; 0]);
        net.emit_with_ack(0, r#"["ask"]"#, 1_000).unwrap();
        assert_eq!(
            net.drain(),
            [r#"c0 < 420["ask"]"#, r#"* sent in / to $0 ["ask"]"#]
        );
        net.advance(1_000);
        assert_eq!(net.drain(), ["$0 ack 0 failed: operation has timed out"]);
        assert!(net.server.observe("/", Observed::Nothing));
        net.emit(0, r#"["x"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["x"]"#]);
        assert!(!net.server.observe("/nowhere", Observed::Sent));
    });
}

#[test]
fn observers_are_told_of_volatile_events_that_left_and_not_of_answers() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.server.observe("/", Observed::Sent);
        assert!(net.emit_volatile(socket, r#"["v"]"#).unwrap());
        assert_eq!(
            net.drain(),
            [r#"c0 < 42["v"]"#, r#"* sent in / to $0 ["v"]"#]
        );
        net.text(client, r#"25["q"]"#);
        assert_eq!(net.drain(), [r#"$0 event? ["q"]"#]);
        net.respond("[1]").unwrap();
        assert_eq!(net.drain(), ["c0 < 435[1]"]);
        net.stall(client);
        net.emit(socket, r#"["first"]"#).unwrap();
        assert!(!net.emit_volatile(socket, r#"["v"]"#).unwrap());
        assert_eq!(net.drain(), ["c0 frames", r#"* sent in / to $0 ["first"]"#]);
        let sent = net.server.broadcast_with_ack(
            &Target::namespace("/nowhere"),
            &event(r#"["x"]"#),
            Duration::ZERO,
            net.now,
        );
        assert_eq!(sent.unwrap().1.sent, 0);
        net.server.poll_output().unwrap();
    });
}
