//! HTTP long-polling.

use core::time::Duration;

use engineio_proto::http::Answer;
use engineio_proto::{Bytes, Encoded};

use crate::support::{Net, POLLING, config};

#[test]
fn every_response_is_followed_by_the_next_get() {
    let mut net = Net::polling(config());
    net.respond(1, 200, "4a\x1ebAQID\x1e6");
    assert_eq!(net.drain(), ["r2 GET", "text a", "binary [1, 2, 3]"]);
    net.respond(2, 200, "6");
    assert_eq!(net.drain(), ["r3 GET"]);
}

#[test]
fn the_first_message_goes_alone_and_the_next_ones_together() {
    let mut net = Net::polling(config());
    for text in ["a", "b", "c"] {
        net.send(text).unwrap();
    }
    assert_eq!(net.drain(), ["r2 POST 4a"]);
    assert_eq!(
        net.header(2, "Content-type"),
        Some("text/plain;charset=UTF-8")
    );
    assert_eq!(net.header(2, "Accept"), Some("*/*"));
    net.respond(2, 200, "anything");
    assert_eq!(net.drain(), ["r3 POST 4b|4c"]);
    net.respond(3, 200, "");
    assert_eq!(net.drain(), [""; 0]);
}

#[test]
fn payloads_are_filled_up_to_what_the_server_takes() {
    let mut net = Net::polling(config());
    for (letter, count) in [
        ("a", 99),
        ("b", 30),
        ("c", 30),
        ("d", 35),
        ("€", 33),
        ("f", 99),
    ] {
        net.send(&letter.repeat(count)).unwrap();
    }
    let mut bodies = Vec::new();
    for request in 2.. {
        net.drain();
        let Some(post) = net.requests.get(&request) else {
            break;
        };
        bodies.push(post.body.len());
        net.respond(request, 200, "ok");
    }
    assert_eq!(bodies, [100; 4]);
}

#[test]
fn a_server_that_tells_no_limit_or_zero_is_sent_everything_at_once() {
    for limit in [r#","maxPayload":0"#, ""] {
        let mut net = Net::opening(config());
        net.respond(0, 200, POLLING.replace(r#","maxPayload":100"#, limit));
        for _ in 0..4 {
            net.send(&"a".repeat(99)).unwrap();
        }
        net.drain();
        net.respond(2, 200, "ok");
        net.drain();
        assert_eq!(net.requests[&3].body.len(), 302, "{limit:?}");
    }
}

#[test]
fn parts_go_together() {
    let mut net = Net::polling(config());
    let parts = [
        Encoded::text(1, |out| out.push('a')),
        Encoded::binary(Bytes::from_static(&[1, 2, 3])),
    ];
    net.client.send_parts(&parts).unwrap();
    assert_eq!(net.drain(), ["r2 POST 4a|bAQID"]);
}

#[test]
fn a_ping_is_answered_and_the_answer_overtakes_what_waits() {
    let mut net = Net::polling(config());
    net.respond(1, 200, "2");
    assert_eq!(net.drain(), ["r2 GET", "r3 POST 3", "ping"]);
    net.respond(3, 200, "ok");
    net.send("a").unwrap();
    net.send("b").unwrap();
    net.respond(2, 200, "2");
    assert_eq!(net.drain(), ["r4 POST 4a", "r5 GET", "ping"]);
    net.respond(4, 200, "ok");
    assert_eq!(net.drain(), ["r6 POST 3|4b"]);
}

#[test]
fn a_server_that_does_not_ping_is_given_up_at_interval_and_timeout() {
    let mut net = Net::polling(config());
    net.advance(499);
    assert_eq!((net.drain(), net.due_in()), (vec![], Some(1)));
    net.advance(1);
    assert_eq!(
        net.drain(),
        ["r1 abort", "r2 POST 1", "closed: ping timeout"]
    );
    assert_eq!(net.due_in(), None);
}

#[test]
fn only_a_ping_moves_the_deadline() {
    let mut net = Net::polling(config());
    net.advance(300);
    net.respond(1, 200, "6\x1e4a");
    net.send("a").unwrap();
    net.drain();
    assert_eq!(net.due_in(), Some(200));
    net.respond(2, 200, "2");
    net.drain();
    assert_eq!(net.due_in(), Some(500));
    net.advance(499);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1);
    assert!(net.drain().contains(&"closed: ping timeout".into()));
}

#[test]
fn a_suspended_machine_finds_out_before_it_sends() {
    let mut net = Net::opening(config());
    assert!(
        !net.client
            .has_ping_expired(net.now + Duration::from_secs(9))
    );
    net.respond(0, 200, POLLING);
    net.drain();
    let start = net.now + Duration::from_secs(9);
    net.now = start;
    assert!(
        !net.client
            .has_ping_expired(start + Duration::from_millis(500))
    );
    assert!(
        net.client
            .has_ping_expired(start + Duration::from_millis(501))
    );
    assert_eq!(
        net.drain(),
        ["r1 abort", "r2 POST 1", "closed: ping timeout"]
    );
    assert!(net.client.has_ping_expired(start));
}

#[test]
fn a_failed_get_or_post_ends_the_connection_with_its_status() {
    for (request, status, body, error) in [
        (
            1,
            400,
            r#"{"code":1,"message":"Session ID unknown"}"#,
            "xhr poll error: status 400",
        ),
        (1, 204, "", "xhr poll error: status 204"),
        (1, 302, "", "xhr poll error: status 302"),
        (2, 413, "", "xhr post error: status 413"),
    ] {
        let mut net = Net::polling(config());
        net.send("a").unwrap();
        net.drain();
        net.respond(request, status, body);
        let other = 3 - request;
        assert_eq!(
            net.drain(),
            [
                format!("r{other} abort"),
                "r3 POST 1".into(),
                format!("closed: transport error: {error}")
            ]
        );
    }
}

#[test]
fn requests_have_a_limit_if_one_is_set() {
    let timed = || Net::polling(config().with_request_timeout(Duration::from_millis(100)));
    let mut net = timed();
    net.advance(99);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1);
    assert_eq!(
        net.drain(),
        [
            "r1 abort",
            "r2 POST 1",
            "closed: transport error: xhr poll error: status 0"
        ]
    );

    let mut net = timed();
    net.advance(60);
    net.respond(1, 200, "6");
    // The time of this is only seen with the next input.
    net.send("a").unwrap();
    assert_eq!(net.drain(), ["r2 GET", "r3 POST 4a"]);
    assert_eq!(net.due_in(), Some(0));
    net.advance(0);
    assert_eq!(net.due_in(), Some(100));
    net.respond(2, 200, "6");
    net.advance(100);
    assert_eq!(
        net.drain(),
        [
            "r4 GET",
            "r4 abort",
            "r3 abort",
            "r5 POST 1",
            "closed: transport error: xhr poll error: status 0"
        ]
    );
}

