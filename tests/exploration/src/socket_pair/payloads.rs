//! Events and answers by their numbers. Those of even numbers have something binary in them.

use socketio_proto::{Payload, PayloadBuilder};

use crate::report::Report;

pub(super) fn event(name: &str, number: u8) -> Payload {
    numbered(Payload::event(name), number)
}

pub(super) fn answer(number: u8) -> Payload {
    numbered(Payload::ack(), number)
}

fn numbered(builder: PayloadBuilder, number: u8) -> Payload {
    let builder = builder.arg(&number);
    let builder = if is_binary(number) {
        builder.binary(vec![number])
    } else {
        builder
    };
    builder.build().expect("a number can be written")
}

pub(super) fn is_binary(number: u8) -> bool {
    number.is_multiple_of(2)
}

/// The number of an event or answer.
pub(super) fn number_of(payload: &Payload, report: &mut Report) -> u8 {
    let number = payload
        .raw_args()
        .read::<u8>()
        .and_then(Result::ok)
        .unwrap_or_default();
    let wanted: &[&[u8]] = if is_binary(number) { &[&[number]] } else { &[] };
    let attached = payload.attachments().iter().eq(wanted);
    report.require(number > 0 && attached, || {
        format!("{payload:?} is not what was sent")
    });
    number
}
