//! Sockets: made, connected, disconnected, forgotten.

use engineio_proto::Gone;
use engineio_proto::Instant;
use engineio_proto::collections::Key;

use super::acks::deadline;
use super::config::{Auth, SocketOptions};
use super::error::{AckError, AuthError, DisconnectReason, SocketError};
use super::event::Event;
use super::keys::{AuthToken, SocketKey};
use super::legacy::main::Main;
use super::legacy::query::{query, with_query};
use super::machine::{Client, Timer};
use super::phase::{Phase, Reconnect};
use super::socket::{Link, Socket};
use crate::{PacketRef, PacketType, Payload};

impl Client {
    /// Makes the socket of a namespace without connecting it. If there is one, it is that one, with the options it has.
    ///
    /// # Errors
    ///
    /// A [`SocketError`].
    pub fn socket(
        &mut self,
        namespace: &str,
        options: SocketOptions,
    ) -> Result<SocketKey, SocketError> {
        if let Some(&key) = self.names.get(namespace) {
            return Ok(SocketKey(key));
        }
        let no_name: &[char] = if self.is_legacy() {
            &[',', '?', '#']
        } else {
            &[',']
        };
        if !namespace.starts_with('/') || namespace.contains(no_name) {
            return Err(SocketError::InvalidNamespace);
        }
        let limit = self.config.limits.max_namespace_len;
        if u32::try_from(namespace.len()).map_or(true, |len| len > limit) {
            return Err(SocketError::NamespaceTooLong { limit });
        }
        options.check()?;
        self.check_auth(namespace, &options.auth)?;
        let limit = self.config.max_namespaces;
        let full = SocketError::TooManyNamespaces { limit };
        if self.order.len() >= limit {
            return Err(full);
        }
        let socket = Socket::new(namespace.into(), options);
        let key = self.sockets.insert(socket).ok_or(full)?;
        self.order.push(key);
        self.names.insert(namespace.into(), key);
        self.check();
        Ok(SocketKey(key))
    }

    /// Makes the socket of a namespace and connects it: [`socket`](Self::socket) and
    /// [`connect_again`](Self::connect_again).
    ///
    /// # Errors
    ///
    /// A [`SocketError`].
    pub fn connect(
        &mut self,
        namespace: &str,
        options: SocketOptions,
        now: Instant,
    ) -> Result<SocketKey, SocketError> {
        let socket = self.socket(namespace, options)?;
        // It was made or found just now.
        let _known = self.connect_again(socket, now);
        Ok(socket)
    }

    /// Connects a socket: opens the connection if there is none, and joins the namespace once it is open. Nothing
    /// happens if the socket is connected or about to be.
    ///
    /// In revision 4 a socket of `/` that left while others stay, or was taken out, gets back in at the next connection.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the socket was forgotten.
    pub fn connect_again(&mut self, socket: SocketKey, now: Instant) -> Result<(), Gone> {
        self.catch_up(now);
        let was_active = self.set_active(socket.0, true);
        let entry = self.sockets.get(socket.0).ok_or(Gone)?;
        if matches!(entry.link, Link::Abandoned) && !was_active {
            // The CONNECT waits for the answer to the one before, which may never come.
            let now = self.now();
            let deadline = deadline(now, self.config.namespace_timeout);
            self.timers.set(Timer::Join(socket.0), deadline);
        }
        if self.reconnect == Reconnect::No {
            self.open_engine();
        }
        self.advance_socket(socket.0);
        self.pump();
        Ok(())
    }

    /// Takes a socket out of its namespace, or stops it from getting there. Its connection is closed, behind what is
    /// queued, if no other socket is active. What is in its buffers waits until it is connected again.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the socket was forgotten.
    pub fn disconnect(&mut self, socket: SocketKey, now: Instant) -> Result<(), Gone> {
        self.catch_up(now);
        let key = socket.0;
        let entry = self.sockets.get_mut(key).ok_or(Gone)?;
        if !entry.active {
            return Ok(());
        }
        let was_joined = entry.is_joined();
        let unanswered = matches!(entry.link, Link::Asked | Link::Abandoned);
        let implicit = self.is_implicit_socket(key);
        if implicit && was_joined {
            self.main = Main::Over;
        }
        self.leave(key);
        if let Some(entry) = self.sockets.get_mut(key) {
            entry.owes_disconnect |= was_joined;
            // Where nothing was asked, no answer is owed.
            if unanswered && !implicit {
                entry.link = Link::Abandoned;
            }
        }
        self.advance_socket(key);
        self.close_if_idle();
        if was_joined {
            self.disconnected(key, DisconnectReason::IoClientDisconnect);
        }
        self.pump();
        Ok(())
    }

