//! Buffers of a client, and their limits.

use socketio_proto::client::{EmitError, SocketOptions};
use socketio_proto::engine::Counted;
use socketio_proto::parser::Parser;

use crate::support::{config, run, run_with};

#[test]
fn events_wait_for_the_namespace_and_leave_in_order() {
    run(|rig| {
        let socket = rig.client.socket("/", SocketOptions::default()).unwrap();
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.again(socket);
        rig.emit(socket, r#"["b"]"#).unwrap();
        rig.drain();
        rig.accept();
        rig.emit(socket, r#"["c"]"#).unwrap();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain(),
            [
                r#"> 42["a"]"#,
                r#"> 42["b"]"#,
                r#"> 42["c"]"#,
                "/ connected"
            ]
        );
        assert_eq!(rig.client.buffered(socket).bytes, 0);
    });
}

#[test]
fn the_send_buffer_is_bounded_and_tells_when_there_is_room() {
    run_with(config().with_max_buffered(2, 1000), |rig| {
        let socket = rig.connect("/");
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.emit(socket, r#"["b"]"#).unwrap();
        let full = Err(EmitError::Full {
            counted: Counted::Messages,
            buffered: 2,
            limit: 2,
        });
        assert_eq!(rig.emit(socket, r#"["c"]"#), full);
        assert_eq!(rig.emit_with_ack(socket, r#"["c"]"#, None), full);
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain(),
            [r#"> 42["a"]"#, r#"> 42["b"]"#, "/ drained", "/ connected"]
        );
    });
}

#[test]
fn the_send_buffer_is_bounded_in_bytes_but_takes_one_large_event() {
    run_with(config().with_max_buffered(10, 20), |rig| {
        let socket = rig.connect("/");
        let large = format!(r#"["{}"]"#, "x".repeat(100));
        rig.emit(socket, &large).unwrap();
        let refused = rig.emit(socket, r#"["b"]"#);
        // The text; MessagePack takes 16 bytes more.
        let buffered = match crate::PARSER {
            Parser::MsgPack => 121,
            Parser::Json | _ => 105,
        };
        let limit = 20;
        assert_eq!(
            refused,
            Err(EmitError::Full {
                counted: Counted::Bytes,
                buffered,
                limit
            })
        );
        rig.drain();
    });
}

#[test]
fn there_is_room_once_half_of_both_limits_is_free() {
    // Of the four events, or of the 200 bytes, more than half waits after the first has timed out.
    for (last, len) in [(1, 150), (3, 10)] {
        run_with(config().with_max_buffered(4, 200), |rig| {
            let socket = rig.connect("/");
            let event = |len: usize| format!(r#"["{}"]"#, "x".repeat(len));
            rig.emit_with_ack(socket, r#"["a"]"#, 10).unwrap();
            for _ in 0..last {
                rig.emit(socket, &event(len)).unwrap();
            }
            rig.emit(socket, &event(60)).unwrap_err();
            rig.drain();
            rig.advance(10);
            let timed_out = "/ ack 0 failed: operation has timed out";
            assert_eq!(rig.drain(), [timed_out]);
            assert_eq!(rig.client.buffered(socket).events, last);
            rig.accept();
            rig.drain();
            rig.text(r#"0{"sid":"s"}"#);
            let drained = rig
                .drain()
                .iter()
                .filter(|line| *line == "/ drained")
                .count();
            assert_eq!(drained, 1);
        });
    }
}

#[test]
fn what_does_not_fit_on_the_connection_is_refused_until_it_is_drained() {
    let config = config().with_engine(|engine| engine.with_max_buffered(1 << 20, 2));
    run_with(config, |rig| {
        let socket = rig.joined();
        rig.stalled = true;
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.emit(socket, r#"["b"]"#).unwrap();
        let refused = rig.emit(socket, r#"["c"]"#);
        assert!(
            matches!(refused, Err(EmitError::Full { limit: 2, .. })),
            "{refused:?}"
        );
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.unstall(), [r#"> 42["a"]"#, r#"> 42["b"]"#, "/ drained"]);
    });
}

#[test]
fn a_long_send_buffer_leaves_bit_by_bit_and_in_order() {
    let config = config().with_engine(|engine| engine.with_max_buffered(1 << 20, 2));
    run_with(config, |rig| {
        let socket = rig.connect("/");
        for n in 0..7 {
            rig.emit(socket, &format!(r#"["e",{n}]"#)).unwrap();
        }
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        rig.emit(socket, r#"["e",7]"#).unwrap();
        let mut frames = rig.drain();
        for _ in 0..10 {
            frames.extend(rig.unstall());
        }
        frames.retain(|line| line != "/ connected");
        let expected: Vec<_> = (0..8).map(|n| format!(r#"> 42["e",{n}]"#)).collect();
        assert_eq!(frames, expected);
    });
}

#[test]
fn connects_and_disconnects_wait_for_room() {
    let config = config().with_engine(|engine| engine.with_max_buffered(1 << 20, 1));
    run_with(config, |rig| {
        for namespace in ["/", "/a", "/b"] {
            rig.connect(namespace);
        }
        rig.drain();
        rig.stalled = true;
        rig.accept();
        assert_eq!(rig.drain(), ["opened"]);
        let b = rig.client.find_socket("/b").unwrap();
        rig.disconnect(b);
        let mut lines = rig.unstall();
        lines.extend(rig.unstall());
        assert_eq!(
            lines,
            ["> 40", "> 40/a,"],
            "what was not asked is not taken back"
        );
        let a = rig.client.find_socket("/a").unwrap();
        rig.text(r#"0{"sid":"s"}"#);
        rig.text(r#"0/a,{"sid":"a"}"#);
        rig.drain();
        rig.stalled = true;
        let main = rig.client.find_socket("/").unwrap();
        rig.emit(main, r#"["x"]"#).unwrap();
        for _ in 0..3 {
            rig.disconnect(a);
            rig.again(a);
        }
        assert_eq!(rig.drain(), ["/a disconnected: io client disconnect"]);
        let mut lines = rig.unstall();
        for _ in 0..3 {
            lines.extend(rig.unstall());
        }
        assert_eq!(lines, [r#"> 42["x"]"#, "> 41/a,", "> 40/a,"]);
    });
}

#[test]
fn the_receive_buffer_is_bounded() {
    run_with(config().with_max_buffered(2, 1000), |rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        for _ in 0..2 {
            rig.text(r#"2["a"]"#);
        }
        assert_eq!(rig.drain(), [""; 0]);
        rig.text(r#"2["a"]"#);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: parse error (too many events before the namespace was joined)",
                "/ disconnected: parse error (too many events before the namespace was joined)",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn volatile_events_leave_at_once_or_never() {
    run(|rig| {
        let socket = rig.connect("/");
        assert_eq!(rig.volatile(socket, r#"["a"]"#), Ok(false), "no connection");
        rig.drain();
        rig.accept();
        assert_eq!(rig.volatile(socket, r#"["b"]"#), Ok(false), "not joined");
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        rig.drain();
        assert_eq!(rig.volatile(socket, r#"["c"]"#), Ok(true));
        rig.stalled = true;
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(
            rig.volatile(socket, r#"["d"]"#),
            Ok(false),
            "the pipe is not ready"
        );
        assert_eq!(rig.unstall(), [r#"> 42["c"]"#]);
        rig.disconnect(socket);
        assert_eq!(rig.volatile(socket, r#"["e"]"#), Ok(false));
        assert!(rig.client.forget(socket));
        assert_eq!(rig.volatile(socket, r#"["f"]"#), Err(EmitError::Closed));
        rig.drain();
    });
}

#[test]
fn the_application_can_drop_what_waits() {
    run_with(config().with_max_buffered(3, 1000), |rig| {
        let socket = rig.connect("/");
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.emit_with_ack(socket, r#"["b"]"#, 500).unwrap();
        rig.emit(socket, r#"["c"]"#).unwrap();
        assert!(rig.emit(socket, r#"["d"]"#).is_err());
        rig.drain();
        assert_eq!(rig.client.clear_buffer(socket), 3);
        assert_eq!(
            rig.drain(),
            ["/ ack 0 failed: event has been dropped", "/ drained"]
        );
        rig.advance(1000);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn forgetting_a_socket_ends_what_waits_in_it() {
    run(|rig| {
        let socket = rig.client.socket("/", SocketOptions::default()).unwrap();
        rig.emit_with_ack(socket, r#"["b"]"#, 500).unwrap();
        assert!(rig.client.forget(socket));
        assert_eq!(rig.drain(), ["gone ack 0 failed: event has been dropped"]);
        assert_eq!(rig.client.poll_timeout(), None);
        assert_eq!(rig.emit(socket, r#"["b"]"#), Err(EmitError::Closed));
    });
}

#[test]
fn too_many_undelivered_events_end_the_connection() {
    let config = config().with_engine(|engine| {
        let mut engine = engine.with_max_undelivered(1 << 20, 2);
        engine.max_packets_per_payload = 1;
        engine
    });
    run_with(config, |rig| {
        rig.joined();
        for n in 0..3 {
            assert_eq!(rig.client.wants_read(), n < 2);
            rig.text(r#"2["a"]"#);
        }
        rig.text(r#"2["one too many"]"#);
        let lines = rig.drain();
        assert_eq!(lines.len(), 8, "{lines:?}");
        assert_eq!(
            lines[5],
            "closed: parse error (too many undelivered events)"
        );
        assert!(rig.client.wants_read());
    });
}

#[test]
fn attempts_wait_for_an_application_that_does_not_listen() {
    let config = config().with_engine(|engine| engine.with_max_undelivered(1 << 20, 8));
    run_with(config, |rig| {
        rig.connect("/");
        rig.drain();
        rig.fail();
        for _ in 0..50 {
            rig.advance(10_000);
            // The connect timeout ends each attempt.
            rig.advance(20_000);
        }
        let events = rig
            .drain()
            .into_iter()
            .filter(|line| !line.starts_with("c"));
        assert!(events.count() < 16);
        rig.advance(10_000);
        rig.drain();
    });
}
