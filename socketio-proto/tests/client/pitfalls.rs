//! The errors that the official client had and fixed, one test each, named for the release that fixed it.
//!
//! Source: changelogs and advisories of `socket.io-client` and `socket.io-parser`.

use std::time::Duration;

use socketio_proto::client::{Reconnection, SocketOptions};
use socketio_proto::{EncodeError, Payload};

use crate::support::{config, run, run_with};

#[test]
fn parser_4_2_1_placeholders_name_attachments_that_exist() {
    for num in ["1", "-1", "\"0\"", "null", "0.5", "\"splice\""] {
        run(|rig| {
            rig.joined();
            rig.text(&format!(r#"51-["a",{{"_placeholder":true,"num":{num}}}]"#));
            rig.binary(b"x");
            let lines = rig.drain();
            assert!(
                lines[1].starts_with("closed: parse error"),
                "{num}: {lines:?}"
            );
        });
    }
}

#[test]
fn parser_4_2_3_event_names_are_strings_or_numbers() {
    for name in [r#"{"toString":"foo"}"#, "null", "true", "[]"] {
        run(|rig| {
            rig.joined();
            rig.text(&format!("2[{name}]"));
            assert_eq!(rig.drain()[1], "closed: parse error (invalid payload)");
        });
    }
    run(|rig| {
        rig.joined();
        rig.text("2[1,2]");
        assert_eq!(rig.drain(), ["/ event [1,2]"]);
    });
}

#[test]
fn parser_4_2_4_reserved_names_are_refused_both_ways() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        let refused = Payload::event(name).build();
        let expected = EncodeError::ReservedEvent(name.into());
        assert_eq!(
            expected.to_string(),
            format!("\"{name}\" is a reserved event name")
        );
        assert_eq!(refused, Err(expected));
        run(|rig| {
            rig.joined();
            rig.text(&format!(r#"2["{name}"]"#));
            assert_eq!(rig.drain()[1], "closed: parse error (invalid payload)");
        });
    }
}

#[test]
fn parser_4_2_6_and_4_2_7_attachments_are_at_least_one_and_at_most_ten() {
    for packet in [r#"50-["a"]"#, r#"511-["a"]"#, r#"599999999999-["a"]"#] {
        run(|rig| {
            rig.joined();
            rig.text(packet);
            assert!(
                rig.drain()[1].starts_with("closed: parse error"),
                "{packet}"
            );
        });
    }
}

#[test]
fn client_3_0_4_a_v2_server_is_told_apart() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text("0");
        let lines = rig.drain();
        assert!(lines[0].contains("Socket.IO server in v2.x with a v3.x client"));
    });
}

#[test]
fn client_3_0_4_only_active_sockets_hold_the_connection() {
    run(|rig| {
        let idle = rig
            .client
            .socket("/idle", SocketOptions::default())
            .unwrap();
        let socket = rig.joined();
        rig.disconnect(socket);
        assert!(!rig.client.is_active(idle));
        assert_eq!(rig.drain()[..2], ["> 41", "close"]);
    });
}

#[test]
fn client_3_0_5_and_4_7_0_failures_and_timeouts_are_connect_errors() {
    run_with(config().with_timeout(Some(Duration::ZERO)), |rig| {
        rig.connect("/");
        rig.advance(0);
        assert_eq!(rig.drain()[3], "/ connect_error: timeout");
    });
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.cut();
        assert_eq!(rig.drain()[1], "/ connect_error: websocket error");
    });
}

#[test]
fn client_4_0_2_buffered_events_leave_before_those_of_connect_handlers() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.emit(socket, r#"["first"]"#).unwrap();
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        // What an application does on `Connected` comes after the call that caused it.
        rig.emit(socket, r#"["second"]"#).unwrap();
        assert_eq!(
            rig.drain(),
            [r#"> 42["first"]"#, r#"> 42["second"]"#, "/ connected"]
        );
    });
}

#[test]
fn client_4_2_0_a_randomization_factor_of_zero_is_accepted() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.fail();
        assert_eq!(rig.drain()[2], "reconnecting 1 in 1000");
    });
}

