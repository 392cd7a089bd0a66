//! Encodings of the machines' values in a recording.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use socketio_proto::client::{
    AckToken as ClientAckToken, Auth, AuthToken, Backoff, Reconnection,
    SocketKey as ClientSocketKey, SocketOptions,
};
use socketio_proto::engine::codec::DecodeError;
use socketio_proto::engine::http::{Answer, RequestHead};
use socketio_proto::engine::server::{HandshakeToken, SessionKey};
use socketio_proto::engine::{ConnectionId, Encoded, Frame, Instant, Message, RequestId, Sid};
use socketio_proto::server::{
    AckToken, Admission, ConnectToken, DisconnectFrom, LoggedPacket, Matcher, NamespacePattern,
    NamespaceToken, Observed, ParentKey, Parting, Recipients, RecoveryConfig, RecoveryStore,
    RestoreToken, Restored, SavedSession, SocketId, SocketKey, Target,
};
use socketio_proto::{EncodedPacket, PacketType, Payload};

use crate::outcome::Party;
use crate::text::tidy;
use crate::wire::{Fault, Reader, Wire, Writer, write_list};

/// Names: the number of each, and its text in a diagram.
macro_rules! names {
    ($($type:ty: |$name:ident| $bits:expr => $from:expr, $show:expr;)*) => {
        $(impl Wire<'_> for $type {
            fn write(&self, out: &mut Writer) {
                let $name = self;
                out.number($bits);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
                Ok($from(input.number()?))
            }

            fn show(&self) -> String {
                let $name = self;
                $show
            }
        })*
    };
}

names! {
    SessionKey: |key| key.to_bits() => Self::from_bits, key_text("session", key.to_bits());
    HandshakeToken: |token| token.to_bits() => Self::from_bits, key_text("handshake", token.to_bits());
    SocketKey: |key| key.to_bits() => Self::from_bits, key_text("socket", key.to_bits());
    ConnectToken: |token| token.to_bits() => Self::from_bits, key_text("socket", token.to_bits());
    NamespaceToken: |token| token.to_bits() => Self::from_bits, key_text("question", token.to_bits());
    RestoreToken: |token| token.to_bits() => Self::from_bits, key_text("question", token.to_bits());
    ParentKey: |key| key.to_bits() => Self::from_bits, format!("parent {}", key.to_bits());
    ClientSocketKey: |key| key.to_bits() => Self::from_bits, key_text("socket", key.to_bits());
}

/// Values that name the peer of a call. A diagram shows them at its side, and so not in its text.
macro_rules! parties {
    ($($type:ty: $party:expr;)*) => {
        $(impl Wire<'_> for $type {
            fn write(&self, out: &mut Writer) {
                out.number(self.0);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
                Ok(Self(input.number()?))
            }

            fn show(&self) -> String {
                String::new()
            }

            fn party(&self) -> Option<Party> {
                Some($party(self.0))
            }
        })*
    };
}

parties! {
    RequestId: Party::Request;
    ConnectionId: Party::Connection;
}

/// Tokens that consist of several numbers.
macro_rules! tokens {
    ($($type:ty)*) => {
        $(impl Wire<'_> for $type {
            fn write(&self, out: &mut Writer) {
                self.to_bits().into_iter().for_each(|number| out.number(number));
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
                let mut bits = Self::from_bits(Default::default()).to_bits();
                for number in &mut bits {
                    *number = input.number()?;
                }
                Ok(Self::from_bits(bits))
            }

            fn show(&self) -> String {
                let last = self.to_bits().last().copied().unwrap_or_default();
                format!("{last} of {}", self.socket().show())
            }
        })*
    };
}

tokens!(AckToken ClientAckToken AuthToken);

/// The slot, and after it the generation in that slot.
fn key_text(kind: &str, bits: u64) -> String {
    format!("{kind} {}.{}", bits & 0xffff_ffff, bits >> 32)
}

/// Values of several parts, which are created from the parts that were read.
macro_rules! records {
    ($($type:ty { $($field:ident: $part:ty),* } => $make:expr;)*) => {
        $(impl<'a> Wire<'a> for $type {
            fn write(&self, out: &mut Writer) {
                $(self.$field.write(out);)*
            }

            fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
                $(let $field = <$part>::read(input)?;)*
                Ok($make)
            }

            fn show(&self) -> String {
                tidy(&format!("{self:-?}"))
            }
        })*
    };
}

