//! A diagnosis of a server that does not answer, by what the operating system and TLS say of it.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use engineio_driver::Tls;
use engineio_proto::client::Endpoint;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

/// Tells what is wrong with the way to a server, as far as one attempt shows.
pub(crate) fn diagnose(endpoint: &Endpoint, tls: &Tls) -> String {
    let (host, port) = (endpoint.host.as_str(), endpoint.port);
    let addresses = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => return format!("the name {host} leads nowhere: {error}"),
    };
    let mut problem = format!("the name {host} leads nowhere");
    for address in addresses {
        let stream = match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => stream,
            Err(error) => {
                problem = format!("{address}: {error}; is the server running?");
                continue;
            }
        };
        let fault = endpoint
            .secure
            .then(|| greet(stream, host, tls).err())
            .flatten();
        return match fault {
            Some(fault) => format!("{address}: {}", describe(&fault)),
            None => {
                "something listens there, but does not answer; is it a Socket.IO server?".into()
            }
        };
    }
    problem
}

/// Tells what may be wrong where WebTransport was to be the beginning, of which TCP knows nothing.
pub(crate) const NO_WEBTRANSPORT: &str = "the server may have no WebTransport, or a certificate that is not trusted; \
    --cacert trusts the certificate in a file, --insecure trusts everyone";

/// Makes the handshake of TLS, and nothing beyond it.
fn greet(mut stream: TcpStream, host: &str, tls: &Tls) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = Arc::clone(tls.config());
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(())
}

fn describe(fault: &io::Error) -> String {
    let tls = fault
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            format!(
                "{error}; --cacert trusts the certificate in a file, --insecure trusts everyone"
            )
        }
        Some(error) => format!("{error}; is it a TLS server? If not, the URL begins with http"),
        None => format!("no TLS: {fault}; if it is no TLS server, the URL begins with http"),
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
