//! Machines of both layers, by what a network needs of them.

use core::fmt::Debug;

use bytes::Bytes;
use engineio_proto::http::{Answer, RequestHead};
use engineio_proto::{ConnectionId, Frame, Instant, RequestId};
use engineio_proto::{client, server};

pub(crate) trait ClientEnd: Debug {
    type Event: Debug;
    fn response(&mut self, id: RequestId, answer: Answer, now: Instant);
    fn request_failed(&mut self, id: RequestId, now: Instant);
    fn connected(&mut self, id: ConnectionId, now: Instant);
    fn refused(&mut self, id: ConnectionId, answer: &Answer, now: Instant);
    fn frame(&mut self, id: ConnectionId, frame: Frame, now: Instant);
    fn closed(&mut self, id: ConnectionId, now: Instant);
    fn time(&mut self, now: Instant);
    fn output(&mut self) -> Option<client::Output<Self::Event>>;
    fn pull(&mut self, id: ConnectionId) -> Option<Frame>;
    fn due(&self) -> Option<Instant>;
}

pub(crate) trait ServerEnd: Debug {
    type Event: Debug;
    fn request(&mut self, id: RequestId, head: &RequestHead<'_>, body: Bytes, now: Instant);
    fn aborted(&mut self, id: RequestId, now: Instant);
    fn upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant);
    fn frame(&mut self, id: ConnectionId, frame: Frame, now: Instant);
    fn closed(&mut self, id: ConnectionId, now: Instant);
    fn time(&mut self, now: Instant);
    fn output(&mut self) -> Option<server::Output<Self::Event>>;
    fn pull(&mut self, id: ConnectionId) -> Option<Frame>;
    fn due(&self) -> Option<Instant>;
}

macro_rules! client_end {
    ($machine:ty, $event:ty) => {
        impl ClientEnd for $machine {
            type Event = $event;

            fn response(&mut self, id: RequestId, answer: Answer, now: Instant) {
                self.handle_response(id, answer, now);
            }

            fn request_failed(&mut self, id: RequestId, now: Instant) {
                self.handle_request_failed(id, now);
            }

            fn connected(&mut self, id: ConnectionId, now: Instant) {
                self.handle_connected(id, now);
            }

            fn refused(&mut self, id: ConnectionId, answer: &Answer, now: Instant) {
                self.handle_connection_refused(id, answer, now);
            }

            fn frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
                self.handle_frame(id, frame, now);
            }

            fn closed(&mut self, id: ConnectionId, now: Instant) {
                self.handle_connection_closed(id, now);
            }

            fn time(&mut self, now: Instant) {
                self.handle_timeout(now);
            }

            fn output(&mut self) -> Option<client::Output<$event>> {
                self.poll_output()
            }

            fn pull(&mut self, id: ConnectionId) -> Option<Frame> {
                self.poll_frame(id)
            }

            fn due(&self) -> Option<Instant> {
                self.poll_timeout()
            }
        }
    };
}

macro_rules! server_end {
    ($machine:ty, $event:ty) => {
        impl ServerEnd for $machine {
            type Event = $event;

            fn request(
                &mut self,
                id: RequestId,
                head: &RequestHead<'_>,
                body: Bytes,
                now: Instant,
            ) {
                self.handle_request(id, head, body, now);
            }

            fn aborted(&mut self, id: RequestId, now: Instant) {
                self.handle_request_aborted(id, now);
            }

            fn upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
                self.handle_upgrade(id, head, now);
            }

            fn frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
                self.handle_frame(id, frame, now);
            }

            fn closed(&mut self, id: ConnectionId, now: Instant) {
                self.handle_connection_closed(id, now);
            }

            fn time(&mut self, now: Instant) {
                self.handle_timeout(now);
            }

            fn output(&mut self) -> Option<server::Output<$event>> {
                self.poll_output()
            }

            fn pull(&mut self, id: ConnectionId) -> Option<Frame> {
                self.poll_frame(id)
            }

            fn due(&self) -> Option<Instant> {
                self.poll_timeout()
            }
        }
    };
}

client_end!(client::Client, client::Event);
client_end!(
    socketio_proto::client::Client,
    socketio_proto::client::Event
);
server_end!(server::Server, server::ServerEvent);
server_end!(
    socketio_proto::server::Server,
    socketio_proto::server::Event
);
