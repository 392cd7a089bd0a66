//! The opening handshake of WebSockets.
//!
//! Source: RFC 6455, sections 1.3 and 4.2; the npm package `ws` 8 for the order of the checks and their messages.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use crate::compression;
use crate::http::fields;
use crate::http::request::Head;
use crate::http::write::HeadWriter;
use crate::server::Options;

const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` that answers a key.
pub(crate) fn accept_key(key: &[u8]) -> String {
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(MAGIC);
    STANDARD.encode(digest.digest().bytes())
}

/// What the answer to a good handshake needs.
#[derive(Debug)]
pub(crate) struct Opening {
    accept: String,
    protocol: Option<Vec<u8>>,
    /// What was agreed on.
    extensions: Option<&'static str>,
}

/// The reason why a request cannot become a WebSocket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Method,
    Body,
    Key,
    Version,
    Protocol,
}

impl Refusal {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Body | Self::Key | Self::Version | Self::Protocol => 400,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Method => "Invalid HTTP method",
            Self::Body => "Unexpected body",
            Self::Key => "Missing or invalid Sec-WebSocket-Key header",
            Self::Version => "Missing or invalid Sec-WebSocket-Version header",
            Self::Protocol => "Invalid Sec-WebSocket-Protocol header",
        }
    }
}

impl Opening {
    /// Checks a request that [asks](Head::is_upgrade) to become a WebSocket.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with what is wrong with it.
    pub(crate) fn check(head: &Head<'_, '_>, options: &Options) -> Result<Self, Refusal> {
        if head.method != "GET" {
            return Err(Refusal::Method);
        }
        if head.framing != crate::http::body::Framing::Length(0) {
            return Err(Refusal::Body);
        }
        let handshake = head.handshake;
        let key = handshake
            .key
            .one()
            .filter(|key| is_key(key))
            .ok_or(Refusal::Key)?;
        if !matches!(handshake.version.one(), Some(b"13" | b"8")) {
            return Err(Refusal::Version);
        }
        let protocol = match handshake.protocol {
            None => None,
            Some(offered) => Some(first_protocol(offered).ok_or(Refusal::Protocol)?.to_vec()),
        };
        Ok(Self {
            accept: accept_key(key),
            protocol,
            extensions: handshake
                .extensions
                .and_then(|offers| compression::agree(offers, options)),
        })
    }

    /// Whether messages may be compressed, in both directions.
    pub(crate) const fn compresses(&self) -> bool {
        self.extensions.is_some()
    }

    /// The head of the 101 response, before the fields that the machine adds. The first protocol that the client offers is
    /// taken.
    pub(crate) fn accept(&self) -> HeadWriter {
        let mut head = HeadWriter::response(101);
        head.field("upgrade", b"websocket")
            .field("connection", b"Upgrade")
            .field("sec-websocket-accept", self.accept.as_bytes());
        if let Some(protocol) = &self.protocol {
            head.field("sec-websocket-protocol", protocol);
        }
        if let Some(extensions) = self.extensions {
            head.field("sec-websocket-extensions", extensions.as_bytes());
        }
        head
    }
}

/// Whether this is 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(digit))
}

fn first_protocol(offered: &[u8]) -> Option<&[u8]> {
    let first = offered.split(|byte| *byte == b',').next()?;
    Some(fields::trim(first)).filter(|name| fields::is_token(name))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::mem::MaybeUninit;

    use super::*;

    fn check(method: &str, fields: &str) -> Result<String, Refusal> {
        let head = format!(
            "{method} / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n{fields}\r\n"
        );
        let mut slots = [const { MaybeUninit::uninit() }; 10];
        let head = Head::parse(head.as_bytes(), &mut slots).unwrap();
        let opening = Opening::check(&head, &Options::new("/"))?;
        Ok(String::from_utf8(opening.accept().end()).unwrap())
    }

    const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "sec-websocket-version: 13\r\n";

    #[test]
    fn a_good_handshake_is_answered_as_in_the_rfc() {
        let answer = check("GET", &format!("{KEY}{VERSION}")).unwrap();
        let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(answer, expected);
        let protocols = "sec-websocket-protocol: chat , superchat\r\n";
        let answer = check("GET", &format!("{KEY}{VERSION}{protocols}")).unwrap();
        assert!(
            answer.contains("Sec-Websocket-Protocol: chat\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn a_bad_handshake_is_refused_with_its_first_fault() {
        assert_eq!(check("POST", ""), Err(Refusal::Method));
        assert_eq!(check("GET", "content-length: 1\r\n"), Err(Refusal::Body));
        assert_eq!(
            check("GET", "transfer-encoding: chunked\r\n"),
            Err(Refusal::Body)
        );
        assert_eq!(check("GET", VERSION), Err(Refusal::Key));
        for key in [
            "",
            "short==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25j!Q==",
            "dGhlIHNhbXBsZSBub25jZQAA==",
        ] {
            let field = format!("sec-websocket-key: {key}\r\n{VERSION}");
            assert_eq!(check("GET", &field), Err(Refusal::Key), "{key}");
        }
        assert_eq!(check("GET", KEY), Err(Refusal::Version));
        let twice = format!("{KEY}{KEY}{VERSION}");
        assert_eq!(check("GET", &twice), Err(Refusal::Key));
        let twice = format!("{KEY}{VERSION}{VERSION}");
        assert_eq!(check("GET", &twice), Err(Refusal::Version));
        assert_eq!(
            check("GET", &format!("{KEY}sec-websocket-version: 7\r\n")),
            Err(Refusal::Version)
        );
        for protocol in ["", ",a", "a b"] {
            let fields = format!("{KEY}{VERSION}sec-websocket-protocol: {protocol}\r\n");
            assert_eq!(check("GET", &fields), Err(Refusal::Protocol), "{protocol}");
        }
    }
}
