//! One client: which namespaces it is in, and what its messages mean there.
//!
//! | membership of a namespace | packet | next | result |
//! |---|---|---|---|
//! | none, left | CONNECT | pending | [`Received::Connect`] |
//! | pending, joined | CONNECT | – | violation |
//! | joined | EVENT | joined | [`Received::Event`] |
//! | joined | ACK that is awaited | joined | [`Received::Ack`] |
//! | joined | ACK that is not | joined | nothing |
//! | joined | DISCONNECT | none | [`Received::Disconnect`] |
//! | left | EVENT, ACK, DISCONNECT | left | nothing: it crossed the server's own DISCONNECT |
//! | none, pending | EVENT, ACK, DISCONNECT | – | violation |
//! | any | CONNECT_ERROR | – | violation |
//!
//! Source: `socket.io/lib/client.ts`, `ondecoded`. Officially what crosses a DISCONNECT of the server closes the whole
//! connection; here it is ignored.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::Steps;
use engineio_proto::hidden::HiddenQuery;
use engineio_proto::{Message, Revision};

use super::legacy::query::split_query;
use super::members::{Member, Members, Membership};
use super::violation::Violation;
use crate::hidden::debug_fields;
use crate::parser::{Decoder, Limits, Parser};
use crate::{Packet, PacketType, Payload};

/// The Socket.IO side of one Engine.IO session on the server: a decoder, and the namespaces that the client is in.
///
/// [`Server`](super::Server) keeps one for each session; a driver that keeps its own sessions does the same. `K` is what
/// the caller calls a socket. It sends nothing by itself: [`Parser::encode`](crate::parser::Parser::encode) makes the
/// packets that the caller sends.
///
/// What concerns one namespace takes O(log k) for the k namespaces of the client, of which there are as many as allowed.
///
/// # Examples
///
/// ```
/// use socketio_proto::engine::Message;
/// use socketio_proto::server::{Peer, Received};
///
/// let mut peer = Peer::new(Default::default(), Default::default(), 10);
/// let Ok(Some(Received::Connect { namespace, auth: None })) = peer.handle_message(Message::text("0")) else {
///     panic!("a CONNECT packet")
/// };
/// peer.expect(namespace.clone(), 'a');
/// peer.join(&namespace);
/// let Ok(Some(Received::Event { socket: 'a', payload, id: None })) = peer.handle_message(Message::text(r#"2["hi"]"#)) else {
///     panic!("an EVENT packet")
/// };
/// assert_eq!(payload.name(), Some("hi"));
/// ```
#[derive(Debug)]
pub struct Peer<K> {
    decoder: Decoder,
    members: Members<K>,
    /// In half a word, so that the revision and the flag take no room of their own.
    max_namespaces: u32,
    revision: Revision,
    /// The server may have taken the client out of some of the namespaces.
    has_left: bool,
}

/// What a message means.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Received<K> {
    /// The client wants to join a namespace: follow with [`Peer::expect`], or refuse it.
    Connect {
        /// The namespace.
        namespace: ByteString,
        /// The object that the client sent along.
        auth: Option<Payload>,
    },
    /// The client wants to join more namespaces than allowed.
    TooManyNamespaces {
        /// The namespace.
        namespace: ByteString,
    },
    /// An event.
    Event {
        /// The socket.
        socket: K,
        /// The name and arguments.
        payload: Payload,
        /// The id to acknowledge it with, if the client asks for that.
        id: Option<u64>,
    },
    /// An acknowledgement that was awaited.
    Ack {
        /// The socket.
        socket: K,
        /// The id of the event.
        id: u64,
        /// The arguments.
        payload: Payload,
    },
    /// The client left a namespace.
    Disconnect {
        /// The socket.
        socket: K,
        /// The ids of the events whose acknowledgement will not come.
        acks: Vec<u64>,
    },
}

