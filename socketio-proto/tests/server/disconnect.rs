//! Ends of sockets, with the official reasons and the order of the events.

use socketio_proto::server::{EmitError, Target};

use crate::support::{Net, run};

#[test]
fn a_client_that_leaves_gets_no_answer_and_keeps_its_connection() {
    run(|net| {
        net.add_namespace("/custom");
        let (client, _) = net.joined(&["/", "/custom"]);
        net.text(client, "1/custom");
        assert_eq!(
            net.drain(),
            ["$1 disconnected: client namespace disconnect"]
        );
        net.text(client, r#"2["still"]"#);
        assert_eq!(net.drain(), [r#"$0 event ["still"]"#]);
    });
}

#[test]
fn the_server_takes_a_socket_out_and_tells_its_client() {
    run(|net| {
        net.add_namespace("/custom");
        let (_, main) = net.joined(&["/", "/custom"]);
        net.disconnect(main + 1);
        assert_eq!(
            net.drain(),
            [
                "c0 < 41/custom,",
                "$1 disconnected: server namespace disconnect"
            ]
        );
        net.disconnect(main + 1);
        assert_eq!(net.drain(), [""; 0], "once");
        net.emit(main, r#"["still"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["still"]"#]);
    });
}

#[test]
fn what_was_emitted_leaves_before_the_disconnect() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["bye"]"#).unwrap();
        net.disconnect(socket);
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["bye"]"#,
                "c0 < 41",
                "$0 disconnected: server namespace disconnect"
            ]
        );
    });
}

#[test]
fn closing_a_session_tells_no_namespace_and_takes_every_socket_out() {
    run(|net| {
        net.add_namespace("/custom");
        net.joined(&["/", "/custom"]);
        net.joined(&["/"]);
        net.emit(0, r#"["bye"]"#).unwrap();
        net.close_session(0);
        assert_eq!(net.emit(0, r#"["late"]"#), Err(EmitError::Closed));
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["bye"]"#,
                "c0 closed by the server",
                "$0 disconnected: forced close",
                "$1 disconnected: forced close",
                "c0 closed: forced close",
            ]
        );
        net.close_session(0);
        assert_eq!(net.drain(), [""; 0], "once");
        net.emit(2, r#"["still"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c1 < 42["still"]"#]);
    });
}

#[test]
fn closing_a_session_on_polling_answers_the_poll_with_close() {
    run(|net| {
        let client = net.polling();
        net.post(client, "40");
        net.accept_after_events();
        for _ in 0..2 {
            net.poll(client);
        }
        net.drain();
        net.close_session(client);
        assert_eq!(
            net.drain(),
            [
                "c0 < 1",
                "$0 disconnected: forced close",
                "c0 closed: forced close",
            ]
        );
    });
}

#[test]
fn what_is_queued_on_polling_leaves_before_the_session_is_closed() {
    run(|net| {
        let client = net.polling();
        net.post(client, "40");
        net.accept_after_events();
        net.poll(client);
        net.drain();
        net.emit(0, r#"["bye"]"#).unwrap();
        net.close_session(client);
        assert_eq!(net.drain(), [""; 0], "it waits for the next poll");
        net.poll(client);
        assert_eq!(net.drain(), [r#"c0 < 42["bye"]"#]);
        net.poll(client);
        assert_eq!(
            net.drain(),
            [
                "c0 < 6|1",
                "$0 disconnected: forced close",
                "c0 closed: forced close"
            ]
        );
    });
}

#[test]
fn a_client_that_waits_for_a_verdict_while_its_session_closes_is_not_let_in() {
    run(|net| {
        net.add_namespace("/custom");
        let (client, socket) = net.joined(&["/"]);
        net.text(client, "0/custom,");
        net.drain();
        net.stall(client);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.close_session(client);
        assert!(net.accept().is_err());
        assert_eq!(net.server.socket_count("/custom"), 0);
        while net.pull(client).is_some() {}
        let lines = net.drain();
        assert!(
            !lines.iter().any(|line| line.contains("40/custom")),
            "{lines:?}"
        );
    });
}

#[test]
fn disconnecting_a_session_tells_every_namespace_and_then_closes() {
    run(|net| {
        net.add_namespace("/a");
        let (client, _) = net.joined(&["/", "/a"]);
        net.disconnect_session(client);
        assert_eq!(
            net.drain(),
            [
                "c0 < 41",
                "c0 < 41/a,",
                "c0 closed by the server",
                "$0 disconnected: server namespace disconnect",
                "$1 disconnected: server namespace disconnect",
                "c0 closed: forced close"
            ]
        );
        net.disconnect_session(client);
        assert_eq!(net.drain(), [""; 0], "once");
    });
}

#[test]
fn disconnecting_a_session_on_polling_sends_all_in_the_next_answer() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.disconnect_session(client);
        assert_eq!(
            net.drain(),
            ["$0 disconnected: server namespace disconnect"]
        );
        net.poll(client);
        assert_eq!(net.drain(), ["c0 < 41"]);
        net.poll(client);
        assert_eq!(net.drain(), ["c0 < 6|1", "c0 closed: forced close"]);
    });
}

#[test]
fn disconnecting_a_session_ends_what_waits_for_a_verdict() {
    run(|net| {
        net.add_namespace("/slow");
        let (client, _) = net.joined(&["/"]);
        net.text(client, "0/slow");
        net.drain();
        net.disconnect_session(client);
        assert_eq!(
            net.drain(),
            [
                "c0 < 41",
                "c0 closed by the server",
                "$0 disconnected: server namespace disconnect",
                "c0 closed: forced close"
            ]
        );
        assert!(net.accept().is_err());
    });
}

#[test]
fn a_closing_client_is_not_listened_to() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.disconnect_session(client);
        net.drain();
        net.text(client, r#"2["late"]"#);
        net.text(client, "0");
        assert_eq!(net.drain(), [""; 0]);
        net.advance(30_000);
        assert_eq!(
            net.drain(),
            ["c0 closed: forced close"],
            "it takes too long to read"
        );
    });
}

