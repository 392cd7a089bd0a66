//! Checks of the Socket.IO parser.

use std::collections::BTreeMap;

use bytes::Bytes;
use engineio_proto::codec::{Packet as EnginePacket, v4};
use engineio_proto::{Encoded, Message};
use serde::de::IgnoredAny;
use serde_json::Value;
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{
    DecodeError, EncodedPacket, MAX_PACKET_ID, Packet, PacketType, Payload, Placeholder,
    is_reserved_event,
};

use crate::input::Input;
use crate::reading;

/// The arguments of the packets that `roundtrip_socketio` makes.
type Args = (
    String,
    u64,
    Option<f64>,
    Vec<Bytes>,
    BTreeMap<String, Bytes>,
    Option<Bytes>,
);

/// Messages for one decoder; the first byte chooses its limits.
///
/// A packet is within the limits and survives encoding; an error names what is wrong and leaves a decoder that goes on
/// like a new one.
pub fn decode_socketio(data: &[u8]) {
    let mut input = Input::new(data);
    let limits = limits(input.byte());
    let mut decoder = Parser::Json.decoder(limits);
    let mut since_error = Parser::Json.decoder(limits);
    while !input.is_empty() {
        let message = message(&mut input);
        let (waited, held) = (decoder.is_waiting(), decoder.buffered_bytes());
        let result = decoder.add(message.clone());
        assert_eq!(result, since_error.add(message.clone()));
        match result {
            Ok(Some(packet)) => {
                assert!(!decoder.is_waiting());
                check_packet(&packet, &limits);
            }
            Ok(None) => {
                assert!(decoder.is_waiting());
                let attached = if waited { message.len() } else { 0 };
                assert_eq!(decoder.buffered_bytes(), held + attached);
            }
            Err(error) => {
                assert!(!decoder.is_waiting());
                check_error(error, &message, waited);
                since_error = Parser::Json.decoder(limits);
            }
        }
        assert!(decoder.is_waiting() || decoder.buffered_bytes() == 0);
    }
}

/// A packet of any content, made from the bytes.
///
/// It is refused if it is one that no peer would accept. Else it comes back from its messages, and so do its arguments.
pub fn roundtrip_socketio(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte();
    let namespace = input.text();
    let id = (kind & 0x80 != 0).then(|| u64_of(&mut input));
    let packet_type = match kind % 5 {
        0 => PacketType::Connect,
        1 => PacketType::Disconnect,
        2 => PacketType::Event,
        3 => PacketType::Ack,
        _ => PacketType::ConnectError,
    };
    let mut packet = Packet::new(packet_type, namespace);
    packet.id = id;
    let mut expected = None;
    match packet_type {
        PacketType::Disconnect => {}
        PacketType::Connect => packet.payload = auth(&mut input, kind),
        PacketType::ConnectError => {
            let data = auth(&mut input, kind);
            let error = Payload::connect_error(&input.text(), data.as_ref());
            packet.payload = Some(error.expect("two objects are not too deep"));
        }
        PacketType::Event | PacketType::Ack => {
            let name = (packet_type == PacketType::Event).then(|| input.text());
            let args = args(&mut input);
            let Some(payload) = payload(name.as_deref(), &args) else {
                return;
            };
            packet.payload = Some(payload);
            expected = Some(args);
        }
    }

    let encoded = Parser::Json.encode(packet.borrow(), u16::MAX);
    let valid = packet.namespace.starts_with('/')
        && !packet.namespace.contains(',')
        && packet.id.is_none_or(|id| id <= MAX_PACKET_ID);
    assert_eq!(encoded.is_ok(), valid);
    let Ok(encoded) = encoded else {
        return;
    };
    let mut decoder = Parser::Json.decoder(
        Limits::default()
            .with_max_attachments(u16::MAX)
            .with_max_namespace_len(u32::MAX),
    );
    let decoded = decode(&mut decoder, &encoded);
    assert_eq!(decoded, packet);
    if let (Some(expected), Some(payload)) = (expected, decoded.payload) {
        assert_eq!(payload.args::<Args>().as_ref(), Ok(&expected));
        assert_eq!(payload.into_args::<Args>(), Ok(expected));
    }
}

