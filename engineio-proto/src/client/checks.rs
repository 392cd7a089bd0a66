//! Rules about settings of a client that several of them share.

use alloc::format;
use alloc::string::String;

use super::endpoint::Endpoint;
use crate::settings::{ConfigError, bytes, check_count, is_token, quoted};

const MAX_QUERY: usize = 8000;

pub(super) fn check_endpoint(endpoint: &Endpoint) -> Result<(), ConfigError> {
    let Endpoint {
        secure: _,
        host,
        port,
        query: _, // checked with the settings that it belongs to
    } = endpoint;
    let checked = match endpoint.check() {
        Ok(()) => check_count("port", *port, 1..=65_535),
        Err(_) => {
            let allowed =
                "a host name in ASCII, an IPv4 address, or an IPv6 address without brackets";
            Err(ConfigError::out_of_range("host", quoted(host), allowed))
        }
    };
    checked.map_err(|error| error.within("endpoint"))
}

pub(super) fn check_path(path: &str) -> Result<(), ConfigError> {
    let in_path = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte);
    if path.bytes().all(in_path) {
        Ok(())
    } else {
        let allowed = "characters of a URL path, others percent-encoded";
        Err(ConfigError::out_of_range("path", quoted(path), allowed))
    }
}

pub(super) fn check_timestamp_param(name: &str) -> Result<(), ConfigError> {
    if name.is_empty() {
        let allowed = "a name of one character or more";
        return Err(ConfigError::out_of_range(
            "timestamp_param",
            "empty",
            allowed,
        ));
    }
    Ok(())
}

/// Browsers refuse a WebSocket with a subprotocol that is no token or is named twice.
pub(super) fn check_protocols(protocols: &[String]) -> Result<(), ConfigError> {
    let at_fault = protocols.iter().enumerate().find(|(index, protocol)| {
        let mut before = protocols.iter().take(*index);
        !is_token(protocol) || before.any(|other| other == *protocol)
    });
    let Some((_, protocol)) = at_fault else {
        return Ok(());
    };
    let value = format!("a list with {}", quoted(protocol));
    let allowed = "tokens of RFC 9110, each once";
    Err(ConfigError::out_of_range("protocols", value, allowed))
}

pub(super) fn check_query(query: &[(String, String)]) -> Result<(), ConfigError> {
    let length = query.iter().fold(0_usize, |sum, (name, value)| {
        sum.saturating_add(name.len()).saturating_add(value.len())
    });
    if length > MAX_QUERY {
        let (value, allowed) = (bytes(length), format!("at most {}", bytes(MAX_QUERY)));
        return Err(ConfigError::out_of_range("query", value, allowed));
    }
    Ok(())
}

pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), ConfigError> {
    let in_value = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    for (name, value) in headers {
        let what = if !is_token(name) {
            format!("a list with the name {}", quoted(name))
        } else if !value.bytes().all(in_value) {
            format!("a list with control characters in {}", quoted(name))
        } else {
            continue;
        };
        let allowed = "names that are tokens of RFC 9110, values without control characters";
        return Err(ConfigError::out_of_range("extra_headers", what, allowed));
    }
    Ok(())
}
