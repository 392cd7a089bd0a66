//! A second client of the server, on a WebSocket on which all arrives at once: what the first one does is not to touch it.

use engineio_proto::http::RequestHead;
use engineio_proto::{ConnectionId, Frame, Instant};
use socketio_proto::server::Server;

use super::payloads::is_binary;
use crate::report::Report;

/// No connection of the client has this name.
pub(crate) const CONNECTION: ConnectionId = ConnectionId(1 << 32);

/// The events that a bystander has received and not answered.
#[derive(Debug, Default)]
pub(super) struct Bystander {
    /// An event whose attachment has not come.
    half: Option<(u8, Option<u64>)>,
    /// The names of the events that wait for an answer.
    questions: Vec<(u8, u64)>,
    gone: bool,
}

impl Bystander {
    pub(super) fn connect(&self, server: &mut Server, now: Instant) {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        server.handle_upgrade(CONNECTION, &head.with_upgrade(), now);
        server.handle_frame(CONNECTION, Frame::Text("40".into()), now);
    }

    /// Breaks off.
    pub(super) fn leave(&mut self, server: &mut Server, now: Instant) {
        if !core::mem::replace(&mut self.gone, true) {
            server.handle_connection_closed(CONNECTION, now);
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Answers the event that came first.
    pub(super) fn answer(&mut self, server: &mut Server, now: Instant) {
        if self.questions.is_empty() {
            return;
        }
        let (number, id) = self.questions.remove(0);
        let answer = format!("43{id}[{number}]");
        if is_binary(number) {
            let answer = format!(r#"461-{id}[{number},{{"_placeholder":true,"num":0}}]"#);
            server.handle_frame(CONNECTION, Frame::Text(answer.into()), now);
            server.handle_frame(CONNECTION, Frame::Binary(vec![number].into()), now);
        } else {
            server.handle_frame(CONNECTION, Frame::Text(answer.into()), now);
        }
    }

    /// A frame arrives. Gives the number of the event that it completes.
    pub(super) fn hear(
        &mut self,
        frame: &Frame,
        server: &mut Server,
        now: Instant,
        report: &mut Report,
    ) -> Option<u8> {
        report.note(|| format!("the bystander hears {frame:?}"));
        let text = match frame {
            Frame::Binary(data) => {
                let half = self.half.take();
                let fits = half.is_some_and(|(number, _)| **data == [number]);
                report.require(fits, || format!("{data:?} does not belong to {half:?}"));
                return half.map(|(number, id)| self.complete(number, id));
            }
            Frame::Text(text) => text,
        };
        report.require(self.half.is_none(), || {
            format!("{text:?} instead of an attachment")
        });
        if text == "2" {
            server.handle_frame(CONNECTION, Frame::Text("3".into()), now);
        }
        let event = text
            .strip_prefix("42")
            .or_else(|| text.strip_prefix("451-"))?;
        let (id, arguments) = event.split_once(r#"["down","#)?;
        let (id, number) = (id.parse().ok(), arguments.get(..1)?.parse().ok()?);
        let whole = text.starts_with("42");
        report.require(whole != is_binary(number), || {
            format!("{text:?} is of the wrong kind")
        });
        if whole {
            return Some(self.complete(number, id));
        }
        self.half = Some((number, id));
        None
    }

    fn complete(&mut self, number: u8, id: Option<u64>) -> u8 {
        self.questions.extend(id.map(|id| (number, id)));
        number
    }
}
