//! The Engine.IO connections: the one in use, and those that still send what was queued when they were closed.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::time::Duration;

use engineio_proto::SendError;
use engineio_proto::client as engine;
use engineio_proto::client::Remembered;
use engineio_proto::http::Answer;
use engineio_proto::{
    ConfigError, ConnectionId, Encoded, Frame, Instant, Purpose, RequestId, Seed,
};

/// A few Engine.IO clients, each of which is opened again and again.
///
/// One is enough as long as connections are over when the next is opened. While a closed one still sends, the next is
/// opened on another client; the oldest is cut off for it once there are [`MAX_LINKS`].
#[derive(Debug)]
pub(super) struct Links {
    config: engine::Config,
    seed: Seed,
    links: Vec<Link>,
    current: Option<usize>,
    /// The link that was opened last.
    last: usize,
}

#[derive(Debug)]
struct Link {
    engine: engine::Client,
    /// When it is cut off, if it has been closed and is not over.
    cut_off: Option<Instant>,
}

/// A power of two, since the ids of requests and connections carry the number of their link in their last bits.
const MAX_LINKS: usize = 4;
const LINK_BITS: u32 = MAX_LINKS.trailing_zeros();

impl Links {
    pub(super) fn new(config: engine::Config, seed: Seed) -> Result<Self, ConfigError> {
        let mut links = Self {
            config,
            seed,
            links: Vec::new(),
            current: None,
            last: 0,
        };
        links.grow()?;
        Ok(links)
    }

    /// Replaces the query parameters, from the next request on.
    pub(super) fn set_query(&mut self, query: Vec<(String, String)>) -> Result<(), ConfigError> {
        for link in &mut self.links {
            link.engine.set_query(query.clone())?;
        }
        self.config.endpoint.query = None;
        self.config.query = query;
        Ok(())
    }

    /// Replaces the headers, from the next request on.
    pub(super) fn set_extra_headers(
        &mut self,
        headers: Vec<(String, String)>,
    ) -> Result<(), ConfigError> {
        for link in &mut self.links {
            link.engine.set_extra_headers(headers.clone())?;
        }
        self.config.extra_headers = headers;
        Ok(())
    }

    /// Opens a connection; the one in use must have been closed before.
    pub(super) fn open(&mut self, now: Instant) {
        self.close(now, Duration::ZERO);
        let last = self.links.get(self.last);
        let remembered = last.map_or(Remembered::Nothing, |link| link.engine.remembered());
        let free = self.links.iter().position(|link| link.engine.is_closed());
        let index = match free {
            Some(index) => index,
            None if self.links.len() < MAX_LINKS && self.grow().is_ok() => {
                self.links.len().saturating_sub(1)
            }
            None => self.oldest(),
        };
        if let Some(link) = self.links.get_mut(index) {
            link.cut();
            link.engine.set_remembered(remembered);
            link.engine.open(now);
            self.current = Some(index);
            self.last = index;
        }
    }

    /// Closes the connection in use, behind what is queued on it, or at once after `within`.
    pub(super) fn close(&mut self, now: Instant, within: Duration) {
        let link = self.current.take();
        if let Some(link) = link.and_then(|index| self.links.get_mut(index)) {
            link.engine.close(now);
            link.cut_off = (!link.engine.is_closed()).then_some(now + within);
        }
    }

    /// Cuts off the connection in use.
    pub(super) fn discard(&mut self) {
        let link = self.current.take();
        if let Some(link) = link.and_then(|index| self.links.get_mut(index)) {
            link.cut();
        }
    }

    pub(super) fn send(&mut self, parts: &[Encoded]) -> Result<(), SendError> {
        match self.current_mut() {
            Some(engine) => engine.send_parts(parts),
            None => Err(SendError::Closed),
        }
    }

    pub(super) fn send_volatile(&mut self, parts: &[Encoded]) -> bool {
        self.current_mut()
            .is_some_and(|engine| engine.send_volatile(parts))
    }

    pub(super) fn handle_response(&mut self, id: RequestId, response: Answer, now: Instant) {
        if let Some((engine, id)) = self.engine_mut(id.0) {
            engine.handle_response(RequestId(id), response, now);
        }
    }

    pub(super) fn handle_request_failed(&mut self, id: RequestId, now: Instant) {
        if let Some((engine, id)) = self.engine_mut(id.0) {
            engine.handle_request_failed(RequestId(id), now);
        }
    }

