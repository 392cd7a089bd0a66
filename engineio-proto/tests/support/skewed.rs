//! A driver whose clock jumps back before some of its inputs.

use std::time::Duration;

use engineio_proto::codec::DecodeError;
use engineio_proto::driver::server::{Farewell, Lifecycle, Machine};
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Session};
use engineio_proto::{Bytes, ConnectionId, Encoded, Frame, Instant, RequestId, SendError, Sid};

use crate::driver::{Driver, Happening, Out};

/// Tells a driver other times than it is told.
pub(crate) struct Skewed {
    inner: Box<dyn Driver>,
    /// The time by which the clock is behind at each input, in nanoseconds. The list repeats.
    back: Vec<u64>,
    inputs: usize,
    latest: Instant,
    /// The latest time so far is told instead of an earlier one.
    stands_still: bool,
}

impl Skewed {
    pub(crate) fn around(
        inner: Box<dyn Driver>,
        back: &[u64],
        stands_still: bool,
    ) -> Box<dyn Driver> {
        Box::new(Self {
            inner,
            back: back.to_vec(),
            inputs: 0,
            latest: Instant::ZERO,
            stands_still,
        })
    }

    /// The first input comes at its time.
    fn time(&mut self, now: Instant) -> Instant {
        let back = match self.inputs {
            0 => 0,
            inputs => self
                .back
                .get(inputs % self.back.len().max(1))
                .copied()
                .unwrap_or(0),
        };
        self.inputs += 1;
        let told = Instant::from_nanos(now.as_nanos().saturating_sub(back));
        self.latest = self.latest.max(told);
        if self.stands_still { self.latest } else { told }
    }
}

/// Inputs that are passed on with another time.
macro_rules! inputs {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name(&mut self, $($arg: $type,)* now: Instant) {
            let now = self.time(now);
            self.inner.$name($($arg,)* now);
        })*
    };
}

impl Machine for Skewed {
    type Event = (usize, Happening);

    inputs! {
        handle_request(id: RequestId, head: &RequestHead<'_>, body: Bytes);
        handle_request_begun(id: RequestId, head: &RequestHead<'_>);
        handle_request_too_large(id: RequestId);
        handle_request_aborted(id: RequestId);
        handle_upgrade(id: ConnectionId, head: &RequestHead<'_>);
        handle_webtransport(id: ConnectionId, head: &RequestHead<'_>);
        handle_frame(id: ConnectionId, frame: Frame);
        handle_bad_frame(id: ConnectionId, error: DecodeError);
        handle_connection_closed(id: ConnectionId);
        handle_connection_failed(id: ConnectionId);
        end_sessions(farewell: Farewell, within: Duration);
    }

    fn engine_config(&self) -> &Config {
        self.inner.engine_config()
    }

    /// Once by the clock that is behind, and then at the time, so that time goes on.
    fn handle_timeout(&mut self, now: Instant) {
        let early = self.time(now);
        self.inner.handle_timeout(early);
        self.latest = self.latest.max(now);
        self.inner.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Out> {
        self.inner.poll_output()
    }

    fn poll_frame(&mut self, id: ConnectionId) -> Option<Frame> {
        self.inner.poll_frame(id)
    }

    fn poll_frame_with_hint(&mut self, id: ConnectionId) -> Option<(Frame, bool)> {
        self.inner.poll_frame_with_hint(id)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn wants_read(&self, id: ConnectionId) -> bool {
        self.inner.wants_read(id)
    }

    fn bytes_held(&self) -> usize {
        self.inner.bytes_held()
    }

    fn session_count(&self) -> usize {
        self.inner.session_count()
    }

    /// It is told by keys, and these sessions have numbers.
    fn lifecycle(_: &(usize, Happening)) -> Lifecycle {
        Lifecycle::Other
    }
}

impl Driver for Skewed {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn send(&mut self, session: usize, parts: &[Encoded]) -> Result<(), SendError> {
        self.inner.send(session, parts)
    }

    fn send_volatile(&mut self, session: usize, parts: &[Encoded]) -> bool {
        self.inner.send_volatile(session, parts)
    }

    fn close(&mut self, session: usize, now: Instant) {
        let now = self.time(now);
        self.inner.close(session, now);
    }

    fn discard(&mut self, session: usize) {
        self.inner.discard(session);
    }

    fn session(&self, session: usize) -> Option<&Session> {
        self.inner.session(session)
    }

    fn sid(&self, session: usize) -> Option<Sid> {
        self.inner.sid(session)
    }
}
