//! Counters of the events that applications receive, and of refusals.

use socketio_proto::client::{self, ConnectError};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client as engine;
use socketio_proto::engine::server::{CloseReason, Reject, SlowReader};
use socketio_proto::server::{self, DisconnectReason, ForcedClose, Violation};
use socketio_testkit::{Effect, UpgradeStep};

use super::{Coverage, table};
use crate::world::World;

impl Coverage {
    /// A server reports an event to its application.
    pub(crate) fn server_event(&mut self, event: &server::Event) {
        self.count_variant(&table::SERVER_EVENT, event);
        match event {
            server::Event::Closed { reason, .. } => {
                self.count_variant(&table::SERVER_CLOSE, reason);
                if let CloseReason::TransportError(fault) = reason {
                    self.count_variant(&table::SERVER_FAULT, fault);
                }
            }
            server::Event::Disconnected { reason, .. } => {
                self.count_variant(&table::SERVER_DISCONNECT, reason);
                match reason {
                    DisconnectReason::Engine(reason) => {
                        self.count_variant(&table::SERVER_LEFT_BY, reason);
                    }
                    DisconnectReason::ForcedClose(violation) => self.violation(violation),
                    DisconnectReason::ForcedServerClose(forced) => {
                        self.count_variant(&table::FORCED_CLOSE, forced);
                        if let ForcedClose::Violation(violation) = forced {
                            self.violation(violation);
                        }
                    }
                    _ => {}
                }
            }
            server::Event::Refused { reject, .. } => {
                self.count_variant(&table::REFUSAL, reject);
                if let Reject::BadRequest(what) = reject {
                    self.count_variant(&table::BAD_REQUEST, what);
                }
            }
            server::Event::AckFailed { error, .. } => {
                self.count_variant(&table::SERVER_ACK, error);
            }
            server::Event::BroadcastEnded {
                expected, missing, ..
            } => {
                let how = match (expected, missing.len()) {
                    (0, _) => "for nobody",
                    (_, 0) => "all answered",
                    _ => "some missing",
                };
                self.count(&table::BROADCAST, how);
            }
            server::Event::Upgraded { transport, .. } => {
                self.count_variant(&table::SERVER_UPGRADE, transport);
            }
            _ => {}
        }
    }

    fn violation(&mut self, violation: &Violation) {
        self.count_variant(&table::VIOLATION, violation);
        if let Violation::Decode(error) = violation {
            self.count_variant(&table::NO_PACKET, error);
        }
    }

    /// A client reports an event to its application.
    pub(crate) fn client_event(&mut self, event: &client::Event) {
        self.count_variant(&table::CLIENT_EVENT, event);
        match event {
            client::Event::ManagerClosed { reason }
            | client::Event::Disconnected { reason, .. } => self.disconnect(reason),
            client::Event::ManagerError { error }
            | client::Event::ReconnectError { error }
            | client::Event::ConnectError { error, .. } => {
                self.count_variant(&table::CONNECT_ERROR, error);
                match error {
                    ConnectError::Transport(error) => {
                        self.count_variant(&table::CLIENT_FAULT, error);
                    }
                    ConnectError::Closed(reason) => self.close(reason),
                    _ => {}
                }
            }
            client::Event::ReconnectAttempt { attempt } => {
                let which = match attempt {
                    1 => "first",
                    2 => "second",
                    _ => "third or later",
                };
                self.count(&table::RECONNECT, which);
            }
            client::Event::UpgradeFailed { error, .. } => {
                self.count_variant(&table::PROBE, error);
            }
            client::Event::Upgraded { transport } => {
                self.count_variant(&table::CLIENT_UPGRADE, transport);
            }
            client::Event::AckFailed { error, .. } | client::Event::GivenUp { error, .. } => {
                self.count_variant(&table::CLIENT_ACK, error);
            }
            _ => {}
        }
    }

    fn disconnect(&mut self, reason: &client::DisconnectReason) {
        self.count_variant(&table::CLIENT_DISCONNECT, reason);
        match reason {
            client::DisconnectReason::Engine(reason) => self.close(reason),
            client::DisconnectReason::ParseError(violation) => {
                self.count_variant(&table::CLIENT_VIOLATION, violation);
            }
            _ => {}
        }
    }

    fn close(&mut self, reason: &engine::CloseReason) {
        self.count_variant(&table::CLIENT_CLOSE, reason);
        match reason {
            engine::CloseReason::TransportClose(detail) => {
                self.count_variant(&table::CLIENT_CLOSED_BY, detail);
            }
            engine::CloseReason::TransportError(error) => {
                self.count_variant(&table::CLIENT_FAULT, error);
            }
            _ => {}
        }
    }

    /// A server refused to send an event, or found a queue full.
    pub(crate) fn server_refused(&mut self, error: &server::EmitError, policy: SlowReader) {
        self.count_variant(&table::SERVER_EMIT, error);
        if matches!(error, server::EmitError::Full { .. }) && policy == SlowReader::Refuse {
            self.count_variant(&table::SLOW_READER, &policy);
        }
    }
}

impl World {
    /// Counts the effects of the network at the end of a world.
    pub(crate) fn count_network(&mut self) {
        let coverage = &mut self.checker.coverage;
        for effect in Effect::ALL {
            let times = self.network.effects(*effect);
            coverage.add_to(table::EFFECT.name, &format!("{effect:?}"), times);
        }
        for (to, group) in [
            (Transport::WebSocket, &table::TO_WEBSOCKET),
            (Transport::WebTransport, &table::TO_WEBTRANSPORT),
        ] {
            for step in UpgradeStep::ALL {
                let times = self.network.interrupted_upgrades(to, *step);
                coverage.add_to(group.name, &format!("{step:?}"), times);
            }
        }
    }
}
