//! Every call that changes a machine: a method of [`Recorder`] that writes it down and makes it, and how it is made
//! again.
//!
//! The numbers stand in recordings: one that was given is not given again.

use std::time::Duration;

use bytes::Bytes;
use socketio_proto::client::{self, Client};
use socketio_proto::engine::ConfigError;
use socketio_proto::engine::client::Output as ClientOutput;
use socketio_proto::engine::codec::DecodeError;
use socketio_proto::engine::http::{Answer, RequestHead};
use socketio_proto::engine::server::{HandshakeToken, Output, SentMany, SessionKey};
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId};
use socketio_proto::server::{
    AckId, AckToken, Admission, BroadcastId, ConnectToken, DisconnectFrom, EmitError, Event, Gone,
    InvalidNamespace, JoinError, JoinedMany, Matcher, NamespaceToken, Observed, ParentKey, Parting,
    RecoveryStore, RestoreToken, Restored, Server, SocketKey, Target,
};
use socketio_proto::{EncodeError, EncodedPacket, Payload};

use crate::Recorder;
use crate::outcome::{Outcome, Party};
use crate::tape::Digest;
use crate::values::{read_target, write_target};
use crate::wire::{Fault, Reader, Wire, Writer};

/// A machine whose calls are recorded and made again.
pub(crate) trait Machine {
    /// Its name in a diagram.
    const NAME: &'static str;

    /// The number in the header of its recordings.
    const KIND: u8;

    /// Reads the arguments of a call and makes it; `show` if its texts are wanted.
    fn make(
        &mut self,
        tag: u8,
        input: &mut Reader<'_>,
        digest: &mut Digest,
        show: bool,
    ) -> Result<Made, Fault>;
}

/// A call that was made again. Its texts are empty unless they are wanted.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    /// The caller.
    pub(crate) by: Party,
    /// The visible form of the arguments.
    pub(crate) arguments: Vec<String>,
    /// The visible form of the result.
    pub(crate) result: String,
    /// The outputs that leave the machine by it, and their receiver.
    pub(crate) leaving: Option<(Party, String)>,
    /// The digest after the call, if the outcome was the same.
    pub(crate) digest: [u8; 4],
}

/// The form of an argument: by value, by reference, perhaps by reference, or as a target.
macro_rules! given {
    (val $type:ty) => { $type };
    (by $type:ty) => { &$type };
    (opt $type:ty) => { Option<&$type> };
    (aim $type:ty) => { &$type };
}

macro_rules! put {
    (val $arg:ident, $out:ident) => {
        Wire::write(&$arg, $out)
    };
    (by $arg:ident, $out:ident) => {
        Wire::write($arg, $out)
    };
    (opt $arg:ident, $out:ident) => {
        write_option($arg, $out)
    };
    (aim $arg:ident, $out:ident) => {
        write_target($arg, $out)
    };
}

macro_rules! read {
    (val $type:ty, $input:ident) => {
        <$type as Wire<'_>>::read($input)?
    };
    (by $type:ty, $input:ident) => {
        <$type as Wire<'_>>::read($input)?
    };
    (opt $type:ty, $input:ident) => {
        <Option<$type> as Wire<'_>>::read($input)?
    };
    (aim $type:ty, $input:ident) => {
        read_target($input)?
    };
}

macro_rules! lend {
    (val $arg:ident) => {
        $arg
    };
    (by $arg:ident) => {
        &$arg
    };
    (opt $arg:ident) => {
        $arg.as_ref()
    };
    (aim $arg:ident) => {
        &$arg.target()
    };
}

