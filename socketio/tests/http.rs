//! Layers around the service of the driver: middlewares, headers, compression, TLS. The official server has options for
//! them. Here they are layers of the HTTP ecosystem, and these tests show that they fit. CORS is an option here too.
#![expect(
    clippy::expect_used,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking, and its helpers are nobody's interface, not even all of this one"
)]

mod support;
#[path = "../../tests/support/tls.rs"]
mod tls;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use engineio_proto::Seed;
use engineio_proto::server::{Config, Cors, HandshakeToken, Origin, Origins, Server, ServerEvent};
use flate2::read::{GzDecoder, ZlibDecoder};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use socketio::server::{App, Context, Driver, HttpServer, Options, compression};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use support::{POLLING, Report, WEBSOCKET, get, open_polling, post, start, within};

/// A server whose router is made of the driver's service.
struct Site {
    driver: Driver<u32>,
    http: HttpServer,
    address: SocketAddr,
    reports: tokio::sync::mpsc::UnboundedReceiver<Report>,
}

impl Site {
    async fn start(surround: impl FnOnce(Router) -> Router) -> Self {
        Self::with(Config::default(), surround).await
    }

    async fn with(config: Config, surround: impl FnOnce(Router) -> Router) -> Self {
        let options = Options::default()
            .with_path("/engine.io")
            .with_drain_time(Duration::from_millis(100));
        let (driver, reports) = start(&config, 1, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = surround(Router::new().fallback_service(driver.service()));
        let http = HttpServer::start(listener, router);
        Self {
            driver,
            http,
            address,
            reports,
        }
    }

    async fn stop(self) {
        within(async {
            self.driver.shut_down().await;
            self.http.shut_down().await;
        })
        .await;
    }
}

/// An answer with its headers.
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

async fn ask(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("to write");
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("to read");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("an end of the headers") + 4);
    let mut lines = std::str::from_utf8(head).expect("text").lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = headers
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let is_chunked = headers.contains_key("transfer-encoding");
    Reply {
        status: status.expect("a status").parse().expect("a number"),
        headers,
        body: if is_chunked {
            unchunked(body)
        } else {
            body.to_vec()
        },
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let (size, after) = rest.split_at(end.expect("a size"));
        let size = std::str::from_utf8(size).expect("text");
        let size = usize::from_str_radix(size, 16).expect("a number");
        if size == 0 {
            return body;
        }
        let (chunk, after) = after.split_at(2 + size);
        body.extend_from_slice(chunk.get(2..).expect("a chunk"));
        rest = after.get(2..).expect("an end of the chunk");
    }
}

/// A request with one header more.
fn with(request: String, name: &str, value: &str) -> String {
    request.replacen("\r\nHost", &format!("\r\n{name}: {value}\r\nHost"), 1)
}

/// The answer to a request to become a WebSocket.
async fn open_websocket(address: SocketAddr) -> Result<http::Response<()>, Error> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let opened = within(client_async(format!("ws://{address}{WEBSOCKET}"), stream)).await;
    opened.map(|(_, response)| response.map(|_| ()))
}

#[tokio::test]
async fn middlewares_run_in_their_order_for_polling_and_websocket() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let seen = Arc::clone(&seen);
        from_fn(move |request: Request, next: axum::middleware::Next| {
            seen.lock().expect("no panic").push(name);
            next.run(request)
        })
    };
    let (first, second) = (note("first"), note("second"));
    let site = Site::start(|router| router.layer(second).layer(first)).await;
    let path = open_polling(site.address).await;
    assert_eq!(ask(site.address, &post(&path, "4hi")).await.status, 200);
    open_websocket(site.address).await.expect("a WebSocket");
    assert_eq!(
        *seen.lock().expect("no panic"),
        ["first", "second"].repeat(3)
    );
    site.stop().await;
}

