//! Grouping of messages into the payloads of polls.

use engineio_proto::server::Config;

use crate::support::both;

#[test]
fn a_payload_is_filled_up_to_max_payload_and_not_beyond() {
    both(Config::default().with_max_payload(9), |net| {
        let session = net.open_polling();
        for text in ["aaa", "bbb", "ccc"] {
            net.send(session, text).unwrap();
        }
        for _ in 0..2 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r1 200 4aaa|4bbb", "r2 200 4ccc"]);
    });
}

#[test]
fn one_byte_less_of_room_takes_one_packet_less() {
    both(Config::default().with_max_payload(8), |net| {
        let session = net.open_polling();
        for text in ["aaa", "bbb"] {
            net.send(session, text).unwrap();
        }
        for _ in 0..2 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r1 200 4aaa", "r2 200 4bbb"]);
    });
}

#[test]
fn a_message_above_max_payload_goes_alone() {
    both(Config::default().with_max_payload(4), |net| {
        let session = net.open_polling();
        for text in ["a", "bbbbbbbb", "c"] {
            net.send(session, text).unwrap();
        }
        for _ in 0..3 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 4bbbbbbbb", "r3 200 4c"]);
    });
}

#[test]
fn binary_counts_by_its_base64_form() {
    for (limit, expected) in [
        (11, vec!["r1 200 bAAAA|bAAAA"]),
        (10, vec!["r1 200 bAAAA", "r2 200 bAAAA"]),
    ] {
        both(Config::default().with_max_payload(limit), |net| {
            let session = net.open_polling();
            for _ in 0..2 {
                net.send_binary(session, &[0; 3]).unwrap();
            }
            for _ in 0..expected.len() {
                net.poll(session);
            }
            assert_eq!(net.drain(), expected);
        });
    }
}

#[test]
fn text_counts_by_its_utf8_form() {
    both(Config::default().with_max_payload(9), |net| {
        let session = net.open_polling();
        for text in ["€", "€", "€"] {
            net.send(session, text).unwrap();
        }
        for _ in 0..2 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r1 200 4€|4€", "r2 200 4€"]);
    });
}

#[test]
fn a_ping_goes_before_messages_and_counts_too() {
    both(Config::default().with_max_payload(4), |net| {
        let session = net.open_polling();
        net.send(session, "a").unwrap();
        net.send(session, "b").unwrap();
        net.advance(25_000);
        for _ in 0..2 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r1 200 2|4a", "r2 200 4b"]);
    });
}

#[test]
fn packets_in_one_body_or_in_many_are_the_same() {
    let packets = ["4a", "bAQID", "6", "4", "4ü", "0", "4b"];
    let run = |chunks: usize| {
        let outcomes = core::cell::OnceCell::new();
        both(Config::default(), |net| {
            let session = net.open_polling();
            for chunk in packets.chunks(chunks) {
                net.post(session, chunk.join("\x1e"));
            }
            let mut events = net.drain();
            events.retain(|line| line.starts_with('s'));
            assert_eq!(outcomes.get_or_init(|| events.clone()), &events);
        });
        outcomes.into_inner().unwrap()
    };
    let whole = run(packets.len());
    assert_eq!(
        whole,
        [
            "s0 text a",
            "s0 binary b\"\\x01\\x02\\x03\"",
            "s0 text ",
            "s0 text ü",
            "s0 text b"
        ]
    );
    for chunks in 1..packets.len() {
        assert_eq!(run(chunks), whole);
    }
}
