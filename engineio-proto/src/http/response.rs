//! The responses of a server.

use core::fmt;

use bytes::Bytes;

use super::headers::Headers;
use crate::hidden::Hidden;
use crate::ledger::{self, HeapSize};

/// An HTTP response for the driver to send.
///
/// `Content-Length`, `Date` and the like are the driver's HTTP library's. With the feature `http` it turns into
/// `http::Response<Bytes>` by `From`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
    /// Whether the body may be compressed, by a driver that does so: it holds packets, and not only such that were
    /// [sent uncompressed](crate::Encoded::uncompressed). Officially bodies under 1,024 bytes are left as they are.
    pub compress: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            headers,
            body,
            compress,
        } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("headers", headers)
            .field("body", &Hidden(body))
            .field("compress", compress)
            .finish()
    }
}

impl HeapSize for Response {
    fn heap_size(&self) -> usize {
        ledger::buffer_size(self.body.len()).saturating_add(self.headers.heap_size())
    }
}

impl Response {
    /// Makes a response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: body.into(),
            compress: false,
        }
    }

    /// Sets [`compress`](Self::compress).
    #[must_use]
    pub fn with_compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Sets the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }
}
