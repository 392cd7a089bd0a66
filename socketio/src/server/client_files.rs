//! Serves the browser bundles of the official client: the option `serveClient` of the official server.
//!
//! The files come from the npm package `socket.io-client`; a server without it has none to serve.

use std::io;
use std::path::Path;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

/// The bundles, each with a map beside it.
const BUNDLES: [&str; 4] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.msgpack.min.js",
    "socket.io.esm.min.js",
];

/// The browser bundles of the official client, in memory.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    tag: HeaderValue,
    files: Vec<(String, Bytes)>,
}

#[derive(Deserialize)]
struct Package {
    version: String,
}

impl ClientFiles {
    /// Reads the bundles that an installed npm package has.
    ///
    /// # Errors
    ///
    /// What the operating system says if there is no package; [`io::ErrorKind::InvalidData`] if it is none.
    pub fn read(package: &Path) -> io::Result<Self> {
        let description = std::fs::read(package.join("package.json"))?;
        let Package { version } = serde_json::from_slice(&description)?;
        let tag = HeaderValue::try_from(format!("\"{version}\"")).map_err(io::Error::other)?;
        let names = BUNDLES
            .iter()
            .flat_map(|name| [String::from(*name), format!("{name}.map")]);
        let mut files = Vec::new();
        for name in names {
            match std::fs::read(package.join("dist").join(&name)) {
                Ok(content) => files.push((name, content.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { tag, files })
    }

    /// Serves the files below a path that ends with a slash, officially `/socket.io/`; whatever else is below it is left
    /// to the rest of the router.
    pub fn router(self, path: &str) -> Router {
        self.files
            .into_iter()
            .fold(Router::new(), |router, (name, content)| {
                let tag = self.tag.clone();
                let content_type = if name.ends_with(".map") {
                    "application/json; charset=utf-8"
                } else {
                    "application/javascript; charset=utf-8"
                };
                let serve =
                    async move |request: HeaderMap| answer(&request, tag, content_type, content);
                router.route(&format!("{path}{name}"), get(serve))
            })
    }
}

fn answer(
    request: &HeaderMap,
    tag: HeaderValue,
    content_type: &'static str,
    content: Bytes,
) -> Response {
    let known = request
        .get(header::IF_NONE_MATCH)
        .map(HeaderValue::as_bytes);
    if known.is_some_and(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let headers = [
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=0"),
        ),
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::ETAG, tag),
    ];
    (headers, content).into_response()
}
