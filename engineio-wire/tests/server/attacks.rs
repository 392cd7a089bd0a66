//! The costs of attacks on a wire, counted by an allocator. The threat model names these tests. `--nocapture` shows the
//! numbers.

use std::time::Duration;

use allocation_counter::measure;
use engineio_proto::server::Config;
use engineio_wire::server::{Options, Peer, PipeId, Reply};

use crate::support::{Rig, frame, get, post, upgrade};

/// The largest that the settings allow.
const MAX_PAYLOAD: usize = (1 << 53) - 1;

/// What a call adds to the memory that is held.
fn growth(call: impl FnOnce()) -> i64 {
    measure(call).bytes_current
}

fn rig_with(change: impl FnOnce(&mut Options)) -> Rig {
    let mut options = Options::new("/engine.io");
    change(&mut options);
    Rig::new(Config::default(), options)
}

#[test]
fn idle_connections_take_little() {
    let mut rig = Rig::default();
    let grown = growth(|| {
        for _ in 0..10_000 {
            rig.open();
        }
    });
    println!("an idle connection takes {} bytes", grown / 10_000);
    assert!(grown < 10_000 * 512, "{grown}");
    assert_eq!(rig.host.wire().bytes_held(), 0);
    rig.wait(Duration::from_secs(30));
    assert_eq!(rig.host.wire().pipe_count(), 0);
}

#[test]
fn heads_that_do_not_end_hold_what_came_for_their_time() {
    let mut rig = Rig::default();
    let pipes: Vec<_> = (0..100).map(|_| rig.open()).collect();
    let head = format!("GET /x HTTP/1.1\r\nHost: a\r\nx: {}", "y".repeat(8_000));
    let grown = growth(|| {
        for piece in head.as_bytes().chunks(100) {
            for pipe in &pipes {
                rig.send(*pipe, piece);
            }
        }
    });
    println!("100 heads of 8 kB that do not end take {grown} bytes");
    let held = rig.host.wire().bytes_held();
    assert!(
        held >= 100 * head.len() && held <= 200 * head.len(),
        "{held}"
    );
    assert!(grown <= held as i64 + 10_000, "{grown} of {held}");
    rig.wait(Duration::from_secs(30));
    assert_eq!(rig.host.wire().bytes_held(), 0);
    rig.wait(Duration::from_secs(5));
    assert_eq!(rig.host.wire().pipe_count(), 0);
}

#[test]
fn a_length_that_is_announced_takes_no_memory() {
    let config = Config::default().with_max_payload(MAX_PAYLOAD);
    let mut rig = Rig::new(config, Options::new("/engine.io"));
    let sid = {
        let pipe = rig.open();
        rig.session(pipe)
    };
    let (body, chunk, socket) = (rig.open(), rig.open(), rig.websocket());
    let target = format!("/engine.io/?EIO=4&transport=polling&sid={sid}");
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\n");
    let grown = growth(|| {
        rig.send(
            body,
            format!("{head}Content-Length: 1000000000000\r\n\r\n4"),
        );
        rig.send(
            chunk,
            format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n4"),
        );
        rig.send(
            socket,
            [
                0x82, 0xff, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0, 1, 2, 3, 4, 5,
            ],
        );
    });
    println!("three lengths of 10^12 take {grown} bytes");
    assert!(grown < 4_096, "{grown}");
}

#[test]
fn pipelined_requests_are_copied_in_proportion() {
    let mut totals = Vec::new();
    for count in [1_000, 2_000, 4_000] {
        let mut rig = Rig::default();
        let pipe = rig.open();
        let bytes = get("EIO=5").repeat(count);
        let counted = measure(|| rig.send(pipe, &bytes));
        assert_eq!(rig.statuses(pipe).len(), count);
        totals.push(counted.bytes_total);
    }
    println!("1,000, 2,000 and 4,000 pipelined requests allocate {totals:?} bytes");
    assert!(totals[2] < totals[0] * 5, "{totals:?}");
}

#[test]
fn more_pipelined_requests_than_are_wanted_end_the_connection() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let poll = get(&format!("EIO=4&transport=polling&sid={sid}"));
    rig.send(pipe, poll.repeat(300));
    assert!(!rig.closed.contains(&pipe) && !rig.host.wants_read(pipe));
    rig.send(pipe, "x".repeat(300_000));
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn a_flood_of_pings_takes_one_pong() {
    let mut rig = Rig::quiet();
    let pipe = rig.websocket();
    rig.stuck.insert(pipe);
    rig.send(pipe, frame(0x81, b"4stuck"));
    let pings = frame(0x89, b"p").repeat(40_000);
    let counted = measure(|| rig.send(pipe, &pings));
    println!(
        "40,000 pings hold {} bytes, {} at most",
        counted.bytes_current, counted.bytes_max
    );
    assert!(counted.bytes_max < 1_024, "{counted:?}");
}

