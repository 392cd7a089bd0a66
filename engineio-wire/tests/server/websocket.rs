//! WebSockets at the server's end.

use std::time::Duration;

use engineio_proto::server::Config;
use engineio_wire::server::{Action, Options, PipeId};

use crate::support::{Rig, frame, upgrade};

#[test]
fn messages_go_both_ways() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x81, b"4hello"));
    assert_eq!(rig.written(pipe), b"\x81\x064hello");
    rig.send(pipe, frame(0x82, &[1, 2, 3]));
    assert_eq!(rig.written(pipe), b"\x82\x03\x01\x02\x03");
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn frames_may_come_before_the_handshake_is_answered() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let mut bytes = upgrade("EIO=4&transport=websocket").into_bytes();
    bytes.extend(frame(0x81, b"4early"));
    rig.send(pipe, bytes);
    assert!(rig.written(pipe).ends_with(b"\x81\x064early"));
}

#[test]
fn a_probe_and_what_follows_it_may_come_at_once() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let websocket = rig.open();
    rig.send(
        websocket,
        upgrade(&format!("EIO=4&transport=websocket&sid={sid}")),
    );
    rig.written(websocket);
    rig.send(
        websocket,
        [
            frame(0x81, b"2probe"),
            frame(0x81, b"5"),
            frame(0x81, b"4moved"),
        ]
        .concat(),
    );
    assert_eq!(rig.written(websocket), b"\x81\x063probe\x81\x064moved");
}

#[test]
fn messages_come_in_fragments_with_pings_between_them() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(
        pipe,
        [
            frame(0x01, b"4he"),
            frame(0x89, b"ping"),
            frame(0x80, b"llo"),
        ]
        .concat(),
    );
    let written = rig.written(pipe);
    assert_eq!(written, b"\x8a\x04ping\x81\x064hello", "{written:?}");
}

#[test]
fn of_several_pings_the_last_is_answered() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    let pings: Vec<_> = (0..100_u8)
        .flat_map(|number| frame(0x89, &[number]))
        .collect();
    rig.send(pipe, pings);
    assert_eq!(rig.written(pipe), [0x8a, 1, 99]);
}

#[test]
fn a_close_frame_is_answered_and_the_connection_closed() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x88, b"\x03\xe9bye"));
    assert_eq!(rig.written(pipe), b"\x88\x05\x03\xe9bye");
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.app().log.last().unwrap(), "closed: TransportClose");
}

#[test]
fn what_breaks_the_rules_is_closed_with_its_code() {
    let unmasked = b"\x81\x014".to_vec();
    for (bytes, code) in [
        (unmasked, 1002_u16),
        (frame(0xc1, b"4"), 1002),
        (frame(0x83, b"4"), 1002),
        (frame(0x80, b"4"), 1002),
        (frame(0x09, b"4"), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x88, &[0]), 1002),
        (frame(0x88, &[0x03, 0xed]), 1002),
        (frame(0x81, &[0xff]), 1007),
        (vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41], 1009),
        (vec![0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0], 1009),
    ] {
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.send(pipe, &bytes);
        let [high, low] = code.to_be_bytes();
        assert_eq!(rig.written(pipe), [0x88, 2, high, low], "{bytes:?}");
        assert_eq!(
            rig.host.app().log.last().unwrap(),
            "closed: TransportError(Connection)",
            "{bytes:?}"
        );
        assert!(rig.host.wire().bytes_held() == 0 && rig.host.wants_read(pipe));
        rig.send(pipe, frame(0x81, b"4late"));
        assert!(rig.written(pipe).is_empty() && rig.shut.contains(&pipe) && rig.host.is_shut(pipe));
        rig.wait(Duration::from_secs(5));
        assert!(rig.closed.contains(&pipe));
    }
}

#[test]
fn the_driver_is_told_to_read_on_once_the_application_has_taken_its_messages() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    let mut sent = 0;
    while rig.host.wants_read(pipe) {
        let bytes = frame(0x81, b"4a");
        rig.host.handle_bytes(pipe, &bytes, rig.now);
        sent += 1;
    }
    assert!(sent > 1 && rig.readable.is_empty());
    rig.drain();
    assert_eq!(rig.readable, [pipe]);
    assert!(rig.host.wants_read(pipe));
    rig.drain();
    assert_eq!(rig.readable, [pipe], "once");
}

