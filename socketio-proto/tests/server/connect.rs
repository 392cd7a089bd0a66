//! Joining namespaces.

use socketio_proto::PacketType;
use socketio_proto::Payload;
use socketio_proto::server::{ConnectToken, EmitError, Target};

use crate::support::{event, run};

#[test]
fn the_answer_has_exactly_the_key_sid_on_both_transports() {
    run(|net| {
        for client in net.both() {
            let socket = net.join(client, "/");
            assert_eq!(net.id(socket).len(), 20);
            assert_eq!(
                net.server.find_socket("/", &net.id(socket)),
                Some(net.key(socket))
            );
        }
    });
}

#[test]
fn the_id_of_a_socket_is_not_the_secret_of_its_session() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        let session = net.server.engine().session(net.session(client)).unwrap();
        assert_ne!(net.id(socket), session.sid().as_str());
    });
}

#[test]
fn a_custom_namespace_is_joined_by_its_name() {
    run(|net| {
        net.add_namespace("/custom");
        let client = net.websocket();
        let socket = net.join(client, "/custom");
        assert_eq!(
            net.server.socket_namespace(net.key(socket)),
            Some("/custom")
        );
        assert_eq!(
            net.server.socket_session(net.key(socket)),
            Some(net.session(client))
        );
        assert_eq!(
            (
                net.server.socket_count("/custom"),
                net.server.socket_count("/")
            ),
            (1, 0)
        );
    });
}

#[test]
fn an_empty_name_is_the_main_namespace_and_a_missing_slash_is_added() {
    run(|net| {
        for name in ["", "/", "chat", "/chat"] {
            net.server.add_namespace(name).unwrap();
        }
        assert_eq!(net.drain(), ["/chat added"]);
        assert!(net.server.namespaces().eq(["/", "/chat"]));
        assert!(net.server.add_namespace("/a,b").is_err());
    });
}

#[test]
fn the_auth_payload_reaches_the_application() {
    run(|net| {
        net.add_namespace("/custom");
        let client = net.websocket();
        net.text(client, r#"0{"token":"123"}"#);
        net.text(client, r#"0/custom,{"token":"abc"}"#);
        assert_eq!(
            net.drain(),
            [
                r#"c0 connecting / {"token":"123"}"#,
                r#"c0 connecting /custom {"token":"abc"}"#
            ]
        );
        net.accept().unwrap();
        net.accept().unwrap();
        assert_eq!(
            net.drain(),
            [r#"c0 < 40{"sid":"$0"}"#, r#"c0 < 40/custom,{"sid":"$1"}"#]
        );
    });
}

#[test]
fn an_unknown_namespace_is_refused_with_the_official_bytes_and_the_connection_stays() {
    run(|net| {
        for client in net.both() {
            net.text(client, "0/random");
            if client == 1 {
                net.poll(client);
            }
            let refusal = r#"44/random,{"message":"Invalid namespace"}"#;
            assert_eq!(net.drain(), [format!("c{client} < {refusal}")]);
            net.join(client, "/");
        }
    });
}

#[test]
fn a_refusal_carries_the_message_and_the_data() {
    run(|net| {
        net.add_namespace("/admin");
        let client = net.websocket();
        net.text(client, r#"0/admin,{"token":"bad"}"#);
        net.text(client, "0");
        net.drain();
        net.reject("not authorized", Some(r#"{"code":401}"#))
            .unwrap();
        net.reject("no \"way\"", None).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 44/admin,{"message":"not authorized","data":{"code":401}}"#,
                r#"c0 < 44{"message":"no \"way\""}"#
            ]
        );
    });
}

#[test]
fn data_with_attachments_cannot_be_sent_and_is_left_out() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        let token = net.token();
        let data = Payload::ack().binary(vec![1]).build().unwrap();
        net.server
            .reject(token, "no", Some(&data), net.now)
            .unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44{"message":"no"}"#]);
    });
}

#[test]
fn a_refused_client_may_ask_again() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        net.reject("later", None).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44{"message":"later"}"#]);
        net.join(client, "/");
    });
}

