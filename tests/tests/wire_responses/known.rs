//! The known differences.

use crate::Outcome;

/// Another client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Other {
    Hyper,
    Ureq,
}

/// What a comparison comes to.
pub(crate) enum Verdict {
    Same,
    Known(&'static str),
    Unknown,
}

/// A difference that is known: we refuse what others read.
struct Known {
    /// Who reads it; `None` if all do.
    other: Option<Other>,
    is_about: fn(&Head) -> bool,
    reason: &'static str,
}

/// A look at the head of a response that is as simple as can be.
pub(crate) struct Head {
    line: String,
    fields: Vec<(String, String)>,
    body: String,
    all: Vec<u8>,
}

const TABLE: &[Known] = &[
    Known {
        other: None,
        is_about: |head| has_bare_line_feed(&head.all),
        reason: "others take line feeds without a carriage return",
    },
    Known {
        other: None,
        is_about: |head| head.line.contains(" 101"),
        reason: "others leave it to their callers what becomes of a switch of protocols",
    },
    Known {
        other: None,
        is_about: |head| head.count("content-length") > 0 && head.count("transfer-encoding") > 0,
        reason: "others take the transfer encoding and forget the length",
    },
    Known {
        other: None,
        is_about: |head| head.count("content-length") > 1,
        reason: "others take a length that stands twice",
    },
    Known {
        other: None,
        is_about: |head| {
            let lengths = head.values("content-length");
            let is_number =
                |length: &&str| length.parse::<u64>().is_ok() && !length.starts_with('+');
            !lengths.iter().all(is_number)
        },
        reason: "others take several lengths in one field, or do not look at one where there is no body",
    },
    Known {
        other: None,
        is_about: |head| {
            let encodings = head.values("transfer-encoding");
            encodings.len() > 1 || encodings.iter().any(|encoding| *encoding != "chunked")
        },
        reason: "others take transfer encodings that nobody asked for, and read up to the end",
    },
    Known {
        other: None,
        is_about: |head| head.line.starts_with("HTTP/1.0") && head.count("transfer-encoding") > 0,
        reason: "others take a transfer encoding in HTTP/1.0",
    },
    Known {
        other: None,
        is_about: |head| {
            let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_odd = |line: &str| {
                let size = line.split(';').next().unwrap_or_default();
                let digits = size.trim().trim_start_matches('+');
                !digits.is_empty() && is_hex(digits) && (digits.len() > 16 || size != digits)
            };
            head.is_chunked() && head.body.split("\r\n").any(is_odd)
        },
        reason: "others take space or a sign at the size of a chunk, and any number of zeros before it",
    },
    Known {
        other: None,
        is_about: |head| {
            let mut lines = head.body.split("\r\n");
            head.is_chunked() && lines.any(|line| line.trim_end().ends_with(';'))
        },
        reason: "others take a semicolon behind the size of a chunk, and nothing behind that",
    },
    Known {
        other: Some(Other::Ureq),
        is_about: |head| {
            let mut lines = head.body.split("\r\n").map(|line| line.split(';').next());
            let is_zero = |size: &str| !size.is_empty() && size.bytes().all(|byte| byte == b'0');
            let last = lines.find(|size| size.is_some_and(is_zero));
            head.is_chunked() && last.is_some() && lines.next() != Some(Some(""))
        },
        reason: "ureq does not look at trailers",
    },
];

pub(crate) fn judge(other: Other, bytes: &[u8], ours: &Outcome, theirs: &Outcome) -> Verdict {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => return Verdict::Same,
        (Err(_), Err(_)) => return Verdict::Same,
        _ => {}
    }
    let head = Head::of(bytes);
    let fits = |known: &&Known| {
        known.other.is_none_or(|of| of == other)
            && (ours.is_err() && theirs.is_ok())
            && (known.is_about)(&head)
    };
    let known = TABLE.iter().find(fits);
    known.map_or(Verdict::Unknown, |known| Verdict::Known(known.reason))
}

impl Head {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut text = &*text;
        // An interim response stands before the one that counts.
        while let Some((interim, rest)) = text.split_once("\r\n\r\n")
            && interim.contains(" 1")
            && !interim.contains(" 101")
            && rest.starts_with("HTTP")
        {
            text = rest;
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_lowercase(), value.trim().to_lowercase())
        });
        Self {
            line,
            fields: fields.collect(),
            body: body.into(),
            all: bytes.to_vec(),
        }
    }

    fn count(&self, name: &str) -> usize {
        self.values(name).len()
    }

    fn is_chunked(&self) -> bool {
        self.values("transfer-encoding") == ["chunked"]
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| &**value).collect()
    }
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    let is_bare = |at: usize| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
    (0..bytes.len()).any(is_bare)
}
