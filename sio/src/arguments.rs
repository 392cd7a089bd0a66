//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use engineio_proto::client::Endpoint;
use engineio_proto::{Revision, Transport};
use lexopt::{Arg, Parser, ValueExt};
use socketio_proto::parser::Parser as PacketParser;

use crate::file;
use crate::message::{Files, Message, MessageError};

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Help,
    Version,
    Connect(Box<Options>),
}

/// All that concerns one run.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) namespace: String,
    /// The text of a JSON object.
    pub(crate) auth: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) parser: PacketParser,
    pub(crate) path: String,
    pub(crate) revision: Revision,
    pub(crate) connect_timeout: Duration,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) insecure: bool,
    /// `None` if the command line leaves it open.
    pub(crate) reconnect: Option<bool>,
    pub(crate) emits: Vec<Message>,
    pub(crate) files: Files,
    pub(crate) ack: bool,
    pub(crate) timeout: Duration,
    pub(crate) replies: Vec<Message>,
    pub(crate) listen: bool,
    pub(crate) count: Option<u64>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) on: Vec<String>,
    pub(crate) interactive: bool,
    pub(crate) json: bool,
    pub(crate) verbosity: u8,
    pub(crate) no_color: bool,
    pub(crate) record: Option<PathBuf>,
}

/// Why the command line cannot be followed. `Display` tells what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("no URL given; as in: sio http://localhost:3000")]
    NoUrl,
    #[error(
        "no URL given; behind --emit EVENT it is an argument of the event, so that it stands first"
    )]
    NoUrlButEvents,
    #[error(
        "two URLs given, {first} and {second}; arguments of an event belong behind --emit EVENT"
    )]
    TwoUrls { first: String, second: String },
    #[error("{url} is not the address of a server ({error}); one looks like http://localhost:3000")]
    Url {
        url: String,
        error: engineio_proto::client::EndpointError,
    },
    #[error("--emit wants the name of an event, and its arguments: --emit EVENT [ARG]...")]
    NoEvent,
    #[error("{option} {value}: {problem}")]
    Value {
        option: &'static str,
        value: String,
        problem: String,
    },
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Syntax(#[from] lexopt::Error),
}

/// The help text.
pub(crate) const HELP: &str = include_str!("help.txt");

/// Reads a command line, and the files that it names, without the name of the program.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Task, UsageError> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options::new();
    let mut url: Option<String> = None;
    let mut namespace = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Task::Version),
            Arg::Short('n') | Arg::Long("namespace") => {
                namespace = Some(parser.value()?.string()?);
            }
            Arg::Short('a') | Arg::Long("auth") => {
                options.auth = Some(auth(&parser.value()?.string()?)?)
            }
            Arg::Short('H') | Arg::Long("header") => {
                options.headers.push(header(&parser.value()?.string()?)?);
            }
            Arg::Short('t') | Arg::Long("transports") => {
                options.transports = transports(&parser.value()?.string()?)?;
            }
            Arg::Long("parser") => options.parser = packets(&parser.value()?.string()?)?,
            Arg::Short('p') | Arg::Long("path") => options.path = path(parser.value()?.string()?)?,
            Arg::Long("eio") => options.revision = revision(&parser.value()?.string()?)?,
            Arg::Long("connect-timeout") => {
                options.connect_timeout = seconds("--connect-timeout", &parser.value()?.string()?)?;
            }
            Arg::Long("cacert") => options.cacert = Some(parser.value()?.into()),
            Arg::Short('k') | Arg::Long("insecure") => options.insecure = true,
            Arg::Long("reconnect") => options.reconnect = Some(true),
            Arg::Long("no-reconnect") => options.reconnect = Some(false),
            Arg::Short('e') | Arg::Long("emit") => options.emits.push(emit(&mut parser)?),
            Arg::Short('f') | Arg::Long("file") => options.files.add(&parser.value()?.string()?)?,
            Arg::Long("ack") => options.ack = true,
            Arg::Long("timeout") => {
                options.timeout = seconds("--timeout", &parser.value()?.string()?)?;
            }
            Arg::Long("reply") => {
                let argument = parser.value()?.string()?;
                options.replies.push(Message::of_argument(&argument)?);
            }
            Arg::Short('l') | Arg::Long("listen") => options.listen = true,
            Arg::Short('c') | Arg::Long("count") => {
                options.count = Some(count(&parser.value()?.string()?)?);
                options.listen = true;
            }
            Arg::Long("max-time") => {
                options.max_time = Some(seconds("--max-time", &parser.value()?.string()?)?);
            }
            Arg::Long("on") => options.on.push(parser.value()?.string()?),
            Arg::Short('i') | Arg::Long("interactive") => options.interactive = true,
            Arg::Short('j') | Arg::Long("json") => options.json = true,
            Arg::Short('v') | Arg::Long("verbose") => {
                options.verbosity = options.verbosity.saturating_add(1)
            }
            Arg::Long("no-color") => options.no_color = true,
            Arg::Long("record") => options.record = Some(parser.value()?.into()),
            Arg::Value(value) => {
                let value = value.string()?;
                if let Some(first) = url.replace(value.clone()) {
                    return Err(UsageError::TwoUrls {
                        first,
                        second: value,
                    });
                }
            }
            Arg::Short(_) | Arg::Long(_) => return Err(argument.unexpected().into()),
        }
    }
    let no_url = match &*options.emits {
        [] => UsageError::NoUrl,
        _ => UsageError::NoUrlButEvents,
    };
    options.place(&url.ok_or(no_url)?, namespace)?;
    options.check_auth()?;
    options.check_transports()?;
    options.check_messages()?;
    Ok(Task::Connect(Box::new(options)))
}

