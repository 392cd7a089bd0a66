//! HTTP at the server's end.

use std::time::Duration;

use engineio_proto::server::{Config, Origins};
use engineio_wire::server::{Action, Options, Reply};

use crate::support::{Rig, frame, get, post, upgrade};

#[test]
fn a_connection_carries_one_request_after_another() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    rig.send(pipe, post(&query, "4hello"));
    assert!(rig.text(pipe).ends_with("\r\n\r\nok"));
    rig.send(pipe, get(&query));
    let answer = rig.text(pipe);
    assert!(answer.ends_with("\r\n\r\n4hello"), "{answer}");
    assert!(answer.contains("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n"));
    assert!(rig.closed.is_empty());
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let bad = get("EIO=4&transport=nothing");
    rig.send(
        pipe,
        [post(&query, "4a"), bad, post(&query, "4b"), get(&query)].concat(),
    );
    let text = rig.text(pipe);
    let order: Vec<_> = ["\r\n\r\nok", "Transport unknown", "\r\n\r\n4a\u{1e}4b"]
        .iter()
        .map(|part| {
            text.find(part)
                .unwrap_or_else(|| panic!("{part} is not in {text}"))
        })
        .collect();
    assert!(order.is_sorted(), "{text}");
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3);
}

#[test]
fn a_poll_waits_and_what_comes_behind_it_waits_with_it() {
    let mut rig = Rig::default();
    let (pipe, other) = (rig.open(), rig.open());
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    rig.send(pipe, get(&query) + &get("EIO=4&transport=nothing"));
    assert!(rig.written(pipe).is_empty());
    rig.send(other, post(&query, "4x"));
    assert_eq!(rig.statuses(pipe), [200, 400]);
}

#[test]
fn a_client_that_goes_away_takes_its_poll_with_it() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    rig.send(pipe, get(&format!("EIO=4&transport=polling&sid={sid}")));
    rig.close(pipe);
    let last = rig.host.app().log.last().unwrap();
    assert!(last.starts_with("closed: TransportError"), "{last}");
    assert_eq!(rig.host.wire().handshakes().len(), 0);
}

#[test]
fn a_request_that_is_answered_before_its_body_keeps_its_connection() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let request = post("EIO=4&transport=polling&sid=unknown", &"4".repeat(100_000));
    for piece in request.as_bytes().chunks(1000) {
        rig.send(pipe, piece);
        assert!(rig.host.wire().bytes_held() <= 1000);
    }
    assert_eq!(rig.statuses(pipe), [400]);
    rig.session(pipe);
    let (head, body) = request.split_at(200);
    rig.send(pipe, head);
    assert_eq!(rig.statuses(pipe), [400]);
    rig.wait(Duration::from_secs(119));
    rig.send(pipe, &body[..10]);
    assert!(!rig.closed.contains(&pipe));
    rig.wait(Duration::from_secs(1));
    assert!(rig.closed.contains(&pipe), "the body has a time too");
}

#[test]
fn http_1_0_closes_unless_it_asks_for_more() {
    let mut rig = Rig::default();
    let (pipe, other) = (rig.open(), rig.open());
    rig.send(
        pipe,
        "GET /engine.io/?EIO=4&transport=polling HTTP/1.0\r\n\r\n",
    );
    assert!(rig.text(pipe).contains("\r\nConnection: close\r\n"));
    assert!(rig.closed.contains(&pipe));
    rig.send(
        other,
        "GET /engine.io/?EIO=4&transport=polling HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    );
    assert!(rig.text(other).contains("\r\nConnection: keep-alive\r\n"));
    assert!(!rig.closed.contains(&other));
}

#[test]
fn the_answer_to_head_has_no_body() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(pipe, "HEAD /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n");
    let foreign = rig.foreign.pop().unwrap();
    rig.host.respond(foreign.pipe, &Reply::new(200, "body"));
    rig.drain();
    let answer = rig.text(pipe);
    assert!(
        answer.contains("\r\nContent-Length: 4\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn a_preflight_is_answered_from_the_list_of_origins() {
    let origins = Origins::listed().with("http://page.example".parse().unwrap());
    let config = Config::default().with_origins(origins);
    let mut rig = Rig::new(config, Options::new("/engine.io"));
    let pipe = rig.open();
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\n\r\n"
        )
    };
    rig.send(pipe, preflight("http://page.example"));
    let answer = rig.text(pipe);
    assert!(
        answer.starts_with("HTTP/1.1 204 No Content\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nAccess-Control-Allow-Origin: http://page.example\r\n"),
        "{answer}"
    );
    rig.send(pipe, preflight("http://evil.example"));
    assert!(!rig.text(pipe).contains("http://evil.example"));
}