    /// Forgets a socket that is not active, with all that waits in it: what awaits an acknowledgement fails. False, and
    /// nothing happens, if it is active or the server has not been told yet that it left.
    ///
    /// Cost: O(n) for n sockets, and O(log n) for each acknowledgement.
    pub fn forget(&mut self, socket: SocketKey) -> bool {
        let key = socket.0;
        let idle = |socket: &Socket| {
            !socket.active && !socket.owes_disconnect && matches!(socket.link, Link::Out)
        };
        if !self.sockets.get(key).is_some_and(idle) {
            return false;
        }
        self.clear_buffer(socket);
        if let Some(entry) = self.sockets.get_mut(key) {
            for (id, pending) in entry.acks.take_all() {
                self.ack_failed(key, id, pending, AckError::Disconnected);
            }
        }
        if let Some(entry) = self.sockets.remove(key) {
            self.names.remove(&entry.namespace);
            self.order.retain(|other| *other != key);
        }
        self.check();
        true
    }

    /// Gives the authentication that [`Event::AuthRequired`] asked for; `None` for none.
    ///
    /// # Errors
    ///
    /// An [`AuthError`]; the namespace is not joined then.
    pub fn provide_auth(
        &mut self,
        token: AuthToken,
        auth: Option<Payload>,
        now: Instant,
    ) -> Result<(), AuthError> {
        self.catch_up(now);
        let (key, legacy) = (token.socket.0, self.is_legacy());
        let socket = self.sockets.get_mut(key).ok_or(AuthError::Gone)?;
        if !matches!(socket.link, Link::Asking(question) if question == token.question) {
            return Err(AuthError::Gone);
        }
        let fault = auth.as_ref().and_then(|auth| {
            if !auth.is_auth() {
                Some(AuthError::NoObject)
            } else if legacy && query(auth).is_none() {
                Some(AuthError::NotText)
            } else {
                None
            }
        });
        socket.link = match fault {
            None => Link::Ready(auth),
            Some(_) => Link::Out,
        };
        self.advance_socket(key);
        self.pump();
        fault.map_or(Ok(()), Err)
    }

    /// Sets what a socket shows the server, from its next CONNECT on.
    ///
    /// # Errors
    ///
    /// [`SocketError::Auth`] if it is no object, in revision 4 also [`SocketError::AuthNotText`] and
    /// [`SocketError::AuthOfMain`]. Nothing happens if the socket was forgotten.
    pub fn set_auth(&mut self, socket: SocketKey, auth: Auth) -> Result<(), SocketError> {
        let Some(entry) = self.sockets.get(socket.0) else {
            return Ok(());
        };
        self.check_auth(&entry.namespace, &auth)?;
        if let Some(entry) = self.sockets.get_mut(socket.0) {
            entry.options.auth = auth;
        }
        Ok(())
    }

    /// Takes a socket as far into its namespace, or out of it, as the connection lets it.
    pub(super) fn advance_socket(&mut self, key: Key) {
        if self.phase != Phase::Open {
            return;
        }
        let (legacy, implicit) = (self.is_legacy(), self.is_implicit_socket(key));
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        if socket.owes_disconnect {
            let packet = PacketRef::new(PacketType::Disconnect, &socket.namespace);
            let packet = self.config.parser.encode(packet, 0);
            if packet.is_ok_and(|packet| self.links.send(packet.parts()).is_err()) {
                return;
            }
            socket.owes_disconnect = false;
        }
        if matches!(socket.link, Link::Out) && socket.active {
            if implicit {
                return self.enter_main(key);
            }
            socket.link = match &socket.options.auth {
                Auth::None => Link::Ready(None),
                Auth::Fixed(payload) => Link::Ready(Some(payload.clone())),
                Auth::Ask => {
                    let question = self.next_question;
                    self.next_question = question.saturating_add(1);
                    socket.link = Link::Asking(question);
                    let socket = SocketKey(key);
                    let token = AuthToken { socket, question };
                    return self.push(Event::AuthRequired { socket, token });
                }
            };
        }
        let Link::Ready(auth) = &socket.link else {
            return;
        };
        if legacy && auth.is_some() && self.main == Main::Awaited {
            // Servers before 3.0 lose the query of who comes earlier.
            return;
        }
        let packet = if legacy {
            let namespace = with_query(&socket.namespace, auth.as_ref());
            let packet = PacketRef::new(PacketType::Connect, &namespace);
            self.config.parser.encode(packet, 0)
        } else {
            let payload = socket
                .connect_payload(auth.as_ref())
                .unwrap_or_else(|_| auth.clone());
            let mut packet = PacketRef::new(PacketType::Connect, &socket.namespace);
            packet.payload = payload.as_ref();
            self.config.parser.encode(packet, 0)
        };
        if packet.is_ok_and(|packet| self.links.send(packet.parts()).is_err()) {
            return;
        }
        socket.link = Link::Asked;
        let timeout = self.config.namespace_timeout;
        let now = self.now();
        self.timers.set(Timer::Join(key), deadline(now, timeout));
    }
}
