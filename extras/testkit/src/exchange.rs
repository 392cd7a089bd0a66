//! HTTP requests and their responses.

use std::time::Duration;

use bytes::Bytes;
use socketio_proto::engine::http::{Answer, Request, RequestHead, Response};
use socketio_proto::engine::{Instant, RequestId};

use crate::delivery::Delivery;
use crate::network::{ClientId, Network, ServerId};
use crate::tally::Effect;
use crate::trace::Start;

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) client: usize,
    id: RequestId,
    pub(crate) server: Option<usize>,
    request: Request,
    /// The client waits for the response.
    pub(crate) awaited: bool,
    pub(crate) at_server: AtServer,
    /// The arrival time of the client's last data.
    up_at: Instant,
    /// From now on everything that is sent gets lost, and nobody learns of it.
    pub(crate) silent: bool,
}

/// The progress of a server with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AtServer {
    /// It has not got it.
    Before,
    /// It has its head.
    Begun,
    /// It has it whole.
    Whole,
    /// It has answered, or wants to know no more of it.
    Done,
}

/// The head of a request, as a server sees it.
pub(crate) fn head(request: &Request) -> RequestHead<'_> {
    let header = |wanted: &str| {
        let mut headers = request.headers.iter();
        let header = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        header.map(|(_, value)| value.as_bytes())
    };
    let head = RequestHead::new(request.method, request.path(), request.query());
    let mut head = head.with_host(request.authority().as_bytes());
    head.content_type = header("content-type");
    head.origin = header("origin");
    head.user_agent = header("user-agent");
    head.referer = header("referer");
    head.sec_fetch_site = header("sec-fetch-site");
    head.access_control_request_headers = header("access-control-request-headers");
    head
}

impl Exchange {
    /// The client, and what it asks for.
    pub(crate) const fn asked(&self) -> (usize, &Request) {
        (self.client, &self.request)
    }
}

impl Network {
    pub(crate) fn request(&mut self, client: usize, id: RequestId, request: Request) {
        let path = self.clients[client].path.clone();
        let server = self.find_server(request.authority());
        let who = ClientId(client);
        self.note(format_args!(
            "{who} requests {}: {} {} {}",
            id.0,
            request.method,
            request.target(),
            Start(&request.body),
        ));
        let opens = request.method == "GET" && !request.query().contains("sid=");
        if opens && self.random.chance(path.doubled_attempts) {
            let at = self.time_up(client);
            let number = self.add_exchange(client, id, server, request.clone(), at, false);
            self.note(format_args!("its attempt is doubled"));
            self.count(Effect::RequestDoubled);
            self.queue_at(at, Delivery::Request(number));
        }
        let at = self.time_up(client);
        let number = self.add_exchange(client, id, server, request, at, true);
        self.clients[client].exchanges.insert(id, number);
        if path.refused || server.is_none() || self.random.chance(path.lost_requests) {
            self.note(format_args!("the request is lost"));
            self.count(if path.refused {
                Effect::RequestUnreachable
            } else {
                Effect::RequestLost
            });
            if let Some(exchange) = self.exchanges.get_mut(&number) {
                exchange.at_server = AtServer::Done;
            }
            self.fail(number);
        } else {
            self.queue_at(at, Delivery::Request(number));
        }
    }

    fn add_exchange(
        &mut self,
        client: usize,
        id: RequestId,
        server: Option<usize>,
        request: Request,
        up_at: Instant,
        awaited: bool,
    ) -> u64 {
        let number = self.number();
        let exchange = Exchange {
            client,
            id,
            server,
            request,
            awaited,
            at_server: AtServer::Before,
            up_at,
            silent: false,
        };
        self.exchanges.insert(number, exchange);
        number
    }

    /// The client will learn that there is no response.
    pub(crate) fn fail(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get(&number) else {
            return;
        };
        let at = self.time_down(exchange.client);
        self.queue_at(at, Delivery::RequestFailed(number));
    }

    /// The client gives a request up.
    pub(crate) fn abort(&mut self, client: usize, id: RequestId) {
        self.note(format_args!(
            "{} gives request {} up",
            ClientId(client),
            id.0
        ));
        let Some(number) = self.clients[client].exchanges.remove(&id) else {
            return;
        };
        self.hang_up(number);
    }

    /// The server will learn that nobody waits for its response.
    pub(crate) fn hang_up(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        exchange.awaited = false;
        let (client, silent, up_at) = (exchange.client, exchange.silent, exchange.up_at);
        if exchange.at_server == AtServer::Done || silent {
            self.forget_if_over(number);
        } else {
            let at = self.time_up(client).max(up_at);
            self.queue_at(at, Delivery::RequestAborted(number));
        }
    }

