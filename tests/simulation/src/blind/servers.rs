//! A server that stops reading, before a client.

use std::time::Duration;

use socketio_proto::engine::client::{Client, CloseReason, Config, Endpoint, Event, Output};
use socketio_proto::engine::http::Answer;
use socketio_proto::engine::{
    ConnectionId, Encoded, Frame, Instant, Message, RequestId, Transport,
};
use socketio_testkit::Random;

use super::{Every, Pace, TICK};

const MOST_BYTES: usize = 20_000;
const MOST_MESSAGES: usize = 30;

#[derive(Debug)]
struct Server {
    client: Client,
    pace: Pace,
    now: Instant,
    pipe: Option<ConnectionId>,
    get: Option<RequestId>,
    post: Option<RequestId>,
    /// The packets for the answer to the next GET.
    waits: Vec<&'static str>,
    room: bool,
    takes: Every,
    beats: Every,
    /// The packet that it sends once it does not read.
    beat: &'static str,
    pings: Every,
    /// In revision 4: when it pings next, if that follows a pong.
    ping_at: Option<Instant>,
    handed_over: Instant,
    ended: Option<CloseReason>,
}

/// Lives through the world of one server.
pub(super) fn run(random: &mut Random) -> Result<(), String> {
    let pace = Pace::draw(random);
    let polls = random.chance(500);
    let on = if polls {
        Transport::Polling
    } else {
        Transport::WebSocket
    };
    let beat = match pace.is_old() {
        false => "2",
        true if random.chance(500) => "3",
        true => "6",
    };
    let endpoint = Endpoint::parse("http://server.example").map_err(|error| error.to_string())?;
    let config = Config::new(endpoint)
        .with_revision(pace.revision)
        .with_transports([on])
        .with_max_buffered(MOST_BYTES, MOST_MESSAGES);
    let client = Client::new(config, &random.seed()).map_err(|error| error.to_string())?;
    let mut server = Server {
        client,
        pace,
        now: Instant::ZERO,
        pipe: None,
        get: None,
        post: None,
        waits: Vec::new(),
        room: true,
        takes: Every::new(pace.takes_every),
        beats: Every::new(pace.beats_every),
        beat,
        pings: Every::new(pace.interval),
        ping_at: Some(Instant::ZERO + pace.interval),
        handed_over: Instant::ZERO,
        ended: None,
    };
    server.open();
    let mut sends = Every::new(random.duration(TICK, Duration::from_secs(5)));
    while server.ended.is_none() {
        server.now = server.now + TICK;
        if sends.is_due(server.now) {
            let message = Message::text("x".repeat(random.index(2_000)));
            let _full = server.client.send(&Encoded::new(&message));
        }
        server.live(random);
        server.client.handle_timeout(server.now);
        server.drain();
        server.judge()?;
    }
    Ok(())
}

impl Server {
    fn reads(&self) -> bool {
        self.now < self.pace.reads_until
    }

    fn open(&mut self) {
        self.client.open(self.now);
        self.drain();
        let (interval, timeout) = (
            self.pace.interval.as_millis(),
            self.pace.timeout.as_millis(),
        );
        let open = format!(
            r#"0{{"sid":"x","upgrades":[],"pingInterval":{interval},"pingTimeout":{timeout}}}"#
        );
        if let Some(pipe) = self.pipe {
            self.client.handle_connected(pipe, self.now);
            self.client
                .handle_frame(pipe, Frame::Text(open.into()), self.now);
        } else if let Some(get) = self.get.take() {
            let body = if self.pace.is_old() {
                format!("{}:{open}", open.len())
            } else {
                open
            };
            self.client
                .handle_response(get, Answer::new(200, body), self.now);
        }
        assert!(self.client.is_open());
    }

    /// Sends a packet, or keeps it for the next GET.
    fn say(&mut self, packet: &'static str) {
        match self.pipe {
            Some(pipe) => self
                .client
                .handle_frame(pipe, Frame::Text(packet.into()), self.now),
            None => self.waits.push(packet),
        }
    }

