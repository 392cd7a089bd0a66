//! Requests and their answers.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use bytes::Bytes;
use engineio_proto::collections::Key;
use engineio_proto::driver::server::{Handshake, Machine};
use engineio_proto::http::{RequestHead, Response};
use engineio_proto::server::Route;
use engineio_proto::{HeadId, RequestId};

use super::Wire;
use super::common::since_1970;
use super::held::Held;
use super::output::{Foreign, Output, Peer, PipeId};
use super::pipe::{After, Heading, Manner, Phase, Receiving};
use crate::compression::Coding;
use crate::http::body::{Body, Framing, Progress};
use crate::http::ending::Ending;
use crate::http::request::{Head, Slots};
use crate::http::write::{HeadWriter, has_no_body};
use crate::http::{BodyError, Malformed, TooLarge};
use crate::websocket::{Opening, Refusal};

/// The fields that fit on the stack.
const SLOTS: usize = 100;

impl<M: Machine> Wire<M> {
    /// Waits for the next request of a connection.
    pub(super) fn next_request(&mut self, key: Key) {
        self.set_phase(key, Phase::Head(Heading::default()));
        let is_skipping = self.pipes.get(key).is_some_and(|pipe| pipe.rest.is_some());
        let timeout = if is_skipping {
            self.options.body_timeout
        } else {
            self.options.keep_alive_timeout
        };
        self.arm(key, Some(timeout));
        self.read_on(key);
    }

    /// Reads a head. Gives false once all is read that can be.
    pub(super) fn read_head(&mut self, key: Key, input: &mut &[u8]) -> bool {
        let max = self.options.max_head;
        let Some(pipe) = self.pipes.get_mut(key) else {
            return false;
        };
        let Phase::Head(heading) = &mut pipe.phase else {
            return false;
        };
        // Empty lines before a request are left over from the body of an old client's last one.
        while let Some(rest) = input.strip_prefix(b"\r\n") {
            *input = rest;
            heading.ending = Ending::default();
        }
        // The same is found in any pieces.
        match heading.ending.find(input.get(..max).unwrap_or(input)) {
            Err(fault) => self.refuse_head(key, fault.into()),
            Ok(None) if input.len() > max => self.refuse_head(key, TooLarge::Head.into()),
            Ok(None) => {
                let is_first = !input.is_empty() && !heading.has_begun;
                heading.has_begun |= is_first;
                if is_first {
                    self.arm(key, Some(self.options.head_timeout));
                }
                return false;
            }
            Ok(Some(end)) => {
                let (head, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
                *input = rest;
                self.begin(key, head, input);
            }
        }
        true
    }

    /// Reads a body. Gives false once all is read that can be.
    pub(super) fn read_body(&mut self, key: Key, input: &mut &[u8]) -> bool {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return false;
        };
        let Phase::Body(receiving) = &mut pipe.phase else {
            return false;
        };
        match receiving.body.read(input) {
            Ok(Progress::More) => false,
            Ok(Progress::Whole) => {
                let waiting = Phase::Waiting(receiving.request, receiving.manner);
                if let Phase::Body(receiving) = core::mem::replace(&mut pipe.phase, waiting) {
                    self.finish_body(key, *receiving);
                }
                true
            }
            Err(BodyError::TooLarge(TooLarge::Body)) => {
                let (request, manner) = (receiving.request, receiving.manner);
                self.too_large(key, request, manner);
                true
            }
            Err(fault) => {
                self.refuse_request(key, status_of(fault));
                true
            }
        }
    }

