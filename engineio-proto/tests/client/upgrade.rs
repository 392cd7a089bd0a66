//! The move from polling to a WebSocket.

use core::time::Duration;

use engineio_proto::ConnectionId;
use engineio_proto::Transport;
use engineio_proto::http::Answer;

use crate::support::{Net, UPGRADABLE, config};

#[test]
fn the_session_moves_over_once_the_get_is_answered() {
    let mut net = Net::probing(config());
    assert_eq!(
        net.url(1),
        "ws://x.com/engine.io/?EIO=4&transport=websocket&sid=S"
    );
    net.text(1, "3probe");
    assert!(net.client.is_upgrading());
    assert_eq!(net.drain(), ["upgrading to websocket"]);
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["c1 > 5", "upgraded to websocket"]);
    net.text(1, "4hello");
    net.send("hi").unwrap();
    assert_eq!(net.drain(), ["c1 > 4hi", "text hello"]);
    assert_eq!(net.client.transport(), Some(Transport::WebSocket));
}

#[test]
fn get_and_post_are_over_before_the_upgrade_and_order_holds() {
    let mut net = Net::probing(config());
    net.send("A").unwrap();
    assert_eq!(net.drain(), ["r3 POST 4A"]);
    net.text(1, "3probe");
    net.send("B").unwrap();
    assert!(!net.volatile("no"));
    net.respond(2, 200, "4late\x1e2");
    assert_eq!(net.drain(), ["upgrading to websocket", "text late", "ping"]);
    net.send("C").unwrap();
    net.respond(3, 200, "ok");
    assert_eq!(
        net.drain(),
        [
            "c1 > 5",
            "c1 > 3",
            "c1 > 4B",
            "c1 > 4C",
            "upgraded to websocket"
        ]
    );
}

#[test]
fn the_post_may_be_answered_before_the_get() {
    let mut net = Net::probing(config());
    net.send("A").unwrap();
    net.text(1, "3probe");
    net.respond(3, 200, "ok");
    net.send("B").unwrap();
    assert_eq!(net.drain(), ["r3 POST 4A", "upgrading to websocket"]);
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["c1 > 5", "c1 > 4B", "upgraded to websocket"]);
}

#[test]
fn a_probe_that_fails_leaves_the_session_on_polling() {
    let mut net = Net::probing(config());
    net.connection_failed(1);
    assert_eq!(
        net.drain(),
        ["upgrade to websocket failed: probe error: websocket error"]
    );
    let mut net = Net::probing(config());
    net.disconnect(1);
    assert_eq!(
        net.drain(),
        ["upgrade to websocket failed: probe error: transport closed"]
    );
    let mut net = Net::probing(config());
    net.client
        .handle_connection_refused(ConnectionId(1), &Answer::new(400, "no"), net.now);
    assert_eq!(
        net.drain(),
        ["upgrade to websocket failed: probe error: websocket error"]
    );
    net.respond(2, 200, "4a");
    assert_eq!(net.drain(), ["r3 GET", "text a"]);
}

#[test]
fn a_wrong_answer_closes_the_probe() {
    for wrong in ["3", "3prob", "4a", "", "1", "6"] {
        let mut net = Net::probing(config());
        net.text(1, wrong);
        assert_eq!(
            net.drain(),
            ["c1 close", "upgrade to websocket failed: probe error"]
        );
        net.text(1, "3probe");
        assert_eq!(net.drain(), [""; 0]);
    }
}

#[test]
fn a_probe_that_fails_while_polling_rests_lets_it_go_on() {
    let mut net = Net::probing(config());
    net.send("A").unwrap();
    net.drain();
    net.text(1, "3probe");
    net.respond(2, 200, "6");
    net.send("B").unwrap();
    assert_eq!(net.drain(), ["upgrading to websocket"]);
    net.disconnect(1);
    assert_eq!(
        net.drain(),
        [
            "r4 GET",
            "upgrade to websocket failed: probe error: transport closed"
        ]
    );
    net.respond(3, 200, "ok");
    assert_eq!(net.drain(), ["r5 POST 4B"]);
}

#[test]
fn a_probe_has_a_limit_if_one_is_set() {
    let mut net = Net::probing(config().with_probe_timeout(Duration::from_millis(100)));
    net.advance(99);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1);
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "upgrade to websocket failed: probe error: timeout"
        ]
    );

    let mut net = Net::probing(config().with_probe_timeout(Duration::from_millis(100)));
    net.text(1, "3probe");
    net.send("a").unwrap();
    net.advance(100);
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "r3 POST 4a",
            "upgrading to websocket",
            "upgrade to websocket failed: probe error: timeout"
        ]
    );
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["r4 GET"]);
}

#[test]
fn a_session_that_ends_while_upgrading_says_so_first() {
    let mut net = Net::probing(config());
    net.text(1, "3probe");
    net.respond(2, 200, "1");
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "upgrading to websocket",
            "upgrade to websocket failed: probe error: socket closed",
            "closed: transport close: transport closed by the server"
        ]
    );
}

#[test]
fn no_upgrade_unless_offered_known_and_wanted() {
    let only = config().with_transports([Transport::Polling]);
    for config in [config().with_upgrade(false), only] {
        let mut net = Net::opening(config);
        net.respond(0, 200, UPGRADABLE);
        assert_eq!(net.drain(), ["r1 GET", "opened S"]);
    }
    let mut net = Net::opening(config());
    net.respond(0, 200, UPGRADABLE.replace("websocket", "webtransport"));
    assert_eq!(net.drain(), ["r1 GET", "opened S"]);
    let websocket_first = [Transport::WebSocket, Transport::Polling];
    let mut net = Net::opening(config().with_transports(websocket_first));
    net.connected(0);
    net.text(0, UPGRADABLE);
    assert_eq!(net.drain(), ["opened S"], "a WebSocket is not upgraded");
}

#[test]
fn many_offers_of_the_same_transport_make_one_probe() {
    let mut net = Net::opening(config());
    let offers = vec![r#""websocket""#; 1000].join(",");
    net.respond(0, 200, UPGRADABLE.replace(r#""websocket""#, &offers));
    assert_eq!(net.drain(), ["c1 connect", "r2 GET", "opened S"]);
}
