//! TLS without a socket.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::Tls;

/// A client's end of one TLS connection: bytes in, bytes out. The socket is the driver's.
///
/// After each call a driver sends what [`take_output`](Self::take_output) gives.
pub struct TlsClient(Box<ClientConnection>);

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Begins a connection with the server that the certificate must name.
    ///
    /// # Errors
    ///
    /// If this is neither a name nor an address, or rustls cannot be set up for it.
    pub fn connect(&self, server_name: &str) -> io::Result<TlsClient> {
        let name = ServerName::try_from(server_name.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(self.config()), name);
        let mut connection = connection.map_err(io::Error::other)?;
        // What waits is limited by the driver, which has one batch under way.
        connection.set_buffer_limit(None);
        Ok(TlsClient(Box::new(connection)))
    }
}

impl TlsClient {
    /// Whether the server has shown who it is: what is written from now on reaches it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.0.is_handshaking()
    }

    /// Takes bytes from the network, and puts what they say behind `plain`. Gives false once the server has said that
    /// nothing more comes.
    ///
    /// # Errors
    ///
    /// If they break the rules of TLS, or the server is not trusted.
    pub fn read(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> io::Result<bool> {
        while !bytes.is_empty() {
            self.0.read_tls(&mut bytes)?;
            let state = self.0.process_new_packets().map_err(io::Error::other)?;
            let count = state.plaintext_bytes_to_read() as u64;
            self.0.reader().take(count).read_to_end(plain)?;
            if state.peer_has_closed() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes bytes that are to reach the server.
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.0.writer().write_all(plain)
    }

    /// The bytes that are to go to the network now.
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub fn take_output(&mut self) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut output)?;
        }
        Ok(output)
    }
}
