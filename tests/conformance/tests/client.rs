//! The same behaviours of clients on three drivers, against this workspace's server, the official ones and python-socketio;
//! and the client of python-socketio against this workspace's server.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    reason = "a test fails by panicking, looks for one event among many, and its helpers are nobody's interface"
)]

mod client_support;
#[path = "client_support/everyday.rs"]
mod everyday;
#[path = "client_support/faults.rs"]
mod faults;
#[path = "client_support/gateways.rs"]
mod gateways;
#[path = "client_support/pauses.rs"]
mod pauses;
#[path = "client_support/punctual.rs"]
mod punctual;
#[path = "../../support/python.rs"]
mod python;
#[path = "client_support/python_client.rs"]
mod python_client;
#[path = "client_support/revision_3.rs"]
mod revision_3;
#[path = "../../support/tls.rs"]
mod tls;

use std::thread;
use std::time::{Duration, Instant as Clock};

use bytes::Bytes;
use engineio_driver::Tls;
use engineio_proto::Transport;
use engineio_proto::client::{
    Client as EngineClient, CloseDetail, CloseReason, Config as EngineConfig, Endpoint,
    Event as EngineEvent, TransportError,
};
use engineio_proto::{Encoded, Message, Seed};
use serde_json::{Value, json};
use socketio_proto::Payload;
use socketio_proto::client::{
    Client, Config, ConnectError, DisconnectReason, Event, SocketKey, SocketOptions,
};
use socketio_proto::parser::Parser;

use client_support::{PATIENCE, Program, Running, Runtime, Server};
use tls::tls_in_front_of;

/// The ways in which a client may reach the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Polling,
    WebSocket,
    Upgrade,
}

const MODES: [Mode; 3] = [Mode::Polling, Mode::WebSocket, Mode::Upgrade];
const RUNTIMES: [Runtime; 3] = [Runtime::Tokio, Runtime::Smol, Runtime::Threads];

/// The maximum time for a client to leave a server that answers.
const SOON: Duration = Duration::from_secs(2);

/// The packets of a request that servers written in Python take: what is beyond is lost.
const PYTHON_TAKES: usize = 16;

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
    tokio_keeps_to_the_script_with_our_server: Tokio, Ours;
    smol_keeps_to_the_script_with_our_server: Smol, Ours;
    threads_keep_to_the_script_with_our_server: Threads, Ours;
    tokio_keeps_to_the_script_with_the_official_server: Tokio, Official;
    smol_keeps_to_the_script_with_the_official_server: Smol, Official;
    threads_keep_to_the_script_with_the_official_server: Threads, Official;
    tokio_keeps_to_the_script_with_our_server_in_msgpack: Tokio, Ours, MsgPack;
    tokio_keeps_to_the_script_with_the_official_server_in_msgpack: Tokio, Official, MsgPack;
    smol_keeps_to_the_script_with_the_official_server_in_msgpack: Smol, Official, MsgPack;
    threads_keep_to_the_script_with_the_official_server_in_msgpack: Threads, Official, MsgPack;
    tokio_keeps_to_the_script_with_the_official_server_of_release_4_0: Tokio, OfficialV40;
    tokio_keeps_to_the_script_with_the_official_server_of_release_4_0_in_msgpack: Tokio, OfficialV40, MsgPack;
    tokio_keeps_to_the_script_with_the_official_server_of_version_3: Tokio, OfficialV3;
    tokio_keeps_to_the_script_with_the_official_server_of_version_3_in_msgpack: Tokio, OfficialV3, MsgPack;
    tokio_keeps_to_the_script_with_python_socketio: Tokio, Python;
    tokio_keeps_to_the_script_with_python_socketio_in_msgpack: Tokio, Python, MsgPack;
    smol_keeps_to_the_script_with_python_socketio: Smol, Python;
    threads_keep_to_the_script_with_python_socketio: Threads, Python;
}

/// The arguments of the programs.
fn arguments(parser: Parser) -> &'static str {
    match parser {
        Parser::MsgPack => "--socketio --parser msgpack",
        _ => "--socketio",
    }
}

