//! One connection of a server.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;
use engineio_proto::codec::websocket::{Close, Decoder, Encoder};
use engineio_proto::collections::Key;
use engineio_proto::{Frame, Instant};

use super::held::Held;
use super::output::Peer;
use crate::Batch;
use crate::compression::Coding;
use crate::http::body::Body;
use crate::http::ending::Ending;
use crate::websocket::Opening;

/// What the wire knows of a connection.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    /// Bytes that came and cannot be read yet: a part of a head, or what came ahead of its turn.
    pub(super) input: Held,
    pub(super) out: Out,
    /// The rest of a body whose request was answered before it came. Nobody wants it.
    pub(super) rest: Option<Box<Body>>,
    /// The driver does not read from it, and is to be told when to read on.
    pub(super) is_stopped: bool,
    /// When the peer has taken too long with what it has to do next.
    pub(super) deadline: Option<Instant>,
    /// When the timer of this pipe fires: never after the deadline.
    pub(super) armed: Option<Instant>,
    /// It is among those that may have something to write.
    pub(super) is_marked: bool,
    /// The bytes that the wire counts for it.
    pub(super) counted: usize,
}

/// Where a connection stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// The next request has not come, or its head is not whole.
    Head(Heading),
    /// The body of a request is coming.
    Body(Box<Receiving>),
    /// A request waits for the answer of the machine, or of the application if it has no key.
    Waiting(Option<Key>, Manner),
    /// An answer is being written. Afterwards the next request may come, or the connection is over.
    Answering(After),
    /// A WebSocket handshake waits for the decision of the machine.
    Opening(Box<Opening>),
    WebSocket(Box<Socket>),
    /// The connection is over for us, and waits for the peer to close it. All that comes is thrown away.
    Draining,
}

/// How much of a head has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heading {
    pub(super) ending: Ending,
    /// Its first byte has come.
    pub(super) has_begun: bool,
}

/// How a request is to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) keeps_alive: bool,
    /// The answer has no body: the method is HEAD.
    pub(super) head_only: bool,
    /// The request was read to its end.
    pub(super) is_whole: bool,
    pub(super) coding: Coding,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum After {
    Next,
    Close,
    /// The request was not read to its end. A connection that is closed while bytes come is reset, and the answer may be lost.
    Drain,
}

/// A request whose body is coming.
#[derive(Debug)]
pub(super) struct Receiving {
    /// `None` if it is for the application.
    pub(super) request: Option<Key>,
    pub(super) manner: Manner,
    pub(super) head: Vec<u8>,
    pub(super) body: Body,
}

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) decoder: Decoder,
    /// Messages may be compressed.
    compresses: bool,
    /// The content of the last ping that is not answered.
    pong: Option<Bytes>,
    /// The machine said that frames wait, and not all have been pulled.
    frames_wait: bool,
    closing: Closing,
    /// The peer has closed, or broken a rule: nothing more is read.
    pub(super) is_deaf: bool,
    /// The close frame of the peer has come.
    pub(super) has_closed: bool,
}

#[derive(Debug)]
enum Closing {
    No,
    /// A close frame is to be written.
    Wanted(Option<Close>),
    Written,
}

/// The frames of one batch at most, and the bytes after which it takes no further one.
const MAX_FRAMES: usize = 64;
const MAX_BYTES: usize = 64 * 1024;

/// What is to be written to a connection.
#[derive(Debug, Default)]
pub(super) struct Out {
    waiting: Batch,
    /// The bytes of the last batch that have not left.
    under_way: usize,
}

impl Out {
    pub(super) fn push(&mut self, bytes: impl Into<Bytes>) {
        self.waiting.push(bytes.into());
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way > 0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.is_under_way()
    }

    /// Takes what waits, unless something is under way.
    fn take(&mut self) -> Option<Batch> {
        (!self.is_under_way()).then(|| mem::take(&mut self.waiting))
    }

    fn begin(&mut self, batch: &Batch) {
        self.under_way = batch.len();
    }

    /// Notes that bytes have left.
    pub(super) const fn written(&mut self, len: usize) {
        self.under_way = self.under_way.saturating_sub(len);
    }

    const fn bytes_held(&self) -> usize {
        self.waiting.len().saturating_add(self.under_way)
    }
}

