//! WebSockets: the server's part of the handshake, and frames.

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engineio_proto::codec::websocket::{Decoder, Encoder, Role};
use engineio_proto::{ConnectionId, Frame, Purpose, Seed};

use super::PipeId;
use super::pipe::{Opening, Socket};
use crate::Batch;
use crate::http::fields;
use crate::http::response::{Field, Handshake};
use crate::websocket::accept_key;

/// The value of `Sec-WebSocket-Key`: 16 bytes that no other connection has.
pub(super) fn key(seed: &Seed, pipe: PipeId) -> String {
    let drawn = seed.derive(Purpose::Handshakes, pipe.0);
    let key = drawn.as_bytes().first_chunk::<16>();
    STANDARD.encode(key.unwrap_or(&[0; 16]))
}

impl Opening {
    /// Whether a response with status 101 opens the WebSocket that was asked for.
    ///
    /// Source: RFC 6455, section 4.1.
    pub(super) fn is_agreed(&self, handshake: &Handshake) -> bool {
        let accept = Field::Is(accept_key(self.key.as_bytes()).into_bytes());
        let mut headers = self.request.headers.iter();
        let offered = headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
        let protocol = match (offered, &handshake.protocol) {
            (None, Field::Missing) => true,
            (Some((_, offered)), Field::Is(chosen)) => {
                fields::list(offered.as_bytes()).any(|offered| offered == chosen)
            }
            _ => false,
        };
        handshake.is_upgrade && handshake.accept == accept && !handshake.has_extensions && protocol
    }

    /// The WebSocket, once it is open.
    pub(super) fn open(self, seed: &Seed, pipe: PipeId, max_payload: usize) -> Socket {
        Socket {
            id: self.id,
            decoder: Decoder::new(Role::Client, max_payload),
            encoder: Encoder::client(seed, pipe.0),
            frames_wait: false,
            pong: None,
        }
    }
}

impl Socket {
    /// Puts frames into a batch until it has this many bytes: the answer to a ping first, then those of the machine.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        max: usize,
        mut poll_frame: impl FnMut(ConnectionId) -> Option<Frame>,
    ) {
        if let Some(content) = self.pong.take() {
            let (header, content) = self.encoder.pong(&content);
            batch.push_frame(header, content);
        }
        while self.frames_wait && batch.len() < max {
            match poll_frame(self.id) {
                Some(frame) => {
                    let (header, content) = self.encoder.message(frame);
                    batch.push_frame(header, content);
                }
                None => self.frames_wait = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use engineio_proto::http::Request;

    use super::*;

    fn opening(protocols: Option<&str>) -> Opening {
        let protocols = protocols.map(|names| ("sec-websocket-protocol".into(), names.into()));
        Opening {
            id: ConnectionId(0),
            request: Request::new("GET", "ws://a/", "")
                .with_headers(protocols.into_iter().collect()),
            key: "dGhlIHNhbXBsZSBub25jZQ==".into(),
        }
    }

    fn good() -> Handshake {
        Handshake {
            is_upgrade: true,
            accept: Field::Is(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_vec()),
            ..Handshake::default()
        }
    }

    #[test]
    fn an_answer_is_checked_in_every_part() {
        assert!(opening(None).is_agreed(&good()));
        let mut bad = vec![Handshake::default()];
        bad.extend(
            [Field::Missing, Field::Repeated, Field::Is(vec![])]
                .map(|accept| Handshake { accept, ..good() }),
        );
        bad.push(Handshake {
            is_upgrade: false,
            ..good()
        });
        bad.push(Handshake {
            has_extensions: true,
            ..good()
        });
        bad.push(Handshake {
            protocol: Field::Is(b"a".to_vec()),
            ..good()
        });
        for bad in bad {
            assert!(!opening(None).is_agreed(&bad), "{bad:?}");
        }
    }

    #[test]
    fn the_server_takes_one_of_the_protocols_that_were_offered() {
        let agreed = |protocol| {
            let handshake = Handshake { protocol, ..good() };
            opening(Some("a, b")).is_agreed(&handshake)
        };
        assert!(agreed(Field::Is(b"a".to_vec())));
        assert!(agreed(Field::Is(b"b".to_vec())));
        assert!(!agreed(Field::Is(b"c".to_vec())));
        assert!(!agreed(Field::Is(b"a, b".to_vec())));
        assert!(!agreed(Field::Missing));
        assert!(!agreed(Field::Repeated));
    }

    #[test]
    fn keys_are_16_bytes_and_differ() {
        let key = |seed, pipe| key(&Seed::new([seed; 32]), PipeId(pipe));
        assert_eq!(STANDARD.decode(key(1, 0)).unwrap().len(), 16);
        assert_eq!(key(1, 0), key(1, 0));
        assert_ne!(key(1, 0), key(1, 1));
        assert_ne!(key(1, 0), key(2, 0));
    }
}
