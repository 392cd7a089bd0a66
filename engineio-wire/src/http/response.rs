//! Heads of responses.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::time::Duration;

use engineio_proto::http::Answer;

use super::body::{Framing, Lengths};
use super::fields::{self, Single};
use super::request::Connection;
use super::{BodyError, Malformed, write};

/// The head of a response: what a client looks at, copied, so that no buffer of the connection lives on.
#[derive(Debug)]
pub(crate) struct Head {
    /// Status and fields for the machine, without a body.
    pub(crate) answer: Answer,
    pub(crate) framing: Framing,
    pub(crate) location: Option<String>,
    pub(crate) handshake: Handshake,
    /// For how long the server keeps the connection when it is idle, if it says so.
    pub(crate) keep_alive: Option<Duration>,
    is_http_1_0: bool,
    connection: Connection,
}

/// The fields by which a server agrees to become a WebSocket.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) is_upgrade: bool,
    pub(crate) accept: Field,
    pub(crate) protocol: Field,
    pub(crate) has_extensions: bool,
}

/// A field that may stand once.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) enum Field {
    #[default]
    Missing,
    Is(Vec<u8>),
    Repeated,
}

impl From<Single<'_>> for Field {
    fn from(single: Single<'_>) -> Self {
        match single {
            Single::None => Self::Missing,
            Single::One(value) => Self::Is(value.to_vec()),
            Single::Several => Self::Repeated,
        }
    }
}

/// The fields that may stand once, while a head is read.
#[derive(Default)]
struct Singles<'a> {
    upgrade: Single<'a>,
    accept: Single<'a>,
    protocol: Single<'a>,
    location: Single<'a>,
}

impl Head {
    /// Reads a head that is whole: it ends with an empty line, and no line feed in it stands alone. It may have any number
    /// of fields: the caller limits its bytes.
    ///
    /// Cost: for each line, 32 bytes while it is read.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if it breaks the rules.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        let lines = memchr::memchr_iter(b'\n', bytes).count();
        let mut slots = alloc::vec![MaybeUninit::uninit(); lines];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, bytes, &mut slots) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::Version) => return Err(Malformed::Version.into()),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed::Head.into()),
        }
        let (Some(status @ 100..), Some(version)) = (response.code, response.version) else {
            return Err(Malformed::Head.into());
        };
        let mut head = Self {
            answer: Answer::new(status, ""),
            framing: Framing::UntilClose,
            location: None,
            handshake: Handshake::default(),
            keep_alive: None,
            is_http_1_0: version == 0,
            connection: Connection::default(),
        };
        let (mut lengths, mut singles) = (Lengths::default(), Singles::default());
        for field in response.headers.iter() {
            head.take(field.name, field.value, &mut lengths, &mut singles)?;
        }
        // A length beside such a status says how long the body of another response would be.
        let framing = lengths.framing(head.is_http_1_0)?;
        head.framing = match framing {
            _ if write::has_no_body(status) => Framing::Length(0),
            Some(framing) => framing,
            None => Framing::UntilClose,
        };
        head.finish(singles);
        Ok(head)
    }

    /// Whether the connection can carry another request once the body is over.
    pub(crate) fn keeps_alive(&self) -> bool {
        let asked = if self.is_http_1_0 {
            self.connection.keep_alive
        } else {
            true
        };
        asked && !self.connection.close && self.framing != Framing::UntilClose
    }

    /// Whether a response follows that answers the request.
    pub(crate) const fn is_interim(&self) -> bool {
        matches!(self.answer.status, 100 | 102..=199)
    }

    fn take<'a>(
        &mut self,
        name: &str,
        value: &'a [u8],
        lengths: &mut Lengths,
        singles: &mut Singles<'a>,
    ) -> Result<(), Malformed> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("date") => keep_first(&mut self.answer.date, value),
            7 if is("upgrade") => singles.upgrade.add(value),
            8 if is("location") => singles.location.add(value),
            10 if is("connection") => self.connection.take(value),
            10 if is("keep-alive") => self.keep_alive = timeout_of(value),
            10 if is("set-cookie") => self.answer.set_cookies.extend(text(value)),
            12 if is("content-type") => keep_first(&mut self.answer.content_type, value),
            14 if is("content-length") => lengths.add_length(value)?,
            17 if is("transfer-encoding") => lengths.add_encoding(value)?,
            20 if is("sec-websocket-accept") => singles.accept.add(value),
            22 if is("sec-websocket-protocol") => singles.protocol.add(value),
            24 if is("sec-websocket-extensions") => self.handshake.has_extensions = true,
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, singles: Singles<'_>) {
        let upgrade = singles.upgrade.one();
        self.handshake.is_upgrade = self.connection.upgrade
            && upgrade.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"));
        self.handshake.accept = singles.accept.into();
        self.handshake.protocol = singles.protocol.into();
        self.location = singles.location.one().and_then(text);
    }
}

fn text(value: &[u8]) -> Option<String> {
    core::str::from_utf8(value).ok().map(Into::into)
}

fn keep_first(slot: &mut Option<String>, value: &[u8]) {
    if slot.is_none() {
        *slot = text(value);
    }
}

