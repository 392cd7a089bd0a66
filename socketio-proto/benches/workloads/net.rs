//! A server with clients, and a driver without IO.

use core::hint::black_box;
use core::time::Duration;

use socketio_proto::Payload;
use socketio_proto::engine::http::{RequestHead, Response};
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ByteString, Bytes, ConnectionId, Frame, Instant, RequestId, Seed};
use socketio_proto::server::{Config, Event, Server, SocketKey};

/// A server and its driver, which does at once what the server asks for.
///
/// Whoever asks to join is let in, an event is acknowledged with its own arguments as they came, and a ping is answered.
/// What goes out is counted and dropped, but for what a check [keeps](Self::keep).
pub(super) struct Net {
    pub(super) server: Server,
    pub(super) now: Instant,
    /// The sockets in the order in which they joined.
    pub(super) sockets: Vec<SocketKey>,
    /// The frames that went out.
    pub(super) frames: u64,
    pub(super) responses: u64,
    /// The body of the last response.
    pub(super) body: Bytes,
    /// The pings that were answered.
    pub(super) pongs: u64,
    pub(super) recovered: u64,
    /// How an event with an acknowledgement is answered.
    pub(super) answer: fn(&Payload) -> Payload,
    kept: Option<Vec<String>>,
    connections: u64,
    requests: u64,
}

impl Net {
    pub(super) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 0, &Seed::new([5; 32])).unwrap(),
            now: Instant::ZERO,
            sockets: Vec::new(),
            frames: 0,
            responses: 0,
            body: Bytes::new(),
            pongs: 0,
            recovered: 0,
            answer: hand_back,
            kept: None,
            connections: 0,
            requests: 0,
        }
    }

    /// A server with so many clients in `/`, on WebSocket. They come a millisecond apart.
    pub(super) fn with_clients(config: Config, clients: u64) -> Self {
        let mut net = Self::new(config);
        for _ in 0..clients {
            net.now = net.now + Duration::from_millis(1);
            let connection = net.open();
            net.frame(connection, &Frame::Text("40".into()));
        }
        assert_eq!(net.sockets.len() as u64, clients, "clients that joined");
        net
    }

    /// The connection of the client that came as the `index`th.
    pub(super) const fn connection(index: u64) -> ConnectionId {
        ConnectionId(index)
    }

    /// Opens a WebSocket that no session uses yet.
    pub(super) fn open(&mut self) -> ConnectionId {
        self.upgrade("EIO=4&transport=websocket")
    }

    /// Makes a request to become a WebSocket.
    pub(super) fn upgrade(&mut self, query: &str) -> ConnectionId {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        let head = head("GET", query).with_upgrade();
        self.server.handle_upgrade(connection, &head, self.now);
        self.drain();
        connection
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.server.handle_connection_closed(connection, self.now);
        self.drain();
    }

    pub(super) fn frame(&mut self, connection: ConnectionId, frame: &Frame) {
        self.server
            .handle_frame(connection, frame.clone(), self.now);
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
        let request = RequestId(self.requests);
        self.requests += 1;
        self.server.handle_request(request, head, body, self.now);
        self.drain();
    }

    /// Lets time pass until the next deadline.
    pub(super) fn pass(&mut self) {
        self.now = self.now.max(self.server.poll_timeout().unwrap());
        self.server.handle_timeout(self.now);
        self.drain();
    }

    /// Does something, and gives the texts and bodies that went out meanwhile.
    pub(super) fn keep(&mut self, act: impl FnOnce(&mut Self)) -> Vec<String> {
        self.kept = Some(Vec::new());
        act(self);
        self.kept.take().unwrap()
    }

    /// Does all that the server asks for.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => self.write(connection),
                Output::Event(event) => self.take(event),
                Output::Respond { response, .. } => self.respond(response),
                Output::Accept { headers, .. } => drop(black_box(headers)),
                Output::Refuse { response, .. } => panic!("refused: {response:?}"),
                Output::Close { connection } => panic!("closed: {connection:?}"),
            }
        }
    }

    fn write(&mut self, connection: ConnectionId) {
        while let Some(frame) = self.server.poll_frame(connection) {
            self.frames += 1;
            let Frame::Text(text) = black_box(frame) else {
                continue;
            };
            if text == "2" {
                self.pongs += 1;
                let pong = Frame::Text(ByteString::from_static("3"));
                self.server.handle_frame(connection, pong, self.now);
            }
            if let Some(kept) = &mut self.kept {
                kept.push(text.into());
            }
        }
    }

    fn respond(&mut self, response: Response) {
        self.responses += 1;
        let Response { status, body, .. } = black_box(response);
        assert_eq!(status, 200, "{body:?}");
        self.body = body;
        if let Some(kept) = &mut self.kept {
            kept.push(text(&self.body).to_owned());
        }
    }

    fn take(&mut self, event: Event) {
        if let Event::Connecting { token, .. } = event {
            self.sockets
                .push(self.server.accept(token, self.now).unwrap());
        } else if let Event::Event {
            payload,
            ack: Some(ack),
            ..
        } = event
        {
            let answer = (self.answer)(&payload);
            self.server.respond(ack, &answer).unwrap();
        } else if let Event::Recovered { .. } = event {
            self.recovered += 1;
        }
    }
}

/// What a body says.
pub(super) fn text(body: &[u8]) -> &str {
    str::from_utf8(body).unwrap()
}

/// Acknowledges an event with its arguments, which are not read.
fn hand_back(event: &Payload) -> Payload {
    Payload::ack().args_of(event).build().unwrap()
}

/// The head of a request as browsers make it, as far as the machine looks at it.
fn head<'a>(method: &'a str, query: &'a str) -> RequestHead<'a> {
    RequestHead::new(method, "/socket.io/", query)
        .with_host(b"chat.example.com")
        .with_user_agent(b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
}
