//! Encodings of the machines' values in a recording.

mod network;
mod packets;
mod target;

pub(crate) use self::target::{read_target, write_target};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use socketio_proto::client::{
    AckToken as ClientAckToken, Auth, AuthToken, Backoff, Reconnection,
    SocketKey as ClientSocketKey, SocketOptions,
};
use socketio_proto::engine::codec::DecodeError;
use socketio_proto::engine::server::{HandshakeToken, SessionKey};
use socketio_proto::engine::{ConnectionId, Instant, RequestId, Sid};
use socketio_proto::server::{
    AckToken, Admission, ConnectToken, DisconnectFrom, LoggedPacket, Matcher, NamespacePattern,
    NamespaceToken, Observed, ParentKey, Parting, Recipients, RecoveryConfig, RecoveryStore,
    RestoreToken, Restored, SavedSession, SocketId, SocketKey,
};
use socketio_proto::{EncodedPacket, Payload};

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

#[cfg(test)]
mod tests;
