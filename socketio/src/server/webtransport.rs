//! Serves WebTransport, with the crate wtransport: an accept loop, and one task for each session.
//!
//! A task reads the first frame of its stream itself, for the shard that it belongs to is known only then. From there on
//! it does what `connection.rs` does for a WebSocket: what arrives goes to the shard frame by frame, and the shard hands
//! it batches to write. Content is neither copied when it is cut out of what arrived nor when it is written.
//!
//! The crate ends a session with its connection alone, which browsers report as an error: a page sees `transport error`
//! where it would see `transport close` on a WebSocket.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engineio_proto::codec::DecodeError;
use engineio_proto::codec::webtransport;
use engineio_proto::http::RequestHead;
use engineio_proto::{ConnectionId, Frame, Transport};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval_at, timeout};
use wtransport::endpoint::{IncomingSession, SessionRequest, endpoint_side};
use wtransport::{Connection, Endpoint, Identity, SendStream, ServerConfig, VarInt};

use super::asked;
use super::connection::Batch;
use super::serve::Peer;
use super::service::{Service, Shared};
use super::shard::Input;
use crate::webtransport::{FrameReader, ReadEnd, write};

/// Accepts WebTransport sessions for the path of a service. Dropping it ends it at once;
/// [`shut_down`](Self::shut_down) lets sessions that are being closed finish.
///
/// The certificate is made for the occasion and good for 14 days, the longest that browsers accept for one that they
/// know by its hash alone. Pages name [the hash](Self::certificate_hash) in `serverCertificateHashes`. Every 7 days
/// another takes its place, and pages have to ask for [the new hash](Self::certificate_hashes) before they connect anew.
/// Sessions that are open stay.
#[derive(Debug)]
pub struct WebTransportServer {
    listener: Listener,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

/// What is listened at, and the hash of the certificate that it shows.
#[derive(Clone)]
struct Listener {
    endpoint: Arc<Endpoint<endpoint_side::Server>>,
    address: SocketAddr,
    certificate_hash: watch::Sender<String>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// After how long a certificate is replaced. It is good for twice that.
const RENEWAL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long a client may take for the handshakes of QUIC, TLS and HTTP/3.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long a session that is being closed may take for what is left to write.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// How long a client may take to read the last of what it was sent, before the session is closed under it.
const READ_TIME: Duration = Duration::from_millis(500);

/// The code of HTTP/3 for an end without a fault.
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);

/// How long sessions get to close when the server stops.
const FINISH_TIME: Duration = Duration::from_secs(1);

/// How often a path that is idle is kept open, which is for less time than that of the heartbeat.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl WebTransportServer {
    /// Starts to accept sessions at a UDP address. Port 0 takes a free one.
    ///
    /// Runs in the tokio runtime it is called in.
    ///
    /// # Errors
    ///
    /// What the operating system says if the address cannot be had.
    pub fn bind(address: SocketAddr, service: &Service) -> io::Result<Self> {
        let listener = Listener::bind(address)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::clone(&service.0);
        Ok(Self {
            listener: listener.clone(),
            stop,
            accepting: tokio::spawn(accept(listener, shared, stopped)),
        })
    }

    /// The address that is listened at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// The SHA-256 hash of the certificate, in base64.
    #[must_use]
    pub fn certificate_hash(&self) -> String {
        self.listener.certificate_hash.borrow().clone()
    }

    /// The same as it is at any time: it changes with the certificate.
    #[must_use]
    pub fn certificate_hashes(&self) -> watch::Receiver<String> {
        self.listener.certificate_hash.subscribe()
    }

    /// Replaces the certificate before it is due, as when its key may be known to others.
    ///
    /// # Errors
    ///
    /// If none can be made. The old one stays then.
    pub fn renew_certificate(&self) -> io::Result<()> {
        self.listener.renew()
    }

