//! The differences of revision 4 of the protocol, which Engine.IO of revision 3 carries.
//!
//! The main namespace is not asked for: the server lets every client in by itself, or refuses it.
//!
//! | `/` on the connection | packet of `/` | next |
//! |---|---|---|
//! | `Awaited` | CONNECT | `Joined` |
//! | `Awaited` | ERROR | `Over` |
//! | any | DISCONNECT, in either direction | `Over` |
//!
//! If the application has no socket for `/`, no event comes, and the client does not leave `/` either. A socket that
//! connects later is in its namespace at once. A socket of `/` that has ended cannot return on this connection, because
//! not every server answers a CONNECT of `/`.
//!
//! Other namespaces are asked for, with the authentication as a query behind the name. Nobody tells the ids of
//! sockets: both sides make them of the session's.
//!
//! Source: `socket.io-client` 2.5, `lib/socket.js`, `lib/manager.js`; `socket.io` 2.5, `lib/client.js`.

pub(super) mod main;
pub(super) mod query;

use alloc::format;

use engineio_proto::Revision;
use engineio_proto::collections::Key;

use self::main::Main;
use self::query::query;
use super::acks::deadline;
use super::config::Auth;
use super::error::{ConnectError, Refusal, SocketError};
use super::event::Event;
use super::keys::SocketKey;
use super::machine::{Client, Timer};
use super::socket::{Link, Welcome};
use crate::{Packet, PacketType, Payload};

/// The main namespace.
const MAIN: &str = "/";

impl Client {
    pub(super) fn is_legacy(&self) -> bool {
        self.config.engine.revision == Revision::V3
    }

    /// Whether a namespace is joined without being asked for.
    pub(super) fn is_implicit(&self, namespace: &str) -> bool {
        self.is_legacy() && namespace == MAIN
    }

    pub(super) fn is_implicit_socket(&self, key: Key) -> bool {
        let socket = self.sockets.get(key);
        socket.is_some_and(|socket| self.is_implicit(&socket.namespace))
    }

    /// Notes what a packet says of the main namespace. True if it decides whether the client is in it.
    pub(super) fn note_main(&mut self, packet: &Packet) -> bool {
        if !self.is_implicit(&packet.namespace) {
            return false;
        }
        let before = self.main;
        match packet.packet_type {
            PacketType::Connect if before == Main::Awaited => self.main = Main::Joined,
            PacketType::ConnectError if before == Main::Awaited => {
                self.main = Main::Over;
                self.tell_main_refused(packet.payload.as_ref());
            }
            PacketType::Disconnect => self.main = Main::Over,
            PacketType::Connect
            | PacketType::ConnectError
            | PacketType::Event
            | PacketType::Ack => {}
        }
        before == Main::Awaited && self.main != before
    }

    /// Takes a socket into the main namespace, as far as the server has let the client in.
    pub(super) fn enter_main(&mut self, key: Key) {
        match self.main {
            Main::Awaited => {
                if let Some(socket) = self.sockets.get_mut(key) {
                    socket.link = Link::Asked;
                }
                let deadline = deadline(self.now(), self.config.namespace_timeout);
                self.timers.set(Timer::Join(key), deadline);
            }
            Main::Joined => {
                if let Some(answer) = self.implicit_answer(key) {
                    self.joined(key, answer);
                }
            }
            Main::Over => {}
        }
    }

    /// The answer to CONNECT that servers of revision 4 leave for clients to know.
    pub(super) fn implicit_answer(&self, key: Key) -> Option<Welcome> {
        let (sid, namespace) = (self.sid.as_ref()?, &self.sockets.get(key)?.namespace);
        let sid = if namespace == MAIN {
            sid.clone()
        } else {
            format!("{namespace}#{sid}").into()
        };
        Some(Welcome { sid, pid: None })
    }

    /// Tells the sockets of other namespaces, as officially, that the client was refused: servers before 3.0 keep them
    /// waiting then.
    fn tell_main_refused(&mut self, payload: Option<&Payload>) {
        let refusal = Refusal::of_legacy(payload.cloned());
        for key in self.order.clone() {
            let waits = |socket: &super::socket::Socket| {
                socket.active && !socket.is_joined() && socket.namespace != MAIN
            };
            if self.sockets.get(key).is_some_and(waits) {
                self.push(Event::ConnectError {
                    socket: SocketKey(key),
                    error: ConnectError::MainRefused(refusal.clone()),
                });
            }
        }
    }

    /// Whether a namespace can be asked for with this authentication.
    pub(super) fn check_auth(&self, namespace: &str, auth: &Auth) -> Result<(), SocketError> {
        match auth {
            Auth::Fixed(_) | Auth::Ask if self.is_implicit(namespace) => {
                Err(SocketError::AuthOfMain)
            }
            Auth::Fixed(payload) if !payload.is_auth() => Err(SocketError::Auth),
            Auth::Fixed(payload) if self.is_legacy() && query(payload).is_none() => {
                Err(SocketError::AuthNotText)
            }
            Auth::Fixed(_) | Auth::None | Auth::Ask => Ok(()),
        }
    }
}
