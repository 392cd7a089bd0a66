//! Opening connections, to the first address of a host that answers.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use engineio_driver::{Clock, Resolver};
use engineio_wire::client::Attempts;

/// How long to try an address of a server.
const CONNECT_TIME: Duration = Duration::from_secs(20);

/// The addresses of a host that are looked at.
const MAX_ADDRESSES: usize = 32;

/// Connects on a thread of its own, and reports what comes of it.
pub(super) fn start(
    resolver: Resolver,
    host: String,
    port: u16,
    report: impl FnOnce(io::Result<TcpStream>) -> bool + Send + 'static,
) {
    thread::spawn(move || {
        // A driver that has ended does not care.
        let _ended = report(connect(&resolver, &host, port));
    });
}

fn connect(resolver: &Resolver, host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = resolver.resolve(host, port)?;
    let mut attempts = Attempts::new(addresses.into_iter().take(MAX_ADDRESSES));
    let clock = Clock::start();
    let (report, results) = channel();
    let mut error = io::Error::from(ErrorKind::AddrNotAvailable);
    while !attempts.are_over() {
        while let Some(address) = attempts.next(clock.now()) {
            let report = report.clone();
            thread::spawn(move || {
                // Another attempt may have succeeded.
                let _late = report.send(TcpStream::connect_timeout(&address, CONNECT_TIME));
            });
        }
        let wait = attempts.poll_timeout().map(|due| clock.until(due));
        match results.recv_timeout(wait.unwrap_or(CONNECT_TIME)) {
            Ok(Ok(tcp)) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Ok(Err(failure)) => {
                error = failure;
                attempts.handle_failed();
            }
            // The next address is due.
            Err(_) => {}
        }
    }
    Err(error)
}
