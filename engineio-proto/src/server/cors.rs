//! The headers that tell browsers about pages of other origins (CORS).
//!
//! [`Origins`](super::Origins) lists the pages that are served, and this module makes the headers for them. A browser
//! passes an answer on to a page of another origin only if the answer names that origin. Before a request that a form
//! could not make, it sends an OPTIONS request, the *preflight*.
//!
//! Source: the npm package `cors` 2.8, which the official server uses for its option `cors`; WHATWG Fetch, "HTTP CORS
//! protocol".

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::reject::{BadRequest, Reject};
use crate::Exchange;
use crate::http::{CorsHeaders, Headers, RequestHead, Response};
use crate::ledger::{self, Charge, Ledger};
use crate::settings::{ConfigError, MAX_SAFE_INTEGER, check_count, is_token, quoted};

/// The headers for pages of other origins: the official option `cors`, whose `origin` is [`Config::origins`].
///
/// No headers are sent as long as no other origin is served, which is the default of `Config::origins`.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use engineio_proto::server::{Config, Cors, Origin, OriginError, Origins};
///
/// let cors = Cors::default().with_credentials(true).with_max_age(Duration::from_secs(600));
/// let origins = Origins::same_host().with(Origin::parse("https://app.example")?);
/// let config = Config::default().with_origins(origins).with_cors(cors);
/// assert_eq!(config.check(), Ok(()));
/// # Ok::<(), OriginError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cors {
    /// The methods that a preflight allows, in capitals. Default `GET`, `HEAD`, `PUT`, `PATCH`, `POST`, `DELETE`.
    pub methods: Vec<String>,
    /// The names of the headers that a preflight allows. Default `None`: those that it asks for.
    pub allowed_headers: Option<Vec<String>>,
    /// The names of the response headers that pages may read in addition to those that are always readable. Default
    /// none.
    pub exposed_headers: Vec<String>,
    /// Whether browsers send cookies and other credentials, and let pages read the answers to such requests. Not
    /// together with [`Origins::any`](super::Origins::any). Default false.
    pub credentials: bool,
    /// The time for which browsers may remember the answer to a preflight, in whole seconds. Default `None`: the
    /// browser decides.
    pub max_age: Option<Duration>,
    /// The status of the answer to a preflight, from 200 to 299. Default 204.
    pub options_success_status: u16,
}

impl Default for Cors {
    fn default() -> Self {
        let methods = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"];
        Self {
            methods: methods.map(Into::into).into(),
            allowed_headers: None,
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: None,
            options_success_status: 204,
        }
    }
}

impl Cors {
    /// Sets [`methods`](Self::methods).
    #[must_use]
    pub fn with_methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`allowed_headers`](Self::allowed_headers).
    #[must_use]
    pub fn with_allowed_headers<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.allowed_headers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets [`exposed_headers`](Self::exposed_headers).
    #[must_use]
    pub fn with_exposed_headers<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.exposed_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`credentials`](Self::credentials).
    #[must_use]
    pub fn with_credentials(mut self, allow: bool) -> Self {
        self.credentials = allow;
        self
    }

    /// Sets [`max_age`](Self::max_age).
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets [`options_success_status`](Self::options_success_status).
    #[must_use]
    pub fn with_options_success_status(mut self, status: u16) -> Self {
        self.options_success_status = status;
        self
    }

    /// Checks that headers can be made of the settings.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Self {
            methods,
            allowed_headers,
            exposed_headers,
            credentials: _,
            max_age,
            options_success_status,
        } = self;
        check_tokens("methods", methods)?;
        check_tokens(
            "allowed_headers",
            allowed_headers.as_deref().unwrap_or_default(),
        )?;
        check_tokens("exposed_headers", exposed_headers)?;
        let seconds = max_age.map_or(0, |age| age.as_secs());
        check_count("max_age", seconds, 0..=MAX_SAFE_INTEGER)?;
        check_count("options_success_status", *options_success_status, 200..=299)
    }
}

fn check_tokens(option: &'static str, list: &[String]) -> Result<(), ConfigError> {
    match list.iter().find(|item| !is_token(item)) {
        Some(item) => {
            let allowed = "tokens of RFC 9110, as `GET` or `x-name`";
            Err(ConfigError::out_of_range(option, quoted(item), allowed))
        }
        None => Ok(()),
    }
}

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

/// The exchanges whose answers depend on origins, until they are answered. Empty where no other origin is served.
#[derive(Debug)]
pub(super) struct Grants {
    grants: BTreeMap<Exchange, Grant>,
    charge: Charge,
}

impl Grants {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            grants: BTreeMap::new(),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn insert(&mut self, by: Exchange, request: &RequestHead<'_>, config: &Config) {
        if let Some(grant) = config.grant(request) {
            self.grants.insert(by, grant);
            self.settle();
        }
    }

    /// The headers for the answer to an exchange, which ends with this.
    pub(super) fn take(&mut self, by: Exchange, config: &Config) -> Option<CorsHeaders> {
        self.remove(by).map(|grant| config.headers_of(grant))
    }

    /// Forgets an exchange that ended without an answer.
    pub(super) fn forget(&mut self, by: Exchange) {
        self.remove(by);
    }

    fn remove(&mut self, by: Exchange) -> Option<Grant> {
        let grant = self.grants.remove(&by)?;
        self.settle();
        Some(grant)
    }

    fn settle(&mut self) {
        if self.grants.is_empty() {
            // An emptied tree keeps a node.
            self.grants = BTreeMap::new();
        }
        let size = ledger::map_size::<Exchange, Grant>(self.grants.len());
        self.charge.set(size);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }
}

impl Config {
    /// Checks the origin of a request, for requests that do not go through [`Route::of`](super::Route::of), such as
    /// those for WebTransport sessions.
    ///
    /// # Errors
    ///
    /// [`BadRequest::InvalidOrigin`] if the `Origin` header holds control characters, and [`Reject::ForeignOrigin`] if
    /// [`origins`](Self::origins) do not allow it.
    pub fn check_origin(&self, request: &RequestHead<'_>) -> Result<(), Reject> {
        let is_valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !request.origin.unwrap_or_default().iter().all(is_valid) {
            return Err(Reject::BadRequest(BadRequest::InvalidOrigin));
        }
        if self.origins.allows(request.origin, request.host) {
            Ok(())
        } else {
            Err(Reject::ForeignOrigin)
        }
    }

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
