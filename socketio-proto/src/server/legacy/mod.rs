//! The differences for clients of revision 4, which use Engine.IO of revision 3.
//!
//! | | revision 4 | revision 5 |
//! |---|---|---|
//! | `/` | joined unasked | asked for |
//! | what a client sends along | a query behind the namespace | the payload of CONNECT |
//! | the answer to CONNECT | nothing; both sides make the id of that of the session | the id |
//! | a refusal by the application | its data, or else its message, bare | an object with both |
//! | a refusal in MessagePack | a string: version 2 of the official parser takes nothing else | the same object |
//! | coming back | as a new socket | with the session that it had |
//!
//! All else is the same, and a broadcast is encoded once for both.
//!
//! Source: `socket.io/lib/client.ts` and `lib/socket.ts`, where they ask for `conn.protocol`.

pub(super) mod ids;
pub(super) mod query;

use bytestring::ByteString;
use engineio_proto::Revision;
use engineio_proto::server::SessionKey;

use self::ids::implicit_id;
use super::machine::Server;
use crate::parser::Parser;
use crate::{PacketType, Payload};

impl Server {
    pub(super) fn is_legacy(&self, session: SessionKey) -> bool {
        let session = self.engine.session(session);
        session.is_some_and(|session| session.revision() == Revision::V3)
    }

    /// The id of a socket in a namespace, if that is made of the session's.
    pub(super) fn implicit_id(&self, session: SessionKey, namespace: &str) -> Option<ByteString> {
        let session = self.engine.session(session)?;
        (session.revision() == Revision::V3).then(|| implicit_id(namespace, &session.sid()))
    }

    /// The payload of a refusal by the application.
    pub(super) fn refusal(
        &self,
        session: SessionKey,
        message: &str,
        data: Option<&Payload>,
    ) -> Option<Payload> {
        if !self.is_legacy(session) {
            let whole = Payload::connect_error(message, data);
            return whole
                .or_else(|_| Payload::connect_error(message, None))
                .ok();
        }
        let bare = data.filter(|data| {
            let takes_objects = self.config.parser != Parser::MsgPack;
            data.suits(PacketType::ConnectError) && (takes_objects || data.json().starts_with('"'))
        });
        bare.cloned().or_else(|| {
            let message = serde_json::to_string(message).ok()?;
            Payload::from_json(PacketType::ConnectError, message, alloc::vec![]).ok()
        })
    }
}
