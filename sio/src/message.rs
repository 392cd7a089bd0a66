//! Events and answers that are sent, made of words of a command line.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use socketio_proto::{EncodeError, Payload, PayloadBuilder};

use crate::file;
use crate::json;

/// An event with its arguments, or the arguments of an answer, as they were given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    name: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug, PartialEq)]
enum Argument {
    /// JSON, kept as it was written so that its numbers stay what they are.
    Json(String),
    Text(String),
    File(Bytes),
}

/// Files by the names under which the JSON of arguments refers to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Files(BTreeMap<String, Bytes>);

/// Why something cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(
        "cannot read {path}: {error}; an argument that begins with the character @ is written @@"
    )]
    Argument { path: String, error: std::io::Error },
    #[error("commands are read from standard input, so that @- can be no argument there")]
    StandardInput,
    #[error("--file {value}: {problem}")]
    File { value: String, problem: String },
    #[error("{text} is not JSON ({error}); to send it as a string, write it as a JSON string")]
    Json {
        text: String,
        error: serde_json::Error,
    },
    #[error("nothing to emit: give the name of an event")]
    NoEvent,
    #[error("event {name}: {error}")]
    Encode { name: String, error: EncodeError },
}

impl Message {
    /// Reads the words of an event: its name, and each argument as JSON, text or `@FILE`.
    pub(crate) fn new(
        name: String,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Self, MessageError> {
        let arguments = arguments
            .into_iter()
            .map(|word| Argument::read(&word))
            .collect::<Result<_, _>>()?;
        Ok(Self { name, arguments })
    }

    /// Reads one argument of an answer.
    pub(crate) fn of_argument(word: &str) -> Result<Self, MessageError> {
        Self::new(String::new(), [word.to_owned()])
    }

    /// Reads a line, `event argument argument`. Within JSON and quotes blanks separate nothing.
    pub(crate) fn of_line(line: &str) -> Result<Self, MessageError> {
        let mut words = words(line)?.into_iter();
        let name = words.next().ok_or(MessageError::NoEvent)?;
        // A name with blanks is written in quotes.
        let name = serde_json::from_str(&name).unwrap_or(name);
        Self::new(name, words)
    }

    /// Reads a line of arguments.
    pub(crate) fn of_arguments(line: &str) -> Result<Self, MessageError> {
        Self::new(String::new(), words(line)?)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the payload of an event.
    pub(crate) fn event(&self, files: &Files) -> Result<Payload, MessageError> {
        self.write(Payload::event(&self.name), files)
            .and_then(PayloadBuilder::build)
            .map_err(|error| self.fault(error))
    }

    /// Makes the payload of an answer from the arguments of all `parts`.
    pub(crate) fn reply(parts: &[Self], files: &Files) -> Result<Payload, MessageError> {
        let fault = |error| MessageError::Encode {
            name: "to be acknowledged".into(),
            error,
        };
        parts
            .iter()
            .try_fold(Payload::ack(), |builder, part| part.write(builder, files))
            .and_then(PayloadBuilder::build)
            .map_err(fault)
    }

    fn write(&self, builder: PayloadBuilder, files: &Files) -> Result<PayloadBuilder, EncodeError> {
        self.arguments
            .iter()
            .try_fold(builder, |mut builder, argument| match argument {
                Argument::Text(text) => Ok(builder.arg(text)),
                Argument::File(data) => Ok(builder.binary(data.clone())),
                Argument::Json(json) => {
                    let mut filled = String::with_capacity(json.len());
                    json::rewrite(
                        json,
                        &mut |value| files.find(value, &mut builder),
                        &mut filled,
                    );
                    let raw: &RawValue = serde_json::from_str(&filled)
                        .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
                    Ok(builder.arg(raw))
                }
            })
    }

    fn fault(&self, error: EncodeError) -> MessageError {
        MessageError::Encode {
            name: self.name.clone(),
            error,
        }
    }
}

impl Argument {
    fn read(word: &str) -> Result<Self, MessageError> {
        if let Some(rest) = word.strip_prefix('@') {
            if rest.starts_with('@') {
                return Ok(Self::Text(rest.to_owned()));
            }
            return match file::read(rest) {
                Ok(data) => Ok(Self::File(data.into())),
                Err(error) => Err(MessageError::Argument {
                    path: rest.to_owned(),
                    error,
                }),
            };
        }
        match serde_json::from_str::<&RawValue>(word) {
            Ok(json) => Ok(Self::Json(json.get().to_owned())),
            // What was meant to be JSON is not sent as something else.
            Err(error) if word.starts_with(['{', '[', '"']) => Err(MessageError::Json {
                text: word.to_owned(),
                error,
            }),
            Err(_) => Ok(Self::Text(word.to_owned())),
        }
    }
}

impl Files {
    /// Reads the file of `NAME=FILE`.
    pub(crate) fn add(&mut self, value: &str) -> Result<(), MessageError> {
        let fault = |problem: String| MessageError::File {
            value: value.to_owned(),
            problem,
        };
        let Some((name, path)) = value.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(fault("must look like NAME=FILE".into()));
        };
        let data = file::read(path).map_err(|error| fault(error.to_string()))?;
        self.0.insert(name.to_owned(), data.into());
        Ok(())
    }

    /// Attaches the file that `json` names, if it is a string that does: what to write in its place.
    fn find(&self, json: &str, builder: &mut PayloadBuilder) -> Option<String> {
        if self.0.is_empty() || !json.starts_with("\"@") {
            return None;
        }
        let name: String = serde_json::from_str(json).ok()?;
        let data = self.0.get(name.strip_prefix('@')?)?;
        serde_json::to_string(&builder.attach(data.clone())).ok()
    }
}

/// Splits a line at its blanks, but for those in values that begin as JSON does.
fn words(line: &str) -> Result<Vec<String>, MessageError> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let length = if rest.starts_with(['{', '[', '"']) {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            if let Some(Err(error)) = values.next() {
                return Err(MessageError::Json {
                    text: rest.to_owned(),
                    error,
                });
            }
            values.byte_offset()
        } else {
            rest.find(char::is_whitespace).unwrap_or(rest.len())
        };
        let (word, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    if words.iter().any(|word| word == "@-") {
        return Err(MessageError::StandardInput);
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
