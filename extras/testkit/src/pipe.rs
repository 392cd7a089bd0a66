//! WebSockets.

use std::collections::VecDeque;

use socketio_proto::engine::http::{Answer, Request, Response};
use socketio_proto::engine::{ConnectionId, Frame, Instant, Transport};

use crate::delivery::{Delivery, End};
use crate::exchange::head;
use crate::network::{ClientId, Network, ServerId};
use crate::path::Websockets;
use crate::tally::{Effect, UpgradeStep};
use crate::trace::Shown;

/// One WebSocket.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) client: usize,
    id: ConnectionId,
    pub(crate) server: Option<usize>,
    request: Request,
    /// The client wants to know of it.
    pub(crate) at_client: bool,
    /// The server wants to know of it.
    pub(crate) at_server: bool,
    pub(crate) up: Way,
    pub(crate) down: Way,
    /// From now on everything that is sent gets lost, and nobody learns of it.
    pub(crate) silent: bool,
    /// It was cut: what is sent from now on gets lost, and both sides are about to learn of it.
    pub(crate) ending: bool,
    /// A proxy breaks it after this many more frames to the server.
    breaks_after: Option<u32>,
    /// The progress of the upgrade in flight over it.
    pub(crate) upgrade: Option<UpgradeStep>,
}

/// One direction of a WebSocket.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// The arrival time of the last traffic in flight.
    last: Instant,
    /// The frames in it.
    frames: usize,
    /// The sender has more.
    waiting: bool,
    /// Frames that have arrived and are still unread.
    unread: VecDeque<Result<Frame, End>>,
}

impl Pipe {
    /// The client, and what it asks for.
    pub(crate) const fn asked(&self) -> (usize, &Request) {
        (self.client, &self.request)
    }

    /// Whether it is a WebTransport stream; a WebSocket else.
    fn is_stream(&self) -> bool {
        self.request.method == "CONNECT"
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.is_stream() {
            Transport::WebTransport
        } else {
            Transport::WebSocket
        }
    }

    /// Lifts the plan to break the WebSocket. One that swallows its frames stays as it is: its stream has gaps already.
    pub(crate) fn spare(&mut self) {
        self.breaks_after.take_if(|more| *more != u32::MAX);
    }
}

