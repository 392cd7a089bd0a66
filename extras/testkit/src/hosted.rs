//! Applications that are written for drivers, in a network.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

use socketio_proto::client::{self, Client};
use socketio_proto::engine::Instant;
use socketio_proto::engine::driver::client::App as ClientApp;
use socketio_proto::engine::driver::server::{
    App as ServerApp, Context, Farewell, Handshake, Machine, Schedule,
};
use socketio_proto::engine::http::Request;
use socketio_proto::server::{self, Server};

use crate::network::{ClientId, Network, ServerId};
use crate::script::Script;

/// Runs the [application](ServerApp) of a server, as a driver would, but in the time of the network.
///
/// It is a [`Script`]: a run of the network takes it along. Commands that the application gives itself come at their time.
/// Work that takes long is done at once. Everything that is not told by its server goes to another script, the rest.
///
/// # Examples
///
/// A server that greets a client one minute after it came:
///
/// ```
/// use std::time::Duration;
///
/// use socketio_proto::engine::client::Endpoint;
/// use socketio_proto::engine::driver::server::{App, Context};
/// use socketio_proto::server::{Event, Server, SocketKey};
/// use socketio_proto::{Payload, client, server};
/// use socketio_testkit::{ClientId, Network, OnServer, Script};
///
/// struct Greeter;
///
/// impl App<Server> for Greeter {
///     type Command = SocketKey;
///
///     fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, SocketKey>) {
///         if let Event::Connecting { token, session, .. } = event {
///             assert!(context.handshake(session).is_some());
///             if let Ok(socket) = server.accept(token, context.now) {
///                 context.send_after(Duration::from_secs(60), socket);
///             }
///         }
///     }
///
///     fn handle_command(&mut self, server: &mut Server, socket: SocketKey, context: &mut Context<'_, SocketKey>) {
///         let _gone = server.emit(socket, &Payload::event("welcome").build().unwrap(), context.now);
///     }
/// }
///
/// #[derive(Default)]
/// struct Heard(Vec<String>);
///
/// impl Script for Heard {
///     fn client_event(&mut self, _: &mut Network, _: ClientId, event: client::Event) {
///         if let client::Event::Event { payload, .. } = event {
///             self.0.extend(payload.name().map(str::to_owned));
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut network = Network::new(7);
/// let server = network.add_server("example.com", server::Config::default())?;
/// let client = network.add_client(client::Config::new(Endpoint::parse("http://example.com")?))?;
/// let (machine, now) = network.client_mut(client);
/// machine.connect("/", client::SocketOptions::default(), now)?;
///
/// let mut script = OnServer::new(server, Greeter).with_rest(Heard::default());
/// network.advance(Duration::from_secs(59), &mut script);
/// assert!(script.rest().0.is_empty());
/// network.advance(Duration::from_secs(2), &mut script);
/// assert_eq!(script.rest().0, ["welcome"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OnServer<A: ServerApp<Server>, R = ()> {
    server: ServerId,
    app: A,
    schedule: Schedule<A::Command>,
    started: bool,
    rest: R,
}

impl<A: ServerApp<Server>> OnServer<A> {
    /// Puts an application on a server. It is started at the beginning of the next run.
    #[must_use]
    pub fn new(server: ServerId, app: A) -> Self {
        Self {
            server,
            app,
            schedule: Schedule::default(),
            started: false,
            rest: (),
        }
    }
}

impl<A: ServerApp<Server>, R> OnServer<A, R> {
    /// Sets the script that gets all other events.
    #[must_use]
    pub fn with_rest<S: Script>(self, rest: S) -> OnServer<A, S> {
        OnServer {
            server: self.server,
            app: self.app,
            schedule: self.schedule,
            started: self.started,
            rest,
        }
    }

    /// The application.
    #[must_use]
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The script that gets all other events.
    #[must_use]
    pub const fn rest(&self) -> &R {
        &self.rest
    }

    /// The script that gets all other events, to be changed.
    pub const fn rest_mut(&mut self) -> &mut R {
        &mut self.rest
    }

    /// Puts another application in the place of this one, as a program that starts anew does. What the old one had planned
    /// is forgotten.
    pub fn restart(&mut self, app: A) {
        (self.app, self.schedule, self.started) = (app, Schedule::default(), false);
    }

    /// Gives the application a command.
    pub fn command(&mut self, network: &mut Network, command: A::Command) {
        self.call(network, |app, server, context| {
            app.handle_command(server, command, context);
        });
    }

    /// Tells the application that its server stops, and ends the sessions.
    pub fn stop(&mut self, network: &mut Network, farewell: Farewell, within: Duration) {
        self.call(network, |app, server, context| {
            app.stopping(server, context);
            server.end_sessions(farewell, within, context.now);
        });
    }

