//! Clients of both layers: the network around them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use engineio_proto::client::Output;
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::client::Machine;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Frame, Instant, RequestId, Revision, Seed};

use super::{MOST_OUTPUTS, packet, pause, pick, run_down};
use crate::input::Input;

/// A client with a network that does anything.
pub(super) struct Rig<M> {
    pub(super) machine: M,
    pub(super) now: Instant,
    revision: Revision,
    /// Those that are under way, and whether each is a POST.
    requests: BTreeMap<RequestId, bool>,
    /// Those that are there, and whether they are open.
    connections: BTreeMap<ConnectionId, bool>,
    /// Every id there was.
    ids: (BTreeSet<RequestId>, BTreeSet<ConnectionId>),
    stalled: bool,
}

/// Step numbers below this one belong to the network.
pub(super) const NETWORK_OPS: u8 = 24;

/// The interval at which a server that does not read sends packets.
pub(super) const BEAT: Duration = Duration::from_millis(100);

pub(super) fn seed() -> Seed {
    Seed::new([9; 32])
}

impl<M: Machine<Event: Debug>> Rig<M> {
    pub(super) fn new(machine: M) -> Self {
        Self::of(Revision::V4, machine)
    }

    /// A client of that revision.
    pub(super) fn of(revision: Revision, machine: M) -> Self {
        Self {
            machine,
            now: Instant::from_millis(1_000),
            revision,
            requests: BTreeMap::new(),
            connections: BTreeMap::new(),
            ids: Default::default(),
            stalled: false,
        }
    }

    /// Does what a server, the way to it or the clock does.
    pub(super) fn network(&mut self, op: u8, input: &mut Input<'_>) {
        match op {
            0..=5 => self.respond(200, input),
            6 => self.respond(u16::from(input.byte()) * 3, input),
            7 => {
                if let Some(id) = self.take_request(input) {
                    self.machine.handle_request_failed(id, self.now);
                }
            }
            8..=10 => {
                let id = self.connection(input);
                if let Some(open) = self.connections.get_mut(&id) {
                    *open = true;
                }
                self.machine.handle_connected(id, self.now);
            }
            11..=16 => {
                let id = self.connection(input);
                self.machine
                    .handle_frame(id, Frame::Text(packet(input).into()), self.now);
            }
            17 => {
                let id = self.connection(input);
                self.machine
                    .handle_frame(id, Frame::Binary(input.binary()), self.now);
            }
            18 => self.lose(input),
            19 if input.byte().is_multiple_of(4) => self.machine.handle_offline(self.now),
            20 => self.stalled = !self.stalled,
            _ => {
                self.now = self.now + pause(input);
                self.machine.handle_timeout(self.now);
            }
        }
    }

    /// Takes what there is to do, and gives what there is to know.
    pub(super) fn take(&mut self) -> Vec<M::Event> {
        let mut events = Vec::new();
        for _ in 0..MOST_OUTPUTS {
            match self.machine.poll_output() {
                Some(output) => events.extend(self.perform(output)),
                None if self.pull() => {}
                None => return events,
            }
        }
        panic!("outputs never end");
    }

