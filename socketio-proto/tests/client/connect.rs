//! Getting into namespaces.

use std::time::Duration;

use socketio_proto::client::{Auth, AuthError, SocketError, SocketOptions, State};

use crate::support::{auth, config, payload, run, run_with};
use socketio_proto::PacketType;

#[test]
fn a_fixed_authentication_goes_with_every_connect() {
    run(|rig| {
        let options = SocketOptions::default().with_auth(auth(r#"{"token":"123"}"#));
        rig.connect_with("/admin", options);
        rig.drain();
        for _ in 0..2 {
            rig.accept();
            assert_eq!(rig.drain()[0], r#"> 40/admin,{"token":"123"}"#);
            rig.cut();
            rig.advance(1000);
            rig.drain();
        }
    });
}

#[test]
fn the_application_is_asked_for_its_authentication_at_every_connection() {
    run(|rig| {
        rig.connect_with("/", SocketOptions::default().with_auth_asked());
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["opened", "/ auth?"]);
        let first = rig.questions.pop_front().unwrap();
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["opened", "reconnect 1", "/ auth?"]);
        assert_eq!(
            rig.client.provide_auth(first, None, rig.now),
            Err(AuthError::Gone)
        );
        assert_eq!(rig.drain(), [""; 0]);
        let second = rig.questions.pop_front().unwrap();
        let fresh = auth(r#"{"token":"fresh"}"#);
        assert_eq!(
            rig.client.provide_auth(second, Some(fresh), rig.now),
            Ok(())
        );
        assert_eq!(rig.drain(), [r#"> 40{"token":"fresh"}"#]);
    });
}

#[test]
fn an_authentication_that_is_no_object_is_refused() {
    run(|rig| {
        let text = payload(PacketType::ConnectError, r#""text""#);
        let options = SocketOptions::default().with_auth(text.clone());
        let refused = rig.client.connect("/", options, rig.now);
        assert_eq!(refused, Err(SocketError::Auth));
        let socket = rig.connect_with("/", SocketOptions::default().with_auth_asked());
        let refused = rig.client.set_auth(socket, Auth::Fixed(text.clone()));
        assert_eq!(refused, Err(SocketError::Auth));
        rig.drain();
        rig.accept();
        rig.drain();
        let question = rig.questions.pop_front().unwrap();
        let refused = rig.client.provide_auth(question, Some(text), rig.now);
        assert_eq!(refused, Err(AuthError::NoObject));
        assert_eq!(rig.drain(), ["/ auth?"], "asked again");
        let question = rig.questions.pop_front().unwrap();
        assert_eq!(rig.client.provide_auth(question, None, rig.now), Ok(()));
        assert_eq!(rig.drain(), ["> 40"]);
    });
}

#[test]
fn names_that_the_protocol_cannot_carry_are_refused() {
    run_with(config().with_max_namespaces(1), |rig| {
        for name in ["", "foo", "/a,b"] {
            let refused = rig.client.connect(name, SocketOptions::default(), rig.now);
            assert_eq!(refused, Err(SocketError::InvalidNamespace), "{name}");
        }
        let long = format!("/{}", "x".repeat(1024));
        let refused = rig.client.connect(&long, SocketOptions::default(), rig.now);
        assert_eq!(refused, Err(SocketError::NamespaceTooLong { limit: 1024 }));
        let socket = rig.connect("/a");
        let refused = rig.client.connect("/b", SocketOptions::default(), rig.now);
        assert_eq!(refused, Err(SocketError::TooManyNamespaces { limit: 1 }));
        rig.disconnect(socket);
        assert!(rig.client.forget(socket));
        assert!(!rig.client.forget(socket), "a stale key is refused");
        assert!(rig.client.connect_again(socket, rig.now).is_err());
        assert_ne!(rig.connect("/b"), socket);
        rig.drain();
    });
}

#[test]
fn an_answer_without_socket_id_is_a_v2_server() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text("0");
        assert_eq!(
            rig.drain(),
            [
                "/ connect_error: It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but \
                 they are not compatible (more information here: \
                 https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)"
            ]
        );
        assert!(rig.client.is_active(socket));
        assert_eq!(rig.client.state(), State::Open);
    });
}

#[test]
fn a_refusal_may_be_a_string_or_nothing() {
    run(|rig| {
        rig.joined();
        let other = rig.connect("/x");
        rig.drain();
        rig.text(r#"4/x,"Unable to connect""#);
        assert_eq!(rig.drain(), ["/x connect_error: Unable to connect"]);
        rig.again(other);
        rig.drain();
        rig.text("4/x,");
        assert_eq!(rig.drain(), ["/x connect_error: "]);
    });
}

#[test]
fn a_namespace_that_is_not_answered_times_out_if_configured() {
    let config = config().with_namespace_timeout(Some(Duration::from_millis(500)));
    run_with(config, |rig| {
        rig.joined();
        let slow = rig.connect("/slow");
        assert_eq!(rig.drain(), ["> 40/slow,"]);
        rig.advance(499);
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1);
        assert_eq!(rig.drain(), ["/slow connect_error: timeout"]);
        assert!(!rig.client.is_active(slow));
        rig.again(slow);
        rig.advance(500);
        assert_eq!(
            rig.drain(),
            ["/slow connect_error: timeout"],
            "while the first CONNECT has no answer there is no second"
        );
        rig.text(r#"0/slow,{"sid":"late"}"#);
        assert_eq!(
            rig.drain(),
            ["> 41/slow,"],
            "the server is told that nobody is there"
        );
    });
}

#[test]
fn a_second_answer_changes_nothing() {
    run(|rig| {
        let socket = rig.joined();
        rig.text(r#"0{"sid":"other"}"#);
        rig.text(r#"4{"message":"no"}"#);
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.socket_id(socket), Some("s"));
    });
}

#[test]
fn connecting_twice_sends_one_connect() {
    run(|rig| {
        let socket = rig.connect("/");
        assert_eq!(rig.connect("/"), socket);
        rig.again(socket);
        assert_eq!(rig.drain(), ["connect"]);
        rig.accept();
        rig.again(socket);
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        rig.again(socket);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn events_before_the_answer_come_before_connected() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"2["session","x"]"#);
        rig.text(r#"27["ask"]"#);
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.buffered(socket).received, 2);
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(
            rig.drain(),
            [
                r#"/ event ["session","x"]"#,
                r#"/ event ["ask"], ack wanted"#,
                "/ connected"
            ]
        );
        rig.respond("[1]").unwrap();
        assert_eq!(rig.drain(), ["> 437[1]"]);
    });
}

#[test]
fn fresh_headers_and_query_hold_from_the_next_connection() {
    run(|rig| {
        rig.joined();
        let query = vec![("token".to_owned(), "b c".to_owned())];
        rig.client.set_query(query).unwrap();
        let headers = vec![("authorization".to_owned(), "x".to_owned())];
        rig.client.set_extra_headers(headers).unwrap();
        let bad = vec![("a\r\nb".to_owned(), "x".to_owned())];
        assert!(rig.client.set_extra_headers(bad).is_err());
        rig.cut();
        rig.drain();
        rig.advance(1000);
        use socketio_proto::engine::client::Output;
        let Some(Output::Connect { request, .. }) = rig.client.poll_output() else {
            panic!("a connection");
        };
        assert!(
            request.query().contains("token=b%20c") || request.query().contains("token=b+c"),
            "{}",
            request.url
        );
        let header = |name: &str| {
            request
                .headers
                .iter()
                .any(|(key, value)| key == name && value == "x")
        };
        assert!(header("authorization"));
        rig.drain();
    });
}
