//! Logging and start-up that the programs of this workspace share.

use std::io::{self, Write};
use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

/// Sends the log to standard error. `RUST_LOG` chooses what is in it; `default` does without.
pub fn init_log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
}

/// Tells on standard output that the program is ready, in a line that other programs may wait for.
///
/// # Errors
///
/// The error of the operating system if standard output is gone.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}

/// Tells on standard output the hash of the certificate that WebTransport is served with.
///
/// # Errors
///
/// The error of the operating system if standard output is gone.
pub fn announce_certificate(hash: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "webtransport certificate sha-256 {hash}")?;
    out.flush()
}

/// Writes a line to standard error.
pub fn tell(text: &str) {
    // Who closed standard error does not want to know.
    let _gone = writeln!(io::stderr(), "{text}");
}
