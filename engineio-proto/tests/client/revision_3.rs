//! The older revision of the protocol.

use core::time::Duration;

use engineio_proto::client::Config;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Revision, Transport};

use crate::support::{self, Net};

const OPEN: &str = r#"0{"sid":"S","upgrades":[],"pingInterval":300,"pingTimeout":200}"#;
const UPGRADABLE: &str =
    r#"0{"sid":"S","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200}"#;
const LIMITED: &str =
    r#"0{"sid":"S","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;

fn config() -> Config {
    support::config().with_revision(Revision::V3)
}

/// Packets of ASCII as the body of a response.
fn body(packets: &[&str]) -> String {
    let item = |packet: &&str| format!("{}:{packet}", packet.len());
    packets.iter().map(item).collect()
}

/// A client on polling, with its second GET, `r1`, on its way.
fn polling(config: Config, handshake: &str) -> Net {
    let mut net = Net::opening(config);
    net.respond(0, 200, body(&[handshake]));
    assert_eq!(net.drain(), ["r1 GET", "opened S"]);
    net
}

fn websocket(config: Config) -> Net {
    let mut net = Net::opening(config.with_transports([Transport::WebSocket]));
    net.connected(0);
    net.text(0, OPEN);
    assert_eq!(net.drain(), ["opened S"]);
    net
}

/// A client on polling, with the GET `r2` on its way and the probe `c1` open.
fn probing(config: Config) -> Net {
    let mut net = Net::opening(config);
    net.respond(0, 200, body(&[UPGRADABLE]));
    assert_eq!(net.drain(), ["c1 connect", "r2 GET", "opened S"]);
    net.connected(1);
    assert_eq!(net.drain(), ["c1 > 2probe"]);
    net
}

#[test]
fn the_query_names_the_revision_and_asks_for_base64_only_if_it_is_forced() {
    let net = polling(config(), OPEN);
    assert_eq!(
        net.url(0),
        "http://x.com/engine.io/?EIO=3&transport=polling"
    );
    assert_eq!(
        net.url(1),
        "http://x.com/engine.io/?EIO=3&transport=polling&sid=S"
    );
    let net = probing(config().with_force_base64(true));
    assert_eq!(
        net.url(2),
        "http://x.com/engine.io/?EIO=3&transport=polling&b64=1&sid=S"
    );
    assert_eq!(
        net.url(1),
        "ws://x.com/engine.io/?EIO=3&transport=websocket&sid=S&b64=1"
    );
}

#[test]
fn texts_are_counted_in_utf16_units_both_ways() {
    let mut net = polling(config(), OPEN);
    net.respond(1, 200, "6:4hello2:4€3:4😀0:1:6");
    assert_eq!(net.drain(), ["r2 GET", "text hello", "text €", "text 😀"]);
    for text in ["€", "hello", "😀"] {
        net.send(text).unwrap();
    }
    assert_eq!(net.drain(), ["r3 POST 2:4€"]);
    assert_eq!(
        net.header(3, "Content-type"),
        Some("text/plain;charset=UTF-8")
    );
    net.respond(3, 200, "ok");
    assert_eq!(net.drain(), ["r4 POST 6:4hello3:4😀"]);
}

#[test]
fn bodies_are_binary_if_a_message_is_and_are_read_by_their_content_type() {
    let mut net = polling(config(), OPEN);
    let octets: &[u8] = b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04";
    let answer = Answer::new(200, octets).with_content_type("application/octet-stream");
    net.answer(1, answer);
    assert_eq!(net.drain(), ["r2 GET", "text €", "binary [1, 2, 3, 4]"]);
    net.respond(2, 200, "10:b4AQIDBA==");
    assert_eq!(net.drain(), ["r3 GET", "binary [1, 2, 3, 4]"]);

    net.send("a").unwrap();
    net.send("b").unwrap();
    net.send_binary(&[1, 2]).unwrap();
    assert_eq!(net.drain(), ["r4 POST 2:4a"]);
    net.respond(4, 200, "ok");
    assert_eq!(
        net.drain(),
        ["r5 POST [0, 2, 255, 52, 98, 1, 3, 255, 4, 1, 2]"]
    );
}

#[test]
fn binary_goes_as_base64_if_that_is_forced() {
    let mut net = polling(config().with_force_base64(true), OPEN);
    net.send_binary(&[1, 2, 3, 4]).unwrap();
    assert_eq!(net.drain(), ["r2 POST 10:b4AQIDBA=="]);
    let mut net = websocket(config().with_force_base64(true));
    net.send_binary(&[1, 2, 3]).unwrap();
    assert_eq!(net.drain(), ["c0 > b4AQID"]);
}