#[test]
fn a_body_is_asked_for_when_its_client_waits() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let head = format!(
        "POST /engine.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    rig.send(pipe, &head);
    assert_eq!(rig.text(pipe), "HTTP/1.1 100 Continue\r\n\r\n");
    rig.send(pipe, "4hi");
    assert_eq!(rig.statuses(pipe), [200]);
    rig.send(pipe, head.replace("100-continue", "miracles"));
    assert_eq!(rig.statuses(pipe), [417]);
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_comes() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let head = |length: &str, more: &str| {
        format!(
            "POST /engine.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: a\r\n{length}\r\n{more}\r\n"
        )
    };
    rig.send(
        pipe,
        head("Content-Length: 1000001", "Expect: 100-continue\r\n"),
    );
    assert_eq!(rig.statuses(pipe), [413]);
    assert_eq!(rig.host.wire().bytes_held(), 0);
    let pipe = rig.open();
    rig.send(pipe, head("Transfer-Encoding: chunked", "") + "f4241\r\n");
    assert_eq!(rig.statuses(pipe), [413]);
    assert_eq!(rig.host.wire().bytes_held(), 0);
    assert!(
        !rig.host
            .app()
            .log
            .iter()
            .any(|line| line.starts_with("closed"))
    );
}

#[test]
fn a_body_comes_in_chunks() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let head = format!(
        "POST /engine.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    rig.send(
        pipe,
        head + "2\r\n4h\r\n1;x=y\r\ni\r\n0\r\ntrailer: 1\r\n\r\n",
    );
    assert_eq!(rig.statuses(pipe), [200]);
    assert_eq!(rig.host.app().log.last().unwrap(), "hi");
}

#[test]
fn a_request_that_cannot_be_read_is_the_last_of_its_connection() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\n", 505),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            400,
        ),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\n",
            400,
        ),
    ] {
        let mut rig = Rig::default();
        let pipe = rig.open();
        rig.send(pipe, format!("{request}GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(rig.statuses(pipe), [status], "{request:?}");
        rig.send(pipe, get("EIO=4&transport=polling"));
        assert!(rig.written(pipe).is_empty() && rig.foreign.is_empty());
        assert!(
            rig.shut.contains(&pipe) && rig.host.is_shut(pipe) && !rig.closed.contains(&pipe),
            "the answer would be lost"
        );
        rig.wait(Duration::from_secs(5));
        assert!(rig.closed.contains(&pipe));
    }
}

#[test]
fn heads_have_limits() {
    let mut options = Options::new("/engine.io");
    (options.max_head, options.max_fields) = (200, 3);
    let request = |fields: &str| format!("GET /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    for (fields, expected) in [
        ("a: b\r\nc: d\r\n".to_owned(), vec![]),
        ("a: b\r\nc: d\r\ne: f\r\n".to_owned(), vec![431]),
        (format!("a: {}\r\n", "b".repeat(160)), vec![]),
        (format!("a: {}\r\n", "b".repeat(180)), vec![431]),
    ] {
        let mut rig = Rig::new(Config::default(), options.clone());
        let pipe = rig.open();
        rig.send(pipe, request(&fields));
        assert_eq!(rig.statuses(pipe), expected, "{fields:?}");
        assert_eq!(rig.foreign.len(), usize::from(expected.is_empty()));
    }
    let mut rig = Rig::new(Config::default(), options);
    let pipe = rig.open();
    rig.send(pipe, "GET /".to_owned() + &"x".repeat(200));
    assert_eq!(rig.statuses(pipe), [431], "a head that does not end");
}

#[test]
fn a_head_that_trickles_has_no_more_time() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    for byte in "GET / HTTP/1.1\r\nHost: slow\r\nx: "
        .bytes()
        .cycle()
        .take(29)
    {
        rig.send(pipe, [byte]);
        rig.wait(Duration::from_secs(1));
    }
    assert!(rig.written(pipe).is_empty());
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.statuses(pipe), [408]);
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn a_body_that_trickles_has_no_more_time() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let whole = post(
        &format!("EIO=4&transport=polling&sid={sid}"),
        &"4".repeat(1000),
    );
    let (head, body) = whole.split_at(whole.len() - 900);
    rig.send(pipe, head);
    // The heartbeat of the session would end before.
    for byte in body.bytes().take(40) {
        rig.wait(Duration::from_secs(1));
        rig.send(pipe, [byte]);
    }
    assert!(rig.written(pipe).is_empty());
    rig.wait(Duration::from_secs(80));
    assert_eq!(rig.statuses(pipe).len(), 1);
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn a_connection_without_a_request_is_closed_in_time() {
    let mut rig = Rig::default();
    let (silent, idle) = (rig.open(), rig.open());
    rig.session(idle);
    rig.wait(Duration::from_secs(30));
    assert!(rig.closed.contains(&silent) && !rig.closed.contains(&idle));
    assert!(rig.written(silent).is_empty());
    rig.wait(Duration::from_secs(44));
    assert!(!rig.closed.contains(&idle));
    rig.wait(Duration::from_secs(1));
    assert!(rig.closed.contains(&idle));
}

