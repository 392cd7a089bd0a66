//! The settings of the headers that tell browsers about pages of other origins (CORS).
//!
//! [`Origins`](super::Origins) lists the pages that are served, and `grants.rs` makes the headers for them. A browser
//! passes an answer on to a page of another origin only if the answer names that origin. Before a request that a form
//! could not make, it sends an OPTIONS request, the *preflight*.
//!
//! Source: the npm package `cors` 2.8, which the official server uses for its option `cors`; WHATWG Fetch, "HTTP CORS
//! protocol".

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::{ConfigError, MAX_SAFE_INTEGER, check_count, is_token, quoted};

/// The headers for pages of other origins: the official option `cors`, whose `origin` is
/// [`Config::origins`](super::Config::origins).
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

    crate::__setters! {
        with_credentials credentials: bool = |allow| allow;
        with_max_age max_age: Duration = |age| Some(age);
        with_options_success_status options_success_status: u16 = |status| status;
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
