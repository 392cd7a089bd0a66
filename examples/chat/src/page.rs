//! The files of the page.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, header};
use socketio::server::ClientFiles;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server as engine;
use tokio::sync::watch;

const PAGE: &str = include_str!("../assets/index.html");
const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/app.js");

/// Where the client script is served if the npm package is installed, and where it comes from otherwise.
const CLIENT: &str = "/socket.io/socket.io.min.js";
const CLIENT_CDN: &str = "https://cdn.socket.io/4.8.1/socket.io.min.js";
const CLIENT_PACKAGE: &str = "../../tests/js/node_modules/socket.io-client";

/// Serves the page, its files, and the client script if there is one. The page is told the hash of the certificate
/// that WebTransport is served with, empty if it is not, and may ask for it again.
///
/// Pages of other origins that the server serves may load the client script.
pub(crate) fn router(
    certificate: Option<watch::Receiver<String>>,
    config: &engine::Config,
) -> Router {
    let hash = move || {
        let hash = certificate.as_ref().map(|hash| hash.borrow().clone());
        hash.unwrap_or_default()
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIENT_PACKAGE);
    let client = ClientFiles::read(&package).ok();
    let address = if client.is_some() { CLIENT } else { CLIENT_CDN };
    let page = PAGE.replace("{{CLIENT_SCRIPT}}", address);
    let of_moment = hash.clone();
    let page = move || page.replace("{{CERTIFICATE_HASH}}", &of_moment()).into();
    let router = made(Router::new(), "/", "text/html", page);
    let router = made(router, "/certificate", "text/plain", move || hash().into());
    let router = file(router, "/style.css", "text/css", STYLE.into());
    let router = file(router, "/app.js", "text/javascript", SCRIPT.into());
    match client {
        Some(client) => router.merge(with_cors(client.router("/socket.io/"), config)),
        None => router,
    }
}

/// Adds what browsers are told about pages of other origins.
fn with_cors(router: Router, config: &engine::Config) -> Router {
    let config = Arc::new(config.clone());
    router.layer(from_fn(move |request: Request, next: Next| {
        let config = Arc::clone(&config);
        async move {
            let (head, body) = request.into_parts();
            let cors = config.cors_headers(&RequestHead::from(&head));
            let mut response = next.run(Request::from_parts(head, body)).await;
            for (name, value) in cors.iter() {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().append(name, value);
                }
            }
            response
        }
    }))
}

fn file(router: Router, path: &str, content_type: &str, content: Bytes) -> Router {
    made(router, path, content_type, move || content.clone())
}

/// Serves what is made for every request.
fn made(
    router: Router,
    path: &str,
    content_type: &str,
    content: impl Fn() -> Bytes + Clone + Send + Sync + 'static,
) -> Router {
    let headers = [
        (
            header::CONTENT_TYPE,
            format!("{content_type}; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, String::from("no-cache")),
    ];
    router.route(path, get(async move || (headers.clone(), content())))
}
