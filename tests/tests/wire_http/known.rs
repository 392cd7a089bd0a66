//! The known differences.

use crate::{Outcome, Request, readers};

/// Another server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Other {
    Hyper,
    Node,
}

/// What a comparison comes to.
pub(crate) enum Verdict {
    Same,
    Known(&'static str),
    /// With what each side says, and the offset of the request.
    Unknown(String, usize),
}

/// What a server made of one request.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Read(&'a Request),
    Refused(&'a str),
    /// It waits for more.
    Open,
}

/// A difference that is known.
struct Known {
    other: Other,
    /// The beginning of what our side says; `read` if it reads the request, and `open` if it waits for more.
    ours: &'static str,
    theirs: &'static str,
    /// Whether the rest of the stream, from the request on, is one of those that this is about.
    is_about: fn(&[u8]) -> bool,
    reason: &'static str,
}

const TABLE: &[Known] = &[
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            let head = head(rest);
            head.count("host") > 1 || head.count("host") == 0 && !head.line.ends_with("HTTP/1.0")
        },
        reason: "hyper leaves it to its caller that there is one host",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: has_bare_line_feed,
        reason: "hyper takes line feeds without a carriage return",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            head(rest).count("content-length") > 0 && head(rest).count("transfer-encoding") > 0
        },
        reason: "hyper takes the transfer encoding and forgets the length",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).count("content-length") > 1,
        reason: "hyper takes a length that stands twice",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            let head = head(rest);
            let encodings = head.values("transfer-encoding");
            encodings.len() > 1
                || encodings
                    .iter()
                    .any(|value| !value.eq_ignore_ascii_case("chunked"))
        },
        reason: "hyper takes encodings before chunked",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).line.contains('#'),
        reason: "hyper takes the fragment off a target",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| !head(rest).line.is_ascii(),
        reason: "hyper takes targets outside of ASCII",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).line.starts_with("CONNECT "),
        reason: "hyper opens tunnels",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            let head = head(rest);
            let target = head.line.split(' ').nth(1).unwrap_or_default();
            !target.starts_with('/') && !target.contains("://")
        },
        reason: "hyper takes a host for a target, without asking for a tunnel",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| is_chunked(rest) && has_odd_size(rest),
        reason: "hyper takes space behind the size of a chunk, and extensions that are empty or have control bytes",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| is_chunked(rest) && has_long_size(rest),
        reason: "hyper takes any number of zeros before the size of a chunk",
    },
    Known {
        other: Other::Hyper,
        ours: "400",
        theirs: "",
        is_about: |rest| !has_plain_address(head(rest).line.split(' ').nth(1).unwrap_or_default()),
        reason: "hyper takes schemes and hosts that are none, and names of users",
    },
    Known {
        other: Other::Hyper,
        ours: "closed",
        theirs: "",
        is_about: |_| true,
        reason: "hyper forgets options of a connection beside bytes outside of ASCII; closing is safe",
    },
    Known {
        other: Other::Hyper,
        ours: "417",
        theirs: "",
        is_about: |rest| head(rest).count("expect") > 0,
        reason: "hyper leaves expectations to its caller",
    },
    Known {
        other: Other::Hyper,
        ours: "",
        theirs: "invalid URI",
        is_about: |rest| {
            head(rest)
                .line
                .contains(['"', '<', '>', '^', '`', '{', '}', '|', '\\'])
        },
        reason: "targets may hold bytes that are to be encoded, as with Node.js",
    },
    Known {
        other: Other::Node,
        ours: "505",
        theirs: "",
        is_about: |rest| {
            let versions = ["HTTP/2.0", "HTTP/0.9"];
            versions
                .iter()
                .any(|version| head(rest).line.ends_with(version))
        },
        reason: "Node.js reads a version that it does not speak",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).line.split(' ').count() < 3,
        reason: "Node.js reads HTTP/0.9",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).line.contains('#'),
        reason: "Node.js gives the fragment of a target",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            let start = rest.iter().position(|byte| !b"\r\n".contains(byte));
            let empty = &rest[..start.unwrap_or(rest.len())];
            empty.chunks(2).any(|end| end != b"\r\n")
        },
        reason: "Node.js takes bare line feeds and carriage returns before a request",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| !has_plain_address(head(rest).line.split(' ').nth(1).unwrap_or_default()),
        reason: "Node.js takes hosts in a target that are none",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).line.ends_with("HTTP/1.0") && is_chunked(rest),
        reason: "Node.js takes chunks in HTTP/1.0",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| {
            let head = head(rest);
            let encodings = head.values("transfer-encoding");
            encodings
                .last()
                .is_some_and(|last| last.to_ascii_lowercase().ends_with("chunked"))
                && (encodings.len() > 1 || encodings[0].contains(','))
        },
        reason: "Node.js takes encodings before chunked",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).count("host") > 1,
        reason: "Node.js takes the first of several hosts",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "read",
        is_about: |rest| head(rest).count("host") == 0,
        reason: "Node.js refuses a request without a host, and reads on",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| head(rest).values("transfer-encoding").contains(&""),
        reason: "Node.js takes an empty transfer encoding for none",
    },
    Known {
        other: Other::Node,
        ours: "505",
        theirs: "read",
        is_about: |rest| head(rest).line.contains("  HTTP/1"),
        reason: "Node.js takes several spaces behind a target",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "read",
        is_about: |rest| head(rest).line.contains("  "),
        reason: "Node.js takes several spaces before a target",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "",
        is_about: |rest| is_chunked(rest) && has_long_size(rest),
        reason: "Node.js takes any number of zeros before the size of a chunk",
    },
    Known {
        other: Other::Node,
        ours: "417",
        theirs: "read",
        is_about: |rest| head(rest).line.ends_with("HTTP/1.0") && head(rest).count("expect") > 0,
        reason: "Node.js forgets what HTTP/1.0 expects",
    },
    Known {
        other: Other::Node,
        ours: "400",
        theirs: "read",
        is_about: |rest| head(rest).line.contains(" *"),
        reason: "Node.js takes more behind a star",
    },
    Known {
        other: Other::Node,
        ours: "417",
        theirs: "read",
        is_about: |rest| {
            let head = head(rest);
            let expected = head.values("expect");
            expected
                .iter()
                .any(|value| value.to_ascii_lowercase().contains("100-continue"))
        },
        reason: "Node.js looks for one expectation among others",
    },
    Known {
        other: Other::Node,
        ours: "closed",
        theirs: "",
        is_about: |_| true,
        reason: "Node.js keeps a connection that one option keeps and another closes; closing is safe",
    },
    Known {
        other: Other::Node,
        ours: "",
        theirs: "HPE_INVALID_CONTENT_LENGTH",
        is_about: |rest| {
            let text = String::from_utf8_lossy(rest).to_ascii_lowercase();
            let lengths = text.split("content-length:").skip(1);
            lengths
                .filter_map(|rest| rest.split('\r').next())
                .any(|value| value.contains('\t'))
        },
        reason: "Node.js takes no tab beside a length",
    },
    Known {
        other: Other::Node,
        ours: "read",
        theirs: "closed",
        is_about: |rest| String::from_utf8_lossy(rest).contains("\nPRI "),
        reason: "Node.js forgets a request before one of HTTP/2",
    },
    Known {
        other: Other::Node,
        ours: "read",
        theirs: "open",
        is_about: |rest| {
            is_chunked(rest) && String::from_utf8_lossy(rest).contains("\r\nContent-Length: 5")
        },
        reason: "Node.js takes the length in a trailer of a request that asks for an upgrade",
    },
    Known {
        other: Other::Node,
        ours: "",
        theirs: "HPE_INVALID_METHOD",
        is_about: |_| true,
        reason: "Node.js has a list of methods; ours come to the application by name",
    },
    Known {
        other: Other::Node,
        ours: "",
        theirs: "HPE_INVALID_VERSION",
        is_about: |rest| head(rest).line.starts_with("PRI "),
        reason: "Node.js takes the method PRI for HTTP/2",
    },
    Known {
        other: Other::Node,
        ours: "read",
        theirs: "HPE_INVALID_CONTENT_LENGTH",
        is_about: |rest| is_chunked(rest),
        reason: "a trailer means nothing; Node.js looks at those with the name of a length",
    },
    Known {
        other: Other::Node,
        ours: "read",
        theirs: "HPE_INVALID_TRANSFER_ENCODING",
        is_about: |rest| is_chunked(rest),
        reason: "a trailer means nothing; Node.js looks at those with the name of an encoding",
    },
    Known {
        other: Other::Node,
        ours: "",
        theirs: "HPE_STRICT",
        is_about: |rest| is_chunked(rest) && rest.contains(&b';'),
        reason: "Node.js allows fewer bytes in extensions of chunks",
    },
];

