//! A client that stops reading, before a server.

use std::time::Duration;

use bytes::Bytes;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{
    CloseReason, Config, Event, Output, Server, ServerEvent, SessionKey,
};
use socketio_proto::engine::{
    ConnectionId, Encoded, Frame, Instant, Message, RequestId, Transport, Transports,
};
use socketio_testkit::Random;

use super::{Every, Pace, TICK};

const PIPE: ConnectionId = ConnectionId(1);
const MOST_BYTES: usize = 20_000;
const MOST_MESSAGES: usize = 30;

#[derive(Debug)]
struct Client {
    server: Server,
    pace: Pace,
    now: Instant,
    session: Option<SessionKey>,
    on: Transport,
    /// It polls by scripts and forms.
    jsonp: bool,
    /// The time of its upgrade from polling to a WebSocket.
    moves_at: Option<Instant>,
    moved_blindly: bool,
    requests: u64,
    holds_poll: bool,
    /// The pipe has room for a frame.
    room: bool,
    takes: Every,
    beats: Every,
    pings: Every,
    /// In revision 3: when it pings next, if that follows a pong.
    ping_at: Option<Instant>,
    handed_over: Instant,
    ended: Option<CloseReason>,
}

/// Lives through the world of one client.
pub(super) fn run(random: &mut Random) -> Result<(), String> {
    let pace = Pace::draw(random);
    let on = match random.below(if pace.is_old() { 2 } else { 3 }) {
        0 => Transport::Polling,
        1 => Transport::WebSocket,
        _ => Transport::WebTransport,
    };
    let jsonp = on == Transport::Polling && random.chance(300);
    let moves_at = (on == Transport::Polling && random.chance(500))
        .then(|| Instant::ZERO + random.duration(TICK, super::READS));
    let config = Config::default()
        .with_allow_eio3(true)
        .with_allow_jsonp(true)
        .with_transports(Transports::default().with(Transport::WebTransport))
        .with_ping_interval(pace.interval)
        .with_ping_timeout(pace.timeout)
        .with_max_buffered(MOST_BYTES, MOST_MESSAGES);
    let server = Server::new(config, 0, &random.seed()).map_err(|error| error.to_string())?;
    let mut client = Client {
        server,
        pace,
        now: Instant::ZERO,
        session: None,
        on,
        jsonp,
        moves_at,
        moved_blindly: false,
        requests: 0,
        holds_poll: false,
        room: true,
        takes: Every::new(pace.takes_every),
        beats: Every::new(pace.beats_every),
        pings: Every::new(pace.interval),
        ping_at: Some(Instant::ZERO + pace.interval),
        handed_over: Instant::ZERO,
        ended: None,
    };
    client.open();
    let mut sends = Every::new(random.duration(TICK, Duration::from_secs(5)));
    while client.ended.is_none() {
        client.now = client.now + TICK;
        if sends.is_due(client.now)
            && let Some(session) = client.session
        {
            let message = Message::text("x".repeat(random.index(2_000)));
            let _full = client.server.send(session, &Encoded::new(&message));
        }
        client.live(random);
        client.server.handle_timeout(client.now);
        client.drain();
        client.judge()?;
    }
    Ok(())
}

impl Client {
    fn reads(&self) -> bool {
        self.now < self.pace.reads_until
    }

    fn query(&self, transport: &str) -> String {
        let script = if self.jsonp { "&j=0" } else { "" };
        let revision = if self.pace.is_old() {
            "EIO=3&b64=1"
        } else {
            "EIO=4"
        };
        let sid = self
            .session
            .and_then(|session| self.server.session(session));
        let sid = sid.map_or(String::new(), |session| {
            format!("&sid={}", session.sid().as_str())
        });
        format!("{revision}&transport={transport}{script}{sid}")
    }

    fn open(&mut self) {
        match self.on {
            Transport::Polling => self.poll(),
            Transport::WebTransport => {
                let head = RequestHead::new("CONNECT", "/socket.io/", "");
                self.server.handle_webtransport(PIPE, &head, self.now);
                self.frame("0");
            }
            _ => self.connect(),
        }
        self.drain();
        assert!(self.session.is_some(), "a session opens");
    }

    fn connect(&mut self) {
        let query = self.query("websocket");
        let head = RequestHead::new("GET", "/engine.io/", &query).with_upgrade();
        self.server.handle_upgrade(PIPE, &head, self.now);
    }

    fn poll(&mut self) {
        self.holds_poll = true;
        self.request("GET", "");
    }

    fn request(&mut self, method: &'static str, body: impl Into<Bytes>) {
        self.requests += 1;
        let query = self.query("polling");
        let head = RequestHead::new(method, "/engine.io/", &query);
        self.server
            .handle_request(RequestId(self.requests), &head, body.into(), self.now);
    }

    fn frame(&mut self, text: &'static str) {
        self.server
            .handle_frame(PIPE, Frame::Text(text.into()), self.now);
    }

    fn say(&mut self, packet: &'static str) {
        if self.on != Transport::Polling {
            return self.frame(packet);
        }
        let form = if self.jsonp { "d=" } else { "" };
        let length = match self.pace.is_old() {
            true => format!("{}:", packet.len()),
            false => String::new(),
        };
        self.request("POST", format!("{form}{length}{packet}"));
    }