/// Two clients, each in two namespaces.
fn two_clients(net: &mut Net) {
    net.add_namespace("/a");
    net.joined(&["/", "/a"]);
    net.joined(&["/", "/a"]);
}

#[test]
fn a_lost_transport_takes_all_namespaces_of_its_client_and_no_others() {
    run(|net| {
        two_clients(net);
        net.vanish(0);
        assert_eq!(
            net.drain(),
            [
                "$0 disconnected: transport close",
                "$1 disconnected: transport close",
                "c0 closed: transport close"
            ]
        );
        assert_eq!(net.broadcast(Target::namespace("/"), r#"["a"]"#).sent, 1);
        assert_eq!(net.drain(), [r#"c1 < 42["a"]"#]);
    });
}

#[test]
fn a_broken_transport_is_a_transport_error() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.fail(client);
        assert_eq!(
            net.drain(),
            [
                "$0 disconnected: transport error (connection error)",
                "c0 closed: transport error (connection error)"
            ]
        );
    });
}

#[test]
fn a_cut_poll_is_a_transport_error() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.poll(client);
        net.vanish(client);
        let reason = "transport error (poll connection closed prematurely)";
        assert_eq!(
            net.drain(),
            [
                format!("$0 disconnected: {reason}"),
                format!("c0 closed: {reason}")
            ]
        );
    });
}

#[test]
fn a_close_packet_is_a_transport_close() {
    run(|net| {
        for client in net.both() {
            let socket = net.join(client, "/");
            if client == 1 {
                net.poll(client);
            }
            net.packet(client, "1");
            let closed = if client == 1 {
                "c1 < 6"
            } else {
                "c0 closed by the server"
            };
            assert_eq!(
                net.drain(),
                [
                    closed.to_owned(),
                    format!("${socket} disconnected: transport close"),
                    format!("c{client} closed: transport close")
                ]
            );
        }
    });
}

