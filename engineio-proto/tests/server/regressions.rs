//! Faults that other implementations shipped, each named for what must not happen here.

use core::time::Duration;

use engineio_proto::collections::Slab;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Output, SentMany, Server, ServerEvent};
use engineio_proto::{Bytes, Encoded, Instant, Message, RequestId, Seed};

use crate::support::both;

#[test]
fn a_session_whose_upgrade_never_finishes_does_not_live_for_ever() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 accept", "c0 < 3probe"]);
        net.advance(9_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(
            net.drain(),
            ["c0 close"],
            "the upgrade has its own deadline"
        );
        net.advance(34_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["s0 closed: ping timeout"]);
        assert_eq!(net.driver.session_count(), 0);
    });
    let config = Config::default().with_upgrade_timeout(Duration::from_secs(1_000));
    both(config, |net| {
        let session = net.open_polling();
        net.probe(session);
        net.advance(45_000);
        assert_eq!(
            net.drain(),
            ["c0 accept", "c0 close", "s0 closed: ping timeout"],
            "the heartbeat runs during the upgrade"
        );
    });
}

#[test]
fn polls_during_an_upgrade_neither_stall_nor_loop() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        net.poll(session);
        assert_eq!(net.drain(), ["c0 accept"], "held as usual before the probe");
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["r1 200 6", "c0 < 3probe"]);
        for request in 2..10 {
            net.poll(session);
            assert_eq!(net.drain(), [format!("r{request} 200 6")]);
        }
        net.text(connection, "5");
        assert_eq!(net.drain(), ["s0 upgraded to websocket"]);
    });
}

#[test]
fn there_is_one_first_ping_and_no_burst_after_a_stall() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.jump(10 * 25_000);
        for _ in 0..5 {
            net.jump(0);
        }
        assert_eq!(net.drain(), ["c0 < 2"]);
        assert!(net.session(session).is_open());
        net.text(connection, "3");
        net.text(connection, "3");
        net.text(connection, "3");
        net.advance(25_000);
        assert_eq!(net.drain(), ["c0 < 2"], "more pongs start no more timers");
    });
}

#[test]
fn packets_for_a_poll_that_waits_are_separated() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.send(session, "a").unwrap();
        net.send_binary(session, b"4").unwrap();
        net.send(session, "b").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a"]);
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 bNA==|4b"]);
    });
}

#[test]
fn the_size_of_a_payload_is_counted_anew_for_each_packet() {
    let limit = 64;
    both(Config::default().with_max_payload(limit), |net| {
        let session = net.open_polling();
        let texts: Vec<_> = (1..40).map(|length| "x".repeat(length)).collect();
        for text in &texts {
            net.send(session, text).unwrap();
        }
        net.send(session, &"y".repeat(500)).unwrap();
        let mut arrived = Vec::new();
        while net.session(session).buffered().messages > 0 {
            let request = net.poll(session);
            let [answer] = net.drain().try_into().expect("an answer");
            let body = answer.strip_prefix(&format!("r{request} 200 ")).unwrap();
            let packets: Vec<_> = body
                .split('|')
                .map(|packet| packet[1..].to_owned())
                .collect();
            assert!(body.len() <= limit || packets.len() == 1);
            arrived.extend(packets);
        }
        assert_eq!(
            arrived.pop().unwrap().len(),
            500,
            "a larger one makes progress"
        );
        assert_eq!(arrived, texts);
    });
}

#[test]
fn binary_whose_base64_starts_with_a_digit_stays_binary() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let data = [0xe3, 0x5e, 0x38];
        net.send_binary(session, &data).unwrap();
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 b4144"]);
        net.post(session, "b4144");
        assert_eq!(net.drain(), ["r2 200 ok", "s0 binary b\"\\xe3^8\""]);
    });
}

#[test]
fn no_frame_in_any_state_panics() {
    let frames = [
        "", "0", "0{}", "1", "1x", "2", "2probe", "3", "3probe", "4", "4a", "5", "6", "7", "b",
        "b=", "é", "\u{1e}", "4\u{1e}", "\0",
    ];
    for first in frames {
        for second in frames {
            both(Config::default(), |net| {
                let polling = net.open_polling();
                let probe = net.probe(polling);
                assert_eq!(net.drain(), ["c0 accept"]);
                let (websocket, connection) = net.open_websocket();
                let closing = net.probe(websocket);
                for on in [probe, connection, closing] {
                    net.text(on, first);
                    net.text(on, second);
                    net.binary(on, second.as_bytes());
                }
                net.drain();
            });
        }
    }
}

#[test]
fn a_broadcast_counts_closed_sessions_as_gone_and_says_nothing_more_of_them() {
    let now = Instant::ZERO;
    let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32])).unwrap();
    let mut keys = Vec::new();
    for id in 0..3 {
        let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
        server.handle_request(RequestId(id), &head, Bytes::new(), now);
        while let Some(output) = server.poll_output() {
            if let Output::Event(ServerEvent::Opened { session, .. }) = output {
                keys.push(session);
            }
        }
    }
    server.discard(keys[1]);
    let message = Encoded::new(&Message::text("to all"));
    let counts = |outcome: SentMany| (outcome.sent, outcome.full, outcome.gone);
    assert_eq!(
        counts(server.send_many(keys.iter().copied(), &message)),
        (2, 0, 1)
    );
    assert!(matches!(
        server.poll_output(),
        Some(Output::Event(ServerEvent::Session { session, .. })) if session == keys[1]
    ));
    assert_eq!(counts(server.send_many(keys, &message)), (2, 0, 1));
    assert_eq!(server.poll_output(), None);
}

#[test]
fn a_stale_key_is_refused_though_its_slot_is_taken_again() {
    let mut slab = Slab::new();
    let first = slab.insert('a').unwrap();
    assert_eq!(slab.remove(first), Some('a'));
    let second = slab.insert('b').unwrap();
    assert_eq!(first.slot(), second.slot());
    assert_eq!(slab.get(first), None);
    assert_eq!(slab.remove(first), None);
    assert_eq!(slab.get(second), Some(&'b'));
}

#[test]
fn abandoned_polling_sessions_are_all_freed() {
    both(Config::default(), |net| {
        for _ in 0..200 {
            net.open_polling();
        }
        assert_eq!(net.driver.session_count(), 200);
        net.advance(45_000);
        assert_eq!(net.drain().len(), 200);
        assert_eq!((net.driver.session_count(), net.due_in()), (0, None));
    });
}

#[test]
fn a_close_drops_none_but_what_cannot_leave() {
    both(Config::default(), |net| {
        let (session, _) = net.open_websocket();
        for n in 0..10 {
            net.send(session, &n.to_string()).unwrap();
        }
        net.close(session);
        let outputs = net.drain();
        assert_eq!(outputs.len(), 12);
        assert_eq!(outputs[9], "c0 < 49");
        assert_eq!(&outputs[10..], ["c0 close", "s0 closed: forced close"]);
    });
}
