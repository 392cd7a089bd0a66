//! The addresses of hosts.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// Looks up the addresses of a host. It waits for the network, so that a driver calls it on a thread that may wait.
///
/// # Examples
///
/// ```
/// use engineio_driver::Resolver;
///
/// let addresses = Resolver::system().resolve("127.0.0.1", 80)?;
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Resolver(Option<Arc<LookUp>>);

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver(..)")
    }
}

impl Resolver {
    /// Asks the operating system.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// Asks a function, which gets host and port. For tests, and for programs that look up names in their own way.
    pub fn from_fn(
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(look_up)))
    }

    /// The addresses of a host, in the order in which they are to be tried.
    ///
    /// # Errors
    ///
    /// What the operating system says, or the function.
    pub fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Some(look_up) => look_up(host, port),
            None => Ok((host, port).to_socket_addrs()?.collect()),
        }
    }
}
