//! Text forms of outputs in assertions.

use std::error::Error;

use socketio_proto::Payload;
use socketio_proto::engine::Frame;

pub(crate) fn frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(data) => format!("{data:?}"),
    }
}

pub(crate) fn payload(payload: &Payload) -> String {
    let attachments = payload.attachments().iter();
    attachments.fold(payload.json().to_owned(), |text, data| {
        format!("{text} {data:?}")
    })
}

/// The official reason, and its causes, innermost last.
pub(crate) fn reason(reason: &(dyn Error + 'static)) -> String {
    let mut text = reason.to_string();
    let mut cause = reason.source();
    while let Some(error) = cause {
        text = format!("{text} ({error})");
        cause = error.source();
    }
    text
}