    /// Hands what happens on a connection to its client.
    pub(super) fn with_connection(
        &mut self,
        id: ConnectionId,
        handle: impl FnOnce(&mut engine::Client, ConnectionId),
    ) {
        if let Some((engine, id)) = self.engine_mut(id.0) {
            handle(engine, ConnectionId(id));
        }
    }

    pub(super) fn handle_offline(&mut self, now: Instant) {
        for link in &mut self.links {
            link.engine.handle_offline(now);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for link in &mut self.links {
            link.engine.handle_timeout(now);
            if link.cut_off.is_some_and(|deadline| deadline <= now) {
                link.cut();
            }
        }
    }

    /// Whether the server of the connection in use failed to ping in time, which ends it.
    pub(super) fn has_ping_expired(&mut self, now: Instant) -> bool {
        self.current_mut()
            .is_some_and(|engine| engine.has_ping_expired(now))
    }

    /// The next event of the connection in use. Those of closed ones are of no interest.
    pub(super) fn poll_event(&mut self) -> Option<engine::Event> {
        let current = self.current;
        for (index, link) in self.links.iter_mut().enumerate() {
            if Some(index) != current {
                link.forget_events();
            }
        }
        self.current_mut()?.poll_event()
    }

    /// The next thing for the driver to do.
    pub(super) fn poll_action(&mut self) -> Option<engine::Output<Infallible>> {
        self.links
            .iter_mut()
            .enumerate()
            .find_map(|(index, link)| Some(rename(link.engine.poll_action()?, index)))
    }

    pub(super) fn poll_frame(&mut self, id: ConnectionId) -> Option<Frame> {
        let (engine, id) = self.engine_mut(id.0)?;
        engine.poll_frame(ConnectionId(id))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.links
            .iter()
            .flat_map(|link| [link.engine.poll_timeout(), link.cut_off])
            .flatten()
            .min()
    }

    /// Whether the driver should read on, as far as the connection in use knows.
    pub(super) fn wants_read(&self) -> bool {
        self.current().is_none_or(engine::Client::wants_read)
    }

    pub(super) fn current(&self) -> Option<&engine::Client> {
        self.links.get(self.current?).map(|link| &link.engine)
    }

    fn current_mut(&mut self) -> Option<&mut engine::Client> {
        self.links
            .get_mut(self.current?)
            .map(|link| &mut link.engine)
    }

    fn engine_mut(&mut self, id: u64) -> Option<(&mut engine::Client, u64)> {
        let index = usize::try_from(id % MAX_LINKS as u64).ok()?;
        let link = self.links.get_mut(index)?;
        Some((&mut link.engine, id >> LINK_BITS))
    }

    fn grow(&mut self) -> Result<(), ConfigError> {
        let number = self.links.len() as u64;
        let seed = self.seed.derive(Purpose::EngineClient, number);
        let engine = engine::Client::new(self.config.clone(), &seed)?;
        self.links.push(Link {
            engine,
            cut_off: None,
        });
        Ok(())
    }

    /// The link that was closed first.
    fn oldest(&self) -> usize {
        let links = self.links.iter().enumerate();
        links
            .min_by_key(|(_, link)| link.cut_off)
            .map_or(0, |(index, _)| index)
    }
}

impl Link {
    fn cut(&mut self) {
        self.cut_off = None;
        if !self.engine.is_closed() {
            self.engine.discard();
        }
        self.forget_events();
    }

    fn forget_events(&mut self) {
        while self.engine.poll_event().is_some() {}
        if self.engine.is_closed() {
            self.cut_off = None;
        }
    }
}

/// Names the request or connection of a link among those of all links.
fn rename(action: engine::Output<Infallible>, link: usize) -> engine::Output<Infallible> {
    use engine::Output;
    // Counters do not get near the bits that are shifted out.
    let outer = |id: u64| (id << LINK_BITS) | link as u64;
    match action {
        Output::Request { request, message } => Output::Request {
            request: RequestId(outer(request.0)),
            message,
        },
        Output::Abort { request } => Output::Abort {
            request: RequestId(outer(request.0)),
        },
        Output::Connect {
            transport,
            connection,
            request,
        } => Output::Connect {
            transport,
            connection: ConnectionId(outer(connection.0)),
            request,
        },
        Output::Frames { connection } => Output::Frames {
            connection: ConnectionId(outer(connection.0)),
        },
        Output::Close { connection } => Output::Close {
            connection: ConnectionId(outer(connection.0)),
        },
        Output::Event(never) => match never {},
    }
}