fn the_script(runtime: Runtime, program: Program, mode: Mode, parser: Parser) {
    let Some(mut server) = Server::start(program, arguments(parser)) else {
        return;
    };
    let settings = |address: &str, mode| settings(address, mode).with_parser(parser);
    let client = start_with(runtime, settings(&server.address(), mode), Vec::new());
    let main = connect(&client, "/", Some(json!({"token": "abc"})));
    assert_eq!(connected(&client), main);
    assert_eq!(
        event(&client),
        (main, "auth".into(), json!([{"token": "abc"}]), vec![])
    );
    if mode == Mode::Upgrade {
        wait_for_upgrade(&client);
    }

    both_ways(&client, main);
    in_order(&client, main);
    namespaces(&client);
    // The server pings every 300 ms and gives up 200 ms later, the one in Python every second and one later.
    for _ in 0..4 {
        client.wait(|event| matches!(event, Event::Ping).then_some(()));
    }

    server.kill();
    let reason = disconnected(&client, main);
    // Polling may notice by a request that fails, WebSocket by the connection.
    assert!(matches!(reason, DisconnectReason::Engine(_)), "{reason:?}");
    client.wait(|event| matches!(event, Event::ReconnectError { .. }).then_some(()));
    server.restart();
    client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
    assert_eq!(connected(&client), main);
    let shown = (main, "auth".into(), json!([{"token": "abc"}]), vec![]);
    assert_eq!(event(&client), shown);
    both_ways(&client, main);

    let sid = client.call(move |client, _| client.socket_id(main).map(str::to_owned));
    client.call(move |client, now| client.disconnect(main, now).expect("a socket"));
    let reason = disconnected(&client, main);
    assert_eq!(reason, DisconnectReason::IoClientDisconnect);
    client.stop(SOON);
    let reason = match program {
        Program::Python => "client disconnect",
        _ => "client namespace disconnect",
    };
    let witness = settings(&server.address(), Mode::WebSocket);
    let witness = start_with(Runtime::Threads, witness, Vec::new());
    server_saw(&witness, &sid.expect("an id"), reason);
    witness.stop(SOON);
}

