//! Broadcasts that are to be acknowledged.

use socketio_proto::server::Target;

use crate::support::{Net, config, run, run_with};

const MAIN: Target<'static> = Target::namespace("/");

/// Three clients in `/`.
fn three(net: &mut Net) -> [usize; 3] {
    [(); 3].map(|()| net.joined(&["/"]).0)
}

#[test]
fn all_recipients_get_the_same_id_and_the_end_comes_with_the_last_reply() {
    run(|net| {
        let clients = three(net);
        assert_eq!(net.broadcast_with_ack(MAIN, r#"["sum",1]"#, 1_000).sent, 3);
        let got = clients.map(|client| format!(r#"c{client} < 420["sum",1]"#));
        assert_eq!(net.drain(), got);
        for client in [1, 0, 2] {
            net.text(client, &format!("30[{client}]"));
        }
        assert_eq!(
            net.drain(),
            [
                "$1 replies 0 [1]",
                "$0 replies 0 [0]",
                "$2 replies 0 [2]",
                "* broadcast 0 ended: 3 of 3"
            ]
        );
        net.advance(10_000);
        assert_eq!(net.drain(), [""; 0], "no timer is left");
    });
}

#[test]
fn the_time_ends_it_with_what_has_come_and_leaves_nothing_awaited() {
    run(|net| {
        let clients = three(net);
        net.broadcast_with_ack(MAIN, r#"["x"]"#, 1_000);
        net.drain();
        net.text(clients[1], "30[]");
        net.advance(999);
        assert_eq!(net.drain(), ["$1 replies 0 []"]);
        net.advance(1);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 1 of 3, not $0 $2"]);
        net.text(clients[0], "30[]");
        assert_eq!(net.drain(), [""; 0], "too late");
    });
}

#[test]
fn without_recipients_it_ends_at_once() {
    run(|net| {
        for target in [MAIN, Target::namespace("/nowhere"), MAIN.rooms(&["empty"])] {
            assert_eq!(net.broadcast_with_ack(target, r#"["x"]"#, 1_000).sent, 0);
            let lines = net.drain();
            assert!(lines[0].ends_with("ended: 0 of 0"), "{lines:?}");
            assert_eq!(lines.len(), 1);
        }
        for _ in 0..2 {
            net.broadcast_with_ack(Target::namespace("/nowhere"), r#"["x"]"#, 1_000);
        }
        assert_eq!(net.drain().len(), 2, "each has a name of its own");
        net.server.add_namespace("/nowhere").unwrap();
        assert_eq!(net.drain(), ["/nowhere added"]);
    });
}

#[test]
fn a_reply_that_ends_its_session_is_not_counted() {
    let engine = config()
        .engine
        .with_max_undelivered(1_000_000, 2)
        .with_max_packets_per_payload(3);
    run_with(config().with_engine(engine), |net| {
        let (client, _) = net.joined(&["/"]);
        net.broadcast_with_ack(MAIN, r#"["q"]"#, 1_000);
        net.drain();
        for _ in 0..5 {
            net.text(client, r#"2["a"]"#);
        }
        net.text(client, "30[]");
        let lines = net.drain();
        assert_eq!(lines.len(), 8);
        assert!(lines[6].starts_with("$0 disconnected: forced server close"));
        net.advance(1_000);
        let lines = net.drain();
        assert!(lines[0].contains("ended: 0 of 1"), "{lines:?}");
    });
}

#[test]
fn a_second_reply_of_the_same_socket_is_ignored() {
    run(|net| {
        let clients = three(net);
        net.broadcast_with_ack(MAIN, r#"["x"]"#, 1_000);
        net.drain();
        net.text(clients[0], "30[1]");
        net.text(clients[0], "30[2]");
        assert_eq!(net.drain(), ["$0 replies 0 [1]"]);
        net.advance(1_000);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 1 of 3, not $1 $2"]);
    });
}

#[test]
fn a_recipient_that_leaves_is_waited_for_until_the_end() {
    run(|net| {
        let clients = three(net);
        net.broadcast_with_ack(MAIN, r#"["x"]"#, 1_000);
        net.drain();
        net.text(clients[0], "30[]");
        net.text(clients[1], "30[]");
        net.vanish(clients[2]);
        assert_eq!(
            net.drain(),
            [
                "$0 replies 0 []",
                "$1 replies 0 []",
                "$2 disconnected: transport close",
                "c2 closed: transport close"
            ]
        );
        net.advance(1_000);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 2 of 3, not $2"]);
    });
}

#[test]
fn replies_may_be_binary() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.broadcast_with_ack(MAIN, r#"["x"]"#, 1_000);
        net.drain();
        net.text(client, r#"61-0[{"_placeholder":true,"num":0}]"#);
        net.binary(client, &[1, 2]);
        let lines = net.drain();
        assert!(lines[0].starts_with("$0 replies 0 "), "{lines:?}");
        assert_eq!(lines[1], "* broadcast 0 ended: 1 of 1");
    });
}

#[test]
fn it_goes_to_rooms_but_not_to_those_excepted() {
    run(|net| {
        let clients = three(net);
        for socket in 0..3 {
            net.server.join(net.key(socket), "room").unwrap();
        }
        let target = MAIN.rooms(&["room"]).except(net.key(0));
        net.broadcast_with_ack(target, r#"["x"]"#, 1_000);
        assert_eq!(net.drain(), [r#"c1 < 420["x"]"#, r#"c2 < 420["x"]"#]);
        net.text(clients[0], "30[]");
        net.text(clients[1], "30[]");
        net.text(clients[2], "30[]");
        assert_eq!(
            net.drain(),
            [
                "$1 replies 0 []",
                "$2 replies 0 []",
                "* broadcast 0 ended: 2 of 2"
            ]
        );
    });
}

#[test]
fn ids_are_shared_with_events_for_single_sockets_and_each_gets_its_own_answer() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit_with_ack(socket, r#"["one"]"#, 1_000).unwrap();
        net.broadcast_with_ack(MAIN, r#"["all"]"#, 1_000);
        net.drain();
        net.text(client, "31[]");
        net.text(client, "30[]");
        assert_eq!(
            net.drain(),
            [
                "$0 replies 1 []",
                "* broadcast 1 ended: 1 of 1",
                "$0 ack 0 []"
            ]
        );
    });
}

#[test]
fn broadcasts_of_two_namespaces_do_not_mix() {
    run(|net| {
        net.add_namespace("/a");
        let (client, _) = net.joined(&["/", "/a"]);
        net.broadcast_with_ack(MAIN, r#"["x"]"#, 1_000);
        net.broadcast_with_ack(Target::namespace("/a"), r#"["y"]"#, 2_000);
        assert_eq!(net.drain(), [r#"c0 < 420["x"]"#, r#"c0 < 42/a,0["y"]"#]);
        net.text(client, "3/a,0[]");
        assert_eq!(
            net.drain(),
            ["$1 replies 0 []", "* broadcast 0 ended: 1 of 1"]
        );
        net.advance(1_000);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 0 of 1, not $0"]);
    });
}

#[test]
fn a_socket_with_as_many_acknowledgements_as_allowed_is_left_out() {
    run_with(config().with_max_pending_acks(1), |net| {
        let clients = three(net);
        net.emit_with_ack(0, r#"["one"]"#, 10_000).unwrap();
        net.drain();
        let sent = net.broadcast_with_ack(MAIN, r#"["all"]"#, 1_000);
        assert_eq!((sent.sent, sent.full), (2, 1));
        assert_eq!(net.drain(), [r#"c1 < 421["all"]"#, r#"c2 < 421["all"]"#]);
        assert!(net.emit_with_ack(1, r#"["more"]"#, 1_000).is_err());
        net.text(clients[1], "31[]");
        net.text(clients[2], "31[]");
        assert_eq!(
            net.drain(),
            [
                "$1 replies 1 []",
                "$2 replies 1 []",
                "* broadcast 1 ended: 2 of 2"
            ]
        );
        net.emit_with_ack(1, r#"["more"]"#, 1_000).unwrap();
        net.drain();
        net.advance(10_000);
        net.drain();
    });
}

#[test]
fn a_volatile_one_waits_for_those_whom_it_reached() {
    run(|net| {
        let clients = three(net);
        net.stall(clients[0]);
        net.emit(0, r#"["first"]"#).unwrap();
        assert_eq!(net.drain(), ["c0 frames"]);
        let sent = net.broadcast_with_ack(MAIN.volatile(), r#"["x"]"#, 1_000);
        assert_eq!((sent.sent, sent.full), (2, 1));
        assert_eq!(net.drain(), [r#"c1 < 420["x"]"#, r#"c2 < 420["x"]"#]);
        net.advance(1_000);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 0 of 2, not $1 $2"]);
    });
}

#[test]
fn a_namespace_that_is_removed_ends_its_broadcasts_by_their_time() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/a"]);
        net.broadcast_with_ack(Target::namespace("/a"), r#"["x"]"#, 1_000);
        net.drain();
        assert!(net.server.remove_namespace("/a", net.now));
        net.drain();
        net.advance(1_000);
        assert_eq!(net.drain(), ["* broadcast 0 ended: 0 of 1, not $0"]);
    });
}
