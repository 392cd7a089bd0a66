//! The responses of a server, as a client sees them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::response::Response;
use crate::hidden::Hidden;

/// The response of a server, as a client looks at it.
///
/// With the feature `http` it is made from `http::Response<Bytes>` by `From`.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::Answer;
///
/// let answer = Answer::new(200, "6").with_set_cookie("lb=a; Path=/");
/// assert_eq!(answer.set_cookies, ["lb=a; Path=/"]);
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The value of each `Set-Cookie` header, in order.
    pub set_cookies: Vec<String>,
    /// The value of the `Content-Type` header: what tells the two kinds of payload of revision 3 apart.
    pub content_type: Option<String>,
    /// The value of the `Date` header: what the `Expires` attribute of a cookie is compared with.
    pub date: Option<String>,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            set_cookies,
            content_type,
            date,
            body,
        } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("set_cookies", &Hidden(set_cookies.as_slice()))
            .field("content_type", content_type)
            .field("date", date)
            .field("body", &Hidden(body))
            .finish()
    }
}

impl Answer {
    /// Makes a response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            set_cookies: Vec::new(),
            content_type: None,
            date: None,
            body: body.into(),
        }
    }

    /// Adds the value of a `Set-Cookie` header.
    #[must_use]
    pub fn with_set_cookie(mut self, value: impl Into<String>) -> Self {
        self.set_cookies.push(value.into());
        self
    }

    /// Sets the value of the `Content-Type` header.
    #[must_use]
    pub fn with_content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// Sets the value of the `Date` header.
    #[must_use]
    pub fn with_date(mut self, value: impl Into<String>) -> Self {
        self.date = Some(value.into());
        self
    }
}

impl From<Response> for Answer {
    /// What a client sees of a response that this crate's server made.
    fn from(response: Response) -> Self {
        let cookies = response.headers.iter();
        let cookies = cookies.filter(|(name, _)| *name == "set-cookie");
        Self {
            status: response.status,
            set_cookies: cookies.map(|(_, value)| value.into()).collect(),
            content_type: response.headers.content_type.map(Into::into),
            date: None,
            body: response.body,
        }
    }
}
