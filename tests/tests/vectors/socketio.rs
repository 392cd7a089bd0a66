//! Socket.IO, revisions 4 and 5, the default parser.

use engineio_proto::{Frame, Message};
use serde::Deserialize;
use serde_json::Value;
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::{DecodeError, Packet, PacketType, Payload};

use crate::model::{self, Alt, Op, Outcome, Vector, ensure, read};
use crate::tree::{self, Tree};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketModel {
    #[serde(rename = "type")]
    pub(crate) packet_type: String,
    pub(crate) nsp: String,
    pub(crate) id: Option<Value>,
    pub(crate) data: Option<tree::Data>,
    /// In MessagePack, the order in which the official encoder wrote the keys.
    #[serde(default, rename = "key_order")]
    _key_order: Vec<String>,
    /// In MessagePack, keys that mean nothing: their names, and what official clients leave there.
    #[serde(default, rename = "extra_keys")]
    _extra_keys: Vec<String>,
    #[serde(default, rename = "options")]
    _options: Value,
}

impl PacketModel {
    /// The payload, as far as JSON can say it.
    pub(crate) fn tree(&self, parser: Parser) -> Result<Option<Tree>, String> {
        let tree = self.data.as_ref().map(tree::Data::tree).transpose()?;
        Ok(match parser {
            Parser::MsgPack => tree.as_ref().map(Tree::as_json),
            _ => tree,
        })
    }
}