/// The head of a request, read in the most lenient way.
struct Head {
    line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    fn count(&self, name: &str) -> usize {
        self.values(name).len()
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|field| field.0 == name);
        fields.map(|field| &*field.1).collect()
    }
}

fn head(rest: &[u8]) -> Head {
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let line = lines
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned();
    let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.trim().to_ascii_lowercase(), value.trim().to_owned())
    });
    let fields = fields.collect();
    Head { line, fields }
}

fn is_chunked(rest: &[u8]) -> bool {
    head(rest)
        .values("transfer-encoding")
        .iter()
        .any(|value| value.eq_ignore_ascii_case("chunked"))
}

/// Whether a line is a size with space or an empty extension behind it.
fn has_odd_size(rest: &[u8]) -> bool {
    let text = String::from_utf8_lossy(rest);
    text.split("\r\n").any(|line| {
        let behind = line.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        let is_odd = || {
            let has_control =
                behind.starts_with(';') && behind.contains(|of| char::is_control(of) && of != '\t');
            behind.starts_with([' ', '\t']) || behind == ";" || has_control
        };
        behind.len() < line.len() && is_odd()
    })
}

/// Whether a line begins with more digits than a number has.
fn has_long_size(rest: &[u8]) -> bool {
    let text = String::from_utf8_lossy(rest);
    text.split("\r\n")
        .any(|line| line.bytes().take_while(u8::is_ascii_hexdigit).count() > 16)
}

