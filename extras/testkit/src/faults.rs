//! Faults that a test injects at a given moment.

use crate::delivery::{Delivery, End};
use crate::exchange::AtServer;
use crate::network::{ClientId, Network, ServerId};
use crate::path::Cut;
use crate::pipe::Pipe;
use crate::tally::Effect;

impl Network {
    /// Cuts everything that is open between a client and its server.
    pub fn cut(&mut self, client: ClientId, how: Cut) {
        self.note(format_args!("everything of {client} is cut: {how:?}"));
        self.cut_pipes(client, how);
        self.cut_exchanges(client, how);
    }

    /// Cuts the WebSockets of a client.
    pub fn cut_websockets(&mut self, client: ClientId, how: Cut) {
        self.note(format_args!("the WebSockets of {client} are cut: {how:?}"));
        self.cut_pipes(client, how);
    }

    /// Lifts the plan to [break](crate::Websockets::Broken) the WebSockets that a client has open. A WebSocket takes
    /// this plan from its path when it opens, and keeps it when the path changes.
    pub fn spare_websockets(&mut self, client: ClientId) {
        self.note(format_args!("no proxy breaks the WebSockets of {client}"));
        let of_client = self.pipes.values_mut();
        let of_client = of_client.filter(|pipe| pipe.client == client.0);
        of_client.for_each(Pipe::spare);
    }

    /// Cuts the requests of a client. They fail, except after [`Cut::Silent`], which nobody learns of.
    pub fn cut_requests(&mut self, client: ClientId, how: Cut) {
        self.note(format_args!("the requests of {client} are cut: {how:?}"));
        self.cut_exchanges(client, how);
    }

    /// Stops a server like a power failure, so that it loses all its data. WebSockets break, and requests fail, until
    /// it is [started](Self::start_server).
    pub fn stop_server(&mut self, id: ServerId) {
        self.note(format_args!("{id} stops"));
        let index = id.0;
        self.servers[index].running = false;
        self.replace_server(index);
        let exchanges = self.exchanges.iter_mut();
        let lost: Vec<u64> = exchanges
            .filter(|(_, exchange)| exchange.server == Some(index))
            .filter(|(_, exchange)| matches!(exchange.at_server, AtServer::Begun | AtServer::Whole))
            .map(|(number, exchange)| {
                exchange.at_server = AtServer::Done;
                *number
            })
            .collect();
        let requests = lost.len();
        for number in lost {
            if self
                .exchanges
                .get(&number)
                .is_some_and(|exchange| !exchange.silent)
            {
                self.fail(number);
            }
        }
        let pipes = self.pipes.iter_mut();
        let lost: Vec<u64> = pipes
            .filter(|(_, pipe)| pipe.server == Some(index) && pipe.at_server)
            .map(|(number, pipe)| {
                pipe.at_server = false;
                *number
            })
            .collect();
        if requests + lost.len() > 0 {
            self.count(Effect::ServerStopped);
        }
        for number in lost {
            self.interrupt_upgrade(number);
            self.send_down(number, |number| Delivery::EndDown(number, End::Failed));
            self.forget_silent_pipe(number);
        }
    }

    /// Starts a [stopped](Self::stop_server) server as a new one with the same settings and no data.
    pub fn start_server(&mut self, id: ServerId) {
        self.note(format_args!("{id} starts"));
        self.servers[id.0].running = true;
        self.touch_server(id.0);
    }

    /// Restarts a server: see [`stop_server`](Self::stop_server).
    pub fn restart_server(&mut self, id: ServerId) {
        self.stop_server(id);
        self.start_server(id);
    }

    /// The number of restarts of a server. Keys and tokens of one start mean nothing to the next.
    #[must_use]
    pub fn starts(&self, id: ServerId) -> u64 {
        self.servers[id.0].starts
    }

    /// Whether a server runs.
    #[must_use]
    pub fn is_running(&self, id: ServerId) -> bool {
        self.servers[id.0].running
    }

    /// Suspends or resumes the whole process of a server. While it is suspended, nothing arrives and no deadline is
    /// met.
    pub fn suspend_server(&mut self, id: ServerId, suspended: bool) {
        self.note(format_args!(
            "{id} {}",
            if suspended { "stands still" } else { "goes on" }
        ));
        self.servers[id.0].suspended = suspended;
        self.touch_server(id.0);
        self.changed.extend(0..self.clients.len());
    }

