//! Memory of a client for reading the answers of a server.

use allocation_counter::measure;
use bytestring::ByteString;
use socketio_proto::client::{Client, Config, ConnectError, Event, SocketOptions};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::{Endpoint, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};

/// A megabyte of JSON that would be 100 MB as a tree.
fn large() -> String {
    format!("[{}]", vec![r#"{"":0}"#; 140_000].join(","))
}

/// A client whose CONNECT is not answered yet.
fn asked() -> (Client, ConnectionId) {
    let endpoint = Endpoint::parse("http://127.0.0.1:3000").unwrap();
    let config = Config::new(endpoint)
        .with_engine(|engine| engine.with_transports(vec![Transport::WebSocket]));
    let mut client = Client::new(config, &Seed::new([7; 32])).unwrap();
    let now = Instant::ZERO;
    client.connect("/", SocketOptions::default(), now).unwrap();
    let mut asked = None;
    while let Some(output) = client.poll_output() {
        if let Output::Connect { connection, .. } = output {
            client.handle_connected(connection, now);
            let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
            client.handle_frame(connection, Frame::Text(open.into()), now);
        } else if let Output::Frames { connection } = output {
            while client.poll_frame(connection).is_some() {
                asked = Some(connection);
            }
        }
    }
    (client, asked.expect("it asks"))
}

/// The result for the answer, and the maximum memory for it.
fn answered(answer: &str) -> (Event, u64) {
    let (mut client, connection) = asked();
    let frame = Frame::Text(ByteString::from(answer));
    let info = measure(|| client.handle_frame(connection, frame, Instant::ZERO));
    while let Some(output) = client.poll_output() {
        if let Output::Event(event @ (Event::Connected { .. } | Event::ConnectError { .. })) =
            output
        {
            return (event, info.bytes_max);
        }
    }
    panic!("no event");
}

#[test]
fn the_answer_to_connect_is_read_without_a_tree() {
    let large = large();
    let (event, taken) = answered(&format!(r#"40{{"more":{large},"sid":"s","pid":"p"}}"#));
    assert!(matches!(event, Event::Connected { .. }));
    eprintln!("answer to CONNECT: {taken} B for {} B", large.len());
    assert!(taken < 16 * 1024, "{taken} B");
    for sid in [
        large.as_str(),
        "\"\"",
        "1",
        "null",
        &format!("\"{}\"", "a".repeat(500_000)),
        &format!("\"{}\\u0061\"", "a".repeat(500_000)),
    ] {
        let (event, taken) = answered(&format!(r#"40{{"sid":{sid}}}"#));
        let error = ConnectError::NoSocketId;
        assert!(matches!(event, Event::ConnectError { error: found, .. } if found == error));
        assert!(taken < 16 * 1024, "{taken} B");
    }
}

#[test]
fn a_refusal_is_read_without_a_tree() {
    let large = large();
    let answer = format!(r#"44{{"data":{large},"message":"no\u0021"}}"#);
    let (event, taken) = answered(&answer);
    let Event::ConnectError {
        error: ConnectError::Refused(refusal),
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    eprintln!("refusal: {taken} B for {} B", answer.len());
    assert!(taken < 16 * 1024, "{taken} B");
    assert_eq!(refusal.message(), "no!");
    assert_eq!(refusal.data_json(), Some(&*large));
    let info = measure(|| {
        let tree = refusal.data::<serde_json::Value>();
        assert!(tree.expect("there is data").unwrap_err().is_over_limit());
    });
    assert!(info.bytes_max <= 64 * (answer.len() as u64 + 64) + 256);
    let list = refusal.data::<Vec<serde::de::IgnoredAny>>();
    assert_eq!(
        list.map(|list| list.map(|list| list.len())),
        Some(Ok(140_000))
    );
}
