//! The CORS headers of answers, by the settings in `cors.rs` and `config.rs`.
//!
//! Source: the npm package `cors` 2.8; WHATWG Fetch, "HTTP CORS protocol".

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::config::Config;
use crate::HeadId;
use crate::http::{CorsHeaders, Headers, RequestHead, Response};
use crate::ledger::{self, Charge, Ledger};

/// The CORS headers of an answer. They are decided when the request arrives, because the answer may come much later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Grant {
    /// Every page may read it.
    Any,
    /// Pages of the origin in this place of the list may read it.
    Listed(usize),
    /// No page of another origin may read it, but the headers would differ for another origin.
    Nobody,
}

/// The requests whose answers depend on origins, until they are answered. Empty where no other origin is served.
#[derive(Debug)]
pub(super) struct Grants {
    grants: BTreeMap<HeadId, Grant>,
    charge: Charge,
}

impl Grants {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            grants: BTreeMap::new(),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn insert(&mut self, by: HeadId, request: &RequestHead<'_>, config: &Config) {
        if let Some(grant) = config.grant(request) {
            self.grants.insert(by, grant);
            self.settle();
        }
    }

    /// The headers for the answer to a request, which is over with this.
    pub(super) fn take(&mut self, by: HeadId, config: &Config) -> Option<CorsHeaders> {
        self.remove(by).map(|grant| config.headers_of(grant))
    }

    /// Forgets a request that ended without an answer.
    pub(super) fn forget(&mut self, by: HeadId) {
        self.remove(by);
    }

    fn remove(&mut self, by: HeadId) -> Option<Grant> {
        let grant = self.grants.remove(&by)?;
        self.settle();
        Some(grant)
    }

    fn settle(&mut self) {
        if self.grants.is_empty() {
            // An emptied tree keeps a node.
            self.grants = BTreeMap::new();
        }
        let size = ledger::map_size::<HeadId, Grant>(self.grants.len());
        self.charge.set(size);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }
}

impl Config {
    /// The CORS headers for the answer to a request, for answers that a driver makes itself. [`Server`](super::Server)
    /// adds them to its own.
    #[must_use]
    pub fn cors_headers(&self, request: &RequestHead<'_>) -> CorsHeaders {
        let grant = self.grant(request);
        grant.map_or_else(CorsHeaders::default, |grant| self.headers_of(grant))
    }

    /// The answer to a preflight, for [`Route::Preflight`](super::Route::Preflight).
    #[must_use]
    pub fn preflight(&self, request: &RequestHead<'_>) -> Response {
        let headers = Headers::default().with_cors(self.preflight_headers(request));
        Response::new(self.cors.options_success_status, "").with_headers(headers)
    }

    /// Whether a request is a preflight, which is answered before any other check.
    pub(super) fn is_preflight(&self, request: &RequestHead<'_>) -> bool {
        request.method == "OPTIONS" && !request.upgrade && self.origins.are_shared()
    }

    fn grant(&self, request: &RequestHead<'_>) -> Option<Grant> {
        if !self.origins.are_shared() {
            return None;
        }
        if self.origins.is_any() {
            return Some(Grant::Any);
        }
        let position = request
            .origin
            .and_then(|origin| self.origins.position(origin));
        Some(position.map_or(Grant::Nobody, Grant::Listed))
    }

    /// The headers of every answer, in the order of the official package.
    fn headers_of(&self, grant: Grant) -> CorsHeaders {
        let mut headers = self.first_headers(grant);
        self.add_exposed(&mut headers);
        headers
    }

    fn first_headers(&self, grant: Grant) -> CorsHeaders {
        let mut headers = CorsHeaders::default();
        let origin = match grant {
            Grant::Any => Some(Cow::Borrowed("*")),
            Grant::Listed(place) => {
                let origin = self.origins.get(place);
                origin.map(|origin| Cow::Owned(origin.as_str().into()))
            }
            Grant::Nobody => None,
        };
        if let Some(origin) = origin {
            headers.push("access-control-allow-origin", origin);
        }
        if grant != Grant::Any {
            headers.vary("Origin");
        }
        if self.cors.credentials {
            headers.push("access-control-allow-credentials", "true");
        }
        headers
    }

    fn preflight_headers(&self, request: &RequestHead<'_>) -> CorsHeaders {
        let Some(grant) = self.grant(request) else {
            return CorsHeaders::default();
        };
        let mut headers = self.first_headers(grant);
        headers.push("access-control-allow-methods", self.cors.methods.join(","));
        let allowed = match &self.cors.allowed_headers {
            Some(names) => names.join(","),
            None => {
                headers.vary("Access-Control-Request-Headers");
                asked_for(request)
            }
        };
        if !allowed.is_empty() {
            headers.push("access-control-allow-headers", allowed);
        }
        if let Some(age) = self.cors.max_age {
            headers.push("access-control-max-age", format!("{}", age.as_secs()));
        }
        self.add_exposed(&mut headers);
        headers
    }

    fn add_exposed(&self, headers: &mut CorsHeaders) {
        if !self.cors.exposed_headers.is_empty() {
            let names = self.cors.exposed_headers.join(",");
            headers.push("access-control-expose-headers", names);
        }
    }
}

/// The names that a preflight asks for, as it lists them; empty if they could not stand in a header.
fn asked_for(request: &RequestHead<'_>) -> String {
    let asked = request.access_control_request_headers.unwrap_or_default();
    let is_list = asked.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let text = core::str::from_utf8(asked).ok().filter(|_| is_list);
    text.unwrap_or_default().into()
}