impl<K: fmt::Debug> fmt::Debug for Received<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { namespace, auth } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "Connect", namespace, auth)
            }
            Self::TooManyNamespaces { namespace } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "TooManyNamespaces", namespace)
            }
            Self::Event {
                socket,
                payload,
                id,
            } => debug_fields!(f, "Event", socket, payload, id),
            Self::Ack {
                socket,
                id,
                payload,
            } => debug_fields!(f, "Ack", socket, id, payload),
            Self::Disconnect { socket, acks } => debug_fields!(f, "Disconnect", socket, acks),
        }
    }
}

impl<K: Copy + PartialEq> Peer<K> {
    /// Makes the peer for a client that is in no namespace.
    #[must_use]
    pub fn new(parser: Parser, limits: Limits, max_namespaces: usize) -> Self {
        Self {
            decoder: parser.decoder(limits),
            members: Members::new(),
            max_namespaces: u32::try_from(max_namespaces).unwrap_or(u32::MAX),
            revision: Revision::V4,
            has_left: false,
        }
    }

    /// Sets the revision of Engine.IO below, by default 4. Over revision 3 a client has a query behind its namespaces
    /// in the place of a payload: it is what [`Received::Connect`] has as `auth`, an object of texts.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.decoder = self.decoder.with_revision(revision);
        self.revision = revision;
        self
    }

    /// Takes the next message of the client; `None` if nothing comes of it, or not yet.
    ///
    /// # Errors
    ///
    /// A [`Violation`]: the connection is to be closed.
    pub fn handle_message(&mut self, message: Message) -> Result<Option<Received<K>>, Violation> {
        let packet = self.decoder.add(message).map_err(Violation::Decode)?;
        packet.map_or(Ok(None), |packet| self.handle_packet(packet))
    }

    /// Notes that the caller thinks about letting the client into a namespace, as the socket `socket`.
    pub fn expect(&mut self, namespace: ByteString, socket: K) {
        self.members.insert(Member {
            namespace,
            state: Membership::Pending(socket),
            acks: BTreeSet::new(),
        });
    }

    /// Lets the client into a namespace that it waits for. False if it does not.
    pub fn join(&mut self, namespace: &str) -> bool {
        let Some(member) = self.members.get_mut(namespace) else {
            return false;
        };
        let Membership::Pending(socket) = member.state else {
            return false;
        };
        member.state = Membership::Joined(socket);
        true
    }

    /// Refuses the client a namespace that it waits for.
    pub fn refuse(&mut self, namespace: &str) {
        self.members.remove(namespace);
    }

    /// Takes the client out of a namespace, on the server's initiative. Gives the ids of the events whose
    /// acknowledgement will not come.
    ///
    /// Cost: O(log k) for the k namespaces of the client, and O(1) for each id.
    pub fn leave(&mut self, namespace: &str) -> Vec<u64> {
        let Some(member) = self.members.get_mut(namespace) else {
            return Vec::new();
        };
        member.state = Membership::Left;
        self.has_left = true;
        core::mem::take(&mut member.acks).into_iter().collect()
    }

    /// Awaits the acknowledgement of an event. How long is the caller's to say, with
    /// [`cancel_ack`](Self::cancel_ack).
    pub fn expect_ack(&mut self, namespace: &str, id: u64) {
        if let Some(member) = self.members.get_mut(namespace) {
            member.acks.insert(id);
        }
    }

    /// Awaits an acknowledgement no longer. False if it was not awaited.
    pub fn cancel_ack(&mut self, namespace: &str, id: u64) -> bool {
        let Some(member) = self.members.get_mut(namespace) else {
            return false;
        };
        let awaited = member.acks.remove(&id);
        if member.acks.is_empty() {
            // An emptied set keeps a node.
            member.acks = BTreeSet::new();
        }
        awaited
    }

    /// The number of acknowledgements that are awaited in a namespace.
    #[must_use]
    pub fn pending_acks(&self, namespace: &str) -> usize {
        self.members
            .get(namespace)
            .map_or(0, |member| member.acks.len())
    }

    /// The sockets of the client, joined ones and those that wait, in the order they asked.
    ///
    /// Cost: O(k log k) for the k namespaces that the client is in, waits for, or was taken out of.
    pub fn sockets(&self) -> impl Iterator<Item = K> {
        self.members.iter().filter_map(|member| match member.state {
            Membership::Pending(socket) | Membership::Joined(socket) => Some(socket),
            Membership::Left => None,
        })
    }

    /// The bytes held for a packet whose attachments are not complete.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.decoder.buffered_bytes()
    }

    /// The bytes that are held for a packet that is not complete, what the allocator adds included.
    pub(super) fn heap_size(&self) -> usize {
        self.decoder.heap_size()
    }

    fn handle_packet(&mut self, packet: Packet) -> Result<Option<Received<K>>, Violation> {
        let Packet {
            packet_type,
            namespace,
            id,
            mut payload,
            ..
        } = packet;
        let namespace = if self.revision == Revision::V3 {
            let (name, query) = split_query(&namespace);
            if packet_type == PacketType::Connect {
                payload = query;
            }
            name
        } else {
            namespace
        };
        let state = self.members.get(&namespace).map(|member| member.state);
        let socket = match (packet_type, state) {
            (PacketType::ConnectError, _) => return Err(Violation::ConnectError),
            (PacketType::Connect, None | Some(Membership::Left)) => {
                return Ok(Some(self.handle_connect(namespace, payload)));
            }
            (PacketType::Connect, Some(_)) => return Err(Violation::SecondConnect),
            (_, Some(Membership::Joined(socket))) => socket,
            (_, Some(Membership::Left)) => return Ok(None),
            (_, None | Some(Membership::Pending(_))) => return Err(Violation::NotJoined),
        };
        Ok(match packet_type {
            PacketType::Event => payload.map(|payload| Received::Event {
                socket,
                payload,
                id,
            }),
            PacketType::Ack => {
                let id = id.filter(|id| self.cancel_ack(&namespace, *id));
                let payload = payload.unwrap_or_else(Payload::no_args);
                id.map(|id| Received::Ack {
                    socket,
                    id,
                    payload,
                })
            }
            PacketType::Disconnect => {
                let left = self.members.remove(&namespace);
                let acks = left.into_iter().flat_map(|member| member.acks).collect();
                Some(Received::Disconnect { socket, acks })
            }
            PacketType::Connect | PacketType::ConnectError => None,
        })
    }

    fn handle_connect(&mut self, namespace: ByteString, auth: Option<Payload>) -> Received<K> {
        self.members.remove(&namespace);
        if !self.has_room() && core::mem::take(&mut self.has_left) {
            // What the server left is kept only to ignore what crossed; it must not keep the client out.
            self.members.forget_left();
        }
        if self.has_room() {
            Received::Connect { namespace, auth }
        } else {
            Received::TooManyNamespaces { namespace }
        }
    }

    fn has_room(&self) -> bool {
        u32::try_from(self.members.len()).is_ok_and(|members| members < self.max_namespaces)
    }

    /// How often a namespace of the client was looked at.
    pub(super) const fn steps(&self) -> &Steps {
        self.members.steps()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer<char> {
        Peer::new(Parser::default(), Limits::default(), 2)
    }

    fn receive(
        peer: &mut Peer<char>,
        text: &'static str,
    ) -> Result<Option<Received<char>>, Violation> {
        peer.handle_message(Message::text(text))
    }

    fn joined(namespace: &'static str, socket: char) -> Peer<char> {
        let mut peer = peer();
        peer.expect(namespace.into(), socket);
        assert!(peer.join(namespace));
        peer
    }

    fn payload(json: &'static str) -> Payload {
        let text = alloc::format!("3{json}");
        let packet = Parser::default()
            .decoder(Limits::default())
            .add(Message::text(text))
            .unwrap()
            .unwrap();
        packet.payload.unwrap()
    }

    #[test]
    fn a_connect_packet_asks_to_join() {
        let asked = |namespace: &'static str| {
            Ok(Some(Received::Connect {
                namespace: namespace.into(),
                auth: None,
            }))
        };
        let mut peer = peer();
        assert_eq!(receive(&mut peer, "0"), asked("/"));
        assert_eq!(receive(&mut peer, "0/admin,"), asked("/admin"));
    }

    #[test]
    fn a_second_connect_is_a_violation_while_pending_and_when_joined() {
        let mut peer = peer();
        peer.expect("/".into(), 'a');
        assert_eq!(receive(&mut peer, "0"), Err(Violation::SecondConnect));
        assert_eq!(
            receive(&mut joined("/", 'a'), "0"),
            Err(Violation::SecondConnect)
        );
    }

    #[test]
    fn packets_before_joining_are_violations() {
        for packet in [r#"2["a"]"#, "30[]", "1", r#"2/other,["a"]"#] {
            assert_eq!(
                receive(&mut peer(), packet),
                Err(Violation::NotJoined),
                "{packet}"
            );
            let mut pending = peer();
            pending.expect("/".into(), 'a');
            assert_eq!(
                receive(&mut pending, packet),
                Err(Violation::NotJoined),
                "{packet}"
            );
        }
        assert_eq!(
            receive(&mut joined("/", 'a'), r#"4{"message":"x"}"#),
            Err(Violation::ConnectError)
        );
    }

    #[test]
    fn what_crosses_a_disconnect_of_the_server_is_ignored_and_joining_again_is_not() {
        let mut peer = joined("/", 'a');
        peer.leave("/");
        for packet in [r#"2["a"]"#, "30[]", "1"] {
            assert_eq!(receive(&mut peer, packet), Ok(None));
        }
        assert!(matches!(
            receive(&mut peer, "0"),
            Ok(Some(Received::Connect { .. }))
        ));
    }

    #[test]
    fn an_awaited_ack_is_delivered_once_and_others_never() {
        let mut peer = joined("/", 'a');
        peer.expect_ack("/", 7);
        assert_eq!(receive(&mut peer, "36[]"), Ok(None));
        assert_eq!(receive(&mut peer, "3[]"), Ok(None));
        let ack = Received::Ack {
            socket: 'a',
            id: 7,
            payload: payload("[1]"),
        };
        assert_eq!(receive(&mut peer, "37[1]"), Ok(Some(ack)));
        assert_eq!(receive(&mut peer, "37[1]"), Ok(None));
    }

    #[test]
    fn an_ack_without_payload_has_no_arguments() {
        let mut peer = joined("/", 'a');
        peer.expect_ack("/", 7);
        let ack = Received::Ack {
            socket: 'a',
            id: 7,
            payload: Payload::no_args(),
        };
        assert_eq!(receive(&mut peer, "37"), Ok(Some(ack)));
    }

    #[test]
    fn leaving_tells_which_acks_will_not_come() {
        let mut peer = joined("/", 'a');
        peer.expect_ack("/", 2);
        peer.expect_ack("/", 1);
        let left = Received::Disconnect {
            socket: 'a',
            acks: alloc::vec![1, 2],
        };
        assert_eq!(receive(&mut peer, "1"), Ok(Some(left)));
        assert_eq!(receive(&mut peer, "1"), Err(Violation::NotJoined));
    }

    #[test]
    fn namespaces_are_counted_to_the_limit() {
        let mut peer = joined("/", 'a');
        peer.expect("/b".into(), 'b');
        let refused = Received::TooManyNamespaces {
            namespace: "/c".into(),
        };
        assert_eq!(receive(&mut peer, "0/c"), Ok(Some(refused)));
        peer.leave("/");
        assert!(matches!(
            receive(&mut peer, "0/c"),
            Ok(Some(Received::Connect { .. }))
        ));
    }

    #[test]
    fn an_undecodable_packet_is_a_violation() {
        let error = Violation::Decode(crate::DecodeError::InvalidPayload);
        assert_eq!(receive(&mut joined("/", 'a'), "2{}"), Err(error));
    }
}
