//! The interface of clients.

use core::ops::ControlFlow;

use crate::client::{Client, Config, Event, Output};
use crate::codec::DecodeError;
use crate::http::Answer;
use crate::{ConnectionId, Frame, Instant, RequestId};

/// A client without IO: what the clients of both crates share, each method with its meaning there.
///
/// The methods have the names of the clients' own ones. [The tables](super) say which inputs a driver must give.
pub trait Machine {
    /// What the application is told.
    type Event;

    /// The settings of the transport.
    fn engine_config(&self) -> &Config;

    /// Takes the response to a request.
    fn handle_response(&mut self, id: RequestId, answer: Answer, now: Instant);

    /// Notes that a request failed without a response.
    fn handle_request_failed(&mut self, id: RequestId, now: Instant);

    /// Notes that a connection is open.
    fn handle_connected(&mut self, id: ConnectionId, now: Instant);

    /// Takes a frame of a connection.
    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant);

    /// Notes that a WebTransport stream brought bytes that are no frame.
    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant);

    /// Notes that a connection closed.
    fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant);

    /// Notes that a connection closed, with the code of its close frame.
    fn handle_connection_closed_with(&mut self, id: ConnectionId, code: u16, now: Instant);

    /// Notes that a connection broke, or could not be opened.
    fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant);

    /// Notes that the handshake of a connection was refused by this response.
    fn handle_connection_refused(&mut self, id: ConnectionId, answer: &Answer, now: Instant);

    /// Notes that the host has no network any more.
    fn handle_offline(&mut self, now: Instant);

    /// Fires what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// The next thing to do or to know.
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;

    /// The next frame for a connection.
    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame>;

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether the driver should read on from connections and make requests.
    fn wants_read(&self) -> bool;

    /// Begins to close the connection for good.
    fn close(&mut self, now: Instant);
}

/// What a program does with the events of a client.
///
/// No method may wait: what takes long belongs elsewhere, and comes back as a command.
pub trait App<M: Machine> {
    /// What the rest of the program may ask of it.
    type Command;

    /// Runs first: the place to open the client.
    fn started(&mut self, machine: &mut M, now: Instant);

    /// Takes an event. `Break` stops the driver, which closes what is open and returns the application.
    fn handle_event(&mut self, machine: &mut M, event: M::Event, now: Instant) -> ControlFlow<()>;

    /// Takes a command. `Break` as for an event.
    fn handle_command(
        &mut self,
        machine: &mut M,
        command: Self::Command,
        now: Instant,
    ) -> ControlFlow<()>;
}

/// Tells a machine that a connection closed, with the code of the close frame if there was one.
pub fn connection_closed<M: Machine>(
    machine: &mut M,
    id: ConnectionId,
    code: Option<u16>,
    now: Instant,
) {
    match code {
        Some(code) => machine.handle_connection_closed_with(id, code, now),
        None => machine.handle_connection_closed(id, now),
    }
}

/// Tells a machine that a connection failed, or was refused by this response.
pub fn connection_failed<M: Machine>(
    machine: &mut M,
    id: ConnectionId,
    refusal: Option<&Answer>,
    now: Instant,
) {
    match refusal {
        Some(answer) => machine.handle_connection_refused(id, answer, now),
        None => machine.handle_connection_failed(id, now),
    }
}

/// Passes the methods of [`Machine`](crate::driver::client::Machine) on to a machine's own ones of the same names. The second
/// type has the methods that change nothing, if that is another one.
///
/// Not part of the interface: it is for the crates of this workspace.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_to_client {
    ($machine:ty) => {
        $crate::__delegate_to_client!($machine, $machine);
    };
    ($machine:ty, $inner:ty) => {
        $crate::__delegate_to_client! { @ $machine:
            handle_response(id: $crate::RequestId, answer: $crate::http::Answer);
            handle_request_failed(id: $crate::RequestId);
            handle_connected(id: $crate::ConnectionId);
            handle_frame(id: $crate::ConnectionId, frame: $crate::Frame);
            handle_bad_frame(id: $crate::ConnectionId, error: $crate::codec::DecodeError);
            handle_connection_closed(id: $crate::ConnectionId);
            handle_connection_closed_with(id: $crate::ConnectionId, code: u16);
            handle_connection_failed(id: $crate::ConnectionId);
            handle_connection_refused(id: $crate::ConnectionId, answer: &$crate::http::Answer);
            handle_offline();
            handle_timeout();
            close();
        }

        fn poll_output(&mut self) -> Option<$crate::client::Output<Self::Event>> {
            <$machine>::poll_output(self)
        }

        fn poll_frame(&mut self, connection: $crate::ConnectionId) -> Option<$crate::Frame> {
            <$machine>::poll_frame(self, connection)
        }

        fn poll_timeout(&self) -> Option<$crate::Instant> {
            <$inner>::poll_timeout(self)
        }

        fn wants_read(&self) -> bool {
            <$inner>::wants_read(self)
        }
    };
    (@ $machine:ty: $($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name(&mut self, $($arg: $type,)* now: $crate::Instant) {
            <$machine>::$name(self, $($arg,)* now);
        })*
    };
}

impl Machine for Client {
    type Event = Event;

    crate::__delegate_to_client!(Client);

    fn engine_config(&self) -> &Config {
        self.config()
    }
}
