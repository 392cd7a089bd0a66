//! WebTransport beside the other transports, in a build with the feature `webtransport`.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use socketio::server::Service;
use tokio::sync::watch;

#[cfg(not(feature = "webtransport"))]
pub(crate) use missing::WebTransport;
#[cfg(feature = "webtransport")]
pub(crate) use served::WebTransport;

#[cfg(feature = "webtransport")]
mod served {
    use program::announce_certificate;
    use socketio::server::WebTransportServer;

    use super::*;

    /// A running server.
    pub(crate) struct WebTransport(WebTransportServer);

    impl WebTransport {
        pub(crate) fn bind(address: SocketAddr, service: &Service) -> Result<Self, Box<dyn Error>> {
            Ok(Self(WebTransportServer::bind(address, service)?))
        }

        /// The hash of the certificate, which changes when that is renewed.
        pub(crate) fn hashes(&self) -> watch::Receiver<String> {
            self.0.certificate_hashes()
        }

        /// Tells the hash on standard output.
        pub(crate) fn announce(&self) -> io::Result<()> {
            announce_certificate(&self.0.certificate_hash())
        }

        pub(crate) async fn shut_down(self) {
            self.0.shut_down().await;
        }
    }
}

#[cfg(not(feature = "webtransport"))]
mod missing {
    use super::*;

    /// Nothing: there is no value of it.
    pub(crate) enum WebTransport {}

    impl WebTransport {
        pub(crate) fn bind(_: SocketAddr, _: &Service) -> Result<Self, Box<dyn Error>> {
            Err("--webtransport: this program is built without the feature `webtransport`".into())
        }

        pub(crate) fn hashes(&self) -> watch::Receiver<String> {
            match *self {}
        }

        pub(crate) fn announce(&self) -> io::Result<()> {
            match *self {}
        }

        pub(crate) async fn shut_down(self) {
            match self {}
        }
    }
}