#[test]
fn a_session_that_ends_closes_its_connection_within_seconds() {
    let config = Config::default();
    let dead = config.ping_interval + config.ping_timeout;
    for is_stuck in [false, true] {
        let mut rig = Rig::new(config.clone(), Options::new("/engine.io"));
        let pipe = rig.websocket();
        if is_stuck {
            rig.stuck.insert(pipe);
        }
        rig.wait(config.ping_interval);
        rig.wait(config.ping_timeout);
        assert_eq!(
            rig.host.app().log.last().unwrap(),
            "closed: PingTimeout",
            "{dead:?}"
        );
        rig.wait(Duration::from_secs(5));
        assert!(rig.closed.contains(&pipe), "stuck: {is_stuck}");
    }
}

#[test]
fn a_peer_that_takes_nothing_is_cut_off() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.stuck.insert(pipe);
    rig.send(pipe, frame(0x81, b"4hello"));
    // A ping goes out after 25 s, behind what is stuck.
    rig.wait(Duration::from_secs(29));
    assert!(rig.closed.is_empty());
    rig.wait(Duration::from_secs(1));
    assert!(rig.closed.contains(&pipe));
    assert_eq!(
        rig.host.app().log.last().unwrap(),
        "closed: TransportError(Connection)"
    );
}

#[test]
fn the_connection_that_breaks_ends_its_session() {
    let mut rig = Rig::default();
    let (closed, failed) = (rig.websocket(), rig.websocket());
    rig.close(closed);
    assert_eq!(rig.host.app().log.last().unwrap(), "closed: TransportClose");
    rig.host.handle_failed(failed, rig.now);
    rig.drain();
    assert_eq!(
        rig.host.app().log.last().unwrap(),
        "closed: TransportError(Connection)"
    );
    assert_eq!(rig.host.wire().pipe_count(), 0);
}

#[test]
fn an_answer_to_the_machine_comes_from_any_method_but_get() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    rig.send(
        pipe,
        upgrade("EIO=4&transport=websocket").replace("GET", "PUT"),
    );
    assert_eq!(rig.statuses(pipe), [400], "the engine comes first");
}

#[test]
fn a_close_frame_comes_back_as_it_was() {
    let long = [b"\x0f\xa0", "r".repeat(123).as_bytes()].concat();
    for content in [&b""[..], b"\x03\xe8", b"\x0b\xb8\xe2\x82\xac", &long] {
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.send(pipe, frame(0x88, content));
        let head = [0x88, content.len() as u8];
        assert_eq!(rig.written(pipe), [&head, content].concat());
        assert!(rig.closed.contains(&pipe), "the server closes first");
    }
}

#[test]
fn nothing_is_read_behind_the_close_frame_of_a_peer() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    let close = frame(0x88, b"");
    rig.send(
        pipe,
        [close.clone(), frame(0x81, b"4late"), close, vec![0xff; 50]].concat(),
    );
    assert_eq!(rig.written(pipe), [0x88, 0]);
    assert_eq!(rig.host.app().log.last().unwrap(), "closed: TransportClose");
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn a_peer_that_is_told_to_close_may_finish_what_it_says() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    // The packet that closes a session.
    rig.send(pipe, frame(0x81, b"1"));
    assert_eq!(rig.written(pipe), [0x88, 0]);
    let log = rig.host.app().log.len();
    rig.send(pipe, [frame(0x81, b"4late"), frame(0x89, b"ping")].concat());
    assert!(!rig.closed.contains(&pipe) && rig.host.wants_read(pipe));
    rig.send(pipe, frame(0x88, b"\x03\xe8"));
    assert!(
        rig.written(pipe).is_empty(),
        "nothing follows a close frame"
    );
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.app().log.len(), log, "nothing that came late");
}

#[test]
fn a_peer_that_breaks_a_rule_while_it_closes_is_not_told() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x81, b"1"));
    let _close = rig.written(pipe);
    rig.send(pipe, frame(0x83, b""));
    assert!(rig.written(pipe).is_empty());
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn pings_are_answered_with_their_content_and_pongs_are_ignored() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    for content in [&b""[..], b"x", &[0xff; 125]] {
        rig.send(pipe, frame(0x89, content));
        let head = [0x8a, content.len() as u8];
        assert_eq!(rig.written(pipe), [&head, content].concat());
        rig.send(pipe, frame(0x8a, content));
        assert!(rig.written(pipe).is_empty());
    }
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn the_mask_is_taken_off() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    let key = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![0x81, 0x86];
    bytes.extend(key);
    bytes.extend(
        b"4hello"
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    for byte in bytes {
        rig.send(pipe, [byte]);
    }
    assert_eq!(rig.written(pipe), b"\x81\x064hello");
}

