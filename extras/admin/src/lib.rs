//! The server side of the official Admin UI, `@socket.io/admin-ui` 0.5.
//!
//! It is a namespace in which people who may do so see sockets, rooms and events, and join, leave, disconnect and emit for
//! them.
//!
//! | file | idea |
//! |---|---|
//! | `lib.rs` | [`Options`], and [`Admin`] in the loop of an application |
//! | `login.rs` | who may see it: passwords, and the sessions that stand for them |
//! | `report.rs` | what is told: each event of the server that the UI shows |
//! | `orders.rs` | what the UI asks for |
//! | `stats.rs`, `view.rs` | the numbers of every two seconds; how a socket looks on the wire |
//!
//! An application owns an [`Admin`] and shows it everything first: it gives back the events that are not its own, and
//! takes the commands that it sends to itself. Everything goes through the public interface of the machine. It sees the
//! clients of one machine; where several run, each has an admin namespace of its own.
//!
//! It differs from the official one in two points. The session is told right after the CONNECT instead of before it: the
//! page listens only from then on, and so is still logged in when it is loaded again. Nothing is kept for people who come
//! back, for whoever comes in is told all there is. Packets are counted at least every two seconds, and
//! so may be told with a second that is a little late.
//!
//! Source: `@socket.io/admin-ui/lib/index.ts`.

mod login;
mod orders;
mod report;
mod stats;
mod view;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::engine::Instant;
use socketio_proto::engine::driver::server::Context;
use socketio_proto::server::{Commands, ConnectToken, Event, Observed, SocketKey};

use login::Login;
use report::Known;
use stats::Aggregate;

/// Access to the admin namespace.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "made by whoever sets it up")]
pub enum Auth {
    /// Users with a password, of which only the bcrypt hash is known here.
    Basic {
        /// The name to give with it.
        username: String,
        /// The hash, as `$2b$10$…`.
        password_hash: String,
    },
    /// Everybody, without a password.
    NoAuth,
}

/// The amount of detail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// Everything that happens to each socket.
    #[default]
    Development,
    /// Numbers only, which cost the same however many clients there are.
    Production,
}

/// The settings of an admin namespace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The name of the namespace. Default `/admin`.
    pub namespace: String,
    /// Access to it.
    pub auth: Auth,
    /// Whether it only shows, and does nothing that it is asked for. Default false.
    pub readonly: bool,
    /// The amount of detail. Default everything.
    pub mode: Mode,
    /// The name of the server in the UI. Default the name of the host.
    pub server_id: Option<String>,
}

impl Options {
    /// The default settings, for those who may use it.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        Self {
            namespace: String::from("/admin"),
            auth,
            readonly: false,
            mode: Mode::default(),
            server_id: None,
        }
    }

    /// Sets [`namespace`](Self::namespace).
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets [`readonly`](Self::readonly).
    #[must_use]
    pub fn with_readonly(mut self, readonly: bool) -> Self {
        self.readonly = readonly;
        self
    }

    /// Sets [`mode`](Self::mode).
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets [`server_id`](Self::server_id).
    #[must_use]
    pub fn with_server_id(mut self, id: impl Into<String>) -> Self {
        self.server_id = Some(id.into());
        self
    }
}

/// The reason why there can be no admin namespace with some settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The given hash is invalid.
    #[error("the password must be given as its bcrypt hash")]
    Hash(#[source] bcrypt::BcryptError),
    /// The name is none of a namespace, or that of the main one.
    #[error("{0:?} cannot be the name of the admin namespace")]
    Namespace(String),
}

/// A command of an [`Admin`] to itself, which comes back later through the commands of the application.
#[derive(Debug)]
pub struct Command(Told);

#[derive(Debug)]
enum Told {
    /// Time for the next numbers.
    Tick,
    /// A password has been looked at.
    Checked { token: ConnectToken, good: bool },
}