/// The parameter `timeout` of `Keep-Alive`, in seconds.
fn timeout_of(value: &[u8]) -> Option<Duration> {
    let seconds = fields::list(value).find_map(|parameter| {
        let (name, number) = parameter.split_at_checked(8)?;
        let is_timeout = name.eq_ignore_ascii_case(b"timeout=");
        is_timeout.then(|| fields::decimal(number)).flatten()
    });
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn read(head: &str) -> Result<Head, BodyError> {
        Head::parse(head.as_bytes())
    }

    #[test]
    fn what_the_machine_looks_at_is_copied() {
        let head = read(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\ndate: now\r\nContent-Type: text/plain\r\n\
             content-type: x\r\nset-cookie: b=2\r\nset-cookie: \u{e4}\r\ncontent-length: 3\r\n\r\n",
        )
        .unwrap();
        let expected = Answer::new(200, "")
            .with_set_cookie("a=1")
            .with_set_cookie("b=2")
            .with_set_cookie("\u{e4}")
            .with_content_type("text/plain")
            .with_date("now");
        assert_eq!(head.answer, expected);
        assert_eq!(head.framing, Framing::Length(3));
        assert_eq!(head.location, None);
        assert!(!head.is_interim());
    }

    #[test]
    fn the_body_ends_as_status_and_fields_say() {
        let framing = |head: &str| read(head).unwrap().framing;
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n"), Framing::UntilClose);
        assert_eq!(framing("HTTP/1.1 200\r\n\r\n"), Framing::UntilClose);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
        assert_eq!(framing(chunked), Framing::Chunked);
        for status in [100, 101, 199, 204, 304] {
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 5\r\n\r\n");
            assert_eq!(framing(&head), Framing::Length(0), "{status}");
        }
    }

    #[test]
    fn a_connection_is_kept_as_version_options_and_body_say() {
        let alive = |head: &str| read(head).unwrap().keeps_alive();
        let length = "content-length: 0\r\n\r\n";
        assert!(alive(&format!("HTTP/1.1 200 OK\r\n{length}")));
        assert!(!alive("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!alive(&format!(
            "HTTP/1.1 200 OK\r\nconnection: x, Close\r\n{length}"
        )));
        assert!(!alive(&format!("HTTP/1.0 200 OK\r\n{length}")));
        let asked = format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{length}");
        assert!(alive(&asked));
    }

    #[test]
    fn the_time_that_a_connection_is_kept_is_read() {
        let time = |value: &str| {
            let head = format!("HTTP/1.1 200 OK\r\nkeep-alive: {value}\r\n\r\n");
            read(&head).unwrap().keep_alive.map(|time| time.as_secs())
        };
        assert_eq!(time("timeout=5"), Some(5));
        assert_eq!(time("max=100, Timeout=72"), Some(72));
        for value in ["timeout", "timeout=", "timeout=x", "max=5", ""] {
            assert_eq!(time(value), None, "{value}");
        }
    }

    #[test]
    fn a_head_that_could_be_read_in_two_ways_is_refused() {
        for (fields, fault) in [
            (
                "content-length: 1\r\ncontent-length: 1\r\n",
                Malformed::ContentLength,
            ),
            ("content-length: +1\r\n", Malformed::ContentLength),
            (
                "content-length: 1\r\ntransfer-encoding: chunked\r\n",
                Malformed::AmbiguousLength,
            ),
            ("transfer-encoding: gzip\r\n", Malformed::TransferEncoding),
            (
                "transfer-encoding: gzip, chunked\r\n",
                Malformed::TransferEncoding,
            ),
            ("a: b\r\n c\r\n", Malformed::Head),
            ("a : b\r\n", Malformed::Head),
            ("a: \0\r\n", Malformed::Head),
            ("a\r\n", Malformed::Head),
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            assert_eq!(read(&head).unwrap_err(), fault.into(), "{fields:?}");
        }
        for head in [
            "HTTP/1.1\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "garbage\r\n\r\n",
            "\r\n",
            "",
        ] {
            assert!(read(head).is_err(), "{head:?}");
        }
        for version in ["2.0", "1.2", "0.9"] {
            let head = format!("HTTP/{version} 200 OK\r\n\r\n");
            assert_eq!(read(&head).unwrap_err(), Malformed::Version.into());
        }
    }

    #[test]
    fn a_head_may_have_any_number_of_fields() {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{}date: x\r\n\r\n",
            "a: b\r\n".repeat(9999)
        );
        assert_eq!(read(&head).unwrap().answer.date.as_deref(), Some("x"));
    }

    #[test]
    fn the_fields_of_a_handshake_stand_once() {
        let head = |fields: &str| {
            let head = format!("HTTP/1.1 101 x\r\nupgrade: WebSocket\r\n{fields}\r\n");
            read(&head).unwrap().handshake
        };
        assert!(!head("").is_upgrade);
        assert!(head("connection: keep-alive, Upgrade\r\n").is_upgrade);
        assert!(!head("connection: upgrade\r\nupgrade: h2c\r\n").is_upgrade);
        let accept = "sec-websocket-accept: x\r\n";
        assert_eq!(head(accept).accept, Field::Is(b"x".to_vec()));
        assert_eq!(head(&accept.repeat(2)).accept, Field::Repeated);
        assert!(head("sec-websocket-extensions: x\r\n").has_extensions);
    }
}