#[test]
fn a_post_is_not_timed_from_before_it_was_made() {
    let mut net = Net::polling(config().with_request_timeout(Duration::from_millis(400)));
    net.respond(1, 200, "6");
    net.now = net.now + Duration::from_millis(399);
    net.send("a").unwrap();
    net.client.handle_timeout(net.now);
    assert_eq!(net.drain(), ["r2 GET", "r3 POST 4a"]);
    net.respond(2, 200, "2");
    net.drain();
    assert_eq!(net.due_in(), Some(400));
}

#[test]
fn cookies_are_sent_back_with_credentials_and_not_without() {
    let answer = || {
        Answer::new(200, POLLING)
            .with_set_cookie("lb=\"a=b\"; Path=/; HttpOnly")
            .with_set_cookie("old=1; Max-Age=0")
            .with_set_cookie("short=1; Max-Age=1")
    };
    let mut net = Net::opening(config().with_credentials_sent(true));
    net.answer(0, answer());
    net.drain();
    assert_eq!(net.header(1, "Cookie"), Some("lb=a=b; short=1"));
    net.respond(1, 200, "2");
    net.now = net.now + Duration::from_secs(1);
    net.respond(2, 200, "6");
    net.respond(3, 200, "2");
    net.drain();
    assert_eq!(net.header(4, "Cookie"), Some("lb=a=b"));

    let mut net = Net::opening(config());
    net.answer(0, answer());
    net.drain();
    assert_eq!(net.header(1, "Cookie"), None);
}

#[test]
fn what_is_volatile_goes_at_once_or_not_at_all() {
    let mut net = Net::polling(config());
    assert!(net.volatile("a"));
    assert!(!net.volatile("b"), "a POST is on its way");
    net.respond(2, 200, "ok");
    assert!(net.volatile("c"));
    assert_eq!(net.drain(), ["r2 POST 4a", "r3 POST 4c"]);
}

#[test]
fn the_official_headers_replace_configured_ones() {
    let extra = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let extras = vec![
        extra("accept", "x"),
        extra("content-type", "y"),
        extra("z", "z"),
    ];
    let mut net = Net::polling(config().with_extra_headers(extras));
    net.send("a").unwrap();
    net.drain();
    assert_eq!(
        net.requests[&2].headers,
        [
            extra("z", "z"),
            extra("Content-type", "text/plain;charset=UTF-8"),
            extra("Accept", "*/*")
        ]
    );
}
