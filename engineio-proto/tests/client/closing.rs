//! The ends of a connection that the client, or nobody, is to blame for.

use engineio_proto::SendError;

use crate::support::{Net, POLLING, config};

#[test]
fn close_on_polling_posts_a_close_packet_and_leaves_the_get() {
    let mut net = Net::polling(config());
    net.close();
    assert_eq!(net.drain(), ["r2 POST 1", "closed: forced close"]);
    assert!(net.client.is_closed());
    net.respond(1, 200, "6");
    net.respond(2, 200, "ok");
    net.close();
    assert_eq!((net.drain(), net.due_in()), (vec![], None));
    assert_eq!(net.send("late"), Err(SendError::Closed));
}

#[test]
fn the_poll_is_given_up_once_the_server_has_the_close_packet() {
    let mut net = Net::polling(config());
    net.close();
    net.drain();
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r1 abort"]);
    net.respond(1, 200, "6");
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), [""; 0]);

    let mut net = Net::polling(config());
    net.send("a").unwrap();
    net.client.discard();
    net.drain();
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r3 POST 1"]);
    net.fail(3);
    assert_eq!(net.drain(), ["r1 abort"]);
}

#[test]
fn a_poll_that_was_answered_is_not_given_up() {
    let mut net = Net::polling(config());
    net.send("a").unwrap();
    net.client.discard();
    net.drain();
    net.respond(1, 200, "6");
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r3 POST 1"]);
    net.respond(3, 200, "ok");
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn close_waits_until_what_was_sent_has_left() {
    let mut net = Net::polling(config());
    net.send("a").unwrap();
    net.send("b").unwrap();
    net.close();
    assert_eq!(net.send("c"), Err(SendError::Closed));
    assert_eq!(net.drain(), ["r2 POST 4a"]);
    net.respond(1, 200, "4still");
    assert_eq!(net.drain(), ["r3 GET", "text still"]);
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r4 POST 4b"]);
    net.respond(4, 200, "ok");
    assert_eq!(net.drain(), ["r5 POST 1", "closed: forced close"]);
}

#[test]
fn close_does_not_wait_for_a_server_that_is_gone() {
    let mut net = Net::polling(config());
    net.send("a").unwrap();
    net.close();
    net.drain();
    net.advance(500);
    assert_eq!(
        net.drain(),
        ["r1 abort", "r2 abort", "r3 POST 1", "closed: ping timeout"]
    );
}

#[test]
fn close_while_opening_tells_the_server_once_it_has_answered() {
    let mut net = Net::opening(config());
    net.close();
    assert_eq!(net.drain(), ["closed: forced close"]);
    net.respond(0, 200, POLLING);
    assert_eq!(net.drain(), ["r1 POST 1"]);
    assert!(net.url(1).ends_with("&sid=S"));
    assert_eq!(net.due_in(), None);
}

#[test]
fn close_while_opening_has_nobody_to_tell_if_the_handshake_fails() {
    for (status, body) in [(400, "no"), (200, "0{}"), (200, "x"), (200, "6")] {
        let mut net = Net::opening(config());
        net.close();
        net.drain();
        net.respond(0, status, body);
        assert_eq!(net.drain(), [""; 0], "{body}");
    }
    let mut net = Net::opening(config());
    net.close();
    net.drain();
    net.fail(0);
    net.respond(0, 200, POLLING);
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn close_while_opening_a_websocket_gives_it_up() {
    let websocket = [engineio_proto::Transport::WebSocket];
    let mut net = Net::opening(config().with_transports(websocket));
    net.close();
    assert_eq!(net.drain(), ["c0 close", "closed: forced close"]);
    net.connected(0);
    net.text(0, POLLING);
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn close_while_probing_gives_the_probe_up() {
    let mut net = Net::probing(config());
    net.close();
    assert_eq!(
        net.drain(),
        [
            "c1 close",
            "r3 POST 1",
            "upgrade to websocket failed: probe error: socket closed",
            "closed: forced close"
        ]
    );
}

#[test]
fn close_while_upgrading_is_deferred_and_sends_what_waits() {
    let mut net = Net::probing(config());
    net.text(1, "3probe");
    net.send("a").unwrap();
    net.close();
    assert_eq!(net.send("b"), Err(SendError::Closed));
    assert_eq!(net.drain(), ["upgrading to websocket"]);
    net.respond(2, 200, "6");
    assert_eq!(
        net.drain(),
        [
            "c1 > 5",
            "c1 > 4a",
            "c1 close",
            "upgraded to websocket",
            "closed: forced close"
        ]
    );
}

#[test]
fn close_deferred_by_an_upgrade_that_fails_happens_on_polling() {
    let mut net = Net::probing(config());
    net.text(1, "3probe");
    net.close();
    net.disconnect(1);
    assert_eq!(
        net.drain(),
        [
            "r3 POST 1",
            "upgrading to websocket",
            "upgrade to websocket failed: probe error: transport closed",
            "closed: forced close"
        ]
    );
}

#[test]
fn close_on_a_websocket_waits_for_its_pipe_and_sends_no_close_packet() {
    let mut net = Net::websocket(config());
    net.stalled = true;
    net.send("a").unwrap();
    net.close();
    assert_eq!(net.drain(), ["c0 frames"]);
    net.stalled = false;
    let frame = net.client.poll_frame(engineio_proto::ConnectionId(0));
    assert!(frame.is_some());
    assert_eq!(net.drain(), ["c0 close", "closed: forced close"]);
}

#[test]
fn discard_ends_at_once_and_the_close_packet_does_not_overlap_a_post() {
    let mut net = Net::polling(config());
    net.send("a").unwrap();
    net.send("b").unwrap();
    net.client.discard();
    assert_eq!(net.drain(), ["r2 POST 4a", "closed: forced close"]);
    let unsent: Vec<_> = net
        .client
        .take_unsent()
        .map(|message| message.polling_packet())
        .collect();
    assert_eq!(unsent, ["4b"]);
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r3 POST 1"]);
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn a_close_packet_ends_polling_and_nothing_behind_it_counts() {
    let mut net = Net::polling(config());
    net.respond(1, 200, "4a\x1e1\x1e4b");
    assert_eq!(
        net.drain(),
        [
            "text a",
            "closed: transport close: transport closed by the server"
        ]
    );
}

#[test]
fn a_close_packet_ends_a_websocket_too() {
    let mut net = Net::websocket(config());
    net.text(0, "1");
    assert_eq!(
        net.drain(),
        [
            "c0 close",
            "closed: transport close: transport closed by the server"
        ]
    );
}

#[test]
fn losing_the_network_ends_the_connection_unless_it_is_local() {
    let mut net = Net::polling(config());
    net.client.handle_offline(net.now);
    assert_eq!(
        net.drain(),
        [
            "r1 abort",
            "closed: transport close: network connection lost"
        ]
    );
    let local = engineio_proto::client::Endpoint::parse("localhost").unwrap();
    let mut net = Net::polling(config().with_endpoint(local));
    net.client.handle_offline(net.now);
    assert_eq!(net.drain(), [""; 0]);
}