records! {
    Backoff { reconnection_delay: Duration, reconnection_delay_max: Duration, randomization_factor: f64 } => {
        let mut backoff = Self::default();
        backoff.reconnection_delay = reconnection_delay;
        backoff.reconnection_delay_max = reconnection_delay_max;
        backoff.randomization_factor = randomization_factor;
        backoff
    };
    SocketOptions { auth: Auth, ack_timeout: Option<Duration>, retries: u32 } => {
        let mut options = Self::default();
        options.auth = auth;
        options.ack_timeout = ack_timeout;
        options.retries = retries;
        options
    };
    SavedSession { socket: SocketId, pid: Sid, rooms: BTreeSet<Arc<str>>, data: Option<Payload>, disconnected_at: Instant }
        => Self { socket, pid, rooms, data, disconnected_at };
    Restored { session: SavedSession, missed: Vec<EncodedPacket> } => Self { session, missed };
    LoggedPacket { offset: ByteString, recipients: Recipients, packet: EncodedPacket, sent_at: Instant }
        => Self { offset, recipients, packet, sent_at };
    Recipients { socket: Option<SocketId>, rooms: Vec<Arc<str>>, except: Option<SocketId>, except_rooms: Vec<Arc<str>> }
        => Self { socket, rooms, except, except_rooms };
}

/// Choices between two, written as a `bool`.
macro_rules! choices {
    ($($type:ident: $no:ident, $yes:ident;)*) => {
        $(impl Wire<'_> for $type {
            fn write(&self, out: &mut Writer) {
                (*self == Self::$yes).write(out);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
                Ok(if bool::read(input)? { Self::$yes } else { Self::$no })
            }

            fn show(&self) -> String {
                tidy(&format!("{self:-?}"))
            }
        })*
    };
}

choices! {
    Admission: Closed, Open;
    Observed: Nothing, Sent;
    Parting: Reconnect, StayAway;
    Reconnection: Manual, Automatic;
    DisconnectFrom: Namespace, Server;
}

impl Wire<'_> for f64 {
    fn write(&self, out: &mut Writer) {
        out.bytes.extend_from_slice(&self.to_bits().to_be_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let bytes = input.take(8)?.try_into().map_err(|_| Fault::End)?;
        Ok(Self::from_bits(u64::from_be_bytes(bytes)))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<'a> Wire<'a> for RequestHead<'a> {
    fn write(&self, out: &mut Writer) {
        for text in [self.method, self.path, self.query] {
            text.write(out);
        }
        self.upgrade.write(out);
        for header in [
            self.content_type,
            self.origin,
            self.user_agent,
            self.host,
            self.referer,
            self.sec_fetch_site,
            self.access_control_request_headers,
        ] {
            header.write(out);
        }
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        let (method, path, query) = (Wire::read(input)?, Wire::read(input)?, Wire::read(input)?);
        let mut head = Self::new(method, path, query);
        head.upgrade = Wire::read(input)?;
        head.content_type = Wire::read(input)?;
        head.origin = Wire::read(input)?;
        head.user_agent = Wire::read(input)?;
        head.host = Wire::read(input)?;
        head.referer = Wire::read(input)?;
        head.sec_fetch_site = Wire::read(input)?;
        head.access_control_request_headers = Wire::read(input)?;
        Ok(head)
    }

    fn show(&self) -> String {
        format!("{} {}?{}", self.method, self.path, self.query)
    }
}

impl Wire<'_> for Answer {
    fn write(&self, out: &mut Writer) {
        self.status.write(out);
        self.set_cookies.write(out);
        self.date.write(out);
        self.content_type.write(out);
        self.body.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let (status, cookies) = (u16::read(input)?, Wire::read(input)?);
        let (date, content_type) = (Wire::read(input)?, Wire::read(input)?);
        let mut answer = Self::new(status, Bytes::read(input)?);
        answer.content_type = content_type;
        answer.set_cookies = cookies;
        answer.date = date;
        Ok(answer)
    }

    fn show(&self) -> String {
        format!("{} {}", self.status, self.body.show())
    }
}

impl Wire<'_> for Frame {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Text(text) => (false, text.clone()).write(out),
            Self::Binary(data) => (true, data.clone()).write(out),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if bool::read(input)? {
            Self::Binary(Wire::read(input)?)
        } else {
            Self::Text(Wire::read(input)?)
        })
    }

    fn show(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Binary(data) => format!("{} bytes", data.len()),
        }
    }
}

