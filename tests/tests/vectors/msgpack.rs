//! Socket.IO, revision 5, the parser for MessagePack.

use engineio_proto::{Frame, Message};
use rmpv::Value;
use serde::Deserialize;
use socketio_proto::PacketType;
use socketio_proto::parser::{Limits, Parser};

use crate::model::{self, Alt, Op, Outcome, Vector, ensure, read};
use crate::socketio::{self, PacketModel};
use crate::tree::Tree;

pub(crate) fn check(vector: &Vector) -> Result<(), String> {
    match vector.op {
        // The official decoder takes nil for nothing but nil.
        Op::Decode => socketio::decode_with(
            Parser::MsgPack,
            Limits::default().with_lenient_nil(false),
            vector,
        ),
        Op::Encode => encode(vector),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeInput {
    packet: PacketModel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeExpect {
    outcome: Outcome,
    frames: Vec<model::Base64>,
    roundtrip: bool,
}

fn encode(vector: &Vector) -> Result<(), String> {
    let input: EncodeInput = read(&vector.input)?;
    let expect: EncodeExpect = read(&vector.expect)?;
    ensure(
        expect.outcome == Outcome::Accept && vector.alt_expect.is_none(),
        || "unknown outcome".into(),
    )?;
    let tree = input.packet.tree(Parser::MsgPack)?;
    let made = socketio::build(&input.packet, tree.as_ref()).and_then(|packet| {
        let encoded = Parser::MsgPack.encode(packet.borrow(), 0);
        let encoded = encoded.map_err(|error| error.to_string())?;
        match encoded.parts() {
            [part] => Ok((packet, part.frame())),
            _ => Err("not one message".into()),
        }
    });
    let (packet, frame) = match made {
        Ok(made) => made,
        Err(_) if vector.may(&Alt::Reject) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Frame::Binary(data) = frame else {
        return Err("a text".into());
    };

    // What another reader makes of it.
    let mut rest = &data[..];
    let value = rmpv::decode::read_value(&mut rest).map_err(|error| error.to_string())?;
    ensure(rest.is_empty(), || "trailing bytes".into())?;
    let number = match packet.packet_type {
        PacketType::Connect => 0,
        PacketType::Disconnect => 1,
        PacketType::Event => 2,
        PacketType::Ack => 3,
        PacketType::ConnectError => 4,
    };
    let mut expected = std::collections::BTreeMap::from([
        ("type".to_owned(), Tree::Number(f64::from(number))),
        ("nsp".to_owned(), Tree::Text(input.packet.nsp.clone())),
    ]);
    expected.extend(
        packet
            .id
            .map(|id| ("id".to_owned(), Tree::Number(id as f64))),
    );
    expected.extend(tree.map(|tree| ("data".to_owned(), tree)));
    let (expected, read) = (Tree::Object(expected), convert(value)?);
    ensure(expected == read, || {
        format!("expected {expected:?}, got {read:?}")
    })?;

    // And what this parser makes of it, and of what the official encoder wrote.
    let mut decoder = Parser::MsgPack.decoder(Limits::default());
    let mut decode = |data: Vec<u8>| {
        let packet = decoder.add(Message::binary(data));
        packet
            .map_err(|error| error.to_string())?
            .ok_or("no packet".to_owned())
    };
    socketio::compare_packet(
        Parser::MsgPack,
        &input.packet,
        &decode(data.to_vec())?,
        false,
    )?;
    if expect.roundtrip {
        let [official] = &expect.frames[..] else {
            return Err("not one official frame".into());
        };
        let packet = decode(official.bytes()?)?;
        socketio::compare_packet(Parser::MsgPack, &input.packet, &packet, false)?;
    }
    Ok(())
}

fn convert(value: Value) -> Result<Tree, String> {
    Ok(match value {
        Value::Nil => Tree::Null,
        Value::Boolean(value) => Tree::Bool(value),
        Value::Integer(number) => Tree::Number(number.as_f64().ok_or("no number")?),
        Value::F32(number) => Tree::Number(number.into()),
        Value::F64(number) => Tree::Number(number),
        Value::String(text) => Tree::Text(text.into_str().ok_or("no UTF-8")?),
        Value::Binary(data) => Tree::Bytes(data),
        Value::Array(items) => {
            Tree::List(items.into_iter().map(convert).collect::<Result<_, _>>()?)
        }
        Value::Map(members) => {
            let member = |(key, value)| match convert(key)? {
                Tree::Text(key) => Ok((key, convert(value)?)),
                key => Err(format!("a key that is no string: {key:?}")),
            };
            Tree::Object(
                members
                    .into_iter()
                    .map(member)
                    .collect::<Result<_, String>>()?,
            )
        }
        Value::Ext(ty, _) => return Err(format!("an ext of type {ty}")),
    })
}