#[test]
fn a_binary_body_may_be_empty_and_a_text_may_not() {
    let mut net = polling(config(), OPEN);
    let empty = || Answer::new(200, "").with_content_type("application/octet-stream");
    net.answer(1, empty());
    assert_eq!(net.drain(), ["r2 GET"]);
    net.respond(2, 200, "");
    assert_eq!(
        net.drain(),
        [
            "r3 POST 1:1",
            "closed: transport error: server error: empty packet"
        ]
    );
}

#[test]
fn payloads_are_filled_up_to_what_the_server_takes_and_never_divided_if_it_does_not_say() {
    let send = |net: &mut Net| {
        net.send("first").unwrap();
        net.send(&"b".repeat(30)).unwrap();
        // 2 digits, a colon and the type are around each: 3 + 31 + 3 + 31 + 3 + 29 are 100.
        net.send(&"c".repeat(30)).unwrap();
        net.send(&"d".repeat(28)).unwrap();
        // With three bytes a character, the length in units has fewer digits than that in bytes.
        net.send(&"€".repeat(32)).unwrap();
        net.send(&"f".repeat(500)).unwrap();
        net.send_binary(&[0; 46]).unwrap();
        // Binary makes the body binary: 2 digits and 2 bytes around each are 4 + 47 + 4 + 45.
        net.send(&"g".repeat(44)).unwrap();
        net.send("h").unwrap();
    };
    let lengths = |mut net: Net| {
        let mut lengths = Vec::new();
        for request in 2.. {
            net.drain();
            let Some(post) = net.requests.get(&request) else {
                break;
            };
            lengths.push(post.body.len());
            net.respond(request, 200, "ok");
        }
        lengths
    };
    let mut net = polling(config(), LIMITED);
    send(&mut net);
    assert_eq!(lengths(net), [8, 100, 100, 505, 100, 4]);
    let mut net = polling(config(), OPEN);
    send(&mut net);
    assert_eq!(lengths(net).len(), 2);
}

#[test]
fn the_client_pings_at_the_interval_and_again_an_interval_after_the_pong() {
    let mut net = polling(config(), OPEN);
    net.advance(299);
    assert_eq!((net.drain(), net.due_in()), (vec![], Some(1)));
    net.advance(1);
    assert_eq!(net.drain(), ["r2 POST 1:2"]);
    net.respond(2, 200, "ok");
    net.advance(50);
    net.respond(1, 200, "1:3");
    assert_eq!(net.drain(), ["r3 GET", "pong"]);
    assert_eq!(net.due_in(), Some(300));
    net.advance(300);
    assert_eq!(net.drain(), ["r4 POST 1:2"]);

    let mut net = websocket(config());
    net.advance(300);
    assert_eq!(net.drain(), ["c0 > 2"]);
    net.text(0, "3");
    net.advance(300);
    assert_eq!(net.drain(), ["c0 > 2", "pong"]);
}

#[test]
fn a_ping_overtakes_what_waits() {
    let mut net = polling(config(), OPEN);
    for text in ["a", "b"] {
        net.send(text).unwrap();
    }
    net.advance(300);
    net.respond(2, 200, "ok");
    assert_eq!(net.drain(), ["r2 POST 2:4a", "r3 POST 1:22:4b"]);
}

#[test]
fn a_server_that_says_nothing_after_a_ping_is_given_up_at_the_timeout() {
    let mut net = polling(config(), OPEN);
    net.advance(499);
    assert_eq!(net.drain(), ["r2 POST 1:2"]);
    assert_eq!(net.due_in(), Some(1));
    net.advance(1);
    assert_eq!(
        net.drain(),
        [
            "r1 abort",
            "r2 abort",
            "r3 POST 1:1",
            "closed: ping timeout"
        ]
    );
    assert_eq!(net.due_in(), None);
}

#[test]
fn every_packet_moves_the_deadline_and_the_next_ping_follows_the_pong_or_an_interval() {
    let mut net = websocket(config());
    net.advance(300);
    assert_eq!(net.drain(), ["c0 > 2"]);
    for (packet, next_ping) in [("6", 300), ("4a", 210), ("2", 120)] {
        net.advance(90);
        net.text(0, packet);
        assert_eq!(net.due_in(), Some(next_ping), "{packet}");
    }
    assert_eq!(
        net.drain(),
        ["text a"],
        "a ping of the server is not answered"
    );
    net.advance(120);
    assert_eq!(net.drain(), ["c0 > 2"]);
    assert_eq!(net.due_in(), Some(380), "500 behind the last packet");
    net.text(0, "3");
    assert_eq!(net.due_in(), Some(300));
    net.text(0, "3");
    assert_eq!(net.drain(), ["pong"], "one answers it");
}

#[test]
fn a_suspended_machine_finds_out_before_it_sends() {
    let mut net = websocket(config());
    let later = |millis| net.now + Duration::from_millis(millis);
    let (just, late) = (later(500), later(501));
    assert!(!net.client.has_ping_expired(just));
    assert!(net.client.has_ping_expired(late));
    assert_eq!(net.drain(), ["c0 close", "closed: ping timeout"]);
}

