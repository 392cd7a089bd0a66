//! The client role: very many sockets over one connection.

use socketio_proto::client::{Client, Config, SocketKey, SocketOptions};
use socketio_proto::engine::client::{Endpoint, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed, Transport};

const SOCKETS: usize = 2_000;
const NOW: Instant = Instant::ZERO;

fn name(number: usize) -> String {
    format!("/namespace-{number}")
}

fn text(client: &mut Client, connection: ConnectionId, text: &str) {
    client.handle_frame(connection, Frame::Text(text.to_owned().into()), NOW);
    while client.poll_output().is_some() {}
    while client.poll_frame(connection).is_some() {}
}

/// A client whose sockets are all connected.
fn connected() -> (Client, Vec<SocketKey>, ConnectionId) {
    let endpoint = Endpoint::parse("http://example.com").unwrap();
    let config = Config::new(endpoint)
        .with_max_namespaces(SOCKETS)
        .with_engine(|engine| engine.with_transports([Transport::WebSocket]));
    let mut client = Client::new(config, &Seed::new([5; 32])).unwrap();
    let sockets = (0..SOCKETS).map(|number| {
        let socket = client.connect(&name(number), SocketOptions::default(), NOW);
        socket.unwrap()
    });
    let sockets: Vec<_> = sockets.collect();
    let Some(Output::Connect { connection, .. }) = client.poll_output() else {
        panic!("a connection");
    };
    client.handle_connected(connection, NOW);
    let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    text(&mut client, connection, open);
    for number in 0..SOCKETS {
        let answer = format!(r#"40{},{{"sid":"{number}"}}"#, name(number));
        text(&mut client, connection, &answer);
    }
    assert!(sockets.iter().all(|socket| client.is_connected(*socket)));
    (client, sockets, connection)
}

#[test]
fn sockets_that_leave_one_by_one_cost_each_once() {
    type Leave = fn(&mut Client, SocketKey, usize, ConnectionId);
    let ways: [(&str, Leave); 3] = [
        ("are taken out", |client, _, number, connection| {
            text(client, connection, &format!("41{},", name(number)));
        }),
        ("disconnect", |client, socket, _, connection| {
            client.disconnect(socket, NOW).unwrap();
            text(client, connection, "6");
        }),
        ("get events", |client, _, number, connection| {
            let event = format!(r#"42{},["e"]"#, name(number));
            text(client, connection, &event);
        }),
    ];
    for (what, leave) in ways {
        let (mut client, sockets, connection) = connected();
        let before = client.steps();
        for (number, socket) in sockets.iter().enumerate() {
            leave(&mut client, *socket, number, connection);
        }
        let taken = client.steps() - before;
        println!("2,000 sockets of a client {what}: {taken} steps");
        assert!(taken <= 40 * SOCKETS, "{what}: {taken}");
        let stay = what == "get events";
        assert!(
            sockets
                .iter()
                .all(|socket| client.is_connected(*socket) == stay)
        );
    }
}
