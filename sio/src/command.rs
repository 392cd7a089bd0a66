//! The commands of an interactive session, one a line.

use crate::message::{Message, MessageError};

/// A line of input.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Nothing,
    Help,
    Emit { message: Message, ack: bool },
    Reply { number: u64, message: Message },
    Connect,
    Disconnect,
    Quit,
}

/// Why a line is no command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(
        "unknown command {0}; /help lists them, and an event that begins with a slash is written in quotes"
    )]
    Unknown(String),
    #[error("/reply wants the number that is shown with the event, as in: /reply 1 \"ok\"")]
    Number,
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// What `/help` prints.
pub(crate) const HELP: &str = r#"EVENT [ARG]...        emits an event; each ARG is JSON, text, or @FILE for binary: chat "hello there" {"room":1}
/ack EVENT [ARG]...   emits an event and waits for its acknowledgement
/reply N [ARG]...     acknowledges event number N of the server
/disconnect           leaves the namespace
/connect              joins it again
/quit                 ends (Ctrl-D too)
"#;

/// Reads a line.
pub(crate) fn parse(line: &str) -> Result<Command, CommandError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Command::Nothing);
    }
    if !line.starts_with('/') {
        let message = Message::of_line(line)?;
        return Ok(Command::Emit {
            message,
            ack: false,
        });
    }
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match command {
        "/help" => Ok(Command::Help),
        "/ack" => Ok(Command::Emit {
            message: Message::of_line(rest)?,
            ack: true,
        }),
        "/reply" => {
            let rest = rest.trim_start();
            let (number, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Ok(Command::Reply {
                number: number.parse().map_err(|_| CommandError::Number)?,
                message: Message::of_arguments(rest)?,
            })
        }
        "/connect" => Ok(Command::Connect),
        "/disconnect" => Ok(Command::Disconnect),
        "/quit" | "/exit" => Ok(Command::Quit),
        _ => Err(CommandError::Unknown(command.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Files;

    fn emitted(line: &str) -> (String, bool) {
        let Command::Emit { message, ack } = parse(line).unwrap() else {
            panic!("an event: {line}");
        };
        let payload = message.event(&Files::default()).unwrap();
        (payload.json().to_owned(), ack)
    }

    #[test]
    fn a_line_is_an_event_and_its_arguments() {
        assert_eq!(
            emitted("  chat hello 1.50 "),
            (r#"["chat","hello",1.50]"#.into(), false)
        );
        assert_eq!(
            emitted(r#"chat "hello there" { "room": [1, 2] }true x y"#).0,
            r#"["chat","hello there",{"room":[1,2]},true,"x","y"]"#
        );
        assert_eq!(emitted(r#""two words" null"#).0, r#"["two words",null]"#);
        assert_eq!(emitted(r#""/slash" -5"#).0, r#"["/slash",-5]"#);
        assert_eq!(emitted("/ack sum 1 2"), (r#"["sum",1,2]"#.into(), true));
    }

    #[test]
    fn commands_begin_with_a_slash() {
        for (line, command) in [
            ("", Command::Nothing),
            ("# a remark", Command::Nothing),
            ("/help", Command::Help),
            ("/connect", Command::Connect),
            ("/disconnect", Command::Disconnect),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(parse(line).unwrap(), command, "{line}");
        }
        let Command::Reply { number, message } = parse("/reply 12 yes [1]").unwrap() else {
            panic!("a reply");
        };
        let reply = Message::reply(&[message], &Files::default()).unwrap();
        assert_eq!((number, reply.json()), (12, r#"["yes",[1]]"#));
    }

    #[test]
    fn mistakes_are_explained() {
        let fault = |line| parse(line).unwrap_err().to_string();
        assert!(fault("/unknown x").starts_with("unknown command /unknown; /help"));
        assert!(fault("/reply x").contains("/reply 1"));
        assert!(fault("chat {\"a\":").contains("is not JSON"));
        assert!(fault("chat @-").contains("@- can be no argument"));
        assert_eq!(fault("/ack"), "nothing to emit: give the name of an event");
    }
}
