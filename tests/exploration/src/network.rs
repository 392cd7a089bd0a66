//! A client, a server, and what is under way between them.
//!
//! Everything under way waits until the search delivers it, in any order that a network allows: requests and connections
//! overtake each other, frames of one connection do not. A pipe holds one frame each way; the machines keep the rest.

use std::collections::VecDeque;

use bytes::Bytes;
use engineio_proto::http::{Answer, Request, RequestHead, Response};
use engineio_proto::{ConnectionId, Frame, Instant, RequestId};
use engineio_proto::{client, server};

use crate::ends::{ClientEnd, ServerEnd};
use crate::report::Report;
use crate::socket_pair::CONNECTION as ASIDE;

/// The number of frames that a pipe holds in each direction.
const PIPE: usize = 1;

/// A step of the network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Move {
    /// A request arrives, or that it was given up.
    Request(RequestId),
    Response(RequestId),
    /// A connection reaches the server.
    Reach(ConnectionId),
    /// The server's answer to it reaches the client.
    Accept(ConnectionId),
    /// A frame arrives, or the end of the connection behind it.
    Up(ConnectionId),
    Down(ConnectionId),
    /// A request, or its answer, is lost, and both sides notice.
    Lose(RequestId),
    /// A connection is lost with all that is in it, and both sides notice.
    Cut(ConnectionId),
    /// Until the next deadline of either side.
    Wait,
}

pub(crate) struct Network<C: ClientEnd, S: ServerEnd> {
    pub(crate) client: C,
    pub(crate) server: S,
    pub(crate) now: Instant,
    pub(crate) wires: Wires,
    pub(crate) report: Report,
    /// The server has frames for a connection that is not of this network.
    pub(crate) aside: bool,
    /// Events that the applications have not taken.
    pub(crate) client_events: VecDeque<C::Event>,
    pub(crate) server_events: VecDeque<S::Event>,
}

/// Traffic in flight.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    calls: Vec<Call>,
    pipes: Vec<Pipe>,
    /// The number of losses so far.
    pub(crate) losses: u8,
}

#[derive(Debug)]
struct Call {
    id: RequestId,
    method: &'static str,
    content_type: Option<String>,
    body: Bytes,
    #[expect(dead_code, reason = "part of the state, unlike the rest of the query")]
    sid: String,
    query: String,
    stage: Stage,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Sent,
    Arrived,
    Answered(Answer),
    /// The client gave it up, and the server does not know.
    GivenUp,
}

#[derive(Debug)]
struct Pipe {
    id: ConnectionId,
    #[expect(dead_code, reason = "part of the state, unlike the rest of the query")]
    sid: String,
    query: String,
    phase: Phase,
    up: Way,
    down: Way,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Opening,
    Arrived,
    Accepted,
    Refused(Answer),
    Open,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    frames: VecDeque<Frame>,
    /// Its sender has more.
    announced: bool,
    /// Its sender has closed it.
    ended: bool,
}

