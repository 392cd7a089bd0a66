//! The same bytes in other pieces.

use proptest::prelude::*;

use crate::support::{Rig, frame, get, post, upgrade};

/// The parts of a conversation, each a request or frames, after a session was opened.
fn conversation(sid: &str, choices: &[u8]) -> Vec<u8> {
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let part = |choice: &u8| {
        match choice % 8 {
        0 => post(&query, "4hello").into_bytes(),
        1 => get("EIO=4&transport=nothing").into_bytes(),
        2 => post("EIO=4&transport=polling&sid=unknown", "4").into_bytes(),
        3 => {
            let head = post(&query, "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
            (head + "3\r\n4ab\r\n1;c\r\nd\r\n0\r\nx: y\r\n\r\n").into_bytes()
        }
        4 => b"\r\n\r\nGET /other HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        5 => post(&query, "4expected").replace("Host", "Expect: 100-continue\r\nHost").into_bytes(),
        6 => b"POST /other HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n".to_vec(),
        _ => b"GET / HTTP/1.1\nHost: a\n\n".to_vec(),
    }
    };
    choices.iter().flat_map(part).collect()
}

fn frames(choices: &[u8]) -> Vec<u8> {
    let part = |choice: &u8| match choice % 8 {
        0 | 1 => frame(0x81, b"4text"),
        2 => frame(0x82, &[7; 300]),
        3 => [frame(0x01, b"4a"), frame(0x89, b"p"), frame(0x80, b"b")].concat(),
        4 => frame(0x8a, b"pong"),
        5 => frame(0x89, b"ping"),
        6 => frame(0x81, b"4"),
        _ => frame(0x88, &[3, 0xe8]),
    };
    choices.iter().flat_map(part).collect()
}

/// What came of a stream: the log of the application, the foreign requests, and what was written.
fn run(is_websocket: bool, choices: &[u8], cuts: &[usize]) -> (Vec<String>, Vec<String>, Vec<u8>) {
    let mut rig = Rig::default();
    let pipe = rig.open();
    let mut bytes = upgrade("EIO=4&transport=websocket").into_bytes();
    if is_websocket {
        bytes.extend(frames(choices));
    } else {
        let sid = rig.session(pipe);
        bytes = conversation(&sid, choices);
    }
    let mut rest = bytes.as_slice();
    for cut in cuts {
        let (piece, next) = rest.split_at(cut % (rest.len() + 1));
        rig.send(pipe, piece);
        answer_foreign(&mut rig);
        rest = next;
    }
    rig.send(pipe, rest);
    answer_foreign(&mut rig);
    let foreign = rig
        .answered
        .iter()
        .map(|foreign| format!("{foreign:?}"))
        .collect();
    (rig.host.app().log.clone(), foreign, rig.written(pipe))
}

fn answer_foreign(rig: &mut Rig) {
    while let Some(foreign) = rig.foreign.pop() {
        rig.host.respond(
            foreign.pipe,
            &engineio_wire::server::Reply::new(404, "none"),
        );
        rig.answered.push(foreign);
        rig.drain();
    }
}

/// Without what tells that a client was asked for its body: whether it is asked depends on whether the body is there.
fn without_continue(written: &[u8]) -> String {
    String::from_utf8_lossy(written).replace("HTTP/1.1 100 Continue\r\n\r\n", "")
}

/// Pongs may be fewer, if several pings come at once.
fn without_pongs(written: &[u8]) -> Vec<u8> {
    let mut rest = written;
    let mut kept = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(b"\x8a\x01p") {
            rest = &rest[3..];
        } else if rest.starts_with(b"\x8a\x04ping") {
            rest = &rest[6..];
        } else {
            kept.push(*first);
            rest = after;
        }
    }
    kept
}

proptest! {
    #[test]
    fn requests_are_the_same_in_any_pieces(
        choices in prop::collection::vec(any::<u8>(), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let (log, foreign, written) = run(false, &choices, &[]);
        let (cut_log, cut_foreign, cut_written) = run(false, &choices, &cuts);
        prop_assert_eq!(log, cut_log);
        prop_assert_eq!(foreign, cut_foreign);
        prop_assert_eq!(without_continue(&written), without_continue(&cut_written));
    }

    #[test]
    fn frames_are_the_same_in_any_pieces(
        choices in prop::collection::vec(any::<u8>(), 0..12),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let (log, _, written) = run(true, &choices, &[]);
        let (cut_log, _, cut_written) = run(true, &choices, &cuts);
        prop_assert_eq!(log, cut_log);
        // What is on its way to a peer that closes is given up.
        if choices.iter().all(|choice| choice % 8 != 7) {
            prop_assert_eq!(without_pongs(&written), without_pongs(&cut_written));
        }
    }
}
