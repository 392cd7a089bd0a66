//! Acknowledgements, asked for by either side.

use socketio_proto::engine::Counted;
use socketio_proto::server::EmitError;
use socketio_proto::{EncodeError, Payload};

use crate::support::{config, event, run, run_with};

#[test]
fn the_application_answers_an_event_with_its_id_and_namespace() {
    run(|net| {
        net.add_namespace("/a");
        let (client, _) = net.joined(&["/", "/a"]);
        net.text(client, r#"2456["x"]"#);
        net.text(client, r#"2/a,0["y"]"#);
        assert_eq!(net.drain(), [r#"$0 event? ["x"]"#, r#"$1 event? ["y"]"#]);
        net.respond(r#"[1,"2",{"3":[false]}]"#).unwrap();
        net.respond("[]").unwrap();
        assert_eq!(
            net.drain(),
            [r#"c0 < 43456[1,"2",{"3":[false]}]"#, "c0 < 43/a,0[]"]
        );
    });
}

#[test]
fn an_answer_may_have_attachments() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(
            client,
            r#"52-789["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        );
        net.binary(client, &[1]);
        net.binary(client, &[2]);
        net.drain();
        let answer = Payload::ack()
            .binary(vec![1])
            .binary(vec![2])
            .build()
            .unwrap();
        let token = net.ack_token().unwrap();
        net.server.respond(token, &answer).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                r#"c0 < b"\x01""#,
                r#"c0 < b"\x02""#
            ]
        );
    });
}

#[test]
fn events_may_be_answered_in_any_order_and_late() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.text(client, r#"21["b"]"#);
        net.drain();
        let first = net.ack_token().unwrap();
        net.respond("[2]").unwrap();
        net.advance(60_000);
        let answer = Payload::ack().arg(&1).build().unwrap();
        net.server.respond(first, &answer).unwrap();
        assert_eq!(net.drain(), ["c0 < 431[2]", "c0 < 430[1]"]);
    });
}

#[test]
fn answering_after_the_socket_left_is_an_error() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.text(client, r#"21["b"]"#);
        net.drain();
        net.disconnect(socket);
        assert_eq!(net.respond("[]"), Err(EmitError::Closed));
        net.vanish(client);
        net.drain();
        assert_eq!(net.respond("[]"), Err(EmitError::Closed));
    });
}

#[test]
fn an_answer_to_a_socket_that_left_does_not_reach_the_one_that_joined_after_it() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.drain();
        net.disconnect(socket);
        net.drain();
        net.join(client, "/");
        assert_eq!(net.respond("[]"), Err(EmitError::Closed));
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn an_event_is_not_answered_with_an_event() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.drain();
        let token = net.ack_token().unwrap();
        assert_eq!(token.socket(), net.key(0));
        assert_eq!(
            net.server.respond(token, &event(r#"["a"]"#)),
            Err(EmitError::Encode(EncodeError::PayloadKind))
        );
    });
}

#[test]
fn ids_count_from_zero_in_each_namespace_and_are_shared_by_its_sockets() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        net.joined(&["/"]);
        for (socket, id) in [(0, 0), (2, 1), (1, 0), (0, 2), (1, 1)] {
            assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(id));
        }
        net.emit(0, r#"["no ack"]"#).unwrap();
        assert_eq!(
            net.emit_with_ack(0, r#"["q"]"#, 1_000),
            Ok(3),
            "only acks use up ids"
        );
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 420["q"]"#,
                r#"c0 < 42/a,0["q"]"#,
                r#"c0 < 422["q"]"#,
                r#"c0 < 42/a,1["q"]"#,
                r#"c0 < 42["no ack"]"#,
                r#"c0 < 423["q"]"#,
                r#"c1 < 421["q"]"#
            ]
        );
        net.advance(1_000);
        assert_eq!(net.drain().len(), 6, "all time out");
    });
}

#[test]
fn an_answer_arrives_with_its_values_and_attachments() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
        net.emit_with_ack(socket, r#"["r"]"#, 1_000).unwrap();
        net.emit_with_ack(socket, r#"["s"]"#, 1_000).unwrap();
        net.drain();
        net.text(client, r#"61-1["x",{"_placeholder":true,"num":0}]"#);
        net.binary(client, &[9]);
        net.text(client, r#"30["r",1]"#);
        net.text(client, "32[]");
        assert_eq!(
            net.drain(),
            [
                r#"$0 ack 1 ["x",{"_placeholder":true,"num":0}] b"\t""#,
                r#"$0 ack 0 ["r",1]"#,
                "$0 ack 2 []"
            ]
        );
        net.advance(2_000);
        assert_eq!(net.drain(), [""; 0], "answered means no timeout");
    });
}

#[test]
fn late_unknown_and_duplicate_answers_are_ignored() {
    run(|net| {
        net.add_namespace("/a");
        let (client, socket) = net.joined(&["/", "/a"]);
        let (other, _) = net.joined(&["/"]);
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(0));
        net.drain();
        for packet in ["3[]", "31[]", "3/a,0[]"] {
            net.text(client, packet);
        }
        net.text(other, "30[]");
        assert_eq!(net.drain(), [""; 0], "unknown, or of another socket");
        net.text(client, "30[1]");
        net.text(client, "30[2]");
        assert_eq!(net.drain(), ["$0 ack 0 [1]"], "duplicate");
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(1));
        net.advance(1_000);
        net.drain();
        net.text(client, "31[]");
        assert_eq!(net.drain(), [""; 0], "late");
    });
}