impl Wire<'_> for Encoded {
    fn write(&self, out: &mut Writer) {
        self.compress().write(out);
        match self.message() {
            Message::Text(text) => Frame::Text(text).write(out),
            Message::Binary(data) => Frame::Binary(data).write(out),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let compress = bool::read(input)?;
        let encoded = Self::new(&match Frame::read(input)? {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(data) => Message::Binary(data),
        });
        Ok(if compress {
            encoded
        } else {
            encoded.uncompressed()
        })
    }

    fn show(&self) -> String {
        self.frame().show()
    }
}

impl Wire<'_> for EncodedPacket {
    fn write(&self, out: &mut Writer) {
        write_list(self.parts(), out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Self::from_parts(Wire::read(input)?).ok_or(Fault::Malformed("a packet without parts"))
    }

    fn show(&self) -> String {
        let parts: Vec<_> = self.parts().iter().map(Wire::show).collect();
        parts.join(" + ")
    }
}

impl Wire<'_> for Payload {
    fn write(&self, out: &mut Writer) {
        let kind = match (self.name(), self.json().starts_with('[')) {
            (Some(_), _) => EVENT,
            (None, true) => ACK,
            (None, false) => VALUE,
        };
        let limit = self.max_expansion();
        if limit == Self::no_args().max_expansion() {
            out.bytes.push(kind);
        } else {
            out.bytes.push(kind | WITH_LIMIT);
            limit.write(out);
        }
        self.compress().write(out);
        self.json().write(out);
        write_list(self.attachments(), out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let kind = input.byte()?;
        let limit = if kind & WITH_LIMIT == 0 {
            Self::no_args().max_expansion()
        } else {
            Wire::read(input)?
        };
        let packet_type = match kind & !WITH_LIMIT {
            EVENT => PacketType::Event,
            ACK => PacketType::Ack,
            // Which may hold a string too, unlike a CONNECT.
            VALUE => PacketType::ConnectError,
            _ => return Err(Fault::Malformed("an unknown kind of payload")),
        };
        let compress = bool::read(input)?;
        let (json, attachments) = (ByteString::read(input)?, Wire::read(input)?);
        let payload = Self::from_json_within(packet_type, json, attachments, limit)
            .map_err(|_| Fault::Malformed("a payload that is none"))?;
        Ok(if compress {
            payload
        } else {
            payload.uncompressed()
        })
    }

    fn show(&self) -> String {
        let attachments = self.attachments().iter();
        attachments.fold(self.json().to_owned(), |text, data| {
            format!("{text} + {} bytes", data.len())
        })
    }
}

const EVENT: u8 = 0;
const ACK: u8 = 1;
const VALUE: u8 = 2;
/// The reading limit follows the kind, since it is not the default.
const WITH_LIMIT: u8 = 0x80;

impl Wire<'_> for Auth {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Fixed(payload) => {
                out.bytes.push(1);
                payload.write(out);
            }
            Self::Ask => out.bytes.push(2),
            Self::None | _ => out.bytes.push(0),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        match input.byte()? {
            0 => Ok(Self::None),
            1 => Ok(Self::Fixed(Wire::read(input)?)),
            2 => Ok(Self::Ask),
            _ => Err(Fault::Malformed("an unknown kind of authentication")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Fixed(payload) => payload.show(),
            Self::Ask => "ask".into(),
            Self::None | _ => "none".into(),
        }
    }
}

impl Wire<'_> for Matcher {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Pattern(pattern) => Some(pattern.to_string()).write(out),
            Self::Ask | _ => None::<String>.write(out),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        match Option::<&str>::read(input)? {
            Some(pattern) => NamespacePattern::new(pattern)
                .map(Self::Pattern)
                .map_err(|_| Fault::Malformed("a pattern that is none")),
            None => Ok(Self::Ask),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Pattern(pattern) => pattern.to_string(),
            Self::Ask | _ => "ask".into(),
        }
    }
}

