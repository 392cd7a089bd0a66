//! The client over WebTransport: opened there, moved there from polling, and beside a WebSocket that is tried too.

use core::time::Duration;

use engineio_proto::client::{Config, Remembered};
use engineio_proto::codec::DecodeError;
use engineio_proto::{Encoded, Transport};

use crate::support::{Net, POLLING, config};

const ALL: [Transport; 3] = [
    Transport::Polling,
    Transport::WebSocket,
    Transport::WebTransport,
];
const OFFER: &str = r#"0{"sid":"S","upgrades":["websocket","webtransport"],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;

/// A client on polling that is offered both, with the GET `r2` on its way and the WebTransport probe `c1` asked for.
fn offered(config: Config) -> Net {
    let mut net = Net::opening(config.with_transports(ALL));
    net.respond(0, 200, OFFER);
    assert_eq!(
        net.drain(),
        ["c1 connect webtransport", "r2 GET", "opened S"]
    );
    net
}

/// The same with both probes sent: the WebSocket is `c3`.
fn probing_both() -> Net {
    let mut net = offered(config());
    net.connected(1);
    assert_eq!(net.drain(), [r#"c1 > 0{"sid":"S"}"#, "c1 > 2probe"]);
    net.advance(200);
    net.connected(3);
    assert_eq!(net.drain(), ["c3 connect", "c3 > 2probe"]);
    net
}

fn direct() -> Net {
    let mut net = Net::opening(config().with_transports([Transport::WebTransport]));
    net.connected(0);
    net.text(0, POLLING);
    assert_eq!(net.drain(), ["c0 > 0", "opened S"]);
    net
}

#[test]
fn the_first_frame_asks_for_a_session() {
    let mut net = Net::opening(config().with_transports([Transport::WebTransport]));
    assert_eq!(net.url(0), "https://x.com/engine.io/");
    assert_eq!(net.requests[&0].method, "CONNECT");
    assert_eq!(net.client.transport(), Some(Transport::WebTransport));
    net.send("early").unwrap();
    assert_eq!(net.drain(), [""; 0]);
    net.connected(0);
    assert_eq!(net.drain(), ["c0 > 0"], "nothing else before the handshake");
    net.text(0, POLLING);
    assert_eq!(net.drain(), ["c0 > 4early", "opened S"]);
    net.text(0, "4hello");
    net.text(0, "2");
    net.client
        .send(&Encoded::binary(vec![1, 2].into()))
        .unwrap();
    assert_eq!(net.drain(), ["c0 > 3", "c0 > [1, 2]", "text hello", "ping"]);
    assert_eq!(net.client.remembered(), Remembered::Nothing);
}

#[test]
fn base64_is_not_forced_on_it() {
    let base64 = config().with_force_base64(true);
    let mut net = Net::opening(base64.with_transports([Transport::WebTransport]));
    net.connected(0);
    net.text(0, POLLING);
    net.drain();
    net.client.send(&Encoded::binary(vec![1].into())).unwrap();
    assert_eq!(net.drain(), ["c0 > [1]"]);
}

#[test]
fn what_is_offered_is_not_tried_once_on_webtransport() {
    let mut net =
        Net::opening(config().with_transports([Transport::WebTransport, Transport::WebSocket]));
    net.connected(0);
    net.text(0, OFFER);
    assert_eq!(net.drain(), ["c0 > 0", "opened S"]);
}

#[test]
fn closing_ends_the_stream_behind_what_was_sent() {
    let mut net = direct();
    net.send("last").unwrap();
    net.close();
    assert_eq!(
        net.drain(),
        ["c0 > 4last", "c0 close", "closed: forced close"]
    );
}

#[test]
fn a_stream_that_never_opened_carries_nothing_when_the_client_closes() {
    let mut net = Net::opening(config().with_transports([Transport::WebTransport]));
    net.send("early").unwrap();
    net.connected(0);
    net.close();
    assert_eq!(net.drain(), ["c0 close", "closed: forced close"]);
}

#[test]
fn an_end_of_the_stream_closes_and_a_failure_says_so() {
    let mut net = direct();
    net.disconnect(0);
    assert_eq!(
        net.drain(),
        ["closed: transport close: webtransport connection closed"]
    );
    let mut net = direct();
    net.connection_failed(0);
    assert_eq!(
        net.drain(),
        ["closed: transport error: webtransport error: status 0"]
    );
    let mut net = direct();
    net.bad_frame(0, DecodeError::Empty);
    assert_eq!(
        net.drain(),
        [
            "c0 close",
            "closed: transport error: server error: empty packet"
        ]
    );
}

#[test]
fn with_try_all_transports_the_next_one_is_opened() {
    let order = [
        Transport::WebTransport,
        Transport::WebSocket,
        Transport::Polling,
    ];
    let mut net = Net::opening(
        config()
            .with_try_all_transports(true)
            .with_transports(order),
    );
    net.connection_failed(0);
    assert_eq!(net.drain(), ["c1 connect"]);
    net.connection_failed(1);
    assert_eq!(net.drain(), ["r2 GET"]);
    net.respond(2, 200, POLLING);
    assert_eq!(net.drain(), ["r3 GET", "opened S"]);
}

#[test]
fn a_stream_that_brings_no_handshake_is_a_failed_transport() {
    let order = [Transport::WebTransport, Transport::Polling];
    let mut net = Net::opening(
        config()
            .with_try_all_transports(true)
            .with_transports(order),
    );
    net.connected(0);
    net.bad_frame(0, DecodeError::Utf8);
    assert_eq!(net.drain(), ["c0 close", "r1 GET"]);
}

#[test]
fn the_probe_names_the_session_first_and_the_session_moves_over() {
    let mut net = offered(config());
    assert_eq!(net.url(1), "https://x.com/engine.io/");
    net.connected(1);
    assert_eq!(net.drain(), [r#"c1 > 0{"sid":"S"}"#, "c1 > 2probe"]);
    net.text(1, "3probe");
    assert_eq!(net.drain(), ["upgrading to webtransport"]);
    net.send("waits").unwrap();
    net.respond(2, 200, "6");
    assert_eq!(
        net.drain(),
        ["c1 > 5", "c1 > 4waits", "upgraded to webtransport"]
    );
    assert_eq!(net.client.transport(), Some(Transport::WebTransport));
    assert_eq!(net.client.remembered(), Remembered::Nothing);
    net.advance(200);
    assert_eq!(net.drain(), [""; 0], "the websocket is not opened any more");
}

#[test]
fn the_websocket_is_opened_200_ms_later() {
    let mut net = offered(config());
    net.advance(199);
    assert_eq!((net.drain(), net.due_in()), (vec![], Some(1)));
    net.advance(1);
    assert_eq!(net.drain(), ["c3 connect"]);
}

#[test]
fn without_webtransport_among_the_candidates_the_websocket_does_not_wait() {
    let mut net = Net::opening(config());
    net.respond(0, 200, OFFER);
    assert_eq!(net.drain(), ["c1 connect", "r2 GET", "opened S"]);
}

#[test]
fn the_first_to_answer_wins_and_the_other_is_closed() {
    let mut net = probing_both();
    net.text(3, "3probe");
    assert_eq!(net.drain(), ["c1 close", "upgrading to websocket"]);
    assert_eq!(net.client.remembered(), Remembered::WebSocket);
    net.text(1, "3probe");
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["c3 > 5", "upgraded to websocket"]);

    let mut net = probing_both();
    net.text(1, "3probe");
    assert_eq!(net.drain(), ["c3 close", "upgrading to webtransport"]);
    net.text(3, "3probe");
    net.disconnect(3);
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["c1 > 5", "upgraded to webtransport"]);
}

#[test]
fn a_candidate_that_fails_leaves_the_others() {
    let mut net = offered(config());
    net.connection_failed(1);
    assert_eq!(
        net.drain(),
        ["upgrade to webtransport failed: probe error: webtransport error"]
    );
    net.advance(200);
    assert_eq!(net.drain(), ["c3 connect"]);
    net.connected(3);
    net.text(3, "3probe");
    net.respond(2, 200, "6");
    assert_eq!(
        net.drain(),
        ["c3 > 5", "upgrading to websocket", "upgraded to websocket"]
    );

    let mut net = probing_both();
    net.text(3, "wrong");
    assert_eq!(
        net.drain(),
        ["c3 close", "upgrade to websocket failed: probe error"]
    );
    net.bad_frame(1, DecodeError::Empty);
    assert_eq!(
        net.drain(),
        ["c1 close", "upgrade to webtransport failed: probe error"]
    );
    net.respond(2, 200, "4a");
    assert_eq!(net.drain(), ["r4 GET", "text a"]);
}

#[test]
fn one_that_fails_while_polling_rests_for_it_lets_polling_go_on() {
    let mut net = probing_both();
    net.text(1, "3probe");
    net.respond(2, 200, "6");
    net.stalled = true;
    net.disconnect(1);
    assert_eq!(
        net.drain()[..2],
        ["c3 close", "upgrading to webtransport"].map(String::from)
    );
}

#[test]
fn one_that_breaks_the_rules_while_polling_rests_for_it_lets_polling_go_on() {
    let mut net = offered(config());
    net.connected(1);
    net.send("a").unwrap();
    net.text(1, "3probe");
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["r3 POST 4a", "upgrading to webtransport"]);
    net.bad_frame(1, DecodeError::Empty);
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "r4 GET",
            "upgrade to webtransport failed: probe error"
        ]
    );
}

#[test]
fn each_candidate_has_a_limit_of_its_own_if_one_is_set() {
    let mut net = offered(config().with_probe_timeout(Duration::from_millis(250)));
    net.advance(200);
    assert_eq!(net.drain(), ["c3 connect"]);
    net.advance(50);
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "upgrade to webtransport failed: probe error: timeout"
        ]
    );
    net.text(0, "");
    net.advance(199);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1);
    assert_eq!(
        net.drain(),
        [
            "c3 close",
            "upgrade to websocket failed: probe error: timeout"
        ]
    );
}

#[test]
fn a_session_that_ends_gives_all_candidates_up() {
    let mut net = offered(config());
    net.close();
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "r3 POST 1",
            "upgrade to websocket failed: probe error: socket closed",
            "upgrade to webtransport failed: probe error: socket closed",
            "closed: forced close"
        ]
    );
    assert_eq!(net.due_in(), None);
}
