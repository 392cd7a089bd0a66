//! What the two applications have sent and been told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engineio_proto::Instant;
use socketio_proto::Payload;
use socketio_proto::client;
use socketio_proto::server::{self, DisconnectReason};

use crate::report::Report;

/// One socket of the server, from the moment that a client got in, over every recovery.
#[derive(Debug)]
struct Life {
    id: String,
    /// The socket, while it is there.
    key: Option<server::SocketKey>,
    /// It is kept for its client to come back to.
    away: bool,
    /// The events that it was sent, and how many of them its client heard.
    sent: Vec<Sent>,
    heard: usize,
    /// The last event that it heard.
    last_up: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u8,
    /// A client that comes back gets it: it awaits no acknowledgement.
    is_kept: bool,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// How many events the server and the client sent.
    pub(super) down: u8,
    pub(super) up: u8,
    pub(super) joins: u8,
    /// Something was lost, or time passed: acknowledgements may have failed, and events may not have arrived.
    pub(super) interrupted: bool,
    /// The client closed its connection for good.
    pub(super) gave_up: bool,
    lives: Vec<Life>,
    /// The life that the client is told to be in.
    client_in: Option<usize>,
    /// The last life that it was in.
    client_was_in: Option<usize>,
    /// What it heard before it was told that it is in.
    early: Vec<u8>,
    heard_up: BTreeSet<u8>,
    server_asked: BTreeMap<(server::SocketKey, server::AckId), (u8, Instant)>,
    client_asked: BTreeMap<client::AckId, (u8, Instant)>,
    server_tokens: VecDeque<(server::AckToken, u8)>,
    client_tokens: VecDeque<(client::AckToken, u8)>,
    failed: u8,
}

impl Model {
    pub(super) fn next_down(&mut self) -> u8 {
        self.down += 1;
        self.down
    }

    pub(super) fn next_up(&mut self) -> u8 {
        self.up += 1;
        self.up
    }

    /// A client got in, or came back.
    pub(super) fn joined(
        &mut self,
        key: server::SocketKey,
        id: String,
        recovered: bool,
        report: &mut Report,
    ) {
        let known = self.lives.iter_mut().find(|life| life.id == id);
        match known {
            Some(life) => {
                report.require(recovered && life.away, || {
                    format!("{id} is there a second time")
                });
                life.key = Some(key);
                life.away = false;
                life.last_up = None;
                let missed = life.sent.split_off(life.heard);
                life.sent.extend(missed.iter().filter(|sent| sent.is_kept));
            }
            None => {
                report.require(!recovered, || format!("{id} came back from nowhere"));
                self.lives.push(Life {
                    id,
                    key: Some(key),
                    away: false,
                    sent: Vec::new(),
                    heard: 0,
                    last_up: None,
                });
            }
        }
    }

    pub(super) fn members(&self) -> usize {
        self.lives.iter().filter(|life| life.key.is_some()).count()
    }

    pub(super) fn newest_member(&self) -> Option<server::SocketKey> {
        self.lives.iter().rev().find_map(|life| life.key)
    }

    /// An event for everybody. Gives the number of sockets that are there.
    pub(super) fn broadcast(&mut self, number: u8) -> usize {
        for life in &mut self.lives {
            if life.key.is_some() || life.away {
                life.sent.push(Sent {
                    number,
                    is_kept: true,
                });
            }
        }
        self.members()
    }

    pub(super) fn server_asked(
        &mut self,
        key: server::SocketKey,
        number: u8,
        id: server::AckId,
        by: Instant,
    ) {
        if let Some(life) = self.lives.iter_mut().find(|life| life.key == Some(key)) {
            life.sent.push(Sent {
                number,
                is_kept: false,
            });
        }
        self.server_asked.insert((key, id), (number, by));
    }

    pub(super) fn client_emitted(&mut self, number: u8, id: Option<client::AckId>, by: Instant) {
        if let Some(id) = id {
            self.client_asked.insert(id, (number, by));
        }
    }

    pub(super) fn server_pending(&self) -> usize {
        self.server_asked.len()
    }

    pub(super) fn pending(&self) -> usize {
        self.server_asked.len() + self.client_asked.len()
    }

    pub(super) fn server_answer_by(&self) -> Option<Instant> {
        self.server_asked.values().map(|(_, by)| *by).min()
    }

    pub(super) fn client_answer_by(&self) -> Option<Instant> {
        self.client_asked.values().map(|(_, by)| *by).min()
    }

    pub(super) fn has_server_token(&self) -> bool {
        !self.server_tokens.is_empty()
    }

    pub(super) fn has_client_token(&self) -> bool {
        !self.client_tokens.is_empty()
    }

    pub(super) fn take_server_token(&mut self) -> Option<(server::AckToken, u8)> {
        self.server_tokens.pop_front()
    }

    pub(super) fn take_client_token(&mut self) -> Option<(client::AckToken, u8)> {
        self.client_tokens.pop_front()
    }

    /// The client leaves: it is told of nothing more.
    pub(super) fn leaves(&mut self) {
        self.early.clear();
    }

