//! The wire log: the machine in a coat that writes down what passes in and out.

use std::collections::{BTreeMap, BTreeSet};

use engineio_proto::Bytes;
use engineio_proto::client::{Config, Output};
use engineio_proto::codec::{DecodeError, Packet, v3, v4};
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, Instant, RequestId, Revision, Transport};
use socketio::client::Machine;
use socketio_proto::client::{Client, Event};
use socketio_proto::parser::Parser;
use socketio_recorder::Recorder;

use crate::arguments::Options;
use crate::json::printable;
use crate::output::{Color, Line, Style, paint};
use crate::packet;
use crate::screen::Screen;

/// A client whose wire is watched.
pub(crate) struct Wire {
    pub(crate) client: Recorder<Client>,
    log: Log,
    /// The GETs that wait for their response: it holds packets.
    polls: BTreeSet<RequestId>,
    connections: BTreeMap<ConnectionId, Transport>,
    watch: Watch,
}

/// Whether the end of the connection is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Watch {
    No,
    Waiting,
}

/// What the session is told.
#[derive(Debug)]
pub(crate) enum News {
    Client(Event),
    /// All is sent, and nothing will happen any more: asked for by [`Wire::tell_end`].
    Ended,
}

impl Wire {
    pub(crate) fn new(client: Recorder<Client>, log: Log) -> Self {
        Self {
            client,
            log,
            polls: BTreeSet::new(),
            connections: BTreeMap::new(),
            watch: Watch::No,
        }
    }

    /// What a connection is called in the log, which is the last word on it if it has ended.
    fn name(&mut self, id: ConnectionId, ended: bool) -> &'static str {
        let transport = if ended {
            self.connections.remove(&id)
        } else {
            self.connections.get(&id).copied()
        };
        transport.map_or("a connection", title)
    }

    /// Wants to be told once all that waited is sent and the connection is closed.
    pub(crate) fn tell_end(&mut self) {
        self.watch = Watch::Waiting;
    }
}

impl Machine for Wire {
    type Event = News;

    fn engine_config(&self) -> &Config {
        self.client.engine_config()
    }

    fn handle_response(&mut self, id: RequestId, answer: Answer, now: Instant) {
        let is_poll = self.polls.remove(&id);
        self.log.answer(&answer, is_poll, now);
        self.client.handle_response(id, answer, now);
    }

    fn handle_request_failed(&mut self, id: RequestId, now: Instant) {
        self.polls.remove(&id);
        self.log.remark(1, "a request got no answer", now);
        self.client.handle_request_failed(id, now);
    }

    fn handle_connected(&mut self, id: ConnectionId, now: Instant) {
        let name = self.name(id, false);
        self.log.remark(2, &format!("{name} is open"), now);
        self.client.handle_connected(id, now);
    }

    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        self.log.frame(Direction::In, &frame, now);
        self.client.handle_frame(id, frame, now);
    }

    fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        let name = self.name(id, true);
        self.log.remark(1, &format!("{name} is closed"), now);
        self.client.handle_connection_closed(id, now);
    }

    fn handle_connection_closed_with(&mut self, id: ConnectionId, code: u16, now: Instant) {
        let name = self.name(id, true);
        let text = format!("{name} is closed with code {code}");
        self.log.remark(1, &text, now);
        self.client.handle_connection_closed_with(id, code, now);
    }

    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
        let name = self.name(id, true);
        self.log
            .remark(1, &format!("{name} brought no frame: {error}"), now);
        self.client.handle_bad_frame(id, error, now);
    }

    fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        let name = self.name(id, true);
        self.log.remark(1, &format!("{name} failed"), now);
        self.client.handle_connection_failed(id, now);
    }

    fn handle_connection_refused(&mut self, id: ConnectionId, answer: &Answer, now: Instant) {
        let name = self.name(id, true);
        self.log.remark(1, &format!("{name} failed"), now);
        self.log.answer(answer, false, now);
        self.client.handle_connection_refused(id, answer, now);
    }

    fn handle_offline(&mut self, now: Instant) {
        self.log.remark(1, "the network is gone", now);
        self.client.handle_offline(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.log.now = now;
        self.client.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<News>> {
        let Some(output) = self.client.poll_output() else {
            // A connection that is closing has a deadline; without any there is nothing to come.
            let ended = self.watch == Watch::Waiting && self.client.poll_timeout().is_none();
            return ended.then(|| {
                self.watch = Watch::No;
                Output::Event(News::Ended)
            });
        };
        match &output {
            Output::Request { request, message } => {
                if message.body.is_empty() {
                    self.polls.insert(*request);
                }
                self.log.request(message);
            }
            Output::Abort { request } => {
                self.polls.remove(request);
                self.log.remark_now(2, "a request is given up");
            }
            Output::Connect {
                connection,
                transport,
                request,
            } => {
                self.connections.insert(*connection, *transport);
                self.log.request(request);
            }
            Output::Close { connection } => {
                let name = self.name(*connection, true);
                self.log.remark_now(2, &format!("closing {name}"));
            }
            Output::Event(Event::Upgraded { transport }) => {
                let name = title(*transport);
                self.log.remark_now(1, &format!("moved to {name}"));
            }
            Output::Event(_) | Output::Frames { .. } => {}
        }
        Some(output.map_event(News::Client))
    }

    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        let frame = self.client.poll_frame(connection)?;
        let now = self.log.now;
        self.log.frame(Direction::Out, &frame, now);
        Some(frame)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn wants_read(&self) -> bool {
        self.client.wants_read()
    }

    fn close(&mut self, now: Instant) {
        self.client.close(now);
    }
}

/// What a connection is called.
fn title(transport: Transport) -> &'static str {
    match transport {
        Transport::WebTransport => "the WebTransport session",
        Transport::Polling | Transport::WebSocket | _ => "the WebSocket",
    }
}

