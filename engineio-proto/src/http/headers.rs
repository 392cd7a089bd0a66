//! The headers of the responses of a server.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use crate::hidden::Hidden;
use crate::ledger::HeapSize;

/// The headers that the protocol asks for, in the order of the official server.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::Headers;
///
/// let headers = Headers::default().with_content_type("text/html").with_no_store();
/// let pairs: Vec<_> = headers.iter().collect();
/// assert_eq!(pairs, [("content-type", "text/html"), ("cache-control", "no-store")]);
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers {
    pub(super) content_type: Option<&'static str>,
    connection_close: bool,
    disable_xss_filter: bool,
    no_store: bool,
    /// Boxed, since few answers have any of them, and answers are moved often.
    rare: Option<Box<Rare>>,
}

/// The headers that most answers have none of. There is at least one of them.
#[derive(Clone, Default, Eq, PartialEq)]
struct Rare {
    set_cookie: Option<Box<str>>,
    cors: CorsHeaders,
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| match name {
            "set-cookie" => (name, Err(Hidden(value))),
            _ => (name, Ok(value)),
        });
        let mut map = f.debug_map();
        for (name, value) in shown {
            match value {
                Ok(plain) => map.entry(&name, &plain),
                Err(hidden) => map.entry(&name, &hidden),
            };
        }
        map.finish()
    }
}

impl HeapSize for Headers {
    fn heap_size(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| {
            let cookie = rare.set_cookie.as_ref().map_or(0, |cookie| cookie.len());
            size_of::<Rare>()
                .saturating_add(rare.cors.heap_size())
                .saturating_add(cookie)
        })
    }
}

impl HeapSize for CorsHeaders {
    fn heap_size(&self) -> usize {
        let owned = self.0.iter().map(|(_, value)| match value {
            Cow::Borrowed(_) => 0,
            Cow::Owned(value) => value.capacity(),
        });
        let pairs = self.0.capacity();
        owned.fold(
            pairs.saturating_mul(size_of::<CorsHeader>()),
            usize::saturating_add,
        )
    }
}

impl Headers {
    /// Sets `Content-Type`.
    #[must_use]
    pub const fn with_content_type(mut self, value: &'static str) -> Self {
        self.content_type = Some(value);
        self
    }

    /// Sets `Connection: close`.
    #[must_use]
    pub const fn with_connection_close(mut self) -> Self {
        self.connection_close = true;
        self
    }

    /// Sets `X-XSS-Protection: 0`, if `disable`.
    #[must_use]
    pub const fn with_xss_filter_disabled(mut self, disable: bool) -> Self {
        self.disable_xss_filter = disable;
        self
    }

    /// Sets `Cache-Control: no-store`.
    #[must_use]
    pub const fn with_no_store(mut self) -> Self {
        self.no_store = true;
        self
    }

    /// Sets `Set-Cookie`, or removes it.
    #[must_use]
    pub fn with_set_cookie(self, value: Option<Box<str>>) -> Self {
        self.with_rare(value.is_some(), |rare| rare.set_cookie = value)
    }

    /// Sets what browsers are told about pages of other origins.
    #[must_use]
    pub fn with_cors(self, headers: CorsHeaders) -> Self {
        self.with_rare(headers != CorsHeaders::default(), |rare| {
            rare.cors = headers;
        })
    }

    /// As `with_cors`, unless they are set already.
    pub(crate) fn add_cors(&mut self, headers: CorsHeaders) {
        let is_set = |rare: &Rare| rare.cors != CorsHeaders::default();
        if !self.rare.as_deref().is_some_and(is_set) {
            *self = core::mem::take(self).with_cors(headers);
        }
    }

    /// Sets one of the rare headers to something or to nothing.
    fn with_rare(mut self, is_something: bool, set: impl FnOnce(&mut Rare)) -> Self {
        if is_something || self.rare.is_some() {
            set(self.rare.get_or_insert_default());
            self.rare = self.rare.filter(|rare| **rare != Rare::default());
        }
        self
    }

    /// The headers as pairs of a lower-case name and a value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let rare = self.rare.as_deref();
        let own = [
            self.connection_close.then_some(("connection", "close")),
            self.content_type.map(|value| ("content-type", value)),
            self.disable_xss_filter.then_some(("x-xss-protection", "0")),
            self.no_store.then_some(("cache-control", "no-store")),
            rare.and_then(|rare| rare.set_cookie.as_deref())
                .map(|value| ("set-cookie", value)),
        ];
        let cors = rare.into_iter().flat_map(|rare| rare.cors.iter());
        cors.chain(own.into_iter().flatten())
    }
}

/// What an answer tells browsers about pages of other origins (CORS), made by
/// [`Config::cors_headers`](crate::server::Config::cors_headers). Mostly nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CorsHeaders(Vec<CorsHeader>);

type CorsHeader = (&'static str, Cow<'static, str>);

impl CorsHeaders {
    /// The headers as pairs of a lower-case name and a value, in the order of the official package.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    pub(crate) fn push(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.0.push((name, value.into()));
    }

    /// Adds a name to the `Vary` header, which stands where its first name was added.
    pub(crate) fn vary(&mut self, on: &'static str) {
        match self.0.iter_mut().find(|(name, _)| *name == "vary") {
            Some((_, value)) => *value = Cow::Owned(format!("{value}, {on}")),
            None => self.push("vary", on),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::http::Response;
    use crate::ledger;

    #[test]
    fn the_memory_of_a_response_is_that_of_its_body_and_its_headers() {
        let mut cors = CorsHeaders::default();
        let with = |headers: Headers, body: &'static [u8]| {
            Response::new(200, body).with_headers(headers).heap_size()
        };
        let headers = || Headers::default().with_content_type("text/plain");
        assert_eq!(with(headers(), b""), 0);
        let body = with(headers(), b"body");
        assert_eq!(body, ledger::buffer_size(4));
        let rare = size_of::<Rare>();
        let cookie = headers().with_set_cookie(Some("io=x".into()));
        assert_eq!(with(cookie.clone(), b""), rare + 4);
        assert_eq!(with(cookie.with_set_cookie(None), b""), 0);
        cors.push("vary", "Origin");
        let slots = cors.0.capacity() * size_of::<CorsHeader>();
        assert_eq!(cors.heap_size(), slots, "of a constant nothing is kept");
        cors.push("access-control-allow-origin", "http://a.b".to_string());
        let slots = cors.0.capacity() * size_of::<CorsHeader>();
        assert_eq!(cors.heap_size(), slots + 10);
        let all = headers()
            .with_set_cookie(Some("io=x".into()))
            .with_cors(cors);
        assert_eq!(with(all, b"body"), body + rare + 4 + slots + 10);
    }
}