#[test]
fn nothing_is_pinged_while_closing() {
    let mut net = polling(config(), OPEN);
    net.send("a").unwrap();
    net.close();
    net.drain();
    net.advance(300);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(200);
    assert_eq!(
        net.drain(),
        [
            "r1 abort",
            "r2 abort",
            "r3 POST 1:1",
            "closed: ping timeout"
        ]
    );
}

#[test]
fn the_session_moves_over_once_a_noop_releases_the_get() {
    let mut net = probing(config());
    net.send("A").unwrap();
    net.text(1, "3probe");
    net.send("B").unwrap();
    net.respond(3, 200, "ok");
    assert_eq!(net.drain(), ["r3 POST 2:4A", "upgrading to websocket"]);
    net.advance(300);
    assert_eq!(
        net.drain(),
        [""; 0],
        "nothing goes while polling comes to rest"
    );
    net.respond(2, 200, "1:6");
    net.send_binary(&[1, 2]).unwrap();
    assert_eq!(
        net.drain(),
        [
            "c1 > 5",
            "c1 > 2",
            "c1 > 4B",
            "c1 > [4, 1, 2]",
            "upgraded to websocket"
        ]
    );
    net.text(1, "3");
    net.text(1, "4€");
    net.binary(1, &[4, 3]);
    net.text(1, "b4AQID");
    assert_eq!(
        net.drain(),
        ["pong", "text €", "binary [3]", "binary [1, 2, 3]"]
    );
}

#[test]
fn a_wrong_answer_closes_the_probe() {
    for wrong in ["3", "4a", "b4AQID", ""] {
        let mut net = probing(config());
        net.text(1, wrong);
        assert_eq!(
            net.drain(),
            ["c1 close", "upgrade to websocket failed: probe error"]
        );
    }
}

#[test]
fn what_comes_with_the_handshake_is_delivered_behind_it() {
    let mut net = Net::opening(config());
    net.respond(0, 200, body(&[OPEN, "40"]));
    assert_eq!(net.drain(), ["r1 GET", "opened S", "text 0"]);
}

#[test]
fn close_packets_are_counted_too() {
    let mut net = polling(config(), OPEN);
    net.close();
    assert_eq!(net.drain(), ["r2 POST 1:1", "closed: forced close"]);

    let mut net = Net::opening(config());
    net.close();
    assert_eq!(net.drain(), ["closed: forced close"]);
    net.respond(0, 200, body(&[OPEN]));
    assert_eq!(net.drain(), ["r1 POST 1:1"]);

    let mut net = polling(config(), OPEN);
    net.respond(1, 200, body(&["6", "1", "4late"]));
    assert_eq!(
        net.drain(),
        ["closed: transport close: transport closed by the server"]
    );
}

#[test]
fn broken_payloads_and_frames_end_the_connection_after_their_good_packets() {
    for (body, error) in [
        ("2:4a2", "invalid length of a packet"),
        ("2:4a9:4b", "packet shorter than its length"),
        ("2:4a2:4😀", "length that divides a character"),
        ("2:4a1:x", "unknown packet type 0x78"),
        ("2:4a99999999999:4", "invalid length of a packet"),
    ] {
        let mut net = polling(config(), OPEN);
        net.respond(1, 200, body);
        assert_eq!(
            net.drain(),
            [
                "r2 POST 1:1".to_owned(),
                "text a".to_owned(),
                format!("closed: transport error: server error: {error}")
            ]
        );
    }
    let mut net = polling(config(), OPEN);
    let octets: &[u8] = b"\x01\x02\xff\x04\x01\x01\x09\xff\x04";
    net.answer(
        1,
        Answer::new(200, octets).with_content_type("application/octet-stream"),
    );
    assert_eq!(
        net.drain(),
        [
            "r2 POST 1:1",
            "binary [1]",
            "closed: transport error: server error: packet shorter than its length"
        ]
    );
    let mut net = websocket(config());
    net.binary(0, &[9, 1]);
    assert_eq!(
        net.drain(),
        [
            "c0 close",
            "closed: transport error: server error: unknown packet type 0x09"
        ]
    );
}

#[test]
fn a_server_of_revision_4_is_named() {
    let refusal = r#"{"code":5,"message":"Unsupported protocol version"}"#;
    for (status, body) in [(400, refusal), (200, OPEN)] {
        let mut net = Net::opening(config());
        net.respond(0, status, body);
        assert_eq!(
            net.drain(),
            ["closed: transport error: this server speaks Engine.IO revision 4"]
        );
    }
    let mut net = Net::opening(config().with_transports([Transport::WebSocket]));
    let answer = Answer::new(400, "Unsupported protocol version");
    net.client
        .handle_connection_refused(ConnectionId(0), &answer, net.now);
    assert_eq!(
        net.drain(),
        ["closed: transport error: this server speaks Engine.IO revision 4"]
    );
}