/// Whether the address in a target, if there is one, is a scheme of letters and a host without a user.
fn has_plain_address(target: &str) -> bool {
    target.split_once("://").is_none_or(|(scheme, rest)| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
            && port.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn has_bare_line_feed(rest: &[u8]) -> bool {
    let mut before = 0;
    rest.iter()
        .any(|byte| std::mem::replace(&mut before, *byte) != b'\r' && *byte == b'\n')
}

pub(crate) fn judge(other: Other, bytes: &[u8], ours: &Outcome, theirs: &Outcome) -> Verdict {
    let is_same = |number: &usize| {
        let (one, other) = (step(ours, *number), step(theirs, *number));
        match (one, other) {
            (Step::Read(one), Step::Read(other)) => alike(one, other),
            (Step::Refused(_), Step::Refused(_)) | (Step::Open, Step::Open) => true,
            _ => false,
        }
    };
    let most = ours.requests.len().max(theirs.requests.len());
    let Some(number) = (0..=most).find(|number| !is_same(number)) else {
        return Verdict::Same;
    };
    let at = readers::start_of(bytes, number);
    let rest = &bytes[at..];
    let (one, two) = (words(step(ours, number)), words(step(theirs, number)));
    let known = TABLE.iter().find(|known| {
        known.other == other
            && one.starts_with(known.ours)
            && two.starts_with(known.theirs)
            && (known.is_about)(rest)
    });
    match known {
        Some(known) => Verdict::Known(known.reason),
        None => Verdict::Unknown(format!("{one} | {two}"), at),
    }
}

fn step(outcome: &Outcome, number: usize) -> Step<'_> {
    match (outcome.requests.get(number), &outcome.end) {
        (Some(request), _) => Step::Read(request),
        (None, Some(end)) => Step::Refused(end),
        (None, None) => Step::Open,
    }
}

fn words(step: Step<'_>) -> &str {
    match step {
        Step::Read(_) => "read",
        Step::Refused(fault) => fault,
        Step::Open => "open",
    }
}

/// The same request. The others leave the scheme and the host in a target, and hyper adds the slash of an empty path.
fn alike(ours: &Request, theirs: &Request) -> bool {
    ours.method == theirs.method
        && ours.body == theirs.body
        && path_and_query(&ours.target) == path_and_query(&theirs.target)
}

fn path_and_query(target: &str) -> String {
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]
        }
        _ => target,
    };
    let slash = if rest.starts_with('/') || rest == "*" {
        ""
    } else {
        "/"
    };
    format!("{slash}{rest}")
}
