//! Traffic in flight, and its arrival.

use socketio_proto::client;
use socketio_proto::engine::client::Output as ClientOutput;
use socketio_proto::engine::http::Answer;
use socketio_proto::engine::server::Output as ServerOutput;
use socketio_proto::engine::{Frame, Instant};
use socketio_proto::server;

use crate::network::{Network, Peer};
use crate::tally::Effect;

/// Traffic in flight, with the number of its exchange or WebSocket, or an action of a late driver or application.
#[derive(Debug)]
pub(crate) enum Delivery {
    Request(u64),
    Body(u64),
    Response(u64, Answer),
    /// The client learns that no response will come.
    RequestFailed(u64),
    /// The server learns that nobody waits for its response.
    RequestAborted(u64),
    /// A proxy has waited for its maximum time.
    GatewayTimeout(u64),
    Connect(u64),
    Accepted(u64),
    Refused(u64, Answer),
    FrameUp(u64, Frame),
    FrameDown(u64, Frame),
    EndUp(u64, End),
    EndDown(u64, End),
    /// The driver of a machine polls it.
    Drain(Peer),
    /// The application of a machine has finished an event.
    Free(Peer),
}

impl Delivery {
    /// The number of the exchange that it belongs to.
    pub(crate) fn exchange(&self) -> Option<u64> {
        match self {
            Self::Request(number)
            | Self::Body(number)
            | Self::Response(number, _)
            | Self::RequestFailed(number)
            | Self::RequestAborted(number)
            | Self::GatewayTimeout(number) => Some(*number),
            Self::Connect(_)
            | Self::Accepted(_)
            | Self::Refused(..)
            | Self::FrameUp(..)
            | Self::FrameDown(..)
            | Self::EndUp(..)
            | Self::EndDown(..)
            | Self::Drain(_)
            | Self::Free(_) => None,
        }
    }

    /// The number of the WebSocket that it belongs to.
    pub(crate) fn pipe(&self) -> Option<u64> {
        match self {
            Self::Connect(number)
            | Self::Accepted(number)
            | Self::Refused(number, _)
            | Self::FrameUp(number, _)
            | Self::FrameDown(number, _)
            | Self::EndUp(number, _)
            | Self::EndDown(number, _) => Some(*number),
            Self::Request(_)
            | Self::Body(_)
            | Self::Response(..)
            | Self::RequestFailed(_)
            | Self::RequestAborted(_)
            | Self::GatewayTimeout(_)
            | Self::Drain(_)
            | Self::Free(_) => None,
        }
    }

    /// Whether it goes to the server.
    fn is_up(&self) -> bool {
        match self {
            Self::Request(_)
            | Self::Body(_)
            | Self::RequestAborted(_)
            | Self::GatewayTimeout(_)
            | Self::Connect(_)
            | Self::FrameUp(..)
            | Self::EndUp(..) => true,
            Self::Response(..)
            | Self::RequestFailed(_)
            | Self::Accepted(_)
            | Self::Refused(..)
            | Self::FrameDown(..)
            | Self::EndDown(..)
            | Self::Drain(_)
            | Self::Free(_) => false,
        }
    }
}

/// The way in which one side of a WebSocket learns of its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Closed,
    Failed,
}

impl Network {
    /// Performs an output of a client, and returns its event.
    pub(crate) fn perform_client(
        &mut self,
        client: usize,
        output: ClientOutput<client::Event>,
    ) -> Option<client::Event> {
        match output {
            ClientOutput::Request { request, message } => self.request(client, request, message),
            ClientOutput::Abort { request } => self.abort(client, request),
            ClientOutput::Connect {
                connection,
                request,
                ..
            } => self.connect(client, connection, &request),
            ClientOutput::Frames { connection } => {
                if let Some(&number) = self.clients[client].pipes.get(&connection) {
                    self.has_frames_up(number);
                }
            }
            ClientOutput::Close { connection } => self.close_up(client, connection),
            ClientOutput::Event(event) => return Some(event),
        }
        None
    }

