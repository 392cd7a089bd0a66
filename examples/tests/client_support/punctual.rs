//! The drivers' side of time: what is due is served before what came after it.

use bytes::Bytes;
use engineio_proto::client::{Client, Event, Output};
use engineio_proto::codec::DecodeError;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, RequestId};
use examples::client::{Machine, Tls};

use super::client_support::{Program, Running, Server};
use super::{MODES, RUNTIMES, SOON, config, engine_client};

/// A client that takes an input only at a time at which it has just been told to fire what is due.
struct Punctual {
    client: Client,
    told: Option<Instant>,
}

impl Punctual {
    fn at(&mut self, now: Instant) -> &mut Client {
        assert_eq!(self.told, Some(now), "what is due comes first");
        &mut self.client
    }
}

impl Machine for Punctual {
    type Event = Event;

    fn max_payload(&self) -> usize {
        Machine::max_payload(&self.client)
    }

    fn handle_response(&mut self, id: RequestId, answer: Answer, now: Instant) {
        Machine::handle_response(self.at(now), id, answer, now);
    }

    fn handle_request_failed(&mut self, id: RequestId, now: Instant) {
        Machine::handle_request_failed(self.at(now), id, now);
    }

    fn handle_connected(&mut self, id: ConnectionId, now: Instant) {
        Machine::handle_connected(self.at(now), id, now);
    }

    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        Machine::handle_frame(self.at(now), id, frame, now);
    }

    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
        Machine::handle_bad_frame(self.at(now), id, error, now);
    }

    fn handle_connection_closed(&mut self, id: ConnectionId, code: Option<u16>, now: Instant) {
        Machine::handle_connection_closed(self.at(now), id, code, now);
    }

    fn handle_connection_failed(&mut self, id: ConnectionId, by: Option<Answer>, now: Instant) {
        Machine::handle_connection_failed(self.at(now), id, by, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.told = Some(now);
        Machine::handle_timeout(&mut self.client, now);
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        Machine::poll_output(&mut self.client)
    }

    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        Machine::poll_frame(&mut self.client, connection)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Machine::poll_timeout(&self.client)
    }

    fn close(&mut self, now: Instant) {
        Machine::close(&mut self.client, now);
    }
}

#[test]
fn every_driver_serves_what_is_due_before_an_input() {
    let Some(server) = Server::start(Program::Ours, "--engineio") else {
        return;
    };
    for runtime in RUNTIMES {
        for mode in MODES {
            let punctual = Punctual {
                client: engine_client(config(&server.address(), mode)),
                told: None,
            };
            let tls = Tls::new([]).expect("no certificate is bad");
            let client = Running::start(runtime, punctual, tls, |punctual, now| {
                punctual.client.open(now);
            });
            client.wait(|event| matches!(event, Event::Opened(_)).then_some(()));
            let message = Message::Binary(Bytes::from_static(b"x"));
            let sent =
                client.call(move |punctual, _| punctual.client.send(&Encoded::new(&message)));
            sent.expect("room");
            client.wait(|event| matches!(event, Event::Message(_)).then_some(()));
            client.stop(SOON);
        }
    }
}
