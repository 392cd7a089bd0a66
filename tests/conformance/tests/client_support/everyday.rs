//! Faults that clients meet every day: servers that close idle connections, computers that sleep, broken IPv6, peers that
//! stop reading, and gateways that add headers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant as Clock};

use engineio_driver::{Clock as MachineClock, Resolver, Tls};
use engineio_proto::client::{CloseReason, Endpoint, Event as EngineEvent};
use engineio_proto::{Encoded, Message, Seed};
use serde_json::json;
use socketio_proto::Payload;
use socketio_proto::client::{Client, Config, DisconnectReason, Event};

use super::client_support::peers::{
    open_websocket, open_websocket_with, read_head, respond, serve,
};
use super::client_support::{PATIENCE, Program, Running, Runtime, Server, World};
use super::{Mode, SOON, closed_of, config, connect, connected, engine, engine_client, with_mode};

macro_rules! on {
    ($($(#[$attribute:meta])* $name:ident: $runtime:ident $test:ident;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                $test(Runtime::$runtime);
            }
        )*
    };
}

on! {
    #[ignore = "its HTTP library does not repeat a POST"]
    tokio_loses_no_message_to_a_connection_that_closes_as_a_post_leaves: Tokio closes_as_a_post_leaves;
    smol_loses_no_message_to_a_connection_that_closes_as_a_post_leaves: Smol closes_as_a_post_leaves;
    threads_lose_no_message_to_a_connection_that_closes_as_a_post_leaves: Threads closes_as_a_post_leaves;
    #[ignore = "its HTTP library does not repeat a GET"]
    tokio_polls_on_if_a_connection_closes_as_a_poll_leaves: Tokio closes_as_a_poll_leaves;
    smol_polls_on_if_a_connection_closes_as_a_poll_leaves: Smol closes_as_a_poll_leaves;
    threads_poll_on_if_a_connection_closes_as_a_poll_leaves: Threads closes_as_a_poll_leaves;
    tokio_writes_no_event_into_a_websocket_that_died_while_asleep: Tokio asleep;
    smol_writes_no_event_into_a_websocket_that_died_while_asleep: Smol asleep;
    threads_write_no_event_into_a_websocket_that_died_while_asleep: Threads asleep;
    smol_connects_though_the_first_address_leads_nowhere: Smol leads_nowhere;
    threads_connect_though_the_first_address_leads_nowhere: Threads leads_nowhere;
    #[ignore = "who writes looks at nothing else"]
    tokio_hangs_up_on_a_peer_that_reads_nothing: Tokio reads_nothing;
    smol_hangs_up_on_a_peer_that_reads_nothing: Smol reads_nothing;
    threads_hang_up_on_a_peer_that_reads_nothing: Threads reads_nothing;
    #[ignore = "its libraries take about a hundred headers"]
    tokio_takes_as_many_headers_as_the_official_client: Tokio many_headers;
    smol_takes_as_many_headers_as_the_official_client: Smol many_headers;
    threads_take_as_many_headers_as_the_official_client: Threads many_headers;
}

const OPEN: &str = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// Reads the body of a request whose head this is.
fn read_body(stream: &mut TcpStream, head: &str) -> String {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().expect("a length"))
    });
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

/// Closes a connection when the next request arrives, before any of that is read.
fn close_under_the_next_request(stream: TcpStream) {
    // Nothing arrives if the client does not use it again.
    let _arrived = stream.peek(&mut [0]);
    drop(stream);
}

#[track_caller]
fn opened(client: &Running<engineio_proto::client::Client>) {
    client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
}

