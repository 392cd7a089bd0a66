//! Streams of requests.

use socketio_testkit::Random;

/// What ends a head that is not whole.
pub(crate) const REST: &[u8] = b"\r\n\r\n";

const METHODS: &[&str] = &[
    "GET", "GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "get", "CONNECT",
    "BREW", "PRI", "",
];
const TARGETS: &[&str] = &[
    "/",
    "/a?b=c&d",
    "/a/../b",
    "*",
    "http://other/x",
    "https://other",
    "http://other?q",
    "ftp://other/x",
    "other:80",
    "/a b",
    "/\u{e4}",
    "/a#b",
    "//a",
    "",
    "/\"<>^`{}",
];
const VERSIONS: &[&str] = &[
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/0.9",
    "HTTP/2.0",
    "http/1.1",
    "HTTP/1.10",
    "",
];
const FIELDS: &[&str] = &[
    "Host: b",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Upgrade, close",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Expect: 200-ok",
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
    "Content_Length: 3",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: \u{b}chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding : chunked",
    "Trailer: x",
    "Content-Encoding: chunked",
];
const SIZES: &[&str] = &[
    "1",
    "03",
    "0",
    "+3",
    "-3",
    "0x3",
    " 3",
    "3 ",
    "3\t",
    "3 3",
    "3;a=b",
    "3; a=\"b;c\"",
    "3 ;a",
    "3;",
    "3;\u{e4}",
    "3;a\0",
    "3;a\rb",
    "g",
    "",
    "00000000000000003",
    "ffffffffffffffff",
    "10000000000000003",
    "3_0",
];
const TRAILERS: &[&str] = &[
    "x: y",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Host: z",
    "x",
    " x: y",
    ": y",
    "x : y",
    "x: a\0",
    "x:",
];
const INSERTS: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b",",
    b"0",
    b"3",
    b"\x80",
    b"\x7f",
    b"\x0b",
];

fn pick<'a, T: ?Sized>(random: &mut Random, items: &[&'a T]) -> &'a T {
    random.pick(items).expect("there are some")
}

/// Up to four requests behind each other, with up to three mutations.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(4) + 1 {
        request(random, &mut bytes);
    }
    if random.chance(400) {
        for _ in 0..random.below(3) + 1 {
            mutate(random, &mut bytes);
        }
    }
    bytes
}

/// Mostly the first of the list, which is good, otherwise any.
fn mostly(random: &mut Random, items: &[&'static str]) -> &'static str {
    if random.chance(960) {
        items[random.below(3) as usize]
    } else {
        pick(random, items)
    }
}

fn request(random: &mut Random, bytes: &mut Vec<u8>) {
    if random.chance(50) {
        bytes.extend_from_slice(b"\r\n");
    }
    let method = mostly(random, METHODS);
    let target = mostly(random, TARGETS);
    let version = mostly(random, VERSIONS);
    bytes.extend_from_slice(format!("{method} {target} {version}\r\n").as_bytes());
    let mut fields = vec!["Host: a"];
    if random.chance(30) {
        fields.clear();
    }
    for _ in 0..random.below(3) {
        let field = if random.chance(100) {
            pick(random, FIELDS)
        } else {
            pick(random, &["X: y", "Accept: */*", "Cookie: a=b; c=d"])
        };
        fields.push(field);
    }
    let framing = if method == "GET" && random.chance(800) {
        0
    } else {
        random.below(3)
    };
    match framing {
        1 => fields.push("Content-Length: 3"),
        2 => fields.push("Transfer-Encoding: chunked"),
        _ => {}
    }
    if random.chance(100) {
        let (one, other) = (
            random.index(fields.len() + 1),
            random.index(fields.len() + 1),
        );
        if one < fields.len() && other < fields.len() {
            fields.swap(one, other);
        }
    }
    for field in fields {
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    match framing {
        1 => bytes.extend_from_slice(b"abc"),
        2 => chunks(random, bytes),
        _ => {}
    }
}

fn chunks(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.below(3) {
        let size = if random.chance(900) {
            "3"
        } else {
            pick(random, SIZES)
        };
        bytes.extend_from_slice(size.as_bytes());
        bytes.extend_from_slice(b"\r\nabc\r\n");
    }
    let last = if random.chance(900) {
        "0"
    } else {
        pick(random, &["00", "0;a", "0 ", "-0", ""])
    };
    bytes.extend_from_slice(last.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    for _ in 0..random.below(6) / 4 {
        bytes.extend_from_slice(pick(random, TRAILERS).as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
}

/// Changes a byte or a line, takes some out, or puts some in.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = random.index(bytes.len());
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => drop(bytes.drain(at..(at + 1 + random.index(3)).min(bytes.len()))),
        3 => bytes.truncate(at),
        4 => {
            // A line end without its carriage return.
            let ends: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] == b'\r').collect();
            if let Some(at) = random.pick(&ends) {
                bytes.remove(*at);
            }
        }
        5 => {
            // A line twice.
            let from = bytes[..at]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let to = bytes[at..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(bytes.len(), |end| at + end + 1);
            let line = bytes[from..to].to_vec();
            drop(bytes.splice(to..to, line));
        }
        _ => {
            let insert = pick(random, INSERTS);
            drop(bytes.splice(at..at, insert.iter().copied()));
        }
    }
}
