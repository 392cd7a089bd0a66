//! The WebSocket transport.

use engineio_proto::Transport;
use engineio_proto::http::Answer;
use engineio_proto::{Bytes, ConnectionId, Encoded, Frame};

use crate::support::{Net, config};

#[test]
fn messages_both_ways() {
    let mut net = Net::websocket(config());
    net.send("a").unwrap();
    let binary = Encoded::binary(Bytes::from_static(&[1, 2]));
    net.client.send(&binary).unwrap();
    assert_eq!(net.drain(), ["c0 > 4a", "c0 > [1, 2]"]);
    net.text(0, "4b");
    let frame = Frame::Binary(Bytes::from_static(&[3]));
    net.client.handle_frame(ConnectionId(0), frame, net.now);
    net.text(0, "bAQID");
    assert_eq!(net.drain(), ["text b", "binary [3]", "binary [1, 2, 3]"]);
}

#[test]
fn a_ping_is_answered() {
    let mut net = Net::websocket(config());
    net.text(0, "2");
    assert_eq!(net.drain(), ["c0 > 3", "ping"]);
}

#[test]
fn a_close_comes_with_its_code() {
    let mut net = Net::websocket(config());
    net.client
        .handle_connection_closed_with(ConnectionId(0), 1009, net.now);
    assert_eq!(
        net.drain(),
        ["closed: transport close: websocket connection closed"]
    );
    assert_eq!(net.due_in(), None);
}

#[test]
fn a_refusal_comes_with_status_and_body() {
    let websocket = [Transport::WebSocket];
    let mut net = Net::opening(config().with_transports(websocket));
    let answer = Answer::new(400, r#"{"code":1,"message":"Session ID unknown"}"#);
    net.client
        .handle_connection_refused(ConnectionId(0), &answer, net.now);
    assert_eq!(
        net.drain(),
        ["closed: transport error: websocket error: status 400"]
    );
}

#[test]
fn a_failure_ends_the_connection() {
    let mut net = Net::websocket(config());
    net.connection_failed(0);
    assert_eq!(
        net.drain(),
        ["closed: transport error: websocket error: status 0"]
    );
}

#[test]
fn a_connection_that_closes_before_it_opened_has_failed() {
    let mut net = Net::opening(config().with_transports([Transport::WebSocket]));
    net.disconnect(0);
    assert_eq!(
        net.drain(),
        ["closed: transport error: websocket error: status 0"]
    );
}

#[test]
fn base64_can_be_forced() {
    let mut net = Net::websocket(config().with_force_base64(true));
    assert!(net.url(0).ends_with("&transport=websocket&b64=1"));
    let binary = Encoded::binary(Bytes::from_static(&[1, 2, 3]));
    net.client.send(&binary).unwrap();
    assert_eq!(net.drain(), ["c0 > bAQID"]);
}

#[test]
fn subprotocols_headers_and_timestamps_are_sent_when_asked_for() {
    let extra = vec![("x-y".to_owned(), "z".to_owned())];
    let config = config()
        .with_protocols(vec!["a".into(), "b".into()])
        .with_extra_headers(extra)
        .with_timestamp_requests(true)
        .with_timestamp_param("ts");
    let net = Net::websocket(config);
    assert_eq!(net.header(0, "Sec-WebSocket-Protocol"), Some("a, b"));
    assert_eq!(net.header(0, "x-y"), Some("z"));
    assert!(net.url(0).contains("&transport=websocket&ts="));
}

#[test]
fn what_is_volatile_goes_only_into_an_empty_pipe() {
    let mut net = Net::websocket(config());
    net.stalled = true;
    assert!(net.volatile("a"));
    assert!(!net.volatile("b"));
    net.stalled = false;
    assert_eq!(net.drain(), ["c0 > 4a"]);
    assert!(net.volatile("c"));
}

#[test]
fn a_closed_connection_is_on_no_transport_although_its_last_frames_may_be_taken() {
    let mut net = Net::websocket(config());
    assert_eq!(net.client.transport(), Some(Transport::WebSocket));
    net.send("a").unwrap();
    net.client.discard();
    assert_eq!((net.client.transport(), net.client.sid()), (None, None));
    let drained = net.drain();
    assert_eq!(drained, ["c0 > 4a", "c0 close", "closed: forced close"]);
    assert_eq!(net.client.transport(), None);
}