    /// Reads what is left of a body that nobody wants. Gives false once all is read that can be.
    pub(super) fn skip_body(&mut self, key: Key, input: &mut &[u8]) -> bool {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return false;
        };
        let Some(body) = &mut pipe.rest else {
            return true;
        };
        match body.read(input) {
            Ok(Progress::More) => return false,
            Ok(Progress::Whole) => {
                pipe.rest = None;
                if matches!(pipe.phase, Phase::Head(_)) {
                    self.arm(key, Some(self.options.keep_alive_timeout));
                }
            }
            Err(_) => {
                pipe.rest = None;
                if let Phase::Answering(after) = &mut pipe.phase {
                    *after = After::Drain;
                } else {
                    self.drain(key);
                }
            }
        }
        true
    }

    /// Takes a whole head; `body` is what follows.
    fn begin(&mut self, key: Key, bytes: &[u8], body: &mut &[u8]) {
        let max = self.options.max_fields;
        if max == SLOTS {
            let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
            self.begin_in(key, bytes, body, &mut slots);
        } else {
            self.begin_in(key, bytes, body, &mut slots_for(bytes, max));
        }
    }

    fn begin_in<'a>(&mut self, key: Key, bytes: &'a [u8], body: &mut &[u8], slots: &mut Slots<'a>) {
        let head = match Head::parse(bytes, slots) {
            Ok(head) => head,
            Err(fault) => return self.refuse_head(key, fault),
        };
        if head.expects_more {
            return self.refuse_request(key, 417);
        }
        self.arm(key, None);
        if !self.options.serves(head.path()) {
            self.begin_body(key, &head, bytes, body, None);
        } else if head.is_upgrade() {
            self.begin_upgrade(key, &head);
        } else {
            let request = self.requests.insert(key);
            match request {
                Some(_) => self.begin_body(key, &head, bytes, body, request),
                None => self.refuse_request(key, 503),
            }
        }
    }

    fn begin_upgrade(&mut self, key: Key, head: &Head<'_, '_>) {
        let engine = head.to_engine();
        let opening = match Opening::check(head, &self.options) {
            Ok(opening) => opening,
            Err(refusal) => return self.refuse_upgrade(key, &engine, refusal),
        };
        let connection = PipeId(key).connection();
        self.note_head(HeadId::Connection(connection), key, head, &engine);
        self.set_phase(key, Phase::Opening(Box::new(opening)));
        self.machine.handle_upgrade(connection, &engine, self.now);
    }

    /// Officially the WebSocket layer comes second: what Engine.IO has against the request is said first.
    fn refuse_upgrade(&mut self, key: Key, engine: &RequestHead<'_>, refusal: Refusal) {
        self.set_phase(key, Phase::Waiting(None, LAST));
        match Route::of(engine, self.machine.engine_config()) {
            Err(reject) => {
                let response = reject.into_refusal();
                self.answer(key, &response);
            }
            Ok(_) => {
                let versions =
                    (refusal == Refusal::Version).then_some(("sec-websocket-version", "13, 8"));
                let fields = core::iter::once(("content-type", "text/html")).chain(versions);
                let body = Bytes::from_static(refusal.message().as_bytes());
                let fields = fields.map(|(name, value)| (name, value.as_bytes()));
                self.answer_with(key, refusal.status(), fields, &body, false);
            }
        }
    }

    /// Begins a request for the machine, or without a name for it, for the application.
    fn begin_body(
        &mut self,
        key: Key,
        head: &Head<'_, '_>,
        bytes: &[u8],
        input: &mut &[u8],
        request: Option<Key>,
    ) {
        let manner = Manner {
            keeps_alive: head.keeps_alive(),
            head_only: head.method == "HEAD",
            is_whole: true,
            coding: head.accept_encoding.map_or(Coding::NONE, Coding::accepted),
        };
        let max = match request {
            Some(_) => self.machine.engine_config().max_payload,
            None => self.options.max_foreign_body,
        };
        let engine = head.to_engine();
        if let Some(request) = request {
            self.note_head(
                HeadId::Request(RequestId(request.to_bits())),
                key,
                head,
                &engine,
            );
        }
        let mut progress = Ok(Progress::Whole);
        let body = Body::new(head.framing, max).map(|mut body| {
            if head.framing != Framing::Length(0) {
                progress = body.read(input);
            }
            body
        });
        match (body, progress) {
            (Ok(body), Ok(Progress::Whole)) => {
                self.set_phase(key, Phase::Waiting(request, manner));
                self.give(key, head, &engine, body.into_content().into(), request);
            }
            (Ok(body), Ok(Progress::More)) => {
                if head.expects_continue {
                    self.send_continue(key);
                }
                let receiving = Receiving {
                    request,
                    manner,
                    head: bytes.to_vec(),
                    body,
                };
                self.set_phase(key, Phase::Body(Box::new(receiving)));
                self.arm(key, Some(self.options.body_timeout));
                self.announce(&engine, request);
            }
            (Err(TooLarge::Body), _) | (_, Err(BodyError::TooLarge(TooLarge::Body))) => {
                self.set_phase(key, Phase::Waiting(request, manner));
                self.announce(&engine, request);
                self.too_large(key, request, manner);
            }
            (Err(fault), _) => self.give_up(key, request, fault.into()),
            (_, Err(fault)) => self.give_up(key, request, fault),
        }
    }

    fn give_up(&mut self, key: Key, request: Option<Key>, fault: BodyError) {
        if let Some(request) = request {
            self.requests.remove(request);
            self.forget_head(HeadId::Request(RequestId(request.to_bits())));
        }
        self.refuse_request(key, status_of(fault));
    }

    /// Tells the machine that the body of a POST is coming.
    fn announce(&mut self, engine: &RequestHead<'_>, request: Option<Key>) {
        if let Some(request) = request
            && engine.method == "POST"
        {
            let id = RequestId(request.to_bits());
            self.machine.handle_request_begun(id, engine, self.now);
        }
    }

    fn finish_body(&mut self, key: Key, receiving: Receiving) {
        self.arm(key, None);
        let content = receiving.body.into_content().into();
        let mut slots = slots_for(&receiving.head, self.options.max_fields);
        // It has been read before, with as many slots.
        if let Ok(head) = Head::parse(&receiving.head, &mut slots) {
            let engine = head.to_engine();
            self.give(key, &head, &engine, content, receiving.request);
        }
    }

    /// Gives a whole request to the machine, or to the application.
    fn give(
        &mut self,
        key: Key,
        head: &Head<'_, '_>,
        engine: &RequestHead<'_>,
        body: Bytes,
        request: Option<Key>,
    ) {
        match request {
            Some(request) => {
                let id = RequestId(request.to_bits());
                self.machine.handle_request(id, engine, body, self.now);
            }
            None => {
                let foreign = Foreign {
                    pipe: PipeId(key),
                    method: head.method.into(),
                    head: self.copy(key, head),
                    body,
                };
                self.ready.push_back(Output::Foreign(foreign));
            }
        }
    }

    fn too_large(&mut self, key: Key, request: Option<Key>, manner: Manner) {
        // What follows is the rest of the body, which nobody wants.
        let manner = Manner {
            keeps_alive: false,
            is_whole: false,
            ..manner
        };
        self.set_phase(key, Phase::Waiting(request, manner));
        match request {
            Some(request) => {
                let id = RequestId(request.to_bits());
                self.machine.handle_request_too_large(id, self.now);
            }
            None => self.answer_plainly(key, 413),
        }
    }

    fn send_continue(&mut self, key: Key) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.out.push(HeadWriter::response(100).end());
            pipe.mark(key, &mut self.writable);
        }
    }

    /// Copies the head of a request that may open a session: one that names none.
    fn note_head(&mut self, by: HeadId, key: Key, head: &Head<'_, '_>, engine: &RequestHead<'_>) {
        let names_session = |parameter: &str| parameter.len() > 4 && parameter.starts_with("sid=");
        if !engine.query.split('&').any(names_session) {
            let handshake = self.copy(key, head);
            self.keep_head(by, handshake);
        }
    }

    fn copy(&self, key: Key, head: &Head<'_, '_>) -> Handshake {
        let peer = self
            .pipes
            .get(key)
            .map_or(Peer::default(), |pipe| pipe.peer);
        let mut handshake = Handshake::new(head.target)
            .with_address(peer.address)
            .with_secure(peer.secure)
            .with_issued(since_1970(&self.options, self.now).unwrap_or_default());
        for field in head.fields {
            handshake = handshake.with_header(field.name, field.value);
        }
        handshake
    }

    /// Refuses a head that cannot be read.
    fn refuse_head(&mut self, key: Key, fault: BodyError) {
        self.refuse_request(key, status_of(fault));
    }

    /// Answers a request that is not read to its end, and reads nothing more from the connection.
    pub(super) fn refuse_request(&mut self, key: Key, status: u16) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            let before = core::mem::replace(&mut pipe.phase, Phase::Waiting(None, CLOSING));
            pipe.input = Held::default();
            if let Phase::Body(receiving) = before {
                self.abort(receiving.request);
            }
            self.answer_plainly(key, status);
        }
    }

    fn answer_plainly(&mut self, key: Key, status: u16) {
        self.answer_with(key, status, core::iter::empty(), &Bytes::new(), false);
    }

    /// Writes an answer of the machine.
    pub(super) fn answer(&mut self, key: Key, response: &Response) {
        let fields = response.headers.iter();
        let fields = fields.map(|(name, value)| (name, value.as_bytes()));
        self.answer_with(
            key,
            response.status,
            fields,
            &response.body,
            response.compress,
        );
    }

    /// Writes an answer, with a body that may be compressed or not.
    pub(super) fn answer_with<'h>(
        &mut self,
        key: Key,
        status: u16,
        fields: impl Iterator<Item = (&'h str, &'h [u8])>,
        body: &Bytes,
        may_compress: bool,
    ) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        let manner = match &pipe.phase {
            Phase::Waiting(_, manner) => *manner,
            Phase::Body(receiving) => receiving.manner,
            Phase::Opening(_) => LAST,
            Phase::Head(_) | Phase::Answering(_) | Phase::WebSocket(_) | Phase::Draining => CLOSING,
        };
        let mut writer = HeadWriter::response(status);
        let mut closes = !manner.keeps_alive || !manner.is_whole;
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("connection") {
                closes |= value.eq_ignore_ascii_case(b"close");
            } else {
                writer.field(name, value);
            }
        }
        let compressed = if may_compress {
            manner.coding.compress(body, &self.options)
        } else {
            None
        };
        let body = match compressed {
            Some((coding, compressed)) => {
                writer.field("content-encoding", coding.as_bytes());
                compressed
            }
            None => body.clone(),
        };
        if !has_no_body(status) {
            writer.number("content-length", body.len() as u64);
        }
        let time = since_1970(&self.options, self.now);
        pipe.out.push(self.common.end(writer, time, closes));
        if !manner.head_only && !has_no_body(status) {
            pipe.out.push(body);
        }
        let is_read =
            manner.is_whole && pipe.input.is_empty() && !matches!(pipe.phase, Phase::Body(_));
        let after = match (closes, is_read) {
            (false, _) => After::Next,
            (true, true) => After::Close,
            (true, false) => After::Drain,
        };
        let before = core::mem::replace(&mut pipe.phase, Phase::Answering(after));
        if let (Phase::Body(mut receiving), After::Next) = (before, after) {
            receiving.body.skip();
            pipe.rest = Some(Box::new(receiving.body));
        }
        pipe.mark(key, &mut self.writable);
    }
}

/// Of a request that is the last of its connection.
const LAST: Manner = Manner {
    keeps_alive: false,
    head_only: false,
    is_whole: true,
    coding: Coding::NONE,
};

/// Room for the fields of a head, of which there are `max` at most. Each takes four bytes and more.
fn slots_for<'a>(head: &[u8], max: usize) -> Vec<MaybeUninit<httparse::Header<'a>>> {
    let count = max.min(head.len() / 4);
    core::iter::repeat_with(MaybeUninit::uninit)
        .take(count)
        .collect()
}

/// Of a request after which nothing is read.
const CLOSING: Manner = Manner {
    keeps_alive: false,
    head_only: false,
    is_whole: false,
    coding: Coding::NONE,
};

const fn status_of(fault: BodyError) -> u16 {
    match fault {
        BodyError::Malformed(Malformed::Version) => 505,
        BodyError::Malformed(_) => 400,
        BodyError::TooLarge(TooLarge::Head | TooLarge::Trailers) => 431,
        BodyError::TooLarge(TooLarge::Body | TooLarge::ChunkExtensions) => 413,
    }
}