impl Wire<'_> for DecodeError {
    fn write(&self, out: &mut Writer) {
        let json = serde_json::to_string(self);
        json.unwrap_or_default().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        serde_json::from_str(Wire::read(input)?).map_err(|_| Fault::Malformed("an unknown error"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Wire<'_> for Sid {
    fn write(&self, out: &mut Writer) {
        self.as_str().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Self::parse(Wire::read(input)?).ok_or(Fault::Malformed("an id that is none"))
    }

    fn show(&self) -> String {
        self.as_str().into()
    }
}

impl Wire<'_> for SocketId {
    fn write(&self, out: &mut Writer) {
        self.as_str().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Self::parse(Wire::read(input)?).ok_or(Fault::Malformed("an id that is none"))
    }

    fn show(&self) -> String {
        self.as_str().into()
    }
}

impl<'a> Wire<'a> for BTreeSet<Arc<str>> {
    fn write(&self, out: &mut Writer) {
        write_list(self, out);
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok(Vec::read(input)?.into_iter().collect())
    }

    fn show(&self) -> String {
        format!("{self:-?}")
    }
}

impl Wire<'_> for RecoveryStore {
    fn write(&self, out: &mut Writer) {
        serde_json::to_string(self.config())
            .unwrap_or_default()
            .write(out);
        self.packets()
            .cloned()
            .collect::<Vec<LoggedPacket>>()
            .write(out);
        self.sessions()
            .cloned()
            .collect::<Vec<SavedSession>>()
            .write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let config: RecoveryConfig = serde_json::from_str(<&str>::read(input)?)
            .map_err(|_| Fault::Malformed("settings that are none"))?;
        let mut store = Self::new(config);
        for packet in <Vec<LoggedPacket>>::read(input)? {
            store.record(packet);
        }
        for session in <Vec<SavedSession>>::read(input)? {
            store.save(session);
        }
        Ok(store)
    }

    fn show(&self) -> String {
        format!(
            "{} packets, {} sessions",
            self.packets().count(),
            self.sessions().count()
        )
    }
}

/// A target that was read: the lists of rooms belong to it.
#[derive(Debug)]
pub(crate) struct TargetParts<'a> {
    target: Target<'a>,
    rooms: Vec<&'a str>,
    except_rooms: Vec<&'a str>,
}

impl TargetParts<'_> {
    pub(crate) fn target(&self) -> Target<'_> {
        self.target
            .rooms(&self.rooms)
            .except_rooms(&self.except_rooms)
    }

    pub(crate) fn show(&self) -> String {
        tidy(&format!("{:-?}", self.target()))
    }

    pub(crate) const fn party(&self) -> Option<Party> {
        None
    }
}

pub(crate) fn write_target(target: &Target<'_>, out: &mut Writer) {
    target.namespace.write(out);
    target.rooms.to_vec().write(out);
    target.except_rooms.to_vec().write(out);
    target.except.write(out);
    target.volatile.write(out);
    target.local.write(out);
}

