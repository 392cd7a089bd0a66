//! Engine.IO, revision 4, in a WebTransport stream.

use bytes::Bytes;
use engineio_proto::Message;
use engineio_proto::codec::{Packet, v4, webtransport};
use serde::Deserialize;

use crate::engineio::{Made, PacketModel, build, equal, judge};
use crate::model::{Base64, Op, Outcome, Vector, ensure, read};

pub(crate) fn check(vector: &Vector) -> Result<(), String> {
    match vector.op {
        Op::Decode => decode(vector),
        Op::Encode => encode(vector),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunksInput {
    chunks: Vec<Base64>,
    max_payload: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunksExpect {
    outcome: Outcome,
    per_chunk: Vec<Vec<PacketModel>>,
    #[serde(rename = "via")]
    _via: Option<String>,
    #[serde(rename = "message")]
    _message: Option<String>,
}

fn decode(vector: &Vector) -> Result<(), String> {
    let input: ChunksInput = read(&vector.input)?;
    let mut decoder = webtransport::Decoder::new(input.max_payload);
    let mut per_chunk = Vec::new();
    let mut fault = None;
    for chunk in &input.chunks {
        let mut packets = Vec::new();
        let end = drain(&mut decoder, chunk.bytes()?.into(), &mut packets);
        per_chunk.push(packets);
        if end.is_err() {
            fault = end.err();
            break;
        }
    }
    let expected = |expect: &ChunksExpect| -> Made<Vec<Vec<Packet>>> {
        let chunks = expect.per_chunk.iter();
        chunks
            .map(|packets| packets.iter().map(build).collect())
            .collect()
    };
    let made = match fault {
        None => Ok(per_chunk),
        Some(fault) => {
            let before = expected(&read(&vector.expect)?)?.concat();
            ensure(before.starts_with(&per_chunk.concat()), || {
                format!("{per_chunk:?} delivered before the fault")
            })?;
            Err(fault)
        }
    };
    judge(vector, made, |expect, made| {
        let expect: ChunksExpect = read(expect)?;
        match (expect.outcome, made) {
            (Outcome::Accept | Outcome::Incomplete, Ok(made)) => equal(&expected(&expect)?, made),
            (Outcome::Reject, Err(_)) => Ok(()),
            (outcome, made) => Err(format!("{outcome:?} expected, got {made:?}")),
        }
    })
}

fn drain(
    decoder: &mut webtransport::Decoder,
    mut chunk: Bytes,
    packets: &mut Vec<Packet>,
) -> Made<()> {
    while let Some(frame) = decoder
        .decode(&mut chunk)
        .map_err(|fault| fault.to_string())?
    {
        packets.push(v4::decode_frame(frame).map_err(|fault| fault.to_string())?);
    }
    ensure(chunk.is_empty(), || {
        "a chunk was not read to its end".into()
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketsInput {
    packets: Vec<PacketModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BytesExpect {
    outcome: Outcome,
    bytes: Base64,
    #[serde(rename = "chunk_lengths")]
    _chunk_lengths: Vec<usize>,
    #[serde(rename = "roundtrip")]
    _roundtrip: bool,
}

fn encode(vector: &Vector) -> Result<(), String> {
    let input: PacketsInput = read(&vector.input)?;
    let packets: Made<Vec<Packet>> = input.packets.iter().map(build).collect();
    let bytes = packets.as_ref().map(|packets| {
        packets
            .iter()
            .flat_map(|packet| {
                let (header, content) = webtransport::encode(v4::encode_frame(packet));
                [header.as_ref(), &content].concat()
            })
            .collect::<Vec<u8>>()
    });
    let bytes = bytes.map_err(Clone::clone);
    if let (Ok(bytes), Ok(packets)) = (&bytes, &packets) {
        let mut again = Vec::new();
        let mut decoder = webtransport::Decoder::new(usize::MAX);
        drain(&mut decoder, bytes.clone().into(), &mut again)?;
        equal(packets, &again)?;
    }
    // An empty binary message has another form here, which the line above has shown to be understood.
    let unlike = |packet: &Packet| matches!(packet, Packet::Message(Message::Binary(data)) if data.is_empty());
    let made = match (bytes, &packets) {
        (Ok(_), Ok(packets)) if packets.iter().any(unlike) => Err("has no official form".into()),
        (bytes, _) => bytes,
    };
    judge(vector, made, |expect, made| {
        let expect: BytesExpect = read(expect)?;
        let made = made.as_ref().map_err(Clone::clone)?;
        ensure(expect.outcome == Outcome::Accept, || {
            "unknown outcome".into()
        })?;
        equal(&expect.bytes.bytes()?, made)
    })
}
