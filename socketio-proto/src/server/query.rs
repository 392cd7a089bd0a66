//! Queries about the state of a server.

use engineio_proto::server::SessionKey;

use super::keys::SocketKey;
use super::machine::Server;
use super::namespace::Observed;
use super::target::Target;

impl Server {
    /// Sets whether [`Event::Sent`](super::Event::Sent) tells of each event that is sent in a namespace, as the official
    /// `onAnyOutgoing` does; at first it does not. [`Event::Event`](super::Event::Event) tells of what arrives in any
    /// case. False if there is no such namespace.
    pub fn observe(&mut self, namespace: &str, observed: Observed) -> bool {
        let key = self.namespaces.key(namespace);
        let Some(namespace) = key.and_then(|key| self.namespaces.by_key_mut(key)) else {
            return false;
        };
        namespace.observed = observed == Observed::Sent;
        true
    }

    /// The sockets that a broadcast would be for, each once, by ascending key.
    ///
    /// Cost: that of the [target](Target#cost), while the iterator is walked.
    pub fn sockets<'a>(&'a self, target: Target<'a>) -> impl Iterator<Item = SocketKey> + 'a {
        let namespace = self.namespaces.get(target.namespace).into_iter();
        namespace.flat_map(move |namespace| namespace.select(target, &self.sockets))
    }

    /// The rooms that a socket is in: first its own, then the others, ascending. None once it has left.
    ///
    /// Cost: O(log n) for n sockets in the namespace, and O(1) for each room.
    pub fn rooms(&self, socket: SocketKey) -> impl Iterator<Item = &str> {
        let entry = self.sockets.get(socket.0);
        let own = entry
            .filter(|entry| entry.own_room)
            .map(|entry| entry.name());
        let namespace = entry.and_then(|entry| self.namespace_of(entry));
        own.into_iter().chain(
            namespace
                .into_iter()
                .flat_map(move |namespace| namespace.rooms.rooms(socket)),
        )
    }

    /// The number of sockets in a namespace.
    #[must_use]
    pub fn socket_count(&self, namespace: &str) -> usize {
        self.namespaces
            .get(namespace)
            .map_or(0, |namespace| namespace.sockets.len())
    }

    /// The names of all namespaces, ascending.
    ///
    /// Cost: O(1) for each namespace.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        let namespaces = self.namespaces.iter();
        let namespaces = namespaces.filter(|namespace| !namespace.tentative);
        namespaces.map(|namespace| &*namespace.name)
    }

    /// The namespace of a socket; `None` once it has left.
    #[must_use]
    pub fn socket_namespace(&self, socket: SocketKey) -> Option<&str> {
        self.namespace_of(self.sockets.get(socket.0)?)
            .map(|namespace| &*namespace.name)
    }

    /// The Engine.IO session of a socket; `None` once it has left.
    #[must_use]
    pub fn socket_session(&self, socket: SocketKey) -> Option<SessionKey> {
        self.sockets.get(socket.0).map(|socket| socket.session)
    }

    /// The sockets of a client: one for each namespace that it is in.
    ///
    /// Cost: O(k log k) for the k namespaces that the client is in, waits for, or was taken out of.
    pub fn sockets_of(&self, session: SessionKey) -> impl Iterator<Item = SocketKey> {
        let sockets = self
            .client(session)
            .into_iter()
            .flat_map(|client| client.peer().sockets());
        sockets
            .filter(|key| self.sockets.get(*key).is_some_and(|socket| socket.joined))
            .map(SocketKey)
    }

    /// The acknowledgements of a socket that are awaited.
    #[must_use]
    pub fn pending_acks(&self, socket: SocketKey) -> usize {
        let Some(entry) = self.sockets.get(socket.0) else {
            return 0;
        };
        let namespace = self.namespace_name(entry);
        self.client(entry.session)
            .map_or(0, |client| client.peer().pending_acks(&namespace))
    }

    /// What waits for the application of one client: events, and their bytes. An event counts as its JSON and its
    /// attachments.
    #[must_use]
    pub fn undelivered(&self, session: SessionKey) -> (usize, usize) {
        self.client(session).map_or((0, 0), |client| {
            let waiting = client.undelivered();
            (waiting.messages(), waiting.bytes())
        })
    }

    /// The number of sockets, in all namespaces, and of clients that wait to be let into one.
    #[must_use]
    pub fn all_sockets_count(&self) -> usize {
        self.sockets.len()
    }

    /// The acknowledgements of all sockets that are awaited.
    ///
    /// Cost: O(s log k) for s sockets of which each client has k.
    #[must_use]
    pub fn all_pending_acks_count(&self) -> usize {
        let sockets = self.sockets.iter().map(|(key, _)| SocketKey(key));
        sockets.map(|socket| self.pending_acks(socket)).sum()
    }

    /// The socket with that id, if it is in that namespace.
    #[must_use]
    pub fn find_socket(&self, namespace: &str, id: &str) -> Option<SocketKey> {
        let key = self.sockets.find(id)?;
        let socket = self.sockets.get(key)?;
        (socket.joined && self.namespace_name(socket) == namespace).then_some(SocketKey(key))
    }

    /// How often a session, a client, a socket, a namespace, a room or a kept packet was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        // The clients first: looking at them takes steps, which the others count.
        let clients = self.engine.sessions();
        let clients = clients.filter_map(|(session, _)| self.client(session));
        let clients = clients.map(|client| client.peer().steps().taken());
        let clients = clients.sum::<usize>() + self.clients.steps_of_gone();
        let owned =
            self.engine.steps() + self.events.steps() + self.clients.steps() + self.sockets.steps();
        owned + self.namespaces.steps() + self.kept.steps() + clients
    }
}
