//! Servers that are broken or mean.

use socketio_proto::client::{DisconnectReason, Event, Violation};
use socketio_proto::engine::client::Output;
use socketio_proto::parser::Limits;

use crate::support::{config, run, run_with};

#[test]
fn undecodable_packets_close_the_connection_and_a_new_one_is_made() {
    for (packet, error) in [
        ("abc", "unknown packet type NaN"),
        ("9", "unknown packet type 9"),
        ("2{}", "invalid payload"),
        ("2", "invalid payload"),
        (r#"2["connect"]"#, "invalid payload"),
        (r#"5["a"]"#, "Illegal attachments"),
        (r#"511-["a"]"#, "too many attachments"),
        ("29007199254740992[]", "packet id out of range"),
    ] {
        run(|rig| {
            let socket = rig.joined();
            rig.text(r#"2["before"]"#);
            rig.text(packet);
            rig.text(r#"2["after"]"#);
            assert_eq!(
                rig.drain(),
                [
                    "close".to_owned(),
                    r#"/ event ["before"]"#.to_owned(),
                    format!("closed: parse error ({error})"),
                    format!("/ disconnected: parse error ({error})"),
                    "reconnecting 1 in 1000".to_owned()
                ],
                "{packet}"
            );
            assert!(rig.client.is_active(socket));
        });
    }
}

#[test]
fn an_attachment_that_is_repeated_until_it_takes_too_much() {
    run(|rig| {
        rig.joined();
        let place = r#"{"_placeholder":true,"num":0}"#;
        rig.text(&format!(r#"51-["a",{}]"#, [place; 20].join(",")));
        rig.binary(&[7; 100_000]);
        let lines = rig.drain();
        assert_eq!(
            lines[1],
            "closed: parse error (attachments repeated beyond 64 bytes for each byte of JSON)"
        );
    });
}

#[test]
fn repeats_of_an_attachment_count_but_end_no_connection() {
    let config = config().with_engine(|engine| {
        let mut engine = engine.with_max_undelivered(1_000, 10);
        engine.max_payload = 300;
        engine
    });
    let limits = Limits::default().with_max_attachments(1);
    run_with(config.with_limits(limits), |rig| {
        rig.joined();
        let place = r#"{"_placeholder":true,"num":0}"#;
        rig.text(&format!(r#"51-["a",{}]"#, [place; 8].join(",")));
        rig.binary(&[0; 300]);
        assert!(!rig.client.wants_read());
        assert_eq!(rig.drain().len(), 1);
        assert!(rig.client.wants_read());
    });
}

#[test]
fn attachments_without_header_and_headers_without_attachments() {
    run(|rig| {
        rig.joined();
        rig.binary(b"x");
        let lines = rig.drain();
        assert_eq!(
            lines[1],
            "closed: parse error (got binary data when not reconstructing a packet)"
        );
        rig.advance(1000);
        rig.accept();
        rig.text(r#"0{"sid":"s"}"#);
        rig.text(r#"51-["a",{"_placeholder":true,"num":0}]"#);
        rig.drain();
        rig.text(r#"2["b"]"#);
        let lines = rig.drain();
        assert_eq!(
            lines[1],
            "closed: parse error (got plaintext data when reconstructing a packet)"
        );
        rig.advance(1000);
        rig.drain();
        rig.accept();
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain().last().unwrap(),
            "/ connected",
            "the decoder starts afresh"
        );
    });
}

#[test]
fn packets_for_namespaces_that_the_client_does_not_know_are_ignored() {
    run(|rig| {
        rig.joined();
        for packet in [
            r#"0/x,{"sid":"x"}"#,
            r#"4/x,{"message":"no"}"#,
            "1/x,",
            r#"2/x,["a"]"#,
            "3/x,0[]",
        ] {
            rig.text(packet);
        }
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn packets_before_the_answer_do_no_harm() {
    run(|rig| {
        rig.joined();
        rig.connect("/x");
        rig.drain();
        rig.text("3/x,0[]");
        assert_eq!(rig.drain(), [""; 0]);
        rig.text("1/x,");
        assert_eq!(rig.drain(), ["/x disconnected: io server disconnect"]);
    });
}

#[test]
fn a_disconnect_with_a_payload_is_a_disconnect() {
    run(|rig| {
        rig.joined();
        rig.connect("/x");
        rig.drain();
        rig.text(r#"0/x,{"sid":"x"}"#);
        rig.text(r#"1/x,{"message":"not welcome"}"#);
        assert_eq!(
            rig.drain(),
            ["/x connected", "/x disconnected: io server disconnect"]
        );
    });
}

#[test]
fn endless_pings_and_useless_answers_are_bounded() {
    for packet in ["2", "40"] {
        run(|rig| {
            rig.connect("/");
            rig.drain();
            rig.accept();
            rig.drain();
            for _ in 0..200_000 {
                rig.raw(packet);
                if rig.client.engine().is_none() {
                    break;
                }
            }
            assert!(rig.client.engine().is_none(), "the connection ends");
            let mut reason = None;
            while let Some(output) = rig.client.poll_output() {
                if let Output::Event(Event::ManagerClosed { reason: why }) = output {
                    reason = Some(why);
                }
            }
            let expected = DisconnectReason::ParseError(Violation::TooManyUndelivered);
            assert_eq!(reason, Some(expected), "{packet}");
        });
    }
}

#[test]
fn handshakes_that_make_no_sense_are_failed_attempts() {
    for handshake in [
        "0",
        "0{}",
        "0[]",
        "hello",
        r#"0{"sid":"","upgrades":[],"pingInterval":1,"pingTimeout":1}"#,
        r#"0{"sid":"x","upgrades":[],"pingInterval":-1,"pingTimeout":0}"#,
        r#"0{"sid":"x","upgrades":[],"pingInterval":0,"pingTimeout":0}"#,
    ] {
        run(|rig| {
            rig.connect("/");
            rig.drain();
            let connection = rig.connection();
            rig.client.handle_connected(connection, rig.now);
            rig.raw(handshake);
            assert_eq!(
                rig.drain(),
                [
                    "close",
                    "error: server error",
                    "/ connect_error: server error",
                    "reconnecting 1 in 1000"
                ],
                "{handshake}"
            );
        });
    }
}
