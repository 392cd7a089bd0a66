//! The files of the page.

use std::path::Path;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use examples::client_files::ClientFiles;
use http::header;

const PAGE: &str = include_str!("../../../assets/chat/index.html");
const STYLE: &str = include_str!("../../../assets/chat/style.css");
const SCRIPT: &str = include_str!("../../../assets/chat/app.js");

/// Where the client script is served if the npm package is installed, and where it comes from otherwise.
const CLIENT: &str = "/socket.io/socket.io.min.js";
const CLIENT_CDN: &str = "https://cdn.socket.io/4.8.1/socket.io.min.js";
const CLIENT_PACKAGE: &str = "../tests/js/node_modules/socket.io-client";

/// Serves the page, its files, and the client script if there is one. The page is told the hash of the certificate
/// that WebTransport is served with, empty if it is not.
pub(crate) fn router(certificate_hash: &str) -> Router {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIENT_PACKAGE);
    let client = ClientFiles::read(&package).ok();
    let address = if client.is_some() { CLIENT } else { CLIENT_CDN };
    let page = PAGE
        .replace("{{CLIENT_SCRIPT}}", address)
        .replace("{{CERTIFICATE_HASH}}", certificate_hash);
    let router = file(Router::new(), "/", "text/html", page.into());
    let router = file(router, "/style.css", "text/css", STYLE.into());
    let router = file(router, "/app.js", "text/javascript", SCRIPT.into());
    match client {
        Some(client) => router.merge(client.router("/socket.io/")),
        None => router,
    }
}

fn file(router: Router, path: &str, content_type: &str, content: Bytes) -> Router {
    let headers = [
        (
            header::CONTENT_TYPE,
            format!("{content_type}; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, String::from("no-cache")),
    ];
    let answer = (headers, content);
    router.route(path, get(async move || answer.clone()))
}
