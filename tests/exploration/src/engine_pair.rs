//! An Engine.IO client and server, and a network that delivers, loses and cuts in every order.

use core::time::Duration;

use engineio_proto::client::{self, Client};
use engineio_proto::server::{self, Server, ServerEvent, SessionKey};
use engineio_proto::{Encoded, Instant, Message, Revision, Seed, Transport};

use crate::digest::digest;
use crate::network::{Move, Network};
use crate::packets;
use crate::report::Report;
use crate::search::World;

const INTERVAL: Duration = Duration::from_millis(1000);
const TIMEOUT: Duration = Duration::from_millis(200);
const UPGRADE: Duration = Duration::from_millis(300);
const CLOSING: Duration = Duration::from_millis(150);
const OPENING: Duration = Duration::from_millis(500);
/// More steps than any rest takes.
const STEPS: usize = 200;

/// The settings of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) revision: Revision,
    /// The transports of the client, the first one to open on.
    pub(crate) transports: &'static [Transport],
    /// The number of messages that each side sends.
    pub(crate) messages: u8,
    /// The number of losses.
    pub(crate) losses: u8,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Net(Move),
    ClientSends,
    ServerSends,
    ClientCloses,
    ServerCloses,
    ClientDiscards,
    ServerDiscards,
}

/// One side, from the view of its application.
#[derive(Debug, Default)]
struct Side {
    opened: bool,
    closed: bool,
    /// Its application closed it, or tried to.
    closing: bool,
    sent: u8,
    heard: u8,
    upgraded: bool,
}

#[derive(Debug)]
struct Model {
    client: Side,
    server: Side,
    key: Option<SessionKey>,
}

pub(crate) struct EnginePair {
    plan: Plan,
    network: Network<Client, Server>,
    model: Model,
}

impl EnginePair {
    pub(crate) fn new(plan: Plan) -> Self {
        let now = Instant::from_millis(10_000);
        let endpoint = client::Endpoint::parse("https://x.com").expect("an address");
        let mut config = client::Config::new(endpoint)
            .with_timestamp_requests(false)
            .with_transports(plan.transports)
            .with_open_timeout(OPENING);
        config.revision = plan.revision;
        let served = server::Config::default()
            .with_allow_eio3(true)
            .with_ping_interval(INTERVAL)
            .with_ping_timeout(TIMEOUT)
            .with_upgrade_timeout(UPGRADE)
            .with_close_timeout(CLOSING);
        let client = Client::new(config, &Seed::new([3; 32]));
        let server = Server::new(served, 0, &Seed::new([7; 32]));
        let mut pair = Self {
            plan,
            network: Network::new(
                client.expect("settings that work"),
                server.expect("settings that work"),
                now,
            ),
            model: Model {
                client: Side::default(),
                server: Side::default(),
                key: None,
            },
        };
        pair.network.client.open(now);
        pair.settle();
        pair
    }

    fn settle(&mut self) {
        self.network.settle();
        while let Some(event) = self.network.client_events.pop_front() {
            self.client_told(&event);
        }
        while let Some(event) = self.network.server_events.pop_front() {
            self.server_told(event);
        }
        self.check();
    }

    fn client_told(&mut self, event: &client::Event) {
        let (side, report) = (&mut self.model.client, &mut self.network.report);
        report.require(!side.closed, || format!("client: {event:?} behind the end"));
        match event {
            client::Event::Opened(_) => side.opened = true,
            client::Event::Message(message) => side.hear(message, self.model.server.sent, report),
            client::Event::Upgraded(_) => side.upgraded = true,
            client::Event::Closed(_) => side.closed = true,
            _ => {}
        }
    }

