//! Acknowledgements, both ways.

use std::time::Duration;

use socketio_proto::client::{AckToken, EmitError, SocketOptions};

use crate::support::{config, run, run_with};

#[test]
fn ids_count_from_zero_across_sessions() {
    run(|rig| {
        let socket = rig.joined();
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.emit_with_ack(socket, r#"["b"]"#, None).unwrap();
        assert_eq!(rig.drain(), [r#"> 420["a"]"#, r#"> 421["b"]"#]);
        rig.text(r#"31["two"]"#);
        rig.text("30");
        assert_eq!(rig.drain(), [r#"/ ack 1 ["two"]"#, "/ ack 0 []"]);
        rig.text("30[]");
        rig.text("39[]");
        rig.text("3[]");
        assert_eq!(rig.drain(), [""; 0]);
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.accept();
        rig.text(r#"0{"sid":"s2"}"#);
        rig.drain();
        rig.emit_with_ack(socket, r#"["c"]"#, None).unwrap();
        assert_eq!(rig.drain(), [r#"> 422["c"]"#]);
    });
}

#[test]
fn a_timeout_ends_the_wait_just_once() {
    run(|rig| {
        let socket = rig.joined();
        rig.emit_with_ack(socket, r#"["a"]"#, 500).unwrap();
        rig.drain();
        rig.advance(499);
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1);
        assert_eq!(rig.drain(), ["/ ack 0 failed: operation has timed out"]);
        rig.text("30[]");
        rig.cut();
        assert_eq!(rig.drain().len(), 3);
    });
}

#[test]
fn the_socket_has_a_default_timeout() {
    run(|rig| {
        let timeout = Some(Duration::from_millis(100));
        let socket = rig.joined_with(SocketOptions::default().with_ack_timeout(timeout));
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.emit_with_ack(socket, r#"["b"]"#, 50).unwrap();
        rig.drain();
        rig.advance(50);
        assert_eq!(rig.drain(), ["/ ack 1 failed: operation has timed out"]);
        rig.advance(50);
        assert_eq!(rig.drain(), ["/ ack 0 failed: operation has timed out"]);
    });
}

#[test]
fn a_timeout_takes_an_event_out_of_the_send_buffer() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.emit_with_ack(socket, r#"["a"]"#, 10).unwrap();
        rig.emit(socket, r#"["b"]"#).unwrap();
        rig.drain();
        assert_eq!(rig.client.buffered(socket).events, 2);
        rig.advance(10);
        assert_eq!(rig.drain(), ["/ ack 0 failed: operation has timed out"]);
        assert_eq!(rig.client.buffered(socket).events, 1);
        rig.accept();
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain(),
            ["> 40", r#"> 42["b"]"#, "opened", "/ connected"]
        );
    });
}

#[test]
fn a_disconnection_ends_what_was_sent_and_keeps_what_was_not() {
    run(|rig| {
        let socket = rig.joined();
        rig.emit_with_ack(socket, r#"["sent"]"#, None).unwrap();
        rig.emit_with_ack(socket, r#"["timed"]"#, 60_000).unwrap();
        rig.drain();
        rig.cut();
        rig.emit_with_ack(socket, r#"["kept"]"#, None).unwrap();
        assert_eq!(
            rig.drain(),
            [
                "closed: transport close (websocket connection closed)",
                "/ disconnected: transport close (websocket connection closed)",
                "/ ack 0 failed: socket has been disconnected",
                "/ ack 1 failed: socket has been disconnected",
                "reconnecting 1 in 1000"
            ]
        );
        rig.advance(1000);
        rig.accept();
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.accept();
        rig.text(r#"0{"sid":"s2"}"#);
        assert_eq!(rig.drain()[2..4], ["> 40", r#"> 422["kept"]"#]);
        rig.text("32[1]");
        assert_eq!(rig.drain(), ["/ ack 2 [1]"]);
    });
}

#[test]
fn a_disconnection_ends_what_waited_first_and_then_was_sent() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.drain();
        rig.accept();
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain(),
            ["> 40", r#"> 420["a"]"#, "opened", "/ connected"]
        );
        rig.cut();
        assert_eq!(
            rig.drain(),
            [
                "closed: transport close (websocket connection closed)",
                "/ disconnected: transport close (websocket connection closed)",
                "/ ack 0 failed: socket has been disconnected",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn both_kinds_of_disconnect_end_acknowledgements_behind_the_event() {
    run(|rig| {
        let socket = rig.joined();
        rig.connect("/other");
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.drain();
        rig.text("1");
        assert_eq!(
            rig.drain(),
            [
                "/ disconnected: io server disconnect",
                "/ ack 0 failed: socket has been disconnected"
            ]
        );
        rig.again(socket);
        rig.text(r#"0{"sid":"s2"}"#);
        rig.emit_with_ack(socket, r#"["b"]"#, None).unwrap();
        rig.drain();
        rig.disconnect(socket);
        assert_eq!(
            rig.drain(),
            [
                "> 41",
                "/ disconnected: io client disconnect",
                "/ ack 1 failed: socket has been disconnected"
            ]
        );
    });
}

#[test]
fn an_answer_is_good_for_the_session_in_which_the_event_came() {
    run(|rig| {
        let socket = rig.joined();
        rig.text(r#"20["a"]"#);
        rig.text(r#"21["b"]"#);
        rig.drain();
        rig.respond("[1]").unwrap();
        assert_eq!(rig.drain(), ["> 430[1]"]);
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.accept();
        rig.text(r#"0{"sid":"s2"}"#);
        rig.drain();
        assert!(rig.client.is_connected(socket));
        assert_eq!(rig.respond("[2]"), Err(EmitError::Closed));
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn tokens_that_were_written_down_answer_their_own_event() {
    run(|rig| {
        rig.joined();
        for packet in [r#"20["a"]"#, r#"27["b"]"#, r#"29["c"]"#] {
            rig.text(packet);
        }
        rig.drain();
        for token in &mut rig.tokens {
            *token = AckToken::from_bits(token.to_bits());
        }
        rig.tokens.swap(0, 2);
        for _ in 0..3 {
            rig.respond("[1]").unwrap();
        }
        assert_eq!(rig.drain(), ["> 439[1]", "> 437[1]", "> 430[1]"]);
    });
}

#[test]
fn attachments_go_both_ways() {
    run(|rig| {
        let socket = rig.joined();
        let payload = socketio_proto::Payload::event("bin")
            .binary(vec![1, 2])
            .build()
            .unwrap();
        rig.client.emit(socket, &payload, rig.now).unwrap();
        assert_eq!(
            rig.drain(),
            [
                r#"> 451-["bin",{"_placeholder":true,"num":0}]"#,
                r#"> b"\x01\x02""#
            ]
        );
        rig.text(r#"51-3["back",{"_placeholder":true,"num":0}]"#);
        assert_eq!(rig.drain(), [""; 0]);
        rig.binary(&[9]);
        assert_eq!(
            rig.drain(),
            [r#"/ event ["back",{"_placeholder":true,"num":0}], ack wanted"#]
        );
    });
}

#[test]
fn the_number_of_acknowledgements_is_bounded() {
    run_with(config().with_max_pending_acks(2), |rig| {
        let socket = rig.joined();
        for _ in 0..2 {
            rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        }
        let refused = rig.emit_with_ack(socket, r#"["a"]"#, None);
        assert_eq!(refused, Err(EmitError::TooManyAcks { limit: 2 }));
        rig.text("30[]");
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        assert_eq!(rig.drain().len(), 4);
    });
}