#[test]
fn a_peer_that_takes_nothing_is_cut_off() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.stuck.insert(pipe);
    rig.send(pipe, get("EIO=4&transport=polling"));
    assert!(rig.host.wire().bytes_held() > 0);
    rig.wait(Duration::from_secs(29));
    assert!(!rig.closed.contains(&pipe));
    rig.wait(Duration::from_secs(1));
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn a_connection_holds_nothing_between_requests() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let request = post(
        &format!("EIO=4&transport=polling&sid={sid}"),
        &format!("4{}", "x".repeat(100_000)),
    );
    for piece in request.as_bytes().chunks(1000) {
        rig.send(pipe, piece);
    }
    assert_eq!(rig.statuses(pipe), [200]);
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn connections_and_their_bytes_have_limits() {
    let mut options = Options::new("/engine.io");
    (options.max_pipes, options.max_bytes_held) = (2, 10_000);
    let mut rig = Rig::new(Config::default(), options);
    let (one, other) = (rig.open(), rig.open());
    assert!(rig.host.handle_open(Default::default(), rig.now).is_none());
    let upload = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".to_owned()
        + &"x".repeat(6_000);
    rig.send(one, &upload);
    assert!(rig.closed.is_empty());
    rig.send(other, &upload);
    assert!(rig.closed.contains(&other) && !rig.closed.contains(&one));
    assert!(rig.host.wire().bytes_held() < 10_000);
    rig.open();
}

#[test]
fn what_comes_ahead_of_its_turn_is_not_wanted() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    rig.send(pipe, get(&query));
    assert!(
        rig.host.wants_read(pipe),
        "whether the client goes away is seen by reading"
    );
    rig.send(pipe, "x".repeat(16 * 1024));
    assert!(!rig.host.wants_read(pipe));
    rig.close(pipe);
    assert!(!rig.host.wants_read(pipe) && rig.readable.is_empty());
    assert!(rig.closed.contains(&pipe), "however it ends");
}

#[test]
fn the_driver_is_told_when_the_next_deadline_is_earlier() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    assert_eq!(rig.timeouts, 1, "there is a deadline now");
    let head = rig.host.poll_timeout();
    rig.open();
    assert_eq!((rig.timeouts, rig.host.poll_timeout()), (1, head));
    rig.session(pipe);
    assert_eq!(rig.timeouts, 2);
    assert!(rig.host.poll_timeout() < head);
}