impl Options {
    fn new() -> Self {
        Self {
            endpoint: Endpoint::default(),
            namespace: "/".into(),
            auth: None,
            headers: Vec::new(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            parser: PacketParser::Json,
            path: "/socket.io/".into(),
            revision: Revision::V4,
            connect_timeout: Duration::from_secs(20),
            cacert: None,
            insecure: false,
            reconnect: None,
            emits: Vec::new(),
            files: Files::default(),
            ack: false,
            timeout: Duration::from_secs(10),
            replies: Vec::new(),
            listen: false,
            count: None,
            max_time: None,
            on: Vec::new(),
            interactive: false,
            json: false,
            verbosity: 0,
            no_color: false,
            record: None,
        }
    }

    /// Takes the address apart: the path of the URL is the namespace.
    fn place(&mut self, url: &str, namespace: Option<String>) -> Result<(), UsageError> {
        self.endpoint = Endpoint::parse(url).map_err(|error| UsageError::Url {
            url: url.to_owned(),
            error,
        })?;
        let of_url = path_of(url);
        self.namespace = match namespace {
            Some(name) if of_url != "/" => {
                return Err(UsageError::Value {
                    option: "--namespace",
                    value: name,
                    problem: format!(
                        "the URL names another namespace, its path {of_url}; give one of them"
                    ),
                });
            }
            Some(name) if name.starts_with('/') => name,
            Some(name) => format!("/{name}"),
            None => of_url.to_owned(),
        };
        Ok(())
    }

    /// In revision 3 the main namespace is joined without a packet that could carry an authentication.
    fn check_auth(&self) -> Result<(), UsageError> {
        match &self.auth {
            Some(auth) if self.revision == Revision::V3 && self.namespace == "/" => {
                Err(UsageError::Value {
                    option: "--auth",
                    value: auth.clone(),
                    problem: "with --eio 3 the main namespace takes none; the server may look for it in the query, \
                              as in http://localhost:3000?token=abc"
                        .into(),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// WebTransport came with revision 4.
    fn check_transports(&self) -> Result<(), UsageError> {
        let webtransport = self.transports.contains(&Transport::WebTransport);
        if webtransport && self.revision == Revision::V3 {
            return Err(UsageError::Value {
                option: "--transports",
                value: "webtransport".into(),
                problem: "there is none with --eio 3".into(),
            });
        }
        Ok(())
    }

    /// Finds out at once whether everything that is to be sent can be made.
    fn check_messages(&self) -> Result<(), UsageError> {
        for message in &self.emits {
            message.event(&self.files)?;
        }
        Message::reply(&self.replies, &self.files)?;
        Ok(())
    }

    /// Whether commands are to be read from standard input.
    pub(crate) fn reads_commands(&self) -> bool {
        self.interactive || (self.emits.is_empty() && !self.listen)
    }
}

/// An event and its arguments: all that follows up to the next option. Negative numbers are no options.
fn emit(parser: &mut Parser) -> Result<Message, UsageError> {
    let mut words = Vec::new();
    // `--emit=EVENT` has its first word attached.
    if let Some(event) = parser.optional_value() {
        words.push(event.string()?);
    }
    let mut rest = parser.raw_args()?;
    while let Some(next) = rest.peek() {
        let bytes = next.as_encoded_bytes();
        let is_number = matches!(bytes, [b'-', b'0'..=b'9', ..]);
        if bytes.starts_with(b"-") && !is_number {
            break;
        }
        words.extend(rest.next().map(ValueExt::string).transpose()?);
    }
    let mut words = words.into_iter();
    let event = words.next().ok_or(UsageError::NoEvent)?;
    Ok(Message::new(event, words)?)
}

fn auth(value: &str) -> Result<String, UsageError> {
    let fault = |problem: String| UsageError::Value {
        option: "--auth",
        value: value.to_owned(),
        problem,
    };
    let text = match value.strip_prefix('@') {
        Some(file) => file::read(file)
            .and_then(|data| String::from_utf8(data).map_err(std::io::Error::other))
            .map_err(|error| fault(error.to_string()))?,
        None => value.to_owned(),
    };
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(serde_json::Value::Object(_)) => Ok(text.trim().to_owned()),
        Ok(_) => Err(fault(
            "must be a JSON object, as {\"token\":\"abc\"}".into(),
        )),
        Err(error) => Err(fault(format!("is not JSON ({error})"))),
    }
}

fn header(value: &str) -> Result<(String, String), UsageError> {
    match value.split_once(':') {
        Some((name, text)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), text.trim().to_owned()))
        }
        _ => Err(UsageError::Value {
            option: "--header",
            value: value.to_owned(),
            problem: "must look like 'Name: value'".into(),
        }),
    }
}

fn transports(value: &str) -> Result<Vec<Transport>, UsageError> {
    let mut transports = Vec::new();
    for name in value.split(',').map(str::trim) {
        let transport = Transport::from_name(name).ok_or_else(|| UsageError::Value {
            option: "--transports",
            value: value.to_owned(),
            problem:
                "must be polling, websocket or webtransport, or several with commas between them"
                    .into(),
        })?;
        if !transports.contains(&transport) {
            transports.push(transport);
        }
    }
    Ok(transports)
}

fn revision(value: &str) -> Result<Revision, UsageError> {
    match value {
        "3" => Ok(Revision::V3),
        "4" => Ok(Revision::V4),
        _ => Err(UsageError::Value {
            option: "--eio",
            value: value.to_owned(),
            problem: "must be 3 or 4, a revision of Engine.IO".into(),
        }),
    }
}

fn packets(value: &str) -> Result<PacketParser, UsageError> {
    match value {
        "json" => Ok(PacketParser::Json),
        "msgpack" => Ok(PacketParser::MsgPack),
        _ => Err(UsageError::Value {
            option: "--parser",
            value: value.to_owned(),
            problem: "must be json or msgpack".into(),
        }),
    }
}

fn path(value: String) -> Result<String, UsageError> {
    if value.starts_with('/') {
        return Ok(value);
    }
    Err(UsageError::Value {
        option: "--path",
        value,
        problem: "must begin with a slash".into(),
    })
}

fn seconds(option: &'static str, value: &str) -> Result<Duration, UsageError> {
    let seconds = value.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| UsageError::Value {
            option,
            value: value.to_owned(),
            problem: "must be a positive number of seconds".into(),
        })
}

fn count(value: &str) -> Result<u64, UsageError> {
    value
        .parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| UsageError::Value {
            option: "--count",
            value: value.to_owned(),
            problem: "must be a whole number, 1 or more".into(),
        })
}

/// The path of an address, `/` if it has none.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/')
        .and_then(|start| rest.get(start..))
        .unwrap_or("/")
}

#[cfg(test)]
mod tests;