    pub(crate) fn request_arrives(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        let (client, request) = (exchange.client, exchange.request.clone());
        let Some(index) = exchange.server else { return };
        if !self.servers[index].running {
            exchange.at_server = AtServer::Done;
            return self.fail(number);
        }
        let has_body = request.method == "POST";
        exchange.at_server = if has_body {
            AtServer::Begun
        } else {
            AtServer::Whole
        };
        let head = head(&request);
        let (id, now) = (RequestId(number), self.now);
        let server = &mut self.servers[index].server;
        if has_body {
            server.handle_request_begun(id, &head, now);
        } else {
            server.handle_request(id, &head, Bytes::new(), now);
        }
        self.touch_server(index);
        let who = ClientId(client);
        self.note(format_args!(
            "{} gets request {number} of {who}, {} {}",
            ServerId(index),
            request.method,
            request.target()
        ));
        let path = self.clients[client].path.clone();
        if has_body {
            let at = self.now + self.random.duration(Duration::ZERO, path.jitter);
            if let Some(exchange) = self.exchanges.get_mut(&number) {
                exchange.up_at = exchange.up_at.max(at);
            }
            if self.random.chance(path.lost_bodies) {
                self.note(format_args!("its body breaks off"));
                self.count(Effect::BodyLost);
                self.queue_at(at, Delivery::RequestAborted(number));
                self.fail(number);
            } else {
                self.queue_at(at, Delivery::Body(number));
            }
        }
        if let Some(timeout) = path.gateway_timeout {
            self.queue_at(self.now + timeout, Delivery::GatewayTimeout(number));
        }
    }

    pub(crate) fn body_arrives(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        let Some(index) = exchange.server else { return };
        if exchange.at_server != AtServer::Begun {
            return;
        }
        exchange.at_server = AtServer::Whole;
        let request = exchange.request.clone();
        let head = head(&request);
        let (id, now) = (RequestId(number), self.now);
        let server = &mut self.servers[index].server;
        if request.body.len() > server.config().engine.max_payload {
            server.handle_request_too_large(id, now);
        } else {
            server.handle_request(id, &head, request.body.clone(), now);
        }
        self.touch_server(index);
        self.note(format_args!(
            "{} gets the body of request {number}",
            ServerId(index)
        ));
    }

    pub(crate) fn respond(&mut self, number: u64, response: &Response) {
        self.note(format_args!(
            "request {number} is answered {} {}",
            response.status,
            Start(&response.body)
        ));
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        exchange.at_server = AtServer::Done;
        let (client, silent) = (exchange.client, exchange.silent);
        if !exchange.awaited {
            return self.forget_if_over(number);
        }
        let path = self.clients[client].path.clone();
        if silent {
            return;
        }
        if self.random.chance(path.lost_responses) {
            self.note(format_args!("the response is lost"));
            self.count(Effect::ResponseLost);
            return self.fail(number);
        }
        let alone = self.time_down(client);
        let at = next_multiple(alone, path.collected);
        if at > alone {
            self.count(Effect::ResponseCollected);
        }
        self.queue_at(at, Delivery::Response(number, response.clone().into()));
    }

    pub(crate) fn response_arrives(&mut self, number: u64, answer: Answer) {
        let Some((client, id)) = self.take_awaited(number) else {
            return;
        };
        self.note(format_args!(
            "{} gets the response to {}",
            ClientId(client),
            id.0
        ));
        let now = self.now;
        self.clients[client].client.handle_response(id, answer, now);
        self.touch_client(client);
    }

    pub(crate) fn request_failed(&mut self, number: u64) {
        let Some((client, id)) = self.take_awaited(number) else {
            return;
        };
        self.note(format_args!(
            "{} learns that request {} failed",
            ClientId(client),
            id.0
        ));
        let now = self.now;
        self.clients[client].client.handle_request_failed(id, now);
        self.touch_client(client);
    }

    pub(crate) fn request_aborted(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        let taken = matches!(exchange.at_server, AtServer::Begun | AtServer::Whole);
        exchange.at_server = AtServer::Done;
        if let Some(index) = exchange.server.filter(|_| taken) {
            let now = self.now;
            let server = &mut self.servers[index].server;
            server.handle_request_aborted(RequestId(number), now);
            self.touch_server(index);
            self.note(format_args!(
                "{} learns that {number} was given up",
                ServerId(index)
            ));
        }
        self.forget_if_over(number);
    }

    pub(crate) fn gateway_timed_out(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get(&number) else {
            return;
        };
        let taken = matches!(exchange.at_server, AtServer::Begun | AtServer::Whole);
        if !taken || !exchange.awaited || exchange.silent {
            return;
        }
        let client = exchange.client;
        self.note(format_args!(
            "a proxy answers {number} in the server's place"
        ));
        self.count(Effect::GatewayTimeout);
        let at = self.time_down(client);
        self.queue_at(at, Delivery::Response(number, Answer::new(504, "")));
        self.queue_at(self.now, Delivery::RequestAborted(number));
    }

    /// The client of an exchange that gets what it waited for.
    fn take_awaited(&mut self, number: u64) -> Option<(usize, RequestId)> {
        let exchange = self.exchanges.get_mut(&number)?;
        if !std::mem::replace(&mut exchange.awaited, false) {
            self.forget_if_over(number);
            return None;
        }
        let (client, id) = (exchange.client, exchange.id);
        self.clients[client].exchanges.remove(&id);
        self.forget_if_over(number);
        Some((client, id))
    }

    fn forget_if_over(&mut self, number: u64) {
        let over = |exchange: &Exchange| {
            let at_server = exchange.at_server == AtServer::Done || exchange.silent;
            !exchange.awaited && at_server
        };
        if self.exchanges.get(&number).is_some_and(over) {
            self.exchanges.remove(&number);
        }
    }
}

/// The first multiple of a period that is not before a time.
fn next_multiple(at: Instant, period: Duration) -> Instant {
    let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
    match period {
        0 => at,
        _ => Instant::from_nanos(at.as_nanos().div_ceil(period).saturating_mul(period)),
    }
}
