//! Events to many sockets.

use std::collections::BTreeSet;

use socketio_proto::Payload;
use socketio_proto::server::Target;

use crate::support::{Net, event, run};

const MAIN: Target<'_> = Target::namespace("/");

/// Three clients; the first is in the rooms `x` and `y`, the second in `y`.
fn three(net: &mut Net) {
    for joins in [&["x", "y"][..], &["y"], &[]] {
        let (_, socket) = net.joined(&["/"]);
        for room in joins {
            net.server.join(net.key(socket), room).unwrap();
        }
    }
}

/// The clients that get a broadcast, each of them once.
fn receivers(net: &mut Net, target: Target<'_>) -> Vec<usize> {
    let outcome = net.broadcast(target, r#"["a",1]"#);
    let lines = net.drain();
    let clients: BTreeSet<usize> = lines
        .iter()
        .map(|line| line.strip_suffix(r#" < 42["a",1]"#).expect("the event"))
        .map(|client| client[1..].parse().expect("a number"))
        .collect();
    assert_eq!(clients.len(), lines.len(), "each once");
    assert_eq!(
        (outcome.sent, outcome.full, outcome.gone),
        (lines.len(), 0, 0)
    );
    clients.into_iter().collect()
}

#[test]
fn a_broadcast_to_a_namespace_reaches_all_its_sockets() {
    run(|net| {
        net.add_namespace("/a");
        three(net);
        net.joined(&["/a"]);
        assert_eq!(receivers(net, MAIN), [0, 1, 2]);
        assert_eq!(net.broadcast(Target::namespace("/a"), r#"["b"]"#).sent, 1);
        assert_eq!(net.drain(), [r#"c3 < 42/a,["b"]"#]);
    });
}

#[test]
fn a_broadcast_to_an_unknown_or_empty_namespace_reaches_nobody() {
    run(|net| {
        three(net);
        net.add_namespace("/empty");
        for name in ["/empty", "/unknown"] {
            let outcome = net.broadcast(Target::namespace(name), r#"["b"]"#);
            assert_eq!((outcome.sent, outcome.full, outcome.gone), (0, 0, 0));
        }
    });
}

#[test]
fn rooms_are_united_and_nobody_gets_it_twice() {
    run(|net| {
        three(net);
        assert_eq!(receivers(net, MAIN.rooms(&["x"])), [0]);
        assert_eq!(receivers(net, MAIN.rooms(&["x", "y"])), [0, 1]);
        assert_eq!(receivers(net, MAIN.rooms(&["y", "x", "y"])), [0, 1]);
        assert_eq!(receivers(net, MAIN.rooms(&["none"])), [0; 0]);
        assert_eq!(receivers(net, MAIN.rooms(&[])), [0, 1, 2]);
    });
}

#[test]
fn a_socket_is_reached_by_its_id() {
    run(|net| {
        three(net);
        let (first, last) = (net.id(0), net.id(2));
        assert_eq!(receivers(net, MAIN.rooms(&[&last])), [2]);
        assert_eq!(receivers(net, MAIN.rooms(&["x", &first, &last])), [0, 2]);
        net.server.leave_room(net.key(2), &last);
        assert_eq!(receivers(net, MAIN.rooms(&[&last])), [0; 0]);
        assert_eq!(receivers(net, MAIN), [0, 1, 2], "the namespace is no room");
    });
}

#[test]
fn excluded_rooms_and_ids_are_left_out() {
    run(|net| {
        three(net);
        let last = net.id(2);
        assert_eq!(receivers(net, MAIN.except_rooms(&["x"])), [1, 2]);
        assert_eq!(receivers(net, MAIN.except_rooms(&["y"])), [2]);
        assert_eq!(receivers(net, MAIN.except_rooms(&["x", &last])), [1]);
        assert_eq!(receivers(net, MAIN.rooms(&["y"]).except_rooms(&["x"])), [1]);
        assert_eq!(
            receivers(net, MAIN.rooms(&["x"]).except_rooms(&["x"])),
            [0; 0]
        );
        assert_eq!(receivers(net, MAIN.except_rooms(&["none"])), [0, 1, 2]);
        net.server.leave_room(net.key(2), &last);
        assert_eq!(receivers(net, MAIN.except_rooms(&[&last])), [0, 1, 2]);
    });
}

#[test]
fn the_sender_is_left_out() {
    run(|net| {
        three(net);
        let sender = net.key(0);
        assert_eq!(receivers(net, MAIN.except(sender)), [1, 2]);
        assert_eq!(receivers(net, MAIN.rooms(&["x", "y"]).except(sender)), [1]);
        assert_eq!(
            receivers(
                net,
                MAIN.rooms(&["x", "y"]).except(sender).except_rooms(&["y"])
            ),
            [0; 0]
        );
    });
}

#[test]
fn a_target_is_a_value_and_refining_it_leaves_it_as_it_was() {
    run(|net| {
        three(net);
        let rooms = MAIN.rooms(&["y"]);
        let _others = [
            rooms.rooms(&["x"]),
            rooms.except_rooms(&["x"]),
            rooms.except(net.key(0)),
            rooms.volatile(),
            rooms.local(),
        ];
        assert_eq!(rooms, MAIN.rooms(&["y"]));
        assert!(!rooms.is_local() && rooms.local().is_local());
        assert_eq!(receivers(net, rooms), [0, 1]);
    });
}

#[test]
fn a_local_broadcast_reaches_the_sockets_of_this_server() {
    run(|net| {
        three(net);
        assert_eq!(receivers(net, MAIN.rooms(&["y"]).local()), [0, 1]);
    });
}

#[test]
fn a_broadcast_with_attachments_stays_together_on_every_transport() {
    run(|net| {
        let [websocket, polling] = net.both();
        net.join(websocket, "/");
        net.join(polling, "/");
        net.poll(polling);
        let payload = Payload::event("both").binary(vec![7]).build().unwrap();
        assert_eq!(
            net.server.broadcast(&MAIN, &payload, net.now).unwrap().sent,
            2
        );
        net.broadcast(MAIN, r#"["after"]"#);
        let header = r#"451-["both",{"_placeholder":true,"num":0}]"#;
        assert_eq!(
            net.drain(),
            [
                format!("c0 < {header}"),
                r#"c0 < b"\x07""#.to_owned(),
                r#"c0 < 42["after"]"#.to_owned(),
                format!("c1 < {header}|bBw==")
            ]
        );
        net.poll(polling);
        assert_eq!(net.drain(), [r#"c1 < 42["after"]"#]);
    });
}

#[test]
fn a_packet_that_was_encoded_once_can_be_sent_again() {
    run(|net| {
        three(net);
        let packet = net.server.encode_event("/", &event(r#"["a",1]"#)).unwrap();
        for rooms in [&["x"][..], &["y"]] {
            net.server.broadcast_encoded(&MAIN.rooms(rooms), &packet);
        }
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["a",1]"#,
                r#"c0 < 42["a",1]"#,
                r#"c1 < 42["a",1]"#
            ]
        );
    });
}

#[test]
fn an_event_that_cannot_be_written_reaches_nobody() {
    run(|net| {
        three(net);
        let answer = Payload::ack().build().unwrap();
        assert!(net.server.broadcast(&MAIN, &answer, net.now).is_err());
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn who_left_gets_nothing_and_is_not_counted() {
    run(|net| {
        three(net);
        net.vanish(1);
        net.drain();
        assert_eq!(receivers(net, MAIN.rooms(&["y"])), [0]);
        net.disconnect(0);
        net.drain();
        assert_eq!(receivers(net, MAIN), [2]);
    });
}

#[test]
fn the_outcome_tells_who_lags_behind() {
    let engine = crate::support::config()
        .engine
        .with_max_buffered(1_000_000, 1);
    crate::support::run_with(crate::support::config().with_engine(engine), |net| {
        three(net);
        net.stall(1);
        let first = net.broadcast(MAIN, r#"["a"]"#);
        assert_eq!((first.sent, first.full, first.gone), (3, 0, 0));
        assert_eq!(
            net.drain(),
            [r#"c0 < 42["a"]"#, "c1 frames", r#"c2 < 42["a"]"#]
        );
        let second = net.broadcast(MAIN, r#"["b"]"#);
        assert_eq!((second.sent, second.full, second.gone), (2, 1, 0));
        assert_eq!(net.drain(), [r#"c0 < 42["b"]"#, r#"c2 < 42["b"]"#]);
        assert_eq!(net.pull(1).unwrap(), r#"42["a"]"#);
        assert_eq!(net.pull(1), None, "a copy that was refused is not sent");
        assert_eq!(net.drain(), ["c1 drained"]);
    });
}

#[test]
fn one_connection_in_two_namespaces_gets_both_broadcasts() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        net.broadcast(MAIN, r#"["m"]"#);
        net.broadcast(Target::namespace("/a"), r#"["n"]"#);
        assert_eq!(net.drain(), [r#"c0 < 42["m"]"#, r#"c0 < 42/a,["n"]"#]);
    });
}