impl Network {
    pub(crate) fn connect(&mut self, client: usize, id: ConnectionId, request: &Request) {
        let path = self.clients[client].path.clone();
        let server = self.find_server(request.authority());
        let who = ClientId(client);
        self.note(format_args!(
            "{who} opens WebSocket {}: {}",
            id.0,
            request.target()
        ));
        if self.random.chance(path.doubled_attempts) {
            let number = self.add_pipe(client, id, server, request, false);
            self.note(format_args!("its attempt is doubled"));
            self.count(Effect::ConnectDoubled);
            self.send_up(number, Delivery::Connect);
        }
        let number = self.add_pipe(client, id, server, request, true);
        self.clients[client].pipes.insert(id, number);
        let step = self.first_step(who);
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.upgrade = step;
        }
        if path.refused || server.is_none() || self.random.chance(path.lost_connects) {
            self.note(format_args!("the attempt is lost"));
            self.interrupt_upgrade(number);
            self.count(if path.refused {
                Effect::ConnectUnreachable
            } else {
                Effect::ConnectLost
            });
            return self.send_down(number, |number| Delivery::EndDown(number, End::Failed));
        }
        let pipe = self.pipes.get_mut(&number);
        match (path.websockets, pipe) {
            (Websockets::Refused { status }, _) => {
                let answer = Answer::new(status, "");
                self.count(Effect::WebsocketRefused);
                self.interrupt_upgrade(number);
                return self.send_down(number, |number| Delivery::Refused(number, answer));
            }
            (Websockets::Swallowed, Some(pipe)) => pipe.breaks_after = Some(u32::MAX),
            (Websockets::Broken { after }, Some(pipe)) => pipe.breaks_after = Some(after),
            (Websockets::Passed | Websockets::Swallowed | Websockets::Broken { .. }, _) => {}
        }
        self.send_up(number, Delivery::Connect);
    }

    fn add_pipe(
        &mut self,
        client: usize,
        id: ConnectionId,
        server: Option<usize>,
        request: &Request,
        at_client: bool,
    ) -> u64 {
        let number = self.number();
        let pipe = Pipe {
            client,
            id,
            server,
            request: request.clone(),
            at_client,
            at_server: false,
            up: Way::default(),
            down: Way::default(),
            silent: false,
            ending: false,
            breaks_after: None,
            upgrade: None,
        };
        self.pipes.insert(number, pipe);
        number
    }

    /// Sends something to the server, behind what was sent before.
    pub(crate) fn send_up(&mut self, number: u64, delivery: impl FnOnce(u64) -> Delivery) {
        let Some(client) = self.pipes.get(&number).map(|pipe| pipe.client) else {
            return;
        };
        let at = self.time_up(client);
        if let Some(pipe) = self.pipes.get_mut(&number).filter(|pipe| !pipe.silent) {
            pipe.up.last = pipe.up.last.max(at);
            let at = pipe.up.last;
            self.queue_at(at, delivery(number));
        }
    }

    /// Sends something to the client, behind what was sent before.
    pub(crate) fn send_down(&mut self, number: u64, delivery: impl FnOnce(u64) -> Delivery) {
        let Some(client) = self.pipes.get(&number).map(|pipe| pipe.client) else {
            return;
        };
        let at = self.time_down(client);
        if let Some(pipe) = self.pipes.get_mut(&number).filter(|pipe| !pipe.silent) {
            pipe.down.last = pipe.down.last.max(at);
            let at = pipe.down.last;
            self.queue_at(at, delivery(number));
        }
    }

    pub(crate) fn has_frames_up(&mut self, number: u64) {
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.up.waiting = true;
        }
        self.pull_up(number);
    }

    pub(crate) fn has_frames_down(&mut self, number: u64) {
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.down.waiting = true;
        }
        self.pull_down(number);
    }

    /// Takes frames of the client, as far as the pipe can take some.
    pub(crate) fn pull_up(&mut self, number: u64) {
        while let Some(pipe) = self.pipes.get_mut(&number) {
            let side = &mut self.clients[pipe.client];
            let asleep = side.suspended || side.late.is_undrained();
            if !pipe.at_client || !pipe.up.waiting || asleep {
                return;
            }
            if side.path.unwritable_up {
                return self.count(Effect::UnwritableUp);
            }
            if pipe.up.frames >= side.path.pipe_frames {
                return self.count(Effect::PipeFullUp);
            }
            let (client, id) = (pipe.client, pipe.id);
            self.touch_client(client);
            let frame = self.clients[client].client.poll_frame(id);
            let Some(pipe) = self.pipes.get_mut(&number) else {
                return;
            };
            let Some(frame) = frame else {
                pipe.up.waiting = false;
                return;
            };
            pipe.up.frames += 1;
            self.note(format_args!(
                "{} sends on {}: {}",
                ClientId(client),
                id.0,
                Shown(&frame)
            ));
            self.pass_up(number, frame);
        }
    }

    /// Sends a frame to the server, past what a proxy does.
    fn pass_up(&mut self, number: u64, frame: Frame) {
        let Some(pipe) = self.pipes.get_mut(&number) else {
            return;
        };
        pipe.upgrade = pipe.upgrade.map(|step| step.sent(&frame));
        match &mut pipe.breaks_after {
            Some(u32::MAX) => self.count(Effect::FrameSwallowed),
            _ if pipe.ending => {}
            Some(0) => {
                self.note(format_args!("a proxy breaks WebSocket {number}"));
                self.break_pipe(number);
            }
            Some(more) => {
                *more -= 1;
                self.send_up(number, |number| Delivery::FrameUp(number, frame));
            }
            None => self.send_up(number, |number| Delivery::FrameUp(number, frame)),
        }
    }

    /// Takes frames of the server, as far as the pipe can take some.
    pub(crate) fn pull_down(&mut self, number: u64) {
        while let Some(pipe) = self.pipes.get_mut(&number) {
            let path = &self.clients[pipe.client].path;
            let Some(index) = pipe.server else { return };
            let side = &self.servers[index];
            let asleep = side.suspended || side.late.is_undrained();
            if !pipe.at_server || !pipe.down.waiting || asleep {
                return;
            }
            if path.unwritable_down {
                return self.count(Effect::UnwritableDown);
            }
            if pipe.down.frames >= path.pipe_frames {
                return self.count(Effect::PipeFullDown);
            }
            self.touch_server(index);
            let frame = self.servers[index].server.poll_frame(ConnectionId(number));
            let Some(pipe) = self.pipes.get_mut(&number) else {
                return;
            };
            let Some(frame) = frame else {
                pipe.down.waiting = false;
                return;
            };
            pipe.down.frames += 1;
            let swallowed = pipe.breaks_after == Some(u32::MAX) || pipe.ending;
            self.note(format_args!(
                "{} sends on {number}: {}",
                ServerId(index),
                Shown(&frame)
            ));
            if !swallowed {
                self.send_down(number, |number| Delivery::FrameDown(number, frame));
            }
        }
    }

    pub(crate) fn close_up(&mut self, client: usize, id: ConnectionId) {
        self.note(format_args!(
            "{} closes WebSocket {}",
            ClientId(client),
            id.0
        ));
        let Some(number) = self.clients[client].pipes.remove(&id) else {
            return;
        };
        self.interrupt_upgrade(number);
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.at_client = false;
        }
        self.send_up(number, |number| Delivery::EndUp(number, End::Closed));
        self.forget_silent_pipe(number);
    }

    pub(crate) fn close_down(&mut self, number: u64) {
        self.note(format_args!("the server closes WebSocket {number}"));
        self.interrupt_upgrade(number);
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.at_server = false;
            self.send_down(number, |number| Delivery::EndDown(number, End::Closed));
        }
        self.forget_silent_pipe(number);
    }

    pub(crate) fn connect_arrives(&mut self, number: u64) {
        let Some(pipe) = self.pipes.get_mut(&number) else {
            return;
        };
        let Some(index) = pipe.server else { return };
        if !self.servers[index].running {
            return self.send_down(number, |number| Delivery::EndDown(number, End::Failed));
        }
        pipe.at_server = true;
        let request = pipe.request.clone();
        let now = self.now;
        let server = &mut self.servers[index].server;
        if pipe.is_stream() {
            server.handle_webtransport(ConnectionId(number), &head(&request), now);
        } else {
            let head = head(&request).with_upgrade();
            server.handle_upgrade(ConnectionId(number), &head, now);
        }
        self.touch_server(index);
        self.note(format_args!(
            "{} is asked for WebSocket {number}",
            ServerId(index)
        ));
    }

    pub(crate) fn accept(&mut self, number: u64) {
        self.note(format_args!("WebSocket {number} is accepted"));
        self.send_down(number, Delivery::Accepted);
    }

    pub(crate) fn refuse(&mut self, number: u64, response: &Response) {
        self.note(format_args!(
            "WebSocket {number} is refused {}",
            response.status
        ));
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.at_server = false;
            self.interrupt_upgrade(number);
            let answer = Answer::from(response.clone());
            self.send_down(number, |number| Delivery::Refused(number, answer));
        }
    }

    pub(crate) fn accepted(&mut self, number: u64) {
        let Some(pipe) = self.pipes.get_mut(&number) else {
            return;
        };
        let (client, id) = (pipe.client, pipe.id);
        if pipe.at_client {
            pipe.upgrade = pipe.upgrade.map(|_| UpgradeStep::Connected);
            self.note(format_args!("{} has WebSocket {}", ClientId(client), id.0));
            let now = self.now;
            self.clients[client].client.handle_connected(id, now);
            self.touch_client(client);
        } else {
            // Nobody is there, or not any more.
            self.send_up(number, |number| Delivery::EndUp(number, End::Closed));
        }
    }

    pub(crate) fn refused(&mut self, number: u64, answer: &Answer) {
        let Some(pipe) = self.pipes.remove(&number) else {
            return;
        };
        let (client, id) = (pipe.client, pipe.id);
        if pipe.at_client {
            self.clients[client].pipes.remove(&id);
            let (who, status) = (ClientId(client), answer.status);
            self.note(format_args!(
                "{who} is refused WebSocket {}: {status}",
                id.0
            ));
            let now = self.now;
            let client = &mut self.clients[client].client;
            client.handle_connection_refused(id, answer, now);
            self.touch_client(pipe.client);
        }
    }

    pub(crate) fn up_arrives(&mut self, number: u64, what: Result<Frame, End>) {
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.up.unread.push_back(what);
            self.read_up(number);
        }
    }

    pub(crate) fn down_arrives(&mut self, number: u64, what: Result<Frame, End>) {
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.down.unread.push_back(what);
            self.read_down(number);
        }
    }

    /// Lets a server read what has arrived, as far as it wants to.
    fn read_up(&mut self, number: u64) {
        while let Some(pipe) = self.pipes.get_mut(&number) {
            let Some(index) = pipe.server else { return };
            let (id, now) = (ConnectionId(number), self.now);
            let server = &mut self.servers[index].server;
            if pipe.at_server && !server.wants_read(id) {
                self.unread.insert(number);
                return;
            }
            let Some(what) = pipe.up.unread.pop_front() else {
                return;
            };
            let at_server = pipe.at_server;
            match what {
                Ok(frame) => {
                    pipe.up.frames -= 1;
                    if at_server {
                        pipe.upgrade = pipe.upgrade.and_then(|step| step.arrived(&frame));
                        server.handle_frame(id, frame, now);
                    }
                }
                Err(end) => {
                    pipe.at_server = false;
                    if at_server && end == End::Closed {
                        server.handle_connection_closed(id, now);
                    } else if at_server {
                        server.handle_connection_failed(id, now);
                    }
                    self.note(format_args!(
                        "{} sees {number} end: {end:?}",
                        ServerId(index)
                    ));
                    self.forget_pipe_if_over(number);
                }
            }
            self.touch_server(index);
            self.pull_up(number);
        }
    }

    /// Lets a client read what has arrived, as far as it wants to.
    fn read_down(&mut self, number: u64) {
        while let Some(pipe) = self.pipes.get_mut(&number) {
            let (index, id, now) = (pipe.client, pipe.id, self.now);
            let client = &mut self.clients[index].client;
            if pipe.at_client && !client.wants_read() {
                return;
            }
            let Some(what) = pipe.down.unread.pop_front() else {
                return;
            };
            let at_client = pipe.at_client;
            match what {
                Ok(frame) => {
                    pipe.down.frames -= 1;
                    if at_client {
                        pipe.upgrade = pipe.upgrade.and_then(|step| step.arrived(&frame));
                        client.handle_frame(id, frame, now);
                    }
                }
                Err(end) => {
                    pipe.at_client = false;
                    if at_client && end == End::Closed {
                        client.handle_connection_closed(id, now);
                    } else if at_client {
                        client.handle_connection_failed(id, now);
                    }
                    if at_client {
                        self.clients[index].pipes.remove(&id);
                    }
                    self.note(format_args!(
                        "{} sees {} end: {end:?}",
                        ClientId(index),
                        id.0
                    ));
                    self.forget_pipe_if_over(number);
                }
            }
            self.touch_client(index);
            self.pull_down(number);
        }
    }

    /// Goes on reading what a server left unread.
    pub(crate) fn read_on_server(&mut self, index: usize) {
        let left = std::mem::take(&mut self.unread);
        for number in left {
            match self.pipes.get(&number) {
                Some(pipe) if pipe.server == Some(index) => self.read_up(number),
                Some(_) => drop(self.unread.insert(number)),
                None => {}
            }
        }
    }

    /// Goes on reading what a client left unread.
    pub(crate) fn read_on_client(&mut self, index: usize) {
        let pipes: Vec<u64> = self.clients[index].pipes.values().copied().collect();
        for number in pipes {
            let pipe = self.pipes.get(&number);
            if pipe.is_some_and(|pipe| !pipe.down.unread.is_empty()) {
                self.read_down(number);
            }
        }
    }

    /// Nothing more arrives that would say that it is over.
    pub(crate) fn forget_silent_pipe(&mut self, number: u64) {
        if self.pipes.get(&number).is_some_and(|pipe| pipe.silent) {
            self.forget_pipe_if_over(number);
        }
    }

    fn forget_pipe_if_over(&mut self, number: u64) {
        let over = |pipe: &Pipe| !pipe.at_client && !pipe.at_server;
        if self.pipes.get(&number).is_some_and(over) {
            self.pipes.remove(&number);
        }
    }
}
