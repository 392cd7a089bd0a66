use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::inputs::WebSocketStream;
use crate::{Frame, Seed, strategies};

const MAX: usize = 1 << 17;

/// The bytes of a frame, masked if there is a key.
fn raw(first: u8, key: Option<[u8; 4]>, content: &[u8]) -> Vec<u8> {
    let bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match content.len() {
        short @ 0..=125 => bytes.push(bit | short as u8),
        medium @ 126..=0xffff => {
            bytes.push(bit | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(bit | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(key.into_iter().flatten());
    let key = key.unwrap_or_default();
    bytes.extend(
        content
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

/// All that comes of bytes which arrive in one piece.
fn read(role: Role, bytes: &[u8]) -> Result<Vec<Received>, Violation> {
    let mut decoder = Decoder::new(role, MAX);
    read_by(&mut decoder, bytes)
}

fn read_by(decoder: &mut Decoder, mut bytes: &[u8]) -> Result<Vec<Received>, Violation> {
    let mut all = Vec::new();
    while let Some(received) = decoder.decode(&mut bytes)? {
        all.push(received);
    }
    assert!(bytes.is_empty(), "all is taken");
    Ok(all)
}

fn text(text: &str) -> Received {
    Received::Message(Frame::Text(text.into()))
}

fn at_client(bytes: &[u8]) -> Result<Vec<Received>, Violation> {
    read(Role::Client, bytes)
}

#[test]
fn messages_of_every_length_and_kind_are_read() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, MAX] {
        let content: Vec<u8> = (0..length).map(|at| at as u8 & 0x7f).collect();
        let as_text = Frame::Text(str::from_utf8(&content).unwrap().into());
        let as_binary = Frame::Binary(content.clone().into());
        for (first, frame) in [(0x81, as_text), (0x82, as_binary)] {
            for (role, key) in [(Role::Client, None), (Role::Server, Some([9, 200, 3, 77]))] {
                let received = read(role, &raw(first, key, &content)).unwrap();
                assert_eq!(received, [Received::Message(frame.clone())], "{length}");
            }
        }
    }
}

#[test]
fn fragments_make_one_message_and_control_frames_may_stand_between() {
    let bytes = [
        raw(0x01, None, b"4h"),
        raw(0x89, None, b"are you there"),
        raw(0x00, None, b""),
        raw(0x8a, None, b""),
        raw(0x80, None, b"i"),
        raw(0x82, None, b"\0"),
    ];
    assert_eq!(
        at_client(&bytes.concat()).unwrap(),
        [
            Received::Ping(Bytes::from_static(b"are you there")),
            Received::Pong(Bytes::new()),
            text("4hi"),
            Received::Message(Frame::Binary(Bytes::from_static(b"\0"))),
        ]
    );
}

#[test]
fn a_character_may_be_split_among_fragments() {
    let euro = "€".as_bytes();
    let bytes = [raw(0x01, None, &euro[..1]), raw(0x80, None, &euro[1..])].concat();
    assert_eq!(at_client(&bytes).unwrap(), [text("€")]);
}

#[test]
fn lengths_may_take_more_bytes_than_they_need() {
    for bytes in [
        &[0x81, 126, 0, 2, b'4', b'x'][..],
        &[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 2, b'4', b'x'],
    ] {
        assert_eq!(at_client(bytes).unwrap(), [text("4x")]);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code() {
    let mask = Some([1, 2, 3, 4]);
    let mut cases = vec![
        (
            Role::Server,
            raw(0x81, None, b"4"),
            Violation::Unmasked,
            1002,
        ),
        (
            Role::Server,
            raw(0x89, None, b""),
            Violation::Unmasked,
            1002,
        ),
        (Role::Client, raw(0x81, mask, b"4"), Violation::Masked, 1002),
        (Role::Client, raw(0x88, mask, b""), Violation::Masked, 1002),
        (
            Role::Client,
            raw(0x09, None, b""),
            Violation::FragmentedControl,
            1002,
        ),
        (
            Role::Client,
            raw(0x08, None, b""),
            Violation::FragmentedControl,
            1002,
        ),
        (
            Role::Client,
            raw(0x89, None, &[0; 126]),
            Violation::LongControl,
            1002,
        ),
        (
            Role::Client,
            raw(0x88, None, &[3; 70_000]),
            Violation::LongControl,
            1002,
        ),
        (
            Role::Client,
            raw(0x80, None, b"x"),
            Violation::Continuation,
            1002,
        ),
        (
            Role::Client,
            raw(0x00, None, b"x"),
            Violation::Continuation,
            1002,
        ),
        (
            Role::Client,
            [raw(0x01, None, b"x"), raw(0x81, None, b"x")].concat(),
            Violation::Interrupted,
            1002,
        ),
        (
            Role::Client,
            [raw(0x02, None, b"x"), raw(0x02, None, b"x")].concat(),
            Violation::Interrupted,
            1002,
        ),
        (
            Role::Client,
            // Behind the end of a message there is none to be continued.
            [
                raw(0x01, None, b"x"),
                raw(0x80, None, b"x"),
                raw(0x80, None, b"x"),
            ]
            .concat(),
            Violation::Continuation,
            1002,
        ),
        (
            Role::Client,
            raw(0x81, None, b"\xff"),
            Violation::Utf8,
            1007,
        ),
        (
            Role::Client,
            raw(0x81, None, b"\xe2\x82"),
            Violation::Utf8,
            1007,
        ),
        (
            Role::Client,
            raw(0x81, None, b"\xed\xa0\x80"),
            Violation::Utf8,
            1007,
        ),
        (
            Role::Client,
            raw(0x88, None, b"\x03"),
            Violation::CloseFrame,
            1002,
        ),
        (
            Role::Client,
            raw(0x88, None, b"\x03\xe8\xff"),
            Violation::Utf8,
            1007,
        ),
        (
            Role::Client,
            raw(0x82, None, &[0; MAX + 1]),
            Violation::TooLarge,
            1009,
        ),
        (
            Role::Client,
            [raw(0x02, None, &[0; MAX]), raw(0x80, None, b"x")].concat(),
            Violation::TooLarge,
            1009,
        ),
        (
            Role::Client,
            vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            Violation::TooLarge,
            1009,
        ),
        (
            Role::Client,
            vec![0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            Violation::TooLarge,
            1009,
        ),
    ];
    for bits in [0x10, 0x20, 0x40, 0x70] {
        let bytes = raw(0x81 | bits, None, b"4");
        cases.push((Role::Client, bytes, Violation::ReservedBits, 1002));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let bytes = raw(0x80 | opcode, None, b"");
        cases.push((Role::Client, bytes, Violation::Opcode(opcode), 1002));
    }
    for (role, bytes, violation, code) in cases {
        let refused = read(role, &bytes);
        assert_eq!(
            refused,
            Err(violation),
            "{:?}",
            &bytes[..bytes.len().min(20)]
        );
        assert_eq!(violation.close_code(), code);
    }
}

#[test]
fn codes_that_are_never_sent_are_refused() {
    let valid = |code: u16| at_client(&raw(0x88, None, &code.to_be_bytes())).is_ok();
    let expected: Vec<u16> = (0..=u16::MAX).filter(|code| is_valid_code(*code)).collect();
    assert_eq!(
        (0..=u16::MAX)
            .filter(|code| valid(*code))
            .collect::<Vec<_>>(),
        expected
    );
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
        assert!(!is_valid_code(code), "{code}");
    }
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4999,
    ] {
        assert!(is_valid_code(code), "{code}");
    }
}

#[test]
fn nothing_is_read_behind_a_close_frame_or_an_error() {
    let close = Close::new(1001, "going away");
    let bytes = [
        raw(0x88, None, b"\x03\xe9going away"),
        raw(0x81, None, b"4"),
        vec![0xff; 100],
    ]
    .concat();
    assert_eq!(at_client(&bytes).unwrap(), [Received::Close(Some(close))]);
    let empty = [raw(0x88, None, b""), raw(0x81, None, b"4")].concat();
    assert_eq!(at_client(&empty).unwrap(), [Received::Close(None)]);

    let mut decoder = Decoder::new(Role::Client, MAX);
    let mut bytes = &raw(0x83, None, b"")[..];
    assert!(decoder.decode(&mut bytes).is_err());
    assert_eq!(read_by(&mut decoder, &raw(0x81, None, b"4")), Ok(vec![]));
    assert!(!decoder.is_within());
}

#[test]
fn a_frame_is_refused_by_its_first_bytes() {
    for (bytes, violation) in [
        (&[0xc1, 0][..], Violation::ReservedBits),
        (&[0x81, 0x80], Violation::Masked),
        (&[0x80, 0], Violation::Continuation),
        (&[0x82, 127, 0, 0, 0, 0, 0xff, 0, 0, 0], Violation::TooLarge),
    ] {
        assert_eq!(at_client(bytes), Err(violation));
    }
}

#[test]
fn memory_follows_what_came_and_is_given_back() {
    let mut decoder = Decoder::new(Role::Server, 1 << 30);
    // A gigabyte is announced, and nothing comes.
    let header = [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(read_by(&mut decoder, &header), Ok(vec![]));
    assert!(decoder.is_within());
    assert_eq!(decoder.bytes_held(), 0);
    for sent in 1..=100 {
        read_by(&mut decoder, &[0; 100]).unwrap();
        assert!(decoder.bytes_held() <= 2 * 100 * sent + 64);
    }
    let mut decoder = Decoder::new(Role::Client, MAX);
    for _ in 0..3 {
        let bytes = [raw(0x01, None, &[b'x'; 5000]), raw(0x80, None, &[b'x'; 9])].concat();
        assert_eq!(read_by(&mut decoder, &bytes).unwrap().len(), 1);
        assert_eq!((decoder.bytes_held(), decoder.is_within()), (0, false));
        read_by(&mut decoder, &raw(0x89, None, b"ping")).unwrap();
        assert_eq!(decoder.bytes_held(), 0);
    }
    let fault = [raw(0x01, None, &[b'x'; 5000]), raw(0x81, None, b"")].concat();
    assert!(read_by(&mut decoder, &fault).is_err());
    assert_eq!(decoder.bytes_held(), 0);
}

#[test]
fn control_frames_are_written_within_their_bounds() {
    let long = Bytes::from(vec![7; 200]);
    let mut server = Encoder::server();
    assert_eq!(server.ping(&long).1.len(), 125);
    assert_eq!(server.pong(&long).0.as_ref(), [0x8a, 125]);
    let reason = "€".repeat(60);
    let (header, content) = server.close(Some(&Close::new(1000, &*reason)));
    let received = at_client(&[header.as_ref(), &content].concat()).unwrap();
    assert_eq!(
        received,
        [Received::Close(Some(Close::new(1000, "€".repeat(41))))]
    );
    let (header, content) = server.close(None);
    assert_eq!((header.as_ref(), content.len()), (&[0x88, 0][..], 0));
}

/// All that comes of bytes which arrive in pieces, and the violation that ended them.
fn read_cut(
    role: Role,
    limit: usize,
    bytes: &[u8],
    cuts: &[prop::sample::Index],
) -> (Vec<Received>, Option<Violation>) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut decoder = Decoder::new(role, limit);
    let (mut all, mut end, mut from) = (Vec::new(), None, 0);
    for cut in cuts {
        let mut piece = &bytes[from..cut];
        from = cut;
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(violation) => end = Some(violation),
            }
        }
    }
    if !decoder.is_within() {
        assert_eq!(decoder.bytes_held(), 0);
    }
    (all, end)
}

#[test]
fn a_compressed_message_is_marked_on_its_first_frame() {
    let mut decoder = Decoder::new(Role::Client, MAX).with_compressed();
    let mut bytes = &[0x41, 1, b'a', 0x89, 0, 0x80, 1, b'b', 0x82, 1, b'c'][..];
    let mut next = || decoder.decode(&mut bytes);
    assert_eq!(next(), Ok(Some(Received::Ping(Bytes::new()))));
    let content = Bytes::from_static(b"ab");
    let compressed = Received::Compressed {
        is_text: true,
        content,
    };
    assert_eq!(next(), Ok(Some(compressed)));
    let plain = Frame::Binary(Bytes::from_static(b"c"));
    assert_eq!(next(), Ok(Some(Received::Message(plain))));
    for bytes in [
        [0xc1, 0],
        [0x41, 0],
        [0xc9, 0],
        [0xc0, 0],
        [0xa1, 0],
        [0x91, 0],
    ] {
        let refused = Decoder::new(Role::Client, MAX).decode(&mut &bytes[..]);
        assert_eq!(refused, Err(Violation::ReservedBits), "{bytes:?}");
    }
    for start in [&[0xc9, 0][..], &[0xa1, 0], &[0x91, 0], &[0x01, 0, 0xc0, 0]] {
        let mut decoder = Decoder::new(Role::Client, MAX).with_compressed();
        assert_eq!(
            decoder.decode(&mut &*start),
            Err(Violation::ReservedBits),
            "{start:?}"
        );
    }
}

#[test]
fn a_compressed_message_comes_back() {
    let content = Bytes::from_static(b"\xf2H\xcd\xc9\xc9\x07\0");
    for (mut encoder, reader) in [
        (Encoder::server(), Role::Client),
        (Encoder::client(&Seed::new([3; 32]), 1), Role::Server),
    ] {
        let (header, written) = encoder.compressed(false, content.clone());
        let bytes = [header.as_ref(), &written].concat();
        let mut decoder = Decoder::new(reader, MAX).with_compressed();
        let compressed = Received::Compressed {
            is_text: false,
            content: content.clone(),
        };
        assert_eq!(decoder.decode(&mut &bytes[..]), Ok(Some(compressed)));
    }
}

proptest! {
    #[test]
    fn what_one_end_writes_the_other_reads_however_it_is_split(
        stream: WebSocketStream,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let received = read_cut(stream.reader, MAX, &stream.bytes, &cuts);
        prop_assert_eq!(received, (stream.received, None));
    }

    #[test]
    fn what_the_encoder_writes_the_other_end_reads(stream: WebSocketStream) {
        let mut encoder = match stream.reader {
            Role::Server => Encoder::client(&Seed::new([3; 32]), 1),
            Role::Client => Encoder::server(),
        };
        let mut bytes = Vec::new();
        for received in stream.received.clone() {
            let (header, content) = match received {
                Received::Message(frame) => encoder.message(frame),
                Received::Compressed { is_text, content } => encoder.compressed(is_text, content),
                Received::Ping(content) => encoder.ping(&content),
                Received::Pong(content) => encoder.pong(&content),
                Received::Close(close) => encoder.close(close.as_ref()),
            };
            bytes.extend_from_slice(header.as_ref());
            bytes.extend_from_slice(&content);
        }
        prop_assert_eq!(read(stream.reader, &bytes), Ok(stream.received));
    }

    #[test]
    fn any_bytes_come_out_the_same_however_they_are_split(
        (role, bytes) in any::<Role>().prop_flat_map(|role| (Just(role), strategies::websocket_bytes(role))),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        limit in prop_oneof![Just(100), Just(MAX)],
    ) {
        let whole = read_cut(role, limit, &bytes, &[]);
        prop_assert_eq!(read_cut(role, limit, &bytes, &cuts), whole);
    }
}
