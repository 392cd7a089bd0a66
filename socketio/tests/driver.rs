//! The tokio driver over loopback: what the machines cannot see of it, and what it must not let happen.
#![expect(
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are nobody's interface"
)]

mod support;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::routing::get as route_get;
use bytes::Bytes;
use engineio_driver::Clock;
use engineio_proto::Sid;
use engineio_proto::server::Config;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use socketio::server::{Farewell, HttpServer, Options, Service};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::{advance, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use support::{
    FLOOD_MESSAGE, POLLING, Report, Running, answer, exchange, get, next_text, open_polling,
    open_websocket, open_websocket_at, post, start, within,
};

#[tokio::test]
async fn the_service_mounts_in_axum_beside_other_routes() {
    let options = Options::default()
        .with_path("/engine.io/")
        .with_drain_time(Duration::from_millis(300));
    let (driver, mut reports) = start(&Config::default(), 1, options);
    let router = Router::new()
        .route("/hello", route_get(async || "hello"))
        .fallback_service(driver.service());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async { axum::serve(listener, router).await });

    assert_eq!(
        exchange(address, &get("/hello")).await,
        (200, "hello".into())
    );
    assert_eq!(exchange(address, &get("/engine.io")).await.0, 404);
    assert_eq!(exchange(address, &get("/engine.io.js")).await.0, 404);
    assert_eq!(exchange(address, &get("/engine.io/below")).await.0, 400);
    let path = open_polling(address).await;
    let opened = reports.recv().await;
    assert!(matches!(opened, Some(Report::Opened(Some(peer))) if peer.ip() == address.ip()));
    assert_eq!(
        exchange(address, &post(&path, "4hi")).await,
        (200, "ok".into())
    );
    assert_eq!(exchange(address, &get(&path)).await, (200, "4hi".into()));
    let mut socket = open_websocket(address).await;
    socket.send(Message::text("4over")).await.expect("to send");
    assert_eq!(next_text(&mut socket).await, "4over");

    server.abort();
    within(driver.shut_down()).await;
}

