//! `sio` and servers behind TLS.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use super::sio_support::{Server, TempFile, sio};
use super::tls::tls_in_front_of;

const MODES: [&str; 3] = ["polling", "websocket", "polling,websocket"];
const ASK: [&str; 4] = ["--ack", "-e", "message-with-ack", "1"];

/// A certificate as files have it.
pub fn pem(certificate: &CertificateDer<'_>) -> TempFile {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        let line = std::str::from_utf8(line).expect("base64");
        writeln!(pem, "{line}").expect("a string");
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    TempFile::new(pem.as_bytes())
}

#[test]
fn a_certificate_from_a_file_is_trusted_on_every_transport() {
    let server = Server::ours();
    let (port, certificate) = tls_in_front_of(server.port(), None);
    let file = pem(&certificate);
    let file = file.0.to_str().expect("a path");
    for scheme in ["https", "wss"] {
        let url = format!("{scheme}://localhost:{port}");
        for mode in MODES {
            let run = sio(
                &[&[&url, "-t", mode, "--cacert", file][..], &ASK].concat(),
                "",
            );
            let shown = (run.out.as_str(), run.err.as_str(), run.code);
            assert_eq!(
                shown,
                ("message-with-ack -> 1\n", "", Some(0)),
                "{url} {mode}"
            );
        }
    }
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let server = Server::ours();
    let (port, _) = tls_in_front_of(server.port(), None);
    let (_, other) = tls_in_front_of(server.port(), None);
    let file = pem(&other);
    let file = file.0.to_str().expect("a path");
    let url = format!("https://localhost:{port}");
    for trust in [&[][..], &["--cacert", file]] {
        for mode in ["polling", "websocket"] {
            let run = sio(&[&[&url, "-t", mode][..], trust, &ASK].concat(), "");
            assert_eq!(
                (run.out.as_str(), run.code),
                ("", Some(2)),
                "{mode} {trust:?}"
            );
            let hint = "--cacert trusts the certificate in a file, --insecure trusts everyone\n";
            assert!(
                run.err.contains(": invalid peer certificate: ") && run.err.ends_with(hint),
                "{}",
                run.err
            );
        }
    }
}

#[test]
fn with_insecure_every_server_is_trusted_and_the_user_is_warned() {
    let server = Server::ours();
    let (port, _) = tls_in_front_of(server.port(), None);
    let url = format!("https://localhost:{port}");
    for mode in MODES {
        let run = sio(&[&[&url, "-k", "-t", mode][..], &ASK].concat(), "");
        assert_eq!(
            (run.out.as_str(), run.code),
            ("message-with-ack -> 1\n", Some(0)),
            "{mode}"
        );
        assert_eq!(
            run.err,
            "sio: whoever is in between reads along (--insecure)\n"
        );
    }
}

#[test]
fn a_file_without_a_certificate_is_a_mistake() {
    let file = TempFile::new(b"no certificate");
    let path = file.0.to_str().expect("a path");
    let run = sio(
        &[&["https://localhost:1", "--cacert", path][..], &ASK].concat(),
        "",
    );
    assert_eq!((run.out.as_str(), run.code), ("", Some(1)));
    assert_eq!(
        run.err,
        format!("sio: --cacert {path}: there is no certificate in it\n")
    );
}