#[tokio::test]
async fn a_middleware_may_end_the_request_with_an_answer_of_its_own() {
    let refuse = from_fn(async |request: Request, next: axum::middleware::Next| {
        if request.headers().contains_key("x-let-me-in") {
            next.run(request).await
        } else {
            (StatusCode::UNAUTHORIZED, "who are you?").into_response()
        }
    });
    let site = Site::start(|router| router.layer(refuse)).await;
    let refused = ask(site.address, &get(POLLING)).await;
    assert_eq!(
        (refused.status, &*refused.body),
        (401, &b"who are you?"[..])
    );
    let error = open_websocket(site.address).await;
    assert!(matches!(error, Err(Error::Http(response)) if response.status() == 401));
    let known = with(get(POLLING), "X-Let-Me-In", "please");
    assert_eq!(ask(site.address, &known).await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn a_large_body_is_limited_behind_middlewares() {
    let pass = from_fn(
        async |request: Request, next: axum::middleware::Next| -> Response {
            next.run(request).await
        },
    );
    let config = Config::default().with_max_payload(1_000);
    let site = Site::with(config, |router| router.layer(pass)).await;
    let path = open_polling(site.address).await;
    let body = format!("4{}", "x".repeat(1_000));
    assert_eq!(ask(site.address, &post(&path, &body)).await.status, 413);
    let body = format!("4{}", "x".repeat(999));
    assert_eq!(ask(site.address, &post(&path, &body)).await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn headers_may_be_added_to_all_answers_and_to_the_first_of_a_session() {
    let all = map_response(async |mut response: Response| {
        let headers = response.headers_mut();
        headers.insert("x-all", HeaderValue::from_static("1"));
        response
    });
    let first = from_fn(async |request: Request, next: axum::middleware::Next| {
        let is_first = !request.uri().query().unwrap_or_default().contains("sid=");
        let mut response = next.run(request).await;
        if is_first {
            let headers = response.headers_mut();
            headers.insert("x-first", HeaderValue::from_static("1"));
        }
        response
    });
    let site = Site::start(|router| router.layer(first).layer(all)).await;
    let opened = ask(site.address, &get(POLLING)).await;
    assert_eq!(opened.header("x-all"), Some("1"));
    assert_eq!(opened.header("x-first"), Some("1"));
    assert_eq!(opened.header("cache-control"), Some("no-store"));
    let sid = String::from_utf8(opened.body).expect("text");
    let sid = sid.split('"').nth(3).expect("a sid");
    let later = ask(site.address, &post(&format!("{POLLING}&sid={sid}"), "4hi")).await;
    assert_eq!(later.header("x-all"), Some("1"));
    assert_eq!(later.header("x-first"), None);
    let upgraded = open_websocket(site.address).await.expect("a WebSocket");
    assert_eq!(upgraded.status(), 101);
    assert_eq!(upgraded.headers()["x-all"], "1");
    assert_eq!(upgraded.headers()["x-first"], "1");
    site.stop().await;
}

#[tokio::test]
async fn a_path_without_a_slash_at_its_end_can_be_served() {
    let (driver, _reports) = start(&Config::default(), 1, Options::default());
    let router = Router::new().route_service("/engine.io", driver.service());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = HttpServer::start(listener, router);
    let bare = ask(address, &get("/engine.io?EIO=4&transport=polling")).await;
    assert_eq!(bare.status, 200);
    assert_eq!(ask(address, &get(POLLING)).await.status, 404);
    within(driver.shut_down()).await;
    within(http.shut_down()).await;
}

#[tokio::test]
async fn the_address_of_the_peer_is_known_on_both_transports() {
    let mut site = Site::start(|router| router).await;
    open_polling(site.address).await;
    let opened = within(site.reports.recv()).await;
    assert!(matches!(opened, Some(Report::Opened(Some(peer))) if peer.ip() == site.address.ip()));
    open_websocket(site.address).await.expect("a WebSocket");
    let opened = within(site.reports.recv()).await;
    assert!(matches!(opened, Some(Report::Opened(Some(peer))) if peer.ip() == site.address.ip()));
    site.stop().await;
}

/// Decides on handshakes a moment later, by a header; tells of those that are refused.
struct Gatekeeper {
    reports: tokio::sync::mpsc::UnboundedSender<String>,
}

impl App<Server> for Gatekeeper {
    type Command = (HandshakeToken, bool);

    fn handle_event(
        &mut self,
        _: &mut Server,
        event: ServerEvent,
        context: &mut Context<'_, Self::Command>,
    ) {
        match event {
            ServerEvent::Handshake { token, by } => {
                let request = context.request(by).expect("the request that asks");
                let is_known = request.header("x-let-me-in").is_some();
                context.send_after(Duration::from_millis(20), (token, is_known));
            }
            ServerEvent::Opened { session, by } => {
                assert!(context.request(by).is_none(), "it is the session's");
                let handshake = context.handshake(session).expect("the request");
                self.report(format!("opened {}", handshake.target));
            }
            ServerEvent::Refused { by, reject } => {
                let request = context.request(by).expect("the request");
                self.report(format!("refused {reject} {}", request.target));
            }
            ServerEvent::Session { .. } | _ => {}
        }
    }

    fn handle_command(
        &mut self,
        server: &mut Server,
        (token, is_known): Self::Command,
        context: &mut Context<'_, Self::Command>,
    ) {
        if is_known {
            server.accept(token, context.now).expect("it waits");
        } else {
            server
                .reject(token, Some("who are you?"))
                .expect("it waits");
        }
    }
}

impl Gatekeeper {
    fn report(&self, report: String) {
        self.reports.send(report).expect("a test that listens");
    }
}

#[tokio::test]
async fn the_application_decides_by_the_request_and_learns_of_those_that_are_refused() {
    let config = Config::default()
        .with_allow_request(true)
        .with_report_refusals(true);
    let (reports, mut reported) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(config, 0, &Seed::new([1; 32])).expect("good settings");
    let options = Options::default()
        .with_path("/engine.io")
        .with_drain_time(Duration::from_millis(100));
    let driver = Driver::start(vec![(server, Gatekeeper { reports })], options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = HttpServer::start(listener, driver.service());

    let known = ask(address, &with(get(POLLING), "X-Let-Me-In", "please")).await;
    assert_eq!(known.status, 200);
    assert_eq!(
        within(reported.recv()).await,
        Some(format!("opened {POLLING}"))
    );
    let stranger = ask(address, &get(POLLING)).await;
    let body = r#"{"code":4,"message":"who are you?"}"#;
    assert_eq!((stranger.status, &*stranger.body), (403, body.as_bytes()));
    let refused = format!("refused Forbidden {POLLING}");
    assert_eq!(within(reported.recv()).await, Some(refused));
    let error = open_websocket(address).await;
    assert!(matches!(error, Err(Error::Http(response)) if response.status() == 400));
    let refused = format!("refused Forbidden {WEBSOCKET}");
    assert_eq!(within(reported.recv()).await, Some(refused));
    let bad = "/engine.io/?EIO=4&transport=pigeon";
    assert_eq!(ask(address, &get(bad)).await.status, 400);
    let refused = format!("refused Transport unknown {bad}");
    assert_eq!(within(reported.recv()).await, Some(refused));

    within(driver.shut_down()).await;
    within(http.shut_down()).await;
}

const PAGE: &str = "http://page.example";

/// Serves one page of another origin, and those of the own host.
fn with_page() -> Config {
    let cors = Cors::default()
        .with_methods(["GET", "POST", "PUT"])
        .with_allowed_headers(["content-type", "x-mine"])
        .with_exposed_headers(["x-yours"])
        .with_credentials(true)
        .with_max_age(Duration::from_secs(123));
    let page = Origin::parse(PAGE).expect("an origin");
    let origins = Origins::same_host().with(page);
    Config::default().with_origins(origins).with_cors(cors)
}

#[tokio::test]
async fn a_preflight_is_answered_with_all_options_of_cors_before_anything_is_checked() {
    let site = Site::with(with_page(), |router| router).await;
    let preflight = get("/engine.io/?sid=zzz").replacen("GET", "OPTIONS", 1);
    let preflight = with(preflight, "Origin", PAGE);
    let preflight = with(preflight, "Access-Control-Request-Method", "PUT");
    let answer = ask(site.address, &preflight).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("vary", "Origin"),
        ("access-control-allow-methods", "GET,POST,PUT"),
        ("access-control-allow-headers", "content-type,x-mine"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "123"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    site.stop().await;

    let mut config = with_page();
    config.cors.options_success_status = 200;
    let site = Site::with(config, |router| router).await;
    assert_eq!(ask(site.address, &preflight).await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn requests_of_an_allowed_page_are_answered_so_that_it_may_read_them_and_others_not() {
    let site = Site::with(with_page(), |router| router).await;
    for path in [POLLING, "/engine.io/?EIO=4&transport=pigeon"] {
        let answer = ask(site.address, &with(get(path), "Origin", PAGE)).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("x-yours")
        );
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
    let stranger = with(get(POLLING), "Origin", "http://stranger.example");
    let answer = ask(site.address, &stranger).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(&*answer.body, br#"{"code":4,"message":"Forbidden"}"#);
    site.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_so_that_the_page_may_read_it() {
    let site = Site::with(with_page().with_max_payload(1_000), |router| router).await;
    let path = open_polling(site.address).await;
    let body = format!("4{}", "x".repeat(1_000));
    let answer = ask(site.address, &with(post(&path, &body), "Origin", PAGE)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    site.stop().await;
}

#[tokio::test]
async fn the_host_of_a_request_is_compared_with_the_origin_of_the_page() {
    let site = Site::start(|router| router).await;
    let own = with(get(POLLING), "Origin", "http://here.example:81");
    let own = own.replace("Host: x", "Host: here.example:81");
    assert!(own.contains("Host: here.example:81"), "{own}");
    assert_eq!(ask(site.address, &own).await.status, 200);
    // Which of two a proxy in front believed is not known.
    let twice = with(own, "Host", "other.example");
    assert_eq!(ask(site.address, &twice).await.status, 403);
    site.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_pages_of_other_origins_too() {
    let site = Site::with(with_page(), |router| router).await;
    within(site.driver.shut_down()).await;
    let answer = ask(site.address, &with(get(POLLING), "Origin", PAGE)).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    within(site.http.shut_down()).await;
}

/// Lets a session echo a message, and takes the answer to the poll as a client that knows these encodings.
async fn polled(site: &Site, message: &str, encodings: &str) -> Reply {
    let path = open_polling(site.address).await;
    let sent = ask(site.address, &post(&path, &format!("4{message}"))).await;
    assert_eq!(sent.status, 200);
    let poll = with(get(&path), "Accept-Encoding", encodings);
    let answer = ask(site.address, &poll).await;
    let expected = format!("4{message}");
    let mut decoded = Vec::new();
    match answer.header("content-encoding") {
        Some("gzip") => GzDecoder::new(&*answer.body).read_to_end(&mut decoded),
        Some("deflate") => ZlibDecoder::new(&*answer.body).read_to_end(&mut decoded),
        _ => Read::read_to_end(&mut answer.body.as_slice(), &mut decoded),
    }
    .expect("to decode");
    assert!(decoded == expected.as_bytes());
    answer
}

#[tokio::test]
async fn answers_from_the_threshold_on_are_compressed_with_gzip_or_deflate() {
    let site = Site::start(|router| router.layer(compression(1_024))).await;
    let (short, long) = ("x".repeat(1_022), "x".repeat(1_023));
    for (encodings, expected) in [("gzip, deflate", "gzip"), ("deflate", "deflate")] {
        let answer = polled(&site, &long, encodings).await;
        assert_eq!(answer.header("content-encoding"), Some(expected));
        let answer = polled(&site, &short, encodings).await;
        assert_eq!(answer.header("content-encoding"), None);
    }
    let answer = polled(&site, &long, "identity").await;
    assert_eq!(answer.header("content-encoding"), None);
    site.stop().await;
}

#[tokio::test]
async fn with_a_threshold_of_zero_the_shortest_message_is_compressed() {
    let site = Site::start(|router| router.layer(compression(0))).await;
    let answer = polled(&site, "x", "gzip").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    site.stop().await;
}

#[tokio::test]
async fn what_is_sent_uncompressed_and_what_is_no_packet_is_left_as_it_is() {
    let site = Site::start(|router| router.layer(compression(0))).await;
    let answer = polled(&site, "uncompressed", "gzip").await;
    assert_eq!(answer.header("content-encoding"), None);
    let refused = with(
        get("/engine.io/?EIO=4&transport=pigeon"),
        "Accept-Encoding",
        "gzip",
    );
    let refused = ask(site.address, &refused).await;
    assert_eq!(refused.header("content-encoding"), None);
    site.stop().await;
}

#[tokio::test]
async fn without_the_layer_nothing_is_compressed() {
    let site = Site::start(|router| router).await;
    let answer = polled(&site, &"x".repeat(5_000), "gzip").await;
    assert_eq!(answer.header("content-encoding"), None);
    site.stop().await;
}

type ClientKey = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A certificate that says who a client is.
fn client_key() -> ClientKey {
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    (made.cert.der().clone(), key)
}

/// A connection to a server that shows this certificate.
async fn secure(
    port: u16,
    server: CertificateDer<'static>,
    client: Option<ClientKey>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut servers = rustls::RootCertStore::empty();
    servers.add(server).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(servers);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(vec![certificate], key)
            .expect("a key that fits"),
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn behind_tls_clients_with_a_certificate_are_served_on_both_transports_and_others_not() {
    let site = Site::start(|router| router).await;
    let (certificate, key) = client_key();
    let (port, trust) = tls::tls_in_front_of(site.address.port(), Some(certificate.clone()));
    let identity = || Some((certificate.clone(), key.clone_key()));

    let mut stream = secure(port, trust.clone(), identity()).await.expect("TLS");
    stream
        .write_all(get(POLLING).as_bytes())
        .await
        .expect("to write");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer))
        .await
        .expect("to read");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let stream = secure(port, trust.clone(), identity()).await.expect("TLS");
    let url = format!("ws://localhost{WEBSOCKET}");
    let (mut socket, _) = within(client_async(url, stream))
        .await
        .expect("a WebSocket");
    let open = within(socket.next()).await.expect("a packet");
    assert!(
        open.expect("a packet")
            .into_text()
            .expect("text")
            .starts_with("0{")
    );
    socket.send(Message::text("4hi")).await.expect("to send");
    let echo = within(socket.next()).await.expect("a packet");
    assert_eq!(echo.expect("a packet"), Message::text("4hi"));

    for stranger in [None, Some(client_key())] {
        // With TLS 1.3 the client learns of the refusal when it reads.
        let refused = async {
            let mut stream = secure(port, trust.clone(), stranger).await?;
            stream.write_all(get(POLLING).as_bytes()).await?;
            stream.read_u8().await
        };
        assert!(within(refused).await.is_err());
    }
    site.stop().await;
}