fn check_packet(packet: &Packet, limits: &Limits) {
    assert!(packet.namespace.starts_with('/') && !packet.namespace.contains(','));
    assert!(packet.namespace.len() <= limits.max_namespace_len as usize);
    assert!(packet.id.is_none_or(|id| id <= MAX_PACKET_ID));
    match (packet.packet_type, &packet.payload) {
        (PacketType::Disconnect, payload) => assert_eq!(payload, &None),
        (PacketType::Connect | PacketType::ConnectError, None) => {}
        (PacketType::Connect | PacketType::ConnectError, Some(payload)) => {
            assert_eq!(payload.name(), None);
            assert!(payload.attachments().is_empty());
        }
        (PacketType::Event, payload) => {
            let name = payload.as_ref().and_then(Payload::name);
            assert!(!is_reserved_event(name.expect("an event has a name")));
        }
        (PacketType::Ack, payload) => assert_eq!(payload.as_ref().and_then(Payload::name), None),
    }
    if let Some(payload) = &packet.payload {
        assert!(payload.attachments().len() <= usize::from(limits.max_attachments));
        assert!(depth(payload.json()) <= limits.max_json_depth);
        if depth(payload.json()) < 128 {
            let read = serde_json::from_str::<IgnoredAny>(payload.json());
            assert!(read.is_ok(), "another parser refuses {}", payload.json());
        }
        reading::check(payload);
        if !payload.attachments().is_empty()
            && let Ok(tree) = payload.to_value()
        {
            check_placeholders(&tree, payload);
        }
        let args = payload
            .data::<Vec<IgnoredAny>>()
            .map_or(0, |items| items.len());
        let named = usize::from(payload.name().is_some());
        assert_eq!(payload.raw_args().count() + named, args);
    }
    let mut packet = packet.clone();
    if packet.packet_type == PacketType::Ack {
        // One without payload stands for one without arguments, and that is how it goes on.
        packet.payload.get_or_insert_with(Payload::no_args);
    }
    let encoded = Parser::Json
        .encode(packet.borrow(), limits.max_attachments)
        .expect("what was received can be sent");
    let again = decode(&mut Parser::Json.decoder(*limits), &encoded);
    assert_eq!(again, packet);
    let encoded_again = Parser::Json.encode(again.borrow(), limits.max_attachments);
    let frames = |packet: &EncodedPacket| {
        packet
            .parts()
            .iter()
            .map(Encoded::frame)
            .collect::<Vec<_>>()
    };
    assert_eq!(encoded_again.as_ref().map(frames), Ok(frames(&encoded)));
}

