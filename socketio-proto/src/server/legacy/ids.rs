//! Ids of sockets that are made of the session's.

use alloc::format;

use bytestring::ByteString;
use engineio_proto::Sid;

/// The id that both sides make for a socket.
pub(super) fn implicit_id(namespace: &str, session: &Sid) -> ByteString {
    let session = session.as_str();
    match namespace {
        "/" => session.into(),
        _ => format!("{namespace}#{session}").into(),
    }
}

/// The session's part of such an id, `None` if it is none.
pub(in crate::server) fn session_of(id: &str) -> Option<Sid> {
    let (namespace, session) = id.rsplit_once('#')?;
    Sid::parse(session).filter(|_| namespace.starts_with('/'))
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
}
