//! Heads of HTTP requests.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::http::RequestHead;

use super::mutation::{Mutate, Mutation};

/// The head of an HTTP request that owns its parts; [`as_head`](Self::as_head) lends them to a machine.
#[derive(Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Head {
    /// The method.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded.
    pub query: String,
    /// Whether the request asks to become a WebSocket.
    pub upgrade: bool,
    /// The `Content-Type` header.
    pub content_type: Option<Vec<u8>>,
    /// The `Origin` header.
    pub origin: Option<Vec<u8>>,
    /// The `User-Agent` header.
    pub user_agent: Option<Vec<u8>>,
    /// The `Host` header.
    pub host: Option<Vec<u8>>,
    /// The `Referer` header.
    pub referer: Option<Vec<u8>>,
    /// The `Sec-Fetch-Site` header.
    pub sec_fetch_site: Option<Vec<u8>>,
    /// The `Access-Control-Request-Headers` header.
    pub access_control_request_headers: Option<Vec<u8>>,
}

impl Head {
    /// Makes the head of a plain request without headers.
    pub fn new(
        method: impl Into<String>,
        path: impl Into<String>,
        query: impl Into<String>,
    ) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            ..Self::default()
        }
    }

    /// The form that a machine takes.
    #[must_use]
    pub fn as_head(&self) -> RequestHead<'_> {
        let mut head = RequestHead::new(&self.method, &self.path, &self.query);
        head.upgrade = self.upgrade;
        head.content_type = self.content_type.as_deref();
        head.origin = self.origin.as_deref();
        head.user_agent = self.user_agent.as_deref();
        head.host = self.host.as_deref();
        head.referer = self.referer.as_deref();
        head.sec_fetch_site = self.sec_fetch_site.as_deref();
        head.access_control_request_headers = self.access_control_request_headers.as_deref();
        head
    }

    fn headers(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        [
            &mut self.content_type,
            &mut self.origin,
            &mut self.user_agent,
            &mut self.host,
            &mut self.referer,
            &mut self.sec_fetch_site,
            &mut self.access_control_request_headers,
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_head().fmt(f)
    }
}

/// Half of the changes are in the query, which decides most. The rest are in the path, the method, the request to
/// upgrade, and the headers.
impl Mutate for Head {
    fn mutate(&mut self, mutation: &Mutation) {
        let structure: Vec<usize> = self
            .query
            .chars()
            .enumerate()
            .filter(|(_, char)| matches!(char, '&' | '=' | '0'..='9'))
            .map(|(place, _)| place)
            .collect();
        let (part, inner) = mutation.within(8);
        match part {
            0..=3 => inner.change_text(&mut self.query, &structure),
            4 => inner.change_text(&mut self.path, &[0]),
            5 => inner.change_text(&mut self.method, &[0]),
            6 => self.upgrade = !self.upgrade,
            _ => {
                let (nth, inner) = inner.within(self.headers().count());
                if let Some(value) = self.headers().nth(nth) {
                    inner.change_bytes(value, &[0]);
                }
            }
        }
    }
}
