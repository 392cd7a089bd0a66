//! Functions of the module for `socketio-proto`.

use bytestring::ByteString;
use engineio_proto::codec::v4;
use engineio_proto::http::RequestHead;
use engineio_proto::server::Output;
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, Seed};
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::server::{Config, Event, Server, Target};
use socketio_proto::{Packet, PacketRef, PacketType, Payload};

use crate::run;

/// Decodes the input as the text of a packet, with three bytes for each missing attachment, and reads its arguments.
/// Answers with an acknowledgement that carries them back. Leaves the frames of the answer, one in a line.
#[unsafe(no_mangle)]
pub extern "C" fn socket_echo() {
    run(|input| {
        let text = ByteString::from(String::from_utf8_lossy(&input).into_owned());
        match decode(text) {
            Ok(packet) => answer(&packet).into_bytes(),
            Err(error) => error.into_bytes(),
        }
    });
}

fn decode(text: ByteString) -> Result<Packet, String> {
    let mut decoder = Parser::Json.decoder(Limits::default());
    let mut message = Message::Text(text);
    loop {
        match decoder.add(message) {
            Ok(Some(packet)) => return Ok(packet),
            Ok(None) => message = Message::binary(vec![1, 2, 3]),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn answer(packet: &Packet) -> String {
    let Some(received) = &packet.payload else {
        return format!("{:?}", packet.packet_type);
    };
    let payload = Payload::ack().args_of(received).build();
    let payload = payload.expect("arguments that came can go");
    let mut answer = PacketRef::new(PacketType::Ack, &packet.namespace).with_payload(&payload);
    answer.id = packet.id;
    let encoded = Parser::Json.encode(answer, u16::MAX);
    let encoded = encoded.expect("a namespace that came can go");
    check_msgpack(answer);
    let frames = encoded.parts().iter().map(Encoded::polling_packet);
    let frames: Vec<ByteString> = frames.collect();
    // What leaves is what a peer takes for packets.
    for frame in &frames {
        let packet = v4::decode_frame(Frame::Text(frame.clone()));
        packet.expect("a packet");
    }
    frames.join("\n")
}

/// Values survive encoding and decoding as MessagePack.
fn check_msgpack(packet: PacketRef<'_>) {
    let encoded = Parser::MsgPack.encode(packet, u16::MAX).expect("so it can");
    let mut decoder = Parser::MsgPack.decoder(Limits::default());
    for part in encoded.parts() {
        let Frame::Binary(data) = part.frame() else {
            panic!("text");
        };
        let again = decoder.add(Message::Binary(data)).expect("a packet");
        assert_eq!(
            again.map(|packet| packet.packet_type),
            Some(packet.packet_type)
        );
    }
}

/// Runs a server until its only client, on a WebSocket, is gone. The client sends each line of the input as a frame,
/// and then is silent. The application accepts every client, broadcasts arriving events to a room, and acknowledges
/// them. Leaves the frames and reports of the server, one in a line.
#[unsafe(no_mangle)]
pub extern "C" fn socket_server() {
    run(|input| {
        let server = Server::new(Config::default(), 1, &Seed::new([7; 32]));
        let mut server = server.expect("the defaults work");
        let (client, mut now) = (ConnectionId(1), Instant::ZERO);
        let query = "EIO=4&transport=websocket";
        let head = RequestHead::new("GET", "/socket.io/", query).with_upgrade();
        server.handle_upgrade(client, &head, now);
        let mut log = drain(&mut server, now);
        for line in String::from_utf8_lossy(&input).lines() {
            server.handle_frame(client, Frame::Text(line.into()), now);
            log.extend(drain(&mut server, now));
        }
        while let Some(deadline) = server.poll_timeout() {
            now = now.max(deadline);
            server.handle_timeout(now);
            log.extend(drain(&mut server, now));
        }
        log.join("\n").into_bytes()
    });
}

fn drain(server: &mut Server, now: Instant) -> Vec<String> {
    let mut log = Vec::new();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Frames { connection } => {
                while let Some(frame) = server.poll_frame(connection) {
                    log.push(match frame {
                        Frame::Text(text) => text.to_string(),
                        Frame::Binary(data) => format!("{data:?}"),
                    });
                }
            }
            Output::Event(event) => log.extend(react(server, event, now)),
            Output::Accept { .. } => log.push("accepted".to_owned()),
            Output::Close { .. } => log.push("closed".to_owned()),
            other => log.push(format!("{other:?}")),
        }
    }
    log
}

/// The reaction of the application to an event, and its notes.
fn react(server: &mut Server, event: Event, now: Instant) -> Option<String> {
    match event {
        Event::Connecting { token, .. } => {
            let socket = server.accept(token, now).expect("the client is there");
            server.join(socket, "room").expect("there is room");
            None
        }
        Event::Event {
            socket,
            payload,
            ack,
        } => {
            let namespace = server.socket_namespace(socket)?.to_owned();
            let target = Target::namespace(&namespace).rooms(&["room"]);
            let sent = server.broadcast(&target, &payload, now);
            sent.expect("an event that came can go");
            if let Some(ack) = ack {
                let args = Payload::ack().args_of(&payload).build();
                let answered = server.respond(ack, &args.expect("arguments that came can go"));
                answered.expect("the client is there");
            }
            None
        }
        Event::Disconnected { reason, rooms, .. } => Some(format!("{reason}, left {rooms:?}")),
        Event::Closed { reason, .. } => Some(format!("gone: {reason}")),
        _ => None,
    }
}