#[test]
fn a_million_empty_fragments_take_no_memory() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x01, b"4"));
    let fragments = frame(0x00, b"").repeat(1_000);
    let counted = measure(|| {
        for _ in 0..1_000 {
            rig.send(pipe, &fragments);
        }
    });
    println!(
        "a million empty fragments hold {} bytes",
        counted.bytes_current
    );
    assert!(counted.bytes_max < 64, "{counted:?}");
    rig.send(pipe, frame(0x80, b"end"));
    assert!(rig.written(pipe).ends_with(b"4end"));
}

#[test]
fn fragments_add_up_to_the_limit_of_a_message() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x02, &[0; 1_000]));
    let counted = measure(|| {
        for _ in 0..999 {
            rig.send(pipe, frame(0x00, &[0; 1_000]));
        }
    });
    println!(
        "a message of 1 MB that does not end holds {} bytes",
        counted.bytes_current
    );
    assert!(counted.bytes_current < 2_100_000, "{counted:?}");
    assert!(rig.host.wire().bytes_held() >= 1_000_000);
    rig.send(pipe, frame(0x00, &[0]));
    assert_eq!(rig.written(pipe), [0x88, 2, 0x03, 0xf1], "1009");
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn upgrades_that_hang_up_leave_nothing() {
    let mut rig = Rig::quiet();
    let once = |rig: &mut Rig| {
        let pipe = rig.open();
        rig.send(pipe, upgrade("EIO=4&transport=websocket"));
        rig.close(pipe);
    };
    once(&mut rig);
    rig.forget();
    let grown = growth(|| {
        for _ in 0..1_000 {
            once(&mut rig);
        }
        rig.forget();
    });
    println!("1,000 upgrades that hung up leave {grown} bytes");
    assert!(grown < 10_000, "{grown}");
    assert_eq!(rig.host.wire().pipe_count(), 0);
    assert_eq!(rig.host.wire().handshakes().len(), 0);
    assert_eq!(rig.host.wire().machine().session_count(), 0);
}

#[test]
fn requests_whose_clients_leave_before_they_are_asked_about_leave_nothing() {
    let config = Config::default().with_allow_request(true);
    let mut rig = Rig::new(config, Options::new("/engine.io"));
    for request in [
        upgrade("EIO=4&transport=websocket"),
        get("EIO=4&transport=polling"),
    ] {
        let pipe = rig.open();
        // The driver takes outputs after it has served all connections.
        rig.host.handle_bytes(pipe, request.as_bytes(), rig.now);
        rig.close(pipe);
        assert_eq!(rig.host.wire().handshakes().len(), 0);
        // And before.
        let pipe = rig.open();
        rig.send(pipe, &request);
        assert_eq!(rig.host.wire().handshakes().len(), 1);
        rig.close(pipe);
        assert_eq!(rig.host.wire().handshakes().len(), 0);
    }
}

#[test]
fn the_heads_of_sessions_are_bounded() {
    let mut rig = Rig::quiet();
    let fields = format!("x: {}\r\n", "y".repeat(155)).repeat(99);
    let head = get("EIO=4&transport=polling").replace("\r\n\r\n", &format!("\r\n{fields}\r\n"));
    assert!(head.len() < 16 * 1024 + 1);
    let pipes: Vec<_> = (0..100).map(|_| rig.open()).collect();
    let grown = growth(|| {
        for pipe in &pipes {
            rig.send(*pipe, &head);
        }
        rig.forget();
    });
    println!(
        "a session with a head of {} bytes takes {} bytes",
        head.len(),
        grown / 100
    );
    assert_eq!(rig.host.wire().handshakes().len(), 100);
    assert!(grown / 100 < 40_000, "{grown}");
    rig.wait(Duration::from_secs(25));
    rig.wait(Duration::from_secs(20));
    assert_eq!(rig.host.wire().handshakes().len(), 0);
}

