//! The machines of the scripts. The tests of the recorder replace them by recorded machines.
#![allow(dead_code, reason = "scripts of the server have no client")]

pub(crate) use socketio_proto::client::Client;
pub(crate) use socketio_proto::server::Server;

use socketio_proto::engine::Seed;
use socketio_proto::{client, server};

pub(crate) fn new_server(config: server::Config, seed: &Seed) -> Server {
    Server::new(config, 0, seed).expect("a good config")
}

pub(crate) fn new_client(config: client::Config, seed: &Seed) -> Client {
    Client::new(config, seed).expect("a good config")
}