    fn call(
        &mut self,
        network: &mut Network,
        call: impl FnOnce(&mut A, &mut Server, &mut Context<'_, A::Command>),
    ) {
        let (server, handshakes, now) = network.server_and_handshakes(self.server);
        let mut context = Context::new(now, handshakes, &mut self.schedule);
        call(&mut self.app, server, &mut context);
        while let Some(work) = self.schedule.take_work() {
            self.schedule.send_after(Duration::ZERO, work(), now);
        }
    }
}

impl<A: ServerApp<Server>, R: Script> Script for OnServer<A, R> {
    fn server_event(&mut self, network: &mut Network, server: ServerId, event: server::Event) {
        if server != self.server {
            return self.rest.server_event(network, server, event);
        }
        let lifecycle = Server::lifecycle(&event);
        self.call(network, |app, server, context| {
            app.handle_event(server, event, context);
        });
        let (_, handshakes, _) = network.server_and_handshakes(server);
        handshakes.note_handled(lifecycle);
    }

    fn client_event(&mut self, network: &mut Network, client: ClientId, event: client::Event) {
        self.rest.client_event(network, client, event);
    }

    fn run_begins(&mut self, network: &mut Network) {
        if !std::mem::replace(&mut self.started, true) {
            self.call(network, |app, server, context| app.started(server, context));
        }
        self.rest.run_begins(network);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        earlier(self.schedule.poll_timeout(), self.rest.poll_timeout())
    }

    fn timeout(&mut self, network: &mut Network) {
        let now = network.now();
        for command in self.schedule.take_due(now) {
            self.command(network, command);
        }
        if self.rest.poll_timeout().is_some_and(|due| due <= now) {
            self.rest.timeout(network);
        }
    }
}

/// Runs the [application](ClientApp) of a client, as a driver would, but in the time of the network.
///
/// It is a [`Script`], as [`OnServer`] is.
#[derive(Debug)]
pub struct OnClient<A, R = ()> {
    client: ClientId,
    app: A,
    started: bool,
    stopped: bool,
    rest: R,
}

impl<A: ClientApp<Client>> OnClient<A> {
    /// Puts an application on a client. It is started at the beginning of the next run.
    #[must_use]
    pub const fn new(client: ClientId, app: A) -> Self {
        Self {
            client,
            app,
            started: false,
            stopped: false,
            rest: (),
        }
    }
}

impl<A: ClientApp<Client>, R> OnClient<A, R> {
    /// Sets the script that gets all other events.
    #[must_use]
    pub fn with_rest<S: Script>(self, rest: S) -> OnClient<A, S> {
        OnClient {
            client: self.client,
            app: self.app,
            started: self.started,
            stopped: self.stopped,
            rest,
        }
    }

    /// The application.
    #[must_use]
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The script that gets all other events.
    #[must_use]
    pub const fn rest(&self) -> &R {
        &self.rest
    }

    /// The script that gets all other events, to be changed.
    pub const fn rest_mut(&mut self) -> &mut R {
        &mut self.rest
    }

    /// Whether the application wants no more. Its client was closed then, and it is told nothing.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Gives the application a command.
    pub fn command(&mut self, network: &mut Network, command: A::Command) {
        self.call(network, |app, client, now| {
            app.handle_command(client, command, now)
        });
    }

    fn call(
        &mut self,
        network: &mut Network,
        call: impl FnOnce(&mut A, &mut Client, Instant) -> ControlFlow<()>,
    ) {
        if self.stopped {
            return;
        }
        let (client, now) = network.client_mut(self.client);
        if call(&mut self.app, client, now).is_break() {
            self.stopped = true;
            client.close(now);
        }
    }
}

impl<A: ClientApp<Client>, R: Script> Script for OnClient<A, R> {
    fn server_event(&mut self, network: &mut Network, server: ServerId, event: server::Event) {
        self.rest.server_event(network, server, event);
    }

    fn client_event(&mut self, network: &mut Network, client: ClientId, event: client::Event) {
        if client != self.client {
            return self.rest.client_event(network, client, event);
        }
        self.call(network, |app, client, now| {
            app.handle_event(client, event, now)
        });
    }

    fn run_begins(&mut self, network: &mut Network) {
        if !std::mem::replace(&mut self.started, true) {
            self.call(network, |app, client, now| {
                app.started(client, now);
                ControlFlow::Continue(())
            });
        }
        self.rest.run_begins(network);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.rest.poll_timeout()
    }

    fn timeout(&mut self, network: &mut Network) {
        self.rest.timeout(network);
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

/// A request as a driver keeps it. The network knows no addresses and no calendar: a client has an address that is made of
/// its number, and 1970 began when the clock did.
pub(crate) fn handshake(client: usize, request: &Request, now: Instant) -> Handshake {
    let number = u32::try_from(client).unwrap_or(u32::MAX);
    let [_, high, middle, low] = number.to_be_bytes();
    let address = SocketAddr::from((Ipv4Addr::new(10, high, middle, low), 40_000));
    let mut handshake = Handshake::new(request.target())
        .with_header("host", request.authority().as_bytes())
        .with_address(Some(address))
        .with_secure(request.is_secure())
        .with_issued(now.saturating_duration_since(Instant::ZERO));
    for (name, value) in &request.headers {
        handshake = handshake.with_header(name, value.as_bytes());
    }
    handshake
}