#[test]
fn the_driver_is_told_to_read_on_once_requests_ahead_of_their_turn_are_read() {
    let mut rig = Rig::default();
    let (pipe, other) = (rig.open(), rig.open());
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let ahead = format!(
        "GET /other HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
        "x".repeat(9 * 1024)
    );
    rig.send(pipe, get(&query) + &ahead + &ahead);
    assert!(!rig.host.wants_read(pipe) && !rig.host.wants_read(pipe));
    rig.send(other, post(&query, "4a"));
    assert_eq!(rig.statuses(pipe), [200]);
    assert_eq!(rig.readable, [pipe], "once, and where it was asked for");
    assert!(rig.host.wants_read(pipe));
    let foreign = rig.foreign.pop().unwrap();
    rig.host.respond(foreign.pipe, &Reply::new(404, ""));
    rig.drain();
    assert_eq!(rig.readable, [pipe]);
}

#[test]
fn requests_for_other_paths_are_the_applications() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(
        pipe,
        "POST /form?a=b HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\nContent-Length: 4\r\n\r\nbody",
    );
    let foreign = rig.foreign.pop().unwrap();
    assert_eq!(
        (&*foreign.method, foreign.head.path(), &*foreign.body),
        ("POST", "/form", &b"body"[..])
    );
    assert_eq!(foreign.head.header("x-mine").as_deref(), Some("1"));
    let reply = Reply::new(201, "made")
        .with_field("location", "/form/1")
        .with_field("x", "a\r\ny: z");
    let reply = reply
        .with_field("Content-Length", "9")
        .with_field("transfer-encoding", "chunked");
    rig.host.respond(pipe, &reply);
    rig.drain();
    let answer = rig.text(pipe);
    let expected = "HTTP/1.1 201 Created\r\nLocation: /form/1\r\nContent-Length: 4\r\nConnection: keep-alive\r\n";
    assert!(answer.starts_with(expected), "{answer}");
    assert!(
        !answer.contains("y: z") && answer.ends_with("\r\n\r\nmade"),
        "{answer}"
    );
    rig.host.respond(pipe, &reply);
    rig.drain();
    assert!(rig.written(pipe).is_empty(), "it was answered");
}

#[test]
fn an_upgrade_is_asked_for_by_both_fields() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let request = upgrade("EIO=4&transport=websocket");
    rig.send(
        pipe,
        request.replace("Connection: keep-alive, Upgrade\r\n", ""),
    );
    assert_eq!(rig.statuses(pipe), [400]);
    let pipe = rig.open();
    rig.send(pipe, request.replace("Version: 13", "Version: 12"));
    let answer = rig.text(pipe);
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains(": 13, 8\r\n"),
        "{answer}"
    );
    let pipe = rig.open();
    rig.send(
        pipe,
        request
            .replace("transport=websocket", "transport=nothing")
            .replace("Version: 13", "Version: 1"),
    );
    assert!(
        rig.text(pipe).contains("Transport unknown"),
        "the engine comes first"
    );
}

#[test]
fn answers_have_a_date_if_the_clock_is_known() {
    let mut options = Options::new("/engine.io");
    options.epoch = Some(Duration::from_secs(784_111_777));
    let mut rig = Rig::new(Config::default(), options);
    let pipe = rig.open();
    rig.wait(Duration::from_secs(1));
    rig.send(pipe, get("EIO=4&transport=polling"));
    assert!(
        rig.text(pipe)
            .contains("\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n")
    );
}

#[test]
fn the_request_that_opened_a_session_is_kept() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.session(pipe);
    let websocket = rig.websocket();
    rig.send(websocket, frame(0x81, b"4a"));
    let expected = [
        "opened by /engine.io/?EIO=4&transport=polling",
        "opened by /engine.io/?EIO=4&transport=websocket",
        "a",
    ];
    assert_eq!(rig.host.app().log, expected);
    assert_eq!(rig.host.wire().handshakes().len(), 2);
    rig.close(websocket);
    assert_eq!(rig.host.wire().handshakes().len(), 1);
}

#[test]
fn nothing_comes_for_a_connection_that_is_gone_but_its_end() {
    let mut rig = Rig::default();
    let (asking, refused) = (rig.open(), rig.open());
    let request = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    rig.host.handle_bytes(asking, request, rig.now);
    rig.close(asking);
    assert!(rig.foreign.is_empty() && rig.closed.contains(&asking));
    rig.host.handle_bytes(refused, b"\n", rig.now);
    while let Some(action) = rig.host.poll_output() {
        assert!(
            matches!(action, Action::Write(_) | Action::Close(_)),
            "{action:?}"
        );
        if let Some(batch) = rig.host.poll_write(refused) {
            rig.host.handle_written(refused, batch.len(), rig.now);
            rig.host.handle_closed(refused, rig.now);
        }
    }
}

