//! Conversions from and to the types of the crate `http`.

use bytes::Bytes;
use http::header;

use super::{Answer, Request, RequestHead, Response};

impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        let header = |name| parts.headers.get(name).map(http::HeaderValue::as_bytes);
        let authority = parts.uri.authority();
        let authority = authority.map(|authority| authority.as_str().as_bytes());
        let upgrade =
            header(header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
        Self {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            upgrade,
            content_type: header(header::CONTENT_TYPE),
            origin: only_origin(&parts.headers),
            user_agent: header(header::USER_AGENT),
            host: authority.or_else(|| only_host(&parts.headers)),
            referer: header(header::REFERER),
            sec_fetch_site: parts
                .headers
                .get("sec-fetch-site")
                .map(|site| site.as_bytes()),
            access_control_request_headers: header(header::ACCESS_CONTROL_REQUEST_HEADERS),
        }
    }
}

/// The `Origin` header. Several are taken for one that is no origin: no browser sends more than one, and which one a
/// proxy in front looked at is not known.
fn only_origin(headers: &http::HeaderMap) -> Option<&[u8]> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().map(http::HeaderValue::as_bytes);
    match origins.next() {
        None => origin,
        Some(_) => Some(b""),
    }
}

/// The `Host` header, unless there are several: which one a proxy in front looked at is not known then.
fn only_host(headers: &http::HeaderMap) -> Option<&[u8]> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes);
    host.filter(|_| hosts.next().is_none())
}

impl From<Response> for http::Response<Bytes> {
    fn from(response: Response) -> Self {
        let mut converted = Self::new(response.body);
        *converted.status_mut() = http::StatusCode::from_u16(response.status)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in response.headers.iter() {
            if let Ok(value) = http::HeaderValue::from_str(value) {
                converted
                    .headers_mut()
                    .append(header::HeaderName::from_static(name), value);
            }
        }
        converted
    }
}

impl TryFrom<Request> for http::Request<Bytes> {
    type Error = http::Error;

    /// Fails if the URL or a header is not one, which the machine's check of its settings rules out.
    fn try_from(request: Request) -> Result<Self, http::Error> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        builder.body(request.body)
    }
}

impl From<http::Response<Bytes>> for Answer {
    fn from(response: http::Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().ok().map(Into::into);
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
        Self {
            status: parts.status.as_u16(),
            set_cookies: cookies.filter_map(text).collect(),
            content_type: parts.headers.get(header::CONTENT_TYPE).and_then(text),
            date: parts.headers.get(header::DATE).and_then(text),
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::http::Headers;

    #[test]
    fn a_request_head_is_borrowed_from_parts() {
        let request = http::Request::get("/engine.io/?EIO=4")
            .header("upgrade", "WebSocket")
            .header("origin", "o");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let head = RequestHead::from(&parts);
        assert_eq!(
            (head.method, head.path, head.query),
            ("GET", "/engine.io/", "EIO=4")
        );
        assert_eq!(
            (head.upgrade, head.origin, head.user_agent),
            (true, Some(&b"o"[..]), None)
        );
    }

    #[test]
    fn the_host_is_that_of_the_url_or_of_the_only_host_header() {
        fn host(uri: &str, hosts: &[&str]) -> Option<Vec<u8>> {
            let mut request = http::Request::get(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            RequestHead::from(&parts).host.map(<[u8]>::to_vec)
        }
        assert_eq!(host("/", &["a:1"]).unwrap(), b"a:1");
        assert_eq!(host("https://b:2/", &["a:1"]).unwrap(), b"b:2");
        assert_eq!(host("https://b/", &[]).unwrap(), b"b");
        assert_eq!(host("/", &["a", "b"]), None);
        assert_eq!(host("/", &[]), None);
    }

    #[test]
    fn several_origins_are_none_that_is_served() {
        fn origin(origins: &[&str]) -> Option<Vec<u8>> {
            let mut request = http::Request::get("/");
            for origin in origins {
                request = request.header("origin", *origin);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            RequestHead::from(&parts).origin.map(<[u8]>::to_vec)
        }
        assert_eq!(origin(&[]), None);
        assert_eq!(origin(&["http://a"]).unwrap(), b"http://a");
        assert_eq!(origin(&["http://a", "http://b"]).unwrap(), b"");
        assert_eq!(origin(&["http://a", "http://a"]).unwrap(), b"");
    }

    #[test]
    fn a_response_becomes_an_http_response() {
        let headers = Headers::default()
            .with_connection_close()
            .with_set_cookie(Some("io=x".into()));
        let converted = http::Response::from(Response::new(400, "no").with_headers(headers));
        assert_eq!(converted.status(), 400);
        assert_eq!(converted.headers()["connection"], "close");
        assert_eq!(converted.headers()["set-cookie"], "io=x");
        assert_eq!(converted.body(), "no");
    }

    #[test]
    fn a_request_becomes_an_http_request() {
        let request = Request::new("POST", "http://[::1]:3000/engine.io/?EIO=4", "4a")
            .with_headers(alloc::vec![("Accept".into(), "*/*".into())]);
        assert_eq!(
            (request.authority(), request.host(), request.port()),
            ("[::1]:3000", "::1", 3000)
        );
        assert_eq!((request.path(), request.query()), ("/engine.io/", "EIO=4"));
        let converted = http::Request::try_from(request).unwrap();
        assert_eq!(converted.uri(), "http://[::1]:3000/engine.io/?EIO=4");
        assert_eq!(
            (converted.method(), converted.body()),
            (&http::Method::POST, &Bytes::from("4a"))
        );
        assert_eq!(converted.headers()["accept"], "*/*");
    }

    #[test]
    fn the_port_follows_the_scheme() {
        let port = |url: &str| {
            let request = Request::new("GET", url, "");
            (request.is_secure(), request.port())
        };
        assert_eq!(port("http://a/"), (false, 80));
        assert_eq!(port("wss://a/"), (true, 443));
        assert_eq!(port("https://[::1]/"), (true, 443));
        assert_eq!(port("ws://a:1/"), (false, 1));
    }

    #[test]
    fn an_answer_is_made_of_an_http_response() {
        let response = http::Response::builder()
            .status(503)
            .header("set-cookie", "a=1")
            .header("date", "now")
            .header("content-type", "text/plain")
            .header("set-cookie", "b=2");
        let answer = Answer::from(response.body(Bytes::from("x")).unwrap());
        let expected = Answer::new(503, "x")
            .with_set_cookie("a=1")
            .with_set_cookie("b=2")
            .with_content_type("text/plain")
            .with_date("now");
        assert_eq!(answer, expected);
    }
}
