//! The drivers' side of time: what is due is served before what came after it.

use bytes::Bytes;
use engineio_driver::Tls;
use engineio_proto::client::{Client, Config, Event, Output};
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::client::Machine;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, RequestId};

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

/// Inputs that are passed on at a time at which the client has been told to fire what is due.
macro_rules! inputs {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name(&mut self, $($arg: $type,)* now: Instant) {
            self.at(now).$name($($arg,)* now);
        })*
    };
}

impl Machine for Punctual {
    type Event = Event;

    inputs! {
        handle_response(id: RequestId, answer: Answer);
        handle_request_failed(id: RequestId);
        handle_connected(id: ConnectionId);
        handle_frame(id: ConnectionId, frame: Frame);
        handle_bad_frame(id: ConnectionId, error: DecodeError);
        handle_connection_closed(id: ConnectionId);
        handle_connection_closed_with(id: ConnectionId, code: u16);
        handle_connection_failed(id: ConnectionId);
        handle_connection_refused(id: ConnectionId, answer: &Answer);
        handle_offline();
    }

    fn engine_config(&self) -> &Config {
        self.client.config()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.told = Some(now);
        self.client.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        self.client.poll_output()
    }

    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        self.client.poll_frame(connection)
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