    /// Answers the GET that is open, and while it reads the POST.
    fn answer(&mut self) {
        if self.reads()
            && self.room
            && let Some(post) = self.post.take()
        {
            self.room = false;
            self.client
                .handle_response(post, Answer::new(200, "ok"), self.now);
        }
        if !self.waits.is_empty()
            && let Some(get) = self.get.take()
        {
            let body = match self.pace.is_old() {
                true => self
                    .waits
                    .iter()
                    .map(|packet| format!("{}:{packet}", packet.len()))
                    .collect(),
                false => self.waits.join("\x1e"),
            };
            self.waits.clear();
            self.client
                .handle_response(get, Answer::new(200, body), self.now);
        }
    }

    /// Does what it does at this time: it reads and answers, or it sends blindly.
    fn live(&mut self, random: &mut Random) {
        self.room &= self.reads();
        if self.reads() {
            self.room |= self.takes.is_due(self.now);
            let due = if self.pace.by_clock {
                self.pings.is_due(self.now)
            } else {
                self.ping_at.take_if(|at| *at <= self.now).is_some()
            };
            if !self.pace.is_old() && due {
                self.say("2");
            }
        } else if self.beats.is_due(self.now) {
            self.say(self.beat);
            if random.chance(300) {
                self.say("4m");
            }
        }
        self.answer();
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect { connection, .. } => self.pipe = Some(connection),
                Output::Request { request, message } if message.method == "GET" => {
                    self.get = Some(request);
                }
                Output::Request { request, message } => {
                    self.post = Some(request);
                    let body = String::from_utf8_lossy(&message.body).into_owned();
                    let first = if self.pace.is_old() {
                        body.split_once(':').map_or("", |(_, rest)| rest)
                    } else {
                        &body
                    };
                    self.took(first);
                }
                Output::Event(Event::Closed(reason)) => self.ended = Some(reason),
                Output::Event(_)
                | Output::Abort { .. }
                | Output::Frames { .. }
                | Output::Close { .. } => {}
            }
        }
        while self.room
            && self.ended.is_none()
            && let Some(pipe) = self.pipe
            && let Some(frame) = self.client.poll_frame(pipe)
        {
            self.room = false;
            if let Frame::Text(text) = frame {
                self.took(&text);
            }
        }
    }

    /// Something was handed over that begins with this packet; heartbeats go first.
    fn took(&mut self, packet: &str) {
        if self.ended.is_some() {
            return;
        }
        self.handed_over = self.now;
        match (self.pace.is_old(), packet.chars().next()) {
            (true, Some('2')) if self.reads() => self.say("3"),
            (false, Some('3')) => self.ping_at = Some(self.now + self.pace.interval),
            _ => {}
        }
    }

    fn judge(&self) -> Result<(), String> {
        let pace = &self.pace;
        if self.ended.is_none() && self.now > self.bound() {
            let (since, now) = (self.handed_over, self.now);
            return Err(format!(
                "a server that reads nothing since {since:?} is kept at {now:?}: {pace:?}"
            ));
        }
        if self.ended.is_some() && self.reads() {
            return Err(format!(
                "a server that reads is given up at {:?}: {pace:?}",
                self.now
            ));
        }
        if self
            .ended
            .as_ref()
            .is_some_and(|reason| *reason != CloseReason::PingTimeout)
        {
            return Err(format!(
                "a server that reads nothing is given up for {:?}: {pace:?}",
                self.ended
            ));
        }
        let buffered = self.client.buffered();
        if buffered.messages > MOST_MESSAGES || buffered.bytes > MOST_BYTES && buffered.messages > 1
        {
            return Err(format!(
                "{buffered:?} waits for a server that does not read"
            ));
        }
        Ok(())
    }

    /// The latest time at which a server that no longer reads anything is given up. Its last answer comes one of its
    /// heartbeat intervals after the packet that it answers. Then the next ping waits for an interval and a timeout. In
    /// revision 3 it comes after an interval.
    fn bound(&self) -> Instant {
        let (interval, timeout) = (self.pace.interval, self.pace.timeout);
        let blind = self.handed_over.max(self.pace.reads_until.min(self.now));
        let first = if self.pace.is_old() {
            interval
        } else {
            Duration::ZERO
        };
        blind + self.pace.beats_every + first + interval + timeout + TICK * 3
    }
}