    /// Stops accepting, lets sessions that are being closed finish for a second, and returns when none is left. To be
    /// called behind [`Driver::shut_down`](super::Driver::shut_down), which closes them.
    pub async fn shut_down(self) {
        self.stop.send_replace(true);
        // Fails only if the task panicked, and then it is over as well.
        let _ended = self.accepting.await;
    }
}

impl Listener {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let (config, hash) = settings(address)?;
        let endpoint = Endpoint::server(config)?;
        Ok(Self {
            address: endpoint.local_addr()?,
            endpoint: Arc::new(endpoint),
            certificate_hash: watch::Sender::new(hash),
        })
    }

    fn renew(&self) -> io::Result<()> {
        let (config, hash) = settings(self.address)?;
        self.endpoint.reload_config(config, false)?;
        self.certificate_hash.send_replace(hash);
        Ok(())
    }
}

/// The settings of an endpoint with a new certificate, and the hash of that.
fn settings(address: SocketAddr) -> io::Result<(ServerConfig, String)> {
    let mut names = vec![String::from("localhost")];
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    let identity = Identity::self_signed(names).map_err(io::Error::other)?;
    let certificate = identity.certificate_chain().as_slice().first();
    let hash = certificate.map(|certificate| {
        let hash = certificate.hash();
        STANDARD.encode(AsRef::<[u8; 32]>::as_ref(&hash))
    });
    let config = ServerConfig::builder()
        .with_bind_address(address)
        .with_identity(identity)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .build();
    Ok((config, hash.unwrap_or_default()))
}

async fn accept(listener: Listener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    // Who has not said yet what the session is for.
    let pending = Arc::new(Semaphore::new(
        shared
            .config
            .max_pending_streams
            .min(Semaphore::MAX_PERMITS),
    ));
    let mut sessions = JoinSet::new();
    let endpoint = &listener.endpoint;
    let mut renewals = interval_at(Instant::now() + RENEWAL, RENEWAL);
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                sessions.spawn(serve(incoming, Arc::clone(&shared), Arc::clone(&pending)));
            }
            Some(_ended) = sessions.join_next() => {}
            _ = renewals.tick() => match listener.renew() {
                Ok(()) => tracing::info!("the certificate for WebTransport is a new one"),
                Err(error) => tracing::error!(%error, "no new certificate for WebTransport"),
            },
            () = asked(&mut stopped) => break,
        }
    }
    let finished = async { while sessions.join_next().await.is_some() {} };
    if timeout(FINISH_TIME, finished).await.is_err() {
        sessions.shutdown().await;
    }
    endpoint.close(H3_NO_ERROR, b"");
    let _late = timeout(FINISH_TIME, endpoint.wait_idle()).await;
}

/// Serves one session from its handshake to its end.
async fn serve(incoming: IncomingSession, shared: Arc<Shared>, pending: Arc<Semaphore>) {
    let Ok(permit) = pending.try_acquire() else {
        return incoming.refuse();
    };
    let Ok(Ok(request)) = timeout(HANDSHAKE_TIME, incoming).await else {
        return;
    };
    let wanted = shared.config.transports.contains(Transport::WebTransport);
    let Some(head) = head(&request).filter(|head| wanted && shared.serves(head.uri.path())) else {
        return request.not_found().await;
    };
    if shared
        .config
        .check_origin(&RequestHead::from(&head))
        .is_err()
    {
        shared.note_foreign(head).await;
        return request.forbidden().await;
    }
    if shared.stopping.load(Ordering::Relaxed) {
        return request.too_many_requests().await;
    }
    let Ok(connection) = request.accept().await else {
        return;
    };
    let opening = timeout(
        shared.config.upgrade_timeout,
        Stream::open(&connection, shared.config.max_payload),
    );
    if let Ok(Some((session, first))) = opening.await {
        drop(permit);
        if session.run(&shared, head, first).await {
            // A client loses what it has not read with the session, acknowledged or not.
            let _late = timeout(READ_TIME, connection.closed()).await;
        }
    }
    connection.close(H3_NO_ERROR, b"");
}

