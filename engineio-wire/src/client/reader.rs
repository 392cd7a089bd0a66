//! Reading one response, in pieces of any size.

use alloc::vec::Vec;

use bytes::Bytes;
use engineio_proto::http::Answer;

use crate::http::body::{Body, Framing, Progress};
use crate::http::ending::Ending;
use crate::http::response::Head;
use crate::http::{BodyError, TooLarge};

/// What a response may turn the connection into, so that bytes behind its head are no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    /// Nothing.
    Answer,
    /// A tunnel through a proxy: any status from 200 to 299.
    Tunnel,
    /// A WebSocket: status 101.
    WebSocket,
}

/// The limits of a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) head: usize,
    pub(super) body: usize,
}

/// A response that is being read. It takes memory for what has come, and none before.
#[derive(Debug)]
pub(super) struct Reader {
    wanted: Wanted,
    /// The head, as far as it has come.
    bytes: Vec<u8>,
    ending: Ending,
    /// The bytes of the heads before this one.
    before: usize,
    body: Option<(Head, Body)>,
    has_begun: bool,
}

/// A whole response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) head: Head,
    body: Vec<u8>,
}

impl Response {
    /// What the machine is told.
    pub(super) fn into_answer(mut self) -> Answer {
        self.head.answer.body = Bytes::from(self.body);
        self.head.answer
    }
}

