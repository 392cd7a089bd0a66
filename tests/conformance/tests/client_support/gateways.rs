//! Gateways between clients and the official server. They answer 502, cut connections wherever they like, and stand still.

use std::time::Duration;

use bytes::Bytes;
use engineio_proto::Transport;
use engineio_proto::client::{CloseDetail, CloseReason, TransportError};
use serde_json::json;
use socketio_proto::Payload;
use socketio_proto::client::{Client, ConnectError, DisconnectReason, Event, SocketOptions};

use super::client_support::gateway::Gateway;
use super::client_support::{Program, Running, Runtime, Server};
use super::{
    MODES, Mode, SOON, ack, both_ways, connect, connected, disconnected, event, start,
    wait_for_upgrade,
};

macro_rules! on_every_driver {
    ($($name:ident: $runtime:ident $test:ident;)*) => {
        $(
            #[test]
            fn $name() {
                $test(Runtime::$runtime);
            }
        )*
    };
}

on_every_driver! {
    tokio_outlives_a_gateway_that_answers_502: Tokio answered_502;
    smol_outlives_a_gateway_that_answers_502: Smol answered_502;
    threads_outlive_a_gateway_that_answers_502: Threads answered_502;
    tokio_loses_nothing_wherever_it_is_cut: Tokio cut_anywhere;
    smol_loses_nothing_wherever_it_is_cut: Smol cut_anywhere;
    threads_lose_nothing_wherever_they_are_cut: Threads cut_anywhere;
    tokio_outlives_a_server_killed_while_upgrading: Tokio killed_while_upgrading;
    smol_outlives_a_server_killed_while_upgrading: Smol killed_while_upgrading;
    threads_outlive_a_server_killed_while_upgrading: Threads killed_while_upgrading;
    tokio_notices_a_network_that_stands_still_while_upgrading: Tokio frozen_while_upgrading;
    smol_notices_a_network_that_stands_still_while_upgrading: Smol frozen_while_upgrading;
    threads_notice_a_network_that_stands_still_while_upgrading: Threads frozen_while_upgrading;
}

fn answered_502(runtime: Runtime) {
    for mode in MODES {
        let Some((_server, gateway)) = official() else {
            return;
        };
        let client = start(runtime, &gateway.address(), mode, Vec::new());
        let main = connect(&client, "/", None);
        assert_eq!(connected(&client), main);
        if mode == Mode::Upgrade {
            wait_for_upgrade(&client);
        }

        // The next thing that the client says is the answer to a ping, or its next poll.
        gateway.go_down();
        let DisconnectReason::Engine(reason) = disconnected(&client, main) else {
            panic!("{runtime:?} {mode:?}");
        };
        if mode == Mode::Polling {
            assert_eq!(status(&reason), Some(502), "{runtime:?} {reason:?}");
        } else {
            let closed = CloseReason::TransportClose(CloseDetail::Connection {
                transport: Transport::WebSocket,
                code: None,
            });
            assert_eq!(reason, closed, "{runtime:?} {mode:?}");
        }
        for _ in 0..2 {
            client.wait(|event| match event {
                Event::ConnectError {
                    error: ConnectError::Transport(error),
                    ..
                } => (error.status() == Some(502)).then_some(()),
                _ => None,
            });
        }

        gateway.come_back();
        client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
        assert_eq!(connected(&client), main);
        assert_eq!(event(&client).1, "auth");
        both_ways(&client, main);
        client.stop(SOON);
    }
}

fn status(reason: &CloseReason) -> Option<u16> {
    match reason {
        CloseReason::TransportError(error) => TransportError::status(error),
        _ => None,
    }
}

/// Within heads, bodies, frames, and a large attachment, and between them.
const CUTS: [usize; 14] = [
    0, 1, 20, 130, 180, 250, 300, 390, 480, 700, 1_000, 2_000, 20_000, 90_000,
];

fn cut_anywhere(runtime: Runtime) {
    let Some((_server, gateway)) = official() else {
        return;
    };
    for mode in MODES {
        for cut in CUTS {
            let what = format!("{runtime:?} {mode:?} {cut}");
            gateway.cut_after(cut);
            let client = start(runtime, &gateway.address(), mode, Vec::new());
            let options = SocketOptions::default()
                .with_retries(20)
                .with_ack_timeout(Some(Duration::from_secs(1)));
            let ids = client.call(move |client, now| {
                let socket = client.connect("/", options, now).expect("a socket");
                let emit = |number| {
                    let bytes = Bytes::from(vec![7; if number == 5 { 100_000 } else { 1 }]);
                    let question = Payload::event("message-with-ack")
                        .arg(&number)
                        .binary(bytes)
                        .build();
                    let question = question.expect("a payload");
                    client
                        .emit_with_ack(socket, &question, None, now)
                        .expect("room")
                };
                (0..10).map(emit).collect::<Vec<_>>()
            });
            for (number, id) in ids.into_iter().enumerate() {
                let attachment = json!({"_placeholder": true, "num": 0});
                assert_eq!(ack(&client, id).0, json!([number, attachment]), "{what}");
            }
            assert!(gateway.has_cut(), "{what}: it was too late for that");
            client.stop(SOON);
        }
    }
}

/// The server's output while a client upgrades: the acceptance of the WebSocket, and the answer to the probe.
const WORDS: [&[u8]; 2] = [b"HTTP/1.1 101", b"\x81\x063probe"];

fn killed_while_upgrading(runtime: Runtime) {
    for words in WORDS {
        let Some((mut server, gateway)) = official() else {
            return;
        };
        let client = upgrading(runtime, &gateway, words);
        server.kill();
        gateway.thaw();
        client.wait(|event| matches!(event, Event::ReconnectError { .. }).then_some(()));
        server.restart();
        works_again(client);
    }
}

fn frozen_while_upgrading(runtime: Runtime) {
    for words in WORDS {
        let Some((_server, gateway)) = official() else {
            return;
        };
        let client = upgrading(runtime, &gateway, words);
        let reason = client.wait(|event| match event {
            Event::ManagerClosed { reason } => Some(reason),
            _ => None,
        });
        let missed = DisconnectReason::Engine(CloseReason::PingTimeout);
        assert_eq!(reason, missed, "{runtime:?} {words:?}");
        gateway.thaw();
        works_again(client);
    }
}

/// A client that is about to upgrade, and knows of nothing behind these words of the server.
fn upgrading(runtime: Runtime, gateway: &Gateway, words: &'static [u8]) -> Running<Client> {
    gateway.freeze_behind(words);
    let client = start(runtime, &gateway.address(), Mode::Upgrade, Vec::new());
    connect(&client, "/", None);
    gateway.wait_until_frozen();
    client
}

fn works_again(client: Running<Client>) {
    client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
    let main = connected(&client);
    assert_eq!(event(&client).1, "auth");
    wait_for_upgrade(&client);
    both_ways(&client, main);
    client.stop(SOON);
}

fn official() -> Option<(Server, Gateway)> {
    let server = Server::start(Program::Official, "--socketio")?;
    let gateway = Gateway::in_front_of(server.port);
    Some((server, gateway))
}