macro_rules! calls {
    ($machine:ty, $kind:literal, $title:literal, $list:ident:
        $($tag:literal $name:ident($($arg:ident: $mode:ident $type:ty),*) $(-> $result:ty)?;)*) => {
        impl Recorder<$machine> {
            $(
                #[doc = concat!("Writes the call down and makes it: see [`", stringify!($name), "`](", stringify!($machine), "::", stringify!($name), ") of the machine.")]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = ""]
                #[doc = "As the machine, if it gives a `Result`; recording gives none."]
                pub fn $name(&mut self, $($arg: given!($mode $type)),*) $(-> $result)? {
                    let Some(tape) = &mut self.tape else {
                        return self.machine.$name($($arg),*);
                    };
                    tape.call($tag, is_poll(stringify!($name)), |_out| {
                        $(put!($mode $arg, _out);)*
                    });
                    let outcome = self.machine.$name($($arg),*);
                    tape.outcome(&outcome, self.machine.poll_timeout());
                    outcome
                }
            )*
        }

        impl Machine for $machine {
            const NAME: &'static str = $title;
            const KIND: u8 = $kind;

            fn make(
                &mut self,
                tag: u8,
                input: &mut Reader<'_>,
                digest: &mut Digest,
                show: bool,
            ) -> Result<Made, Fault> {
                match tag {
                    $($tag => {
                        $(let $arg = read!($mode $type, input);)*
                        let by = maker(stringify!($name), &[$($arg.party()),*]);
                        let arguments = [$(if show { $arg.show() } else { String::new() }),*];
                        let outcome = self.$name($(lend!($mode $arg)),*);
                        Ok(Made {
                            name: stringify!($name),
                            by,
                            arguments: shown(arguments),
                            result: if show { outcome.said() } else { String::new() },
                            leaving: if show { outcome.leaving(by) } else { None },
                            digest: digest.take(&outcome, self.poll_timeout()),
                        })
                    })*
                    _ => Err(Fault::Malformed("an unknown call")),
                }
            }
        }

        /// The calls that are recorded, by their numbers.
        #[cfg(test)]
        pub(crate) const $list: &[(u8, &str)] = &[$(($tag, stringify!($name))),*];
    };
}

