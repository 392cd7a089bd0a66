//! Servers that are broken or mean harm.

use engineio_proto::codec::DecodeError;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Transport};

use crate::support::{Net, POLLING, config};

#[test]
fn malformed_handshakes_end_the_attempt() {
    for body in [
        "0",
        "0{",
        "0{}",
        "0null",
        r#"0{"sid":"","upgrades":[],"pingInterval":1,"pingTimeout":1}"#,
        r#"0{"sid":"S","upgrades":[],"pingTimeout":1}"#,
        r#"0{"sid":"S","upgrades":[],"pingInterval":-1,"pingTimeout":0}"#,
        r#"0{"sid":"S","upgrades":[],"pingInterval":null,"pingTimeout":null}"#,
        r#"0{"sid":"S","upgrades":[],"pingInterval":1e400,"pingTimeout":1}"#,
        r#"0{"sid":"S","upgrades":[],"pingInterval":0,"pingTimeout":0}"#,
        "6",
        "4a",
        "2",
    ] {
        let mut net = Net::opening(config());
        net.respond(0, 200, body);
        let last = net.drain().pop().unwrap();
        let expected = "closed: transport error: server error: invalid handshake";
        assert_eq!(last, expected, "{body}");
        assert!(net.client.is_closed());
        assert_eq!(net.due_in(), None);
    }
    let long = "s".repeat(1025);
    let mut net = Net::opening(config());
    net.respond(0, 200, POLLING.replace(r#""S""#, &format!("{long:?}")));
    assert!(net.client.is_closed());
}

#[test]
fn a_broken_payload_ends_the_connection_after_its_good_packets() {
    for (body, error) in [
        ("", "empty packet"),
        ("4a\x1e", "empty packet"),
        ("4a\x1ex\x1e4b", "unknown packet type 0x78"),
        ("4a\x1eb!", "invalid base64"),
        ("<html>", "unknown packet type 0x3c"),
    ] {
        let mut net = Net::polling(config());
        net.respond(1, 200, body);
        let mut expected = vec!["r2 POST 1".to_owned()];
        if body.starts_with("4a") {
            expected.push("text a".into());
        }
        expected.push(format!("closed: transport error: server error: {error}"));
        assert_eq!(net.drain(), expected);
    }
}

#[test]
fn a_broken_frame_ends_the_connection() {
    let mut net = Net::websocket(config());
    net.text(0, "");
    assert_eq!(
        net.drain(),
        [
            "c0 close",
            "closed: transport error: server error: empty packet"
        ]
    );
}

#[test]
fn a_server_of_revision_3_is_named() {
    for (status, body) in [
        (200, r#"96:0{"sid":"x"}"#),
        (200, r#"105:0{"sid":"x"}2:40"#),
        (
            400,
            r#""The client is using an unsupported version of the protocol""#,
        ),
    ] {
        let mut net = Net::opening(config());
        net.respond(0, status, body);
        assert_eq!(
            net.drain(),
            ["closed: transport error: this server speaks Engine.IO revision 3"]
        );
    }
}

#[test]
fn absurd_intervals_do_not_overflow() {
    let huge = u64::MAX.to_string();
    let mut net = Net::opening(config());
    let handshake = POLLING.replace("300", &huge).replace("200", &huge);
    net.respond(0, 200, handshake);
    assert_eq!(net.drain(), ["r1 GET", "opened S"]);
    assert_eq!(net.due_in(), None, "it never ends");
    net.respond(1, 200, "2");
    assert_eq!(net.due_in(), None);

    let mut net = Net::opening(config());
    net.respond(0, 200, POLLING.replace("300", "0"));
    assert_eq!(net.due_in(), Some(200));
}

#[test]
fn any_sid_is_taken_and_encoded() {
    let mut net = Net::opening(config());
    net.respond(
        0,
        200,
        POLLING.replace(r#""S""#, r#""a b&c=\r\n\u0000é#/""#),
    );
    net.drain();
    assert!(
        net.url(1)
            .ends_with("&sid=a%20b%26c%3D%0D%0A%00%C3%A9%23%2F")
    );
}

#[test]
fn a_second_handshake_changes_nothing() {
    let mut net = Net::polling(config());
    net.respond(1, 200, POLLING.replace(r#""S""#, r#""T""#));
    assert_eq!(net.drain(), ["r2 GET"]);
    assert!(net.url(2).ends_with("&sid=S"));
}

#[test]
fn endless_noops_keep_nothing_alive() {
    let mut net = Net::polling(config());
    for request in 1..=1000 {
        net.respond(request, 200, "6");
        assert_eq!(net.drain(), [format!("r{} GET", request + 1)]);
    }
    net.advance(500);
    assert_eq!(
        net.drain(),
        ["r1001 abort", "r1002 POST 1", "closed: ping timeout"]
    );
}

#[test]
fn responses_to_requests_never_made_and_unknown_connections_change_nothing() {
    let mut net = Net::probing(config());
    for id in [0, 3, 99, u64::MAX] {
        net.respond(id, 200, "4a");
        net.respond(id, 500, "");
        net.fail(id);
        net.connected(id);
        net.text(id, "4a");
        net.disconnect(id);
        net.connection_failed(id);
    }
    // Ids of requests are none of connections.
    net.respond(1, 200, "4a");
    net.text(2, "3probe");
    assert_eq!(net.drain(), [""; 0]);
    assert!(net.client.is_open());
}

/// A probe may fail after the client has moved on, or be told of late.
#[test]
fn what_happens_on_other_connections_changes_nothing_on_a_websocket() {
    let opening = || Net::opening(config().with_transports([Transport::WebSocket]));
    for mut net in [opening(), Net::websocket(config())] {
        net.drain();
        let on = net.client.transport();
        for id in [1, 99, u64::MAX] {
            net.connected(id);
            net.text(id, "4a");
            net.bad_frame(id, DecodeError::Empty);
            net.disconnect(id);
            net.connection_failed(id);
            let (connection, answer) = (ConnectionId(id), Answer::new(400, "no"));
            net.client
                .handle_connection_refused(connection, &answer, net.now);
            net.client
                .handle_connection_closed_with(connection, 1001, net.now);
        }
        assert_eq!(net.drain(), [""; 0]);
        assert_eq!(
            (net.client.transport(), net.client.is_closed()),
            (on, false)
        );
    }
}

#[test]
fn nothing_happens_before_open() {
    let mut net = Net::new(config());
    net.respond(0, 200, POLLING);
    net.connected(0);
    net.text(0, POLLING);
    net.advance(10_000);
    net.close();
    net.client.discard();
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn pings_and_messages_before_the_handshake_are_harmless_on_a_websocket() {
    let mut net = Net::opening(config().with_transports([Transport::WebSocket]));
    net.connected(0);
    net.text(0, "2");
    net.text(0, "5");
    net.text(0, "3probe");
    net.text(0, "4a");
    assert_eq!(net.drain(), ["text a"]);
    net.text(0, POLLING);
    assert_eq!(net.drain(), ["opened S"]);
}
