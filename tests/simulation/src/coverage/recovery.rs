//! Counters of recoveries, and of refused ones by reason.

use std::collections::BTreeMap;

use socketio_proto::Payload;
use socketio_proto::engine::server::SessionKey;
use socketio_proto::server::{RecoveryStore, SavedSession, Server, SocketKey};
use socketio_testkit::ServerId;

use super::table;
use crate::world::World;

impl World {
    /// Stores the state that a server keeps of a socket that left and may return.
    pub(crate) fn remember_saved(&mut self, server: ServerId, socket: SocketKey) {
        let index = self.number_of(server);
        let Some((namespace, id)) = self.checker.place_of(index, socket) else {
            return;
        };
        let store = self.network.server(server).recovery_store(&namespace);
        let saved = store.and_then(|store| {
            let mut sessions = store.sessions();
            sessions.find(|session| session.socket.as_str() == id)
        });
        if let Some(saved) = saved.cloned() {
            let pid = saved.pid.as_str().to_owned();
            self.checker.servers[index].saved.insert(pid, saved);
        }
    }

    /// Counts a client that names an earlier session, and is treated as a new client.
    pub(crate) fn count_refused_recovery(
        &mut self,
        server: ServerId,
        session: SessionKey,
        namespace: &str,
        auth: Option<&Payload>,
    ) {
        let claim = auth.and_then(|auth| auth.data::<BTreeMap<String, String>>().ok());
        let claim = claim.unwrap_or_default();
        let (Some(pid), Some(offset)) = (claim.get("pid"), claim.get("offset")) else {
            return;
        };
        let index = self.number_of(server);
        let saved = self.checker.servers[index].saved.remove(pid);
        let machine = self.network.server(server);
        let now = self.network.now();
        let store = machine.recovery_store(namespace);
        let longest = machine.config().connection_state_recovery;
        let longest = longest.map(|config| config.max_disconnection_duration);
        let why = match (saved, store) {
            (None, _) => "refused: unknown session",
            (Some(saved), _)
                if longest.is_some_and(|longest| saved.disconnected_at + longest < now) =>
            {
                "refused: away too long"
            }
            (Some(saved), Some(store)) => match missed(store, &saved, offset) {
                None => "refused: unknown offset",
                Some(missed) if !has_room(machine, session, missed) => "refused: too much missed",
                Some(_) => "refused: pushed out by others",
            },
            (Some(_), None) => "refused: unknown offset",
        };
        self.checker.coverage.count(&table::RECOVERY, why);
    }
}

/// The messages and bytes that a session missed; `None` if some of them are not stored.
fn missed(store: &RecoveryStore, session: &SavedSession, offset: &str) -> Option<(usize, usize)> {
    let mut packets = store.packets();
    packets.find(|packet| packet.offset == offset)?;
    let missed = packets.filter(|packet| packet.recipients.include(session));
    let parts = missed.flat_map(|packet| packet.packet.parts());
    Some(parts.fold((0, 0), |(messages, bytes), part| {
        (messages + 1, bytes + part.payload_len())
    }))
}

/// Whether the missed messages fit into the queue of a session, together with the answer to the CONNECT.
fn has_room(server: &Server, session: SessionKey, (messages, bytes): (usize, usize)) -> bool {
    let config = &server.config().engine;
    let buffered = server.engine().session(session);
    let buffered = buffered
        .map(|session| session.buffered())
        .unwrap_or_default();
    buffered.messages + messages < config.max_buffered_messages
        && buffered.bytes + bytes < config.max_buffered_bytes
}
