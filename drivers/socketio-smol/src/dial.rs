//! Opening connections, to the first address of a host that answers.

use std::future::{Future, pending, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use engineio_driver::{Clock, Resolver};
use engineio_wire::client::Attempts;
use smol::Timer;
use smol::future::or;
use smol::net::TcpStream;

/// The addresses of a host that are looked at.
const MAX_ADDRESSES: usize = 32;

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Connects to a host. Dropping the future gives it up.
pub(super) async fn connect(resolver: Resolver, host: String, port: u16) -> io::Result<TcpStream> {
    let addresses = smol::unblock(move || resolver.resolve(&host, port)).await?;
    let mut attempts = Attempts::new(addresses.into_iter().take(MAX_ADDRESSES));
    let clock = Clock::start();
    let mut error = io::Error::from(ErrorKind::AddrNotAvailable);
    let mut under_way: Vec<Attempt> = Vec::new();
    while !attempts.are_over() {
        while let Some(address) = attempts.next(clock.now()) {
            under_way.push(Box::pin(TcpStream::connect(address)));
        }
        let next_due = async {
            match attempts.poll_timeout() {
                Some(due) => Timer::after(clock.until(due)).await,
                None => pending().await,
            };
            None
        };
        let connected = async { Some(poll_fn(|context| first(&mut under_way, context)).await) };
        match or(connected, next_due).await {
            Some(Ok(tcp)) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Some(Err(failure)) => {
                error = failure;
                attempts.handle_failed();
            }
            None => {}
        }
    }
    Err(error)
}

/// The first attempt that has come to an end, which is taken out.
fn first(attempts: &mut Vec<Attempt>, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
    let ready = attempts
        .iter_mut()
        .enumerate()
        .find_map(|(index, attempt)| match attempt.as_mut().poll(context) {
            Poll::Ready(result) => Some((index, result)),
            Poll::Pending => None,
        });
    match ready {
        Some((index, result)) => {
            drop(attempts.swap_remove(index));
            Poll::Ready(result)
        }
        None => Poll::Pending,
    }
}
