//! Faults from public advisories on other implementations, one test each.

#![cfg(test)]

use engineio_proto::http::RequestHead;
use engineio_proto::server::{CloseReason, Config, Event, Output, Server, ServerEvent};
use engineio_proto::{Bytes, ConnectionId, Frame, Instant, RequestId, Seed};

const NOW: Instant = Instant::ZERO;
const POLLING: &str = "EIO=4&transport=polling";
const WEBSOCKET: &str = "EIO=4&transport=websocket";

/// The default limit is 1 MB. A body of tiny packets is read in one pass, and their number is bounded.
#[test]
fn cve_2020_36048_huge_payloads_and_hosts_of_tiny_packets() {
    assert_eq!(Config::default().max_payload, 1_000_000);
    let mut net = Net::new();
    let sid = net.open_polling();
    let tiny = [b'4', 0x1e].repeat(500_000);
    net.post(&sid, &tiny[..tiny.len() - 1]);
    let events = net.drain();
    assert_eq!(events.len(), 65_536 + 1, "as many as may be, and the end");
    let Some(Event::Closed(CloseReason::ParseError(_))) = events.last() else {
        panic!("a parse error");
    };
    let sid = net.open_polling();
    net.post(&sid, &[b'4'; 1_000_001]);
    assert_eq!(
        (net.drain(), net.last_status),
        (vec![], 413),
        "the session lives on"
    );
}

/// A WebSocket that breaks right after its handshake, or as a probe, is only closed.
#[test]
fn cve_2022_21676_invalid_frames_right_after_the_handshake() {
    let mut net = Net::new();
    let connection = net.upgrade(WEBSOCKET);
    net.server.handle_connection_failed(connection, NOW);
    assert!(matches!(
        net.drain()[..],
        [Event::Closed(CloseReason::TransportError(_))]
    ));

    let sid = net.open_polling();
    let probe = net.upgrade(&format!("{WEBSOCKET}&sid={sid}"));
    net.server.handle_connection_failed(probe, NOW);
    assert_eq!(net.drain(), []);
    net.post(&sid, b"4still here");
    assert_eq!(net.drain().len(), 1);
}

/// Events of a refused connection affect no session.
#[test]
fn cve_2022_41940_a_reset_while_an_upgrade_is_refused() {
    let mut net = Net::new();
    let refused = net.upgrade(&format!("{WEBSOCKET}&sid=AAAAAAAAAAAAAAAAAAAA"));
    net.server.handle_connection_failed(refused, NOW);
    net.server
        .handle_frame(refused, Frame::Text("4x".into()), NOW);
    net.server.handle_connection_closed(refused, NOW);
    assert_eq!((net.drain(), net.server.session_count()), (vec![], 0));
}

/// Names with a meaning in JavaScript have none here.
#[test]
fn cve_2023_31125_transports_named_after_properties_of_objects() {
    for name in ["__proto__", "constructor", "toString", "hasOwnProperty"] {
        let mut net = Net::new();
        net.upgrade(&format!("EIO=4&transport={name}"));
        net.request("GET", &format!("EIO=4&transport={name}"), b"");
        net.request("GET", &format!("{POLLING}&sid={name}"), b"");
        assert_eq!((net.drain(), net.server.session_count()), (vec![], 0));
    }
}

/// Unsolicited pongs start nothing, because a session has one deadline.
#[test]
fn ghsa_cgwc_pv48_fhj5_unsolicited_pongs_start_no_heartbeats() {
    let mut net = Net::new();
    let connection = net.upgrade(WEBSOCKET);
    let before = net.server.poll_timeout();
    for _ in 0..1_000 {
        net.server
            .handle_frame(connection, Frame::Text("3".into()), NOW);
    }
    assert_eq!(
        (net.server.poll_timeout(), net.server.timer_count()),
        (before, 1)
    );
    let ping_at = Instant::from_millis(25_000);
    net.server.handle_timeout(ping_at);
    net.drain();
    assert_eq!(net.pulled, [Frame::Text("2".into())]);
}

/// Session ids have at least 88 random bits. Among many ids, no two share the part after shard and slot.
#[test]
fn cve_2017_16031_session_ids_cannot_be_predicted() {
    let mut net = Net::new();
    let mut secrets: Vec<_> = (0..200)
        .map(|_| net.open_polling()[6..].to_owned())
        .collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 200);
}

struct Net {
    server: Server,
    exchanges: u64,
    last_status: u16,
    body: Bytes,
    pulled: Vec<Frame>,
}

impl Net {
    fn new() -> Self {
        let server = Server::new(Config::default(), 0, &Seed::new([5; 32])).unwrap();
        Self {
            server,
            exchanges: 0,
            last_status: 0,
            body: Bytes::new(),
            pulled: Vec::new(),
        }
    }

    fn open_polling(&mut self) -> String {
        self.request("GET", POLLING, b"");
        self.drain();
        let body = String::from_utf8(self.body.to_vec()).unwrap();
        body.split('"').nth(3).unwrap().to_owned()
    }

    fn post(&mut self, sid: &str, body: &[u8]) {
        self.request("POST", &format!("{POLLING}&sid={sid}"), body);
    }

    fn request(&mut self, method: &str, query: &str, body: &[u8]) {
        self.exchanges += 1;
        let head = RequestHead::new(method, "/engine.io/", query);
        let body = Bytes::copy_from_slice(body);
        self.server
            .handle_request(RequestId(self.exchanges), &head, body, NOW);
    }

    /// Opens a connection and takes the outputs of its handshake.
    fn upgrade(&mut self, query: &str) -> ConnectionId {
        self.exchanges += 1;
        let connection = ConnectionId(self.exchanges);
        let head = RequestHead::new("GET", "/engine.io/", query);
        self.server.handle_upgrade(connection, &head, NOW);
        self.drain();
        self.pulled.clear();
        connection
    }

    /// The events of sessions; other outputs are kept aside.
    fn drain(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Respond { response, .. } => {
                    self.last_status = response.status;
                    self.body = response.body;
                }
                Output::Frames { connection } => {
                    self.pulled
                        .extend(std::iter::from_fn(|| self.server.poll_frame(connection)));
                }
                Output::Event(ServerEvent::Session { event, .. }) => events.push(event),
                Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Close { .. }
                | Output::Event(_) => {}
            }
        }
        events
    }
}
