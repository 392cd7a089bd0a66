//! The settings of a wire.

use alloc::string::String;
use core::time::Duration;

/// The settings of a [`Wire`](super::Wire). The limits bound what a peer can make the wire hold, and for how long.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use engineio_wire::server::Options;
///
/// let mut options = Options::new("/socket.io");
/// options.head_timeout = Duration::from_secs(5);
/// assert_eq!(options.path(), "/socket.io/");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    path: String,
    /// The bytes that the head of a request may have. A larger one is answered with 431. Default 16 KiB.
    pub max_head: usize,
    /// The number of fields that a head may have. More are answered with 431. Default 100.
    pub max_fields: usize,
    /// The bytes that the body of a request for another path may have. A larger one is answered with 413. Default 1 MB.
    /// Bodies for the machine have its `max_payload`.
    pub max_foreign_body: usize,
    /// The number of connections. Beyond it [`handle_open`](super::Wire::handle_open) refuses. Default 1,000,000.
    pub max_pipes: usize,
    /// The bytes that all connections may hold together: of heads, bodies and messages that are not whole, and of what is
    /// being written. While there are more, a request or message that needs memory ends its connection. Default 1 GiB.
    pub max_bytes_held: usize,
    /// The time from the first byte of a head to its last, and from the beginning of a connection to its first byte.
    /// Afterwards the connection is closed. Default 30 s.
    pub head_timeout: Duration,
    /// The time from the end of a head to the end of its body. Afterwards the connection is closed. Default 120 s.
    pub body_timeout: Duration,
    /// The time for which a connection without a request is kept. Clients are told of it in whole seconds, by the field
    /// `Keep-Alive`. Default 75 s: more than the 60 s for which common proxies keep theirs.
    pub keep_alive_timeout: Duration,
    /// The time in which a peer has to take 16 KiB of what is written to it, or all of it. A connection whose peer is slower
    /// on average is closed. Default 30 s.
    pub write_timeout: Duration,
    /// The time for which a connection that is over waits for the peer to close it. The peer sends its close frame, or reads
    /// the answer to a request that was not read to its end. Default 5 s.
    pub close_timeout: Duration,
    /// The bytes from which on the body of a response of the machine is compressed, for clients that accept it, unless what
    /// it holds was sent uncompressed. `None` never compresses. Default 1024, as the official `httpCompression`.
    #[cfg(feature = "compression")]
    pub http_compression: Option<usize>,
    /// The bytes from which on a message on a WebSocket is compressed, for clients that offer `permessage-deflate`, unless
    /// it was sent uncompressed. `None` agrees on nothing. Default none, as the official `perMessageDeflate`. Both ends
    /// begin each message anew, so that a connection takes no memory for it, and a broadcast is compressed once.
    #[cfg(feature = "compression")]
    pub websocket_compression: Option<usize>,
    /// The time between the beginning of 1970 in UTC and [`Instant::ZERO`](engineio_proto::Instant::ZERO). With it
    /// responses have the field `Date`, and handshakes the time of their request. Default none.
    pub epoch: Option<Duration>,
}

impl Options {
    /// The default settings of a wire whose machine serves the requests below this path. A slash is added at its end, as
    /// the official servers do.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let mut served = String::from(path.trim_end_matches('/'));
        served.push('/');
        Self {
            path: served,
            max_head: 16 * 1024,
            max_fields: 100,
            max_foreign_body: 1_000_000,
            max_pipes: 1_000_000,
            max_bytes_held: 1 << 30,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(120),
            keep_alive_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            #[cfg(feature = "compression")]
            http_compression: Some(1024),
            #[cfg(feature = "compression")]
            websocket_compression: None,
            epoch: None,
        }
    }

    /// The path that the machine serves, with a slash at its end.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a request is for the machine. The official rule: everything below the path.
    pub(super) fn serves(&self, path: &str) -> bool {
        path.starts_with(&*self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_slash_at_its_end() {
        for path in ["/socket.io", "/socket.io/", "/socket.io//"] {
            let options = Options::new(path);
            assert!(options.serves("/socket.io/") && options.serves("/socket.io/x"));
            assert!(!options.serves("/socket.io") && !options.serves("/socket.iox/"));
        }
        assert!(Options::new("").serves("/anything"));
    }
}