impl Reader {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            bytes: Vec::new(),
            ending: Ending::default(),
            before: 0,
            body: None,
            has_begun: false,
        }
    }

    /// Whether a byte of the response has come.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The bytes on the heap.
    pub(super) fn bytes_held(&self) -> usize {
        let body = self.body.as_ref().map_or(0, |(_, body)| body.bytes_held());
        self.bytes.capacity().saturating_add(body)
    }

    /// Takes what belongs to the response off the front of `input`; gives it once it is whole.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        limits: Limits,
    ) -> Result<Option<Response>, BodyError> {
        self.has_begun |= !input.is_empty();
        while self.body.is_none() {
            let Some(head) = self.read_head(input, limits)? else {
                return Ok(None);
            };
            if !head.is_interim() {
                let body = Body::new(self.framing(&head), limits.body)?;
                self.body = Some((head, body));
            }
        }
        let Some((_, body)) = &mut self.body else {
            return Ok(None);
        };
        match body.read(input)? {
            Progress::More => Ok(None),
            Progress::Whole => Ok(self.take()),
        }
    }

    /// The response, if the end of the connection is what ends it.
    pub(super) fn end(&mut self) -> Option<Response> {
        let (_, body) = self.body.as_ref()?;
        body.ends_with_connection().then(|| self.take()).flatten()
    }

    fn take(&mut self) -> Option<Response> {
        let (head, body) = self.body.take()?;
        Some(Response {
            head,
            body: body.into_content(),
        })
    }

    fn read_head(&mut self, input: &mut &[u8], limits: Limits) -> Result<Option<Head>, BodyError> {
        let used = self.before.saturating_add(self.bytes.len());
        let room = limits.head.saturating_sub(used);
        let (window, beyond) = input.split_at_checked(room).unwrap_or((input, &[]));
        // A head that comes in one piece, as most do, is read where it is.
        let old = self.bytes.len();
        let found = if old == 0 {
            self.ending.find(window)?
        } else {
            self.bytes.extend_from_slice(window);
            self.ending.find(&self.bytes)?
        };
        let Some(end) = found else {
            if old == 0 {
                self.bytes.extend_from_slice(window);
            }
            if !beyond.is_empty() {
                return Err(TooLarge::Head.into());
            }
            *input = &[];
            return Ok(None);
        };
        let head = match old {
            0 => window.get(..end),
            _ => self.bytes.get(..end),
        };
        let head = Head::parse(head.unwrap_or_default())?;
        *input = input.get(end.saturating_sub(old)..).unwrap_or_default();
        self.before = self.before.saturating_add(end);
        self.bytes = Vec::new();
        self.ending = Ending::default();
        Ok(Some(head))
    }

    fn framing(&self, head: &Head) -> Framing {
        match (self.wanted, head.answer.status) {
            (Wanted::Tunnel, 200..=299) => Framing::Length(0),
            _ => head.framing,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        head: 200,
        body: 20,
    };

    /// Reads a response in pieces. Gives its status, its body and the number of bytes behind it.
    fn read(
        wanted: Wanted,
        bytes: &[u8],
        cuts: &[usize],
    ) -> Result<Option<(u16, String, usize)>, String> {
        let mut reader = Reader::new(wanted);
        let mut from = 0;
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let mut piece = &bytes[from..cut];
            from = cut;
            let read = reader.read(&mut piece, LIMITS);
            if let Some(response) = read.map_err(|error| error.to_string())? {
                let answer = response.into_answer();
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let rest = bytes.len() - from + piece.len();
                assert_eq!(reader.bytes_held(), 0);
                return Ok(Some((answer.status, body, rest)));
            }
            assert!(piece.is_empty());
        }
        let end = reader.end().map(|response| {
            let answer = response.into_answer();
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            (answer.status, body, 0)
        });
        Ok(end)
    }

    fn whole(text: &str) -> (u16, String, usize) {
        read(Wanted::Answer, text.as_bytes(), &[]).unwrap().unwrap()
    }

    #[test]
    fn a_response_ends_where_its_head_says() {
        let ok =
            |fields: &str, body: &str| whole(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}"));
        assert_eq!(ok("content-length: 2", "okHTTP"), (200, "ok".into(), 4));
        assert_eq!(
            ok("transfer-encoding: chunked", "2\r\nok\r\n0\r\n\r\nx"),
            (200, "ok".into(), 1)
        );
        assert_eq!(
            ok("a: b", "until the end"),
            (200, "until the end".into(), 0)
        );
        assert_eq!(whole("HTTP/1.1 204 No\r\n\r\nx"), (204, String::new(), 1));
    }

    #[test]
    fn interim_responses_are_passed_over() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n";
        let text = format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(whole(&text), (200, String::new(), 0));
        let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
        let error = read(Wanted::Answer, many.as_bytes(), &[]).unwrap_err();
        assert_eq!(error, "the head is too large");
    }

    #[test]
    fn a_response_that_breaks_off_is_none() {
        for text in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        ] {
            assert_eq!(
                read(Wanted::Answer, text.as_bytes(), &[]),
                Ok(None),
                "{text:?}"
            );
        }
    }

    #[test]
    fn heads_and_bodies_have_limits() {
        let head = |length: usize| {
            let name = "x".repeat(length - "HTTP/1.1 204 \r\n: \r\n\r\n".len());
            let text = format!("HTTP/1.1 204 \r\n{name}: \r\n\r\n");
            assert_eq!(text.len(), length);
            read(Wanted::Answer, text.as_bytes(), &[])
        };
        assert!(head(LIMITS.head).is_ok());
        assert!(head(LIMITS.head + 1).is_err());
        for fields in ["content-length: 21", "transfer-encoding: chunked", "a: b"] {
            let text = format!(
                "HTTP/1.1 200 OK\r\n{fields}\r\n\r\n15\r\n{}\r\n",
                "x".repeat(21)
            );
            let error = read(Wanted::Answer, text.as_bytes(), &[]).unwrap_err();
            assert_eq!(error, "the body is too large", "{fields}");
        }
    }

    #[test]
    fn a_tunnel_has_no_body_and_a_refusal_has() {
        let tunnel = |text: &str| read(Wanted::Tunnel, text.as_bytes(), &[]).unwrap().unwrap();
        let opened = tunnel("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc");
        assert_eq!(opened, (200, String::new(), 3));
        let refused = tunnel("HTTP/1.1 407 No\r\ncontent-length: 2\r\n\r\nabc");
        assert_eq!(refused, (407, "ab".into(), 1));
        let socket = read(Wanted::WebSocket, b"HTTP/1.1 101 x\r\n\r\n\x81", &[]);
        assert_eq!(socket, Ok(Some((101, String::new(), 1))));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            pieces in prop::collection::vec(
                prop::sample::select(alloc::vec![
                    "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 404\r\n", "content-length: 5\r\n",
                    "transfer-encoding: chunked\r\n", "a: b\r\n", "\r\n", "\n", "\r", "3\r\nabc\r\n", "0\r\n\r\n", "abcde", "x",
                ]),
                0..9,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let text = pieces.concat();
            let mut cuts: alloc::vec::Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            prop_assert_eq!(
                read(Wanted::Answer, text.as_bytes(), &cuts),
                read(Wanted::Answer, text.as_bytes(), &[])
            );
        }
    }
}
