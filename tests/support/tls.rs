//! TLS in front of servers that have none.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

/// Ends TLS in front of a server on the same host, with a certificate for `localhost` that nobody signed; if a client is
/// named, for that one alone. Gives its port, and what to trust it by.
pub fn tls_in_front_of(
    port: u16,
    client: Option<CertificateDer<'static>>,
) -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut clients = RootCertStore::empty();
            clients.add(client).expect("a certificate");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(clients), provider).build();
            builder.with_client_cert_verifier(verifier.expect("somebody to trust"))
        }
    };
    let config = builder
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
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
