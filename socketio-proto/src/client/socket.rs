//! One namespace, as the client sees it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::{Key, Slab};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::acks::Acks;
use super::buffers::{ReceiveBuffer, SendBuffer};
use super::config::SocketOptions;
use super::retry::RetryQueue;
use crate::payload::cursor::{self, Cursor};
use crate::{EncodeError, PacketType, Payload};

pub(super) struct Socket {
    pub(super) namespace: ByteString,
    pub(super) options: SocketOptions,
    /// Whether the application wants it in its namespace.
    pub(super) active: bool,
    pub(super) link: Link,
    /// The server thinks the socket is in its namespace and has not been told otherwise, for lack of room.
    pub(super) owes_disconnect: bool,
    /// The id that the server gave it for this session.
    pub(super) id: Option<ByteString>,
    /// What the server knows the session by when it is to be continued.
    pub(super) pid: Option<ByteString>,
    /// The JSON of the offset of the last event, a string.
    pub(super) offset: Option<ByteString>,
    pub(super) recovered: bool,
    /// Counts the sessions.
    pub(super) session: u64,
    pub(super) acks: Acks,
    pub(super) send_buffer: SendBuffer,
    pub(super) receive_buffer: ReceiveBuffer,
    pub(super) retries: RetryQueue,
    /// An emit was refused for lack of room, and the application has not been told yet that there is some.
    pub(super) refused: bool,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace)
            .field("active", &self.active)
            .field("link", &self.link)
            .field("recovered", &self.recovered)
            .finish_non_exhaustive()
    }
}

/// The socket of a key, if it has joined its namespace.
pub(super) fn joined_mut(sockets: &mut Slab<Socket>, key: Key) -> Option<&mut Socket> {
    sockets.get_mut(key).filter(|socket| socket.is_joined())
}

/// How far the socket is into its namespace, on the connection there is.
///
/// | state | input | next | output |
/// |---|---|---|---|
/// | `Out` | connection open, socket active | `Asking` or `Ready` | `AuthRequired` |
/// | `Asking` | authentication | `Ready` | |
/// | `Ready` | room | `Asked` | CONNECT |
/// | `Asked` | CONNECT | `Joined` | `Connected` |
/// | `Asked` | CONNECT_ERROR | `Out` | `ConnectError` |
/// | `Asked` | the application disconnects | `Abandoned` | |
/// | `Abandoned` | CONNECT | `Out` | DISCONNECT |
/// | `Abandoned` | CONNECT_ERROR | `Out` | |
/// | `Joined` | DISCONNECT | `Out` | `Disconnected` |
/// | `Joined` | the application disconnects | `Out` | DISCONNECT, `Disconnected` |
/// | any | connection over | `Out` | `Disconnected` if active |
///
/// In revision 4 the socket of `/` goes from `Out` to `Asked` without a CONNECT, or to `Joined` if the server admitted
/// the client before. It goes from `Asked` to `Out`, since it owes no answer.
///
/// A second CONNECT before the first is answered would make the server close the connection.
#[derive(Clone, Debug)]
pub(super) enum Link {
    Out,
    /// The application was asked for its authentication; the number names the question.
    Asking(u64),
    Ready(Option<Payload>),
    Asked,
    Abandoned,
    Joined,
}

impl Socket {
    pub(super) fn new(namespace: ByteString, options: SocketOptions) -> Self {
        Self {
            namespace,
            options,
            active: false,
            link: Link::Out,
            owes_disconnect: false,
            id: None,
            pid: None,
            offset: None,
            recovered: false,
            session: 0,
            acks: Acks::default(),
            send_buffer: SendBuffer::default(),
            receive_buffer: ReceiveBuffer::default(),
            retries: RetryQueue::default(),
            refused: false,
        }
    }

    pub(super) fn is_joined(&self) -> bool {
        matches!(self.link, Link::Joined)
    }

    /// Notes that the server let the socket in.
    pub(super) fn join(&mut self, answer: Welcome) {
        self.recovered = answer.pid.is_some() && answer.pid == self.pid;
        if !self.recovered {
            // An offset of another session would bring back what came before this one.
            self.offset = None;
        }
        self.id = Some(answer.sid);
        self.pid = answer.pid;
        self.session = self.session.saturating_add(1);
        self.link = Link::Joined;
    }

    /// Notes the offset that a server with connection state recovery puts behind the arguments of an event.
    pub(super) fn note_offset(&mut self, payload: &Payload) {
        if self.pid.is_none() {
            return;
        }
        let offset = payload
            .raw_args()
            .last()
            .filter(|last| last.starts_with('"') && last.len() <= MAX_OFFSET);
        if let Some(offset) = offset {
            // A copy, so that a short offset does not keep a long event.
            self.offset = Some(ByteString::from(offset));
        }
    }

    /// Forgets the offset that was noted.
    pub(super) fn forget_offset(&mut self) {
        self.offset = None;
    }

    /// The payload of CONNECT: the authentication, and in front of it what continues the session before, unless the
    /// authentication has members of these names.
    pub(super) fn connect_payload(
        &self,
        auth: Option<&Payload>,
    ) -> Result<Option<Payload>, EncodeError> {
        let Some(pid) = &self.pid else {
            return Ok(auth.cloned());
        };
        let own = auth.map_or("{}", Payload::json);
        let Members {
            has_pid,
            has_offset,
            is_empty,
        } = serde_json::from_str(own).map_err(|_| EncodeError::PayloadKind)?;
        let mut json = String::from("{");
        if !has_pid {
            json.push_str("\"pid\":");
            let pid = serde_json::to_string(&**pid).map_err(|_| EncodeError::PayloadKind)?;
            json.push_str(&pid);
        }
        if let Some(offset) = self.offset.as_ref().filter(|_| !has_offset) {
            separate(&mut json);
            json.push_str("\"offset\":");
            json.push_str(offset);
        }
        if !is_empty {
            separate(&mut json);
        }
        json.push_str(own.get(1..).unwrap_or("}"));
        Payload::from_json(PacketType::Connect, json, Vec::new())
            .map(Some)
            .map_err(|_| EncodeError::PayloadKind)
    }
}

