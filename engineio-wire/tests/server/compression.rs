//! Compressed answers and messages.

use std::io::{Read, Write};
use std::time::Duration;

use engineio_proto::server::Config;
use engineio_wire::server::Options;
use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder};
use flate2::write::DeflateEncoder;

use crate::support::{Rig, frame, get, post, upgrade};

fn poll_with(rig: &mut Rig, accepted: &str, message: &str) -> (String, Vec<u8>) {
    let pipe = rig.open();
    let sid = rig.session(pipe);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    rig.send(pipe, post(&query, message));
    rig.written(pipe);
    rig.send(
        pipe,
        get(&query).replace("Host", &format!("Accept-Encoding: {accepted}\r\nHost")),
    );
    let written = rig.written(pipe);
    let end = written
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let (head, body) = written.split_at(end);
    (String::from_utf8(head.to_vec()).unwrap(), body.to_vec())
}

#[test]
fn a_long_answer_is_compressed_for_those_who_accept_it() {
    let long = format!("4{}", "hello ".repeat(400));
    let mut rig = Rig::default();
    let (head, body) = poll_with(&mut rig, "gzip, deflate", &long);
    assert!(head.contains("\r\nContent-Encoding: gzip\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
        "{head}"
    );
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, long);
    for (accepted, message) in [("br", &*long), ("gzip", "4short")] {
        let (head, body) = poll_with(&mut rig, accepted, message);
        assert!(!head.contains("Content-Encoding"), "{head}");
        assert_eq!(body, message.as_bytes());
    }
}

/// A rig that agrees on compressed messages.
fn compressing(max_payload: usize) -> (Rig, engineio_wire::server::PipeId) {
    let mut options = Options::new("/engine.io");
    options.websocket_compression = Some(100);
    let mut rig = Rig::new(Config::default().with_max_payload(max_payload), options);
    let pipe = rig.open();
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost";
    rig.send(
        pipe,
        upgrade("EIO=4&transport=websocket").replace("Host", offer),
    );
    let written = String::from_utf8_lossy(&rig.written(pipe)).into_owned();
    let answer = "\r\nSec-Websocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
    assert!(written.contains(answer), "{written}");
    (rig, pipe)
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    let end = bytes
        .windows(4)
        .rposition(|four| four == [0, 0, 0xff, 0xff])
        .unwrap();
    bytes.truncate(end);
    bytes
}

fn inflated(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 100_000];
    let mut read = 0;
    let stream = [content, &[0, 0, 0xff, 0xff]].concat();
    let mut decoder = DeflateDecoder::new(&stream[..]);
    while let Ok(count @ 1..) = decoder.read(&mut bytes[read..]) {
        read += count;
    }
    bytes.truncate(read);
    bytes
}

#[test]
fn messages_are_compressed_in_both_directions() {
    let (mut rig, pipe) = compressing(1_000_000);
    let long = format!("4{}", "hello ".repeat(400));
    rig.send(pipe, frame(0xc1, &deflated(long.as_bytes())));
    assert_eq!(rig.host.app().log.last().unwrap(), &long[1..]);
    let written = rig.written(pipe);
    assert_eq!(written[0], 0xc1, "compressed text");
    assert!(written.len() < 127 && inflated(&written[2..]) == long.as_bytes());
    rig.send(pipe, frame(0xc1, &deflated(b"4short")));
    assert_eq!(rig.written(pipe), b"\x81\x064short");
    assert_eq!(rig.host.wire().bytes_held(), 0);
}

#[test]
fn a_compressed_message_may_come_in_fragments() {
    let (mut rig, pipe) = compressing(1_000_000);
    let content = deflated(b"4in pieces");
    let (first, rest) = content.split_at(4);
    rig.send(
        pipe,
        [frame(0x41, first), frame(0x89, b"p"), frame(0x80, rest)].concat(),
    );
    assert_eq!(rig.host.app().log.last().unwrap(), "in pieces");
}

#[test]
fn the_limit_is_one_of_the_inflated_size() {
    let (mut rig, pipe) = compressing(10_000);
    let fits = format!("4{}", "x".repeat(9_999));
    rig.send(pipe, frame(0xc1, &deflated(fits.as_bytes())));
    assert_eq!(rig.host.app().log.last().unwrap(), &fits[1..]);
    rig.written(pipe);
    rig.send(pipe, frame(0xc1, &deflated("4".repeat(10_001).as_bytes())));
    assert_eq!(rig.written(pipe), [0x88, 2, 0x03, 0xf1], "1009");
    rig.wait(Duration::from_secs(5));
    assert!(rig.closed.contains(&pipe));
}

#[test]
fn what_is_no_stream_or_no_text_is_closed_with_its_code() {
    for content in [vec![0xff], deflated(&[0xff])] {
        let (mut rig, pipe) = compressing(10_000);
        rig.send(pipe, frame(0xc1, &content));
        assert_eq!(rig.written(pipe), [0x88, 2, 0x03, 0xef], "1007");
        assert_eq!(
            rig.host.app().log.last().unwrap(),
            "closed: TransportError(Connection)"
        );
    }
}

#[test]
fn nobody_compresses_unless_it_was_agreed_on() {
    let mut rig = Rig::default();
    let pipe = rig.websocket();
    rig.send(pipe, frame(0xc1, &deflated(b"4hello")));
    assert_eq!(rig.written(pipe), [0x88, 2, 0x03, 0xea], "1002");
}