/// What the request for a session would look like in HTTP/1.1.
fn head(request: &SessionRequest) -> Option<Parts> {
    let uri = format!("https://{}{}", request.authority(), request.path());
    let whole = Request::builder().method(Method::CONNECT).uri(uri);
    let mut head = whole.body(()).ok()?.into_parts().0;
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            head.headers.append(name, value);
        }
    }
    head.extensions.insert(Peer(request.remote_address()));
    Some(head)
}

/// The stream of a session.
struct Stream {
    send: SendStream,
    reader: FrameReader,
}

/// How a session comes to its end.
enum End {
    /// The shard closes it.
    Asked {
        /// Something has been sent before.
        written: bool,
    },
    /// The peer closed it, or it is gone.
    Closed,
    /// The peer sent what is no frame.
    Bad(DecodeError),
}

impl Stream {
    /// Waits for the client's stream and its first frame.
    async fn open(connection: &Connection, max_payload: usize) -> Option<(Self, Frame)> {
        let (send, recv) = connection.accept_bi().await.ok()?;
        let mut reader = FrameReader::new(recv, max_payload);
        let first = reader.next().await.ok()?;
        Some((Self { send, reader }, first))
    }

    /// Joins a shard and carries frames both ways until the end. Tells whether the client may still be reading.
    async fn run(self, shared: &Shared, head: Parts, first: Frame) -> bool {
        let sid = webtransport::decode_open(first.clone()).ok().flatten();
        let Some(shard) = shared.shard(sid.as_deref()) else {
            return false;
        };
        let id = ConnectionId(shared.next_id());
        let (opened, batches) = oneshot::channel();
        let input = Input::Stream {
            id,
            head: Box::new(head),
            first,
            opened,
        };
        if shard.send(input).await.is_err() {
            return false;
        }
        // An error if it was refused, or the shard is gone.
        let Ok(batches) = batches.await else {
            return false;
        };
        let (mut send, end) = self.carry(id, &shard, batches).await;
        let report = match &end {
            End::Asked { .. } => None,
            End::Closed => Some(Input::Closed(id)),
            End::Bad(error) => Some(Input::BadFrame(id, *error)),
        };
        if let Some(report) = report {
            // A shard that is gone need not know.
            let _gone = shard.send(report).await;
        }
        drop(shard);
        // What the peer has not got by then is lost with the session.
        let _late = timeout(CLOSE_TIME, send.finish()).await;
        matches!(end, End::Asked { written: true })
    }

    async fn carry(
        mut self,
        id: ConnectionId,
        shard: &mpsc::Sender<Input>,
        batches: mpsc::Receiver<Batch>,
    ) -> (SendStream, End) {
        let mut send = self.send;
        let writing = write_batches(&mut send, id, shard, batches);
        let reading = async {
            loop {
                let frame = match self.reader.next().await {
                    Ok(frame) => frame,
                    Err(ReadEnd::Closed) => return End::Closed,
                    Err(ReadEnd::Bad(error)) => return End::Bad(error),
                };
                if shard.send(Input::Frame(id, frame)).await.is_err() {
                    return End::Asked { written: true };
                }
            }
        };
        let end = first_of(writing, reading).await;
        (send, end)
    }
}

async fn first_of<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (one, other) = (pin!(one), pin!(other));
    tokio::select! {
        first = one => first,
        first = other => first,
    }
}

/// Writes batches until there are no more.
async fn write_batches(
    send: &mut SendStream,
    id: ConnectionId,
    shard: &mpsc::Sender<Input>,
    mut batches: mpsc::Receiver<Batch>,
) -> End {
    let mut written = false;
    while let Some(batch) = batches.recv().await {
        if !write(send, batch).await || shard.send(Input::Writable(id)).await.is_err() {
            return End::Closed;
        }
        written = true;
    }
    End::Asked { written }
}
