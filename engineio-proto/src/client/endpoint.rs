//! The address of the server to connect to.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::query::parse_query;
use crate::hidden::Hidden;

/// A server, and the query parameters that its address carries.
///
/// # Examples
///
/// ```
/// use engineio_proto::client::Endpoint;
///
/// let endpoint = Endpoint::parse("wss://[::1]/ignored?token=a%20b#ignored")?;
/// assert_eq!((endpoint.secure, &*endpoint.host, endpoint.port), (true, "::1", 443));
/// assert_eq!(endpoint.query, Some(vec![("token".into(), "a b".into())]));
/// # Ok::<(), engineio_proto::client::EndpointError>(())
/// ```
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Endpoint {
    /// Whether to use TLS.
    pub secure: bool,
    /// The host: a name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port. It is left out of URLs where it is the default one, 443 or 80.
    pub port: u16,
    /// The parameters of the query, decoded; `None` if there is none.
    pub query: Option<Vec<(String, String)>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            secure,
            host,
            port,
            query,
        } = self;
        f.debug_struct("Endpoint")
            .field("secure", secure)
            .field("host", host)
            .field("port", port)
            .field("query", &query.as_deref().map(Hidden))
            .finish()
    }
}

impl Default for Endpoint {
    /// `localhost`, port 80, without TLS.
    fn default() -> Self {
        Self {
            secure: false,
            host: "localhost".into(),
            port: 80,
            query: None,
        }
    }
}

impl Endpoint {
    /// Reads an address: a URL with the scheme `http`, `https`, `ws` or `wss`, or bare `host` or `host:port`.
    ///
    /// Its path, user information and fragment are ignored: the path to the server is
    /// [`Config::path`](super::Config::path). An IPv6 address may go without brackets where no port follows.
    ///
    /// Source: `engine.io-client/lib/contrib/parseuri.ts`.
    ///
    /// # Errors
    ///
    /// An [`EndpointError`] if it is longer than 8,000 bytes, or scheme, host or port is none.
    pub fn parse(address: &str) -> Result<Self, EndpointError> {
        if address.len() > MAX_LEN {
            return Err(EndpointError::TooLong {
                length: address.len(),
                limit: MAX_LEN,
            });
        }
        let (scheme, rest) = address
            .split_once("://")
            .filter(|(scheme, _)| !scheme.contains(['/', '?', '#', ':']))
            .unwrap_or_else(|| ("http", address.strip_prefix("//").unwrap_or(address)));
        let secure = match scheme {
            _ if ["https", "wss"]
                .iter()
                .any(|name| scheme.eq_ignore_ascii_case(name)) =>
            {
                true
            }
            _ if ["http", "ws"]
                .iter()
                .any(|name| scheme.eq_ignore_ascii_case(name)) =>
            {
                false
            }
            _ => return Err(EndpointError::Scheme),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let authority = rest
            .split_once('/')
            .map_or(rest, |(authority, _)| authority);
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority)?;
        let port = match port {
            None | Some("") => default_port(secure),
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().map_err(|_| EndpointError::Port)?
            }
            Some(_) => return Err(EndpointError::Port),
        };
        let endpoint = Self {
            secure,
            host: host.into(),
            port,
            query: query.filter(|query| !query.is_empty()).map(parse_query),
        };
        endpoint.check()?;
        Ok(endpoint)
    }

    /// Finds out whether the parts can stand in a URL.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Host`].
    pub fn check(&self) -> Result<(), EndpointError> {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = !self.host.is_empty() && self.host.bytes().all(name);
        if is_name || self.is_ipv6() {
            Ok(())
        } else {
            Err(EndpointError::Host)
        }
    }

    pub(super) fn is_ipv6(&self) -> bool {
        self.host.parse::<Ipv6Addr>().is_ok()
    }

    pub(super) fn has_default_port(&self) -> bool {
        self.port == default_port(self.secure)
    }
}

/// Why an address is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is too long.
    #[error("URI too long: {length} of {limit} bytes")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The scheme is not `http`, `https`, `ws` or `wss`.
    #[error("unknown scheme")]
    Scheme,
    /// The host is missing, or has characters that no host name has; international names go in their ASCII form.
    #[error("invalid host")]
    Host,
    /// The port is no number below 65,536.
    #[error("invalid port")]
    Port,
}

const MAX_LEN: usize = 8000;

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(EndpointError::Host)?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(EndpointError::Host);
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(EndpointError::Port),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn parsed(address: &str) -> (bool, String, u16) {
        let endpoint = Endpoint::parse(address).unwrap();
        (endpoint.secure, endpoint.host, endpoint.port)
    }

    #[test]
    fn the_parts_of_an_address() {
        for (address, secure, host, port) in [
            ("http://localhost:8080", false, "localhost", 8080),
            ("https://x.com/a/b?c=d", true, "x.com", 443),
            ("WSS://x.com:80", true, "x.com", 80),
            ("ws://1.2.3.4", false, "1.2.3.4", 80),
            ("//x.com:90", false, "x.com", 90),
            ("x.com", false, "x.com", 80),
            ("x.com:81/p", false, "x.com", 81),
            ("http://me:secret@x.com:1", false, "x.com", 1),
            ("http://x.com:", false, "x.com", 80),
            ("http://[::1]:3000/p", false, "::1", 3000),
            ("https://[2001:db8::1]", true, "2001:db8::1", 443),
            ("http://::1", false, "::1", 80),
            ("::1", false, "::1", 80),
            ("x.com?to=http://y.com", false, "x.com", 80),
        ] {
            assert_eq!(parsed(address), (secure, host.into(), port), "{address}");
        }
    }

    #[test]
    fn the_query_is_decoded() {
        let query = |address| Endpoint::parse(address).unwrap().query;
        assert_eq!(query("x.com"), None);
        assert_eq!(query("x.com?"), None);
        assert_eq!(
            query("x.com?a=b%20c&d=e=f&g#h?i=j"),
            Some(vec![
                ("a".into(), "b c".into()),
                ("d".into(), "e=f".into()),
                ("g".into(), "".into())
            ])
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (address, error) in [
            ("", EndpointError::Host),
            ("ftp://x.com", EndpointError::Scheme),
            ("http://", EndpointError::Host),
            ("http://a b", EndpointError::Host),
            ("http://a\r\nb", EndpointError::Host),
            ("http://[::1", EndpointError::Host),
            ("http://[x]", EndpointError::Host),
            ("http://[::1]3", EndpointError::Port),
            ("http://x.com:65536", EndpointError::Port),
            ("http://x.com:+1", EndpointError::Port),
            ("http://bücher.de", EndpointError::Host),
        ] {
            assert_eq!(Endpoint::parse(address), Err(error), "{address}");
        }
    }

    #[test]
    fn an_address_of_8000_bytes_is_taken_and_a_longer_one_refused() {
        let long = |length: usize| {
            let mut address = String::from("http://x.com?");
            address.extend(core::iter::repeat_n('a', length - address.len()));
            Endpoint::parse(&address).map(|_| ())
        };
        assert_eq!(long(8000), Ok(()));
        let error = EndpointError::TooLong {
            length: 8001,
            limit: 8000,
        };
        assert_eq!(long(8001), Err(error));
    }
}