    /// Lets the server read nothing for a while, and send these packets again and again: it takes no frame, and answers
    /// no POST.
    pub(super) fn go_blind(
        &mut self,
        packets: &[&'static str],
        lasts: Duration,
        mut act: impl FnMut(Vec<M::Event>),
    ) {
        self.stalled = true;
        act(self.take());
        let (end, body) = (self.now + lasts, self.body(packets));
        while self.now < end {
            self.now = self.now + BEAT;
            self.machine.handle_timeout(self.now);
            let gets = self.requests.iter().filter(|(_, is_post)| !**is_post);
            let gets: Vec<_> = gets.map(|(id, _)| *id).collect();
            for id in gets {
                self.requests.remove(&id);
                let answer = Answer::new(200, body.clone());
                self.machine.handle_response(id, answer, self.now);
            }
            let open = self.connections.iter().filter(|(_, open)| **open);
            let open: Vec<_> = open.map(|(id, _)| *id).collect();
            for (id, packet) in open
                .iter()
                .flat_map(|id| packets.iter().map(|packet| (*id, *packet)))
            {
                self.machine
                    .handle_frame(id, Frame::Text(packet.into()), self.now);
            }
            act(self.take());
        }
    }

    /// Lets everything end: what is asked of the network fails, and time passes.
    pub(super) fn end(&mut self, mut act: impl FnMut(&mut Self, Vec<M::Event>)) {
        self.stalled = false;
        let events = self.take();
        act(self, events);
        self.fail_all(&mut act);
        let mut now = self.now;
        run_down(
            self,
            &mut now,
            |rig| rig.machine.poll_timeout(),
            |rig, now| {
                rig.now = now;
                rig.machine.handle_timeout(now);
                let events = rig.take();
                let told = !events.is_empty();
                act(rig, events);
                rig.fail_all(&mut act) || told
            },
        );
        assert!(self.requests.is_empty() && self.connections.is_empty());
    }

    /// Whatever is under way fails; whether there was something.
    fn fail_all(&mut self, act: &mut impl FnMut(&mut Self, Vec<M::Event>)) -> bool {
        let mut failed = false;
        while !(self.requests.is_empty() && self.connections.is_empty()) {
            failed = true;
            if let Some((id, _)) = self.requests.pop_first() {
                self.machine.handle_request_failed(id, self.now);
            }
            if let Some((id, _)) = self.connections.pop_first() {
                self.machine.handle_connection_failed(id, self.now);
            }
            let events = self.take();
            act(self, events);
        }
        failed
    }

    fn perform(&mut self, output: Output<M::Event>) -> Option<M::Event> {
        match output {
            Output::Request { request, message } => {
                assert!(self.ids.0.insert(request), "no id is used twice");
                assert!(message.url.starts_with("http"));
                self.requests.insert(request, message.method == "POST");
            }
            Output::Abort { request } => {
                self.requests.remove(&request);
            }
            Output::Connect {
                connection,
                request,
                ..
            } => {
                assert!(self.ids.1.insert(connection), "no id is used twice");
                assert!(request.url.starts_with("ws") || request.url.starts_with("http"));
                self.connections.insert(connection, false);
            }
            Output::Frames { connection } | Output::Close { connection } => {
                assert!(self.ids.1.contains(&connection));
                if matches!(output, Output::Close { .. }) {
                    self.connections.remove(&connection);
                }
            }
            Output::Event(event) => return Some(event),
        }
        None
    }

    fn pull(&mut self) -> bool {
        if self.stalled {
            return false;
        }
        let open = self.connections.iter().filter(|(_, open)| **open);
        let ids: Vec<_> = open.map(|(id, _)| *id).collect();
        ids.into_iter()
            .any(|id| self.machine.poll_frame(id).is_some())
    }

    fn respond(&mut self, status: u16, input: &mut Input<'_>) {
        let Some(id) = self.take_request(input) else {
            return;
        };
        let packets: Vec<_> = (0..=input.byte() % 3).map(|_| packet(input)).collect();
        let answer = Answer::new(status, self.body(&packets)).with_set_cookie("a=b; Max-Age=1");
        self.machine.handle_response(id, answer, self.now);
    }

    fn body(&self, packets: &[impl AsRef<str>]) -> String {
        let packets = packets.iter().map(AsRef::as_ref);
        match self.revision {
            Revision::V3 => packets
                .map(|packet| format!("{}:{packet}", packet.encode_utf16().count()))
                .collect(),
            _ => packets.collect::<Vec<_>>().join("\x1e"),
        }
    }

    /// A request that is over with this, or one that never was.
    fn take_request(&mut self, input: &mut Input<'_>) -> Option<RequestId> {
        let choice = input.byte();
        if choice == 0xee {
            return Some(RequestId(u64::from(input.byte())));
        }
        let ids: Vec<_> = self.requests.keys().copied().collect();
        let id = *pick(&ids, choice)?;
        self.requests.remove(&id);
        Some(id)
    }

    /// A connection that is there, or one that is not.
    fn connection(&self, input: &mut Input<'_>) -> ConnectionId {
        let choice = input.byte();
        let ids: Vec<_> = self.connections.keys().copied().collect();
        let known = pick(&ids, choice).filter(|_| choice != 0xee);
        known.copied().unwrap_or(ConnectionId(u64::from(choice)))
    }

    fn lose(&mut self, input: &mut Input<'_>) {
        let (id, now) = (self.connection(input), self.now);
        self.connections.remove(&id);
        match input.byte() % 4 {
            0 => self.machine.handle_connection_closed_with(id, 1000, now),
            1 => self.machine.handle_connection_failed(id, now),
            2 => self
                .machine
                .handle_connection_refused(id, &Answer::new(502, "no"), now),
            _ => self.machine.handle_bad_frame(id, DecodeError::Empty, now),
        }
    }
}