calls! { Server, 1, "server", SERVER_CALLS:
    1 handle_request(id: val RequestId, head: by RequestHead<'_>, body: val Bytes, now: val Instant);
    2 handle_request_begun(id: val RequestId, head: by RequestHead<'_>, now: val Instant);
    3 handle_request_too_large(id: val RequestId, now: val Instant);
    4 handle_request_aborted(id: val RequestId, now: val Instant);
    5 handle_upgrade(id: val ConnectionId, head: by RequestHead<'_>, now: val Instant);
    6 handle_frame(id: val ConnectionId, frame: val Frame, now: val Instant);
    7 handle_connection_closed(id: val ConnectionId, now: val Instant);
    8 handle_connection_failed(id: val ConnectionId, now: val Instant);
    9 handle_timeout(now: val Instant);
    10 poll_output() -> Option<Output<Event>>;
    11 poll_frame(connection: val ConnectionId) -> Option<Frame>;
    12 poll_frame_with_hint(connection: val ConnectionId) -> Option<(Frame, bool)>;
    13 accept_handshake(token: val HandshakeToken, now: val Instant) -> Result<SessionKey, Gone>;
    14 reject_handshake(token: val HandshakeToken, message: val Option<&str>) -> Result<(), Gone>;
    15 set_admission(admission: val Admission);
    16 shut_down(now: val Instant);
    17 drain(parting: val Parting, within: val Duration, now: val Instant);
    21 emit_volatile(socket: val SocketKey, event: by Payload) -> Result<bool, EmitError>;
    22 emit_with_ack(socket: val SocketKey, event: by Payload, timeout: val Duration, now: val Instant) -> Result<AckId, EmitError>;
    23 respond(ack: val AckToken, args: by Payload) -> Result<(), EmitError>;
    25 broadcast_encoded(target: aim Target<'_>, packet: by EncodedPacket) -> SentMany;
    26 broadcast_with_ack(target: aim Target<'_>, event: by Payload, timeout: val Duration, now: val Instant) -> Result<(BroadcastId, SentMany), EncodeError>;
    28 join(socket: val SocketKey, room: val &str) -> Result<(), JoinError>;
    29 leave_room(socket: val SocketKey, room: val &str) -> bool;
    30 join_many(target: aim Target<'_>, room: val &str) -> JoinedMany;
    31 leave_many(target: aim Target<'_>, room: val &str) -> usize;
    32 disconnect_many(target: aim Target<'_>, from: val DisconnectFrom, now: val Instant) -> usize;
    34 disconnect_session(session: val SessionKey, now: val Instant);
    35 add_namespace(name: val &str) -> Result<(), InvalidNamespace>;
    36 remove_namespace(name: val &str, now: val Instant) -> bool;
    37 add_parent(matcher: val Matcher) -> ParentKey;
    40 observe(namespace: val &str, observed: val Observed) -> bool;
    42 set_data(socket: val SocketKey, data: val Option<Payload>) -> bool;
    43 take_recovery_store(namespace: val &str) -> Option<RecoveryStore>;
    45 emit_early(token: by ConnectToken, event: by Payload) -> Result<(), EmitError>;
    46 handle_webtransport(id: val ConnectionId, head: by RequestHead<'_>, now: val Instant);
    47 handle_bad_frame(id: val ConnectionId, error: val DecodeError, now: val Instant);
    48 close_session(session: val SessionKey, now: val Instant);
    49 accept(token: val ConnectToken, now: val Instant) -> Result<SocketKey, Gone>;
    50 reject(token: val ConnectToken, message: val &str, data: opt Payload, now: val Instant) -> Result<(), Gone>;
    51 emit(socket: val SocketKey, event: by Payload, now: val Instant) -> Result<(), EmitError>;
    52 broadcast(target: aim Target<'_>, event: by Payload, now: val Instant) -> Result<SentMany, EncodeError>;
    53 broadcast_to_children(parent: val ParentKey, target: aim Target<'_>, event: by Payload, now: val Instant) -> Result<SentMany, EncodeError>;
    54 disconnect(socket: val SocketKey, now: val Instant);
    55 allow_namespace(token: val NamespaceToken, now: val Instant) -> Result<(), Gone>;
    56 deny_namespace(token: val NamespaceToken, now: val Instant) -> Result<(), Gone>;
    57 restore(token: val RestoreToken, restored: val Option<Restored>, now: val Instant) -> Result<(), Gone>;
    58 set_recovery_store(namespace: val &str, store: val RecoveryStore, now: val Instant) -> bool;
}

calls! { Client, 2, "client", CLIENT_CALLS:
    1 handle_response(id: val RequestId, response: val Answer, now: val Instant);
    2 handle_request_failed(id: val RequestId, now: val Instant);
    3 handle_connected(id: val ConnectionId, now: val Instant);
    4 handle_frame(id: val ConnectionId, frame: val Frame, now: val Instant);
    5 handle_connection_closed(id: val ConnectionId, now: val Instant);
    6 handle_connection_failed(id: val ConnectionId, now: val Instant);
    7 handle_connection_closed_with(id: val ConnectionId, code: val u16, now: val Instant);
    8 handle_connection_refused(id: val ConnectionId, answer: by Answer, now: val Instant);
    9 handle_offline(now: val Instant);
    10 handle_timeout(now: val Instant);
    11 poll_output() -> Option<ClientOutput<client::Event>>;
    12 poll_frame(connection: val ConnectionId) -> Option<Frame>;
    13 open(now: val Instant);
    14 close(now: val Instant);
    15 set_reconnection(reconnection: val client::Reconnection);
    16 set_reconnection_attempts(attempts: val Option<u32>);
    17 set_backoff(backoff: val client::Backoff) -> Result<(), ConfigError>;
    18 set_timeout(timeout: val Option<Duration>) -> Result<(), ConfigError>;
    19 set_query(query: val Vec<(String, String)>) -> Result<(), ConfigError>;
    20 set_extra_headers(headers: val Vec<(String, String)>) -> Result<(), ConfigError>;
    21 socket(namespace: val &str, options: val client::SocketOptions) -> Result<client::SocketKey, client::SocketError>;
    22 connect(namespace: val &str, options: val client::SocketOptions, now: val Instant) -> Result<client::SocketKey, client::SocketError>;
    23 connect_again(socket: val client::SocketKey, now: val Instant) -> Result<(), client::Gone>;
    24 disconnect(socket: val client::SocketKey, now: val Instant) -> Result<(), client::Gone>;
    25 forget(socket: val client::SocketKey) -> bool;
    27 set_auth(socket: val client::SocketKey, auth: val client::Auth) -> Result<(), client::SocketError>;
    28 emit(socket: val client::SocketKey, event: by Payload, now: val Instant) -> Result<(), client::EmitError>;
    29 emit_with_ack(socket: val client::SocketKey, event: by Payload, timeout: val Option<Duration>, now: val Instant) -> Result<client::AckId, client::EmitError>;
    30 emit_volatile(socket: val client::SocketKey, event: by Payload, now: val Instant) -> Result<bool, client::EmitError>;
    31 respond(ack: val client::AckToken, args: by Payload, now: val Instant) -> Result<(), client::EmitError>;
    32 clear_buffer(socket: val client::SocketKey) -> usize;
    33 handle_bad_frame(id: val ConnectionId, error: val DecodeError, now: val Instant);
    34 provide_auth(token: val client::AuthToken, auth: val Option<Payload>, now: val Instant) -> Result<(), client::AuthError>;
}

/// Writes what reads as an `Option`.
fn write_option<'a>(value: Option<&impl Wire<'a>>, out: &mut Writer) {
    value.is_some().write(out);
    if let Some(value) = value {
        value.write(out);
    }
}

/// Whether a call only asks for what there is.
fn is_poll(name: &str) -> bool {
    name.starts_with("poll_")
}

/// The caller: the request or connection that the call names first, else the clock or the application.
fn maker(name: &str, parties: &[Option<Party>]) -> Party {
    let named = parties.iter().flatten().next();
    match named {
        Some(party) => *party,
        None if name == "handle_timeout" => Party::Clock,
        None => Party::Application,
    }
}

/// The arguments that show something.
fn shown<const N: usize>(arguments: [String; N]) -> Vec<String> {
    let arguments = arguments.into_iter();
    arguments.filter(|argument| !argument.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_method_that_changes_a_server_is_recorded() {
        assert_eq!(methods("server", "Server"), recorded(SERVER_CALLS));
    }

    #[test]
    fn every_method_that_changes_a_client_is_recorded() {
        assert_eq!(methods("client", "Client"), recorded(CLIENT_CALLS));
    }

    fn recorded(calls: &[(u8, &str)]) -> BTreeSet<String> {
        calls.iter().map(|(_, call)| (*call).to_owned()).collect()
    }

    /// The public methods of a type that take `&mut self`, as its source has them.
    fn methods(role: &str, of: &str) -> BTreeSet<String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../socketio-proto/src");
        let mut found = BTreeSet::new();
        let mut folders = vec![source.join(role)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    find(&fs::read_to_string(path).unwrap(), of, &mut found);
                }
            }
        }
        found
    }

    fn find(source: &str, of: &str, found: &mut BTreeSet<String>) {
        let start = format!("impl {of} {{\n");
        for block in source.split("\nimpl ").skip(1) {
            let Some(block) = format!("impl {block}")
                .strip_prefix(&start)
                .map(str::to_owned)
            else {
                continue;
            };
            for method in block.split("\n    pub fn ").skip(1) {
                let (name, rest) = method.split_once('(').unwrap();
                if rest.trim_start().starts_with("&mut self") {
                    found.insert(name.split('<').next().unwrap().to_owned());
                }
            }
        }
    }
}
