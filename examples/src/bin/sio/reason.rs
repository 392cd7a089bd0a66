//! Why things went wrong, and what may help.

use std::error::Error;

use socketio_proto::client::{ConnectError, DisconnectReason};

use crate::arguments::Options;

/// Tells why there is no connection, and what may help.
pub(crate) fn explain(error: &ConnectError, options: &Options) -> String {
    let place = format!("{}:{}", options.endpoint.host, options.endpoint.port);
    match error {
        ConnectError::Refused(refusal) => {
            let data = refusal
                .data_json()
                .map(|data| format!(" {data}"))
                .unwrap_or_default();
            let hint = if refusal.message() == "Invalid namespace" {
                "; the server has no such namespace, --namespace names another"
            } else if options.auth.is_none() {
                "; it may want --auth"
            } else {
                ""
            };
            format!(
                "the server refused namespace {}: {}{data}{hint}",
                options.namespace,
                refusal.message()
            )
        }
        ConnectError::Timeout => {
            let seconds = options.connect_timeout.as_secs_f64();
            format!(
                "no connection to {place} within {seconds} s; --connect-timeout gives it more time"
            )
        }
        ConnectError::NoSocketId => error.to_string(),
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
            let hint = if causes.contains("status 404") {
                format!(
                    "; there is no Socket.IO at {}, --path names another place",
                    options.path
                )
            } else {
                String::new()
            };
            format!("cannot connect to {place}: {causes}{hint}")
        }
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
