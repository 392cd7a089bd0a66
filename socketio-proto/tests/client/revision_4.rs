//! The older revision of the protocol.

use std::time::Duration;

use socketio_proto::PacketType;
use socketio_proto::client::{
    Auth, AuthError, Client, Config, Event, SocketError, SocketKey, SocketOptions,
};
use socketio_proto::engine::client::Output;
use socketio_proto::engine::http::Answer;
use socketio_proto::engine::{Instant, Revision, Seed, Transport};

use crate::support::{self, Rig, auth, payload};

fn config() -> Config {
    support::config().with_engine(|engine| engine.with_revision(Revision::V3))
}

fn run(script: impl FnOnce(&mut Rig)) {
    support::run_with(config(), script);
}

/// Connects `/` all the way.
fn joined(rig: &mut Rig) -> SocketKey {
    let socket = rig.connect("/");
    assert_eq!(rig.drain(), ["connect"]);
    rig.accept();
    assert_eq!(rig.drain(), ["opened"]);
    rig.text("0");
    assert_eq!(rig.drain(), ["/ connected"]);
    socket
}

#[test]
fn the_main_namespace_is_joined_without_a_word_of_the_client() {
    run(|rig| {
        let socket = joined(rig);
        assert_eq!(rig.client.socket_id(socket), Some("e"));
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.text(r#"21["b"]"#);
        assert_eq!(
            rig.drain(),
            [r#"> 42["a"]"#, r#"/ event ["b"], ack wanted"#]
        );
        rig.respond("[]").unwrap();
        assert_eq!(rig.drain(), ["> 431[]"]);
    });
}

#[test]
fn what_is_emitted_before_the_main_namespace_is_joined_waits() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.accept();
        rig.text(r#"2["early"]"#);
        assert_eq!(rig.drain(), ["connect", "opened"]);
        rig.text("0");
        assert_eq!(
            rig.drain(),
            [r#"> 42["a"]"#, r#"/ event ["early"]"#, "/ connected"]
        );
    });
}

#[test]
fn other_namespaces_are_asked_for_and_their_ids_are_made_of_the_session_s() {
    run(|rig| {
        let socket = rig.connect("/admin");
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40/admin,", "opened"]);
        rig.text("0");
        rig.text("0/admin");
        assert_eq!(rig.drain(), ["/admin connected"]);
        assert_eq!(rig.client.socket_id(socket), Some("/admin#e"));
    });
}

#[test]
fn a_main_namespace_that_nobody_asked_for_is_silent_until_somebody_does() {
    run(|rig| {
        rig.connect("/admin");
        rig.drain();
        rig.accept();
        rig.text("0");
        rig.text(r#"21["to nobody"]"#);
        rig.text("0/admin");
        assert_eq!(rig.drain(), ["> 40/admin,", "opened", "/admin connected"]);
        let main = rig.connect("/");
        assert_eq!(rig.drain(), ["/ connected"]);
        assert_eq!(rig.client.socket_id(main), Some("e"));
        rig.text(r#"2["to somebody"]"#);
        assert_eq!(rig.drain(), [r#"/ event ["to somebody"]"#]);
    });
}

#[test]
fn an_authentication_is_a_query_and_waits_until_the_main_namespace_is_joined() {
    run(|rig| {
        let options = SocketOptions::default().with_auth(auth(r#"{"token":"a b&c","k":"é"}"#));
        rig.connect_with("/admin", options);
        rig.connect("/plain");
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40/plain,", "opened"]);
        rig.text("0");
        assert_eq!(rig.drain(), ["> 40/admin?k=%C3%A9&token=a%20b%26c,"]);
        rig.text("0/admin,");
        assert_eq!(rig.drain(), ["/admin connected"]);
    });
}

#[test]
fn an_authentication_that_is_asked_for_is_a_query_too() {
    run(|rig| {
        rig.connect_with("/admin", SocketOptions::default().with_auth_asked());
        rig.drain();
        rig.accept();
        rig.text("0");
        assert_eq!(rig.drain(), ["opened", "/admin auth?"]);
        let question = rig.questions.pop_front().unwrap();
        let number = Some(auth(r#"{"token":1}"#));
        let refused = rig.client.provide_auth(question, number, rig.now);
        assert_eq!(refused, Err(AuthError::NotText));
        assert_eq!(rig.drain(), ["/admin auth?"], "asked again");
        let question = rig.questions.pop_front().unwrap();
        let text = Some(auth(r#"{"token":"1"}"#));
        assert_eq!(rig.client.provide_auth(question, text, rig.now), Ok(()));
        assert_eq!(rig.drain(), ["> 40/admin?token=1,"]);
    });
}

#[test]
fn what_revision_4_cannot_carry_is_refused() {
    run(|rig| {
        let fixed = |json| SocketOptions::default().with_auth(auth(json));
        let mut connect =
            |namespace: &str, options| rig.client.socket(namespace, options).map(|_| ());
        for namespace in ["/a?b=c", "/a#b", "/a,b"] {
            let refused = connect(namespace, SocketOptions::default());
            assert_eq!(refused, Err(SocketError::InvalidNamespace), "{namespace}");
        }
        let number = connect("/a", fixed(r#"{"token":1}"#));
        assert_eq!(number, Err(SocketError::AuthNotText));
        let text = payload(PacketType::ConnectError, r#""text""#);
        let no_object = connect("/a", SocketOptions::default().with_auth(text));
        assert_eq!(no_object, Err(SocketError::Auth));
        for options in [
            fixed(r#"{"token":"1"}"#),
            SocketOptions::default().with_auth_asked(),
        ] {
            assert_eq!(connect("/", options), Err(SocketError::AuthOfMain));
        }
        let main = rig.client.socket("/", SocketOptions::default()).unwrap();
        let late = rig.client.set_auth(main, Auth::Ask);
        assert_eq!(late, Err(SocketError::AuthOfMain));
    });
}

#[test]
fn a_refusal_is_a_message_or_data_and_the_last_socket_takes_the_connection_with_it() {
    run(|rig| {
        let main = joined(rig);
        for (packet, line) in [
            (r#"4/a,"nope""#, "/a connect_error: nope"),
            (r#"4/a,{"code":1}"#, "/a connect_error: "),
            (
                r#"4/a,{"message":"Invalid namespace"}"#,
                "/a connect_error: Invalid namespace",
            ),
        ] {
            let socket = rig.connect("/a");
            assert_eq!(rig.drain(), ["> 40/a,"]);
            rig.text(packet);
            assert_eq!(rig.drain(), [line]);
            assert!(!rig.client.is_active(socket));
        }
        rig.disconnect(main);
        assert_eq!(
            rig.drain(),
            [
                "> 41",
                "close",
                "closed: forced close",
                "/ disconnected: io client disconnect"
            ]
        );
        rig.again(main);
        rig.drain();
        rig.accept();
        rig.text(r#"4"no""#);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "opened",
                "closed: forced close",
                "/ connect_error: no"
            ]
        );
    });
}

#[test]
fn a_refusal_at_the_main_namespace_is_told_to_the_others_which_wait_on() {
    run(|rig| {
        let options = SocketOptions::default().with_auth(auth(r#"{"a":"b"}"#));
        let socket = rig.connect_with("/admin", options);
        rig.drain();
        rig.accept();
        rig.text(r#"4"no""#);
        assert_eq!(
            rig.drain(),
            ["> 40/admin?a=b,", "opened", "/admin connect_error: no"]
        );
        assert!(rig.client.is_active(socket));
        rig.text("0/admin");
        assert_eq!(rig.drain(), ["/admin connected"]);
        rig.connect("/");
        assert_eq!(rig.drain(), [""; 0], "it is for the next connection");
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        rig.text("0");
        assert_eq!(
            rig.drain(),
            ["> 40/admin?a=b,", "opened", "reconnect 1", "/ connected"]
        );
    });
}

#[test]
fn who_is_in_a_namespace_already_is_told_nothing_of_a_refusal_at_the_main_one() {
    run(|rig| {
        rig.connect("/a");
        rig.connect("/b");
        rig.accept();
        rig.text("0/a");
        rig.drain();
        rig.text(r#"4"no""#);
        assert_eq!(rig.drain(), ["/b connect_error: no"]);
    });
}

#[test]
fn an_error_that_the_server_reports_to_a_connected_socket_is_told_and_changes_nothing() {
    run(|rig| {
        let socket = joined(rig);
        rig.connect("/admin");
        assert_eq!(rig.drain(), ["> 40/admin,"]);
        rig.text(r#"4"not like that""#);
        assert_eq!(rig.drain(), ["/ error: not like that"], "and not to others");
        assert!(rig.client.is_connected(socket));
    });
}

#[test]
fn who_left_the_main_namespace_gets_back_at_the_next_connection() {
    for by_server in [false, true] {
        run(|rig| {
            let main = joined(rig);
            rig.connect("/a");
            rig.drain();
            if by_server {
                rig.text("1");
                assert_eq!(rig.drain(), ["/ disconnected: io server disconnect"]);
            } else {
                rig.disconnect(main);
                assert_eq!(
                    rig.drain(),
                    ["> 41", "/ disconnected: io client disconnect"]
                );
            }
            // A second welcome is none.
            rig.text("0");
            rig.again(main);
            assert_eq!(rig.drain(), [""; 0]);
            rig.cut();
            rig.advance(1000);
            rig.drain();
            rig.accept();
            rig.text("0");
            assert_eq!(
                rig.drain(),
                ["> 40/a,", "opened", "reconnect 1", "/ connected"]
            );
        });
    }
}

#[test]
fn who_leaves_before_the_main_namespace_was_joined_need_not_tell_and_may_come_back() {
    run(|rig| {
        let main = rig.connect("/");
        rig.connect("/a");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.disconnect(main);
        rig.text("0");
        assert_eq!(rig.drain(), [""; 0]);
        rig.again(main);
        assert_eq!(rig.drain(), ["/ connected"]);
    });
}

#[test]
fn a_main_namespace_that_is_not_joined_in_time_is_an_error() {
    let timeout = Some(Duration::from_millis(500));
    support::run_with(config().with_namespace_timeout(timeout), |rig| {
        let main = rig.connect("/");
        let other = rig.connect("/a");
        rig.drain();
        rig.accept();
        rig.text("0/a");
        rig.advance(500);
        assert_eq!(
            rig.drain(),
            [
                "> 40/a,",
                "opened",
                "/a connected",
                "/ connect_error: timeout"
            ]
        );
        assert!(!rig.client.is_active(main) && rig.client.is_active(other));
        rig.text("0");
        rig.again(main);
        assert_eq!(rig.drain(), ["/ connected"]);
    });
}

#[test]
fn a_lost_connection_is_made_anew_and_nothing_is_recovered() {
    run(|rig| {
        let main = joined(rig);
        rig.text(r#"2["a","offset"]"#);
        rig.emit_with_ack(main, r#"["b"]"#, None).unwrap();
        rig.cut();
        rig.emit(main, r#"["c"]"#).unwrap();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        rig.text(r#"0{"sid":"s","pid":"p"}"#);
        assert_eq!(
            rig.drain(),
            [r#"> 42["c"]"#, "opened", "reconnect 1", "/ connected"]
        );
        assert_eq!(rig.client.socket_id(main), Some("e"));
    });
}

#[test]
fn the_client_pings_and_tells_of_pongs() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept_with(300, 200);
        rig.advance(300);
        assert_eq!(rig.drain(), ["> engine 2", "opened"]);
        rig.raw("3");
        assert_eq!(rig.drain(), ["pong"]);
        rig.advance(500);
        let lines = rig.drain();
        assert!(
            lines.contains(&"/ disconnected: ping timeout".to_owned()),
            "{lines:?}"
        );
    });
}

#[test]
fn what_came_before_the_end_of_its_session_is_of_that_session() {
    let config = config().with_engine(|engine| engine.with_transports([Transport::Polling]));
    let mut client = Client::new(config, &Seed::new([1; 32])).unwrap();
    let now = Instant::ZERO;
    client.connect("/", SocketOptions::default(), now).unwrap();
    let Some(Output::Request { request, .. }) = client.poll_output() else {
        panic!("a handshake");
    };
    let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let body = format!("{}:{open}2:407:42[\"a\"]1:1", open.len());
    client.handle_response(request, Answer::new(200, body), now);
    let mut told = Vec::new();
    while let Some(output) = client.poll_output() {
        if let Output::Event(Event::Connected { .. }) = output {
            told.push("connected");
        } else if let Output::Event(Event::Event { .. }) = output {
            told.push("event");
        } else if let Output::Event(Event::Disconnected { .. }) = output {
            told.push("disconnected");
        }
    }
    assert_eq!(told, ["connected", "event", "disconnected"]);
}