pub(crate) fn read_target<'a>(input: &mut Reader<'a>) -> Result<TargetParts<'a>, Fault> {
    let mut target = Target::namespace(Wire::read(input)?);
    let (rooms, except_rooms) = (Wire::read(input)?, Wire::read(input)?);
    target.except = Wire::read(input)?;
    target.volatile = Wire::read(input)?;
    target.local = Wire::read(input)?;
    Ok(TargetParts {
        target,
        rooms,
        except_rooms,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Writes, reads, and compares all visible parts.
    fn round<T: for<'a> Wire<'a> + Debug>(value: &T) -> T {
        let mut out = Writer::default();
        value.write(&mut out);
        let mut input = Reader::new(&out.bytes);
        let read = T::read(&mut input).unwrap();
        assert_eq!(format!("{read:-?}"), format!("{value:-?}"));
        assert_eq!(input.len(), 0);
        read
    }

    /// If a value gains a part, add it here too.
    fn has_parts(value: &impl Debug, expected: &[&str]) {
        let text = format!("{value:#?}");
        let parts = text.lines().filter_map(|line| {
            let part = line.strip_prefix("    ")?.split(':').next()?;
            part.starts_with(|first: char| first.is_ascii_lowercase())
                .then_some(part)
        });
        assert_eq!(parts.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn values_come_back_whole() {
        let event = Payload::event("e").arg(&1).binary(vec![1, 2]);
        let event = event.build().unwrap().uncompressed();
        round(&event);
        let place = r#"{"_placeholder":true,"num":0}"#;
        let json = format!("[{}]", [place; 50].join(","));
        let data = vec![Bytes::from(vec![0; 5_000])];
        let repeated = Payload::from_json_within(PacketType::Ack, json, data, 200).unwrap();
        let read = round(&repeated);
        assert_eq!(read.max_expansion(), 200);
        let auth = r#"{"a":{"_placeholder":true,"num":0}}"#;
        let data = vec![Bytes::from_static(b"x")];
        round(&Payload::from_json(PacketType::Connect, auth, data).unwrap());
        round(&Payload::no_args());
        round(&Payload::connect_error("no", Some(&Payload::object("why").unwrap())).unwrap());
        round(&Payload::object("a string").unwrap());
        round(
            &Payload::object(
                &[("a", 1)]
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
            )
            .unwrap(),
        );
        round(&Frame::Text("4é".into()));
        round(&Frame::Binary(Bytes::from_static(&[0, 0xff])));
        round(&Encoded::binary(Bytes::from_static(b"x")).uncompressed());
        round(
            &Answer::new(200, "ok")
                .with_set_cookie("a=b")
                .with_date("d")
                .with_content_type("t"),
        );
        round(
            &SocketOptions::default()
                .with_auth(Payload::object("s").unwrap())
                .with_retries(3),
        );
        round(
            &SocketOptions::default()
                .with_auth_asked()
                .with_ack_timeout(Some(Duration::MAX)),
        );
        round(&DecodeError::UnknownType(7));
        round(&DecodeError::TooLong {
            length: u64::MAX,
            limit: 1,
        });
        round(&DecodeError::Empty);
        round(&Backoff::default());
        round(&Matcher::Ask);
        round(&Matcher::Pattern(
            NamespacePattern::new("/a-{int}/**").unwrap(),
        ));
        round(&AckToken::from_bits([1, 2]));
        round(&ClientAckToken::from_bits([1, 2, 3]));
        round(&SocketKey::from_bits(u64::MAX));
    }

    #[test]
    fn a_store_comes_back_with_what_it_holds() {
        let mut store = RecoveryStore::new(RecoveryConfig::default().with_max_packets(7));
        let id = "abcdefghijklmnopqrst";
        let session = SavedSession {
            socket: SocketId::parse(id).unwrap(),
            pid: Sid::parse(id).unwrap(),
            rooms: [Arc::from("r"), Arc::from("s")].into(),
            data: Some(Payload::no_args()),
            disconnected_at: Instant::from_millis(5),
        };
        let packet = EncodedPacket::from_parts(vec![Encoded::new(&Message::text("2[\"e\"]"))]);
        store.record(LoggedPacket {
            offset: "o".into(),
            recipients: Recipients {
                socket: Some(session.socket.clone()),
                rooms: vec![Arc::from("r")],
                except: None,
                except_rooms: vec![],
            },
            packet: packet.unwrap(),
            sent_at: Instant::from_millis(4),
        });
        round(&Restored {
            missed: store
                .packets()
                .map(|packet| packet.packet.clone())
                .collect(),
            session: session.clone(),
        });
        store.save(session);
        round(&store);
    }

    #[test]
    fn borrowed_values_come_back_whole() {
        let head = RequestHead::new("GET", "/socket.io/", "a=b")
            .with_upgrade()
            .with_content_type(b"text/plain")
            .with_origin(b"o")
            .with_user_agent(&[0xff])
            .with_host(b"h")
            .with_referer(b"r")
            .with_sec_fetch_site(b"s")
            .with_access_control_request_headers(b"a");
        let mut out = Writer::default();
        head.write(&mut out);
        let read = RequestHead::read(&mut Reader::new(&out.bytes)).unwrap();
        assert_eq!(format!("{read:-?}"), format!("{head:-?}"));

        let target = Target::namespace("/a")
            .rooms(&["r"])
            .except_rooms(&["s", "t"])
            .except(SocketKey::from_bits(5))
            .volatile()
            .local();
        let mut out = Writer::default();
        write_target(&target, &mut out);
        let read = read_target(&mut Reader::new(&out.bytes)).unwrap();
        assert_eq!(read.target(), target);
    }

    #[test]
    fn no_value_has_a_part_that_is_not_written() {
        let head = RequestHead::new("GET", "/", "");
        has_parts(
            &head,
            &[
                "method",
                "path",
                "query",
                "upgrade",
                "content_type",
                "origin",
                "user_agent",
                "host",
                "referer",
                "sec_fetch_site",
                "access_control_request_headers",
            ],
        );
        has_parts(
            &Answer::default(),
            &["status", "set_cookies", "content_type", "date", "body"],
        );
        has_parts(
            &Target::namespace("/"),
            &[
                "namespace",
                "rooms",
                "except_rooms",
                "except",
                "volatile",
                "local",
            ],
        );
        has_parts(
            &SocketOptions::default(),
            &["auth", "ack_timeout", "retries"],
        );
        has_parts(
            &Backoff::default(),
            &[
                "reconnection_delay",
                "reconnection_delay_max",
                "randomization_factor",
            ],
        );
    }
}