    pub(super) fn client_told(
        &mut self,
        event: client::Event,
        id: Option<String>,
        report: &mut Report,
    ) {
        match event {
            client::Event::Connected { recovered, .. } => {
                let id = id.unwrap_or_default();
                let life = self.lives.iter().position(|life| life.id == id);
                report.require(life.is_some(), || format!("{id} is nobody's"));
                report.require(self.client_in.is_none(), || "connected twice".to_owned());
                let same = life == self.client_was_in;
                report.require(recovered == same, || {
                    format!("recovered is {recovered}, the socket is the same: {same}")
                });
                self.client_in = life;
                self.client_was_in = life;
                for number in core::mem::take(&mut self.early) {
                    self.heard_down(number, report);
                }
            }
            client::Event::Disconnected { .. } => {
                // Officially it is told too if the connection ends while the namespace is being joined.
                self.client_in = None;
                self.early.clear();
            }
            client::Event::Event { payload, ack, .. } => {
                let number = number_of(&payload, report);
                if self.client_in.is_some() {
                    self.heard_down(number, report);
                } else {
                    self.early.push(number);
                }
                self.client_tokens.extend(ack.map(|token| (token, number)));
            }
            client::Event::Ack { id, payload, .. } => {
                let number = number_of(&payload, report);
                let asked = self.client_asked.remove(&id);
                report.require(asked.is_some_and(|(asked, _)| asked == number), || {
                    format!("an answer to {number} for {asked:?}")
                });
            }
            client::Event::AckFailed { id, .. } => {
                let asked = self.client_asked.remove(&id);
                report.require(asked.is_some(), || format!("{id:?} ended twice"));
                self.failed += 1;
            }
            _ => {}
        }
    }

    fn heard_down(&mut self, number: u8, report: &mut Report) {
        let Some(life) = self.client_in.and_then(|index| self.lives.get_mut(index)) else {
            return;
        };
        let next = life.sent.get(life.heard).map(|sent| sent.number);
        report.require(next == Some(number), || {
            format!("the client heard {number} instead of {next:?}")
        });
        life.heard += 1;
    }

    pub(super) fn server_told(&mut self, event: server::Event, report: &mut Report) {
        match event {
            server::Event::Event {
                socket,
                payload,
                ack,
            } => {
                let number = number_of(&payload, report);
                let life = self.lives.iter_mut().find(|life| life.key == Some(socket));
                report.require(life.is_some(), || format!("{number} from nobody"));
                let last = life.map(|life| life.last_up.replace(number));
                let follows = last.flatten().is_none_or(|last| number == last + 1);
                report.require(follows, || format!("{number} behind {last:?}"));
                let new = self.heard_up.insert(number);
                report.require(new, || format!("{number} was heard twice"));
                self.server_tokens.extend(ack.map(|token| (token, number)));
            }
            server::Event::Ack {
                socket,
                id,
                payload,
            } => {
                let number = number_of(&payload, report);
                let asked = self.server_asked.remove(&(socket, id));
                report.require(asked.is_some_and(|(asked, _)| asked == number), || {
                    format!("an answer to {number} for {asked:?}")
                });
            }
            server::Event::AckFailed { socket, id, .. } => {
                let asked = self.server_asked.remove(&(socket, id));
                report.require(asked.is_some(), || format!("{id:?} ended twice"));
                self.failed += 1;
            }
            server::Event::Disconnected { socket, reason, .. } => {
                let life = self.lives.iter_mut().find(|life| life.key == Some(socket));
                report.require(life.is_some(), || format!("{socket:?} left twice"));
                if let Some(life) = life {
                    life.key = None;
                    life.away = !matches!(
                        reason,
                        DisconnectReason::ClientNamespaceDisconnect
                            | DisconnectReason::ServerNamespaceDisconnect
                    );
                }
                let left = self.server_asked.keys().any(|(key, _)| *key == socket);
                report.require(!left, || {
                    "an acknowledgement outlived its socket".to_owned()
                });
            }
            _ => {}
        }
    }

    /// What holds once everything under way has arrived and the client is in.
    pub(super) fn all_is_well(&self, report: &mut Report) {
        let life = self.client_in.and_then(|index| self.lives.get(index));
        report.require(life.is_some_and(|life| life.key.is_some()), || {
            "the client is not in".to_owned()
        });
        if let Some(life) = life {
            let missing = life.sent.get(life.heard..).unwrap_or_default();
            report.require(missing.is_empty(), || {
                format!("the client never heard {missing:?}")
            });
        }
        let pending = self.pending();
        report.require(pending == 0, || {
            format!("{pending} acknowledgements never end")
        });
        if !self.interrupted {
            let heard = self.heard_up.len();
            report.require(heard == usize::from(self.up), || {
                format!("the server heard {heard} of {}", self.up)
            });
            report.require(self.failed == 0, || {
                "an acknowledgement was lost".to_owned()
            });
        }
    }
}

fn number_of(payload: &Payload, report: &mut Report) -> u8 {
    // An offset may follow.
    let number = payload.args::<(u8,)>().map(|(number,)| number);
    report.require(number.is_ok(), || format!("no number in {payload:?}"));
    number.unwrap_or_default()
}