#[test]
fn an_answer_fails_at_its_timeout() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
        net.drain();
        net.advance(999);
        assert_eq!(net.drain(), [""; 0], "just before");
        net.advance(1);
        assert_eq!(net.drain(), ["$0 ack 0 failed: operation has timed out"]);
        net.advance(1);
        assert_eq!(net.drain(), [""; 0], "once");
    });
}

#[test]
fn an_answer_just_in_time_counts() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
        net.drain();
        net.advance(999);
        net.text(client, "30[]");
        net.advance(1);
        assert_eq!(net.drain(), ["$0 ack 0 []"]);
    });
}

#[test]
fn a_timeout_of_zero_fails_at_once_and_only_once() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit_with_ack(socket, r#"["q"]"#, 0).unwrap();
        net.advance(0);
        net.text(client, "30[]");
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 420["q"]"#,
                "$0 ack 0 failed: operation has timed out"
            ]
        );
    });
}

#[test]
fn answers_fail_before_their_socket_is_disconnected() {
    for (how, reason) in [
        ("server", "server namespace disconnect"),
        ("client", "client namespace disconnect"),
        ("gone", "transport close"),
        (
            "violation",
            "forced server close (second CONNECT packet for a namespace)",
        ),
    ] {
        run(|net| {
            let (client, socket) = net.joined(&["/"]);
            net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
            net.emit_with_ack(socket, r#"["q"]"#, 500).unwrap();
            net.drain();
            match how {
                "server" => net.disconnect(socket),
                "client" => net.text(client, "1"),
                "gone" => net.vanish(client),
                _ => net.text(client, "0"),
            }
            let lines = net.drain();
            let events: Vec<_> = lines.iter().filter(|line| line.starts_with('$')).collect();
            assert_eq!(
                events,
                [
                    "$0 ack 0 failed: socket has been disconnected",
                    "$0 ack 1 failed: socket has been disconnected",
                    &format!("$0 disconnected: {reason}")
                ]
            );
            net.advance(1_000);
            assert_eq!(net.drain(), [""; 0]);
        });
    }
}

#[test]
fn awaited_acks_are_counted_to_the_limit() {
    run_with(config().with_max_pending_acks(2), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.joined(&["/"]);
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(0));
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(1));
        assert_eq!(
            net.emit_with_ack(socket, r#"["q"]"#, 1_000),
            Err(EmitError::TooManyAcks { limit: 2 })
        );
        assert_eq!(
            net.emit_with_ack(1, r#"["q"]"#, 1_000),
            Ok(2),
            "of another socket"
        );
        assert_eq!(net.server.pending_acks(net.key(socket)), 2);
        assert_eq!(net.server.pending_acks(net.key(1)), 1);
        assert_eq!(net.server.all_sockets_count(), 2);
        assert_eq!(net.server.all_pending_acks_count(), 3);
        net.text(client, "30[]");
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(3));
        net.drain();
        net.advance(1_000);
        assert_eq!(net.drain().len(), 3);
        assert_eq!(net.emit_with_ack(socket, r#"["q"]"#, 1_000), Ok(4));
        net.advance(1_000);
        net.drain();
    });
}

#[test]
fn nothing_is_awaited_of_an_event_that_was_not_taken() {
    let engine = config().engine.with_max_buffered(1_000_000, 2);
    run_with(config().with_engine(engine), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.stall(client);
        net.emit(socket, r#"["a"]"#).unwrap();
        net.emit(socket, r#"["b"]"#).unwrap();
        assert_eq!(
            net.emit_with_ack(socket, r#"["q"]"#, 1_000),
            Err(EmitError::Full {
                counted: Counted::Messages,
                buffered: 2,
                limit: 2
            })
        );
        assert_eq!(net.drain(), ["c0 frames"]);
        net.advance(1_000);
        assert_eq!(net.drain(), [""; 0]);
        while net.pull(client).is_some() {}
        assert_eq!(net.drain(), ["c0 drained"]);
    });
}

#[test]
fn an_answer_that_finds_no_room_is_an_error() {
    let engine = config().engine.with_max_buffered(1_000_000, 1);
    run_with(config().with_engine(engine), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.stall(client);
        net.emit(socket, r#"["b"]"#).unwrap();
        net.drain();
        assert_eq!(
            net.respond("[]"),
            Err(EmitError::Full {
                counted: Counted::Messages,
                buffered: 1,
                limit: 1
            })
        );
        assert_eq!(net.pull(client).unwrap(), r#"42["b"]"#);
        assert_eq!(net.drain(), ["c0 drained"]);
    });
}
