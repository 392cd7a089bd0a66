//! A server with many clients, whose steps are counted.

use std::time::Duration;

use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
use socketio_proto::server::{Config, ConnectToken, Event, Server, SocketKey};

/// A server and a driver that takes everything at once. Clients that ask to join are let in, unless they are to wait.
pub(crate) struct Net {
    pub(crate) server: Server,
    pub(crate) sockets: Vec<SocketKey>,
    pub(crate) now: Instant,
    pub(crate) undecided: Vec<ConnectToken>,
    /// Whether clients that ask to join wait.
    pub(crate) hold: bool,
    /// The texts that clients got since this was emptied.
    pub(crate) texts: Vec<String>,
}

impl Net {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 0, &Seed::new([5; 32])).unwrap(),
            sockets: Vec::new(),
            now: Instant::ZERO,
            undecided: Vec::new(),
            hold: false,
            texts: Vec::new(),
        }
    }

    /// A server with so many clients in `/`.
    pub(crate) fn with_clients(config: Config, count: u64) -> Self {
        let mut net = Self::new(config);
        for connection in 0..count {
            net.open(connection);
            net.text(connection, "40");
        }
        net
    }

    pub(crate) fn open(&mut self, connection: u64) {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(ConnectionId(connection), &head, self.now);
        self.drain();
    }

    pub(crate) fn text(&mut self, connection: u64, text: &str) {
        let frame = Frame::Text(text.to_owned().into());
        self.server
            .handle_frame(ConnectionId(connection), frame, self.now);
        self.drain();
    }

    pub(crate) fn vanish(&mut self, connection: u64) {
        self.server
            .handle_connection_closed(ConnectionId(connection), self.now);
        self.drain();
    }

    /// The steps of all deadlines that come within that time.
    pub(crate) fn steps_within(&mut self, what: &str, time: Duration) -> usize {
        self.now = self.now + time;
        let now = self.now;
        self.steps(what, |server| {
            while server.poll_timeout().is_some_and(|due| due <= now) {
                server.handle_timeout(now);
            }
        })
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => {
                    while let Some(frame) = self.server.poll_frame(connection) {
                        if let Frame::Text(text) = frame {
                            self.texts.push(text.to_string());
                        }
                    }
                }
                Output::Event(Event::Connecting { token, .. }) if self.hold => {
                    self.undecided.push(token);
                }
                Output::Event(Event::Connecting { token, .. }) => {
                    self.sockets
                        .push(self.server.accept(token, self.now).unwrap());
                }
                Output::Event(Event::Recovered { socket, .. }) => self.sockets.push(socket),
                Output::Event(_)
                | Output::Accept { .. }
                | Output::Close { .. }
                | Output::Respond { .. }
                | Output::Refuse { .. } => {}
            }
        }
    }

    /// The steps that an operation takes.
    pub(crate) fn steps<R>(&mut self, what: &str, act: impl FnOnce(&mut Server) -> R) -> usize {
        let before = self.server.steps();
        act(&mut self.server);
        let after = self.server.steps();
        // Reading the count takes steps itself, for each client and namespace that there is.
        let reading = self.server.steps() - after;
        let taken = after - before - reading;
        println!("{what}: {taken} steps");
        taken
    }
}
