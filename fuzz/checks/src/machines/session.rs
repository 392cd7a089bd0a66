//! One session, whose driver does anything.

use std::sync::Arc;

use bytes::Bytes;
use engineio_proto::codec::DecodeError;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Event, Output, PostContent, Route, Session};
use engineio_proto::{
    ConnectionId, Encoded, Frame, Instant, Message, RequestId, Revision, Seed, SidGenerator,
};

use super::engine_server::config;
use super::{MOST_OUTPUTS, MOST_STEPS, packet, pause, run_down};
use crate::input::Input;

/// A history of one session. The driver need not be one: it may call anything at any time, also for connections and
/// requests of other states than it says.
///
/// Each poll and POST is answered once, the session closes once and is silent then, holds what it may and no more, and
/// once closed has no deadline. While nothing is handed over its end comes nearer, whatever the client sends.
pub fn session_ops(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let config = Arc::new(config(choice));
    let query = [
        "EIO=4&transport=polling",
        "EIO=4&transport=websocket",
        "EIO=3&transport=polling",
        "EIO=3&transport=websocket",
    ];
    let query = query[usize::from(choice >> 4) % 4];
    let mut head = RequestHead::new("GET", "/", query);
    head.upgrade = query.ends_with("websocket");
    let Ok(Route::Open(handshake)) = Route::of(&head, &config) else {
        panic!("a handshake");
    };
    let sid = SidGenerator::new(0, &Seed::new([7; 32])).generate(0);
    let mut rig = Rig {
        session: Session::open(Arc::clone(&config), sid, &handshake, Instant::ZERO)
            .expect("settings that work"),
        now: Instant::ZERO,
        read_at: Instant::ZERO,
        polls: Vec::new(),
        requests: Vec::new(),
        connections: 0,
        closed: false,
    };
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        rig.step(&mut input, &config);
    }
    rig.end();
}

struct Rig {
    session: Session,
    now: Instant,
    /// The time of the last output, or of a deadline that was met too late, from which others count.
    read_at: Instant,
    /// Those that wait for their answer.
    polls: Vec<RequestId>,
    /// For each request, the number of its answers, and whether it may stay unanswered.
    requests: Vec<(usize, bool)>,
    connections: u64,
    closed: bool,
}

impl Rig {
    fn step(&mut self, input: &mut Input<'_>, config: &Config) {
        let (op, now) = (input.byte() % 24, self.now);
        let connection = ConnectionId(self.connections.saturating_sub(u64::from(input.byte() % 3)));
        match op {
            0..=2 => {
                let id = self.request();
                self.polls.push(id);
                self.session.handle_poll(id, now);
            }
            3..=5 => {
                let id = self.request();
                self.session
                    .handle_post(id, PostContent::Text, body(input), now);
            }
            6 => {
                let id = self.request();
                self.session.handle_post_begun(id, now);
                self.session.handle_post_too_large(id, now);
            }
            7 => {
                let id = self.request();
                self.session.handle_post_begun(id, now);
                self.session
                    .handle_post(id, PostContent::Text, body(input), now);
            }
            8 => self.abort(input),
            9 | 10 => {
                self.connections += 1;
                self.session
                    .handle_connection(ConnectionId(self.connections), now);
            }
            11 => {
                self.connections += 1;
                self.session
                    .handle_webtransport(ConnectionId(self.connections), now);
            }
            12..=15 => {
                self.session
                    .handle_frame(connection, Frame::Text(packet(input).into()), now)
            }
            16 => self
                .session
                .handle_frame(connection, Frame::Binary(input.binary()), now),
            17 => self.session.handle_connection_closed(connection, now),
            18 => match input.byte() % 2 {
                0 => self.session.handle_connection_failed(connection, now),
                _ => self
                    .session
                    .handle_bad_frame(connection, DecodeError::Empty, now),
            },
            19 => drop(
                self.session
                    .send(&Encoded::new(&Message::Text(input.text()))),
            ),
            20 => drop(
                self.session
                    .send_volatile(&[Encoded::binary(input.binary())]),
            ),
            21 if input.byte().is_multiple_of(4) => self.session.close(now),
            22 if input.byte().is_multiple_of(8) => self.session.discard(),
            _ => {
                let due = self.session.poll_timeout();
                self.now = now + pause(input);
                if due.is_some_and(|due| due < self.now) {
                    self.read_at = self.now;
                }
                self.session.handle_timeout(self.now);
            }
        }
        if !op.is_multiple_of(3) {
            self.take();
        }
        let buffered = self.session.buffered();
        assert!(buffered.messages <= config.max_buffered_messages);
        assert!(buffered.bytes <= config.max_buffered_bytes || buffered.messages == 1);
        // A poll may have been answered already, though nobody has looked.
        let answered = |id: &RequestId| self.requests[id.0 as usize].0 > 0;
        self.polls.retain(|id| !answered(id));
        if !self.polls.is_empty() {
            self.read_at = self.now;
        }
        let due = self.session.poll_timeout();
        let most = self.end_of_unread(config);
        assert!(
            due.is_none_or(|due| due <= most),
            "{:?} after {most:?}",
            self.session.next_timer()
        );
    }

