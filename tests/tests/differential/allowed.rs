//! Input that the official decoders accept and ours refuse, on purpose. No encoder writes any of it.

use engineio_proto::Message;
use engineio_proto::codec::DecodeError as EngineError;
use socketio_proto::DecodeError;
use socketio_proto::parser::Parser;

use crate::cases::Kind;
use crate::ours::text_of;

/// Accepted by both, and read differently.
pub(crate) const PROTO: &str =
    "a member `__proto__`, which the official decoder of MessagePack loses";

/// As above.
pub(crate) const CONTROL: &str =
    "bytes in a packet of revision 3 that is no message: nobody reads them";

/// The reason why only our decoder refuses a packet of Engine.IO, if the reason is valid.
pub(crate) fn engine(kind: Kind, message: &Message, error: EngineError) -> Option<&'static str> {
    let text = text_of(message);
    match error {
        // Node.js skips what is no base64, and the official decoder hands over the rest.
        EngineError::Base64 if text.contains('b') => {
            Some("base64 with other characters, or broken off")
        }
        EngineError::Empty if text.contains('b') => Some("a `b` without anything behind it"),
        EngineError::DividedCharacter if kind == Kind::Payload3 => {
            Some("a length that divides a character")
        }
        EngineError::Length if kind == Kind::Payload3 => {
            let odd = |char: char| char.is_whitespace() || ".+-bBeEoOxX".contains(char);
            text.contains(odd)
                .then_some("a length in another form than plain digits")
        }
        _ => None,
    }
}

/// The reason why only our decoder refuses a message of Socket.IO, if the reason is valid.
pub(crate) fn socket(
    parser: Parser,
    message: &Message,
    error: DecodeError,
) -> Option<&'static str> {
    if parser == Parser::MsgPack {
        return match error {
            DecodeError::MsgPack => {
                Some("text that is not UTF-8, or a key that is no text, in MessagePack")
            }
            DecodeError::InvalidNamespace => {
                Some("a namespace without a slash in front, in MessagePack")
            }
            DecodeError::IdOutOfRange => Some("an id beyond what JavaScript holds exactly"),
            // Both refuse payloads of the wrong kind; what stands for the name is looked at by us alone.
            DecodeError::InvalidPayload => Some("an event without a name, in MessagePack"),
            _ => None,
        };
    }
    let text = text_of(message);
    // JavaScript takes blanks for the number 0.
    let blank = |char: char| char.is_whitespace();
    match error {
        DecodeError::Empty => Some("nothing, for a CONNECT"),
        DecodeError::UnknownType(None) if text.starts_with(blank) => {
            Some("a blank, for the type 0")
        }
        DecodeError::AttachmentCount => {
            Some("a count of attachments in another form than plain digits")
        }
        DecodeError::IdOutOfRange => Some("an id beyond what JavaScript holds exactly"),
        DecodeError::InvalidPayload if text.chars().any(blank) => {
            Some("blanks in front of id or payload")
        }
        DecodeError::InvalidPayload if is_without_payload(text) => {
            Some("an event or acknowledgement without payload")
        }
        _ => None,
    }
}

/// Whether nothing follows type, attachments, namespace and id.
fn is_without_payload(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let rest = match text.starts_with(['5', '6']) {
        true => rest.split_once('-').map_or("", |(_, rest)| rest),
        false => rest,
    };
    let rest = match rest.starts_with('/') {
        true => rest.split_once(',').map_or("", |(_, rest)| rest),
        false => rest,
    };
    rest.trim_start_matches(|char: char| char.is_ascii_digit())
        .is_empty()
}
