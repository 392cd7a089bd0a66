//! Clients of Engine.IO revision 3, against servers that speak it: the official ones of version 2, and later ones and ours
//! that allow it.

use engineio_proto::Revision;
use engineio_proto::client::{CloseReason, TransportError};
use serde_json::json;
use socketio_proto::Payload;
use socketio_proto::client::{Client, ConnectError, DisconnectReason, Event, Refusal, SocketKey};
use socketio_proto::parser::Parser;

use super::client_support::{Program, Running, Runtime, Server};
use super::{
    MODES, Mode, RUNTIMES, SOON, arguments, both_ways, connect, connected, disconnected, event,
    in_order, server_saw, settings, start, start_with, wait_for_upgrade,
};

macro_rules! behaves_on {
    ($($name:ident: $runtime:ident, $program:ident $(, $parser:ident)?;)*) => {
        $(
            #[test]
            fn $name() {
                let parser = [$(Parser::$parser,)? Parser::Json][0];
                for mode in MODES {
                    the_script(Runtime::$runtime, Program::$program, mode, parser);
                }
            }
        )*
    };
}

behaves_on! {
    tokio_keeps_to_the_script_with_our_server_that_allows_revision_3: Tokio, OursEio3;
    smol_keeps_to_the_script_with_our_server_that_allows_revision_3: Smol, OursEio3;
    threads_keep_to_the_script_with_our_server_that_allows_revision_3: Threads, OursEio3;
    tokio_keeps_to_the_script_with_the_official_server_of_version_2: Tokio, OfficialV2;
    smol_keeps_to_the_script_with_the_official_server_of_version_2: Smol, OfficialV2;
    threads_keep_to_the_script_with_the_official_server_of_version_2: Threads, OfficialV2;
    tokio_keeps_to_the_script_with_the_official_server_that_allows_revision_3: Tokio, OfficialEio3;
    smol_keeps_to_the_script_with_the_official_server_that_allows_revision_3: Smol, OfficialEio3;
    threads_keep_to_the_script_with_the_official_server_that_allows_revision_3: Threads, OfficialEio3;
    tokio_keeps_to_the_script_with_our_server_that_allows_revision_3_in_msgpack: Tokio, OursEio3, MsgPack;
    tokio_keeps_to_the_script_with_the_official_server_of_version_2_in_msgpack: Tokio, OfficialV2, MsgPack;
    tokio_keeps_to_the_script_with_the_official_server_that_allows_revision_3_in_msgpack: Tokio, OfficialEio3, MsgPack;
}