    /// Does what it does at this time: it reads and answers, or it sends blindly.
    fn live(&mut self, random: &mut Random) {
        if self.moves_at.is_some_and(|at| self.now >= at) {
            self.moves_at = None;
            self.moved_blindly = !self.reads();
            self.connect();
            self.frame("2probe");
            self.frame("5");
            self.on = Transport::WebSocket;
        }
        self.room &= self.reads();
        if self.reads() {
            self.room |= self.takes.is_due(self.now);
            if self.on == Transport::Polling && self.room && !self.holds_poll {
                self.poll();
            }
            let due = if self.pace.by_clock {
                self.pings.is_due(self.now)
            } else {
                self.ping_at.take_if(|at| *at <= self.now).is_some()
            };
            if self.pace.is_old() && due {
                self.say("2");
            }
        } else if self.beats.is_due(self.now) {
            self.say(if self.pace.is_old() { "2" } else { "3" });
            if random.chance(300) {
                self.say("4m");
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Respond { response, .. } if response.body != "ok" => {
                    self.holds_poll = false;
                    self.room = false;
                    let text = payload(&response.body, self.jsonp);
                    if self.ended.is_none() && self.on == Transport::Polling {
                        self.took(if self.pace.is_old() {
                            &text[text.find(':').map_or(0, |at| at + 1)..]
                        } else {
                            &text
                        });
                    }
                }
                Output::Event(ServerEvent::Opened { session, .. }) => self.session = Some(session),
                Output::Event(ServerEvent::Session {
                    event: Event::Closed(reason),
                    ..
                }) => {
                    self.ended = Some(reason);
                }
                Output::Respond { .. }
                | Output::Event(_)
                | Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Frames { .. }
                | Output::Close { .. } => {}
            }
        }
        while self.room
            && self.ended.is_none()
            && let Some(frame) = self.server.poll_frame(PIPE)
        {
            if let Frame::Text(text) = frame {
                // The pipe is as wide as it must be to begin with.
                self.room = text.starts_with('0') || text == "3probe";
                self.took(&text);
            }
        }
    }

    /// Something was handed over that begins with this packet; heartbeats go first.
    fn took(&mut self, packet: &str) {
        self.handed_over = self.now;
        let first = packet
            .split('\x1e')
            .find(|packet| !packet.starts_with('0'))
            .unwrap_or("");
        match (self.pace.is_old(), first) {
            (false, "2") if self.reads() => self.say("3"),
            (true, text) if text.starts_with('3') && text != "3probe" => {
                self.ping_at = Some(self.now + self.pace.interval);
            }
            _ => {}
        }
    }

    fn judge(&self) -> Result<(), String> {
        let late = self.now > self.bound();
        let pace = &self.pace;
        if self.ended.is_none() && (late || self.now > pace.end()) {
            return Err(format!(
                "a client that reads nothing since {:?} is there at {:?}: {pace:?}",
                self.handed_over, self.now
            ));
        }
        if self.ended.is_some() && self.reads() {
            return Err(format!(
                "a client that reads is closed at {:?}: {pace:?}",
                self.now
            ));
        }
        if self
            .ended
            .is_some_and(|reason| reason != CloseReason::PingTimeout)
        {
            return Err(format!(
                "a client that reads nothing is closed for {:?}: {pace:?}",
                self.ended
            ));
        }
        let buffered = self
            .session
            .and_then(|session| self.server.session(session));
        let within = buffered.is_none_or(|session| {
            let buffered = session.buffered();
            buffered.messages <= MOST_MESSAGES
                && (buffered.bytes <= MOST_BYTES || buffered.messages == 1)
        });
        match within {
            true => Ok(()),
            false => Err(format!(
                "{buffered:?} waits for a client that does not read"
            )),
        }
    }

    /// The latest end of a client that no longer reads anything. Its last answer comes one of its heartbeat intervals
    /// after the packet that it answers. Then follow a round of the heartbeat, the grace for other packets, and the
    /// extension by an upgrade.
    fn bound(&self) -> Instant {
        let (interval, timeout) = (self.pace.interval, self.pace.timeout);
        let blind = self.handed_over.max(self.pace.reads_until.min(self.now));
        let last = if self.pace.is_old() {
            blind
        } else {
            self.handed_over
        };
        let round = if self.pace.is_old() {
            interval + timeout
        } else {
            interval + timeout * 2
        };
        let upgrade = match (self.moved_blindly, self.pace.is_old()) {
            (false, _) => Duration::ZERO,
            (true, false) => timeout,
            (true, true) => interval + timeout,
        };
        last + self.pace.beats_every + round + upgrade + TICK * 3
    }
}

/// The payload of an answer, which a script has as the text of a string.
fn payload(body: &[u8], jsonp: bool) -> String {
    let text = String::from_utf8_lossy(body);
    let string = jsonp.then(|| text.split_once('"')?.1.rsplit_once('"'));
    match string.flatten() {
        Some((string, _)) => string.replace("\\u001e", "\x1e").replace('\\', ""),
        None => text.into_owned(),
    }
}
