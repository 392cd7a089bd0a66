//! The memory of an idle Socket.IO client, as counted by an allocator.
#![cfg(test)]

use allocation_counter::measure;
use socketio_proto::client::{Client, Config, Event, SocketOptions};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::{Endpoint, Output};
use socketio_proto::engine::{Frame, Instant, Seed};

const MANY: usize = 1_000;

/// The state of a client that is connected over a WebSocket, with one socket in `/`, and its machine itself.
#[test]
fn an_idle_client_with_one_socket_takes_at_most_8_kib() {
    let mut clients = Vec::with_capacity(MANY);
    let info = measure(|| clients.extend((0..MANY).map(|_| connected())));
    let each = info.bytes_current as usize / MANY;
    println!(
        "idle client: {each} B on the heap, {} B itself",
        size_of::<Client>()
    );
    let all = each + size_of::<Client>();
    assert!(all <= 8 * 1024, "{all} B");
}

fn connected() -> Client {
    let endpoint = Endpoint::parse("http://127.0.0.1:3000").unwrap();
    let config = Config::new(endpoint)
        .with_engine(|engine| engine.with_transports(vec![Transport::WebSocket]));
    let mut client = Client::new(config, &Seed::new([7; 32])).unwrap();
    let now = Instant::ZERO;
    client.connect("/", SocketOptions::default(), now).unwrap();
    let mut joined = false;
    while let Some(output) = client.poll_output() {
        match output {
            Output::Connect { connection, .. } => {
                client.handle_connected(connection, now);
                let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
                client.handle_frame(connection, Frame::Text(open.into()), now);
            }
            Output::Frames { connection } => {
                while let Some(frame) = client.poll_frame(connection) {
                    assert_eq!(frame, Frame::Text("40".into()));
                    let answer = Frame::Text(r#"40{"sid":"y"}"#.into());
                    client.handle_frame(connection, answer, now);
                }
            }
            Output::Event(event) => joined |= matches!(event, Event::Connected { .. }),
            Output::Request { .. } | Output::Abort { .. } | Output::Close { .. } => {
                panic!("only a WebSocket")
            }
        }
    }
    assert!(joined);
    client
}
