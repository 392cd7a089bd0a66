//! Servers that a test plays by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A server that does with each connection what it is told.
pub fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// Ends TLS in front of a server on the same host, with a certificate for `localhost` that nobody signed. Gives its
/// port, and what to trust it by.
pub fn tls_in_front_of(port: u16) -> (u16, rustls::pki_types::CertificateDer<'static>) {
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::TlsAcceptor;

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("an option");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut builder = ::tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = ::tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                ::tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut server = ::tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
                    ::tokio::io::copy_bidirectional(&mut stream, &mut server).await
                });
            }
        });
    });
    (address.port(), certificate)
}

/// Reads a request up to its body.
pub fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// Writes a whole response.
pub fn respond(stream: &mut TcpStream, response: &str) {
    stream
        .write_all(response.as_bytes())
        .expect("a client that reads");
}

/// Answers a WebSocket handshake, opens a session, and sends these bytes behind it.
pub fn open_websocket(stream: &mut TcpStream, then: &[u8]) {
    let head = read_head(stream);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.to_owned())
    });
    let accept = tungstenite::handshake::derive_accept_key(key.expect("a key").as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let length = u8::try_from(open.len()).expect("short");
    let all = [response.as_bytes(), &[0x81, length], open.as_bytes(), then].concat();
    stream.write_all(&all).expect("a client that reads");
}