fn the_script(runtime: Runtime, program: Program, mode: Mode, parser: Parser) {
    let Some(mut server) = Server::start(program, arguments(parser)) else {
        return;
    };
    let client = older_with(runtime, &server, mode, parser);
    let main = joined(&client);
    if mode == Mode::Upgrade {
        wait_for_upgrade(&client);
    }

    both_ways(&client, main);
    in_order(&client, main);
    let refusal = namespaces(&client);
    match (program, parser) {
        // What the official client of version 2 takes in MessagePack is a string.
        (Program::OursEio3, Parser::MsgPack) => assert_eq!(refusal.message(), "not authorized"),
        _ => assert_eq!(refusal.data_json(), Some(r#"{"code":401}"#)),
    }
    // The client pings every 300 ms.
    for _ in 0..4 {
        client.wait(|event| matches!(event, Event::Pong).then_some(()));
    }

    server.kill();
    let reason = disconnected(&client, main);
    assert!(matches!(reason, DisconnectReason::Engine(_)), "{reason:?}");
    client.wait(|event| matches!(event, Event::ReconnectError { .. }).then_some(()));
    server.restart();
    client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
    assert_eq!(connected(&client), main);
    assert_eq!(event(&client), (main, "auth".into(), json!([{}]), vec![]));
    both_ways(&client, main);

    let sid = client.call(move |client, _| client.socket_id(main).map(str::to_owned));
    client.call(move |client, now| client.disconnect(main, now).expect("a socket"));
    let reason = disconnected(&client, main);
    assert_eq!(reason, DisconnectReason::IoClientDisconnect);
    client.stop(SOON);
    let witness = older_with(Runtime::Threads, &server, Mode::WebSocket, parser);
    server_saw(
        &witness,
        &sid.expect("an id"),
        "client namespace disconnect",
    );
    witness.stop(SOON);
}

/// Namespaces on the same connection: one that shows its query, and one that refuses whoever lacks the token, with what
/// it gives.
fn namespaces(client: &Running<Client>) -> Refusal {
    let query = json!({"token": "a b&c", "k": "é,?"});
    let custom = connect(client, "/custom", Some(query.clone()));
    assert_eq!(connected(client), custom);
    assert_eq!(
        event(client),
        (custom, "auth".into(), json!([query]), vec![])
    );
    let id = client.call(move |client, _| {
        let session = client.engine().and_then(|engine| engine.sid().cloned());
        let id = client.socket_id(custom).expect("connected").to_owned();
        (id, format!("/custom#{}", session.expect("open")))
    });
    assert_eq!(id.0, id.1);
    both_ways_in_custom(client, custom);
    client.call(move |client, now| client.disconnect(custom, now).expect("a socket"));
    let reason = disconnected(client, custom);
    assert_eq!(reason, DisconnectReason::IoClientDisconnect);

    let refused = connect(client, "/refuse", Some(json!({"token": "no"})));
    let refusal = refusal(client, refused);
    let unknown = connect(client, "/unknown", None);
    assert_eq!(
        self::refusal(client, unknown).message(),
        "Invalid namespace"
    );
    client.call(move |client, now| {
        let token = Payload::object(&json!({"token": "let me in"})).expect("an object");
        let auth = socketio_proto::client::Auth::Fixed(token);
        client.set_auth(refused, auth).expect("an object");
        client.connect_again(refused, now).expect("a socket");
    });
    assert_eq!(connected(client), refused);
    let shown = (
        refused,
        "auth".into(),
        json!([{"token": "let me in"}]),
        vec![],
    );
    assert_eq!(event(client), shown);
    client.call(move |client, now| client.disconnect(refused, now).expect("a socket"));
    let reason = disconnected(client, refused);
    assert_eq!(reason, DisconnectReason::IoClientDisconnect);
    refusal
}

fn both_ways_in_custom(client: &Running<Client>, custom: SocketKey) {
    client.call(move |client, now| {
        let hello = Payload::event("message").arg(&"€😀");
        let hello = hello.binary(vec![1, 2, 3]).build();
        let hello = hello.expect("a payload");
        client.emit(custom, &hello, now).expect("room");
    });
    let attachment = json!({"_placeholder": true, "num": 0});
    let expected = json!(["€😀", attachment]);
    let echo = event(client);
    assert_eq!(
        (echo.0, &*echo.1, echo.2),
        (custom, "message-back", expected)
    );
    assert_eq!(echo.3, [vec![1, 2, 3]]);
}

#[test]
fn binary_passes_as_base64_if_that_is_forced() {
    for program in [
        Program::OfficialV2,
        Program::OfficialEio3,
        Program::OursEio3,
    ] {
        for mode in MODES {
            let Some(server) = Server::start(program, "--socketio") else {
                return;
            };
            let config = settings(&server.address(), mode)
                .with_engine(|engine| engine.with_revision(Revision::V3).with_force_base64(true));
            let client = start_with(Runtime::Tokio, config, Vec::new());
            let main = joined(&client);
            both_ways(&client, main);
            client.stop(SOON);
        }
    }
}

#[test]
fn a_query_is_not_lost_while_the_main_namespace_takes_its_time() {
    for mode in MODES {
        let Some(server) = Server::start(Program::SlowV2, "--socketio") else {
            return;
        };
        let client = older(Runtime::Tokio, &server, mode);
        let query = json!({"token": "abc"});
        let custom = connect(&client, "/custom", Some(query.clone()));
        assert_eq!(connected(&client), custom);
        assert_eq!(
            event(&client),
            (custom, "auth".into(), json!([query]), vec![])
        );
        client.stop(SOON);
    }
}

#[test]
fn an_event_that_a_middleware_of_version_2_refuses_is_an_error() {
    let Some(server) = Server::start(Program::OfficialV2, "--socketio") else {
        return;
    };
    let client = older(Runtime::Tokio, &server, Mode::WebSocket);
    let main = joined(&client);
    client.call(move |client, now| {
        let forbidden = Payload::event("forbidden").build().expect("a payload");
        client.emit(main, &forbidden, now).expect("room");
    });
    let error = client.wait(|event| match event {
        Event::Error { socket, error } if socket == main => Some(error),
        _ => None,
    });
    assert_eq!(error.message(), "not that");
    both_ways(&client, main);
    client.stop(SOON);
}

#[test]
fn a_server_of_version_2_that_stands_still_is_noticed() {
    for (runtime, mode) in RUNTIMES.into_iter().zip(MODES) {
        let Some(server) = Server::start(Program::OfficialV2, "--socketio") else {
            return;
        };
        let client = older(runtime, &server, mode);
        let main = joined(&client);
        server.pause();
        let reason = disconnected(&client, main);
        let timeout = DisconnectReason::Engine(CloseReason::PingTimeout);
        assert_eq!(reason, timeout, "{runtime:?} {mode:?}");
        client.wait(|event| matches!(event, Event::ReconnectAttempt { .. }).then_some(()));
        server.resume();
        client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
        assert_eq!(connected(&client), main);
        assert_eq!(event(&client).1, "auth");
        both_ways(&client, main);
        client.stop(SOON);
    }
}

#[test]
fn a_server_of_the_other_revision_is_named() {
    let named = |client: Running<Client>, revision| {
        connect(&client, "/", None);
        let error = client.wait(|event| match event {
            Event::ConnectError { error, .. } => Some(error),
            _ => None,
        });
        let expected = ConnectError::Transport(TransportError::Revision(revision));
        assert_eq!(error, expected);
        client.stop(SOON);
    };
    for runtime in RUNTIMES {
        for mode in [Mode::Polling, Mode::Upgrade] {
            if let Some(server) = Server::start(Program::OfficialV2, "--socketio") {
                let newer = start(runtime, &server.address(), mode, Vec::new());
                named(newer, Revision::V3);
            }
            if let Some(server) = Server::start(Program::Official, "--socketio") {
                named(older(runtime, &server, mode), Revision::V4);
            }
        }
        let server = Server::start(Program::Ours, "--socketio").expect("ours");
        for mode in MODES {
            named(older(runtime, &server, mode), Revision::V4);
        }
    }
    // Over a WebSocket the handshakes are the same: the answer to CONNECT tells.
    if let Some(server) = Server::start(Program::OfficialV2, "--socketio") {
        let newer = start(
            Runtime::Tokio,
            &server.address(),
            Mode::WebSocket,
            Vec::new(),
        );
        connect(&newer, "/", None);
        newer.wait(|event| match event {
            Event::ConnectError { error, .. } => (error == ConnectError::NoSocketId).then_some(()),
            _ => None,
        });
        newer.stop(SOON);
    }
}

fn older(runtime: Runtime, server: &Server, mode: Mode) -> Running<Client> {
    older_with(runtime, server, mode, Parser::Json)
}

fn older_with(runtime: Runtime, server: &Server, mode: Mode, parser: Parser) -> Running<Client> {
    let config = settings(&server.address(), mode).with_parser(parser);
    let config = config.with_engine(|engine| engine.with_revision(Revision::V3));
    start_with(runtime, config, Vec::new())
}

/// Joins the main namespace, where the server says at once what it was shown: nothing.
fn joined(client: &Running<Client>) -> SocketKey {
    let main = connect(client, "/", None);
    assert_eq!(connected(client), main);
    assert_eq!(event(client), (main, "auth".into(), json!([{}]), vec![]));
    main
}

fn refusal(client: &Running<Client>, of: SocketKey) -> Refusal {
    client.wait(|event| match event {
        Event::ConnectError {
            socket,
            error: ConnectError::Refused(refusal),
        } if socket == of => Some(refusal),
        _ => None,
    })
}