#[test]
fn client_4_4_0_refused_sockets_are_not_reconnected() {
    run(|rig| {
        rig.joined();
        rig.connect("/no");
        rig.drain();
        rig.text(r#"4/no,{"message":"no"}"#);
        rig.drain();
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened", "reconnect 1"]);
    });
}

#[test]
fn client_4_4_0_disconnect_and_connect_in_one_step() {
    run(|rig| {
        let socket = rig.joined();
        rig.disconnect(socket);
        rig.again(socket);
        let lines = rig.drain();
        assert!(lines.contains(&"> 41".to_owned()) && lines.contains(&"connect".to_owned()));
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
    });
}

#[test]
fn client_4_5_2_and_4_8_0_undecodable_input_closes_and_reconnects() {
    run(|rig| {
        rig.joined();
        rig.text("abc");
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: parse error (unknown packet type NaN)",
                "/ disconnected: parse error (unknown packet type NaN)",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn client_4_5_3_what_the_application_cannot_read_is_no_protocol_error() {
    run(|rig| {
        let socket = rig.joined();
        rig.text(r#"2["a","not a number"]"#);
        let Some(socketio_proto::engine::client::Output::Event(
            socketio_proto::client::Event::Event { payload, .. },
        )) = rig.client.poll_output()
        else {
            panic!("an event");
        };
        assert!(payload.args::<(u8,)>().is_err());
        assert!(rig.client.is_connected(socket));
    });
}

#[test]
fn client_4_6_0_an_active_socket_is_given_back_without_a_second_connect() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.accept();
        assert_eq!(rig.connect("/"), socket);
        assert_eq!(rig.connect("/"), socket);
        assert_eq!(rig.drain(), ["> 40", "opened"]);
    });
}

#[test]
fn client_4_6_1_the_retry_queue_rests_while_offline() {
    run(|rig| {
        let options = SocketOptions::default()
            .with_retries(1)
            .with_ack_timeout(Some(Duration::from_millis(50)));
        let socket = rig.joined_with(options);
        rig.cut();
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.client.set_reconnection(Reconnection::Manual);
        rig.drain();
        rig.advance(10_000);
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.buffered(socket).retries, 1);
    });
}

#[test]
fn client_4_7_5_acknowledgements_end_on_disconnection() {
    run(|rig| {
        let socket = rig.joined();
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.drain();
        rig.cut();
        assert_eq!(
            rig.drain()[2],
            "/ ack 0 failed: socket has been disconnected"
        );
    });
}

#[test]
fn client_4_8_0_the_reconnection_loop_stops_on_request() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.drain();
        rig.client.set_reconnection(Reconnection::Manual);
        assert_eq!(rig.client.poll_timeout(), None);
        rig.advance(100_000);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn client_4_8_0_nothing_is_sent_on_an_expired_connection() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.accept_with(100, 50);
        rig.text(r#"0{"sid":"s"}"#);
        rig.drain();
        // The host slept: no timer fired, and the next call is the application's.
        rig.now = rig.now + Duration::from_millis(151);
        rig.emit(socket, r#"["kept"]"#).unwrap();
        assert_eq!(rig.client.buffered(socket).events, 1);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: ping timeout",
                "/ disconnected: ping timeout",
                "reconnecting 1 in 1000"
            ]
        );
        rig.advance(1000);
        rig.accept();
        rig.text(r#"0{"sid":"s"}"#);
        assert!(rig.drain().contains(&r#"> 42["kept"]"#.to_owned()));
    });
}

#[test]
fn client_4_8_2_the_retry_queue_is_drained_before_connect_and_only_once() {
    run(|rig| {
        let options = SocketOptions::default()
            .with_retries(10)
            .with_ack_timeout(Some(Duration::from_millis(5000)));
        let socket = rig.connect_with("/", options);
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        rig.emit(socket, r#"["b"]"#).unwrap();
        assert_eq!(rig.drain(), [r#"> 420["a"]"#, "/ connected"]);
        rig.text("30");
        assert_eq!(rig.drain(), [r#"> 421["b"]"#]);
        rig.text("31");
    });
}

#[test]
fn the_receive_buffer_does_not_outlive_its_connection() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"2["of the connection before"]"#);
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(rig.drain(), ["/ connected"]);
    });
}
