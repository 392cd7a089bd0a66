//! For scripts that do not know what came of them.

use bytes::Bytes;

use super::{Net, RequestKind};

impl Net {
    /// A client tries to open a session; it is no client if the server has enough.
    pub(crate) fn try_open(&mut self, websocket: bool, old: bool) -> Vec<String> {
        let client = self.add_client();
        self.clients[client].old = old;
        let revision = if old { "EIO=3&b64=1" } else { "EIO=4" };
        if websocket {
            let connection = self.connect(client, &format!("{revision}&transport=websocket"));
            self.clients[client].on = Some(connection);
        } else {
            let query = format!("{revision}&transport=polling");
            self.request(client, RequestKind::Open, "GET", &query, Bytes::new());
        }
        let lines = self.drain();
        if self.clients[client].session.is_none() {
            self.clients.pop();
        }
        lines
    }

    /// One of the clients that the server still listens to; now and then one of the others.
    pub(crate) fn nth_client(&self, number: usize) -> Option<usize> {
        let all = 0..self.clients.len();
        let open = all.clone().filter(|client| {
            let session = self.clients[*client].session;
            let session = session.and_then(|session| self.server.engine().session(session));
            session.is_some_and(|session| session.is_open())
        });
        nth(open.collect(), number)
            .filter(|_| number != 5)
            .or_else(|| nth(all.collect(), number))
    }

    /// One of the sockets that have not left; now and then one of the others.
    pub(crate) fn nth_socket(&self, number: usize) -> Option<usize> {
        let all = 0..self.sockets.len();
        let joined = all.clone().filter(|socket| {
            let key = self.sockets[*socket].key;
            self.server.socket_id(key).is_some()
        });
        nth(joined.collect(), number)
            .filter(|_| number != 11)
            .or_else(|| nth(all.collect(), number))
    }

    pub(crate) fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Whether a poll of a client has not been answered.
    pub(crate) fn holds_poll(&self, client: usize) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| request.client == client && request.open)
    }

    /// Whether a client has joined a namespace.
    pub(crate) fn is_in(&self, client: usize, namespace: &str) -> bool {
        self.sockets.iter().any(|socket| {
            socket.client == client && self.server.socket_namespace(socket.key) == Some(namespace)
        })
    }

    /// The namespace that a socket joined.
    pub(crate) fn namespace(&self, socket: usize) -> String {
        self.sockets[socket].namespace.clone()
    }

    /// The client that a socket is of.
    pub(crate) fn owner(&self, socket: usize) -> usize {
        self.sockets[socket].client
    }

    pub(crate) fn is_polling(&self, client: usize) -> bool {
        self.clients[client].on.is_none()
    }

    /// Checks that no client has more waiting for it than allowed.
    pub(crate) fn check_buffers(&self) {
        let config = self.server.engine().config();
        for (_, session) in self.server.engine().sessions() {
            let buffered = session.buffered();
            assert!(buffered.messages <= config.max_buffered_messages.max(11));
            assert!(buffered.messages <= 11 || buffered.bytes <= config.max_buffered_bytes);
        }
    }
}

fn nth(numbers: Vec<usize>, number: usize) -> Option<usize> {
    numbers.get(number.checked_rem(numbers.len())?).copied()
}
