//! A scripted server on a simulated network whose time the test advances.

use core::error::Error;
use std::collections::BTreeMap;

use engineio_proto::SendError;
use engineio_proto::client::{Client, Config, Endpoint, Event, Output};
use engineio_proto::codec::DecodeError;
use engineio_proto::http::{Answer, Request};
use engineio_proto::{
    Bytes, ConnectionId, Encoded, Frame, Instant, Message, RequestId, Seed, Transport,
};

pub(crate) const POLLING: &str =
    r#"0{"sid":"S","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;
pub(crate) const UPGRADABLE: &str = r#"0{"sid":"S","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;

/// The settings of a client whose URLs are always the same.
pub(crate) fn config() -> Config {
    let endpoint = Endpoint::parse("http://x.com").expect("an address");
    Config::new(endpoint).with_timestamp_requests(false)
}

/// A client, its network and its clock.
pub(crate) struct Net {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    pub(crate) requests: BTreeMap<u64, Request>,
    /// Connections whose pipe is full.
    pub(crate) stalled: bool,
}

impl Net {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            client: Client::new(config, &Seed::new([3; 32])).expect("good settings"),
            now: Instant::from_millis(1_000_000),
            requests: BTreeMap::new(),
            stalled: false,
        }
    }

    /// A client that asked for its handshake.
    pub(crate) fn opening(config: Config) -> Self {
        let mut net = Self::new(config);
        net.open();
        let first = net.drain();
        let requests = ["r0 GET", "c0 connect", "c0 connect webtransport"];
        assert!(
            first.len() == 1 && requests.contains(&&*first[0]),
            "{first:?}"
        );
        net
    }

    /// A client on polling, with its second GET, `r1`, in flight.
    pub(crate) fn polling(config: Config) -> Self {
        let mut net = Self::opening(config);
        net.respond(0, 200, POLLING);
        assert_eq!(net.drain(), ["r1 GET", "opened S"]);
        net
    }

    /// A client on polling, with the GET `r2` in flight and the probe `c1` open.
    pub(crate) fn probing(config: Config) -> Self {
        let mut net = Self::opening(config);
        net.respond(0, 200, UPGRADABLE);
        assert_eq!(net.drain(), ["c1 connect", "r2 GET", "opened S"]);
        net.connected(1);
        assert_eq!(net.drain(), ["c1 > 2probe"]);
        net
    }

    /// A client that opened over the WebSocket `c0`.
    pub(crate) fn websocket(config: Config) -> Self {
        let websocket = [engineio_proto::Transport::WebSocket];
        let mut net = Self::opening(config.with_transports(websocket));
        net.connected(0);
        net.text(0, POLLING);
        assert_eq!(net.drain(), ["opened S"]);
        net
    }

    pub(crate) fn open(&mut self) {
        self.client.open(self.now);
    }

    pub(crate) fn respond(&mut self, request: u64, status: u16, body: impl Into<Bytes>) {
        self.answer(request, Answer::new(status, body));
    }

    pub(crate) fn answer(&mut self, request: u64, answer: Answer) {
        self.client
            .handle_response(RequestId(request), answer, self.now);
    }

    pub(crate) fn fail(&mut self, request: u64) {
        self.client
            .handle_request_failed(RequestId(request), self.now);
    }

    pub(crate) fn connected(&mut self, connection: u64) {
        self.client
            .handle_connected(ConnectionId(connection), self.now);
    }

    pub(crate) fn text(&mut self, connection: u64, text: &str) {
        let frame = Frame::Text(text.into());
        self.client
            .handle_frame(ConnectionId(connection), frame, self.now);
    }

    pub(crate) fn binary(&mut self, connection: u64, data: &'static [u8]) {
        let frame = Frame::Binary(Bytes::from_static(data));
        self.client
            .handle_frame(ConnectionId(connection), frame, self.now);
    }

    pub(crate) fn bad_frame(&mut self, connection: u64, error: DecodeError) {
        self.client
            .handle_bad_frame(ConnectionId(connection), error, self.now);
    }

    pub(crate) fn disconnect(&mut self, connection: u64) {
        self.client
            .handle_connection_closed(ConnectionId(connection), self.now);
    }

    pub(crate) fn connection_failed(&mut self, connection: u64) {
        self.client
            .handle_connection_failed(ConnectionId(connection), self.now);
    }

    pub(crate) fn send(&mut self, text: &str) -> Result<(), SendError> {
        self.client
            .send(&Encoded::new(&Message::text(text.to_owned())))
    }

    pub(crate) fn send_binary(&mut self, data: &'static [u8]) -> Result<(), SendError> {
        self.client.send(&Encoded::binary(Bytes::from_static(data)))
    }

    pub(crate) fn volatile(&mut self, text: &str) -> bool {
        let message = Encoded::new(&Message::text(text.to_owned()));
        self.client.send_volatile(&[message])
    }

    pub(crate) fn close(&mut self) {
        self.client.close(self.now);
    }

    /// Lets time pass, and runs every deadline on the way.
    pub(crate) fn advance(&mut self, millis: u64) {
        let target = self.now + core::time::Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 100, "deadlines never end");
            match self.client.poll_timeout() {
                Some(deadline) if deadline <= target => {
                    self.now = self.now.max(deadline);
                    self.client.handle_timeout(self.now);
                }
                Some(_) | None => break,
            }
        }
        self.now = target;
        self.client.handle_timeout(target);
    }

    /// The milliseconds to the next deadline.
    pub(crate) fn due_in(&self) -> Option<u128> {
        let deadline = self.client.poll_timeout()?;
        Some(deadline.saturating_duration_since(self.now).as_millis())
    }

    /// All actions and events, one in a line and in order: `r0 GET`, `r1 POST 4a|4b`, `r0 abort`, `c0 connect`, `c0 >
    /// 4hello`, `c0 close`, `opened S`, `text hello`, …. `|` stands for the separator. Binary bodies of revision 3 are
    /// lists of bytes.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Request { request, message } => {
                    let body = show_body(&message);
                    let line = format!("r{} {} {body}", request.0, message.method);
                    lines.push(line.trim_end().to_owned());
                    let old = self.requests.insert(request.0, message);
                    assert_eq!(old, None, "ids are never used again");
                }
                Output::Abort { request } => lines.push(format!("r{} abort", request.0)),
                Output::Connect {
                    connection,
                    transport,
                    request,
                } => {
                    let to = match transport {
                        Transport::WebSocket => "",
                        other @ (Transport::Polling | Transport::WebTransport | _) => other.name(),
                    };
                    let line = format!("c{} connect {to}", connection.0);
                    lines.push(line.trim_end().to_owned());
                    let old = self.requests.insert(connection.0, request);
                    assert_eq!(old, None, "ids are never used again");
                }
                Output::Frames { connection } if self.stalled => {
                    lines.push(format!("c{} frames", connection.0));
                }
                Output::Frames { connection } => {
                    while let Some(frame) = self.client.poll_frame(connection) {
                        lines.push(format!("c{} > {}", connection.0, show_frame(&frame)));
                    }
                }
                Output::Close { connection } => lines.push(format!("c{} close", connection.0)),
                Output::Event(event) => lines.push(show_event(&event)),
            }
        }
        assert!(!self.client.has_action() && !self.client.has_event());
        lines
    }

    pub(crate) fn url(&self, id: u64) -> &str {
        &self.requests[&id].url
    }

    pub(crate) fn header(&self, id: u64, name: &str) -> Option<&str> {
        let headers = &self.requests[&id].headers;
        let found = headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| &**value)
    }
}

