//! Heads of responses.

use alloc::vec::Vec;

use super::fields;

/// A head that is being written.
///
/// Names come as `Content-Type`, whatever case they are given in: some clients of small devices compare them byte by byte.
#[derive(Debug)]
pub(crate) struct HeadWriter {
    bytes: Vec<u8>,
}

impl HeadWriter {
    /// Begins a response.
    pub(crate) fn response(status: u16) -> Self {
        let mut head = Self {
            bytes: Vec::with_capacity(256),
        };
        if status == 200 {
            return head.lines(b"HTTP/1.1 200 OK\r\n");
        }
        head.bytes.extend_from_slice(b"HTTP/1.1 ");
        head.bytes
            .extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
        head.bytes.push(b' ');
        head.bytes.extend_from_slice(reason(status).as_bytes());
        head.lines(b"\r\n")
    }

    /// Adds a field. One whose name or value may not stand in a head is left out.
    pub(crate) fn field(&mut self, name: &str, value: &[u8]) -> &mut Self {
        if !fields::is_value(value) {
            return self;
        }
        if let Some(titled) = titled(name) {
            self.bytes.extend_from_slice(titled.as_bytes());
        } else if fields::is_token(name.as_bytes()) {
            self.push_titled(name);
        } else {
            return self;
        }
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    fn push_titled(&mut self, name: &str) {
        let mut is_start = true;
        for byte in name.bytes() {
            let byte = if is_start {
                byte.to_ascii_uppercase()
            } else {
                byte
            };
            is_start = byte == b'-';
            self.bytes.push(byte);
        }
    }

    /// Adds whole lines.
    pub(crate) fn lines(mut self, lines: &[u8]) -> Self {
        self.bytes.extend_from_slice(lines);
        self
    }

    /// Adds a field with a number.
    pub(crate) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.field(name, itoa::Buffer::new().format(value).as_bytes())
    }

    /// Ends the head.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        core::mem::take(&mut self.bytes)
    }
}

/// The names of the fields that most answers have, in their case.
fn titled(name: &str) -> Option<&'static str> {
    Some(match name {
        "content-type" => "Content-Type",
        "content-length" => "Content-Length",
        "cache-control" => "Cache-Control",
        "date" => "Date",
        "set-cookie" => "Set-Cookie",
        _ => return None,
    })
}

/// Whether a response with this status never has a body.
pub(crate) const fn has_no_body(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        // A reason may be empty, and clients ignore it.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_its_fields_in_order() {
        let mut head = HeadWriter::response(200);
        head.field("content-type", b"text/plain")
            .number("content-length", 12);
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(head.end(), expected.as_bytes());
    }

    #[test]
    fn known_names_have_the_case_that_others_get() {
        for name in [
            "content-type",
            "content-length",
            "cache-control",
            "date",
            "set-cookie",
        ] {
            let mut head = HeadWriter::response(200);
            head.push_titled(name);
            let expected = head.end();
            let mut head = HeadWriter::response(200);
            head.field(name, b"");
            let written = head.end();
            assert_eq!(
                written.strip_suffix(b": \r\n\r\n"),
                expected.strip_suffix(b"\r\n")
            );
        }
    }

    #[test]
    fn no_field_can_end_the_head() {
        let mut head = HeadWriter::response(599);
        head.field("a", b"b\r\nc: d")
            .field("e\r\n", b"f")
            .field("", b"g")
            .field("h", b"\x7f");
        assert_eq!(head.end(), b"HTTP/1.1 599 \r\n\r\n");
    }
}
