//! Events in both directions.

use bytes::Bytes;
use socketio_proto::server::EmitError;
use socketio_proto::{EncodeError, Payload};

use crate::support::{event, run};

#[test]
fn events_reach_the_application_as_they_were_sent_and_in_order() {
    run(|net| {
        for client in net.both() {
            let socket = net.join(client, "/");
            for json in [r#"["a"]"#, r#"["b",1,"2",{"3":[true]},null]"#, r#"[5,1]"#] {
                net.text(client, &format!("2{json}"));
            }
            assert_eq!(
                net.drain(),
                [
                    format!(r#"${socket} event ["a"]"#),
                    format!(r#"${socket} event ["b",1,"2",{{"3":[true]}},null]"#),
                    format!("${socket} event [5,1]"),
                ]
            );
        }
    });
}

#[test]
fn the_payload_is_read_into_types() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, r#"2["move","left",3]"#);
        net.drain();
        let payload = event(r#"["move","left",3]"#);
        assert_eq!(payload.name(), Some("move"));
        assert_eq!(
            payload.args::<(String, u8)>().unwrap(),
            ("left".to_owned(), 3)
        );
    });
}

#[test]
fn an_event_with_attachments_arrives_whole_on_both_transports() {
    run(|net| {
        for client in net.both() {
            let socket = net.join(client, "/");
            let json = r#"["bin",{"a":{"_placeholder":true,"num":0}},[{"_placeholder":true,"num":1}],"é"]"#;
            net.text(client, &format!("52-{json}"));
            net.binary(client, &[1, 2]);
            assert_eq!(net.drain(), [""; 0], "not before the last part");
            net.binary(client, &[]);
            assert_eq!(
                net.drain(),
                [format!("${socket} event {json} b\"\\x01\\x02\" b\"\"")]
            );
        }
    });
}

#[test]
fn an_event_that_wants_an_answer_says_so() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, r#"20["a"]"#);
        net.text(client, r#"2["b"]"#);
        assert_eq!(net.drain(), [r#"$0 event? ["a"]"#, r#"$0 event ["b"]"#]);
    });
}

#[test]
fn emitted_events_leave_in_order_with_their_namespace() {
    run(|net| {
        net.add_namespace("/chat");
        let (_, main) = net.joined(&["/", "/chat"]);
        net.emit(main, r#"["a",1]"#).unwrap();
        net.emit(main + 1, r#"["b","é"]"#).unwrap();
        net.emit(main, r#"["c",null]"#).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["a",1]"#,
                r#"c0 < 42/chat,["b","é"]"#,
                r#"c0 < 42["c",null]"#
            ]
        );
    });
}

fn nested_binary() -> Payload {
    let part = |data: &'static [u8]| Bytes::from_static(data);
    Payload::event("bin")
        .arg(&vec![part(b"\x01"), part(b"")])
        .binary(part(b"ab"))
        .build()
        .unwrap()
}

#[test]
fn attachments_leave_right_behind_their_event() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let payload = nested_binary();
        net.server.emit(net.key(socket), &payload, net.now).unwrap();
        net.emit(socket, r#"["after"]"#).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 453-["bin",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}],{"_placeholder":true,"num":2}]"#,
                r#"c0 < b"\x01""#,
                r#"c0 < b"""#,
                r#"c0 < b"ab""#,
                r#"c0 < 42["after"]"#
            ]
        );
    });
}

#[test]
fn attachments_on_polling_are_base64_in_the_same_answer() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        net.poll(client);
        net.server
            .emit(net.key(socket), &nested_binary(), net.now)
            .unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 453-["bin",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}],{"_placeholder":true,"num":2}]|bAQ==|b|bYWI="#
            ]
        );
    });
}

#[test]
fn reserved_names_are_refused_with_the_official_text() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        let error = Payload::event(name).build().unwrap_err();
        assert_eq!(error, EncodeError::ReservedEvent(name.into()));
        assert_eq!(
            error.to_string(),
            format!("\"{name}\" is a reserved event name")
        );
    }
}

