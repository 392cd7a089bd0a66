//! Responses.

use socketio_testkit::Random;

const VERSIONS: &[&str] = &[
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/2.0",
    "http/1.1",
    "HTTP/1.10",
    "ICY",
    "",
];
const STATUSES: &[&str] = &[
    "200", "200", "200", "200", "200", "404", "503", "204", "304", "302", "100", "101", "103",
    "199", "600", "999", "099", "20", "2000", "+20", "2x0", "",
];
const REASONS: &[&str] = &[
    " OK",
    " OK",
    " OK",
    " OK",
    "",
    " ",
    " Not Found",
    " \u{e4}",
    " a\tb",
    "  ",
    " a\0b",
    " a\rb",
];
const FIELDS: &[&str] = &[
    "Connection: close",
    "Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "Set-Cookie: a=b",
    "X: y",
    "X:y",
    "X:",
    "X: \t y \t",
    "X: \u{e4}",
    "X : y",
    " folded: y",
    "\tfolded",
    ": y",
    "X",
    "X: a\0b",
    "X: a\rb",
    "X: a\u{7f}b",
    "X y: z",
    "(X): y",
    "Content-Length: 3",
    "Content-Length: 3",
    "Content-Length: 0",
    "Content-Length:  3 ",
    "Content-Length: 3, 3",
    "Content-Length: +3",
    "Content-Length: -1",
    "Content-Length: 0x3",
    "Content-Length: 03",
    "Content-Length: 3 3",
    "Content-Length: 18446744073709551619",
    "Content-Length:",
    "Content-Length : 3",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: chunked ",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding:",
    "Trailer: x",
    "Location: /",
    "Upgrade: h2c",
];
const BODIES: &[&str] = &[
    "",
    "abc",
    "abcdef",
    "3\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "A\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
    "3;a=b\r\nabc\r\n0;c\r\n\r\n",
    "03\r\nabc\r\n000\r\n\r\n",
    "+3\r\nabc\r\n0\r\n\r\n",
    "0x3\r\nabc\r\n0\r\n\r\n",
    "3 \r\nabc\r\n0\r\n\r\n",
    " 3\r\nabc\r\n0\r\n\r\n",
    "3\nabc\n0\n\n",
    "3\r\nabcd\r\n0\r\n\r\n",
    "3\r\nab\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "00000000000000000003\r\nabc\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "0\r\n",
    "3\r\nabc\r\n",
    "3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    "0\r\n x: y\r\n\r\n",
    "0\r\nx\r\n\r\n",
];

fn pick(random: &mut Random, items: &[&'static str]) -> &'static str {
    random.pick(items).copied().unwrap_or_default()
}

/// A response, mostly one that makes some sense.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    if random.chance(50) {
        text.push_str("HTTP/1.1 100 Continue\r\n\r\n");
    }
    let is_plain = random.chance(700);
    let (version, status, reason) = if is_plain {
        ("HTTP/1.1", pick(random, &STATUSES[..10]), " OK")
    } else {
        (
            pick(random, VERSIONS),
            pick(random, STATUSES),
            pick(random, REASONS),
        )
    };
    text.push_str(&format!("{version} {status}{reason}\r\n"));
    for _ in 0..random.below(4) {
        text.push_str(pick(random, FIELDS));
        text.push_str(if random.chance(20) { "\n" } else { "\r\n" });
    }
    let body = pick(random, BODIES);
    match random.below(5) {
        0 => text.push_str("Transfer-Encoding: chunked\r\n"),
        1 => text.push_str(&format!("Content-Length: {}\r\n", body.len())),
        _ => {}
    }
    text.push_str("\r\n");
    text.push_str(body);
    let mut bytes = text.into_bytes();
    if random.chance(300) {
        mutate(random, &mut bytes);
    }
    bytes
}

/// Changes a byte, takes some out, puts one in, or cuts the end off.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len() as u64) as usize;
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = *random.pick(b"\r\n :;,0aA\0\x7f\xff").unwrap_or(&0),
        2 => drop(bytes.drain(at..(at + 1 + random.below(3) as usize).min(bytes.len()))),
        3 => bytes.insert(at, *random.pick(b"\r\n :;,0aA\0\x7f\xff").unwrap_or(&0)),
        _ => bytes.truncate(at),
    }
}
