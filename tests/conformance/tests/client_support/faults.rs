//! Faults of servers and networks, on each of the three drivers. A test plays the servers by hand.

use std::error::Error;
use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use engineio_proto::client::{CloseDetail, CloseReason, Event as EngineEvent, TransportError};
use engineio_proto::{Encoded, Message, Revision, Transport};

use super::client_support::PATIENCE;
use super::client_support::peers::{
    open_websocket, open_websocket_with, read_head, respond, serve,
};
use super::{Mode, RUNTIMES, SOON, closed_of, config, engine, failure, run_engine};

#[test]
fn no_driver_waits_for_a_server_that_never_answers() {
    let address = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    for runtime in RUNTIMES {
        for mode in [Mode::Polling, Mode::WebSocket] {
            let client = engine(runtime, &format!("http://{address}"), mode);
            client.call(|client, now| client.close(now));
            assert_eq!(client.wait(closed_of), CloseReason::ForcedClose);
            // The answer to the handshake of polling is awaited, since only it names the session to close.
            let within = if mode == Mode::Polling {
                SOON * 2
            } else {
                SOON
            };
            client.stop(within);
        }
    }
}

#[test]
fn a_request_that_is_given_up_does_not_hold_the_driver() {
    let address = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    for runtime in RUNTIMES {
        let config = config(&format!("http://{address}"), Mode::Polling);
        let config = config.with_request_timeout(Duration::from_millis(100));
        let client = run_engine(runtime, config);
        assert!(
            matches!(failure(&client), TransportError::Poll(_)),
            "{runtime:?}"
        );
        client.stop(Duration::from_secs(1));
    }
}

#[test]
fn a_refused_upgrade_tells_its_status_and_body() {
    let address = serve(|mut stream| {
        read_head(&mut stream);
        respond(
            &mut stream,
            "HTTP/1.1 503 Gone\r\nContent-Length: 5\r\n\r\nlater",
        );
    });
    for runtime in RUNTIMES {
        for mode in [Mode::Polling, Mode::WebSocket] {
            let client = engine(runtime, &format!("http://{address}"), mode);
            let error = failure(&client);
            assert_eq!(error.status(), Some(503), "{runtime:?} {mode:?}");
            let source = error.source().expect("a source").to_string();
            assert_eq!(source, "status 503");
            client.stop(SOON);
        }
    }
}

