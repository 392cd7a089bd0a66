//! The WebSocket opening handshake: what a request must have, and the answer to a good one.

use engineio_proto::http::Headers;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::service::{ResponseBody, bare};

/// What the answer to a good request needs.
#[derive(Debug)]
pub(super) struct Opening {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
}

impl Opening {
    /// Checks the headers of a request to become a WebSocket, in the order of the `ws` package.
    ///
    /// # Errors
    ///
    /// The answer to a bad one: 405 for another method than GET, otherwise 400 with a message.
    pub(super) fn check(head: &Parts) -> Result<Self, Box<Response<ResponseBody>>> {
        let value = |name: HeaderName| head.headers.get(name).map(HeaderValue::as_bytes);
        if head.method != Method::GET {
            let method = StatusCode::METHOD_NOT_ALLOWED;
            return Err(refusal(method, "Invalid HTTP method"));
        }
        let bad = |message| Err(refusal(StatusCode::BAD_REQUEST, message));
        if !value(header::UPGRADE).is_some_and(|name| name.eq_ignore_ascii_case(b"websocket")) {
            return bad("Invalid Upgrade header");
        }
        let Some(key) = value(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
            return bad("Missing or invalid Sec-WebSocket-Key header");
        };
        if !matches!(value(header::SEC_WEBSOCKET_VERSION), Some(b"13" | b"8")) {
            let message = "Missing or invalid Sec-WebSocket-Version header";
            let mut refusal = refusal(StatusCode::BAD_REQUEST, message);
            refusal.headers_mut().insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13, 8"),
            );
            return Err(refusal);
        }
        let accept = HeaderValue::try_from(derive_accept_key(key))
            .map_err(|_| refusal(StatusCode::INTERNAL_SERVER_ERROR, ""))?;
        let offered = value(header::SEC_WEBSOCKET_PROTOCOL);
        let protocol = match offered.map(first_protocol) {
            None => None,
            Some(Some(protocol)) => Some(protocol),
            Some(None) => return bad("Invalid Sec-WebSocket-Protocol header"),
        };
        Ok(Self { accept, protocol })
    }

    /// The 101 response, with the headers that the machine adds. The first protocol that the client offers is taken,
    /// and no extension.
    pub(super) fn accept(self, headers: &Headers) -> Response<ResponseBody> {
        let mut response = bare(StatusCode::SWITCHING_PROTOCOLS, "");
        let map = response.headers_mut();
        map.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        map.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        map.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            map.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        for (name, value) in headers.iter() {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

fn refusal(status: StatusCode, message: &'static str) -> Box<Response<ResponseBody>> {
    let mut response = bare(status, message);
    let map = response.headers_mut();
    map.insert(header::CONNECTION, HeaderValue::from_static("close"));
    map.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    Box::new(response)
}

/// Whether this is 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(digit))
}

fn first_protocol(offered: &[u8]) -> Option<HeaderValue> {
    let first = offered.split(|byte| *byte == b',').next()?.trim_ascii();
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let valid = !first.is_empty() && first.iter().all(token);
    HeaderValue::from_bytes(first).ok().filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(changes: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::get("/")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap();
        for (name, value) in changes {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(*name, value);
        }
        request.into_parts().0
    }

    #[test]
    fn a_good_request_is_answered_with_the_accept_value_and_the_first_protocol() {
        let head = head(&[("sec-websocket-protocol", "one, two")]);
        let response = Opening::check(&head).unwrap().accept(&Headers::default());
        assert_eq!(response.status(), 101);
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(response.headers()["sec-websocket-protocol"], "one");
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
    }

    #[test]
    fn bad_headers_are_refused_in_the_words_of_the_official_layer() {
        let refused = |name, value| {
            let refusal = Opening::check(&head(&[(name, value)])).unwrap_err();
            assert_eq!(refusal.headers()["connection"], "close");
            refusal.status()
        };
        assert_eq!(refused("upgrade", "h2c"), 400);
        assert_eq!(refused("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ="), 400);
        assert_eq!(refused("sec-websocket-key", ""), 400);
        assert_eq!(refused("sec-websocket-version", "12"), 400);
        assert_eq!(refused("sec-websocket-protocol", "a b"), 400);
        let refusal = Opening::check(&head(&[("sec-websocket-version", "7")])).unwrap_err();
        assert_eq!(refusal.headers()["sec-websocket-version"], "13, 8");
    }

    #[test]
    fn another_method_than_get_is_not_allowed() {
        let mut head = head(&[]);
        head.method = Method::POST;
        assert_eq!(Opening::check(&head).unwrap_err().status(), 405);
    }
}
