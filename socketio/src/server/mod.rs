//! A driver for servers, with tokio, hyper and tokio-tungstenite.
//!
//! | file | idea |
//! |---|---|
//! | `shard.rs` | the task that owns a [`Machine`] and its [`App`]: inputs in, outputs out, timers |
//! | `commands.rs` | the way for other tasks to reach an application |
//! | `service.rs` | the tower [`Service`]: one future for each HTTP request |
//! | `websocket.rs`, `connection.rs` | the opening handshake; one task for each WebSocket |
//! | `webtransport.rs` | an accept loop for WebTransport; one task for each session |
//! | `body.rs` | request bodies up to a limit |
//! | `compression.rs` | which answers are compressed, for a layer around the service |
//! | `client_files.rs` | the bundles of the official client, for a router of axum |
//! | `serve.rs` | an accept loop for programs that bring no HTTP server of their own |
//!
//! A [`Driver`] runs one task for each machine it is given, its shard. A request that names a session goes to the shard
//! that its id names; others take turns. Messages of one connection pass two bounded channels and no lock.

mod body;
#[cfg(feature = "axum")]
mod client_files;
mod commands;
mod compression;
mod connection;
mod serve;
mod service;
mod shard;
mod websocket;
#[cfg(feature = "webtransport")]
mod webtransport;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use engineio_driver::Clock;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

#[cfg(feature = "axum")]
pub use client_files::ClientFiles;
pub use commands::Commands;
pub use compression::Uncompressed;
#[cfg(feature = "compression")]
pub use compression::compression;
pub use engineio_proto::driver::server::{App, Context, Farewell, Handshake, Lifecycle, Machine};
pub use serve::{HttpServer, Peer};
pub use service::{ResponseBody, Service};
#[cfg(feature = "webtransport")]
pub use webtransport::WebTransportServer;

use service::Shared;
use shard::{Input, Shard, Wires};

/// The settings of a driver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The path that is served, with everything below it. A slash at its end is added if missing. `None` serves every
    /// path, for a service that is mounted where a router has looked at the path already. Default none.
    pub path: Option<String>,
    /// Whether requests come over TLS, which the application is told. Default false.
    pub secure: bool,
    /// How many inputs, and how many commands, may wait for a shard; whoever has more waits. Default 256.
    pub queue: usize,
    /// How sessions end when the driver stops. Default drained.
    pub farewell: Farewell,
    /// How long sessions and connections get to close when the driver stops. Default 3 s.
    pub drain_time: Duration,
    /// The clock of the machines. Default that of the operating system, started with these settings.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: None,
            secure: false,
            queue: 256,
            farewell: Farewell::default(),
            drain_time: Duration::from_secs(3),
            clock: Clock::start(),
        }
    }
}

impl Options {
    /// Sets [`path`](Self::path).
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets [`secure`](Self::secure).
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets [`queue`](Self::queue), at least one.
    #[must_use]
    pub fn with_queue(mut self, queue: usize) -> Self {
        self.queue = queue.max(1);
        self
    }

    /// Sets [`farewell`](Self::farewell).
    #[must_use]
    pub fn with_farewell(mut self, farewell: Farewell) -> Self {
        self.farewell = farewell;
        self
    }

    /// Sets [`drain_time`](Self::drain_time).
    #[must_use]
    pub fn with_drain_time(mut self, time: Duration) -> Self {
        self.drain_time = time;
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Running shards. Dropping it ends them at once; [`shut_down`](Self::shut_down) lets them finish.
///
/// # Examples
///
/// An echo server, mounted in axum beside another route:
///
/// ```no_run
/// use engineio_proto::server::{Config, Event, Server, ServerEvent};
/// use engineio_proto::Encoded;
/// use engineio_driver::os_seed;
/// use socketio::server::{App, Context, Driver, HttpServer, Options};
///
/// struct Echo;
///
/// impl App<Server> for Echo {
///     type Command = ();
///
///     fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &mut Context<'_, ()>) {
///         if let ServerEvent::Session { session, event: Event::Message(message) } = event {
///             // A client that reads too slowly misses messages.
///             let _sent = server.send(session, &Encoded::new(&message));
///         }
///     }
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::new(Config::default(), 0, &os_seed()?)?;
/// let driver = Driver::start(vec![(server, Echo)], Options::default().with_path("/engine.io/"));
/// let router = axum::Router::new()
///     .route("/", axum::routing::get(async || "hello"))
///     .fallback_service(driver.service());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let http = HttpServer::start(listener, router);
/// tokio::signal::ctrl_c().await?;
/// driver.shut_down().await;
/// http.shut_down().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Driver<C> {
    service: Service,
    commands: Vec<Commands<C>>,
    stop: watch::Sender<bool>,
    shards: JoinSet<()>,
}

impl<C: Send + 'static> Driver<C> {
    /// Starts one shard for each machine and its application. The machines have the same settings, and the shard
    /// numbers 0, 1, … in their order.
    ///
    /// Runs in the tokio runtime it is called in.
    pub fn start<M, A>(shards: Vec<(M, A)>, options: Options) -> Self
    where
        M: Machine<Event: Send> + Send + 'static,
        A: App<M, Command = C> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let config = shards
            .first()
            .map(|(machine, _)| machine.engine_config().clone());
        let mut tasks = JoinSet::new();
        let (mut senders, mut commands) = (Vec::new(), Vec::new());
        for (machine, app) in shards {
            let (sender, inputs) = mpsc::channel::<Input>(options.queue.max(1));
            let (commander, commanded) = mpsc::channel(options.queue.max(1));
            commands.push(Commands(commander));
            let wires = Wires {
                inputs,
                sender: sender.downgrade(),
                commands: commanded,
                stop: stopped.clone(),
            };
            tasks.spawn(Shard::run(machine, app, options.clone(), wires));
            senders.push(sender);
        }
        let path = options.path.map(|mut path| {
            if !path.ends_with('/') {
                path.push('/');
            }
            path
        });
        let service = Service(Arc::new(Shared {
            shards: senders.into(),
            config: config.unwrap_or_default(),
            path,
            ids: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        }));
        Self {
            service,
            commands,
            stop,
            shards: tasks,
        }
    }

    /// The service that feeds the shards.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// The ways to reach the applications, one for each shard.
    #[must_use]
    pub fn commands(&self) -> &[Commands<C>] {
        &self.commands
    }

    /// Refuses new sessions, and ends those that exist as [`Options::farewell`] says. Returns when all of the driver's tasks
    /// have ended: after [`Options::drain_time`] and a few seconds for refused bodies at the latest.
    ///
    /// The HTTP server should go on meanwhile, so that clients can take what still waits for them.
    pub async fn shut_down(mut self) {
        let shared = &self.service.0;
        shared.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        while self.shards.join_next().await.is_some() {}
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}

/// The address of the peer, as far as the HTTP server told it.
fn peer(extensions: &http::Extensions) -> Option<SocketAddr> {
    let peer = extensions.get::<Peer>().map(|Peer(address)| *address);
    #[cfg(feature = "axum")]
    let peer = peer.or_else(|| {
        let info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
        info.map(|axum::extract::ConnectInfo(address)| *address)
    });
    peer
}

/// Waits until a task is asked to stop, or whoever could ask is gone.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _gone = stop.wait_for(|stop| *stop).await.is_err();
}