#[test]
fn a_text_is_checked_as_a_whole() {
    for (one, other, is_valid) in [
        (&b"4\xe2"[..], &b"\x82\xac"[..], true),
        (b"4\xe2\x82", b"", false),
        (b"4\xe2", b"\x28\xa1", false),
        (b"4\xed\xa0", b"\x80", false),
    ] {
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.send(pipe, [frame(0x01, one), frame(0x80, other)].concat());
        let written = rig.written(pipe);
        let refused = written == [0x88, 2, 0x03, 0xef];
        assert_eq!(refused, !is_valid, "{written:?}");
    }
}

#[test]
fn reserved_bits_are_refused_on_every_kind_of_frame() {
    for bits in [0x10, 0x20, 0x40] {
        for first in [0x81, 0x82, 0x88, 0x89, 0x8a] {
            let mut rig = Rig::default();
            let pipe = rig.websocket();
            rig.send(pipe, frame(first | bits, b""));
            assert_eq!(
                rig.written(pipe),
                [0x88, 2, 0x03, 0xea],
                "{first:x} {bits:x}"
            );
        }
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.send(pipe, [frame(0x01, b"4"), frame(0x80 | bits, b"")].concat());
        assert_eq!(rig.written(pipe), [0x88, 2, 0x03, 0xea], "{bits:x}");
    }
}

#[test]
fn every_code_is_answered_as_the_registry_has_it() {
    for (code, is_known) in [
        (999_u16, false),
        (1000, true),
        (1003, true),
        (1004, false),
        (1005, false),
        (1006, false),
        (1007, true),
        (1014, true),
        (1015, false),
        (2999, false),
        (3000, true),
        (4999, true),
        (5000, false),
        (u16::MAX, false),
    ] {
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.send(pipe, frame(0x88, &code.to_be_bytes()));
        let answer = if is_known { code } else { 1002 };
        let [high, low] = answer.to_be_bytes();
        assert_eq!(rig.written(pipe), [0x88, 2, high, low], "{code}");
    }
}

#[test]
fn messages_that_the_application_has_no_room_for_are_read_once_it_has() {
    let config = Config::default().with_max_undelivered(1_000, 5);
    let mut rig = Rig::new(config, Options::new("/engine.io"));
    let pipe = rig.websocket();
    rig.send(pipe, frame(0x81, b"4x").repeat(100));
    assert_eq!(rig.written(pipe), b"\x81\x024x".repeat(100));
    assert!(rig.host.wants_read(pipe) && rig.host.wire().bytes_held() == 0);
}

#[test]
fn a_handshake_that_nobody_decides_on_ends_in_time() {
    let config = Config::default().with_allow_request(true);
    let timeout = config.handshake_timeout;
    let mut rig = Rig::new(config, Options::new("/engine.io"));
    let pipe = rig.open();
    rig.send(pipe, upgrade("EIO=4&transport=websocket"));
    assert!(rig.written(pipe).is_empty() && !rig.closed.contains(&pipe));
    rig.wait(timeout);
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
    assert_eq!(rig.host.wire().handshakes().len(), 0);
}

#[test]
fn a_batch_is_bounded_by_bytes_and_by_frames() {
    for (size, count, most) in [(30_000, 20, 64 * 1024 + 30_010), (1, 1_000, 64 * 4)] {
        let mut rig = Rig::default();
        let pipe = rig.websocket();
        rig.stuck.insert(pipe);
        let content = [b"4".to_vec(), vec![b'x'; size]].concat();
        for _ in 0..count {
            rig.send(pipe, frame(0x81, &content));
        }
        rig.host.handle_written(pipe, usize::MAX, rig.now);
        let mut total = 0;
        while let Some(batch) = rig.host.poll_write(pipe) {
            assert!(batch.len() <= most, "{}", batch.len());
            total += batch.len();
            rig.host.handle_written(pipe, batch.len(), rig.now);
        }
        assert!(total > (count - 1) * size, "{total}");
    }
}

#[test]
fn a_client_that_sends_much_before_the_answer_is_read_on() {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let mut bytes = upgrade("EIO=4&transport=websocket").into_bytes();
    bytes.extend(frame(0x82, &[7; 20_000]));
    rig.host.handle_bytes(pipe, &bytes, rig.now);
    assert!(!rig.host.wants_read(pipe), "the answer comes first");
    let mut is_told = false;
    while let Some(action) = rig.host.poll_output() {
        is_told |= action_reads(&action, pipe);
    }
    assert!(is_told && rig.host.wants_read(pipe));
}

fn action_reads<C>(action: &Action<C>, pipe: PipeId) -> bool {
    matches!(action, Action::Read(read) if *read == pipe)
}