    /// Suspends or resumes the whole host of a client, like [`suspend_server`](Self::suspend_server).
    pub fn suspend_client(&mut self, id: ClientId, suspended: bool) {
        self.note(format_args!(
            "{id} {}",
            if suspended {
                "falls asleep"
            } else {
                "wakes up"
            }
        ));
        self.clients[id.0].suspended = suspended;
        self.touch_client(id.0);
        self.changed.insert(id.0);
    }

    fn cut_pipes(&mut self, client: ClientId, how: Cut) {
        let pipes = self.pipes.iter();
        let of_client =
            pipes.filter(|(_, pipe)| pipe.client == client.0 && !pipe.silent && !pipe.ending);
        for number in of_client.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.interrupt_upgrade(number);
            self.count(match how {
                Cut::Clean => Effect::WebsocketClosed,
                Cut::Reset => Effect::WebsocketReset,
                Cut::Midway => Effect::WebsocketCutMidway,
                Cut::Silent => Effect::WebsocketSilent,
            });
            match how {
                Cut::Clean => self.end_pipe(number, End::Closed),
                Cut::Reset => {
                    self.lose_frames(number, 0);
                    self.end_pipe(number, End::Failed);
                }
                Cut::Midway => {
                    let kept = self.random.index(4);
                    self.lose_frames(number, kept);
                    self.end_pipe(number, End::Failed);
                }
                Cut::Silent => {
                    self.lose_frames(number, 0);
                    if let Some(pipe) = self.pipes.get_mut(&number) {
                        pipe.silent = true;
                    }
                    self.forget_silent_pipe(number);
                }
            }
        }
    }

    /// Breaks a WebSocket after the traffic in flight.
    pub(crate) fn break_pipe(&mut self, number: u64) {
        self.count(Effect::WebsocketBroken);
        self.interrupt_upgrade(number);
        self.end_pipe(number, End::Failed);
    }

    /// Tells both sides later that a WebSocket has ended.
    fn end_pipe(&mut self, number: u64, end: End) {
        self.send_up(number, |number| Delivery::EndUp(number, end));
        self.send_down(number, |number| Delivery::EndDown(number, end));
        if let Some(pipe) = self.pipes.get_mut(&number) {
            pipe.ending = true;
        }
    }

    /// Loses the traffic in flight in a WebSocket, in both directions, except the first `kept` frames.
    fn lose_frames(&mut self, number: u64, kept: usize) {
        let (mut up, mut down) = (kept, kept);
        self.lose(|delivery| {
            delivery.pipe() == Some(number)
                && match delivery {
                    Delivery::FrameUp(..) => !take_one(&mut up),
                    Delivery::FrameDown(..) => !take_one(&mut down),
                    Delivery::Accepted(_) | Delivery::Connect(_) => kept == 0,
                    Delivery::Refused(..) | Delivery::EndUp(..) | Delivery::EndDown(..) => true,
                    Delivery::Request(_)
                    | Delivery::Body(_)
                    | Delivery::Response(..)
                    | Delivery::RequestFailed(_)
                    | Delivery::RequestAborted(_)
                    | Delivery::GatewayTimeout(_)
                    | Delivery::Drain(_)
                    | Delivery::Free(_) => false,
                }
        });
    }

    fn cut_exchanges(&mut self, client: ClientId, how: Cut) {
        let exchanges = self.exchanges.iter();
        let of_client = exchanges.filter(|(_, exchange)| exchange.client == client.0);
        for number in of_client.map(|(number, _)| *number).collect::<Vec<_>>() {
            let Some(exchange) = self.exchanges.get_mut(&number) else {
                continue;
            };
            if !exchange.awaited || exchange.silent {
                continue;
            }
            exchange.silent = how == Cut::Silent;
            let taken = matches!(exchange.at_server, AtServer::Begun | AtServer::Whole);
            if exchange.at_server == AtServer::Before {
                exchange.at_server = AtServer::Done;
            }
            self.count(if how == Cut::Silent {
                Effect::RequestSilent
            } else {
                Effect::RequestCut
            });
            self.lose(|delivery| delivery.exchange() == Some(number));
            if how != Cut::Silent {
                self.fail(number);
            }
            if how != Cut::Silent && taken {
                let at = self.time_up(client.0);
                self.queue_at(at, Delivery::RequestAborted(number));
            }
        }
    }

    /// Loses some of the traffic in flight, which it visits in the order of arrival.
    fn lose(&mut self, mut is_lost: impl FnMut(&Delivery) -> bool) {
        for side in &mut self.clients {
            side.parked.retain(|(_, delivery)| !is_lost(delivery));
        }
        self.queue.retain(|_, delivery| !is_lost(delivery));
    }
}

/// Decrements a counter, if there is one.
fn take_one(left: &mut usize) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
