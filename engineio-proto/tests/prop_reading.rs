//! A slow reader is not closed earlier than by the official packages.
//!
//! Two worlds run side by side, one millisecond at a time. One has a machine of this crate, and the other a model of
//! the official one. The pipe gets room for one frame at the times that the history gives. A poll takes all waiting
//! data. A polling client gets the answer to its POST at these times, and puts all waiting data into the next one.
//!
//! The model does not require a proof that the peer reads: every heartbeat counts, and heartbeats wait behind messages.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use engineio_proto::client::{self, Client, Endpoint};
use engineio_proto::codec::{v3, v4};
use engineio_proto::http::Answer;
use engineio_proto::server::{self, Handshake, Output, PostContent, Session};
use engineio_proto::{
    Bytes, ConnectionId, Encoded, Frame, Instant, Message, RequestId, Revision, Seed, Sid,
    Transport,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const INTERVAL: u64 = 30;
const TIMEOUT: u64 = 20;
const HORIZON: u64 = 600;
const PIPE: ConnectionId = ConnectionId(0);

/// The actions of the network, the application and the peer.
#[derive(Clone, Debug)]
struct History {
    revision: Revision,
    polling: bool,
    /// The times at which the pipe gets room for a frame, or the peer polls.
    rooms: BTreeSet<u64>,
    /// The times at which the application sends a message.
    sends: BTreeSet<u64>,
    /// The times at which the peer sends a message.
    messages: BTreeSet<u64>,
    /// The time that the peer takes to answer.
    latency: u64,
    /// The peer pings an interval after its last ping, instead of after the answer to it.
    by_clock: bool,
}

impl History {
    /// Whether the pipe had no room from one time until just before another.
    fn starved(&self, from: u64, until: u64) -> bool {
        self.rooms.range(from..until.max(from)).next().is_none()
    }

    /// The longest time without room.
    fn longest_gap(&self) -> u64 {
        let ends = self.rooms.iter().copied().chain([HORIZON]);
        let starts = [0].into_iter().chain(self.rooms.iter().copied());
        ends.zip(starts)
            .map(|(end, start)| end - start)
            .max()
            .unwrap_or(HORIZON)
    }
}

/// One side of a connection, as the peer and the pipe see it.
trait Side {
    fn send(&mut self);
    fn handle(&mut self, packet: &'static str, now: u64);
    /// The data that leaves if the pipe has room: one frame, or all waiting data for a poll.
    fn pull(&mut self, now: u64) -> Vec<String>;
    /// Runs the due timers, and returns whether that was the end.
    fn tick(&mut self, now: u64) -> bool;
}

/// The heartbeat of the peer of a side.
struct Peer {
    pings: bool,
    by_clock: bool,
    latency: u64,
    arriving: VecDeque<(u64, &'static str)>,
}

impl Peer {
    /// The peer has read the handshake. It pings now if that is its task.
    fn new(pings: bool, history: &History) -> Self {
        let first = pings.then_some((INTERVAL, "2"));
        Self {
            pings,
            by_clock: history.by_clock,
            latency: history.latency,
            arriving: first.into_iter().collect(),
        }
    }

    fn read(&mut self, packet: &str, now: u64) {
        match packet {
            "2" if !self.pings => self.arriving.push_back((now + self.latency, "3")),
            "3" if self.pings && !self.by_clock => {
                self.arriving
                    .push_back((now + self.latency + INTERVAL, "2"));
            }
            _ => {}
        }
    }

    fn arrived(&mut self, now: u64) -> Option<&'static str> {
        let (_, packet) = self.arriving.pop_front_if(|(at, _)| *at <= now)?;
        if self.pings && self.by_clock {
            self.arriving.push_back((now + INTERVAL, "2"));
        }
        Some(packet)
    }
}

/// The time at which the side gave its peer up.
fn end(history: &History, side: &mut dyn Side, peer_pings: bool) -> Option<u64> {
    let mut peer = Peer::new(peer_pings, history);
    let mut room = false;
    for now in 0..HORIZON {
        if history.sends.contains(&now) {
            side.send();
        }
        if history.messages.contains(&now) {
            side.handle("4m", now);
        }
        while let Some(packet) = peer.arrived(now) {
            side.handle(packet, now);
        }
        room |= history.rooms.contains(&now);
        take(side, &mut peer, &mut room, now);
        if side.tick(now) {
            return Some(now);
        }
        take(side, &mut peer, &mut room, now);
    }
    None
}

/// Lets the pipe take what it has room for, and the peer read it.
fn take(side: &mut dyn Side, peer: &mut Peer, room: &mut bool, now: u64) {
    if *room {
        let taken = side.pull(now);
        *room = taken.is_empty();
        taken.iter().for_each(|packet| peer.read(packet, now));
    }
}

/// A model of the official packages.
struct Official {
    queue: VecDeque<&'static str>,
    polling: bool,
    /// The content of the POST in flight, where a client polls.
    posted: Vec<&'static str>,
    posts: bool,
    role: Role,
}

enum Role {
    /// `schedulePing` and `resetPingTimeout` of the server, with the one-time grace of 6.6.11.
    ServerV4 {
        ping_at: Option<u64>,
        pong_by: Option<u64>,
        refreshed: bool,
    },
    ServerV3 {
        ping_by: u64,
    },
    /// `_resetPingTimeout` of the client.
    ClientV4 {
        ping_by: u64,
    },
    /// `setPing` and `onHeartbeat` of client 3.5.
    ClientV3 {
        ping_at: Option<u64>,
        any_by: u64,
    },
}

impl Official {
    fn new(history: &History, is_server: bool) -> Self {
        let both = INTERVAL + TIMEOUT;
        let role = match (is_server, history.revision) {
            (true, Revision::V4) => Role::ServerV4 {
                ping_at: Some(INTERVAL),
                pong_by: None,
                refreshed: false,
            },
            (true, _) => Role::ServerV3 { ping_by: both },
            (false, Revision::V4) => Role::ClientV4 { ping_by: both },
            (false, _) => Role::ClientV3 {
                ping_at: Some(INTERVAL),
                any_by: both,
            },
        };
        Self {
            queue: VecDeque::new(),
            polling: history.polling,
            posted: Vec::new(),
            posts: history.polling && !is_server,
            role,
        }
    }

    /// Posts the waiting data, if no POST is in flight.
    fn flush(&mut self) {
        if self.posts && self.posted.is_empty() {
            self.posted.extend(self.queue.drain(..));
        }
    }
}

impl Side for Official {
    fn send(&mut self) {
        self.queue.push_back("4a");
        self.flush();
    }

    fn handle(&mut self, packet: &'static str, now: u64) {
        match (&mut self.role, packet) {
            (
                Role::ServerV4 {
                    ping_at, pong_by, ..
                },
                "3",
            ) => {
                (*ping_at, *pong_by) = (Some(now + INTERVAL), None);
            }
            (
                Role::ServerV4 {
                    pong_by: Some(pong_by),
                    refreshed: refreshed @ false,
                    ..
                },
                _,
            ) => {
                (*pong_by, *refreshed) = (now + TIMEOUT, true);
            }
            (Role::ServerV3 { ping_by } | Role::ClientV4 { ping_by }, "2") => {
                *ping_by = now + INTERVAL + TIMEOUT;
                self.queue.push_back("3");
            }
            (Role::ClientV3 { ping_at, any_by }, _) => {
                *any_by = now + INTERVAL + TIMEOUT;
                if packet == "3" {
                    *ping_at = Some(now + INTERVAL);
                }
            }
            _ => {}
        }
        self.flush();
    }

    fn pull(&mut self, _now: u64) -> Vec<String> {
        if self.posts {
            let posted = core::mem::take(&mut self.posted);
            self.flush();
            return posted.into_iter().map(str::to_owned).collect();
        }
        let most = if self.polling { self.queue.len() } else { 1 };
        let most = most.min(self.queue.len());
        self.queue.drain(..most).map(str::to_owned).collect()
    }

    fn tick(&mut self, now: u64) -> bool {
        match &mut self.role {
            Role::ServerV4 {
                pong_by: Some(pong_by),
                ..
            } if now >= *pong_by => return true,
            Role::ServerV3 { ping_by } | Role::ClientV4 { ping_by } => return now >= *ping_by,
            Role::ClientV3 { any_by, .. } if now >= *any_by => return true,
            Role::ServerV4 {
                ping_at,
                pong_by,
                refreshed,
            } if ping_at.is_some_and(|at| now >= at) => {
                (*ping_at, *pong_by, *refreshed) = (None, Some(now + TIMEOUT), false);
                self.queue.push_back("2");
            }
            Role::ClientV3 { ping_at, any_by } if ping_at.is_some_and(|at| now >= at) => {
                (*ping_at, *any_by) = (None, now + TIMEOUT);
                self.queue.push_back("2");
            }
            Role::ServerV4 { .. } | Role::ClientV3 { .. } => {}
        }
        self.flush();
        false
    }
}

fn time(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn packet(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(_) => String::new(),
    }
}

fn packets(revision: Revision, body: Bytes) -> Vec<String> {
    let packets: Result<Vec<_>, _> = match revision {
        Revision::V4 => v4::decode_payload(body, usize::MAX).collect(),
        Revision::V3 | _ => v3::decode_payload(body, usize::MAX).collect(),
    };
    let packets = packets.expect("packets");
    packets
        .iter()
        .map(|packet| v4::encode_text(packet).to_string())
        .collect()
}

fn payload(revision: Revision, packet: &str) -> String {
    match revision {
        Revision::V4 => packet.to_owned(),
        Revision::V3 | _ => format!("{}:{packet}", packet.len()),
    }
}

/// The server's side of this crate.
struct Ours {
    session: Session,
    revision: Revision,
    requests: u64,
    held: bool,
}

impl Ours {
    fn new(history: &History) -> Self {
        let config = server::Config::default()
            .with_ping_interval(Duration::from_millis(INTERVAL))
            .with_ping_timeout(Duration::from_millis(TIMEOUT));
        let transport = if history.polling {
            Transport::Polling
        } else {
            Transport::WebSocket
        };
        let mut handshake = Handshake::new(transport);
        handshake.revision = history.revision;
        let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").expect("a sid");
        let session = Session::open(Arc::new(config), sid, &handshake, time(0));
        let mut ours = Self {
            session: session.expect("good settings"),
            revision: history.revision,
            requests: 0,
            held: false,
        };
        if history.polling {
            assert_eq!(ours.pull(0).len(), 1, "the handshake");
        } else {
            ours.session.handle_connection(PIPE, time(0));
            assert!(ours.session.poll_frame(PIPE).is_some(), "the handshake");
        }
        ours
    }

    fn polls(&self) -> bool {
        self.session.transport() == Transport::Polling
    }

    fn answers(&mut self) -> Vec<String> {
        let mut packets = Vec::new();
        while let Some(output) = self.session.poll_output() {
            if let Output::Respond { response, .. } = output
                && response.body != "ok"
            {
                self.held = false;
                packets.extend(self::packets(self.revision, response.body));
            }
        }
        packets
    }
}

impl Side for Ours {
    fn send(&mut self) {
        self.session
            .send(&Encoded::new(&Message::text("a")))
            .expect("room");
    }

    fn handle(&mut self, packet: &'static str, now: u64) {
        if !self.polls() {
            return self
                .session
                .handle_frame(PIPE, Frame::Text(packet.into()), time(now));
        }
        self.requests += 1;
        let body = payload(self.revision, packet);
        self.session.handle_post(
            RequestId(self.requests),
            PostContent::Text,
            body.into(),
            time(now),
        );
    }

    fn pull(&mut self, now: u64) -> Vec<String> {
        if !self.polls() {
            return self.session.poll_frame(PIPE).iter().map(packet).collect();
        }
        if !self.held {
            self.held = true;
            self.requests += 1;
            self.session
                .handle_poll(RequestId(self.requests), time(now));
        }
        self.answers()
    }

    fn tick(&mut self, now: u64) -> bool {
        self.session.handle_timeout(time(now));
        self.session.is_closed()
    }
}

/// The client's side of this crate.
struct OurClient {
    client: Client,
    revision: Revision,
    get: Option<RequestId>,
    post: Option<(RequestId, Bytes)>,
}

impl OurClient {
    fn new(history: &History) -> Self {
        let transport = if history.polling {
            Transport::Polling
        } else {
            Transport::WebSocket
        };
        let endpoint = Endpoint::parse("http://x.com").expect("an address");
        let config = client::Config::new(endpoint)
            .with_revision(history.revision)
            .with_transports([transport]);
        let client = Client::new(config, &Seed::new([1; 32])).expect("good settings");
        let mut ours = Self {
            client,
            revision: history.revision,
            get: None,
            post: None,
        };
        ours.client.open(time(0));
        let open = format!(
            r#"0{{"sid":"x","upgrades":[],"pingInterval":{INTERVAL},"pingTimeout":{TIMEOUT}}}"#
        );
        if history.polling {
            ours.drain();
        } else {
            ours.client.handle_connected(PIPE, time(0));
        }
        ours.receive(&open, 0);
        assert!(ours.client.is_open());
        ours
    }

    fn receive(&mut self, packet: &str, now: u64) {
        let Some(get) = self.get.take() else {
            let frame = Frame::Text(packet.to_owned().into());
            return self.client.handle_frame(PIPE, frame, time(now));
        };
        let answer = Answer::new(200, payload(self.revision, packet));
        self.client.handle_response(get, answer, time(now));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            if let client::Output::Request { request, message } = output {
                if message.method == "POST" {
                    self.post = Some((request, message.body));
                } else {
                    self.get = Some(request);
                }
            }
        }
    }
}

impl Side for OurClient {
    fn send(&mut self) {
        self.client
            .send(&Encoded::new(&Message::text("a")))
            .expect("room");
        self.drain();
    }

    fn handle(&mut self, packet: &'static str, now: u64) {
        self.receive(packet, now);
    }

    fn pull(&mut self, now: u64) -> Vec<String> {
        let Some((post, body)) = self.post.take() else {
            return self.client.poll_frame(PIPE).iter().map(packet).collect();
        };
        let answer = Answer::new(200, "ok");
        self.client.handle_response(post, answer, time(now));
        self.drain();
        packets(self.revision, body)
    }

    fn tick(&mut self, now: u64) -> bool {
        self.client.handle_timeout(time(now));
        self.drain();
        self.client.is_closed()
    }
}

/// The times at which our side and the official one gave the peer up.
fn ends(history: &History, is_server: bool) -> (Option<u64>, Option<u64>) {
    let peer_pings = is_server == (history.revision == Revision::V3);
    let official = end(history, &mut Official::new(history, is_server), peer_pings);
    let ours = if is_server {
        end(history, &mut Ours::new(history), peer_pings)
    } else {
        end(history, &mut OurClient::new(history), peer_pings)
    };
    (ours, official)
}

/// Times that are at most `gap` apart, or at random distances.
fn times(gap: impl Strategy<Value = u64>) -> impl Strategy<Value = BTreeSet<u64>> {
    vec(gap, HORIZON as usize).prop_map(|gaps| {
        let sums = gaps.into_iter().scan(0, |sum, gap| {
            *sum += gap;
            Some(*sum)
        });
        sums.take_while(|at| *at < HORIZON).collect()
    })
}

fn history(rooms: impl Strategy<Value = BTreeSet<u64>>) -> impl Strategy<Value = History> {
    let rare = || prop_oneof![2 => Just(BTreeSet::new()), 3 => times(1..60_u64)];
    let revision = select(&[Revision::V3, Revision::V4][..]);
    (
        revision,
        any::<bool>(),
        rooms,
        rare(),
        rare(),
        0..4_u64,
        any::<bool>(),
    )
        .prop_map(
            |(revision, polling, rooms, sends, messages, latency, by_clock)| History {
                revision,
                polling,
                rooms,
                sends,
                messages,
                latency,
                by_clock,
            },
        )
}

fn any_rooms() -> impl Strategy<Value = BTreeSet<u64>> {
    times(prop_oneof![6 => 1..15_u64, 2 => 15..40_u64, 1 => 40..120_u64])
}

proptest! {
    #![proptest_config(cases::config(96))]

    /// A peer that takes a frame in each `ping_timeout`, less the time for the answer, is never closed. A client that
    /// polls needs two answers in that time, because a POST may be in flight before the one with its heartbeat.
    #[test]
    fn a_peer_that_takes_a_frame_in_each_timeout_is_never_closed(
        history in history(times(1..=TIMEOUT - 3)), is_server: bool,
    ) {
        let gaps = if history.polling && !is_server { 2 } else { 1 };
        prop_assume!(history.longest_gap() * gaps + history.latency <= TIMEOUT);
        let (ours, _) = ends(&history, is_server);
        prop_assert_eq!(ours, None);
    }

    /// Where no message can be overtaken, the heartbeat equals the official one at any reading speed. There are two
    /// exceptions:
    ///
    /// - A peer of revision 3 or 4 continues to send pings without reading for an interval and a timeout.
    /// - A server of revision 3 sends other packets instead of a pong for an interval, and then takes nothing for a
    ///   timeout.
    #[test]
    fn without_messages_to_overtake_nobody_is_closed_earlier(history in history(any_rooms()), is_server: bool) {
        let history = History { sends: BTreeSet::new(), ..history };
        let (ours, official) = ends(&history, is_server);
        if let Some(ours) = ours
            && official.is_none_or(|official| ours < official)
        {
            // A client of revision 3 that pinged once more for want of a pong has pings at other times from then on.
            let client_v3 = !is_server && history.revision == Revision::V3;
            let most = if client_v3 { TIMEOUT } else { INTERVAL + TIMEOUT };
            let until = if client_v3 { ours - history.latency } else { ours };
            let unread = history.starved((ours + 1).saturating_sub(most), until);
            let server_v4 = is_server && history.revision == Revision::V4;
            prop_assert!(unread && !server_v4, "{:?} instead of {:?}", ours, official);
        }
    }

    /// A peer that is closed earlier took no frame for a whole timeout, less the time for its answer.
    #[test]
    fn nobody_is_closed_earlier_who_takes_frames(history in history(any_rooms()), is_server: bool) {
        let (ours, official) = ends(&history, is_server);
        if let Some(ours) = ours
            && official.is_none_or(|official| ours < official)
        {
            let from = |millis: u64| (ours + 1).saturating_sub(millis);
            let unread = match (is_server, history.revision) {
                // Our ping waited, or the answer to it was on its way.
                (true, Revision::V4) | (false, Revision::V3) => {
                    history.starved(from(TIMEOUT), from(1 + history.latency))
                }
                // The peer waited for our answer, and pinged an interval after it.
                _ if !history.by_clock => {
                    history.starved(from(INTERVAL + TIMEOUT), from(1 + INTERVAL + history.latency))
                }
                _ => history.starved(from(INTERVAL + TIMEOUT), ours),
            };
            prop_assert!(unread, "{:?} instead of {:?}", ours, official);
        }
    }
}
