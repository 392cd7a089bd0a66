//! What the application decides about clients that wait.

use serde::Serialize;

use super::keys::{ConnectToken, SocketKey};
use super::machine::{Gone, Server, Timer};
use crate::{PacketRef, PacketType, Payload};

#[derive(Serialize)]
struct Connected<'a> {
    sid: &'a str,
}

impl Server {
    /// Lets a client into the namespace that it waits for. It is told so, and is in its own room from here on.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn accept(&mut self, token: ConnectToken) -> Result<SocketKey, Gone> {
        let key = token.0;
        let Some(socket) = self.sockets.get(key).filter(|socket| !socket.joined) else {
            return Err(Gone);
        };
        let (session, id, name) = (socket.session, socket.id, self.namespace_name(socket));
        let payload = Payload::object(&Connected { sid: id.as_str() }).map_err(|_| Gone)?;
        let packet = PacketRef::new(PacketType::Connect, &name).with_payload(&payload);
        // Before it joins: who has no room for the answer is dropped, and must leave no trace of a socket.
        self.send_control(session, packet);
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.joined = true;
            let namespace = socket.namespace;
            if let Some(namespace) = self.namespaces.by_key_mut(namespace) {
                namespace.waiting.remove(&key);
                namespace.sockets.insert(SocketKey(key));
            }
            // Its own room is always new, or somebody's who knew the id beforehand.
            let _joined = self.join(SocketKey(key), id.as_str());
            self.timers.set(Timer::Verdict(key), None);
            self.timers.set(Timer::Connect(session.slot()), None);
            if let Some(client) = self.client_mut(session) {
                client.connection.join(&name);
            }
        }
        self.pump();
        self.check();
        if self.sockets.get(key).is_some() {
            Ok(SocketKey(key))
        } else {
            Err(Gone)
        }
    }

    /// Refuses a client the namespace that it waits for: it gets a `connect_error` with the message, and the data as
    /// its `data`. It may ask again.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn reject(
        &mut self,
        token: ConnectToken,
        message: &str,
        data: Option<&Payload>,
    ) -> Result<(), Gone> {
        if self.sockets.get(token.0).is_none_or(|socket| socket.joined) {
            return Err(Gone);
        }
        self.refuse(token.0, message, data);
        self.pump();
        Ok(())
    }
}
