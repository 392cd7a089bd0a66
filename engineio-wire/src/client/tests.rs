//! The wire around a machine that writes down what it is told.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use engineio_proto::client::Config;
use engineio_proto::codec::DecodeError;
use engineio_proto::codec::websocket::{Decoder, Received, Role};
use engineio_proto::http::Answer;
use engineio_proto::{Bytes, Frame};

use super::*;
use crate::websocket::accept_key;

mod sockets;
mod splits;

/// A machine that wants what the test says, and writes down its inputs.
#[derive(Debug, Default)]
struct Script {
    config: Config,
    wants: VecDeque<MachineOutput<()>>,
    frames: VecDeque<Frame>,
    told: Vec<String>,
}

impl Script {
    fn tell(&mut self, text: String) {
        self.told.push(text);
    }
}

fn short(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Machine for Script {
    type Event = ();

    fn engine_config(&self) -> &Config {
        &self.config
    }

    fn handle_response(&mut self, id: RequestId, answer: Answer, _: Instant) {
        let (status, body) = (answer.status, short(&answer.body));
        self.tell(format!("response {} {status} {body}", id.0));
    }

    fn handle_request_failed(&mut self, id: RequestId, _: Instant) {
        self.tell(format!("request failed {}", id.0));
    }

    fn handle_connected(&mut self, id: ConnectionId, _: Instant) {
        self.tell(format!("connected {}", id.0));
    }

    fn handle_frame(&mut self, _: ConnectionId, frame: Frame, _: Instant) {
        self.tell(match frame {
            Frame::Text(text) => format!("text {text}"),
            Frame::Binary(bytes) => format!("binary {}", bytes.len()),
        });
    }

    fn handle_bad_frame(&mut self, _: ConnectionId, _: DecodeError, _: Instant) {}

    fn handle_connection_closed(&mut self, _: ConnectionId, _: Instant) {
        self.tell("closed".into());
    }

    fn handle_connection_closed_with(&mut self, _: ConnectionId, code: u16, _: Instant) {
        self.tell(format!("closed {code}"));
    }

    fn handle_connection_failed(&mut self, id: ConnectionId, _: Instant) {
        self.tell(format!("connection failed {}", id.0));
    }

    fn handle_connection_refused(&mut self, id: ConnectionId, answer: &Answer, _: Instant) {
        let (status, body) = (answer.status, short(&answer.body));
        self.tell(format!("refused {} {status} {body}", id.0));
    }

    fn handle_offline(&mut self, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_output(&mut self) -> Option<MachineOutput<()>> {
        self.wants.pop_front()
    }

    fn poll_frame(&mut self, _: ConnectionId) -> Option<Frame> {
        self.frames.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn wants_read(&self) -> bool {
        true
    }

    fn close(&mut self, _: Instant) {}
}

/// A wire, the time, and what was written on each connection since it was looked at.
struct Net {
    wire: Wire<Script>,
    now: Instant,
    next: u64,
    done: Vec<String>,
}

fn net(options: Options) -> Net {
    let now = Instant::from_millis(1000);
    let mut wire = Wire::new(Script::default(), options, &Seed::new([1; 32]));
    wire.handle_timeout(now);
    Net {
        wire,
        now,
        next: 0,
        done: Vec::new(),
    }
}

fn plain() -> Net {
    net(Options::default())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

impl Net {
    fn wants(&mut self, output: MachineOutput<()>) {
        self.wire.machine_mut().wants.push_back(output);
    }

    /// The machine wants a request.
    fn ask(&mut self, method: &'static str, url: &str) -> RequestId {
        let (request, body) = (
            RequestId(self.next),
            if method == "GET" { "" } else { "4a" },
        );
        self.next += 1;
        let headers = vec![("Authorization".to_string(), "secret".to_string())];
        let message = Request::new(method, url, body).with_headers(headers);
        self.wants(MachineOutput::Request { request, message });
        request
    }

    fn get(&mut self) -> RequestId {
        self.ask("GET", "http://a/p")
    }

    fn socket(&mut self, url: &str) -> ConnectionId {
        let connection = ConnectionId(self.next);
        self.next += 1;
        self.wants(MachineOutput::Connect {
            connection,
            transport: Transport::WebSocket,
            request: Request::new("GET", url, ""),
        });
        connection
    }

    /// Does everything that the wire wants, and gives it as text. What is written leaves at once.
    fn run(&mut self) -> Vec<String> {
        let mut done = core::mem::take(&mut self.done);
        while let Some(output) = self.wire.poll_output() {
            done.push(match output {
                Output::Connect { pipe, host, port } => format!("connect {} {host} {port}", pipe.0),
                Output::StartTls { pipe, server_name } => format!("tls {} {server_name}", pipe.0),
                Output::Write(pipe) => {
                    let batch = self.wire.poll_write(pipe).unwrap();
                    self.wire.handle_written(pipe, batch.len(), self.now);
                    let bytes: Vec<u8> = batch.chunks().flatten().copied().collect();
                    let text = String::from_utf8_lossy(&bytes);
                    let line = text.lines().next().unwrap_or_default().to_string();
                    format!("write {} {line}", pipe.0)
                }
                Output::Close(pipe) => format!("close {}", pipe.0),
                Output::Event(()) => "event".into(),
            });
        }
        done
    }

    /// Connects a pipe and gives what follows.
    fn connected(&mut self, pipe: u64) -> Vec<String> {
        self.wire.handle_connected(PipeId(pipe), self.now);
        self.run()
    }

    fn bytes(&mut self, pipe: u64, bytes: &[u8]) -> Vec<String> {
        self.wire.handle_bytes(PipeId(pipe), bytes, self.now);
        self.run()
    }

    fn closed(&mut self, pipe: u64) -> Vec<String> {
        self.wire.handle_closed(PipeId(pipe), self.now);
        self.run()
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now = self.now + Duration::from_millis(millis);
        self.wire.handle_timeout(self.now);
        self.run()
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.wire.machine_mut().told)
    }

    /// Opens a WebSocket on the first pipe.
    fn with_socket() -> (Self, Vec<u8>) {
        let mut net = plain();
        net.socket("ws://a/p");
        net.run();
        net.wire.handle_connected(PipeId(0), net.now);
        let accept = accept_key(websocket::key(&Seed::new([1; 32]), PipeId(0)).as_bytes());
        let head = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        assert_eq!(net.run(), ["write 0 GET /p HTTP/1.1"]);
        (net, head.into_bytes())
    }

    fn opened_socket() -> Self {
        let (mut net, head) = Self::with_socket();
        assert_eq!(net.bytes(0, &head), [""; 0]);
        assert_eq!(net.told(), ["connected 0"]);
        net
    }

    /// The frames that the wire wants to write on the first pipe.
    fn frames(&mut self) -> Vec<Received> {
        let mut decoder = Decoder::new(Role::Server, 1 << 20);
        let mut received = Vec::new();
        while let Some(output) = self.wire.poll_output() {
            let Output::Write(pipe) = output else {
                self.done.push(format!("{output:?}"));
                continue;
            };
            let batch = self.wire.poll_write(pipe).unwrap();
            self.wire.handle_written(pipe, batch.len(), self.now);
            let bytes: Vec<u8> = batch.chunks().flatten().copied().collect();
            let mut rest = &bytes[..];
            while let Some(next) = decoder.decode(&mut rest).unwrap() {
                received.push(next);
            }
        }
        received
    }
}

#[test]
fn a_poll_uses_the_connection_of_the_last_one() {
    let mut net = plain();
    net.get();
    assert_eq!(net.run(), ["connect 0 a 80"]);
    assert_eq!(net.connected(0), ["write 0 GET /p HTTP/1.1"]);
    assert!(!net.wire.is_at_rest());
    assert_eq!(net.bytes(0, OK), [""; 0]);
    assert_eq!(net.told(), ["response 0 200 ok"]);
    assert!(net.wire.is_at_rest());
    assert_eq!(net.wire.bytes_held(), 0);
    net.get();
    assert_eq!(net.run(), ["write 0 GET /p HTTP/1.1"]);
    assert_eq!(net.bytes(0, OK), [""; 0]);
    net.ask("GET", "http://b/p");
    assert_eq!(net.run(), ["connect 1 b 80"]);
    net.ask("GET", "http://A:80/p");
    assert_eq!(net.run(), ["write 0 GET /p HTTP/1.1"]);
}

#[test]
fn each_post_has_a_connection_of_its_own() {
    let mut net = plain();
    net.get();
    net.run();
    net.connected(0);
    net.bytes(0, OK);
    net.ask("POST", "http://a/p");
    assert_eq!(net.run(), ["connect 1 a 80"]);
    net.wire.handle_connected(PipeId(1), net.now);
    assert_eq!(net.wire.poll_output(), Some(Output::Write(PipeId(1))));
    let batch = net.wire.poll_write(PipeId(1)).unwrap();
    let text: Vec<u8> = batch.chunks().flatten().copied().collect();
    assert_eq!(
        short(&text),
        "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\
         Authorization: secret\r\n\r\n4a"
    );
    assert_eq!(net.bytes(1, OK), ["close 1"]);
    assert_eq!(net.told(), ["response 0 200 ok", "response 1 200 ok"]);
}

#[test]
fn a_poll_that_meets_the_end_of_an_idle_connection_is_repeated_once() {
    let mut net = plain();
    net.get();
    net.run();
    net.connected(0);
    net.bytes(0, OK);
    let second = net.get();
    assert_eq!(net.run(), ["write 0 GET /p HTTP/1.1"]);
    net.now = net.now + Duration::from_millis(60);
    assert_eq!(net.closed(0), ["connect 1 a 80"]);
    assert_eq!(net.connected(1), ["write 1 GET /p HTTP/1.1"]);
    assert_eq!(net.told(), ["response 0 200 ok"]);
    // On a connection of its own it is not repeated.
    assert_eq!(net.closed(1), [""; 0]);
    assert_eq!(net.told(), [format!("request failed {}", second.0)]);
}

#[test]
fn a_poll_that_was_accepted_is_not_repeated() {
    let used = || {
        let mut net = plain();
        net.get();
        net.run();
        net.connected(0);
        net.bytes(0, OK);
        net.told();
        net.get();
        net.run();
        net
    };
    // It ends long after a server would have found no room for it.
    let mut held = used();
    held.now = held.now + Duration::from_secs(10);
    assert_eq!(held.closed(0), [""; 0]);
    assert_eq!(held.told(), ["request failed 1"]);
    // The answer has begun.
    let mut begun = used();
    begun.bytes(0, b"H");
    assert_eq!(begun.closed(0), [""; 0]);
    assert_eq!(begun.told(), ["request failed 1"]);
    // A server that has waited too long for a request has not read this one.
    let mut late = used();
    let timed_out = b"HTTP/1.1 408 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(late.bytes(0, timed_out), ["close 0", "connect 1 a 80"]);
    assert_eq!(late.told(), [""; 0]);
}

#[test]
fn a_post_on_a_used_connection_is_repeated_only_if_it_has_not_left() {
    let used = || {
        let time = Duration::from_secs(1);
        let mut net = net(Options::default().with_max_idle_for_post(time));
        net.get();
        net.run();
        net.connected(0);
        net.bytes(0, OK);
        net.told();
        net
    };
    let mut left = used();
    left.ask("POST", "http://a/p");
    assert_eq!(left.run(), ["write 0 POST /p HTTP/1.1"]);
    assert_eq!(left.closed(0), [""; 0]);
    assert_eq!(left.told(), ["request failed 1"]);

    let mut unsent = used();
    unsent.ask("POST", "http://a/p");
    assert_eq!(unsent.wire.poll_output(), Some(Output::Write(PipeId(0))));
    assert_eq!(unsent.closed(0), ["connect 1 a 80"]);
    let mut unsent = used();
    unsent.ask("POST", "http://a/p");
    assert_eq!(unsent.wire.poll_output(), Some(Output::Write(PipeId(0))));
    assert_eq!(
        unsent.bytes(0, b"HTTP/1.1 408"),
        ["close 0", "connect 1 a 80"]
    );

    let mut late = used();
    late.now = late.now + Duration::from_secs(1);
    late.wire.handle_timeout(late.now);
    late.ask("POST", "http://a/p");
    assert_eq!(late.run(), ["connect 1 a 80"]);
}

#[test]
fn a_connection_is_not_used_when_the_server_may_close_it() {
    let after = |fields: &str, millis: u64| {
        let mut net = plain();
        net.get();
        net.run();
        net.connected(0);
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        let mut done = net.bytes(0, response.as_bytes());
        net.now = net.now + Duration::from_millis(millis);
        net.wire.handle_bytes(PipeId(9), b"", net.now);
        net.get();
        done.extend(net.run());
        done.last().unwrap().starts_with("write 0")
    };
    let length = "content-length: 2";
    let kept = format!("{length}\r\nkeep-alive: timeout=5");
    assert!(after(&kept, 3999));
    assert!(!after(&kept, 4000));
    assert!(after(length, 14_999));
    assert!(!after(length, 15_000));
    assert!(!after(&format!("{length}\r\nkeep-alive: timeout=1"), 0));
    assert!(!after(&format!("{length}\r\nconnection: close"), 0));
    // What follows the response was not asked for.
    assert!(!after("content-length: 1", 0));
}

#[test]
fn idle_connections_are_closed() {
    let mut net = plain();
    for pipe in 0..4 {
        net.get();
        assert_eq!(net.run(), [format!("connect {pipe} a 80")]);
        net.connected(pipe);
    }
    let done: Vec<_> = (0..4).flat_map(|pipe| net.bytes(pipe, OK)).collect();
    assert_eq!(done, ["close 2", "close 3"]);
    assert_eq!(
        net.wire.poll_timeout(),
        Some(net.now + Duration::from_secs(15))
    );
    assert_eq!(net.wait(15_000), ["close 0", "close 1"]);
    assert_eq!((net.wire.pipe_count(), net.wire.poll_timeout()), (0, None));

    net.get();
    net.run();
    net.connected(4);
    net.bytes(4, OK);
    assert_eq!(net.bytes(4, b"HTTP/1.1 408"), ["close 4"]);
}

#[test]
fn redirects_are_followed_up_to_their_number() {
    let mut net = net(Options::default().with_max_redirects(2));
    net.get();
    net.run();
    net.connected(0);
    let to = |location: &str| {
        format!("HTTP/1.1 302 x\r\nlocation: {location}\r\ncontent-length: 2\r\n\r\nno")
            .into_bytes()
    };
    assert_eq!(net.bytes(0, &to("/q")), ["write 0 GET /q HTTP/1.1"]);
    assert_eq!(net.bytes(0, &to("https://b/r")), ["connect 1 b 443"]);
    assert_eq!(net.connected(1), ["tls 1 b"]);
    net.wire.handle_secured(PipeId(1), net.now);
    assert_eq!(net.wire.poll_output(), Some(Output::Write(PipeId(1))));
    let batch = net.wire.poll_write(PipeId(1)).unwrap();
    let text: Vec<u8> = batch.chunks().flatten().copied().collect();
    assert_eq!(short(&text), "GET /r HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(net.bytes(1, &to("/s")), [""; 0]);
    assert_eq!(net.told(), ["response 0 302 no"]);
}

#[test]
fn a_proxy_is_asked_for_what_is_plain_and_for_tunnels() {
    let proxy = Proxy::new("proxy", 3128);
    let mut net = net(Options::default().with_proxy(proxy));
    net.get();
    assert_eq!(net.run(), ["connect 0 proxy 3128"]);
    assert_eq!(net.connected(0), ["write 0 GET http://a/p HTTP/1.1"]);
    net.ask("GET", "https://a/p");
    assert_eq!(net.run(), ["connect 1 proxy 3128"]);
    assert_eq!(net.connected(1), ["write 1 CONNECT a:443 HTTP/1.1"]);
    assert_eq!(net.bytes(1, b"HTTP/1.1 200 "), [""; 0]);
    assert_eq!(
        net.bytes(1, b"OK\r\ncontent-length: 5\r\n\r\n"),
        ["tls 1 a"]
    );
    net.wire.handle_secured(PipeId(1), net.now);
    assert_eq!(net.run(), ["write 1 GET /p HTTP/1.1"]);
    net.socket("ws://a/p");
    net.run();
    assert_eq!(net.connected(2), ["write 2 CONNECT a:80 HTTP/1.1"]);
    assert_eq!(
        net.bytes(2, b"HTTP/1.1 200 OK\r\n\r\n"),
        ["write 2 GET /p HTTP/1.1"]
    );
    assert_eq!(net.told(), [""; 0]);
}

#[test]
fn a_proxy_that_refuses_speaks_for_nobody_else() {
    let mut net = net(Options::default().with_proxy(Proxy::new("proxy", 3128)));
    net.ask("GET", "https://a/p");
    net.socket("wss://a/p");
    net.ask("GET", "https://a/p");
    net.run();
    let refusal = b"HTTP/1.1 407 No\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nno";
    for pipe in 0..2 {
        net.connected(pipe);
        assert_eq!(net.bytes(pipe, refusal), [format!("close {pipe}")]);
    }
    // A server that speaks before TLS is none.
    net.connected(2);
    assert_eq!(net.bytes(2, b"HTTP/1.1 200 OK\r\n\r\nx"), ["close 2"]);
    assert_eq!(
        net.told(),
        ["response 0 407 ", "refused 1 407 ", "request failed 2"]
    );
}

#[test]
fn what_cannot_be_opened_fails() {
    let mut net = plain();
    net.get();
    net.socket("wss://a/p");
    net.ask("GET", "http://a/bad target");
    net.wants(MachineOutput::Connect {
        connection: ConnectionId(9),
        transport: Transport::WebTransport,
        request: Request::new("CONNECT", "https://a/", ""),
    });
    net.run();
    net.wire.handle_failed(PipeId(0), net.now);
    net.connected(1);
    net.wire.handle_failed(PipeId(1), net.now);
    assert_eq!(net.connected(2), ["close 2"]);
    assert_eq!(
        net.told(),
        [
            "connection failed 9",
            "request failed 0",
            "connection failed 1",
            "request failed 2"
        ]
    );
    assert_eq!(net.wire.pipe_count(), 0);
}

#[test]
fn a_request_that_is_given_up_closes_its_connection() {
    for steps in 0..3 {
        let mut net = plain();
        let request = net.get();
        net.run();
        if steps > 0 {
            net.connected(0);
        }
        if steps > 1 {
            net.bytes(0, b"HTTP/1.1 200 OK\r\nconten");
        }
        net.wants(MachineOutput::Abort { request });
        assert_eq!(net.run(), ["close 0"]);
        assert_eq!(net.bytes(0, OK), [""; 0]);
        assert_eq!(net.told(), [""; 0]);
    }
}

#[test]
fn a_body_may_end_with_the_connection_and_not_with_a_fault() {
    let begun = || {
        let mut net = plain();
        net.get();
        net.run();
        net.connected(0);
        net.bytes(0, b"HTTP/1.1 200 OK\r\n\r\nhal");
        net
    };
    let mut clean = begun();
    clean.closed(0);
    assert_eq!(clean.told(), ["response 0 200 hal"]);
    let mut broken = begun();
    broken.wire.handle_failed(PipeId(0), broken.now);
    assert_eq!(broken.told(), ["request failed 0"]);
}

#[test]
fn a_response_that_breaks_the_rules_or_a_limit_fails() {
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n".to_string(),
        "HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\n".into(),
        "HTTP/1.1 101 x\r\n\r\n".into(),
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            (100 << 20) + 1
        ),
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(64 << 10)),
    ] {
        let mut net = plain();
        net.get();
        net.run();
        net.connected(0);
        assert_eq!(net.bytes(0, response.as_bytes()), ["close 0"]);
        assert_eq!(net.told(), ["request failed 0"]);
    }
}

#[test]
fn what_takes_too_long_is_given_up() {
    let second = 1000;
    let mut connecting = plain();
    connecting.get();
    connecting.run();
    assert_eq!(connecting.wait(20 * second - 1), [""; 0]);
    assert_eq!(connecting.wait(1), ["close 0"]);
    assert_eq!(connecting.told(), ["request failed 0"]);

    let mut shaking = plain();
    shaking.socket("ws://a/");
    shaking.run();
    shaking.wait(10 * second);
    shaking.connected(0);
    assert_eq!(shaking.wait(20 * second - 1), [""; 0]);
    shaking.bytes(0, b"HTTP/1.1 101 ");
    assert_eq!(shaking.wait(1), ["close 0"]);
    assert_eq!(shaking.told(), ["connection failed 0"]);

    let mut polling = plain();
    polling.get();
    polling.run();
    polling.connected(0);
    assert_eq!(polling.wait(3600 * second), [""; 0], "a poll is held");
    polling.bytes(0, b"H");
    assert_eq!(polling.wait(20 * second - 1), [""; 0]);
    polling.bytes(0, b"T");
    assert_eq!(polling.wait(20 * second - 1), [""; 0]);
    assert_eq!(polling.wait(1), ["close 0"]);
    assert_eq!(polling.told(), ["request failed 0"]);
}

#[test]
fn a_write_without_progress_is_given_up() {
    let mut net = plain();
    net.ask("POST", "http://a/");
    net.run();
    net.wire.handle_connected(PipeId(0), net.now);
    net.wire.poll_output();
    let batch = net.wire.poll_write(PipeId(0)).unwrap();
    assert!(net.wire.poll_write(PipeId(0)).is_none(), "one is under way");
    assert_eq!(net.wait(19_999), [""; 0]);
    net.wire.handle_written(PipeId(0), batch.len() - 1, net.now);
    assert_eq!(net.wait(19_999), [""; 0]);
    assert_eq!(net.wait(1), ["close 0"]);
    assert_eq!(net.told(), ["request failed 0"]);
}

#[test]
fn every_deadline_fires() {
    // Each state, with an input that a driver may give in any of them.
    let mut net = plain();
    net.get();
    net.socket("wss://a/");
    net.run();
    net.connected(0);
    net.connected(1);
    while let Some(due) = net.wire.poll_timeout() {
        net.now = net.now.max(due);
        net.wire.handle_timeout(net.now);
        net.run();
        assert!(net.wire.poll_timeout().is_none_or(|next| next > net.now));
    }
}