    /// The latest end of the session if nothing more is handed over.
    ///
    /// In revision 4 a ping that was handed over has two timeouts, for itself and for other packets. The next one comes an
    /// interval later, is not handed over, and has as much; an upgrade gives one timeout more. In revision 3 the ping after
    /// the last answer counts in full, and so may an upgrade.
    fn end_of_unread(&self, config: &Config) -> Instant {
        let (interval, timeout) = (config.ping_interval, config.ping_timeout);
        let most = match self.session.revision() {
            Revision::V4 => interval + timeout * 5,
            _ => (interval + timeout) * 3,
        };
        self.read_at + most
    }

    fn request(&mut self) -> RequestId {
        self.requests.push((0, false));
        RequestId(self.requests.len() as u64 - 1)
    }

    fn abort(&mut self, input: &mut Input<'_>) {
        let latest = self.requests.len();
        let Some(id) = latest.checked_sub(1 + usize::from(input.byte() % 3)) else {
            return;
        };
        if let Some((0, gone)) = self.requests.get_mut(id) {
            *gone = true;
            self.session
                .handle_request_aborted(RequestId(id as u64), self.now);
        }
    }

    /// Takes all there is; whether there was something.
    fn take(&mut self) -> bool {
        for count in 0..MOST_OUTPUTS {
            let Some(output) = self.session.poll_output() else {
                let connections = 0..=self.connections;
                let frame = connections
                    .rev()
                    .find_map(|id| self.session.poll_frame(ConnectionId(id)));
                if frame.is_none() {
                    return count > 0;
                }
                self.read_at = self.now;
                continue;
            };
            match output {
                Output::Respond { request, response } => {
                    if response.body != "ok" {
                        self.read_at = self.now;
                    }
                    let (answers, _) = self
                        .requests
                        .get_mut(request.0 as usize)
                        .expect("a request");
                    *answers += 1;
                    assert_eq!(*answers, 1, "answered once");
                }
                Output::Event(event) => {
                    assert!(!self.closed, "{event:?} after the end");
                    self.closed = matches!(event, Event::Closed(_));
                }
                Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Frames { .. }
                | Output::Close { .. } => {}
            }
        }
        panic!("outputs never end");
    }

    fn end(mut self) {
        self.take();
        let mut now = self.now;
        run_down(
            &mut self,
            &mut now,
            |rig| rig.session.poll_timeout(),
            |rig, now| {
                rig.session.handle_timeout(now);
                rig.take()
            },
        );
        assert!(self.session.is_closed() && self.closed, "it ends by itself");
        let answered = |(answers, gone): &(usize, bool)| *answers == 1 || *gone;
        assert!(self.requests.iter().all(answered), "{:?}", self.requests);
        assert_eq!(self.session.bytes_held(), 0);
    }
}

fn body(input: &mut Input<'_>) -> Bytes {
    let packets: Vec<_> = (0..=input.byte() % 4).map(|_| packet(input)).collect();
    packets.join("\x1e").into()
}
