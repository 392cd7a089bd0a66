//! `sio` over WebTransport.

use std::io::{BufRead, BufReader, Write};

use engineio_driver::Tls;
use rustls::pki_types::CertificateDer;
use wtransport::{ClientConfig, Endpoint};

use super::https::pem;
use super::sio_support::{Run, Server, TempFile};

const ASK: [&str; 4] = ["--ack", "-e", "message-with-ack", "1"];

/// The certificate that a server shows to whoever connects.
fn certificate_of(server: &Server) -> CertificateDer<'static> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let anyone = Tls::insecure().expect("settings");
        let mut tls = anyone.config().as_ref().clone();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let builder = ClientConfig::builder().with_bind_default();
        let endpoint = Endpoint::client(builder.with_custom_tls(tls).build()).expect("a socket");
        let url = format!("https://127.0.0.1:{}/socket.io/", server.port());
        let connection = endpoint.connect(url).await.expect("a session");
        let chain = connection.peer_identity().expect("an identity");
        let first = chain.as_slice().first().expect("a certificate");
        CertificateDer::from(first.der().to_vec())
    })
}

#[test]
fn events_text_and_binary_go_there_and_back() {
    let server = Server::with_webtransport();
    let file = TempFile::new(&[0, 1, 2, 255]);
    let argument = format!("@{}", file.0.display());
    let event = ["--ack", "-e", "message-with-ack", "é🦀", &argument];
    let run = server.sio("/", &[&["-k", "-t", "webtransport"][..], &event].concat());
    assert_eq!(
        (run.out.as_str(), run.err.as_str(), run.code),
        (
            "message-with-ack -> \"é🦀\" <4 bytes: 00 01 02 ff>\n",
            "sio: whoever is in between reads along (--insecure)\n",
            Some(0)
        )
    );
}

#[test]
fn a_certificate_from_a_file_is_trusted_and_no_other() {
    let server = Server::with_webtransport();
    let trusted = pem(&certificate_of(&server));
    let other = pem(&certificate_of(&Server::with_webtransport()));
    let run = |trust: &TempFile| {
        let file = trust.0.to_str().expect("a path");
        let line = ["-t", "webtransport", "--cacert", file];
        server.sio("/", &[&line[..], &ASK].concat())
    };
    let good = run(&trusted);
    assert_eq!(
        (good.out.as_str(), good.err.as_str(), good.code),
        ("message-with-ack -> 1\n", "", Some(0))
    );
    let bad = run(&other);
    let expected = format!(
        "sio: cannot connect to 127.0.0.1:{}: webtransport error\n\
         sio: the server may have no WebTransport, or a certificate that is not trusted; \
         --cacert trusts the certificate in a file, --insecure trusts everyone\n",
        server.port()
    );
    assert_eq!(
        (bad.out.as_str(), bad.err, bad.code),
        ("", expected, Some(2))
    );
}

#[test]
fn a_session_moves_there_from_polling_and_the_wire_log_says_so() {
    let server = Server::with_webtransport();
    let mut child = server.start(
        "/",
        &["-v", "-k", "-t", "polling,webtransport", "--on", "nothing"],
    );
    let mut notes = BufReader::new(child.stderr.take().expect("piped"));
    let mut seen = String::new();
    while !seen.contains("* moved to the WebTransport session\n") {
        let read = notes.read_line(&mut seen).expect("text");
        assert_ne!(read, 0, "{seen}");
    }
    let url = format!("* connecting to https://127.0.0.1:{}/", server.port());
    assert!(seen.contains(&url), "{seen}");
    assert!(seen.contains("> open {\"sid\":"), "{seen}");
    let mut commands = child.stdin.take().expect("piped");
    commands
        .write_all(b"/ack message-with-ack moved\n")
        .expect("a reader");
    drop(commands);
    let run = Run::of(child.wait_with_output().expect("an end"));
    assert_eq!(
        (run.out.as_str(), run.code),
        ("message-with-ack -> \"moved\"\n", Some(0))
    );
}

#[test]
fn a_session_stays_on_polling_where_the_server_has_none() {
    let run = Server::ours().sio("/", &[&["-t", "polling,webtransport"][..], &ASK].concat());
    assert_eq!(
        (run.out.as_str(), run.err.as_str(), run.code),
        ("message-with-ack -> 1\n", "", Some(0))
    );
}