    fn server_told(&mut self, event: ServerEvent) {
        let (side, report) = (&mut self.model.server, &mut self.network.report);
        match event {
            ServerEvent::Opened { session, .. } => {
                report.require(!side.opened, || "a second session".to_owned());
                side.opened = true;
                self.model.key = Some(session);
            }
            ServerEvent::Session { event, .. } => {
                report.require(!side.closed, || format!("server: {event:?} behind the end"));
                match event {
                    server::Event::Message(message) => {
                        side.hear(&message, self.model.client.sent, report);
                    }
                    server::Event::Upgraded(_) => side.upgraded = true,
                    server::Event::Closed(_) => side.closed = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let (network, model) = (&mut self.network, &self.model);
        let due = network.client.poll_timeout();
        let now = network.now;
        let report = &mut network.report;
        if model.client.closed {
            report.require(due.is_none(), || {
                format!("client: a deadline at {due:?} behind the end")
            });
        } else {
            report.require(due.is_some_and(|due| due > now), || {
                format!("client: the deadline is {due:?} at {now:?}")
            });
        }
        let is_open = model.server.opened && !model.server.closed;
        let due = network.server.poll_timeout();
        report.require(
            due.is_some() == is_open && due.is_none_or(|due| due > now),
            || format!("server: the deadline is {due:?} at {now:?}, open: {is_open}"),
        );
        let counted = (network.server.session_count(), network.server.timer_count());
        let count = usize::from(is_open);
        report.require(counted == (count, count), || {
            format!("sessions and deadlines are {counted:?}, open: {is_open}")
        });
        let held = network.server.bytes_held();
        report.require(is_open || held == 0, || {
            format!("{held} bytes are held behind the end")
        });
    }

    fn client_sends(&mut self) {
        let number = self.model.client.sent + 1;
        let sent = self.network.client.send(&message(number));
        self.network
            .report
            .note(|| format!("client sends {number}: {sent:?}"));
        if sent.is_ok() {
            self.model.client.sent = number;
        }
    }

    fn server_sends(&mut self) {
        let number = self.model.server.sent + 1;
        let Some(key) = self.model.key else { return };
        let sent = self.network.server.send(key, &message(number));
        self.network
            .report
            .note(|| format!("server sends {number}: {sent:?}"));
        if sent.is_ok() {
            self.model.server.sent = number;
        }
    }

    fn server_closes(&mut self) {
        if let Some(key) = self.model.key {
            self.model.server.closing = true;
            self.network.server.close(key, self.network.now);
        }
    }

    /// Delivers everything that is in flight, and everything that follows from it, in rounds. While the answer to its
    /// probe is in flight, a client polls as often as it is answered.
    fn deliver(&mut self) {
        for _ in 0..STEPS {
            let round = self.network.wires.deliveries();
            if round.is_empty() {
                return;
            }
            for step in round {
                if self.network.report.broken().is_some() {
                    return;
                }
                if self.network.wires.deliveries().contains(&step) {
                    self.network.make(step);
                    self.settle();
                }
            }
        }
        self.network
            .report
            .require(false, || "no end of deliveries".to_owned());
    }

    fn wait_for_the_end(&mut self) {
        for _ in 0..STEPS {
            if self.network.due().is_some() && self.network.report.broken().is_none() {
                self.network.make(Move::Wait);
                self.settle();
            }
        }
    }

    fn all_is_over(&mut self) {
        let model = &self.model;
        let over = model.client.closed && model.server.opened == model.server.closed;
        let report = &mut self.network.report;
        report.require(over, || "one side never ends".to_owned());
    }

    /// The network works, and both sides stay. Everything arrives, and both are on the same transport.
    fn go_on(&mut self) {
        self.deliver();
        let (client, server) = (&self.model.client, &self.model.server);
        let report = &mut self.network.report;
        let closing = client.closing || server.closing;
        let open = client.opened && !client.closed && server.opened && !server.closed;
        if !open || closing {
            return;
        }
        let heard = (client.heard, server.heard);
        let sent = (server.sent, client.sent);
        report.require(heard == sent, || format!("heard {heard:?} of {sent:?}"));
        let session = self
            .model
            .key
            .and_then(|key| self.network.server.session(key));
        let on = session.map(server::Session::transport);
        let at = self.network.client.transport();
        report.require(on == at, || {
            format!("one is on {at:?}, the other on {on:?}")
        });
        let moves = self.plan.transports.len() > 1;
        let moved = client.upgraded && server.upgraded;
        let lost = self.network.wires.losses > 0 || self.timed_out();
        let report = &mut self.network.report;
        report.require(!moves || moved || lost, || "no upgrade".to_owned());
    }

    /// A probe may have been given up at its timeout.
    fn timed_out(&self) -> bool {
        self.network.now > Instant::from_millis(10_000)
    }

    /// The two may disagree about an upgrade: it timed out on one side while the other side continued, or its
    /// connection was lost. In the official implementation too this ends the session.
    fn is_torn(&self) -> bool {
        let moved = (self.model.client.upgraded, self.model.server.upgraded);
        let tries = self.network.wires.has_connections() && moved != (true, true);
        let moving = self.plan.transports.len() > 1 && (tries || moved.0 != moved.1);
        moving && (self.timed_out() || self.network.wires.losses > 0)
    }

    /// An application closes, and the network works. The other side receives everything.
    fn close(&mut self, by_client: bool) {
        let could = {
            let (client, server) = (&self.model.client, &self.model.server);
            let open = client.opened && !client.closed && server.opened && !server.closed;
            open && !client.closing && !server.closing && !self.is_torn()
        };
        if by_client {
            self.model.client.closing = true;
            self.network.client.close(self.network.now);
        } else {
            self.server_closes();
        }
        self.settle();
        self.deliver();
        let (client, server) = (&self.model.client, &self.model.server);
        let (heard, sent) = if by_client {
            (server.heard, client.sent)
        } else {
            (client.heard, server.sent)
        };
        let over = client.closed && (server.closed || !server.opened);
        let report = &mut self.network.report;
        report.require(!could || heard == sent, || {
            format!("heard {heard} of {sent} before the end")
        });
        report.require(!could || over, || {
            "a close does not reach the other side".to_owned()
        });
        self.wait_for_the_end();
        self.deliver();
        self.wait_for_the_end();
        self.all_is_over();
        let empty = self.network.wires.is_empty();
        self.network
            .report
            .require(empty, || "something is still under way".to_owned());
    }
}

impl Side {
    fn hear(&mut self, message: &Message, sent: u8, report: &mut Report) {
        let next = self.heard + 1;
        let number = packets::number(message);
        report.require(number == Some(next) && next <= sent, || {
            format!("heard {message:?} instead of {next} of {sent}")
        });
        self.heard = next;
    }
}

fn message(number: u8) -> Encoded {
    Encoded::new(&packets::message(number))
}

impl World for EnginePair {
    type Action = Action;

    fn actions(&self) -> Vec<Action> {
        let losses = self.network.wires.losses < self.plan.losses;
        let mut actions: Vec<_> = self
            .network
            .moves(losses)
            .into_iter()
            .map(Action::Net)
            .collect();
        let (client, server) = (&self.model.client, &self.model.server);
        if !client.closed && !client.closing {
            if client.sent < self.plan.messages {
                actions.push(Action::ClientSends);
            }
            actions.push(Action::ClientCloses);
            actions.push(Action::ClientDiscards);
        }
        if server.opened && !server.closed && !server.closing {
            if server.sent < self.plan.messages {
                actions.push(Action::ServerSends);
            }
            actions.push(Action::ServerCloses);
            actions.push(Action::ServerDiscards);
        }
        actions
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Net(step) => self.network.make(step),
            Action::ClientSends => self.client_sends(),
            Action::ServerSends => self.server_sends(),
            Action::ClientCloses => {
                self.model.client.closing = true;
                self.network.client.close(self.network.now);
            }
            Action::ServerCloses => self.server_closes(),
            Action::ClientDiscards => {
                self.model.client.closing = true;
                self.network.client.discard();
            }
            Action::ServerDiscards => {
                if let Some(key) = self.model.key {
                    self.model.server.closing = true;
                    self.network.server.discard(key);
                }
            }
        }
        self.settle();
    }

    fn digest(&self) -> u128 {
        let network = &self.network;
        digest(
            network.now,
            &[
                &network.client,
                &network.server,
                &network.wires,
                &self.model,
            ],
        )
    }

    fn endings(&self) -> usize {
        4
    }

    fn end(&mut self, ending: usize) {
        match ending {
            0 => {
                self.wait_for_the_end();
                self.all_is_over();
            }
            1 => self.close(true),
            2 => self.close(false),
            _ => self.go_on(),
        }
    }

    fn report(&mut self) -> &mut Report {
        &mut self.network.report
    }
}