#[test]
fn a_malformed_engine_packet_is_a_parse_error() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.packet(client, "abc");
        let lines = net.drain();
        assert_eq!(lines[0], "c0 closed by the server");
        assert!(
            lines[1].starts_with("$0 disconnected: parse error ("),
            "{lines:?}"
        );
        assert!(
            lines[2].starts_with("c0 closed: parse error ("),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 3);
    });
}

#[test]
fn a_ping_from_the_client_is_a_transport_error() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.packet(client, "2");
        let reason = "transport error (invalid heartbeat direction)";
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server".to_owned(),
                format!("$0 disconnected: {reason}"),
                format!("c0 closed: {reason}")
            ]
        );
    });
}

#[test]
fn shutting_down_ends_every_socket_without_a_packet() {
    run(|net| {
        two_clients(net);
        let polling = net.polling();
        net.join(polling, "/");
        net.poll(polling);
        let idle = net.websocket();
        net.text(idle, "0");
        net.drain();
        net.shut_down();
        let mut lines = net.drain();
        let reason = "server shutting down";
        let events: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with('$'))
            .cloned()
            .collect();
        assert_eq!(
            events,
            [0, 1, 2, 3, 4].map(|socket| format!("${socket} disconnected: {reason}"))
        );
        lines.retain(|line| !line.starts_with('$'));
        lines.sort();
        assert_eq!(
            lines,
            [
                "c0 closed by the server",
                "c0 closed: forced close",
                "c1 closed by the server",
                "c1 closed: forced close",
                "c2 < 1",
                "c2 closed: forced close",
                "c3 closed by the server",
                "c3 closed: forced close"
            ]
        );
        assert_eq!(net.server.poll_timeout(), None, "no timer is left");
        assert!(net.accept().is_err());
        net.joined(&["/"]);
    });
}

#[test]
fn shutting_down_drops_what_is_queued_on_polling() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        net.emit(socket, r#"["queued"]"#).unwrap();
        net.shut_down();
        assert_eq!(
            net.drain(),
            [
                "$0 disconnected: server shutting down",
                "c0 closed: forced close"
            ]
        );
        net.shut_down();
    });
}

#[test]
fn the_rooms_a_socket_was_in_are_told_when_it_left() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        for room in ["b", "a"] {
            net.server.join(net.key(socket), room).unwrap();
        }
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            [r#"$0 disconnected: client namespace disconnect from ["a", "b"]"#]
        );
    });
}

#[test]
fn nothing_of_a_socket_is_known_once_it_left() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let (key, id) = (net.key(socket), net.id(socket));
        net.disconnect(socket);
        net.drain();
        assert_eq!(net.server.socket_id(key), None);
        assert_eq!(net.server.socket_session(key), None);
        assert_eq!(net.server.socket_namespace(key), None);
        assert_eq!(net.server.find_socket("/", &id), None);
        assert_eq!(net.server.rooms(key).count(), 0);
    });
}

#[test]
fn many_clients_leave_at_once() {
    run(|net| {
        for _ in 0..100 {
            net.joined(&["/"]);
        }
        let sockets: Vec<_> = net.server.sockets(Target::namespace("/")).collect();
        assert_eq!(sockets.len(), 100);
        for socket in sockets {
            net.server.disconnect(socket, net.now);
        }
        assert_eq!(net.drain().len(), 200);
        assert_eq!(net.server.socket_count("/"), 0);
    });
}

#[test]
fn sessions_of_a_room_can_be_disconnected() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        net.joined(&["/"]);
        net.server.join(net.key(0), "r").unwrap();
        let target = Target::namespace("/").rooms(&["r"]);
        let found: Vec<_> = net.server.sockets(target).collect();
        for socket in found {
            let session = net.server.socket_session(socket).unwrap();
            net.server.disconnect_session(session, net.now);
        }
        assert_eq!(
            net.drain(),
            [
                "c0 < 41",
                "c0 < 41/a,",
                "c0 closed by the server",
                r#"$0 disconnected: server namespace disconnect from ["r"]"#,
                "$1 disconnected: server namespace disconnect",
                "c0 closed: forced close"
            ]
        );
    });
}