#[test]
fn a_bare_line_feed_behind_an_empty_line_is_refused_in_any_pieces() {
    let bytes = b"\r\n\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 0..bytes.len() {
        let mut rig = Rig::default();
        let pipe = rig.open();
        rig.send(pipe, &bytes[..cut]);
        rig.send(pipe, &bytes[cut..]);
        assert_eq!(rig.statuses(pipe), [400], "{cut}");
    }
}

#[test]
fn a_client_that_was_asked_for_its_body_has_a_time_for_it() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(
        pipe,
        "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    );
    assert_eq!(rig.statuses(pipe), [100]);
    rig.wait(Duration::from_secs(119));
    assert!(rig.written(pipe).is_empty());
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.statuses(pipe), [408]);
}

#[test]
fn a_connection_that_only_writes_is_not_ended_for_the_memory_of_others() {
    let mut options = Options::new("/engine.io");
    options.max_bytes_held = 10_000;
    let mut rig = Rig::new(Config::default(), options);
    let (reader, socket) = (rig.websocket(), rig.websocket());
    rig.stuck.insert(reader);
    rig.send(reader, frame(0x82, &[0; 20_000]));
    assert!(rig.host.wire().bytes_held() > 20_000);
    rig.send(reader, frame(0x8a, b"pong"));
    assert!(!rig.closed.contains(&reader));
    let mut message = frame(0x82, &[0; 2_000]);
    message.truncate(1_000);
    rig.send(socket, message);
    assert!(rig.closed.contains(&socket));
    assert_eq!(
        rig.host.app().log.last().unwrap(),
        "closed: TransportError(Connection)"
    );
}

#[test]
fn the_rest_of_a_body_that_is_too_large_is_no_request() {
    let post =
        |path: &str, length: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n");
    let chunked = "Transfer-Encoding: chunked";
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for path in ["/x", "/engine.io/?EIO=4&transport=polling"] {
        for pieces in [
            vec![post(path, "Content-Length: 1000001")],
            vec![post(path, chunked) + "f4241\r\n"],
            vec![post(path, chunked), "f4241\r\n".to_owned()],
            vec![
                post(path, chunked) + "1\r\nx\r\n",
                "f4240\r\n".to_owned(),
                "x".repeat(1_000_000),
            ],
        ] {
            let mut rig = Rig::default();
            let pipe = rig.open();
            for piece in &pieces {
                rig.send(pipe, piece);
            }
            rig.send(pipe, smuggled);
            let answer = rig.text(pipe);
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            // What the machine refused by its head was answered before.
            let closes = answer.contains("\r\nConnection: close\r\n");
            assert!(closes || path != "/x", "{answer}");
            assert!(rig.foreign.is_empty());
            rig.wait(Duration::from_secs(5));
            assert!(rig.closed.contains(&pipe));
        }
    }
}

#[test]
fn a_body_that_breaks_the_rules_behind_its_answer_ends_the_connection() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.stuck.insert(pipe);
    rig.send(
        pipe,
        "POST /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    rig.send(pipe, "+1\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.host.handle_written(pipe, usize::MAX, rig.now);
    rig.drain();
    rig.send(pipe, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(rig.foreign.is_empty() && !rig.closed.contains(&pipe));
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn a_connection_is_idle_once_the_body_that_nobody_wants_has_come() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let request = post("EIO=4&transport=polling&sid=unknown", &"4".repeat(1000));
    rig.send(pipe, &request[..200]);
    assert_eq!(rig.statuses(pipe), [400]);
    rig.send(pipe, &request[200..]);
    rig.wait(Duration::from_secs(74));
    assert!(!rig.closed.contains(&pipe));
    rig.wait(Duration::from_secs(1));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn an_empty_id_is_none() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(pipe, get("EIO=4&transport=polling&sid="));
    assert_eq!(rig.statuses(pipe), [200]);
    assert_eq!(
        rig.host.wire().handshakes().len(),
        1,
        "the session has its request"
    );
}