#[test]
fn a_refused_client_leaves_no_room_and_no_socket() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        net.reject("no", None).unwrap();
        net.drain();
        assert_eq!(net.server.sockets(Target::namespace("/")).count(), 0);
    });
}

#[test]
fn the_namespaces_of_a_connection_have_sockets_of_their_own() {
    run(|net| {
        net.add_namespace("/a");
        net.add_namespace("/b");
        let client = net.websocket();
        for packet in ["0", "0/a", "0/b,"] {
            net.text(client, packet);
        }
        assert_eq!(
            net.drain(),
            ["c0 connecting /", "c0 connecting /a", "c0 connecting /b"]
        );
        for _ in 0..3 {
            net.accept().unwrap();
        }
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 40{"sid":"$0"}"#,
                r#"c0 < 40/a,{"sid":"$1"}"#,
                r#"c0 < 40/b,{"sid":"$2"}"#
            ]
        );
        let [main, a, b] = [0, 1, 2].map(|socket| net.id(socket));
        assert!(main != a && a != b && b != main);
        assert_eq!(net.server.find_socket("/a", &b), None);
    });
}

#[test]
fn answers_may_come_in_any_order_and_late() {
    run(|net| {
        net.add_namespace("/slow");
        let client = net.websocket();
        net.text(client, "0/slow");
        net.text(client, "0");
        net.drain();
        let slow = net.token();
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40{"sid":"$0"}"#]);
        net.advance(10_000);
        net.accept_token(slow).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40/slow,{"sid":"$1"}"#]);
    });
}

#[test]
fn who_waits_is_not_in_the_namespace_yet() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        assert_eq!(net.server.socket_count("/"), 0);
        assert_eq!(net.broadcast(Target::namespace("/"), r#"["a"]"#).sent, 0);
        let socket = net.accept().unwrap();
        assert_eq!(net.server.socket_count("/"), 1);
        assert!(
            net.server
                .sockets(Target::namespace("/"))
                .eq([net.key(socket)])
        );
        assert_eq!(net.drain(), [r#"c0 < 40{"sid":"$0"}"#]);
    });
}

#[test]
fn a_client_that_left_a_namespace_may_join_again_and_gets_another_id() {
    run(|net| {
        let (client, first) = net.joined(&["/"]);
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
        let second = net.join(client, "/");
        assert_ne!(net.id(first), net.id(second));
        assert_eq!(net.server.socket_id(net.key(first)), None);
        net.disconnect(second);
        assert_eq!(
            net.drain(),
            ["c0 < 41", "$1 disconnected: server namespace disconnect"]
        );
        net.join(client, "/");
    });
}

#[test]
fn a_verdict_after_the_client_has_gone_is_refused() {
    run(|net| {
        let (client, other) = (net.websocket(), net.websocket());
        for client in [client, other] {
            net.text(client, "0");
            net.drain();
            net.vanish(client);
            assert_eq!(net.drain(), [format!("c{client} closed: transport close")]);
        }
        assert!(net.accept().is_err());
        assert!(net.reject("no", None).is_err());
        assert_eq!(net.server.socket_count("/"), 0);
    });
}

#[test]
fn a_second_verdict_is_refused() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        let token = net.token();
        let bits = token.to_bits();
        net.accept_token(token).unwrap();
        assert!(
            net.server
                .accept(ConnectToken::from_bits(bits), net.now)
                .is_err()
        );
        let again = ConnectToken::from_bits(bits);
        let early = net.server.emit_early(&again, &event(r#"["x"]"#));
        assert_eq!(early, Err(EmitError::Closed));
        assert!(net.server.reject(again, "no", None, net.now).is_err());
        assert_eq!(net.drain(), [r#"c0 < 40{"sid":"$0"}"#]);
    });
}

#[test]
fn the_verdict_of_a_client_that_has_gone_does_not_reach_its_successor() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        let stale = net.token();
        net.vanish(client);
        net.drain();
        let successor = net.websocket();
        net.text(successor, "0");
        assert_eq!(net.drain(), ["c1 connecting /"]);
        assert!(net.accept_token(stale).is_err());
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c1 < 40{"sid":"$0"}"#]);
    });
}

