//! Our decoders' results in the form of the official ones, and the comparison of both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engineio_proto::codec::{DecodeError as EngineError, Packet as EnginePacket, v3, v4};
use engineio_proto::{Frame, Message};
use serde_json::{Map, Value, json};
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{Packet, Payload, Placeholder};

use crate::Outcome;
use crate::allowed;
use crate::cases::{Case, Kind};

type Compared = Result<Vec<Outcome>, String>;

impl Case {
    /// Compares our result for the messages with that of the official decoder.
    pub(crate) fn compare(&self, theirs: &Value) -> Compared {
        let theirs = theirs.as_array().expect("a list");
        match self.kind {
            Kind::Frame4 | Kind::Frame3 | Kind::Payload4 | Kind::Payload3 => {
                self.compare_engine(theirs)
            }
            Kind::Json => self.compare_socket(Parser::Json, theirs),
            Kind::MsgPack => self.compare_socket(Parser::MsgPack, theirs),
        }
    }

    fn compare_engine(&self, theirs: &[Value]) -> Compared {
        let [message] = &self.messages[..] else {
            return Ok(Vec::new());
        };
        let ours = self.engine_packets(message);
        let theirs = theirs
            .first()
            .and_then(|answer| answer["packets"].as_array())
            .ok_or("it threw")?;
        let mut outcomes = Vec::new();
        for (index, ours) in ours.iter().enumerate() {
            let theirs = theirs.get(index);
            let refused = theirs.is_some_and(|theirs| theirs.get("error").is_some());
            outcomes.push(match ours {
                Ok(ours) if Some(ours) == theirs => Outcome::Same,
                Ok(ours) if is_control_of_bytes(ours, theirs) => Outcome::Allowed(allowed::CONTROL),
                Err(_) if refused => Outcome::BothRefuse,
                Err(error) => {
                    let name = allowed::engine(self.kind, message, *error);
                    Outcome::Allowed(name.ok_or(format!("packet {index}: we say {error}"))?)
                }
                Ok(ours) => return Err(format!("packet {index}: we have {ours}")),
            });
        }
        let ended = ours.last().is_some_and(Result::is_err);
        if !ended && ours.len() != theirs.len() {
            return Err(format!(
                "we have {} packets, they have {}",
                ours.len(),
                theirs.len()
            ));
        }
        Ok(outcomes)
    }

    fn engine_packets(&self, message: &Message) -> Vec<Result<Value, EngineError>> {
        let frame = match message {
            Message::Text(text) => Frame::Text(text.clone()),
            Message::Binary(data) => Frame::Binary(data.clone()),
        };
        let body = match message {
            Message::Text(text) => text.clone().into_bytes(),
            Message::Binary(data) => data.clone(),
        };
        let packets: Vec<Result<EnginePacket, EngineError>> = match self.kind {
            Kind::Frame4 => vec![v4::decode_frame(frame)],
            Kind::Frame3 => vec![v3::decode_frame(frame)],
            Kind::Payload4 => v4::decode_payload(body, 1_000).collect(),
            Kind::Payload3 | Kind::Json | Kind::MsgPack => {
                v3::decode_payload(body, 1_000).collect()
            }
        };
        packets
            .into_iter()
            .map(|packet| packet.map(engine_value))
            .collect()
    }