fn closes_as_a_post_leaves(runtime: Runtime) {
    for hint in ["", "Keep-Alive: timeout=5\r\n"] {
        let (bodies, posted) = channel();
        let address = serve(move |mut stream| {
            loop {
                let head = read_head(&mut stream);
                if head.starts_with("POST") {
                    let body = read_body(&mut stream, &head);
                    respond(&mut stream, &ok(hint, "ok"));
                    // The test may have seen enough.
                    let _ignored = bodies.send(body);
                    return close_under_the_next_request(stream);
                }
                if head.is_empty() || head.contains("sid=") {
                    return thread::sleep(PATIENCE);
                }
                respond(&mut stream, &ok(hint, OPEN));
            }
        });
        let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
        opened(&client);
        for text in ["a", "b", "c", "d"] {
            let message = Encoded::new(&Message::text(text));
            client.call(move |client, _| client.send(&message).expect("room"));
            let body = posted.recv_timeout(PATIENCE).expect("a body");
            assert_eq!(body, format!("4{text}"), "{runtime:?} {hint:?}");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(client.call(|client, _| client.is_open()), "{runtime:?}");
        // This server does not answer the held poll when it is told that the client goes.
        client.stop(SOON * 2);
    }
}

fn closes_as_a_poll_leaves(runtime: Runtime) {
    let address = serve(move |mut stream| {
        let head = read_head(&mut stream);
        if head.contains("sid=") {
            thread::sleep(Duration::from_millis(20));
            respond(&mut stream, &ok("", "4hi"));
        } else {
            respond(&mut stream, &ok("", OPEN));
        }
        close_under_the_next_request(stream);
    });
    let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
    for _ in 0..5 {
        client.wait(super::message_of);
    }
    client.stop(SOON * 2);
}

fn asleep(runtime: Runtime) {
    let server = Server::start(Program::Ours, "--socketio --ping-interval 60000").expect("ours");
    let slept = Arc::new(AtomicU64::new(0));
    let (awake, count) = (MachineClock::start(), Arc::clone(&slept));
    let clock = MachineClock::from_fn(move || {
        let awake = awake.now().as_nanos() + 1_000_000_000 * count.load(Ordering::Relaxed);
        Duration::from_nanos(awake)
    });
    let endpoint = Endpoint::parse(&server.address()).expect("an address");
    let config = Config::new(endpoint)
        .with_engine(|engine| with_mode(engine, Mode::WebSocket))
        .with_reconnection_delay(Duration::from_millis(50));
    let machine = Client::new(config, &Seed::new([1; 32])).expect("good settings");
    let tls = Tls::new([]).expect("no certificate is bad");
    let world = World {
        clock,
        ..World::trusting(tls)
    };
    let client = Running::start_in(runtime, machine, world, |_, _| {});
    let main = connect(&client, "/", None);
    assert_eq!(connected(&client), main);

    slept.store(3600, Ordering::Relaxed);
    let message = Payload::event("message").arg("x").build();
    client.call(move |client, now| {
        client
            .emit(main, &message.expect("a payload"), now)
            .expect("room");
    });
    let reason = super::disconnected(&client, main);
    assert_eq!(reason, DisconnectReason::Engine(CloseReason::PingTimeout));
    assert_eq!(connected(&client), main);
    let echo = client.wait(|event| match event {
        Event::Event { payload, .. } => payload
            .to_value()
            .ok()
            .filter(|value| value.get(0) == Some(&json!("message-back"))),
        _ => None,
    });
    assert_eq!(echo, json!(["message-back", "x"]));
    client.stop(SOON);
}

/// An address at which every attempt to connect waits, and what keeps it so.
fn black_hole() -> (SocketAddr, impl Sized) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    listener.bind(&any.into()).expect("a port");
    listener.listen(0).expect("a queue");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("an address");
    // Whoever is not accepted takes up room in the queue.
    let waiting: Vec<_> = (0..32)
        .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
        .collect();
    (address, (listener, waiting))
}

fn leads_nowhere(runtime: Runtime) {
    let (nowhere, _full) = black_hole();
    for mode in [Mode::WebSocket, Mode::Polling] {
        let address = serve(move |mut stream| {
            if mode == Mode::WebSocket {
                open_websocket(&mut stream, b"");
            } else if !read_head(&mut stream).contains("sid=") {
                respond(&mut stream, &ok("", OPEN));
            }
            thread::sleep(PATIENCE);
        });
        let asked = format!("http://twofold.test:{}", address.port());
        let machine = engine_client(config(&asked, mode));
        let tls = Tls::new([]).expect("no certificate is bad");
        let world = World {
            resolver: Resolver::from_fn(move |host, port| {
                assert_eq!((host, port), ("twofold.test", address.port()));
                Ok(vec![nowhere, address])
            }),
            ..World::trusting(tls)
        };
        let started = Clock::now();
        let client = Running::start_in(runtime, machine, world, |client, now| client.open(now));
        opened(&client);
        let took = started.elapsed();
        assert!(
            took < Duration::from_secs(3),
            "{runtime:?} {mode:?} {took:?}"
        );
        client.stop(SOON * 2);
    }
}

fn reads_nothing(runtime: Runtime) {
    let (over, end) = channel();
    let address = serve(move |mut stream| {
        let open = r#"0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200}"#;
        open_websocket_with(&mut stream, open, b"");
        while stream.write_all(b"\x81\x012").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        // The test may have given up.
        let _ignored = over.send(());
    });
    let client = engine(runtime, &format!("http://{address}"), Mode::WebSocket);
    opened(&client);
    // More than the kernel and the driver take, so that the answers to the pings wait.
    let message = Encoded::new(&Message::binary(vec![0; 1 << 20]));
    client.call(move |client, _| while client.send(&message).is_ok() {});
    assert_eq!(client.wait(closed_of), CloseReason::PingTimeout);
    let closed = end.recv_timeout(Duration::from_secs(8));
    assert!(closed.is_ok(), "{runtime:?} leaves it open");
    client.stop(SOON);
}

fn many_headers(runtime: Runtime) {
    // Node.js takes 16 KiB, however many they are.
    let many = "a: b\r\n".repeat(2_500);
    let headers = many.clone();
    let address = serve(move |mut stream| {
        if !read_head(&mut stream).contains("sid=") {
            respond(&mut stream, &ok(&headers, OPEN));
        }
        thread::sleep(PATIENCE);
    });
    let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
    opened(&client);
    client.stop(SOON * 2);

    let address = serve(move |mut stream| {
        let head = read_head(&mut stream);
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key")
                .then_some(value)
        });
        let accept = tungstenite::handshake::derive_accept_key(key.expect("a key").as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\n{many}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let length = u8::try_from(OPEN.len()).expect("short");
        let all = [head.as_bytes(), &[0x81, length], OPEN.as_bytes()].concat();
        stream.write_all(&all).expect("a client that reads");
        thread::sleep(PATIENCE);
    });
    let client = engine(runtime, &format!("http://{address}"), Mode::WebSocket);
    opened(&client);
    // This server does not answer the close frame.
    client.stop(SOON * 2);
}