fn show_body(request: &Request) -> String {
    let octets = (
        "Content-type".to_owned(),
        "application/octet-stream".to_owned(),
    );
    if request.headers.contains(&octets) {
        return format!("{:?}", &request.body[..]);
    }
    String::from_utf8_lossy(&request.body).replace('\x1e', "|")
}

fn show_frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(data) => format!("{:?}", &data[..]),
    }
}

pub(crate) fn show_event(event: &Event) -> String {
    match event {
        Event::Opened(open) => format!("opened {}", open.sid),
        Event::Message(message) => match message {
            Message::Text(text) => format!("text {text}"),
            Message::Binary(data) => format!("binary {:?}", &data[..]),
        },
        Event::Upgrading(transport) => format!("upgrading to {}", transport.name()),
        Event::Upgraded(transport) => format!("upgraded to {}", transport.name()),
        Event::UpgradeFailed { transport, error } => {
            format!("upgrade to {} failed: {error}", transport.name())
        }
        Event::Ping => "ping".into(),
        Event::Pong => "pong".into(),
        Event::Drained => "drained".into(),
        Event::Closed(reason) => {
            let mut line = format!("closed: {reason}");
            let mut source = reason.source();
            while let Some(cause) = source {
                line.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            line
        }
        _ => format!("{event:-?}"),
    }
}
