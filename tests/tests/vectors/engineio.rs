//! Engine.IO, revision 4, and what its vectors have in common with those of revision 3.

use bytes::{Bytes, BytesMut};
use engineio_proto::codec::{Packet, v4};
use engineio_proto::{Frame, Message};
use serde::Deserialize;

use crate::model::{Alt, Data, Op, Outcome, Vector, ensure, read};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketModel {
    #[serde(rename = "type")]
    pub(crate) packet_type: String,
    pub(crate) data: Option<Data>,
}

/// The result of a decoder or encoder, or its refusal.
pub(crate) type Made<T> = Result<T, String>;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameInput {
    frame: Data,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketExpect {
    outcome: Outcome,
    packet: Option<PacketModel>,
    #[serde(rename = "via")]
    _via: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
}

fn decode_packet(vector: &Vector) -> Result<(), String> {
    let input: FrameInput = read(&vector.input)?;
    let made = v4::decode_frame(frame(&input.frame)?).map_err(|error| error.to_string());
    judge(vector, made, |expect, packet| {
        let expect: PacketExpect = read(expect)?;
        match (expect.outcome, &expect.packet, packet) {
            (Outcome::Accept, Some(expected), Ok(packet)) => equal(&build(expected)?, packet),
            (Outcome::Reject, None, Err(_)) => Ok(()),
            (outcome, _, made) => Err(format!("{outcome:?} expected, got {made:?}")),
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketInput {
    pub(crate) packet: PacketModel,
    pub(crate) supports_binary: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameExpect {
    pub(crate) outcome: Outcome,
    pub(crate) frame: Data,
    pub(crate) roundtrip: bool,
}

fn encode_packet(vector: &Vector) -> Result<(), String> {
    let input: PacketInput = read(&vector.input)?;
    let packet = build(&input.packet);
    let made = packet.clone().map(|packet| {
        if input.supports_binary {
            v4::encode_frame(&packet)
        } else {
            Frame::Text(v4::encode_text(&packet))
        }
    });
    judge(vector, made, |expect, made| {
        let expect: FrameExpect = read(expect)?;
        ensure(expect.outcome == Outcome::Accept, || {
            "unknown outcome".into()
        })?;
        let made = made.as_ref().map_err(Clone::clone)?;
        equal(&frame(&expect.frame)?, made)?;
        let again = v4::decode_frame(made.clone());
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
struct PacketsExpect {
    outcome: Outcome,
    packets: Vec<PacketModel>,
    #[serde(rename = "via")]
    _via: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
}

fn decode_payload(vector: &Vector) -> Result<(), String> {
    let input: PayloadInput = read(&vector.input)?;
    let body = match &input.payload {
        Data::Text(text) => text.clone().into_bytes(),
        Data::Bytes(bytes) => bytes.bytes()?,
    };
    let mut packets = Vec::new();
    let mut error = None;
    for item in v4::decode_payload(Bytes::from(body), usize::MAX) {
        match item {
            Ok(packet) => packets.push(packet),
            Err(fault) => error = Some(fault.to_string()),
        }
    }
    let expected = |expect: &serde_json::Value| -> Result<_, String> {
        let expect: PacketsExpect = read(expect)?;
        let packets: Vec<Packet> = expect.packets.iter().map(build).collect::<Result<_, _>>()?;
        Ok((expect.outcome, packets))
    };
    let made = match &error {
        None => Ok(packets.clone()),
        Some(error) => Err(error.clone()),
    };
    if error.is_some() {
        let (_, before) = expected(&vector.expect)?;
        ensure(before.starts_with(&packets), || {
            format!("{packets:?} delivered before the fault")
        })?;
    }
    judge(vector, made, |expect, made| {
        match (expected(expect)?, made) {
            ((Outcome::Accept, expected), Ok(packets)) => equal(&expected, packets),
            ((Outcome::Reject, _), Err(_)) => Ok(()),
            ((outcome, _), made) => Err(format!("{outcome:?} expected, got {made:?}")),
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketsInput {
    packets: Vec<PacketModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadExpect {
    outcome: Outcome,
    payload: Option<Data>,
    roundtrip: Option<bool>,
}

fn encode_payload(vector: &Vector) -> Result<(), String> {
    let input: PacketsInput = read(&vector.input)?;
    let packets: Made<Vec<Packet>> = input.packets.iter().map(build).collect();
    let made = packets.clone().and_then(|packets| {
        let mut out = BytesMut::new();
        v4::encode_payload(&packets, &mut out);
        String::from_utf8(out.into()).map_err(|error| error.to_string())
    });
    judge(vector, made, |expect, made| {
        let expect: PayloadExpect = read(expect)?;
        let made = made.as_ref().map_err(Clone::clone)?;
        match (expect.outcome, &expect.payload) {
            (Outcome::Accept, Some(Data::Text(payload))) => equal(payload, made)?,
            // The official encoder gives nothing; an empty payload is no more than that.
            (Outcome::Nothing, None) if vector.may(&Alt::Accept) => equal(&String::new(), made)?,
            _ => return Err("unknown outcome".into()),
        }
        let again: Result<Vec<_>, _> =
            v4::decode_payload(made.clone().into_bytes().into(), usize::MAX).collect();
        let same = again.as_ref().ok() == packets.as_ref().ok();
        ensure(expect.roundtrip != Some(true) || same, || {
            format!("decodes to {again:?}")
        })
    })
}

/// Holds what was made against what is expected, or what is allowed instead.
pub(crate) fn judge<T: std::fmt::Debug>(
    vector: &Vector,
    made: Made<T>,
    matches: impl Fn(&serde_json::Value, &Made<T>) -> Result<(), String>,
) -> Result<(), String> {
    let result = matches(&vector.expect, &made);
    if result.is_ok() || (made.is_err() && vector.may(&Alt::Reject)) {
        return Ok(());
    }
    match &vector.alt_expect {
        Some(alternative) if vector.may(&Alt::Accept) => matches(alternative, &made),
        _ => result,
    }
}

pub(crate) fn frame(data: &Data) -> Result<Frame, String> {
    Ok(match data {
        Data::Text(text) => Frame::Text(text.as_str().into()),
        Data::Bytes(bytes) => Frame::Binary(bytes.bytes()?.into()),
    })
}

/// The packet, unless our types cannot express it.
pub(crate) fn build(model: &PacketModel) -> Made<Packet> {
    let text = match &model.data {
        None => "".into(),
        Some(Data::Text(text)) => text.as_str().into(),
        Some(Data::Bytes(bytes)) if model.packet_type == "message" => {
            return Ok(Packet::Message(Message::binary(bytes.bytes()?)));
        }
        Some(Data::Bytes(_)) => return Err("only messages are binary".into()),
    };
    Ok(match model.packet_type.as_str() {
        "open" => Packet::Open(text),
        "close" => Packet::Close(text),
        "ping" => Packet::Ping(text),
        "pong" => Packet::Pong(text),
        "message" => Packet::Message(Message::Text(text)),
        "upgrade" => Packet::Upgrade(text),
        "noop" => Packet::Noop(text),
        unknown => return Err(format!("no packet is of type {unknown}")),
    })
}

pub(crate) fn equal<T: std::fmt::Debug + PartialEq>(expected: &T, made: &T) -> Result<(), String> {
    ensure(expected == made, || {
        format!("expected {expected:?}, got {made:?}")
    })
}