pub(crate) fn check(vector: &Vector) -> Result<(), String> {
    match vector.op {
        Op::Decode => decode(vector),
        Op::Encode => encode(vector),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodeInput {
    frames: Vec<model::Data>,
    max_attachments: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodeExpect {
    outcome: Outcome,
    steps: Vec<StepModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "result")]
enum StepModel {
    Pending,
    Packet {
        packet: PacketModel,
    },
    Error {
        #[serde(rename = "via")]
        _via: String,
        #[serde(rename = "message")]
        _message: String,
    },
}

/// The result of a frame.
enum Step {
    Pending,
    Packet(Packet),
    Error(DecodeError),
}

impl Step {
    fn describe(&self) -> String {
        match self {
            Self::Pending => "nothing yet".into(),
            Self::Packet(packet) => format!("{packet:?}"),
            Self::Error(error) => format!("the error {error}"),
        }
    }
}

fn describe(steps: &[Step]) -> String {
    steps
        .iter()
        .map(Step::describe)
        .collect::<Vec<_>>()
        .join(", then ")
}

fn decode(vector: &Vector) -> Result<(), String> {
    decode_with(Parser::Json, Limits::default(), vector)
}

pub(crate) fn decode_with(
    parser: Parser,
    mut limits: Limits,
    vector: &Vector,
) -> Result<(), String> {
    let input: DecodeInput = read(&vector.input)?;
    if let Some(max) = input.max_attachments {
        limits = limits.with_max_attachments(max);
    }
    let mut decoder = parser.decoder(limits);
    let mut steps = Vec::new();
    for frame in &input.frames {
        let message = match frame {
            model::Data::Text(text) => Message::text(text.as_str()),
            model::Data::Bytes(bytes) => Message::binary(bytes.bytes()?),
        };
        let step = match decoder.add(message) {
            Ok(None) => Step::Pending,
            Ok(Some(packet)) => Step::Packet(packet),
            Err(error) => Step::Error(error),
        };
        let failed = matches!(step, Step::Error(_));
        steps.push(step);
        if failed {
            break;
        }
    }
    // Where the official result cannot be expressed, the alternative says what stands for it.
    if !(vector.result_unreachable && vector.alt_expect.is_some()) {
        let result = compare_steps(parser, &vector.expect, &steps, vector.result_unreachable);
        if result.is_ok() || vector.alt_expect.is_none() && !vector.may(&Alt::Reject) {
            return result;
        }
        if vector.may(&Alt::Reject) && rejects(parser, &vector.expect, &steps)? {
            return Ok(());
        }
        if vector.alt_expect.is_none() {
            return result;
        }
    } else if vector.may(&Alt::Reject) && matches!(steps.last(), Some(Step::Error(_))) {
        return Ok(());
    }
    match &vector.alt_expect {
        Some(alternative) => compare_steps(parser, alternative, &steps, false),
        None => Err("no alternative".into()),
    }
}

/// Whether the last step is an error, and nothing came before it that is not expected.
fn rejects(parser: Parser, expect: &Value, steps: &[Step]) -> Result<bool, String> {
    let expect: DecodeExpect = read(expect)?;
    let Some((Step::Error(_), before)) = steps.split_last() else {
        return Ok(false);
    };
    for (expected, step) in expect.steps.iter().zip(before) {
        compare_step(parser, expected, step, false)?;
    }
    Ok(before.len() <= expect.steps.len())
}

fn compare_steps(
    parser: Parser,
    expect: &Value,
    steps: &[Step],
    skip_data: bool,
) -> Result<(), String> {
    let model: DecodeExpect = read(expect)?;
    let ends_as = |outcome: &Outcome| match model.steps.last() {
        Some(StepModel::Error { .. }) => *outcome == Outcome::Reject,
        Some(StepModel::Pending) => *outcome == Outcome::Incomplete,
        Some(StepModel::Packet { .. }) => *outcome == Outcome::Accept,
        None => false,
    };
    ensure(ends_as(&model.outcome), || {
        "outcome and steps do not agree".into()
    })?;
    if model.outcome == Outcome::Reject {
        return ensure(rejects(parser, expect, steps)?, || {
            format!("no error, but {}", describe(steps))
        });
    }
    ensure(steps.len() == model.steps.len(), || {
        format!("got {}", describe(steps))
    })?;
    for (expected, step) in model.steps.iter().zip(steps) {
        compare_step(parser, expected, step, skip_data)?;
    }
    Ok(())
}

fn compare_step(
    parser: Parser,
    expected: &StepModel,
    step: &Step,
    skip_data: bool,
) -> Result<(), String> {
    match (expected, step) {
        (StepModel::Pending, Step::Pending) => Ok(()),
        (StepModel::Error { .. }, Step::Error(_)) => Ok(()),
        (StepModel::Packet { packet }, Step::Packet(made)) => {
            compare_packet(parser, packet, made, skip_data)
        }
        (_, step) => Err(format!("got {}", step.describe())),
    }
}

pub(crate) fn compare_packet(
    parser: Parser,
    expected: &PacketModel,
    made: &Packet,
    skip_data: bool,
) -> Result<(), String> {
    ensure(
        packet_type(&expected.packet_type)? == made.packet_type,
        || format!("type {:?}", made.packet_type),
    )?;
    ensure(expected.nsp == *made.namespace, || {
        format!("namespace {}", made.namespace)
    })?;
    ensure(id(expected.id.as_ref())? == made.id, || {
        format!("id {:?}", made.id)
    })?;
    if skip_data {
        return Ok(());
    }
    let expected = expected.tree(parser)?;
    let made = made.payload.as_ref().map(read_tree).transpose()?;
    ensure(expected == made, || {
        format!("expected {expected:?}, got {made:?}")
    })
}

/// The payload as our deserialiser reads it, name and all, after checking the other ways to read it.
fn read_tree(payload: &Payload) -> Result<Tree, String> {
    let read = |error: socketio_proto::ReadError| error.to_string();
    let tree: Tree = payload.data().map_err(read)?;
    let owned: Tree = payload.clone().into_data().map_err(read)?;
    ensure(tree == owned, || "by value it reads otherwise".into())?;
    if let Tree::List(items) = &tree {
        let args: Vec<Tree> = payload.args().map_err(read)?;
        let skipped = usize::from(payload.name().is_some());
        ensure(items.get(skipped..) == Some(&args[..]), || {
            format!("args are {args:?}")
        })?;
    }
    if let (Tree::List(items), Some(name)) = (&tree, payload.name()) {
        let same = match items.first() {
            Some(Tree::Text(text)) => text == name,
            Some(Tree::Number(number)) => name.parse() == Ok(*number),
            _ => false,
        };
        ensure(same, || format!("the name is {name}"))?;
    }
    Ok(tree)
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
    frames: Vec<model::Data>,
    header: String,
    /// Empty if there is no payload.
    json: String,
    /// Protocol 5 only.
    is_packet_valid: Option<bool>,
    roundtrip: bool,
}

fn encode(vector: &Vector) -> Result<(), String> {
    let input: EncodeInput = read(&vector.input)?;
    let expect: EncodeExpect = read(&vector.expect)?;
    ensure(
        expect.outcome == Outcome::Accept && vector.alt_expect.is_none(),
        || "unknown outcome".into(),
    )?;
    let tree = input.packet.tree(Parser::Json)?;
    let made = build(&input.packet, tree.as_ref()).and_then(|packet| {
        let encoded = Parser::Json
            .encode(packet.borrow(), 10)
            .map_err(|e| e.to_string())?;
        let frames: Vec<_> = encoded.parts().iter().map(|part| part.frame()).collect();
        Ok((packet, frames))
    });
    let (packet, frames) = match made {
        Ok(made) => made,
        Err(_) if vector.may(&Alt::Reject) => return Ok(()),
        Err(error) => return Err(error),
    };

    let (text, attachments) = split(frames)?;
    let json = packet.payload.as_ref().map_or("", Payload::json);
    let header = text
        .strip_suffix(json)
        .ok_or("the text does not end in the JSON")?;
    ensure(header == expect.header, || {
        format!("header {header}, not {}", expect.header)
    })?;
    let made = match json {
        "" => None,
        json => Some(Tree::parse(json)?.resolve(&attachments)?),
    };

    let mut official = Vec::new();
    for (index, frame) in expect.frames.iter().enumerate() {
        match frame {
            model::Data::Text(text) => {
                let halves = [&expect.header, expect.json.as_str()].concat();
                ensure(index == 0 && *text == halves, || {
                    "the halves are not the text".into()
                })?;
            }
            model::Data::Bytes(bytes) => official.push(bytes.bytes()?),
        }
    }
    ensure(official.len() == attachments.len(), || {
        format!("{} attachments", attachments.len())
    })?;
    let expected = match expect.json.as_str() {
        "" => None,
        json => Some(Tree::parse(json)?.resolve(&official)?),
    };
    let same = made == expected || (vector.may(&Alt::Accept) && made == tree);
    ensure(same, || format!("expected {expected:?}, got {made:?}"))?;
    ensure(
        expect.is_packet_valid != Some(false) || vector.strict == model::Strict::Either,
        || "an invalid packet was encoded".into(),
    )?;
    if !expect.roundtrip {
        return Ok(());
    }
    let mut decoder = Parser::Json.decoder(Limits::default());
    let mut again = decoder
        .add(Message::text(text))
        .map_err(|error| error.to_string())?;
    for data in attachments {
        ensure(again.is_none(), || {
            "it decodes before it is complete".into()
        })?;
        again = decoder
            .add(Message::binary(data))
            .map_err(|error| error.to_string())?;
    }
    let again = again.ok_or("it does not decode")?;
    compare_packet(Parser::Json, &input.packet, &again, false)
}

/// The packet, made as an application makes it, unless our types refuse it.
pub(crate) fn build(model: &PacketModel, tree: Option<&Tree>) -> Result<Packet, String> {
    let mut packet = Packet::new(packet_type(&model.packet_type)?, model.nsp.as_str());
    packet.id = id(model.id.as_ref())?;
    let payload = match (packet.packet_type, tree) {
        (_, None) => return Ok(packet),
        (PacketType::Event, Some(Tree::List(items))) => match items.split_first() {
            Some((Tree::Text(name), args)) => fill(Payload::event(name), args)?,
            _ => {
                let list = fill(Payload::ack(), items)?;
                let attachments = list.attachments().to_vec();
                Payload::from_json(PacketType::Event, list.json().to_owned(), attachments)
                    .map_err(|error| error.to_string())?
            }
        },
        (PacketType::Ack, Some(Tree::List(items))) => fill(Payload::ack(), items)?,
        (_, Some(tree)) => Payload::object(tree).map_err(|error| error.to_string())?,
    };
    if model.packet_type.starts_with("BINARY") && payload.attachments().is_empty() {
        return Err("a packet without bytes is not binary".into());
    }
    packet.payload = Some(payload);
    Ok(packet)
}

fn fill(mut builder: socketio_proto::PayloadBuilder, args: &[Tree]) -> Result<Payload, String> {
    for arg in args {
        builder = builder.arg(arg);
    }
    builder.build().map_err(|error| error.to_string())
}

/// The text without the packet type of Engine.IO, and the bytes that follow it.
fn split(frames: Vec<Frame>) -> Result<(String, Vec<Vec<u8>>), String> {
    let mut frames = frames.into_iter();
    let Some(Frame::Text(text)) = frames.next() else {
        return Err("the first frame is no text".into());
    };
    let text = text
        .strip_prefix('4')
        .ok_or("the frame is no message")?
        .to_owned();
    let attachments = frames.map(|frame| match frame {
        Frame::Binary(data) => Ok(data.to_vec()),
        Frame::Text(_) => Err("a second text".to_owned()),
    });
    Ok((text, attachments.collect::<Result<_, _>>()?))
}

pub(crate) fn packet_type(name: &str) -> Result<PacketType, String> {
    Ok(match name {
        "CONNECT" => PacketType::Connect,
        "DISCONNECT" => PacketType::Disconnect,
        "EVENT" | "BINARY_EVENT" => PacketType::Event,
        "ACK" | "BINARY_ACK" => PacketType::Ack,
        "CONNECT_ERROR" | "ERROR" => PacketType::ConnectError,
        unknown => return Err(format!("no packet is of type {unknown}")),
    })
}

/// The id; those that JavaScript has rounded are none that we could have.
fn id(model: Option<&Value>) -> Result<Option<u64>, String> {
    match model {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(format!("id {number}")),
        Some(Value::Object(object)) => {
            let text = object
                .get("js_number")
                .or(object.get("int"))
                .and_then(Value::as_str);
            let text = text
                .filter(|_| object.len() == 1)
                .ok_or("an unknown form of id")?;
            text.parse()
                .map(Some)
                .map_err(|_| format!("id {text} is too large"))
        }
        Some(other) => Err(format!("id {other}")),
    }
}
