//! What is different for clients of revision 4, which come over Engine.IO of revision 3.
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

use alloc::collections::BTreeMap;
use alloc::format;

use bytestring::ByteString;
use engineio_proto::server::SessionKey;
use engineio_proto::{Revision, Sid};

use super::machine::Server;
use crate::parser::Parser;
use crate::{PacketType, Payload};

impl Server {
    pub(super) fn is_revision_4(&self, session: SessionKey) -> bool {
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
        if !self.is_revision_4(session) {
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

/// The id that both sides make for a socket.
fn implicit_id(namespace: &str, session: &Sid) -> ByteString {
    let session = session.as_str();
    match namespace {
        "/" => session.into(),
        _ => format!("{namespace}#{session}").into(),
    }
}

/// The session's part of such an id, `None` if it is none.
pub(super) fn session_of(id: &str) -> Option<Sid> {
    let (namespace, session) = id.rsplit_once('#')?;
    Sid::parse(session).filter(|_| namespace.starts_with('/'))
}

/// Takes a namespace and the query behind it apart; what the query holds becomes an object of texts, the last one of a
/// name counting. `None` for no parameters.
pub(super) fn split_query(namespace: &ByteString) -> (ByteString, Option<Payload>) {
    let Some((name, query)) = namespace.split_once('?') else {
        return (namespace.clone(), None);
    };
    let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let auth = Some(parameters).filter(|parameters| !parameters.is_empty());
    let auth = auth.and_then(|parameters| Payload::object(&parameters).ok());
    (namespace.slice_ref(name), auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_the_session() {
        let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").unwrap();
        assert_eq!(implicit_id("/", &sid), "lv_VI97HAXpY6yYWAAAC");
        let id = implicit_id("/a#b", &sid);
        assert_eq!(id, "/a#b#lv_VI97HAXpY6yYWAAAC");
        assert_eq!(session_of(&id), Some(sid));
        for none in [
            "",
            "#",
            "lv_VI97HAXpY6yYWAAAC",
            "x#lv_VI97HAXpY6yYWAAAC",
            "/a#b",
        ] {
            assert_eq!(session_of(none), None, "{none}");
        }
    }

    #[test]
    fn a_query_becomes_an_object_of_texts() {
        let split = |namespace: &'static str| {
            let (name, auth) = split_query(&namespace.into());
            let json = auth.map(|auth| alloc::string::String::from(auth.json()));
            (alloc::string::String::from(&*name), json)
        };
        for (namespace, name, auth) in [
            ("/admin", "/admin", None),
            ("/admin?", "/admin", None),
            ("/", "/", None),
            ("/?a=1", "/", Some(r#"{"a":"1"}"#)),
            (
                "/admin?token=a%20b%26c&k=%C3%A9&token=z&p=a+b&e=&f",
                "/admin",
                Some(r#"{"e":"","f":"","k":"é","p":"a b","token":"z"}"#),
            ),
            ("/a%20b?x=?&y=/", "/a%20b", Some(r#"{"x":"?","y":"/"}"#)),
            ("/a?__proto__=x", "/a", Some(r#"{"__proto__":"x"}"#)),
            (
                "/a?x=\"\u{7}%ff",
                "/a",
                Some("{\"x\":\"\\\"\\u0007\u{fffd}\"}"),
            ),
        ] {
            let expected = (name.into(), auth.map(Into::into));
            assert_eq!(split(namespace), expected, "{namespace}");
        }
    }
}
