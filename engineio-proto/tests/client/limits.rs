//! Limits on the data that a server, or a slow reader, can make a client hold.

use engineio_proto::{Counted, SendError};

use crate::support::{Net, config};

#[test]
fn a_send_beyond_the_limit_is_refused_and_drained_follows() {
    let mut net = Net::polling(config().with_max_buffered(10, 3));
    net.send("on its way").unwrap();
    net.send("123456").unwrap();
    net.send("7890").unwrap();
    let full = SendError::Full {
        counted: Counted::Bytes,
        buffered: 10,
        limit: 10,
    };
    assert_eq!(net.send("x"), Err(full));
    let buffered = net.client.buffered();
    assert_eq!((buffered.messages, buffered.bytes), (2, 10));
    assert_eq!(net.drain(), ["r2 POST 4on its way"]);
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r3 POST 4123456|47890", "drained"]);
    net.send("x").unwrap();
}

#[test]
fn a_response_or_frame_beyond_the_limit_ends_the_connection() {
    let mut net = Net::polling(config().with_max_payload(100));
    net.respond(1, 200, format!("4{}", "a".repeat(99)));
    assert_eq!(net.drain().len(), 2);
    net.respond(2, 200, format!("4{}", "a".repeat(100)));
    assert_eq!(
        net.drain(),
        [
            "r3 POST 1",
            "closed: transport error: max payload size exceeded"
        ]
    );

    let mut net = Net::websocket(config().with_max_payload(100));
    net.text(0, &format!("4{}", "a".repeat(99)));
    assert_eq!(net.drain().len(), 1);
    net.text(0, &format!("4{}", "a".repeat(100)));
    assert_eq!(
        net.drain(),
        [
            "c0 close",
            "closed: transport error: max payload size exceeded"
        ]
    );
}

#[test]
fn more_packets_than_allowed_in_a_response_end_the_connection() {
    let mut net = Net::polling(config().with_max_packets_per_payload(2));
    net.respond(1, 200, "6\x1e6");
    assert_eq!(net.drain(), ["r2 GET"]);
    net.respond(2, 200, "6\x1e6\x1e6");
    assert_eq!(
        net.drain(),
        [
            "r3 POST 1",
            "closed: transport error: server error: more than 2 packets in one payload"
        ]
    );
}

#[test]
fn packets_per_post_can_be_limited() {
    let mut net = Net::polling(config().with_max_packets_per_post(2));
    for text in ["a", "b", "c", "d"] {
        net.send(text).unwrap();
    }
    net.respond(2, 200, "ok");
    net.respond(3, 200, "ok");
    assert_eq!(net.drain(), ["r2 POST 4a", "r3 POST 4b|4c", "r4 POST 4d"]);
}

#[test]
fn a_driver_that_reads_on_loses_the_connection() {
    let limited = config()
        .with_max_undelivered(1_000, 3)
        .with_max_packets_per_payload(1);
    let mut net = Net::websocket(limited);
    for text in ["4a", "4b", "2"] {
        assert!(net.client.wants_read());
        net.text(0, text);
    }
    assert!(!net.client.wants_read());
    net.text(0, "4c");
    net.text(0, "4d");
    net.text(0, "4e");
    assert_eq!(
        net.drain(),
        [
            "c0 > 3",
            "c0 close",
            "text a",
            "text b",
            "ping",
            "text c",
            "closed: transport error: too many undelivered messages"
        ]
    );
    assert!(net.client.wants_read());
}

#[test]
fn pings_that_nobody_reads_take_no_memory_without_end() {
    let limited = config().with_max_undelivered(1_000, 3);
    let mut net = Net::websocket(limited.with_max_packets_per_payload(10));
    for _ in 0..1_000 {
        net.text(0, "2");
    }
    assert!(net.client.is_closed());
    assert_eq!(net.drain().len(), 1 + 1 + 13 + 1);
}
