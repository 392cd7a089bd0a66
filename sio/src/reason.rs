//! Explanations of what went wrong, and what may help.

use std::error::Error;

use engineio_proto::Revision;
use engineio_proto::client::TransportError;
use socketio_proto::client::{ConnectError, DisconnectReason, Refusal};

use crate::arguments::Options;

/// Tells why there is no connection, and what may help.
pub(crate) fn explain(error: &ConnectError, options: &Options) -> String {
    let place = format!("{}:{}", options.endpoint.host, options.endpoint.port);
    match error {
        ConnectError::Refused(refusal) => {
            let hint = if refusal.message() == "Invalid namespace" {
                "; the server has no such namespace, --namespace names another"
            } else if options.auth.is_none() {
                "; it may want --auth"
            } else {
                ""
            };
            format!(
                "the server refused namespace {}: {}{hint}",
                options.namespace,
                words(refusal)
            )
        }
        ConnectError::Timeout => {
            let seconds = options.connect_timeout.as_secs_f64();
            format!(
                "no connection to {place} within {seconds} s; --connect-timeout gives it more time"
            )
        }
        ConnectError::NoSocketId => format!("{error}; --eio 3 speaks to it"),
        ConnectError::MainRefused(refusal) => {
            format!(
                "the server refused the main namespace, which comes before {}: {}",
                options.namespace,
                words(refusal)
            )
        }
        ConnectError::Transport(_) | ConnectError::Closed(_) | _ => {
            let mut causes = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                let text = inner.to_string();
                if text != "status 0" && !causes.ends_with(&text) {
                    causes.push_str(&format!(": {text}"));
                }
                cause = inner.source();
            }
            let (said, hint) = match error {
                ConnectError::Transport(error) => (said_by_server(error), hint(error, options)),
                ConnectError::Closed(_) | _ => (String::new(), String::new()),
            };
            format!("cannot connect to {place}: {causes}{said}{hint}")
        }
    }
}

/// What a server says to a refusal: a message, data, or both.
pub(crate) fn words(refusal: &Refusal) -> String {
    let words = [refusal.message(), refusal.data_json().unwrap_or_default()];
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// An error of the protocol.
#[derive(serde::Deserialize)]
struct Said {
    message: String,
}

/// What a server answered instead, in short: the message of an error of the protocol, or the beginning of a text.
fn said_by_server(error: &TransportError) -> String {
    let (TransportError::Poll(request)
    | TransportError::Post(request)
    | TransportError::WebSocket(request)) = error
    else {
        return String::new();
    };
    let body = String::from_utf8_lossy(&request.body);
    let said = serde_json::from_str::<Said>(&body).ok();
    let text = said.as_ref().map_or(body.trim(), |said| &said.message);
    // A page is for browsers.
    if text.is_empty() || text.starts_with('<') {
        return String::new();
    }
    let line = text.lines().next().unwrap_or_default();
    format!(": {}", line.chars().take(MAX_SAID).collect::<String>())
}

/// What may help against a failure of the transport.
fn hint(error: &TransportError, options: &Options) -> String {
    let path = &options.path;
    if let TransportError::Revision(revision) = error {
        return if *revision == Revision::V3 {
            "; --eio 3 speaks to it".into()
        } else {
            "; it wants no --eio 3".into()
        };
    }
    match error.status() {
        Some(300..=399) => "; the server redirects, which is not followed: \
                            the URL must be that of the server itself"
            .into(),
        Some(401 | 403) => "; it may want a --header, as 'Authorization: ...'".into(),
        Some(404) => format!("; there is no Socket.IO at {path}, --path names another place"),
        Some(_) => String::new(),
        None if matches!(error, TransportError::Parse(_)) => {
            format!("; what answers at {path} is not Socket.IO, --path names another place")
        }
        None => String::new(),
    }
}

/// Whether there was no answer, of which the protocol does not know why.
pub(crate) fn is_unanswered(error: &ConnectError) -> bool {
    match error {
        ConnectError::Timeout => true,
        ConnectError::Transport(cause) => cause.status() == Some(0),
        ConnectError::Closed(_) | ConnectError::Refused(_) | ConnectError::NoSocketId | _ => false,
    }
}

/// Tells what ended a connection.
pub(crate) fn describe_end(reason: &DisconnectReason) -> String {
    let mut text = format!("disconnected: {reason}");
    if let Some(cause) = reason.source() {
        text.push_str(&format!(" ({cause})"));
    }
    text
}

/// The characters that are shown of what a server says.
const MAX_SAID: usize = 200;