/// Every placeholder names an attachment.
pub(crate) fn check_placeholders(value: &Value, payload: &Payload) {
    if value.get("_placeholder") == Some(&Value::Bool(true)) {
        let placeholder = Placeholder::from_value(value).expect("a number");
        assert!(payload.attachment(placeholder).is_some());
        return;
    }
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| check_placeholders(item, payload)),
        Value::Object(members) => members
            .values()
            .for_each(|item| check_placeholders(item, payload)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn check_error(error: DecodeError, message: &Message, waited: bool) {
    let text = match message {
        Message::Binary(_) => {
            return assert!(match error {
                DecodeError::Placeholder | DecodeError::Expansion { .. } => waited,
                _ => error == DecodeError::UnexpectedBinary && !waited,
            });
        }
        Message::Text(_) if waited => return assert_eq!(error, DecodeError::UnexpectedText),
        Message::Text(text) => text,
    };
    assert_eq!(error == DecodeError::Empty, text.is_empty());
    match error {
        DecodeError::UnexpectedText | DecodeError::UnexpectedBinary => {
            panic!("{error} in idle state")
        }
        DecodeError::UnknownType(_) => {
            assert!(!text.starts_with(|first| ('0'..='6').contains(&first)))
        }
        DecodeError::AttachmentCount | DecodeError::TooManyAttachments { .. } => {
            assert!(text.starts_with(['5', '6']));
        }
        DecodeError::TooDeep { limit } => assert!(depth(json_of(text)) > limit),
        DecodeError::NamespaceTooLong { limit } => assert!(text.len() > limit as usize),
        DecodeError::InvalidPayload => {
            // A plain event whose name may be used is refused only if its JSON is wrong.
            let json = text.strip_prefix('2').filter(|json| json.starts_with('['));
            let event = json.map(serde_json::from_str::<Vec<Value>>);
            if let Some(Ok(event)) = event {
                assert!(match event.first() {
                    Some(Value::String(name)) => is_reserved_event(name),
                    Some(Value::Number(_)) => false,
                    _ => true,
                });
            }
        }
        _ => {}
    }
}

fn limits(choice: u8) -> Limits {
    let choose = |shift: u8, from: [u16; 4]| from[usize::from(choice >> shift & 3)];
    Limits::default()
        .with_max_attachments(u16::from(choice & 7))
        .with_max_expansion(if choice & 0x80 == 0 { 64 } else { 2 })
        .with_max_json_depth(choose(3, [2, 8, 64, 256]))
        .with_max_namespace_len(choose(5, [4, 16, 64, 1024]).into())
}

fn message(input: &mut Input<'_>) -> Message {
    if input.byte().is_multiple_of(2) {
        Message::Text(input.text())
    } else {
        Message::Binary(input.binary())
    }
}

fn args(input: &mut Input<'_>) -> Args {
    let text = input.text().to_string();
    let whole = u64_of(input);
    let float = f64::from_bits(u64_of(input));
    let list = (0..input.byte() % 4).map(|_| input.binary()).collect();
    let map = (0..input.byte() % 4)
        .map(|_| (input.text().to_string(), input.binary()))
        .collect();
    let last = (input.byte() % 2 == 1).then(|| input.binary());
    (
        text,
        whole,
        float.is_finite().then_some(float),
        list,
        map,
        last,
    )
}

/// The payload of an event, or without a name of an acknowledgement; `None` if its name is reserved.
fn payload(name: Option<&str>, (text, whole, float, list, map, last): &Args) -> Option<Payload> {
    let builder = name.map_or_else(Payload::ack, Payload::event);
    let builder = builder
        .arg(text)
        .arg(whole)
        .arg(&float.unwrap_or(f64::NAN))
        .arg(list)
        .arg(map);
    let built = match last {
        Some(data) => builder.binary(data.clone()).build(),
        None => builder.build(),
    };
    assert_eq!(
        built.is_err(),
        name.is_some_and(is_reserved_event),
        "{built:?}"
    );
    built.ok()
}

/// The payload of a connect packet, with one member.
fn auth(input: &mut Input<'_>, kind: u8) -> Option<Payload> {
    let auth = BTreeMap::from([(input.text().to_string(), input.text().to_string())]);
    let payload = Payload::object(&auth).expect("an object");
    (kind & 0x40 != 0).then_some(payload)
}

fn u64_of(input: &mut Input<'_>) -> u64 {
    (0..8).fold(0, |value, _| value << 8 | u64::from(input.byte()))
}

/// Sends a packet through frames to a decoder: nothing comes before its last message, and the packet with it.
fn decode(decoder: &mut Decoder, packet: &EncodedPacket) -> Packet {
    let mut received = None;
    for part in packet.parts() {
        assert_eq!(received, None);
        let Ok(EnginePacket::Message(message)) = v4::decode_frame(part.frame()) else {
            panic!("no message: {part:?}");
        };
        received = decoder
            .add(message)
            .expect("what was encoded can be decoded");
    }
    assert!(!decoder.is_waiting());
    received.expect("complete with its last part")
}

/// The rest of a packet's text after type, number of attachments, namespace and id.
fn json_of(text: &str) -> &str {
    let rest = match text.split_once('-') {
        Some((_, rest)) if text.starts_with(['5', '6']) => rest,
        _ => &text[1..],
    };
    let rest = match rest.split_once(',') {
        Some((_, behind)) if rest.starts_with('/') => behind,
        _ => rest,
    };
    rest.trim_start_matches(|digit: char| digit.is_ascii_digit())
}

/// The levels of arrays and objects in JSON text.
pub(crate) fn depth(json: &str) -> u16 {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_u16, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