#[test]
fn a_reader_of_single_bytes_is_cut_off() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(pipe, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let foreign = rig.foreign.pop().unwrap();
    rig.host
        .respond(foreign.pipe, &Reply::new(200, vec![0; 1_000_000]));
    rig.stuck.insert(pipe);
    rig.drain();
    let mut seconds = 0;
    while !rig.closed.contains(&pipe) {
        rig.host.handle_written(pipe, 1, rig.now);
        rig.wait(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 40, "it holds 1 MB for as long as it likes");
    }
    println!("a reader of a byte a second is cut off after {seconds} s");
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn a_slow_reader_that_goes_on_is_served() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(pipe, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let foreign = rig.foreign.pop().unwrap();
    rig.host
        .respond(foreign.pipe, &Reply::new(200, vec![0; 1_000_000]));
    rig.stuck.insert(pipe);
    rig.drain();
    for _ in 0..1_000_000 / 16_384 {
        rig.wait(Duration::from_secs(29));
        rig.host.handle_written(pipe, 16_384, rig.now);
    }
    assert!(!rig.closed.contains(&pipe));
}

#[test]
fn large_messages_of_many_connections_are_given_back() {
    let mut rig = Rig::quiet();
    let pipes: Vec<PipeId> = (0..200).map(|_| rig.websocket()).collect();
    let content = [b"4".to_vec(), vec![b'x'; 900_000]].concat();
    let message = frame(0x81, &content);
    let counted = measure(|| {
        for pipe in &pipes {
            rig.send(*pipe, &message);
            let _echo = rig.written(*pipe);
        }
        rig.forget();
    });
    println!(
        "200 echoes of 0.9 MB, one after another, leave {} bytes",
        counted.bytes_current
    );
    assert!(counted.bytes_current < 100_000, "{counted:?}");
    assert!(counted.bytes_max < 8_000_000, "{counted:?}");
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn an_answer_that_is_given_before_the_body_is_not_lost() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let whole = post("EIO=4&transport=polling&sid=unknown", &"4".repeat(1000));
    let whole = whole.replace("Host:", "Connection: close\r\nHost:");
    rig.send(pipe, &whole[..200]);
    assert_eq!(rig.statuses(pipe), [400]);
    assert!(!rig.closed.contains(&pipe), "closing now would reset it");
    rig.send(pipe, &whole[200..]);
    assert!(!rig.closed.contains(&pipe));
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn settings_without_limits_are_no_trap() {
    let config = Config::default().with_max_payload(MAX_PAYLOAD);
    let mut options = Options::new("/engine.io");
    for limit in [
        &mut options.max_head,
        &mut options.max_fields,
        &mut options.max_foreign_body,
        &mut options.max_pipes,
        &mut options.max_bytes_held,
    ] {
        *limit = usize::MAX;
    }
    for timeout in [
        &mut options.head_timeout,
        &mut options.body_timeout,
        &mut options.keep_alive_timeout,
        &mut options.write_timeout,
        &mut options.close_timeout,
    ] {
        *timeout = Duration::MAX;
    }
    options.epoch = Some(Duration::MAX);
    let mut rig = Rig::new(config, options);
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let whole = post(&format!("EIO=4&transport=polling&sid={sid}"), "4hello");
    rig.send(pipe, &whole[..whole.len() - 3]);
    rig.send(pipe, &whole[whole.len() - 3..]);
    assert_eq!(rig.statuses(pipe), [200]);
    let socket = rig.websocket();
    rig.send(socket, frame(0x88, b""));
    rig.stuck.insert(pipe);
    rig.send(pipe, "GET / HTTP/1.1\r\n\r\n");
    rig.host.handle_written(pipe, 1, rig.now);
    rig.wait(Duration::MAX);
}

#[test]
fn settings_of_nothing_are_no_trap() {
    let mut rig = rig_with(|options| {
        (
            options.max_head,
            options.max_fields,
            options.max_foreign_body,
        ) = (0, 0, 0);
        options.write_timeout = Duration::ZERO;
        options.head_timeout = Duration::ZERO;
        options.max_bytes_held = 0;
    });
    let pipe = rig.host.handle_open(Peer::default(), rig.now).unwrap();
    rig.host
        .handle_bytes(pipe, get("EIO=4").as_bytes(), rig.now);
    rig.drain();
    rig.wait(Duration::from_secs(60));
    assert_eq!(
        (rig.host.wire().pipe_count(), rig.host.wire().bytes_held()),
        (0, 0)
    );
}

#[test]
fn a_head_that_is_too_large_is_refused_alike_in_any_pieces() {
    let long = "GET /x HTTP/1.1\r\nHost: a\r\nx: ".to_owned() + &"y".repeat(20_000);
    for bytes in [
        long.clone() + "\n\r\n",
        long.clone() + "\r\n\r\n",
        long.clone(),
    ] {
        for piece in [1_000, 16_384, 16_385, 30_000] {
            let mut rig = Rig::default();
            let pipe = rig.open();
            for piece in bytes.as_bytes().chunks(piece) {
                rig.send(pipe, piece);
            }
            assert_eq!(rig.statuses(pipe), [431], "{piece}");
        }
    }
}