    fn compare_socket(&self, parser: Parser, theirs: &[Value]) -> Compared {
        let mut decoder = decoder(parser);
        let mut outcomes = Vec::new();
        for (index, (message, theirs)) in self.messages.iter().zip(theirs).enumerate() {
            let ours = decoder.add(message.clone());
            let refused = theirs.get("error").is_some();
            let outcome = match ours {
                Err(_) if refused => {
                    decoder = self::decoder(parser);
                    Outcome::BothRefuse
                }
                Err(error) => {
                    let name = allowed::socket(parser, message, error);
                    outcomes.push(Outcome::Allowed(
                        name.ok_or(format!("message {index}: we say {error:?}"))?,
                    ));
                    // From here on the two decoders are at different places.
                    return Ok(outcomes);
                }
                Ok(packet) if refused => {
                    return Err(format!("message {index}: we take {packet:?}"));
                }
                Ok(packet) => {
                    let theirs = theirs["packets"].as_array().expect("a list");
                    same_packet(parser, packet.as_ref(), theirs.first())
                        .map_err(|fault| format!("message {index}: {fault}"))?
                }
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

/// Whether a packet of revision 3 is the same except for its content, which arrived as bytes.
fn is_control_of_bytes(ours: &Value, theirs: Option<&Value>) -> bool {
    let theirs = theirs.unwrap_or(&Value::Null);
    ours["type"] != "message" && ours["type"] == theirs["type"] && theirs["data"].is_object()
}

/// Whether a packet is the official one, and our decoder reads the official encoding of it the same.
fn same_packet(
    parser: Parser,
    ours: Option<&Packet>,
    theirs: Option<&Value>,
) -> Result<Outcome, String> {
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Ok(Outcome::Same),
        (Some(ours), Some(theirs)) => (ours, theirs),
        (ours, _) => return Err(format!("we have {ours:?}")),
    };
    let value = socket_value(ours);
    for key in ["type", "nsp", "id", "data"] {
        // In MessagePack what is absent may be said to be nothing.
        let (our, their) = (&value[key], theirs.get(key).unwrap_or(&Value::Null));
        if same_value(our, their) {
            continue;
        }
        if parser == Parser::MsgPack && same_value(&without_proto(our), their) {
            return Ok(Outcome::Allowed(allowed::PROTO));
        }
        return Err(format!("{key}: we have {our}"));
    }
    if !encodes_well(parser, &value) {
        return Ok(Outcome::Same);
    }
    let mut decoder = decoder(parser);
    let mut again = None;
    for message in theirs["again"].as_array().expect("a list") {
        let message = match message {
            Value::String(text) => Message::text(text.clone()),
            other => Message::binary(
                STANDARD
                    .decode(other["bytes"].as_str().expect("bytes"))
                    .expect("base64"),
            ),
        };
        again = decoder
            .add(message)
            .map_err(|error| format!("what they encode we refuse: {error}"))?;
    }
    match again {
        Some(packet) if same_value(&socket_value(&packet), &value) => Ok(Outcome::Same),
        again => Err(format!("what they encode is {again:?}")),
    }
}

/// The value without the parts that the official decoder of MessagePack loses.
fn without_proto(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_proto).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| *key != "__proto__");
            let kept = kept.map(|(key, value)| (key.clone(), without_proto(value)));
            Value::Object(kept.collect())
        }
        other => other.clone(),
    }
}

/// Whether the official encoders encode a value correctly. That of attachments loses members with the name `__proto__`.
/// That of MessagePack writes whole numbers beyond 2^64 as other numbers.
fn encodes_well(parser: Parser, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| encodes_well(parser, item)),
        Value::Object(members) => members
            .iter()
            .all(|(key, value)| key != "__proto__" && encodes_well(parser, value)),
        Value::Number(number) => {
            parser == Parser::Json || number.as_f64().is_some_and(|number| number.abs() < 1.8e19)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// The same, with numbers compared as floats, as in JavaScript.
fn same_value(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| same_value(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, ours)| {
                    theirs
                        .get(key)
                        .is_some_and(|theirs| same_value(ours, theirs))
                })
        }
        (ours, theirs) => ours == theirs,
    }
}

fn decoder(parser: Parser) -> Decoder {
    let mut limits = Limits::default();
    limits.max_json_depth = 200;
    limits.max_namespace_len = 10_000;
    parser.decoder(limits)
}

fn engine_value(packet: EnginePacket) -> Value {
    let (kind, data) = match packet {
        EnginePacket::Open(text) => ("open", text),
        EnginePacket::Close(text) => ("close", text),
        EnginePacket::Ping(text) => ("ping", text),
        EnginePacket::Pong(text) => ("pong", text),
        EnginePacket::Upgrade(text) => ("upgrade", text),
        EnginePacket::Noop(text) => ("noop", text),
        EnginePacket::Message(Message::Text(text)) => ("message", text),
        EnginePacket::Message(Message::Binary(data)) => {
            return json!({"type": "message", "data": marked(&data)});
        }
    };
    json!({"type": kind, "data": &*data})
}

fn socket_value(packet: &Packet) -> Value {
    let data = packet.payload.as_ref().map_or(Value::Null, |payload| {
        let value = payload.to_value().expect("a case is small");
        filled(value, payload)
    });
    json!({"type": packet.packet_type as u8, "nsp": &*packet.namespace, "id": packet.id, "data": data})
}

/// Puts the attachments of a payload into their places.
fn filled(value: Value, payload: &Payload) -> Value {
    if !payload.attachments().is_empty()
        && let Some(place) = Placeholder::from_value(&value)
        && let Some(data) = payload.attachment(place)
    {
        return marked(data);
    }
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| filled(item, payload))
            .collect(),
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(key, value)| (key, filled(value, payload)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn marked(data: &Bytes) -> Value {
    json!({"$bytes": STANDARD.encode(data)})
}

/// The reason why we refuse a message of Socket.IO.
pub(crate) fn text_of(message: &Message) -> &str {
    match message {
        Message::Text(text) => text,
        Message::Binary(_) => "",
    }
}