fn separate(json: &mut String) {
    if json.len() > 1 {
        json.push(',');
    }
}

/// The longest offset that is kept, in bytes of JSON: it is sent back at every CONNECT.
const MAX_OFFSET: usize = 1024;

/// What of the members of an authentication matters here.
struct Members {
    has_pid: bool,
    has_offset: bool,
    is_empty: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members {
                    has_pid: false,
                    has_offset: false,
                    is_empty: true,
                };
                while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                    members.has_pid |= key == "pid";
                    members.has_offset |= key == "offset";
                    members.is_empty = false;
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// What the answer to CONNECT says.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Welcome {
    pub(super) sid: ByteString,
    pub(super) pid: Option<ByteString>,
}

impl Welcome {
    /// Reads the payload of a CONNECT packet; `None` if it names no socket id.
    pub(super) fn new(payload: Option<&Payload>) -> Option<Self> {
        let json = payload?.json();
        let text = |key| {
            let member = cursor::member(json, key)?;
            // An escape is six characters for one.
            let text = Cursor::new(member).string_within(MAX_OFFSET * 6)?;
            (!text.is_empty() && text.len() <= MAX_OFFSET).then(|| ByteString::from(&*text))
        };
        Some(Self {
            sid: text("sid")?,
            pid: text("pid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &'static str) -> Payload {
        Payload::from_json(PacketType::Connect, json, Vec::new()).unwrap()
    }

    fn socket(pid: Option<&'static str>, offset: Option<&'static str>) -> Socket {
        let mut socket = Socket::new("/".into(), SocketOptions::default());
        socket.pid = pid.map(ByteString::from);
        socket.offset = offset.map(ByteString::from);
        socket
    }

    fn connect(socket: &Socket, auth: Option<&'static str>) -> Option<String> {
        let auth = auth.map(object);
        let payload = socket.connect_payload(auth.as_ref()).unwrap();
        payload.map(|payload| payload.json().into())
    }

    #[test]
    fn connect_carries_the_authentication_and_what_continues_a_session() {
        let fresh = socket(None, Some(r#""o""#));
        assert_eq!(connect(&fresh, None), None);
        assert_eq!(connect(&fresh, Some("{}")).as_deref(), Some("{}"));
        let known = socket(Some("p\""), None);
        assert_eq!(connect(&known, None).as_deref(), Some(r#"{"pid":"p\""}"#));
        let seen = socket(Some("p"), Some(r#""o""#));
        for (auth, expected) in [
            (None, r#"{"pid":"p","offset":"o"}"#),
            (Some("{}"), r#"{"pid":"p","offset":"o"}"#),
            (Some(r#"{"a":[1]}"#), r#"{"pid":"p","offset":"o","a":[1]}"#),
            (Some(r#"{"pid":1}"#), r#"{"offset":"o","pid":1}"#),
            (Some(r#"{"offset":1}"#), r#"{"pid":"p","offset":1}"#),
            (Some(r#"{"pid":1,"offset":2}"#), r#"{"pid":1,"offset":2}"#),
        ] {
            assert_eq!(connect(&seen, auth).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_session_is_recovered_if_it_has_the_pid_of_the_one_before() {
        let mut socket = socket(None, None);
        let answer = |pid: Option<&'static str>| Welcome {
            sid: "s".into(),
            pid: pid.map(ByteString::from),
        };
        let event = |json: &'static str| Payload::from_json(PacketType::Event, json, Vec::new());
        for (pid, recovered) in [
            (None, false),
            (None, false),
            (Some("p"), false),
            (Some("p"), true),
            (Some("q"), false),
            (None, false),
        ] {
            socket.join(answer(pid));
            assert_eq!(socket.recovered, recovered, "{pid:?}");
            assert!(
                socket.offset.is_none() || recovered,
                "an offset is of one session"
            );
            socket.note_offset(&event(r#"["a","o"]"#).unwrap());
            assert_eq!(socket.offset.is_some(), pid.is_some());
        }
    }

    #[test]
    fn the_offset_is_the_last_argument_if_that_is_a_string() {
        let mut socket = socket(Some("p"), None);
        for (json, offset) in [
            (r#"["name"]"#, None),
            (r#"["name",1]"#, None),
            (r#"["name","a"]"#, Some(r#""a""#)),
            (r#"["name","b",2]"#, Some(r#""a""#)),
            (r#"["name",1,"c"]"#, Some(r#""c""#)),
        ] {
            let event = Payload::from_json(PacketType::Event, json, Vec::new()).unwrap();
            socket.note_offset(&event);
            assert_eq!(socket.offset.as_deref(), offset, "{json}");
        }
    }

    #[test]
    fn an_answer_without_a_socket_id_is_none() {
        assert_eq!(Welcome::new(None), None);
        for json in ["{}", r#"{"sid":""}"#, r#"{"sid":null}"#, r#"{"pid":"p"}"#] {
            assert_eq!(Welcome::new(Some(&object(json))), None, "{json}");
        }
        let answer = Welcome::new(Some(&object(r#"{"sid":"s","pid":1,"more":[]}"#))).unwrap();
        assert_eq!((&*answer.sid, answer.pid), ("s", None));
    }
}
