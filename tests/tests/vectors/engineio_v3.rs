//! Engine.IO, revision 3.

use bytes::{Bytes, BytesMut};
use engineio_proto::codec::{DecodeError, Packet, v3};
use engineio_proto::{Frame, Message};
use serde::Deserialize;
use serde_json::Value;

use crate::engineio::{FrameExpect, Made, PacketInput, PacketModel, build, equal, frame, judge};
use crate::model::{Data, Op, Outcome, Vector, ensure, read};

pub(crate) fn packet(vector: &Vector) -> Result<(), String> {
    match vector.op {
        Op::Decode => decode_packet(vector),
        Op::Encode => encode_packet(vector),
    }
}

pub(crate) fn payload(vector: &Vector) -> Result<(), String> {
    match vector.op {
        Op::Decode => decode_payload(vector),
        Op::Encode => encode_payload(vector),
    }
}

/// Whether a packet is to be encoded that our types cannot express: binary data in a packet that is no message, to
/// which nothing gives a meaning.
pub(crate) fn is_inexpressible(vector: &Vector) -> bool {
    let binary_control = |packet: &Value| {
        packet["type"] != "message"
            && packet["data"]
                .as_object()
                .is_some_and(|data| data.contains_key("b64"))
    };
    let packets = vector.input["packets"].as_array();
    vector.op == Op::Encode
        && (binary_control(&vector.input["packet"])
            || packets.is_some_and(|packets| packets.iter().any(binary_control)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameInput {
    frame: Data,
    form: Option<ByteString>,
    utf8_decode: Option<bool>,
}

/// A text packet as it stands in a binary payload.
#[derive(Deserialize)]
enum ByteString {
    #[serde(rename = "byte-string")]
    Utf8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketExpect {
    outcome: Outcome,
    packet: Option<Value>,
    #[serde(rename = "via")]
    _via: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
}

fn decode_packet(vector: &Vector) -> Result<(), String> {
    let input: FrameInput = read(&vector.input)?;
    let as_payload = matches!(input.form, Some(ByteString::Utf8));
    ensure(input.utf8_decode.unwrap_or(false) == as_payload, || {
        "only byte strings hold UTF-8".into()
    })?;
    let made = match (as_payload, frame(&input.frame)?) {
        (true, Frame::Binary(text)) => one_text_item(&text),
        (_, frame) => v3::decode_frame(frame),
    };
    let made = made.map_err(|error| error.to_string());
    judge(vector, made, |expect, made| {
        let expect: PacketExpect = read(expect)?;
        match (expect.outcome, &expect.packet, made) {
            (Outcome::Accept, Some(expected), Ok(packet)) => equal(&received(expected)?, packet),
            (Outcome::Reject, None, Err(_)) | (Outcome::Untyped, Some(_), Err(_)) => Ok(()),
            (outcome, _, made) => Err(format!("{outcome:?} expected, got {made:?}")),
        }
    })
}

fn one_text_item(text: &[u8]) -> Result<Packet, DecodeError> {
    let length = text.len().to_string();
    let digits = length.bytes().map(|digit| digit - b'0');
    let head = [0].into_iter().chain(digits).chain([0xff]);
    let body: Vec<u8> = head.chain(text.iter().copied()).collect();
    let mut packets = v3::decode_binary_payload(body.into(), 1);
    packets.next().unwrap_or(Err(DecodeError::Empty))
}

fn encode_packet(vector: &Vector) -> Result<(), String> {
    let mut input = vector.input.clone();
    let as_payload = input
        .as_object_mut()
        .and_then(|input| input.remove("utf8_encode"));
    let input: PacketInput = read(&input)?;
    let packet = build(&input.packet);
    let made = packet.clone().map(|packet| {
        let text = || v3::encode_text(&packet);
        match (input.supports_binary, &as_payload) {
            (true, None) => v3::encode_frame(&packet),
            (true, Some(_)) => Frame::Binary(text().into_bytes()),
            (false, _) => Frame::Text(text()),
        }
    });
    judge(vector, made, |expect, made| {
        let mut expect = expect.clone();
        if let Some(expect) = expect.as_object_mut() {
            expect.remove("form");
        }
        let expect: FrameExpect = read(&expect)?;
        ensure(expect.outcome == Outcome::Accept, || {
            "unknown outcome".into()
        })?;
        let made = made.as_ref().map_err(Clone::clone)?;
        equal(&frame(&expect.frame)?, made)?;
        let again = match (made, &as_payload) {
            (Frame::Binary(text), Some(_)) => one_text_item(text),
            _ => v3::decode_frame(made.clone()),
        };
        ensure(
            !expect.roundtrip || again.as_ref().ok() == packet.as_ref().ok(),
            || format!("decodes to {again:?}"),
        )
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadInput {
    payload: Data,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResultsExpect {
    outcome: Outcome,
    results: Vec<Value>,
    #[serde(rename = "via")]
    _via: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
}

impl ResultsExpect {
    /// The packets before the first fault, or before the first that has no type or holds half a character.
    fn packets(&self) -> Result<Vec<Packet>, String> {
        let good = |result: &&Value| {
            let halved = result["data"].get("utf16").is_some();
            result.get("error").is_none() && !result["type"].is_null() && !halved
        };
        self.results.iter().take_while(good).map(received).collect()
    }
}

fn decode_payload(vector: &Vector) -> Result<(), String> {
    let input: PayloadInput = read(&vector.input)?;
    let items: Vec<_> = match &input.payload {
        Data::Text(text) => v3::decode_payload(Bytes::from(text.clone()), usize::MAX).collect(),
        Data::Bytes(bytes) => {
            v3::decode_binary_payload(bytes.bytes()?.into(), usize::MAX).collect()
        }
    };
    let mut packets = Vec::new();
    let mut error = None;
    for item in items {
        match item {
            Ok(packet) => packets.push(packet),
            Err(fault) => error = Some(fault.to_string()),
        }
    }
    if error.is_some() && matches!(input.payload, Data::Text(_)) {
        let before = read::<ResultsExpect>(&vector.expect)?.packets()?;
        ensure(before.starts_with(&packets), || {
            format!("{packets:?} delivered before the fault")
        })?;
    }
    let made = error.map_or(Ok(packets), Err);
    judge(vector, made, |expect, made| {
        let expect: ResultsExpect = read(expect)?;
        match (expect.outcome, made) {
            (Outcome::Accept, Ok(packets)) => {
                ensure(expect.results.len() == expect.packets()?.len(), || {
                    "a fault in what is accepted".into()
                })?;
                equal(&expect.packets()?, packets)
            }
            (Outcome::Reject | Outcome::Untyped, Err(_)) => Ok(()),
            (outcome, made) => Err(format!("{outcome:?} expected, got {made:?}")),
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketsInput {
    packets: Vec<PacketModel>,
    supports_binary: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadExpect {
    outcome: Outcome,
    payload: Data,
    roundtrip: bool,
}

fn encode_payload(vector: &Vector) -> Result<(), String> {
    let input: PacketsInput = read(&vector.input)?;
    let packets: Made<Vec<Packet>> = input.packets.iter().map(build).collect();
    let is_binary = |packet: &Packet| matches!(packet, Packet::Message(Message::Binary(_)));
    let made = packets.clone().and_then(|packets| {
        let mut out = BytesMut::new();
        if input.supports_binary && packets.iter().any(is_binary) {
            v3::encode_binary_payload(&packets, &mut out);
            return Ok(Frame::Binary(out.freeze()));
        }
        v3::encode_payload(&packets, &mut out);
        let text = String::from_utf8(out.into()).map_err(|error| error.to_string())?;
        Ok(Frame::Text(text.into()))
    });
    judge(vector, made, |expect, made| {
        let expect: PayloadExpect = read(expect)?;
        ensure(expect.outcome == Outcome::Accept, || {
            "unknown outcome".into()
        })?;
        let made = made.as_ref().map_err(Clone::clone)?;
        equal(&frame(&expect.payload)?, made)?;
        let again: Result<Vec<_>, _> = match made.clone() {
            Frame::Text(text) => v3::decode_payload(text.into_bytes(), usize::MAX).collect(),
            Frame::Binary(body) => v3::decode_binary_payload(body, usize::MAX).collect(),
        };
        let same = again.as_ref().ok() == packets.as_ref().ok();
        ensure(!expect.roundtrip || same, || {
            format!("decodes to {again:?}")
        })
    })
}

/// The packet as our decoder gives it: binary data is dropped where it has no meaning.
fn received(model: &Value) -> Result<Packet, String> {
    let mut model: PacketModel = read(model)?;
    if model.packet_type != "message" && matches!(model.data, Some(Data::Bytes(_))) {
        model.data = None;
    }
    build(&model)
}
