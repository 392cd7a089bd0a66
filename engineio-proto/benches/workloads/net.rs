//! A server with sessions, and a driver without IO.

use core::hint::black_box;
use core::time::Duration;

use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Event, Output, Server, ServerEvent, SessionKey};
use engineio_proto::{ByteString, Bytes, ConnectionId, Encoded, Frame, Instant, RequestId, Seed};

/// A server and its driver, which does at once what the server asks for: a message is sent back, and a ping is answered.
pub(super) struct Net {
    pub(super) server: Server,
    pub(super) now: Instant,
    /// The sessions in the order in which they were opened.
    pub(super) sessions: Vec<SessionKey>,
    /// The frames that went out.
    pub(super) frames: u64,
    /// The last of them.
    pub(super) frame: Option<Frame>,
    pub(super) responses: u64,
    /// The body of the last of them.
    pub(super) body: Bytes,
    /// The pings that were answered.
    pub(super) pongs: u64,
    connections: u64,
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            server: Server::new(Config::default(), 0, &Seed::new([5; 32])).unwrap(),
            now: Instant::ZERO,
            sessions: Vec::new(),
            frames: 0,
            frame: None,
            responses: 0,
            body: Bytes::new(),
            pongs: 0,
            connections: 0,
        }
    }

    /// A server with so many sessions on WebSocket. They are opened a millisecond apart.
    pub(super) fn with_sessions(sessions: u64) -> Self {
        let mut net = Self::new();
        for _ in 0..sessions {
            net.now = net.now + Duration::from_millis(1);
            net.upgrade("EIO=4&transport=websocket");
        }
        assert_eq!(net.sessions.len() as u64, sessions, "sessions that opened");
        net
    }

    /// Makes a request to become a WebSocket. Connections are numbered from 0.
    pub(super) fn upgrade(&mut self, query: &str) -> ConnectionId {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        let head = head("GET", query).with_upgrade();
        self.server.handle_upgrade(connection, &head, self.now);
        self.drain();
        connection
    }

    pub(super) fn handle(&mut self, connection: ConnectionId, frame: &Frame) {
        self.server
            .handle_frame(connection, frame.clone(), self.now);
        self.drain();
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.server.handle_connection_closed(connection, self.now);
        self.drain();
    }

    pub(super) fn get(&mut self, query: &str) {
        self.request(&head("GET", query), Bytes::new());
    }

    pub(super) fn post(&mut self, query: &str, body: &Bytes) {
        let head = head("POST", query).with_content_type(b"text/plain;charset=UTF-8");
        self.request(&head, body.clone());
    }

    fn request(&mut self, head: &RequestHead<'_>, body: Bytes) {
        self.server
            .handle_request(RequestId(self.responses), head, body, self.now);
        self.drain();
    }

    /// The query by which a session goes on that is opened by polling, but for the transport.
    pub(super) fn open_by_polling(&mut self) -> String {
        self.get("EIO=4&t=Pq7x2Lm&transport=polling");
        let open = str::from_utf8(&self.body).unwrap();
        let (_, rest) = open.split_once(r#""sid":""#).unwrap();
        let (sid, _) = rest.split_once('"').unwrap();
        format!("EIO=4&t=Pq7x2Ln&sid={sid}")
    }

    /// Lets time pass until the next deadline.
    pub(super) fn pass(&mut self) {
        self.now = self.now.max(self.server.poll_timeout().unwrap());
        self.server.handle_timeout(self.now);
        self.drain();
    }

    /// Does all that the server asks for.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => self.write(connection),
                Output::Event(ServerEvent::Opened { session, .. }) => self.sessions.push(session),
                Output::Event(ServerEvent::Session { session, event }) => {
                    if let Event::Message(message) = event {
                        self.server.send(session, &Encoded::new(&message)).unwrap();
                    }
                }
                Output::Respond { response, .. } => {
                    assert_eq!(response.status, 200, "{:?}", response.body);
                    self.responses += 1;
                    self.body = black_box(response).body;
                }
                Output::Accept { headers, .. } => drop(black_box(headers)),
                Output::Event(event) => panic!("unexpected {event:?}"),
                Output::Refuse { response, .. } => panic!("refused: {response:?}"),
                Output::Close { connection } => panic!("closed: {connection:?}"),
            }
        }
    }

    fn write(&mut self, connection: ConnectionId) {
        while let Some(frame) = self.server.poll_frame(connection) {
            self.frames += 1;
            if matches!(&frame, Frame::Text(text) if *text == "2") {
                self.pongs += 1;
                let pong = Frame::Text(ByteString::from_static("3"));
                self.server.handle_frame(connection, pong, self.now);
            }
            self.frame = Some(black_box(frame));
        }
    }
}

/// The head of a request as browsers make it, as far as the machine looks at it.
fn head<'a>(method: &'a str, query: &'a str) -> RequestHead<'a> {
    RequestHead::new(method, "/engine.io/", query)
        .with_host(b"chat.example.com")
        .with_user_agent(b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
}
