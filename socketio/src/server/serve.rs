//! An HTTP/1.1 server for programs that bring none of their own.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::asked;

/// Accepts connections and serves each of them with a clone of one service. How many there may be is left to the
/// limits of the operating system. Dropping it stops it as [`shut_down`](Self::shut_down) does, without waiting.
#[derive(Debug)]
pub struct HttpServer {
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

/// The address of the peer, among the extensions of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an address, and no more")]
pub struct Peer(pub SocketAddr);

/// How long open exchanges get to finish when the server stops.
const FINISH_TIME: Duration = Duration::from_secs(1);

/// How long to wait before accepting again when that failed, as it does while the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl HttpServer {
    /// Starts to accept connections. Requests carry the address of the [`Peer`], with the feature `axum`
    /// as `axum::extract::ConnectInfo` too.
    ///
    /// Runs in the tokio runtime it is called in.
    pub fn start<S, B>(listener: TcpListener, service: S) -> Self
    where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: http_body::Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (stop, mut stopped) = watch::channel(false);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let shutdown = stopped.clone();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, address)) => {
                            let served = serve(stream, address, service.clone(), shutdown.clone());
                            connections.spawn(served);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a connection");
                            sleep(ACCEPT_PAUSE).await;
                        }
                    },
                    Some(_ended) = connections.join_next() => {}
                    () = asked(&mut stopped) => break,
                }
            }
            drop(listener);
            let finished = async { while connections.join_next().await.is_some() {} };
            if timeout(FINISH_TIME, finished).await.is_err() {
                connections.shutdown().await;
            }
        });
        Self { stop, accepting }
    }

    /// Stops accepting, lets open exchanges finish for a second, and returns when no connection is left.
    pub async fn shut_down(self) {
        self.stop.send_replace(true);
        // Fails only if the task panicked, and then it is over as well.
        let _ended = self.accepting.await;
    }
}

async fn serve<S, B>(
    stream: TcpStream,
    address: SocketAddr,
    service: S,
    mut stopped: watch::Receiver<bool>,
) where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %address, "cannot set an option of a socket");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(address));
        #[cfg(feature = "axum")]
        request
            .extensions_mut()
            .insert(axum::extract::ConnectInfo(address));
        let mut service = service.clone();
        async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = asked(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %address, "connection broke");
    }
}