impl Pipe {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            phase: Phase::Head(Heading::default()),
            input: Held::default(),
            out: Out::default(),
            rest: None,
            is_stopped: false,
            deadline: None,
            armed: None,
            is_marked: false,
            counted: 0,
        }
    }

    /// Puts it among those that may have something to write, where it stands once.
    pub(super) fn mark(&mut self, key: Key, writable: &mut VecDeque<Key>) {
        if !mem::replace(&mut self.is_marked, true) {
            writable.push_back(key);
        }
    }

    /// The bytes that it holds, beside what every connection takes.
    pub(super) fn bytes_held(&self) -> usize {
        self.bytes_read().saturating_add(self.out.bytes_held())
    }

    /// The bytes of what the peer has sent in part.
    pub(super) fn bytes_read(&self) -> usize {
        let phase = match &self.phase {
            Phase::Body(receiving) => receiving
                .body
                .bytes_held()
                .saturating_add(receiving.head.capacity()),
            Phase::WebSocket(socket) => socket.decoder.bytes_held(),
            Phase::Head(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_)
            | Phase::Draining => 0,
        };
        self.input.bytes_held().saturating_add(phase)
    }

    /// Whether there is something to write once what is under way has left.
    pub(super) const fn wants_write(&self) -> bool {
        match &self.phase {
            Phase::WebSocket(socket) if socket.wants_write() => true,
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_)
            | Phase::WebSocket(_)
            | Phase::Draining => !self.out.waiting.is_empty(),
        }
    }

    /// Takes frames of the machine, unless many wait already or something is under way.
    pub(super) fn pull(&mut self, mut frames: impl Frames) {
        let Phase::WebSocket(socket) = &self.phase else {
            return;
        };
        let compresses = socket.compresses;
        if !self.out.is_under_way() && self.out.waiting.len() < MAX_BYTES {
            fill_frames(&mut self.out.waiting, &mut frames, compresses);
        }
    }

    /// Takes the next batch, with the frames that a machine has for a WebSocket. `None` while one is under way, and if there
    /// is nothing to write.
    pub(super) fn poll_write(&mut self, mut frames: impl Frames) -> Option<Batch> {
        let mut batch = self.out.take()?;
        if let Phase::WebSocket(socket) = &mut self.phase {
            socket.fill(&mut batch, &mut frames);
        }
        self.out.begin(&batch);
        (!batch.is_empty()).then_some(batch)
    }
}

impl Socket {
    pub(super) const fn new(decoder: Decoder, compresses: bool) -> Self {
        Self {
            decoder,
            compresses,
            pong: None,
            frames_wait: false,
            closing: Closing::No,
            is_deaf: false,
            has_closed: false,
        }
    }

    /// Answers a ping. Of several that come before the answer can leave, only the last is answered.
    pub(super) fn ping(&mut self, content: Bytes) {
        if self.is_open() {
            self.pong = Some(content);
        }
    }

    /// Notes that the machine has frames for it.
    pub(super) const fn frames_wait(&mut self) {
        self.frames_wait = true;
    }

    /// Whether there is something to write.
    pub(super) const fn wants_write(&self) -> bool {
        match &self.closing {
            Closing::No => self.frames_wait || self.pong.is_some(),
            Closing::Wanted(_) => true,
            Closing::Written => false,
        }
    }

    /// Begins to close it, unless that has begun.
    pub(super) fn close(&mut self, close: Option<Close>) {
        if self.is_open() {
            self.closing = Closing::Wanted(close);
            self.pong = None;
        }
    }

    /// Whether it is not being closed.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.closing, Closing::No)
    }

    /// Whether both ends have said all they have to say, once what is under way has left.
    pub(super) const fn is_over(&self) -> bool {
        self.has_closed && matches!(self.closing, Closing::Written)
    }

    /// Whether all is said to a peer that broke a rule, and does not get an answer to its close frame.
    pub(super) const fn is_cut_off(&self) -> bool {
        self.is_deaf && !self.has_closed && matches!(self.closing, Closing::Written)
    }

    fn fill(&mut self, batch: &mut Batch, frames: &mut impl Frames) {
        let mut encoder = Encoder::server();
        if let Some(content) = self.pong.take() {
            let (header, content) = encoder.pong(&content);
            batch.push_frame(header, content);
        }
        match &self.closing {
            Closing::No if self.frames_wait => {
                self.frames_wait = fill_frames(batch, frames, self.compresses);
            }
            Closing::No => {}
            Closing::Wanted(close) => {
                let (header, content) = encoder.close(close.as_ref());
                batch.push_frame(header, content);
                self.closing = Closing::Written;
            }
            Closing::Written => {}
        }
    }
}

/// Where the messages for a WebSocket come from.
pub(super) trait Frames {
    /// The next one, compressed if it should be and that `may_compress`.
    fn next(&mut self, may_compress: bool) -> Option<Next>;
}

/// A message for a WebSocket.
#[derive(Debug)]
pub(super) enum Next {
    Plain(Frame),
    Compressed { is_text: bool, content: Bytes },
}

/// Adds frames. Gives whether there may be more of them.
fn fill_frames(batch: &mut Batch, frames: &mut impl Frames, compresses: bool) -> bool {
    let mut encoder = Encoder::server();
    for _ in 0..MAX_FRAMES {
        if batch.len() >= MAX_BYTES {
            return true;
        }
        let Some(next) = frames.next(compresses) else {
            return false;
        };
        let (header, content) = match next {
            Next::Plain(frame) => encoder.message(frame),
            Next::Compressed { is_text, content } => encoder.compressed(is_text, content),
        };
        batch.push_frame(header, content);
    }
    true
}
