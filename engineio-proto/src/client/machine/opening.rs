//! From `open` to the handshake, and the move to another transport behind it.

use super::{Carrier, Client, Deadline, Event, Output, Pending, State};
use crate::Instant;
use crate::Transport;
use crate::client::close::{ProbeError, TransportError};
use crate::client::heartbeat::Heartbeat;
use crate::client::upgrade::Upgrade;
use crate::codec::{DecodeError, Open};

impl Client {
    /// Opens the connection, on the first transport of the list or on the remembered one. Does nothing unless it is
    /// closed. Messages left from the connection before are dropped.
    ///
    /// Ends with [`Event::Closed`], exactly once, whether or not [`Event::Opened`] came before. Arms
    /// [`Config::open_timeout`](crate::client::Config::open_timeout).
    pub fn open(&mut self, now: Instant) {
        self.observe(now);
        if self.state != State::Closed {
            return;
        }
        let _dropped = self.outbox.take();
        self.carrier = Carrier::None;
        self.heartbeat = Heartbeat::Off;
        self.state = State::Opening {
            deadline: self.config.open_timeout.map(|timeout| self.now + timeout),
        };
        self.untried.clone_from(&self.config.transports);
        let remembered = Some(Transport::WebSocket).filter(|websocket| {
            self.config.remember_upgrade && self.remembered && self.untried.contains(websocket)
        });
        match remembered.or(self.untried.first().copied()) {
            Some(transport) => self.start(transport),
            // The check of the settings rules this out.
            None => self.fail(TransportError::WebSocket(
                super::super::RequestError::NETWORK,
            )),
        }
        self.check();
    }

    /// Opens a transport.
    pub(super) fn start(&mut self, transport: Transport) {
        match transport {
            Transport::Polling => {
                let get = self.request(None, None);
                self.carrier = Carrier::Polling {
                    get: Some(Pending {
                        id: get,
                        deadline: self.request_deadline(),
                    }),
                    post: None,
                };
            }
            Transport::WebSocket => {
                let connection = self.connect(None);
                self.carrier = Carrier::Connecting { connection };
            }
        }
    }

    /// The first packet: the session is open.
    ///
    /// Intervals that are both zero would end the session before anybody can ping, and are refused like a malformed
    /// handshake.
    pub(super) fn handle_handshake(&mut self, json: &str) {
        let open = Open::decode(json).ok().filter(|open| {
            let period = open.ping_interval.saturating_add(open.ping_timeout);
            !open.sid.is_empty() && open.sid.len() <= MAX_SID && !period.is_zero()
        });
        let Some(open) = open else {
            return self.fail(TransportError::Parse(DecodeError::Handshake));
        };
        self.state = State::Open;
        self.untried.clear();
        self.sid = Some(open.sid.clone());
        // Officially zero counts as not told.
        self.max_payload = open.max_payload.filter(|&bytes| bytes > 0);
        let revision = self.config.revision;
        self.heartbeat =
            Heartbeat::start(revision, open.ping_interval, open.ping_timeout, self.now);
        let polling = matches!(self.carrier, Carrier::Polling { .. });
        self.remembered = !polling;
        let offered = open.upgrades.iter().any(|name| name == "websocket");
        let wanted = self.config.upgrade && self.config.transports.contains(&Transport::WebSocket);
        self.events.push(Event::Opened(open));
        self.flush_post();
        // A connection that is no polling cannot pause, and the official servers offer it nothing.
        if polling && offered && wanted {
            self.start_probe();
        }
    }

    fn start_probe(&mut self) {
        self.remembered = false;
        let sid = self.sid.clone();
        let on = self.connect(sid.as_deref());
        self.upgrade = Upgrade::Connecting {
            on,
            deadline: self.config.probe_timeout.map(|timeout| self.now + timeout),
        };
    }

    /// Polling has come to rest: the session moves over.
    pub(super) fn complete_upgrade(&mut self) {
        if let Some(connection) = self.upgrade.take() {
            self.carrier = Carrier::Connected {
                connection,
                announced: false,
            };
            self.outbox.push_upgrade();
            self.events.push(Event::Upgraded(Transport::WebSocket));
        }
    }

    /// Closes the probe, if there is one, and lets polling go on.
    pub(super) fn abort_upgrade(&mut self, error: ProbeError) {
        if let Some(connection) = self.upgrade.take() {
            self.actions.push_back(Output::Close { connection });
            self.upgrade_failed(error);
        }
    }

    /// The probe's connection is gone.
    pub(super) fn probe_lost(&mut self, error: ProbeError) {
        self.upgrade = Upgrade::None;
        self.upgrade_failed(error);
    }

    fn upgrade_failed(&mut self, error: ProbeError) {
        self.events.push(Event::UpgradeFailed {
            transport: Transport::WebSocket,
            error,
        });
    }

    pub(super) fn request_deadline(&self) -> Deadline {
        match self.config.request_timeout_of(Transport::Polling) {
            Some(timeout) => Deadline::At(self.now + timeout),
            None => Deadline::Never,
        }
    }
}

/// No server makes longer session ids; each request repeats it.
const MAX_SID: usize = 1024;
