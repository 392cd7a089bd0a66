//! Redirects.

use alloc::string::String;

use engineio_proto::client::Endpoint;
use engineio_proto::http::Request;

use super::request::Origin;

/// The headers that are meant for one origin.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "host", "proxy-authorization"];

/// The request that a redirect leads to; `None` if it is not to be followed.
///
/// A GET follows every redirect, a POST only those that keep its method. None leads from `https` to `http`. Across origins
/// the request loses its credentials.
pub(super) fn follow(request: &Request, status: u16, location: Option<&str>) -> Option<Request> {
    match (request.method, status) {
        ("GET", 301 | 302 | 303 | 307 | 308) | (_, 307 | 308) => {}
        _ => return None,
    }
    let url = resolve(request, location?)?;
    let mut next = Request::new(request.method, url, request.body.clone())
        .with_headers(request.headers.clone());
    if request.is_secure() && !next.is_secure() {
        return None;
    }
    if Origin::of(&next) != Origin::of(request) {
        let is_credential = |name: &str| {
            let mut known = CREDENTIALS.iter();
            known.any(|known| name.eq_ignore_ascii_case(known))
        };
        next.headers.retain(|(name, _)| !is_credential(name));
    }
    Some(next)
}

/// The absolute URL that a `Location` means behind the URL of a request. `None` if it is of another scheme, or none at all.
fn resolve(request: &Request, location: &str) -> Option<String> {
    let location = location
        .split_once('#')
        .map_or(location, |(location, _)| location);
    let is_visible = |byte: u8| byte > b' ' && byte != 0x7f && byte != b'\\';
    if !location.bytes().all(is_visible) {
        return None;
    }
    let scheme = if request.is_secure() { "https" } else { "http" };
    let same_host = |target: &str| {
        let authority = request.authority();
        Some(alloc::format!("{scheme}://{authority}{target}"))
    };
    if let Some(rest) = location.strip_prefix("//") {
        return absolute(scheme, rest);
    }
    if location.starts_with('/') {
        return same_host(location);
    }
    if location.is_empty() || location.starts_with('?') {
        return same_host(&alloc::format!("{}{location}", request.path()));
    }
    match scheme_of(location) {
        Some((scheme, rest)) => absolute(scheme, rest.strip_prefix("//")?),
        None => {
            let folder = request.path().rsplit_once('/').map_or("", |(path, _)| path);
            same_host(&alloc::format!("{folder}/{location}"))
        }
    }
}

/// Takes a scheme off. A colon behind a slash or a question mark ends none.
fn scheme_of(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    (!scheme.contains(['/', '?'])).then_some((scheme, rest))
}

fn absolute(scheme: &str, rest: &str) -> Option<String> {
    let scheme = ["http", "https"]
        .into_iter()
        .find(|known| scheme.eq_ignore_ascii_case(known))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    // Whoever is named in front of the host is not whom this client speaks for.
    if authority.contains('@') {
        return None;
    }
    Endpoint::parse(&alloc::format!("{scheme}://{authority}")).ok()?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(alloc::format!("{scheme}://{authority}{slash}{target}"))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn request(method: &'static str, url: &str) -> Request {
        Request::new(method, url, "body").with_headers(vec![
            ("Authorization".into(), "a".into()),
            ("cookie".into(), "b".into()),
            ("X-Own".into(), "c".into()),
        ])
    }

    fn url(from: &str, location: &str) -> Option<String> {
        follow(&request("GET", from), 302, Some(location)).map(|next| next.url)
    }

    #[test]
    fn a_location_may_be_in_any_form() {
        let from = "http://a:81/b/c?d=e";
        for (location, expected) in [
            ("https://x/y?z", "https://x/y?z"),
            ("HTTP://x:1", "http://x:1/"),
            ("http://x?y", "http://x/?y"),
            ("//x/y", "http://x/y"),
            ("/y?z#f", "http://a:81/y?z"),
            ("?z", "http://a:81/b/c?z"),
            ("y/z?u=http://w", "http://a:81/b/y/z?u=http://w"),
            ("#f", "http://a:81/b/c"),
            ("http://[::1]:5/", "http://[::1]:5/"),
        ] {
            assert_eq!(url(from, location).as_deref(), Some(expected), "{location}");
        }
        for location in [
            "ftp://x/",
            "mailto:x",
            "http:x",
            "http://",
            "http://x y/",
            "/a b",
            "/a\r\nb",
            "http://me@x/",
            "http://a\\b/",
            "/\\x",
            "http://x:99999/",
        ] {
            assert_eq!(url(from, location), None, "{location}");
        }
    }

    #[test]
    fn https_is_never_left() {
        assert_eq!(url("https://a/", "http://a/"), None);
        assert_eq!(url("https://a/", "//b/").as_deref(), Some("https://b/"));
        assert_eq!(
            url("http://a/", "https://a/").as_deref(),
            Some("https://a/")
        );
    }

    #[test]
    fn a_post_follows_what_keeps_its_method() {
        for status in [301, 302, 303, 300, 304, 305, 200] {
            let followed = follow(&request("POST", "http://a/"), status, Some("/b"));
            assert_eq!(followed, None, "{status}");
        }
        for status in [307, 308] {
            let next = follow(&request("POST", "http://a/"), status, Some("/b")).unwrap();
            assert_eq!((next.method, &*next.body), ("POST", &b"body"[..]));
        }
        assert_eq!(follow(&request("GET", "http://a/"), 302, None), None);
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let names = |from: &str, location: &str| {
            let next = follow(&request("GET", from), 302, Some(location)).unwrap();
            next.headers.len()
        };
        assert_eq!(names("http://a/", "/b"), 3);
        assert_eq!(names("http://a/", "http://A:80/b"), 3);
        for location in ["http://b/", "http://a:81/", "https://a/"] {
            assert_eq!(names("http://a/", location), 1, "{location}");
        }
    }
}