#[test]
fn a_namespace_that_is_added_later_can_be_joined() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0/late");
        assert_eq!(
            net.drain(),
            [r#"c0 < 44/late,{"message":"Invalid namespace"}"#]
        );
        net.add_namespace("/late");
        net.join(client, "/late");
    });
}

#[test]
fn a_query_string_is_part_of_the_name() {
    run(|net| {
        net.add_namespace("/a");
        let client = net.websocket();
        net.text(client, "0/a?token=1,");
        assert_eq!(
            net.drain(),
            [r#"c0 < 44/a?token=1,{"message":"Invalid namespace"}"#]
        );
    });
}

#[test]
fn a_polling_handshake_then_connect_answers_the_poll_that_waits() {
    run(|net| {
        let client = net.polling();
        net.poll(client);
        assert_eq!(net.drain(), [""; 0]);
        net.text(client, "0");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        let socket = net.accept().unwrap();
        net.emit(socket, r#"["welcome"]"#).unwrap();
        net.emit(socket, r#"["more"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40{"sid":"$0"}"#]);
        net.poll(client);
        assert_eq!(
            net.drain(),
            [r#"c0 < 42["welcome"]|42["more"]"#],
            "in one answer"
        );
    });
}

#[test]
fn the_payload_kinds_of_a_connect_packet_are_an_object_or_nothing() {
    assert!(Payload::from_json(PacketType::Connect, "[]", Vec::new()).is_err());
    run(|net| {
        for packet in ["0[]", r#"0"x""#, "0true", "0null"] {
            let client = net.websocket();
            net.text(client, packet);
            let closed = format!("c{client} closed: forced close");
            assert_eq!(
                net.drain(),
                [format!("c{client} closed by the server"), closed],
                "{packet}"
            );
        }
    });
}

#[test]
fn events_for_a_client_that_waits_come_before_the_answer() {
    run(|net| {
        net.add_namespace("/a");
        let client = net.websocket();
        net.text(client, "0/a");
        net.drain();
        let token = net.token();
        let early = event(r#"["session","id"]"#);
        net.server.emit_early(&token, &early).unwrap();
        net.accept_token(token).unwrap();
        assert_eq!(
            net.drain(),
            [r#"c0 < 42/a,["session","id"]"#, r#"c0 < 40/a,{"sid":"$0"}"#]
        );
    });
}

#[test]
fn nothing_is_sent_early_to_one_who_has_gone() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0");
        net.drain();
        let token = net.token();
        net.vanish(client);
        net.drain();
        let outcome = net.server.emit_early(&token, &event(r#"["a"]"#));
        assert_eq!(outcome, Err(EmitError::Closed));
    });
}

#[test]
fn the_sockets_of_a_client_are_those_that_it_has_joined() {
    run(|net| {
        net.add_namespace("/a");
        net.add_namespace("/b");
        let (client, _) = net.joined(&["/", "/a"]);
        net.joined(&["/"]);
        net.text(client, "0/b");
        net.drain();
        let session = net.session(client);
        let sockets: Vec<_> = net.server.sockets_of(session).collect();
        assert_eq!(sockets, [net.key(0), net.key(1)]);
        net.disconnect(0);
        assert!(net.server.sockets_of(session).eq([net.key(1)]));
        net.vanish(client);
        assert_eq!(net.server.sockets_of(session).count(), 0);
        net.drain();
    });
}