#[test]
fn a_response_that_is_cut_off_or_redirected_is_a_failure() {
    for (response, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n0{\"sid\"", 0),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0{\"",
            0,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Le", 0),
        ("garbage\r\n\r\n", 0),
        ("", 0),
        (
            "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            302,
        ),
    ] {
        let address = serve(move |mut stream| {
            read_head(&mut stream);
            respond(&mut stream, response);
        });
        for runtime in RUNTIMES {
            let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
            assert_eq!(
                failure(&client).status(),
                Some(status),
                "{runtime:?} {response:?}"
            );
            client.stop(SOON);
        }
    }
}

#[test]
fn the_type_that_a_response_claims_to_have_does_not_matter() {
    for claim in ["image/png", "application/octet-stream", "text/html", "?"] {
        let address = serve(move |mut stream| {
            loop {
                let head = read_head(&mut stream);
                if head.starts_with("POST") {
                    let _length = stream.read(&mut [0]).expect("a body");
                    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    return respond(&mut stream, ok);
                }
                if head.is_empty() || head.contains("sid=") {
                    return thread::sleep(PATIENCE);
                }
                let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
                let length = open.len();
                let head = format!("Content-Type: {claim}\r\nContent-Length: {length}");
                respond(
                    &mut stream,
                    &format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{open}"),
                );
            }
        });
        for runtime in RUNTIMES {
            let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
            client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
            client.stop(SOON);
        }
    }
}

#[test]
fn a_websocket_that_breaks_off_closes_and_one_that_talks_nonsense_fails() {
    for (frames, closed) in [
        (&b"\x88\x02\x03\xf1"[..], Some(Some(1009))),
        (b"\x88\x00", Some(None)),
        (b"\x81\x7f\0\0", Some(None)),
        (b"", Some(None)),
        (b"\x83\x01x", None),
        (b"\x81\x01\xff", None),
    ] {
        let address = serve(move |mut stream| {
            open_websocket(&mut stream, frames);
        });
        for runtime in RUNTIMES {
            let client = engine(runtime, &format!("http://{address}"), Mode::WebSocket);
            client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
            let reason = client.wait(closed_of);
            match closed {
                Some(code) => {
                    let detail = CloseDetail::Connection {
                        transport: Transport::WebSocket,
                        code,
                    };
                    let expected = CloseReason::TransportClose(detail);
                    assert_eq!(reason, expected, "{runtime:?} {frames:?}");
                }
                None => assert_eq!(
                    reason.to_string(),
                    "transport error",
                    "{runtime:?} {frames:?}"
                ),
            }
            client.stop(SOON);
        }
    }
}

#[test]
fn requests_carry_what_the_machine_wants_and_nothing_else() {
    let (heads, seen) = channel();
    let address = serve(move |mut stream| {
        // The test may have seen enough.
        let _ignored = heads.send(read_head(&mut stream));
    });
    let own = [
        "host",
        "connection",
        "upgrade",
        "sec-websocket-version",
        "sec-websocket-key",
    ];
    for runtime in RUNTIMES {
        for (mode, expected) in [
            (Mode::Polling, vec!["accept: */*", "x-token: a"]),
            (Mode::WebSocket, vec!["x-token: a"]),
        ] {
            let headers = vec![("X-Token".to_owned(), "a".to_owned())];
            let config = config(&format!("http://{address}"), mode).with_extra_headers(headers);
            let client = run_engine(runtime, config.with_timestamp_requests(false));
            let head = seen.recv_timeout(PATIENCE).expect("a head").to_lowercase();
            let mut lines = head.trim_end().lines();
            let name = if mode == Mode::Polling {
                "polling"
            } else {
                "websocket"
            };
            let first = format!("get /engine.io/?eio=4&transport={name} http/1.1");
            assert_eq!(lines.next(), Some(&*first), "{runtime:?}");
            let is_own = |line: &&str| own.iter().any(|own| line.starts_with(&format!("{own}: ")));
            let (own, mut others): (Vec<_>, Vec<_>) = lines.partition(is_own);
            assert!(own.contains(&&*format!("host: {address}")), "{own:?}");
            others.sort_unstable();
            assert_eq!(others, expected, "{runtime:?} {mode:?}");
            client.stop(SOON);
        }
    }
}

#[test]
fn a_server_that_reads_nothing_cannot_hold_the_driver() {
    let address = serve(|mut stream| {
        open_websocket(&mut stream, b"");
        thread::sleep(PATIENCE);
    });
    for runtime in RUNTIMES {
        let client = engine(runtime, &format!("http://{address}"), Mode::WebSocket);
        client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
        let message = Encoded::new(&Message::binary(vec![0; 1 << 20]));
        let refused =
            client.call(move |client, _| (0..100).find_map(|_| client.send(&message).err()));
        assert!(refused.is_some(), "what waits is bounded");
        client.stop(Duration::from_secs(5));
    }
}

#[test]
fn a_server_that_reads_nothing_is_given_up_whatever_it_sends() {
    for (revision, beat) in [(Revision::V4, b"\x81\x012"), (Revision::V3, b"\x81\x016")] {
        let address = serve(move |mut stream| {
            let open = r#"0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200}"#;
            open_websocket_with(&mut stream, open, b"");
            while stream.write_all(beat).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        for runtime in RUNTIMES {
            let config = config(&format!("http://{address}"), Mode::WebSocket);
            let client = run_engine(runtime, config.with_revision(revision));
            client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
            // More than the kernel and the driver take, so that the client's part of the heartbeat waits.
            let message = Encoded::new(&Message::binary(vec![0; 1 << 20]));
            let taken = client.call(move |client, _| {
                (0..100)
                    .take_while(|_| client.send(&message).is_ok())
                    .count()
            });
            assert!(taken >= 16, "{taken}");
            assert_eq!(
                client.wait(closed_of),
                CloseReason::PingTimeout,
                "{runtime:?} {revision:?}"
            );
            client.stop(Duration::from_secs(5));
        }
    }
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_not_used_again() {
    let (bodies, posted) = channel();
    let address = serve(move |mut stream| {
        let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
        let length = open.len();
        let open = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{open}");
        loop {
            let head = read_head(&mut stream);
            if head.starts_with("POST") {
                let mut body = [0; 2];
                let _length = stream.read(&mut body).expect("a body");
                respond(
                    &mut stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                );
                drop(stream);
                if body[0] == b'4' {
                    bodies.send(body).expect("a test that waits");
                }
                return;
            }
            if head.is_empty() || head.contains("sid=") {
                return thread::sleep(PATIENCE);
            }
            respond(&mut stream, &open);
        }
    });
    for runtime in RUNTIMES {
        let client = engine(runtime, &format!("http://{address}"), Mode::Polling);
        client.wait(|event| matches!(event, EngineEvent::Opened(_)).then_some(()));
        for text in ["a", "b", "c"] {
            let message = Encoded::new(&Message::text(text));
            client.call(move |client, _| client.send(&message).expect("room"));
            let body = posted.recv_timeout(PATIENCE).expect("a body");
            assert_eq!(body, [b'4', text.as_bytes()[0]], "{runtime:?}");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(client.call(|client, _| client.is_open()), "{runtime:?}");
        // This server does not answer the held poll when it is told that the client goes.
        client.stop(SOON);
    }
}