    /// Performs an output of a server, and returns its event.
    pub(crate) fn perform_server(
        &mut self,
        output: ServerOutput<server::Event>,
    ) -> Option<server::Event> {
        match output {
            ServerOutput::Respond { request, response } => self.respond(request.0, &response),
            ServerOutput::Accept { connection, .. } => self.accept(connection.0),
            ServerOutput::Refuse {
                connection,
                response,
            } => self.refuse(connection.0, &response),
            ServerOutput::Frames { connection } => self.has_frames_down(connection.0),
            ServerOutput::Close { connection } => self.close_down(connection.0),
            ServerOutput::Event(event) => return Some(event),
        }
        None
    }

    /// Delivers something, unless a fault holds it back.
    pub(crate) fn arrive(&mut self, key: (Instant, u64), delivery: Delivery) {
        if let Some((client, why)) = self.kept_back(&delivery) {
            self.count(why);
            return self.clients[client].parked.push((key, delivery));
        }
        match delivery {
            Delivery::Request(number) => self.request_arrives(number),
            Delivery::Body(number) => self.body_arrives(number),
            Delivery::Response(number, answer) => self.response_arrives(number, answer),
            Delivery::RequestFailed(number) => self.request_failed(number),
            Delivery::RequestAborted(number) => self.request_aborted(number),
            Delivery::GatewayTimeout(number) => self.gateway_timed_out(number),
            Delivery::Connect(number) => self.connect_arrives(number),
            Delivery::Accepted(number) => self.accepted(number),
            Delivery::Refused(number, answer) => self.refused(number, &answer),
            Delivery::FrameUp(number, frame) => self.up_arrives(number, Ok(frame)),
            Delivery::FrameDown(number, frame) => self.down_arrives(number, Ok(frame)),
            Delivery::EndUp(number, end) => self.up_arrives(number, Err(end)),
            Delivery::EndDown(number, end) => self.down_arrives(number, Err(end)),
            Delivery::Drain(peer) => self.drain_is_due(peer),
            Delivery::Free(peer) => drop(self.dirty.insert(peer)),
        }
    }

    /// The client whose path holds something back, and the reason, if something does.
    fn kept_back(&self, delivery: &Delivery) -> Option<(usize, Effect)> {
        let exchange = delivery.exchange().and_then(|number| {
            let exchange = self.exchanges.get(&number)?;
            Some((exchange.client, exchange.server))
        });
        let pipe = delivery.pipe().and_then(|number| {
            let pipe = self.pipes.get(&number)?;
            Some((pipe.client, pipe.server))
        });
        let (client, server) = exchange.or(pipe)?;
        let side = &self.clients[client];
        let (asleep, sleeper) = if delivery.is_up() {
            let server = server.is_some_and(|server| self.servers[server].suspended);
            (server, Effect::ServerAsleep)
        } else {
            (side.suspended, Effect::ClientAsleep)
        };
        let why = if asleep { sleeper } else { Effect::Stalled };
        (asleep || side.path.stalled).then_some((client, why))
    }

    /// Releases the traffic that waited on the path of a client, as far as the path allows.
    pub(crate) fn loosen(&mut self, client: usize) {
        // Under their own keys: they are due, in the order in which they would have arrived.
        let parked = std::mem::take(&mut self.clients[client].parked);
        self.queue.extend(parked);
        let pipes: Vec<u64> = self.clients[client].pipes.values().copied().collect();
        for number in pipes {
            self.pull_up(number);
            self.pull_down(number);
        }
    }

    pub(crate) fn touch_client(&mut self, client: usize) {
        self.dirty.insert(Peer::Client(client));
    }

    pub(crate) fn touch_server(&mut self, server: usize) {
        self.dirty.insert(Peer::Server(server));
    }
}