#[track_caller]
fn wait_for_upgrade(client: &Running<Client>) {
    let transport = |client: &mut Client, _| client.engine().and_then(EngineClient::transport);
    let end = Clock::now() + PATIENCE;
    while client.call(transport) != Some(Transport::WebSocket) {
        assert!(Clock::now() < end, "{:?} does not upgrade", client.runtime);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Events and acknowledgements, of text and bytes, in both directions.
fn both_ways(client: &Running<Client>, socket: SocketKey) {
    let bytes = Bytes::from((0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    let long = "é🦀".repeat(50_000);
    let message = Payload::event("message")
        .arg(&(1, "two", [true]))
        .binary(bytes.clone())
        .arg(&long)
        .build()
        .expect("a payload");
    client.call(move |client, now| client.emit(socket, &message, now).expect("room"));
    let attachment = json!({"_placeholder": true, "num": 0});
    let expected = json!([[1, "two", [true]], attachment, long]);
    let echo = event(client);
    assert_eq!((echo.0, &*echo.1), (socket, "message-back"));
    assert!(
        (echo.2, echo.3) == (expected, vec![bytes.clone()]),
        "not the echo"
    );

    let question = Payload::event("message-with-ack")
        .arg("x")
        .binary(bytes.clone())
        .build()
        .expect("a payload");
    let id = client.call(move |client, now| {
        client
            .emit_with_ack(socket, &question, None, now)
            .expect("room")
    });
    let (args, attachments) = ack(client, id);
    assert_eq!(args, json!(["x", attachment]));
    assert!(attachments == [bytes.clone()], "not the bytes");

    let question = Payload::event("ask-me")
        .arg(&5000)
        .arg("how?")
        .build()
        .expect("a payload");
    let id = client.call(move |client, now| {
        client
            .emit_with_ack(socket, &question, None, now)
            .expect("room")
    });
    let (payload, token) = client.wait(|event| match event {
        Event::Event { payload, ack, .. } => Some((payload, ack)),
        _ => None,
    });
    assert_eq!(payload.to_value(), Ok(json!(["question", "how?"])));
    let answer = Payload::ack()
        .binary(bytes.clone())
        .build()
        .expect("a payload");
    client.call(move |client, now| {
        client
            .respond(token.expect("a question"), &answer, now)
            .expect("room");
    });
    let (args, attachments) = ack(client, id);
    assert_eq!(args, json!([null, attachment]));
    assert!(attachments == [bytes], "not the bytes");
}

/// Many events at once come back in the order they left.
fn in_order(client: &Running<Client>, socket: SocketKey) {
    client.call(move |client, now| {
        for number in 0..300 {
            let event = Payload::event("message").arg(&number).build();
            client
                .emit(socket, &event.expect("a payload"), now)
                .expect("room");
        }
    });
    for number in 0..300 {
        let expected = (socket, "message-back".to_owned(), json!([number]), vec![]);
        assert_eq!(event(client), expected);
    }
}

/// A second namespace on the same connection, and one that refuses whoever lacks the token.
fn namespaces(client: &Running<Client>) {
    let custom = connect(client, "/custom", None);
    assert_eq!(connected(client), custom);
    assert_eq!(event(client), (custom, "auth".into(), json!([{}]), vec![]));
    client.call(move |client, now| client.disconnect(custom, now).expect("a socket"));
    assert_eq!(
        disconnected(client, custom),
        DisconnectReason::IoClientDisconnect
    );

    let refused = connect(client, "/refuse", None);
    let refusal = client.wait(|event| match event {
        Event::ConnectError {
            socket,
            error: ConnectError::Refused(refusal),
        } if socket == refused => Some(refusal),
        _ => None,
    });
    assert_eq!(refusal.message(), "not authorized");
    assert_eq!(refusal.data_json(), Some(r#"{"code":401}"#));
}

/// Asks the server, as somebody else, why a socket left.
fn server_saw(witness: &Running<Client>, sid: &str, reason: &str) {
    let socket = connect(witness, "/", None);
    let question = Payload::event("reason-of").arg(sid).build();
    let question = question.expect("a payload");
    let id = witness.call(move |client, now| {
        client
            .emit_with_ack(socket, &question, None, now)
            .expect("room")
    });
    assert_eq!(ack(witness, id).0, json!([reason]));
}

#[test]
fn every_driver_speaks_tls_to_who_it_trusts() {
    let server = Server::start(Program::Ours, "--socketio").expect("ours");
    let (port, certificate) = tls_in_front_of(server.port, None);
    let address = format!("https://localhost:{port}");
    for runtime in RUNTIMES {
        for mode in MODES {
            let client = start(runtime, &address, mode, vec![certificate.clone()]);
            let main = connect(&client, "/", None);
            assert_eq!(connected(&client), main);
            assert_eq!(event(&client).1, "auth");
            both_ways(&client, main);
            in_order(&client, main);
            client.stop(SOON);
        }
    }
}

#[test]
fn no_driver_speaks_to_who_shows_a_certificate_that_it_does_not_trust() {
    let server = Server::start(Program::Ours, "--engineio").expect("ours");
    let (port, _) = tls_in_front_of(server.port, None);
    for runtime in RUNTIMES {
        for mode in [Mode::Polling, Mode::WebSocket] {
            let client = engine(runtime, &format!("https://localhost:{port}"), mode);
            assert_eq!(failure(&client).status(), Some(0), "{runtime:?} {mode:?}");
            client.stop(SOON);
        }
    }
}

#[test]
fn messages_are_echoed_until_the_server_closes() {
    // No ping: a pong that crosses the close is answered with 400, and that may be the first the client hears of it.
    let server = Server::start(Program::Ours, "--engineio --ping-interval 60000").expect("ours");
    for runtime in RUNTIMES {
        for mode in MODES {
            let client = engine(runtime, &server.address(), mode);
            let messages = [
                Message::text("hello"),
                Message::binary(vec![0; 600_000]),
                Message::text("x".repeat(600_000)),
            ];
            client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
            for message in messages.clone() {
                client.call(move |client, _| client.send(&Encoded::new(&message)).expect("room"));
            }
            for message in messages {
                let echo = client.wait(message_of);
                assert!(echo == message, "{runtime:?} {mode:?} {}", echo.len());
            }
            let close = Encoded::new(&Message::text("!close"));
            client.call(move |client, _| client.send(&close).expect("room"));
            let closed = client.wait(closed_of);
            let detail = match mode {
                Mode::Polling => CloseDetail::ByServer,
                Mode::WebSocket | Mode::Upgrade => CloseDetail::Connection {
                    transport: Transport::WebSocket,
                    code: None,
                },
            };
            assert_eq!(
                closed,
                CloseReason::TransportClose(detail),
                "{runtime:?} {mode:?}"
            );
            client.stop(SOON);
        }
    }
}

fn config(address: &str, mode: Mode) -> EngineConfig {
    let endpoint = Endpoint::parse(address).expect("an address");
    with_mode(EngineConfig::new(endpoint), mode)
}

fn with_mode(config: EngineConfig, mode: Mode) -> EngineConfig {
    match mode {
        Mode::Polling => config.with_transports([Transport::Polling]),
        Mode::WebSocket => config.with_transports([Transport::WebSocket]),
        Mode::Upgrade => config,
    }
}

fn engine(runtime: Runtime, address: &str, mode: Mode) -> Running<EngineClient> {
    run_engine(runtime, config(address, mode))
}

fn run_engine(runtime: Runtime, config: EngineConfig) -> Running<EngineClient> {
    let tls = Tls::new([]).expect("no certificate is bad");
    Running::start(runtime, engine_client(config), tls, |client, now| {
        client.open(now);
    })
}

fn engine_client(config: EngineConfig) -> EngineClient {
    EngineClient::new(config, &Seed::new([1; 32])).expect("good settings")
}

/// Starts a Socket.IO client that reconnects fast.
fn start(
    runtime: Runtime,
    address: &str,
    mode: Mode,
    trusted: Vec<rustls::pki_types::CertificateDer<'static>>,
) -> Running<Client> {
    start_with(runtime, settings(address, mode), trusted)
}

fn settings(address: &str, mode: Mode) -> Config {
    let endpoint = Endpoint::parse(address).expect("an address");
    Config::new(endpoint)
        .with_engine(|engine| with_mode(engine, mode).with_max_packets_per_post(PYTHON_TAKES))
        .with_reconnection_delay(Duration::from_millis(50))
        .with_reconnection_delay_max(Duration::from_millis(200))
}

fn start_with(
    runtime: Runtime,
    config: Config,
    trusted: Vec<rustls::pki_types::CertificateDer<'static>>,
) -> Running<Client> {
    let client = Client::new(config, &Seed::new([1; 32])).expect("good settings");
    let tls = Tls::new(trusted).expect("a good certificate");
    Running::start(runtime, client, tls, |_, _| {})
}

#[track_caller]
fn connect(client: &Running<Client>, namespace: &'static str, auth: Option<Value>) -> SocketKey {
    client.call(move |client, now| {
        let mut options = SocketOptions::default();
        if let Some(auth) = auth {
            options = options.with_auth(Payload::object(&auth).expect("an object"));
        }
        client.connect(namespace, options, now).expect("a socket")
    })
}

#[track_caller]
fn connected(client: &Running<Client>) -> SocketKey {
    client.wait(|event| match event {
        Event::Connected {
            socket,
            recovered: false,
        } => Some(socket),
        _ => None,
    })
}

#[track_caller]
fn disconnected(client: &Running<Client>, of: SocketKey) -> DisconnectReason {
    client.wait(|event| match event {
        Event::Disconnected { socket, reason } if socket == of => Some(reason),
        _ => None,
    })
}

/// The next event of the server: its socket, name, arguments and attachments.
#[track_caller]
fn event(client: &Running<Client>) -> (SocketKey, String, Value, Vec<Bytes>) {
    client.wait(|event| match event {
        Event::Event {
            socket,
            payload,
            ack: None,
        } => {
            let Ok(Value::Array(mut args)) = payload.to_value() else {
                panic!("no array");
            };
            let name = args.remove(0).as_str().expect("a name").to_owned();
            Some((
                socket,
                name,
                Value::Array(args),
                payload.attachments().to_vec(),
            ))
        }
        _ => None,
    })
}

#[track_caller]
fn ack(client: &Running<Client>, of: socketio_proto::client::AckId) -> (Value, Vec<Bytes>) {
    client.wait(|event| match event {
        Event::Ack { id, payload, .. } if id == of => {
            let args = payload.to_value().expect("a small payload");
            Some((args, payload.attachments().to_vec()))
        }
        _ => None,
    })
}

fn message_of(event: EngineEvent) -> Option<Message> {
    match event {
        EngineEvent::Message(message) => Some(message),
        _ => None,
    }
}

fn closed_of(event: EngineEvent) -> Option<CloseReason> {
    match event {
        EngineEvent::Closed(reason) => Some(reason),
        _ => None,
    }
}

#[track_caller]
fn failure(client: &Running<EngineClient>) -> TransportError {
    match client.wait(closed_of) {
        CloseReason::TransportError(error) => error,
        reason => panic!("{reason:?}"),
    }
}
