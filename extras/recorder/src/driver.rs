//! Recorded machines, for drivers and applications.

use socketio_proto::client::{self, Client};
use socketio_proto::engine;
use socketio_proto::engine::driver::client::Machine as ClientMachine;
use socketio_proto::engine::driver::server::{Lifecycle, Machine as ServerMachine};
use socketio_proto::server::{Commands, Event, Server};

use crate::Recorder;

impl ServerMachine for Recorder<Server> {
    type Event = Event;

    engine::__delegate_to_server!(Recorder<Server>, Server);

    fn engine_config(&self) -> &engine::server::Config {
        (**self).engine_config()
    }

    fn session_count(&self) -> usize {
        (**self).session_count()
    }

    socketio_proto::__end_sessions!();

    fn lifecycle(event: &Event) -> Lifecycle {
        <Server as ServerMachine>::lifecycle(event)
    }
}

impl Commands for Recorder<Server> {
    socketio_proto::__delegate_commands!(Recorder<Server>, Server);
}

impl ClientMachine for Recorder<Client> {
    type Event = client::Event;

    engine::__delegate_to_client!(Recorder<Client>, Client);

    fn engine_config(&self) -> &engine::client::Config {
        (**self).engine_config()
    }
}
