//! Functions of the module for `engineio-proto`.

use bytes::{Bytes, BytesMut};
use engineio_proto::codec::{Open, Packet, v4};
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Event, Output, Server, ServerEvent};
use engineio_proto::{Encoded, Frame, Instant, Message, RequestId, Seed};

use crate::run;

/// Decodes a polling payload and encodes its packets again; an error leaves its text.
#[unsafe(no_mangle)]
pub extern "C" fn engine_payload() {
    run(|input| {
        let packets: Result<Vec<Packet>, _> = v4::decode_payload(Bytes::from(input), 16).collect();
        match packets {
            Ok(packets) => {
                let mut out = BytesMut::new();
                v4::encode_payload(&packets, &mut out);
                out.to_vec()
            }
            Err(error) => error.to_string().into_bytes(),
        }
    });
}

/// Decodes the input as a text frame, encodes its message again through `Encoded`, and leaves the polling form.
#[unsafe(no_mangle)]
pub extern "C" fn engine_frame() {
    run(|input| {
        let text = String::from_utf8_lossy(&input).into_owned();
        match v4::decode_frame(Frame::Text(text.into())) {
            Ok(Packet::Message(message)) => polling(&message),
            Ok(packet) => v4::encode_text(&packet).as_bytes().to_vec(),
            Err(error) => error.to_string().into_bytes(),
        }
    });
}

/// Decodes a handshake and encodes it again.
#[unsafe(no_mangle)]
pub extern "C" fn engine_open() {
    run(
        |input| match Open::decode(&String::from_utf8_lossy(&input)) {
            Ok(open) => open.encode().into_bytes(),
            Err(error) => error.to_string().into_bytes(),
        },
    );
}

/// Runs a server until its only session ends. The steps are the handshake, a POST with the input as body, a poll that
/// takes the answer, and silence. The application echoes the messages of the POST. Leaves the answers and reports of
/// the server, one in a line.
#[unsafe(no_mangle)]
pub extern "C" fn engine_server() {
    run(|input| {
        let mut talk = Talk::new();
        talk.request("GET", "", Bytes::new());
        let sid = format!("&sid={}", talk.sid);
        talk.request("POST", &sid, Bytes::from(input));
        talk.request("GET", &sid, Bytes::new());
        while let Some(deadline) = talk.server.poll_timeout() {
            talk.now = talk.now.max(deadline);
            talk.server.handle_timeout(talk.now);
            talk.drain();
        }
        talk.log.join("\n").into_bytes()
    });
}

/// A server, its application and its driver.
struct Talk {
    server: Server,
    now: Instant,
    requests: u64,
    sid: String,
    log: Vec<String>,
}

impl Talk {
    fn new() -> Self {
        let server = Server::new(Config::default(), 1, &Seed::new([7; 32]));
        Self {
            server: server.expect("the defaults work"),
            now: Instant::ZERO,
            requests: 0,
            sid: String::new(),
            log: Vec::new(),
        }
    }

    fn request(&mut self, method: &str, more_query: &str, body: Bytes) {
        let query = format!("EIO=4&transport=polling{more_query}");
        let head = RequestHead::new(method, "/engine.io/", &query);
        self.requests += 1;
        self.server
            .handle_request(RequestId(self.requests), &head, body, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Respond { request, response } => {
                    let body = String::from_utf8_lossy(&response.body);
                    self.log
                        .push(format!("{} {} {body}", request.0, response.status));
                }
                Output::Event(event) => self.event(event),
                other => self.log.push(format!("{other:?}")),
            }
        }
    }

    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Opened { session, .. } => {
                let opened = self.server.session(session).expect("it is open");
                self.sid = opened.sid().as_str().to_owned();
            }
            ServerEvent::Session {
                session,
                event: Event::Message(message),
            } => {
                let sent = self.server.send(session, &Encoded::new(&message));
                sent.expect("there is room for an echo");
            }
            ServerEvent::Session { event, .. } => {
                let seconds = self.now.as_nanos() / 1_000_000_000;
                self.log.push(format!("{seconds} s: {event:?}"));
            }
            other => self.log.push(format!("{other:?}")),
        }
    }
}

fn polling(message: &Message) -> Vec<u8> {
    Encoded::new(message).polling_packet().as_bytes().to_vec()
}
