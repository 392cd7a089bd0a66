//! Clock, entropy, addresses and TLS settings for drivers of `engineio-proto` and `socketio-proto`.
//!
//! The machines of those crates read no clock and draw no random numbers: their driver gives them both.
//!
//! ```
//! use engineio_driver::{Clock, os_seed};
//! use engineio_proto::server::{Config, Server};
//!
//! let mut server = Server::new(Config::default(), 0, &os_seed()?)?;
//! let clock = Clock::start();
//! server.handle_timeout(clock.now());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod resolver;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_client;

use std::fmt;

use engineio_proto::Seed;

pub use clock::Clock;
pub use resolver::Resolver;
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls_client::TlsClient;

/// A seed from the operating system's secure source.
///
/// # Errors
///
/// A [`SeedError`] if the operating system has none.
pub fn os_seed() -> Result<Seed, SeedError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(SeedError)?;
    Ok(Seed::new(bytes))
}

/// The operating system has no random numbers to give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeedError(getrandom::Error);

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no seed from the operating system: {}", self.0)
    }
}

impl std::error::Error for SeedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ() {
        let server = |seed: &Seed| {
            use engineio_proto::http::RequestHead;
            use engineio_proto::server::{Config, Server};
            use engineio_proto::{Bytes, Instant, RequestId};
            let mut server = Server::new(Config::default(), 0, seed).unwrap();
            let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
            server.handle_request(RequestId(0), &head, Bytes::new(), Instant::ZERO);
            format!("{:-?}", server.poll_output())
        };
        let (one, other) = (os_seed().unwrap(), os_seed().unwrap());
        assert_eq!(server(&one), server(&one));
        assert_ne!(server(&one), server(&other));
    }
}
