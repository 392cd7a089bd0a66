//! What the programs have in common.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use socketio_proto::{EncodeError, Payload, PayloadBuilder};
use tokio::signal::unix::{Signal, SignalKind, signal};
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
/// What the operating system says if standard output is gone.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}

/// Tells on standard output the hash of the certificate that WebTransport is served with.
///
/// # Errors
///
/// What the operating system says if standard output is gone.
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

/// The bytes that a recording of a program may have.
pub const MAX_RECORDING: u64 = 1 << 30;

/// Makes the file for a recording, which only its owner may read: it holds secrets.
///
/// # Errors
///
/// What the operating system says, also if the file is there already.
pub fn recording(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// SIGINT (Ctrl-C) and SIGTERM. From the moment on that this is made they do not end the program.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens to them: to be made before others are told that the program is ready, and may be stopped.
    ///
    /// # Errors
    ///
    /// What the operating system says if it cannot tell of signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ends a payload with the arguments of another from number `skip` on, exactly as they came.
///
/// # Errors
///
/// An [`EncodeError`] if the result is no good payload.
pub fn forward(
    mut builder: PayloadBuilder,
    from: &Payload,
    skip: usize,
) -> Result<Payload, EncodeError> {
    // All of them, in their order, so that the placeholders among the arguments keep their numbers.
    for data in from.attachments() {
        builder.attach(data.clone());
    }
    for arg in from.raw_args().skip(skip) {
        let raw: &serde_json::value::RawValue = serde_json::from_str(arg)
            .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
        builder = builder.arg(raw)?;
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_the_arguments_is_forwarded_as_it_came() {
        let from = Payload::event("to")
            .arg(&["a"])
            .unwrap()
            .arg("news")
            .unwrap()
            .binary(vec![1, 2])
            .arg(&1.50)
            .unwrap()
            .build()
            .unwrap();
        let to = forward(Payload::event("news"), &from, 2).unwrap();
        assert_eq!(to.json(), r#"["news",{"_placeholder":true,"num":0},1.5]"#);
        assert_eq!(to.attachments(), from.attachments());
    }
}