impl<C: ClientEnd, S: ServerEnd> Network<C, S> {
    pub(crate) fn new(client: C, server: S, now: Instant) -> Self {
        Self {
            client,
            server,
            now,
            wires: Wires::default(),
            report: Report::default(),
            aside: false,
            client_events: VecDeque::new(),
            server_events: VecDeque::new(),
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        [self.client.due(), self.server.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The possible next steps of the network. Losses are among them only if more are allowed.
    pub(crate) fn moves(&self, losses: bool) -> Vec<Move> {
        let mut moves = self.wires.deliveries();
        if losses {
            moves.extend(self.wires.calls.iter().filter_map(|call| match call.stage {
                Stage::GivenUp => None,
                _ => Some(Move::Lose(call.id)),
            }));
            moves.extend(self.wires.pipes.iter().map(|pipe| Move::Cut(pipe.id)));
        }
        if self.due().is_some() {
            moves.push(Move::Wait);
        }
        moves
    }

    pub(crate) fn make(&mut self, step: Move) {
        let now = self.now;
        match step {
            Move::Request(id) => self.deliver_request(id),
            Move::Response(id) => {
                if let Some(call) = self.wires.take_call(id)
                    && let Stage::Answered(answer) = call.stage
                {
                    self.client.response(id, answer, now);
                }
            }
            Move::Reach(id) => self.reach(id),
            Move::Accept(id) => self.accept(id),
            Move::Up(id) => self.deliver_up(id),
            Move::Down(id) => self.deliver_down(id),
            Move::Lose(id) => {
                self.wires.losses += 1;
                if let Some(call) = self.wires.take_call(id) {
                    self.client.request_failed(id, now);
                    if call.stage == Stage::Arrived {
                        self.server.aborted(id, now);
                    }
                }
            }
            Move::Cut(id) => {
                self.wires.losses += 1;
                if let Some(pipe) = self.wires.take_pipe(id) {
                    if !pipe.up.ended {
                        self.client.closed(id, now);
                    }
                    if !pipe.down.ended && pipe.phase != Phase::Opening {
                        self.server.closed(id, now);
                    }
                }
            }
            Move::Wait => {
                if let Some(due) = self.due() {
                    self.now = now.max(due);
                    self.client.time(self.now);
                    self.server.time(self.now);
                }
            }
        }
        self.settle();
    }

    fn deliver_request(&mut self, id: RequestId) {
        let now = self.now;
        let Some(call) = self.wires.calls.iter_mut().find(|call| call.id == id) else {
            return;
        };
        if call.stage == Stage::GivenUp {
            self.wires.take_call(id);
            return self.server.aborted(id, now);
        }
        call.stage = Stage::Arrived;
        let body = call.body.clone();
        let (path, query) = call.query.split_once('?').unwrap_or_default();
        let mut head = RequestHead::new(call.method, path, query);
        if let Some(content_type) = &call.content_type {
            head = head.with_content_type(content_type.as_bytes());
        }
        self.server.request(id, &head, body, now);
    }

    fn reach(&mut self, id: ConnectionId) {
        let now = self.now;
        if let Some(pipe) = self.wires.pipe(id) {
            pipe.phase = Phase::Arrived;
            let target = pipe.query.clone();
            let (path, query) = target.split_once('?').unwrap_or_default();
            let head = RequestHead::new("GET", path, query).with_upgrade();
            self.server.upgrade(id, &head, now);
        }
    }

    fn accept(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(pipe) = self.wires.pipe(id) else {
            return;
        };
        match core::mem::replace(&mut pipe.phase, Phase::Open) {
            Phase::Refused(answer) => {
                self.wires.take_pipe(id);
                self.client.refused(id, &answer, now);
            }
            _ => self.client.connected(id, now),
        }
    }

    fn deliver_up(&mut self, id: ConnectionId) {
        let now = self.now;
        match self.wires.pipe(id).map(|pipe| pipe.up.frames.pop_front()) {
            Some(Some(frame)) => self.server.frame(id, frame, now),
            Some(None) => {
                self.wires.take_pipe(id);
                self.server.closed(id, now);
            }
            None => {}
        }
    }

    fn deliver_down(&mut self, id: ConnectionId) {
        let now = self.now;
        match self.wires.pipe(id).map(|pipe| pipe.down.frames.pop_front()) {
            Some(Some(frame)) => self.client.frame(id, frame, now),
            Some(None) => {
                self.wires.take_pipe(id);
                self.client.closed(id, now);
            }
            None => {}
        }
    }

    /// Takes what the machines want, and fills the pipes, until there is nothing more.
    pub(crate) fn settle(&mut self) {
        loop {
            self.take_outputs();
            if !self.fill() {
                return;
            }
        }
    }

    fn take_outputs(&mut self) {
        let mut taken = 0;
        while self.report.may_follow(taken)
            && let Some(output) = self.client.output()
        {
            taken += 1;
            match output {
                client::Output::Event(event) => {
                    self.report.note(|| format!("client: {event:?}"));
                    self.client_events.push_back(event);
                }
                client::Output::Request { request, message } => {
                    self.report
                        .note(|| format!("{request:?}: {} {:?}", message.method, message.body));
                    self.wires.calls.push(Call {
                        id: request,
                        method: message.method,
                        content_type: content_type(&message),
                        sid: sid_of(message.query()),
                        query: message.target().to_owned(),
                        body: message.body,
                        stage: Stage::Sent,
                    });
                }
                client::Output::Abort { request } => self.give_up(request),
                client::Output::Connect {
                    connection,
                    request,
                    ..
                } => {
                    self.report.note(|| format!("Connect {connection:?}"));
                    self.wires.pipes.push(Pipe {
                        id: connection,
                        sid: sid_of(request.query()),
                        query: request.target().to_owned(),
                        phase: Phase::Opening,
                        up: Way::default(),
                        down: Way::default(),
                    });
                }
                client::Output::Frames { connection } => {
                    if let Some(pipe) = self.wires.pipe(connection) {
                        pipe.up.announced = true;
                    }
                }
                client::Output::Close { connection } => self.client_closes(connection),
            }
        }
        taken = 0;
        while self.report.may_follow(taken)
            && let Some(output) = self.server.output()
        {
            taken += 1;
            match output {
                server::Output::Event(event) => {
                    self.report.note(|| format!("server: {event:?}"));
                    self.server_events.push_back(event);
                }
                server::Output::Respond { request, response } => self.answered(request, response),
                server::Output::Frames { connection: ASIDE } => self.aside = true,
                server::Output::Accept {
                    connection: ASIDE, ..
                }
                | server::Output::Close { connection: ASIDE } => {}
                server::Output::Accept { connection, .. } => {
                    self.decided(connection, Phase::Accepted);
                }
                server::Output::Refuse {
                    connection,
                    response,
                } => self.decided(connection, Phase::Refused(response.into())),
                server::Output::Frames { connection } => {
                    if let Some(pipe) = self.wires.pipe(connection) {
                        pipe.down.announced = true;
                    }
                }
                server::Output::Close { connection } => self.server_closes(connection),
            }
        }
    }

    fn give_up(&mut self, id: RequestId) {
        let known = self.wires.calls.iter_mut().find(|call| call.id == id);
        let known = known.filter(|call| call.stage != Stage::GivenUp);
        self.report.require(known.is_some(), || {
            format!("{id:?} was given up, and is over")
        });
        match known {
            Some(call) if call.stage == Stage::Arrived => call.stage = Stage::GivenUp,
            _ => {
                self.wires.take_call(id);
            }
        }
    }

    fn answered(&mut self, id: RequestId, response: Response) {
        let (status, body) = (response.status, response.body.clone());
        self.report
            .note(|| format!("{id:?} is answered with {status} {body:?}"));
        let call = self.wires.calls.iter_mut().find(|call| call.id == id);
        match call.map(|call| &mut call.stage) {
            Some(stage @ Stage::Arrived) => *stage = Stage::Answered(response.into()),
            Some(Stage::GivenUp) => {
                self.wires.take_call(id);
            }
            stage => self
                .report
                .require(false, || format!("{id:?} was answered in stage {stage:?}")),
        }
    }

    fn decided(&mut self, id: ConnectionId, phase: Phase) {
        let pipe = self.wires.pipe(id);
        let pipe = pipe.filter(|pipe| pipe.phase == Phase::Arrived);
        self.report.require(pipe.is_some(), || {
            format!("{id:?} was accepted or refused twice")
        });
        if let Some(pipe) = pipe {
            pipe.phase = phase;
        }
    }

    fn client_closes(&mut self, id: ConnectionId) {
        self.report.note(|| format!("client closes {id:?}"));
        let Some(pipe) = self.wires.pipe(id) else {
            return self
                .report
                .require(false, || format!("{id:?} was closed, and is over"));
        };
        pipe.up.ended = true;
        pipe.down.frames.clear();
        if pipe.phase == Phase::Opening || pipe.down.ended {
            self.wires.take_pipe(id);
        }
    }

    fn server_closes(&mut self, id: ConnectionId) {
        self.report.note(|| format!("server closes {id:?}"));
        // The client may have closed it at the same time.
        if let Some(pipe) = self.wires.pipe(id) {
            pipe.down.ended = true;
            pipe.up.frames.clear();
            if pipe.up.ended {
                self.wires.take_pipe(id);
            }
        }
    }

    /// Pulls frames into the pipes that have room. Whether there were some.
    fn fill(&mut self) -> bool {
        let mut filled = false;
        for index in 0..self.wires.pipes.len() {
            let Some(pipe) = self.wires.pipes.get_mut(index) else {
                break;
            };
            let id = pipe.id;
            while pipe.up.takes() && pipe.phase == Phase::Open {
                filled = true;
                match self.client.pull(id) {
                    Some(frame) => {
                        self.report.note(|| format!("{id:?} up {frame:?}"));
                        pipe.up.frames.push_back(frame);
                    }
                    None => pipe.up.announced = false,
                }
            }
            while pipe.down.takes() {
                filled = true;
                match self.server.pull(id) {
                    Some(frame) => {
                        self.report.note(|| format!("{id:?} down {frame:?}"));
                        pipe.down.frames.push_back(frame);
                    }
                    None => pipe.down.announced = false,
                }
            }
        }
        filled
    }
}

impl Way {
    fn takes(&self) -> bool {
        self.announced && !self.ended && self.frames.len() < PIPE
    }

    fn delivers(&self) -> bool {
        !self.frames.is_empty() || self.ended
    }
}

impl Wires {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.pipes.is_empty()
    }

    pub(crate) fn has_connections(&self) -> bool {
        !self.pipes.is_empty()
    }

    /// The possible next arrivals.
    pub(crate) fn deliveries(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for call in &self.calls {
            match call.stage {
                Stage::Sent | Stage::GivenUp => moves.push(Move::Request(call.id)),
                Stage::Answered(_) => moves.push(Move::Response(call.id)),
                Stage::Arrived => {}
            }
        }
        for pipe in &self.pipes {
            match pipe.phase {
                Phase::Opening => moves.push(Move::Reach(pipe.id)),
                Phase::Accepted | Phase::Refused(_) if !pipe.up.ended => {
                    moves.push(Move::Accept(pipe.id));
                }
                Phase::Open if !pipe.up.ended && pipe.down.delivers() => {
                    moves.push(Move::Down(pipe.id));
                }
                _ => {}
            }
            if pipe.phase != Phase::Opening && !pipe.down.ended && pipe.up.delivers() {
                moves.push(Move::Up(pipe.id));
            }
        }
        moves
    }

    fn take_call(&mut self, id: RequestId) -> Option<Call> {
        let index = self.calls.iter().position(|call| call.id == id)?;
        Some(self.calls.remove(index))
    }

    fn pipe(&mut self, id: ConnectionId) -> Option<&mut Pipe> {
        self.pipes.iter_mut().find(|pipe| pipe.id == id)
    }

    fn take_pipe(&mut self, id: ConnectionId) -> Option<Pipe> {
        let index = self.pipes.iter().position(|pipe| pipe.id == id)?;
        Some(self.pipes.remove(index))
    }
}

fn content_type(request: &Request) -> Option<String> {
    let mut headers = request.headers.iter();
    let header = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    Some(header.1.clone())
}

/// The session that a query names.
fn sid_of(query: &str) -> String {
    let sid = query.split('&').find_map(|part| part.strip_prefix("sid="));
    sid.unwrap_or_default().to_owned()
}