#[tokio::test]
async fn a_session_is_served_by_the_shard_that_its_id_names() {
    let options = Options::default()
        .with_path("/engine.io/")
        .with_drain_time(Duration::from_millis(300));
    let (driver, _reports) = start(&Config::default(), 3, options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = socketio::server::HttpServer::start(listener, driver.service());
    let mut paths = Vec::new();
    for _ in 0..6 {
        paths.push(open_polling(address).await);
    }
    let shard = |path: &String| {
        let (_, sid) = path.split_once("&sid=").expect("a sid");
        Sid::parse(sid).expect("a sid").shard()
    };
    let shards: Vec<_> = paths.iter().map(shard).collect();
    assert_eq!(shards, [0, 1, 2, 0, 1, 2]);
    for path in &paths {
        let posted = exchange(address, &post(path, "4x")).await;
        assert_eq!(posted, (200, "ok".into()));
        assert_eq!(exchange(address, &get(path)).await, (200, "4x".into()));
    }
    for unknown in ["zzz", "__________________-_", "AACAAAAAAAAAAAAAAAAA"] {
        let request = get(&format!("{POLLING}&sid={unknown}"));
        let (status, body) = exchange(address, &request).await;
        assert_eq!((status, body.contains("Session ID unknown")), (400, true));
    }
    within(driver.shut_down()).await;
    within(http.shut_down()).await;
}

#[tokio::test]
async fn a_slow_reader_stalls_nobody_and_its_frames_stay_counted_in_the_machine() {
    let limit = 8 << 20;
    let config = Config::default().with_max_buffered(limit, 10_000);
    let mut running = Running::start(config).await;
    let mut slow = open_websocket(running.address).await;
    running.report().await;
    slow.send(Message::text("4flood")).await.expect("to send");
    let fits = limit / FLOOD_MESSAGE;
    let flooded = Report::Flooded {
        taken: fits,
        buffered: limit,
    };
    assert_eq!(running.report().await, flooded);

    // Meanwhile it reads nothing; others do not notice.
    let mut other = open_websocket(running.address).await;
    running.report().await;
    for number in 0..100 {
        let text = format!("4{number}");
        other
            .send(Message::text(text.clone()))
            .await
            .expect("to send");
        assert_eq!(next_text(&mut other).await, text);
    }
    // What has left is what the kernel and one batch hold: the machine still refuses long before twice the limit.
    slow.send(Message::text("4flood")).await.expect("to send");
    let Report::Flooded { taken, buffered } = running.report().await else {
        panic!("a flood");
    };
    assert!(buffered <= limit, "{buffered}");
    assert!(taken < fits, "{taken}");

    for _ in 0..fits + taken {
        assert_eq!(next_text(&mut slow).await.len(), FLOOD_MESSAGE + 1);
    }
    slow.send(Message::text("4end")).await.expect("to send");
    assert_eq!(next_text(&mut slow).await, "4end");
    running.stop().await;
}

/// Settings under which a heartbeat takes no time.
fn fast_heartbeat() -> Config {
    Config::default()
        .with_allow_eio3(true)
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_timed_out_whatever_heartbeats_it_sends() {
    for (revision, beat) in [(4, "3"), (3, "2")] {
        let mut running = Running::start(fast_heartbeat()).await;
        let path = format!("/engine.io/?EIO={revision}&transport=websocket");
        let mut blind = open_websocket_at(running.address, &path).await;
        running.report().await;
        blind.send(Message::text("4flood")).await.expect("to send");
        let flood = running.report().await;
        assert!(matches!(flood, Report::Flooded { .. }), "{flood:?}");
        let beats = async {
            loop {
                // The server may have closed the connection.
                let _gone = blind.send(Message::text(beat)).await;
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = beats => {}
            report = running.report() => {
                assert_eq!(report, Report::Closed("ping timeout".into()), "revision {revision}");
            }
        }
        drop(blind);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_never_polls_is_timed_out_whatever_heartbeats_it_posts() {
    let mut running = Running::start(fast_heartbeat()).await;
    let address = running.address;
    let path = open_polling(address).await;
    running.report().await;
    let beats = async {
        loop {
            exchange(address, &post(&path, "3")).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = beats => {}
        report = running.report() => assert_eq!(report, Report::Closed("ping timeout".into())),
    }
    running.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_answered_with_413_and_the_session_lives_on() {
    let running = Running::start(Config::default().with_max_payload(1000)).await;
    let path = open_polling(running.address).await;
    let body = |length: usize| format!("4{}", "x".repeat(length - 1));
    let declared = exchange(running.address, &post(&path, &body(1001))).await;
    assert_eq!(declared, (413, String::new()));
    let huge = exchange(running.address, &post(&path, &body(3_000_000))).await;
    assert_eq!(huge, (413, String::new()));
    let chunk = body(600);
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         258\r\n{chunk}\r\n258\r\n{chunk}\r\n0\r\n\r\n"
    );
    assert_eq!(
        exchange(running.address, &chunked).await,
        (413, String::new())
    );

    let whole = exchange(running.address, &post(&path, &body(1000))).await;
    assert_eq!(whole, (200, "ok".into()));
    assert_eq!(
        exchange(running.address, &get(&path)).await,
        (200, body(1000))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_compressed_body_is_not_inflated() {
    let running = Running::start(Config::default()).await;
    let path = open_polling(running.address).await;
    // Whoever inflated it would find that it is not compressed at all.
    let encoded = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\n\
         Content-Length: 6\r\n\r\n4hello"
    );
    let taken = exchange(running.address, &encoded).await;
    assert_eq!(taken, (200, "ok".into()));
    let echo = exchange(running.address, &get(&path)).await;
    assert_eq!(echo, (200, "4hello".into()));
    running.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_for_an_unknown_session_is_refused_for_the_session() {
    let running = Running::start(Config::default().with_max_payload(1000)).await;
    let path = format!("{POLLING}&sid=AAAAAAAAAAAAAAAAAAAA");
    let (status, body) = exchange(running.address, &post(&path, &"4".repeat(2000))).await;
    assert_eq!(status, 400);
    assert_eq!(body, r#"{"code":1,"message":"Session ID unknown"}"#);
    running.stop().await;
}

#[tokio::test]
async fn a_poll_that_its_client_gives_up_ends_the_session() {
    let mut running = Running::start(Config::default()).await;
    let path = open_polling(running.address).await;
    assert!(matches!(running.report().await, Report::Opened(Some(_))));
    let mut poll = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    poll.write_all(get(&path).as_bytes())
        .await
        .expect("to write");
    sleep(Duration::from_millis(50)).await;
    drop(poll);
    assert_eq!(
        running.report().await,
        Report::Closed("transport error".into())
    );
    running.stop().await;
}

#[tokio::test]
async fn a_post_that_its_client_gives_up_ends_the_session_and_releases_the_poll() {
    let mut running = Running::start(Config::default()).await;
    let path = open_polling(running.address).await;
    running.report().await;
    let mut poll = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    poll.write_all(get(&path).as_bytes())
        .await
        .expect("to write");
    let mut half = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    let request = post(&path, "4whole");
    half.write_all(&request.as_bytes()[..request.len() - 2])
        .await
        .expect("to write");
    sleep(Duration::from_millis(50)).await;
    drop(half);
    assert_eq!(
        running.report().await,
        Report::Closed("transport error".into())
    );
    assert_eq!(answer(poll).await, (200, "1".into()));
    running.stop().await;
}

#[tokio::test]
async fn a_websocket_message_beyond_the_limit_gets_close_code_1009() {
    let mut running = Running::start(Config::default().with_max_payload(1000)).await;
    for message in [
        Message::binary(vec![0; 1001]),
        Message::text("4".repeat(500_000)),
    ] {
        let mut socket = open_websocket(running.address).await;
        running.report().await;
        socket
            .send(Message::binary(vec![0; 1000]))
            .await
            .expect("to send");
        assert_eq!(
            within(socket.next())
                .await
                .expect("an echo")
                .expect("to read")
                .len(),
            1000
        );
        socket.send(message).await.expect("to send");
        let Some(Ok(Message::Close(Some(close)))) = within(socket.next()).await else {
            panic!("a close frame");
        };
        assert_eq!(close.code, CloseCode::Size);
        assert_eq!(
            running.report().await,
            Report::Closed("transport error".into())
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_message_in_very_many_fragments_is_assembled_up_to_the_limit() {
    let mut running = Running::start(Config::default().with_max_payload(10_000)).await;
    let mut socket = open_websocket(running.address).await;
    running.report().await;
    let fragment = |index: usize, last: bool| {
        let opcode = if index == 0 {
            Data::Binary
        } else {
            Data::Continue
        };
        Message::Frame(Frame::message(vec![7], OpCode::Data(opcode), last))
    };
    for index in 0..10_000 {
        let sent = socket.feed(fragment(index, index == 9_999)).await;
        sent.expect("to send");
    }
    socket.flush().await.expect("to send");
    let echo = within(socket.next()).await.expect("an echo");
    assert_eq!(echo.expect("to read").len(), 10_000);

    // A message that never ends is one that is too large, once it is.
    let mut index = 0;
    while index < 20_000 && socket.feed(fragment(index, false)).await.is_ok() {
        index += 1;
    }
    let _closed_meanwhile = socket.flush().await;
    let end = within(socket.next()).await;
    assert!(
        matches!(&end, Some(Ok(Message::Close(Some(close)))) if close.code == CloseCode::Size),
        "{end:?}"
    );
    assert_eq!(
        running.report().await,
        Report::Closed("transport error".into())
    );
    running.stop().await;
}

#[tokio::test]
async fn a_head_with_very_many_headers_is_refused() {
    let running = Running::start(Config::default()).await;
    let headers: String = (0..10_000)
        .map(|index| format!("x-{index}: y\r\n"))
        .collect();
    let request = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let (status, _body) = exchange(running.address, &request).await;
    assert_eq!(status, 431);
    let handshake = exchange(running.address, &get(POLLING)).await;
    assert_eq!(handshake.0, 200, "and the next one is served");
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_closes_or_vanishes_ends_its_session_by_transport_close() {
    let mut running = Running::start(Config::default()).await;
    for polite in [true, false] {
        let mut socket = open_websocket(running.address).await;
        running.report().await;
        if polite {
            socket.close(None).await.expect("to close");
            while within(socket.next()).await.is_some() {}
        }
        drop(socket);
        assert_eq!(
            running.report().await,
            Report::Closed("transport close".into())
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn commands_of_other_tasks_reach_the_application() {
    let mut running = Running::start(Config::default()).await;
    let commands = running.driver.commands()[0].clone();
    assert!(commands.send(7).await);
    assert_eq!(running.report().await, Report::Told(7));
    running.stop().await;
    assert!(!commands.send(8).await);
}

#[tokio::test]
async fn stopping_closes_sessions_on_both_transports_and_leaves_no_task() {
    let mut running = Running::start(Config::default()).await;
    let path = open_polling(running.address).await;
    let mut poll = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    poll.write_all(get(&path).as_bytes())
        .await
        .expect("to write");
    let mut socket = open_websocket(running.address).await;
    running.report().await;
    running.report().await;
    let Running {
        driver,
        http,
        mut reports,
        ..
    } = running;

    let client = async {
        let Some(Ok(Message::Close(None))) = within(socket.next()).await else {
            panic!("a close frame");
        };
        while within(socket.next()).await.is_some() {}
        assert_eq!(answer(poll).await, (200, "1".into()));
    };
    within(async { tokio::join!(driver.shut_down(), client) }).await;
    within(http.shut_down()).await;
    assert_eq!(reports.recv().await, Some(Report::Stopping));
    let forced = || Some(Report::Closed("forced close".into()));
    assert_eq!(
        (reports.recv().await, reports.recv().await),
        (forced(), forced())
    );
    assert_eq!(reports.recv().await, None);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn stopping_waits_no_longer_than_the_drain_time_for_clients_that_do_not_answer() {
    let options = Options::default()
        .with_path("/engine.io/")
        .with_drain_time(Duration::from_millis(300));
    let (driver, _reports) = start(&Config::default(), 1, options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = socketio::server::HttpServer::start(listener, driver.service());
    // Neither polls nor reads again.
    open_polling(address).await;
    let _socket = open_websocket(address).await;
    timeout(Duration::from_secs(2), driver.shut_down())
        .await
        .expect("in time");
    timeout(Duration::from_secs(2), http.shut_down())
        .await
        .expect("in time");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn stopping_by_discarding_waits_for_nobody() {
    let options = Options::default()
        .with_path("/engine.io/")
        .with_farewell(Farewell::Discard)
        .with_drain_time(Duration::from_secs(600));
    let (driver, _reports) = start(&Config::default(), 1, options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = HttpServer::start(listener, driver.service());
    let path = open_polling(address).await;
    assert_eq!(exchange(address, &post(&path, "4hi")).await.0, 200);
    within(driver.shut_down()).await;
    assert_eq!(exchange(address, &get(&path)).await.0, 503);
    within(http.shut_down()).await;
}

#[tokio::test]
async fn a_driver_that_never_served_anything_stops_at_once() {
    let options = Options::default().with_drain_time(Duration::from_secs(600));
    let (driver, _reports) = start(&Config::default(), 2, options);
    within(driver.shut_down()).await;
}

#[tokio::test]
async fn a_driver_that_is_gone_answers_503() {
    let running = Running::start(Config::default()).await;
    running.driver.shut_down().await;
    assert_eq!(exchange(running.address, &get(POLLING)).await.0, 503);
    let path = format!("{POLLING}&sid=AAAAAAAAAAAAAAAAAAAA");
    assert_eq!(exchange(running.address, &get(&path)).await.0, 503);
    running.http.shut_down().await;
}

async fn call(
    service: &mut Service,
    method: &str,
    path: &str,
    body: &'static str,
) -> (u16, String) {
    let body: Full<Bytes> = Full::from(body);
    let request = Request::builder().method(method).uri(path);
    let request = request.body(body).expect("a request");
    let Ok(response) = tower_service::Service::call(service, request).await;
    let (head, body) = response.into_parts();
    let body: Bytes = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.into()).expect("text");
    (head.status.as_u16(), body)
}

/// Settings with the clock of the runtime, which the test has paused.
fn paused() -> Options {
    let start = tokio::time::Instant::now();
    Options::default().with_clock(Clock::from_fn(move || start.elapsed()))
}

/// Time moves only by the test, so that a deadline and what came after it are there at once. A shard takes up one of
/// them at random, hence the rounds.
#[tokio::test(start_paused = true)]
async fn what_is_due_is_served_before_what_came_after_it() {
    let config = Config::default();
    let (driver, mut reports) = start(&config, 1, paused());
    let mut service = driver.service();
    for _ in 0..32 {
        let (_, opened) = call(&mut service, "GET", POLLING, "").await;
        let sid = opened.split('"').nth(3).expect("a session id");
        let path = format!("{POLLING}&sid={sid}");
        let ping = call(&mut service, "GET", &path, "").await;
        assert_eq!(ping, (200, "2".into()));
        assert!(matches!(reports.recv().await, Some(Report::Opened(_))));

        let mut pong = pin!(call(&mut service, "POST", &path, "3"));
        let sent = poll_fn(|cx| Poll::Ready(pong.as_mut().poll(cx))).await;
        assert!(sent.is_pending());
        advance(config.ping_timeout + Duration::from_millis(1)).await;
        assert_eq!(pong.await.0, 400, "it is too late");
        let closed = reports.recv().await;
        assert!(matches!(closed, Some(Report::Closed(reason)) if reason == "ping timeout"));
    }
}

/// The same for a command, which finds no session whose time is over.
#[tokio::test(start_paused = true)]
async fn what_is_due_is_served_before_a_command() {
    let config = Config::default();
    let (driver, mut reports) = start(&config, 1, paused());
    let mut service = driver.service();
    let commands = driver.commands()[0].clone();
    for number in 0..32 {
        call(&mut service, "GET", POLLING, "").await;
        assert!(matches!(reports.recv().await, Some(Report::Opened(_))));
        sleep(config.ping_interval + Duration::from_millis(1)).await;
        assert!(commands.send(number).await);
        advance(config.ping_timeout).await;
        let (first, second) = (reports.recv().await, reports.recv().await);
        assert!(matches!(first, Some(Report::Closed(_))), "{first:?}");
        assert!(matches!(second, Some(Report::Told(told)) if told == number));
    }
}
