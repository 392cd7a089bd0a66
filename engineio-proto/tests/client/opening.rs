//! From `open` to the handshake.

use core::time::Duration;

use engineio_proto::Transport;
use engineio_proto::client::{Config, Endpoint, Remembered, TransportOptions};

use crate::support::{Net, POLLING, config};

const WEBSOCKET_FIRST: [Transport; 2] = [Transport::WebSocket, Transport::Polling];

#[test]
fn polling_opens_with_a_get_and_polls_on() {
    let mut net = Net::opening(config());
    assert_eq!(
        net.url(0),
        "http://x.com/engine.io/?EIO=4&transport=polling"
    );
    assert_eq!(net.requests[&0].headers, [("Accept".into(), "*/*".into())]);
    net.respond(0, 200, POLLING);
    assert_eq!(net.drain(), ["r1 GET", "opened S"]);
    assert_eq!(
        net.url(1),
        "http://x.com/engine.io/?EIO=4&transport=polling&sid=S"
    );
    assert_eq!(net.client.sid().map(|sid| &**sid), Some("S"));
    assert_eq!(net.client.transport(), Some(Transport::Polling));
}

#[test]
fn every_polling_request_has_another_timestamp() {
    let endpoint = Endpoint::parse("http://x.com").unwrap();
    let mut net = Net::opening(Config::new(endpoint).with_upgrade(false));
    net.respond(0, 200, POLLING);
    net.drain();
    let stamp = |url: &str| {
        let (_, rest) = url.split_once("&t=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    assert_eq!(stamp(net.url(0)).len(), 8);
    assert_ne!(stamp(net.url(0)), stamp(net.url(1)));
    assert!(
        net.url(1).ends_with("&sid=S"),
        "the session id comes behind"
    );
}

#[test]
fn a_websocket_opens_with_its_handshake_packet() {
    let mut net = Net::opening(config().with_transports(WEBSOCKET_FIRST));
    assert_eq!(
        net.url(0),
        "ws://x.com/engine.io/?EIO=4&transport=websocket"
    );
    net.send("early").unwrap();
    net.connected(0);
    assert_eq!(net.drain(), [""; 0], "nothing goes before the handshake");
    net.text(0, POLLING);
    assert_eq!(net.drain(), ["c0 > 4early", "opened S"]);
}

#[test]
fn what_is_sent_while_opening_is_posted_at_the_handshake() {
    let mut net = Net::opening(config());
    net.send("a").unwrap();
    net.send("b").unwrap();
    assert!(!net.volatile("c"));
    assert_eq!(net.drain(), [""; 0]);
    net.respond(0, 200, POLLING);
    assert_eq!(net.drain(), ["r1 POST 4a|4b", "r2 GET", "opened S"]);
}

#[test]
fn packets_before_the_handshake_in_its_payload_are_delivered_before_it() {
    let mut net = Net::opening(config());
    net.respond(0, 200, format!("4a\x1e{POLLING}\x1e4b"));
    assert_eq!(net.drain(), ["r1 GET", "text a", "opened S", "text b"]);
}

#[test]
fn a_failed_transport_ends_the_attempt() {
    let mut net = Net::opening(config());
    net.fail(0);
    assert_eq!(
        net.drain(),
        ["closed: transport error: xhr poll error: status 0"]
    );
    let mut net = Net::opening(config().with_transports(WEBSOCKET_FIRST));
    net.connection_failed(0);
    assert_eq!(
        net.drain(),
        ["closed: transport error: websocket error: status 0"]
    );
}

#[test]
fn with_try_all_transports_the_next_one_is_opened() {
    let mut net = Net::opening(config().with_try_all_transports(true));
    net.respond(0, 400, "no");
    assert_eq!(net.drain(), ["c1 connect"]);
    net.connected(1);
    net.text(1, POLLING);
    assert_eq!(net.drain(), ["opened S"]);

    let all = config().with_try_all_transports(true);
    let mut net = Net::opening(all.with_transports(WEBSOCKET_FIRST));
    net.connection_failed(0);
    assert_eq!(net.drain(), ["r1 GET"]);
    net.respond(1, 200, POLLING);
    assert_eq!(net.drain(), ["r2 GET", "opened S"]);
}

#[test]
fn only_the_error_of_the_last_transport_is_reported() {
    let mut net = Net::opening(config().with_try_all_transports(true));
    net.fail(0);
    assert_eq!(net.drain(), ["c1 connect"]);
    net.connection_failed(1);
    assert_eq!(
        net.drain(),
        ["closed: transport error: websocket error: status 0"]
    );
    assert_eq!(net.due_in(), None);
}

#[test]
fn the_failed_transport_is_dropped_even_if_it_is_not_the_first() {
    let remember = config().with_remember_upgrade(true);
    let mut net = Net::new(remember.with_try_all_transports(true));
    net.client.set_remembered(Remembered::WebSocket);
    net.open();
    assert_eq!(net.drain(), ["c0 connect"]);
    net.connection_failed(0);
    assert_eq!(net.drain(), ["r1 GET"]);
}

#[test]
fn the_websocket_is_remembered_until_something_fails() {
    let mut net = Net::probing(config().with_remember_upgrade(true));
    assert_eq!(net.client.remembered(), Remembered::Nothing);
    net.text(1, "3probe");
    assert_eq!(net.client.remembered(), Remembered::WebSocket);
    net.respond(2, 200, "6");
    net.drain();
    net.disconnect(1);
    net.drain();
    net.open();
    assert_eq!(net.drain(), ["c3 connect"]);
    net.connection_failed(3);
    assert_eq!(net.client.remembered(), Remembered::Nothing);
    net.drain();
    net.open();
    assert_eq!(net.drain(), ["r4 GET"]);
}

#[test]
fn the_websocket_is_not_remembered_unless_asked_for() {
    let mut net = Net::websocket(config());
    assert_eq!(net.client.remembered(), Remembered::WebSocket);
    net.disconnect(0);
    let mut net = Net::new(config());
    net.client.set_remembered(Remembered::WebSocket);
    net.open();
    assert_eq!(net.drain(), ["r0 GET"]);
}

#[test]
fn opening_has_a_limit_if_one_is_set() {
    let timeout = Duration::from_millis(50);
    let mut net = Net::opening(config().with_open_timeout(timeout));
    net.advance(49);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1);
    assert_eq!(
        net.drain(),
        ["r0 abort", "closed: transport error: timeout"]
    );
    assert_eq!(net.due_in(), None);

    let mut net = Net::opening(config().with_open_timeout(timeout));
    net.respond(0, 200, POLLING);
    net.drain();
    assert_eq!(net.due_in(), Some(500), "the limit ends with the handshake");
}

#[test]
fn a_closed_client_can_be_opened_again_and_ids_go_on() {
    let mut net = Net::polling(config());
    net.fail(1);
    assert_eq!(
        net.drain(),
        [
            "r2 POST 1",
            "closed: transport error: xhr poll error: status 0"
        ]
    );
    net.open();
    net.open();
    assert_eq!(net.drain(), ["r3 GET"]);
    net.respond(1, 200, "4late");
    net.respond(3, 200, POLLING);
    assert_eq!(net.drain(), ["r4 GET", "opened S"]);
}

#[test]
fn query_and_headers_can_be_replaced_for_the_next_attempt() {
    let header = |value: &str| vec![("authorization".to_owned(), value.to_owned())];
    let query = |value: &str| vec![("token".to_owned(), value.to_owned())];
    let mut net = Net::opening(
        config()
            .with_extra_headers(header("a"))
            .with_query(query("a")),
    );
    assert_eq!(net.header(0, "authorization"), Some("a"));
    net.client.set_extra_headers(header("b")).unwrap();
    net.client.set_query(query("b c")).unwrap();
    assert!(net.client.set_extra_headers(header("\n")).is_err());
    net.fail(0);
    net.drain();
    net.open();
    net.drain();
    assert_eq!(net.header(1, "authorization"), Some("b"));
    assert_eq!(
        net.url(1),
        "http://x.com/engine.io/?token=b%20c&EIO=4&transport=polling"
    );
}

#[test]
fn what_a_connection_does_after_its_end_is_not_remembered() {
    let mut net = Net::websocket(config());
    net.send("not taken yet").unwrap();
    net.text(0, "1");
    net.connection_failed(0);
    assert_eq!(net.client.remembered(), Remembered::WebSocket);
    assert_eq!(
        net.drain().last().map(String::as_str),
        Some("closed: transport close: transport closed by the server")
    );
}

#[test]
fn what_one_transport_is_told_differently_holds_for_it_alone() {
    let headers = |value: &str| vec![("x-who".to_owned(), value.to_owned())];
    let polling = TransportOptions::default()
        .with_extra_headers(headers("polling"))
        .with_request_timeout(Duration::from_millis(100));
    let websocket = TransportOptions::default()
        .with_protocols(vec!["p".to_owned()])
        .with_force_base64(true);
    let config = config()
        .with_extra_headers(headers("all"))
        .with_transport_options(Transport::Polling, polling)
        .with_transport_options(Transport::WebSocket, websocket);
    let mut net = Net::probing(config);
    assert_eq!(net.header(0, "x-who"), Some("polling"));
    assert_eq!(net.header(0, "Sec-WebSocket-Protocol"), None);
    assert_eq!(net.header(1, "x-who"), Some("all"));
    assert_eq!(net.header(1, "Sec-WebSocket-Protocol"), Some("p"));
    assert!(net.url(1).ends_with("&sid=S&b64=1"));
    net.advance(100);
    assert_eq!(
        net.drain(),
        [
            "r2 abort",
            "c1 close",
            "r3 POST 1",
            "upgrade to websocket failed: probe error: socket closed",
            "closed: transport error: xhr poll error: status 0"
        ]
    );
}