/// Writes down, from a level of detail on: 1 packets, 2 everything.
pub(crate) struct Log {
    level: u8,
    revision: Revision,
    parser: Parser,
    style: Style,
    screen: Screen,
    /// The time of the latest input.
    now: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    In,
    Out,
}

impl Log {
    pub(crate) fn new(options: &Options, style: Style, screen: Screen) -> Self {
        Self {
            level: options.verbosity,
            revision: options.revision,
            parser: options.parser,
            style,
            screen,
            now: Instant::ZERO,
        }
    }

    fn request(&self, request: &Request) {
        if self.level == 0 {
            return;
        }
        let in_session = request
            .query()
            .split('&')
            .any(|pair| pair.starts_with("sid="));
        // A WebSocket is opened anew in a session that exists.
        let opening = !in_session || request.url.starts_with("ws");
        if self.level > 1 {
            self.write('>', &format!("{} {}", request.method, request.url));
            for (name, value) in &request.headers {
                self.write('>', &format!("{name}: {value}"));
            }
        } else if opening {
            self.write('*', &format!("connecting to {}", request.url));
        }
        let mut headers = request.headers.iter();
        let content_type = headers.find(|(name, _)| name == "Content-type");
        self.payload('>', &request.body, content_type.map(|(_, value)| &**value));
    }

    fn answer(&mut self, answer: &Answer, is_poll: bool, now: Instant) {
        self.now = now;
        if self.level > 1 {
            self.write(
                '<',
                &format!("status {}, {} bytes", answer.status, answer.body.len()),
            );
            for cookie in &answer.set_cookies {
                self.write('<', &format!("set-cookie: {cookie}"));
            }
        }
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body.get(..SHORT).unwrap_or(&answer.body))
                .into_owned();
            self.remark_now(1, &format!("the server answered {} {body}", answer.status));
        } else if is_poll {
            self.payload('<', &answer.body, answer.content_type.as_deref());
        }
    }

    /// The packets of a body.
    fn payload(&self, mark: char, body: &Bytes, content_type: Option<&str>) {
        if self.level == 0 || body.is_empty() {
            return;
        }
        if self.revision == Revision::V3 {
            for packet in packets_of_revision_3(body, content_type) {
                match packet {
                    Ok(packet) => self.one_frame(mark, &v4::encode_frame(&packet)),
                    Err(error) => self.write(mark, &format!("not a packet: {error}")),
                }
            }
            return;
        }
        for text in body.split(|byte| *byte == SEPARATOR) {
            self.packet(mark, &String::from_utf8_lossy(text));
        }
    }

    fn frame(&mut self, direction: Direction, frame: &Frame, now: Instant) {
        self.now = now;
        if self.level == 0 {
            return;
        }
        let mark = match direction {
            Direction::In => '<',
            Direction::Out => '>',
        };
        let packet = match self.revision {
            Revision::V3 => v3::decode_frame(frame.clone()).ok(),
            Revision::V4 | _ => None,
        };
        match packet {
            Some(packet) => self.one_frame(mark, &v4::encode_frame(&packet)),
            None => self.one_frame(mark, frame),
        }
    }

    /// A packet as a frame of revision 4.
    fn one_frame(&self, mark: char, frame: &Frame) {
        match frame {
            Frame::Text(text) => self.packet(mark, text),
            Frame::Binary(data) => {
                self.write(mark, &packet::describe_binary(data.clone(), self.parser));
            }
        }
    }

    fn packet(&self, mark: char, text: &str) {
        let packet = packet::describe(text, self.parser);
        if self.level >= packet.level {
            self.write(mark, &packet.text);
        }
    }

    fn remark(&mut self, level: u8, text: &str, now: Instant) {
        self.now = now;
        self.remark_now(level, text);
    }

    fn remark_now(&self, level: u8, text: &str) {
        if self.level >= level {
            self.write('*', text);
        }
    }

    fn write(&self, mark: char, text: &str) {
        let seconds = self
            .now
            .saturating_duration_since(Instant::ZERO)
            .as_secs_f64();
        let mut text = printable(text, false);
        if self.level == 1
            && let Some((cut, _)) = text.char_indices().nth(SHORT)
        {
            let bytes = text.len();
            text.truncate(cut);
            text.push_str(&format!(" ... ({bytes} bytes)"));
        }
        let line = format!("{seconds:8.3} {mark} {text}");
        self.screen.print(Line::Note(paint(
            self.style.color_notes,
            Color::Faint,
            &line,
        )));
    }
}

/// The packets of a body, up to the first that is none.
fn packets_of_revision_3(
    body: &Bytes,
    content_type: Option<&str>,
) -> Vec<Result<Packet, DecodeError>> {
    if content_type.is_some_and(|value| value.starts_with("application/octet-stream")) {
        v3::decode_binary_payload(body.clone(), usize::MAX).collect()
    } else {
        v3::decode_payload(body.clone(), usize::MAX).collect()
    }
}

/// Between the packets of a body.
const SEPARATOR: u8 = 0x1e;
/// What is longer is cut, unless more detail is asked for.
const SHORT: usize = 400;