/// The interval at which numbers are sent.
const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// The admin namespace of one machine.
#[derive(Debug)]
pub struct Admin {
    options: Options,
    login: Login,
    /// The sockets in the admin namespace.
    admins: HashSet<SocketKey>,
    /// The sockets that the UI has been told of.
    known: HashMap<SocketKey, Known>,
    aggregate: Aggregate,
    started: Instant,
}

impl Admin {
    /// Sets up an admin namespace; [`started`](Self::started) opens it.
    ///
    /// # Errors
    ///
    /// An [`OptionsError`] if the settings cannot work.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let name = options.namespace.as_str();
        if name.len() < 2 || !name.starts_with('/') || name.contains([',', '?']) {
            return Err(OptionsError::Namespace(options.namespace));
        }
        Ok(Self {
            login: Login::new(&options.auth)?,
            options,
            admins: HashSet::new(),
            known: HashMap::new(),
            aggregate: Aggregate::default(),
            started: Instant::ZERO,
        })
    }

    /// The settings that the machine needs for it: in development mode it tells of rooms.
    #[must_use]
    pub fn adjust(&self, config: socketio_proto::server::Config) -> socketio_proto::server::Config {
        let told = config.room_events || self.tells_everything();
        config.with_room_events(told)
    }

    /// To be called once, before the first event.
    pub fn started<C>(&mut self, server: &mut impl Commands, context: &mut Context<'_, C>)
    where
        C: From<Command>,
    {
        self.started = context.now;
        if self.tells_everything() {
            let namespaces: Vec<_> = server.namespaces().map(String::from).collect();
            for namespace in namespaces {
                server.observe(&namespace, Observed::Sent);
            }
        }
        if server.add_namespace(&self.options.namespace).is_err() {
            tracing::error!(name = self.options.namespace, "there is no admin namespace");
        }
        context.send_after(Duration::ZERO, Command(Told::Tick).into());
    }

    /// Takes an event, and gives it back if it is none of the admin namespace: to be called with each, before the
    /// application does anything with it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other events are the application's"
    )]
    pub fn handle_event<C>(
        &mut self,
        server: &mut impl Commands,
        event: Event,
        context: &mut Context<'_, C>,
    ) -> Option<Event>
    where
        C: From<Command>,
    {
        self.report(server, &event, context);
        match event {
            Event::Connecting {
                token,
                namespace,
                auth,
                ..
            } if *namespace == *self.options.namespace => {
                self.log_in(server, token, auth.as_ref(), context);
                None
            }
            Event::Event {
                socket, payload, ..
            } if self.admins.contains(&socket) => {
                self.obey(server, &payload, context.now);
                None
            }
            Event::Disconnected { socket, .. } if self.admins.remove(&socket) => None,
            event => Some(event),
        }
    }

    /// Takes a command that it sent to itself.
    pub fn handle_command<C>(
        &mut self,
        server: &mut impl Commands,
        command: Command,
        context: &mut Context<'_, C>,
    ) where
        C: From<Command>,
    {
        match command.0 {
            Told::Tick => {
                self.tell_stats(server, context.now);
                context.send_after(STATS_INTERVAL, Command(Told::Tick).into());
            }
            Told::Checked { token, good } => self.finish_login(server, token, good, context),
        }
    }

    /// To be called after the application may have [changed the data](Commands::set_data) of a socket.
    pub fn note_data(&mut self, server: &mut impl Commands, socket: SocketKey) {
        let data = view::data_json(server, socket).to_owned();
        let Some(known) = self
            .known
            .get_mut(&socket)
            .filter(|known| known.data != data)
        else {
            return;
        };
        let updated = view::DataChanged {
            id: &known.id,
            nsp: &known.namespace,
            data: view::raw(&data),
        };
        let payload = Payload::event("socket_updated").arg(&updated);
        known.data.clone_from(&data);
        self.tell(server, payload);
    }

    fn tells_everything(&self) -> bool {
        self.options.mode == Mode::Development
    }
}
