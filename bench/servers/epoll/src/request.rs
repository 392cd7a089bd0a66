//! Requests of HTTP/1.1, as far as the clients write them.

use std::str;

/// A whole request.
pub(crate) struct Request<'a> {
    pub(crate) is_post: bool,
    pub(crate) session: Option<usize>,
    /// The header `Sec-WebSocket-Key`.
    pub(crate) websocket_key: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    /// Its length in bytes, head and body.
    pub(crate) length: usize,
}

impl<'a> Request<'a> {
    /// Reads the request that the input begins with; `None` if it is not complete.
    pub(crate) fn parse(input: &'a [u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head_length) = head.parse(input).ok()? else {
            return None;
        };
        let (mut body_length, mut websocket_key) = (0, None);
        for header in head.headers.iter() {
            if header.name.eq_ignore_ascii_case("Content-Length") {
                body_length = number(str::from_utf8(header.value).ok()?)?;
            } else if header.name.eq_ignore_ascii_case("Sec-WebSocket-Key") {
                websocket_key = Some(header.value);
            }
        }
        let (_, query) = head.path?.split_once('?')?;
        let session = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("sid="))
            .and_then(number);
        let length = head_length + body_length;
        Some(Self {
            is_post: head.method == Some("POST"),
            session,
            websocket_key,
            body: input.get(head_length..length)?,
            length,
        })
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

pub(crate) fn write_response(body: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: ",
    );
    output.extend_from_slice(body.len().to_string().as_bytes());
    output.extend_from_slice(b"\r\n\r\n");
    output.extend_from_slice(body);
}