#[test]
fn an_event_named_error_is_ordinary_in_both_directions() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.text(client, r#"2["error","x"]"#);
        net.emit(socket, r#"["error","y"]"#).unwrap();
        assert_eq!(
            net.drain(),
            [r#"c0 < 42["error","y"]"#, r#"$0 event ["error","x"]"#]
        );
    });
}

#[test]
fn what_is_no_event_is_not_emitted() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let payload = Payload::ack().arg(&1).build().unwrap();
        assert_eq!(
            net.server.emit(net.key(socket), &payload, net.now),
            Err(EmitError::Encode(EncodeError::PayloadKind))
        );
    });
}

#[test]
fn a_socket_that_left_is_not_emitted_to() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        net.disconnect(socket);
        net.drain();
        assert_eq!(net.emit(socket, r#"["ghost",1]"#), Err(EmitError::Closed));
        assert_eq!(
            net.emit_volatile(socket, r#"["ghost",1]"#),
            Err(EmitError::Closed)
        );
        assert_eq!(
            net.emit_with_ack(socket, r#"["ghost",1]"#, 1),
            Err(EmitError::Closed)
        );
    });
}

#[test]
fn an_event_before_a_disconnect_of_the_client_still_arrives_before_it() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.post(client, "42[\"a\"]\x1e41");
        assert_eq!(
            net.drain(),
            [
                r#"$0 event ["a"]"#,
                "$0 disconnected: client namespace disconnect"
            ]
        );
    });
}

#[test]
fn very_large_text_and_binary_go_round() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        let text = "x".repeat(900_000);
        for _ in 0..3 {
            net.text(client, &format!(r#"2["big","{text}"]"#));
            assert_eq!(net.drain(), [format!(r#"$0 event ["big","{text}"]"#)]);
            net.emit(socket, &format!(r#"["big","{text}"]"#)).unwrap();
            assert_eq!(net.drain(), [format!(r#"c0 < 42["big","{text}"]"#)]);
        }
        let data = vec![b'x'; 900_000];
        net.text(client, r#"51-["big",{"_placeholder":true,"num":0}]"#);
        net.binary(client, &data);
        assert_eq!(
            net.drain(),
            [format!(
                r#"$0 event ["big",{{"_placeholder":true,"num":0}}] b"{text}""#
            )]
        );
    });
}

#[test]
fn text_beyond_ascii_and_the_separator_pass_unchanged() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        let json = "[\"😀 é \u{7f}\",\"\\u001e\\u0000\"]";
        net.text(client, &format!("2{json}"));
        net.emit(socket, json).unwrap();
        assert_eq!(
            net.drain(),
            [format!("c0 < 42{json}"), format!("$0 event {json}")]
        );
    });
}

#[test]
fn a_namespace_hears_only_its_own_events() {
    run(|net| {
        net.add_namespace("/a");
        let (client, _) = net.joined(&["/", "/a"]);
        net.text(client, r#"2/a,["x"]"#);
        net.text(client, r#"2["y"]"#);
        assert_eq!(net.drain(), [r#"$1 event ["x"]"#, r#"$0 event ["y"]"#]);
    });
}

#[test]
fn a_payload_that_waits_for_attachments_does_not_hold_up_other_clients() {
    run(|net| {
        let (slow, _) = net.joined(&["/"]);
        let (quick, _) = net.joined(&["/"]);
        net.text(slow, r#"51-["slow",{"_placeholder":true,"num":0}]"#);
        net.text(quick, r#"2["quick"]"#);
        assert_eq!(net.drain(), [r#"$1 event ["quick"]"#]);
        net.vanish(slow);
        assert_eq!(
            net.drain(),
            [
                "$0 disconnected: transport close",
                "c0 closed: transport close"
            ],
            "what was in flight is dropped"
        );
    });
}
