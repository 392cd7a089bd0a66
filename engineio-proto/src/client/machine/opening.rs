//! From `open` to the handshake, and the move to another transport behind it.

use alloc::vec::Vec;

use super::{Carrier, Client, Deadline, Event, Output, Pending, Remembered, State};
use crate::Instant;
use crate::Transport;
use crate::client::close::{ProbeError, RequestError, TransportError};
use crate::client::heartbeat::Heartbeat;
use crate::client::upgrade::{DELAY, Probe, Stage};
use crate::codec::{DecodeError, Open};

impl Client {
    /// Opens a session, on the first transport of the list or on the remembered one. Does nothing unless the
    /// last session is closed. Messages left from the session before are dropped.
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
            self.config.remember_upgrade
                && self.remembered == Remembered::WebSocket
                && self.untried.contains(websocket)
        });
        match remembered.or(self.untried.first().copied()) {
            Some(transport) => self.start(transport),
            // The check of the settings rules this out.
            None => self.fail(TransportError::Poll(RequestError::NETWORK)),
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
            Transport::WebSocket | Transport::WebTransport => {
                let connection = self.connect(transport, None);
                self.carrier = Carrier::Connecting {
                    transport,
                    connection,
                };
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
            !period.is_zero()
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
        self.remembered = Remembered::of(self.transport());
        let candidates = self.candidates(&open);
        self.events.push(Event::Opened(open));
        self.flush_post();
        // A connection that is no polling cannot pause, and the official servers offer it nothing.
        if polling {
            self.start_probes(&candidates);
        }
    }

    /// The transports that are offered and wanted, each once, in the server's order.
    fn candidates(&self, open: &Open) -> Vec<Transport> {
        let mut candidates = Vec::new();
        let offered = open.upgrades.iter();
        for transport in offered.filter_map(|name| Transport::from_name(name)) {
            let wanted = self.config.upgrade
                && transport != Transport::Polling
                && self.config.transports.contains(&transport);
            if wanted && !candidates.contains(&transport) {
                candidates.push(transport);
            }
        }
        candidates
    }

    fn start_probes(&mut self, candidates: &[Transport]) {
        for &to in candidates {
            if to != Transport::WebTransport && candidates.contains(&Transport::WebTransport) {
                self.upgrade.add(Probe {
                    to,
                    deadline: Some(self.now + DELAY),
                    stage: Stage::Delayed,
                });
            } else {
                self.start_probe(to);
            }
        }
    }

    pub(super) fn start_probe(&mut self, to: Transport) {
        let sid = self.sid.clone();
        let on = self.connect(to, sid.as_deref());
        self.upgrade.add(Probe {
            to,
            deadline: self.config.probe_timeout.map(|timeout| self.now + timeout),
            stage: Stage::Connecting { on },
        });
    }

    /// A probe was answered: the others are of no use, and polling is to come to rest.
    pub(super) fn pause_for(&mut self, transport: Transport) {
        while let Some(probe) = self.upgrade.take_unanswered() {
            self.close_probe(probe);
        }
        self.remembered = Remembered::of(Some(transport));
        self.events.push(Event::Upgrading(transport));
    }

    /// Polling has come to rest: the session moves over.
    pub(super) fn complete_upgrade(&mut self) {
        if let Some(probe) = self.upgrade.take_pausing()
            && let Some(connection) = probe.connection()
        {
            self.carrier = Carrier::Connected {
                transport: probe.to,
                connection,
                announced: false,
                greets: false,
            };
            self.outbox.push_upgrade();
            self.events.push(Event::Upgraded(probe.to));
        }
    }

    /// Closes all probes.
    pub(super) fn abort_upgrades(&mut self, error: ProbeError) {
        while let Some(probe) = self
            .upgrade
            .take_unanswered()
            .or_else(|| self.upgrade.take_pausing())
        {
            self.abort_probe(probe, error.clone());
        }
    }

    /// Closes a probe that has failed, and tells so.
    pub(super) fn abort_probe(&mut self, probe: Probe, error: ProbeError) {
        self.close_probe(probe);
        self.upgrade_failed(probe.to, error);
    }

    fn close_probe(&mut self, probe: Probe) {
        if let Some(connection) = probe.connection() {
            self.actions.push_back(Output::Close { connection });
        }
    }

    pub(super) fn upgrade_failed(&mut self, transport: Transport, error: ProbeError) {
        self.events.push(Event::UpgradeFailed { transport, error });
    }

    pub(super) fn request_deadline(&self) -> Deadline {
        match self.config.request_timeout_of(Transport::Polling) {
            Some(timeout) => Deadline::At(self.now + timeout),
            None => Deadline::Never,
        }
    }
}
