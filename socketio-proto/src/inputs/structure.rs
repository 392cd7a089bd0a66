//! The places in messages that hold types, counts and lengths.

use alloc::vec::Vec;

/// The places in the text of a packet, in characters: all before the payload, and the numbers of placeholders.
pub(super) fn of_text(text: &str) -> Vec<usize> {
    const NUMBER: &str = "\"num\":";
    let head = text
        .chars()
        .take_while(|char| !matches!(char, '[' | '{' | '"'));
    let mut places: Vec<usize> = head.enumerate().map(|(at, _)| at).collect();
    let numbers = text.match_indices(NUMBER);
    places.extend(numbers.map(|(at, _)| {
        let before = text.get(..at + NUMBER.len()).unwrap_or_default();
        before.chars().count()
    }));
    places
}

/// The places in MessagePack: the markers and the lengths behind them.
pub(super) fn of_msgpack(mut rest: &[u8]) -> Vec<usize> {
    let len = rest.len();
    let mut places = Vec::new();
    while let Some((head, content)) = value(rest) {
        let at = len - rest.len();
        places.extend(at..(at + head).min(len));
        rest = rest.get(head.saturating_add(content)..).unwrap_or_default();
    }
    places
}

/// The length of the marker with the length behind it, and that of what they announce. Elements of lists and maps are
/// values of their own. `None` at the end.
fn value(bytes: &[u8]) -> Option<(usize, usize)> {
    let number = |bytes: Option<&[u8]>| {
        let bytes = bytes.unwrap_or_default();
        bytes
            .iter()
            .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
    };
    Some(match *bytes.first()? {
        marker @ 0xa0..=0xbf => (1, usize::from(marker & 0x1f)),
        0xc4 | 0xd9 => (2, number(bytes.get(1..2))),
        0xc5 | 0xda => (3, number(bytes.get(1..3))),
        0xc6 | 0xdb => (5, number(bytes.get(1..5))),
        0xc7 => (3, number(bytes.get(1..2))),
        0xc8 => (4, number(bytes.get(1..3))),
        0xc9 => (6, number(bytes.get(1..5))),
        0xcc | 0xd0 => (1, 1),
        0xcd | 0xd1 => (1, 2),
        0xca | 0xce | 0xd2 => (1, 4),
        0xcb | 0xcf | 0xd3 => (1, 8),
        marker @ 0xd4..=0xd8 => (2, 1 << (marker - 0xd4)),
        0xdc | 0xde => (3, 0),
        0xdd | 0xdf => (5, 0),
        _ => (1, 0),
    })
}
