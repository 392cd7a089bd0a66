//! WebSockets of a server.

use alloc::boxed::Box;

use bytes::Bytes;
use engineio_proto::codec::websocket::{Close, Decoder, Received, Role, Violation};
use engineio_proto::collections::Key;
use engineio_proto::driver::server::Machine;
use engineio_proto::http::Headers;
use engineio_proto::{ByteString, ConnectionId, Frame};

use super::Wire;
use super::options::Options;
use super::output::{Output, PipeId};
use super::pipe::{Frames, Next, Phase, Socket};
use crate::compression::{Deflater, InflateError, inflate};

/// The code for what is no stream of DEFLATE, as `ws` has it.
const CLOSE_MALFORMED: u16 = 1007;

/// The messages of a machine for one WebSocket.
pub(super) struct Source<'a, M> {
    pub(super) machine: &'a mut M,
    pub(super) deflater: &'a mut Deflater,
    pub(super) options: &'a Options,
    pub(super) connection: ConnectionId,
}

impl<M: Machine> Frames for Source<'_, M> {
    fn next(&mut self, may_compress: bool) -> Option<Next> {
        if !may_compress {
            return self.machine.poll_frame(self.connection).map(Next::Plain);
        }
        let (frame, should) = self.machine.poll_frame_with_hint(self.connection)?;
        let compressed = if should {
            self.deflater.message(&frame, self.options)
        } else {
            None
        };
        Some(match compressed {
            Some(content) => Next::Compressed {
                is_text: matches!(frame, Frame::Text(_)),
                content,
            },
            None => Next::Plain(frame),
        })
    }
}

impl<M: Machine> Wire<M> {
    /// Completes a handshake.
    pub(super) fn open_websocket(&mut self, key: Key, headers: &Headers) {
        let max = self.machine.engine_config().max_payload;
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        let Phase::Opening(opening) = &pipe.phase else {
            return;
        };
        let mut head = opening.accept();
        for (name, value) in headers.iter() {
            head.field(name, value.as_bytes());
        }
        let compresses = opening.compresses();
        let mut decoder = Decoder::new(Role::Server, max);
        if compresses {
            decoder = decoder.with_compressed();
        }
        pipe.out.push(head.end());
        pipe.phase = Phase::WebSocket(Box::new(Socket::new(decoder, compresses)));
        pipe.mark(key, &mut self.writable);
        if pipe.is_stopped {
            self.paused.push_back(key);
        }
        // A client that does not wait for the answer has sent frames.
        self.read_on(key);
    }

    /// Notes that the machine has frames for a WebSocket.
    pub(super) fn frames_wait(&mut self, connection: ConnectionId) {
        let key = Key::from_bits(connection.0);
        if let Some(pipe) = self.pipes.get_mut(key)
            && let Phase::WebSocket(socket) = &mut pipe.phase
        {
            socket.frames_wait();
            pipe.mark(key, &mut self.writable);
        }
    }

    /// Closes a WebSocket as the machine wants it.
    pub(super) fn close_websocket(&mut self, connection: ConnectionId) {
        let key = Key::from_bits(connection.0);
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        match &mut pipe.phase {
            Phase::WebSocket(socket) => {
                socket.close(None);
                self.finish_websocket(key);
            }
            // The machine gives up before it has decided.
            Phase::Opening(_) => self.close(key),
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Draining => {}
        }
    }

    /// Reads frames. Gives false once all is read that can be.
    pub(super) fn read_frames(&mut self, key: Key, input: &mut &[u8]) -> bool {
        let connection = PipeId(key).connection();
        let Some(pipe) = self.pipes.get_mut(key) else {
            return false;
        };
        let Phase::WebSocket(socket) = &mut pipe.phase else {
            return false;
        };
        if socket.is_deaf {
            *input = &[];
            return false;
        }
        if socket.is_open() && !self.machine.wants_read(connection) {
            self.paused.push_back(key);
            return false;
        }
        match socket.decoder.decode(input) {
            Ok(Some(Received::Message(frame))) => self.take_message(key, frame),
            Ok(Some(Received::Compressed { is_text, content })) => {
                self.take_compressed(key, is_text, &content);
            }
            Ok(Some(Received::Ping(content))) => {
                socket.ping(content);
                pipe.mark(key, &mut self.writable);
            }
            Ok(Some(Received::Pong(_))) => {}
            Ok(Some(Received::Close(close))) => self.peer_closed(key, close),
            Ok(None) => return false,
            Err(violation) => self.peer_failed(key, violation.close_code()),
        }
        true
    }

    fn take_message(&mut self, key: Key, frame: Frame) {
        let connection = PipeId(key).connection();
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        if !matches!(&pipe.phase, Phase::WebSocket(socket) if socket.is_open()) {
            return;
        }
        // What the machine answers to one message is taken before it gets the next, as long as there is room.
        if self.is_stirred {
            pipe.pull(Source {
                machine: &mut self.machine,
                deflater: &mut self.deflater,
                options: &self.options,
                connection,
            });
        }
        self.machine.handle_frame(connection, frame, self.now);
        self.is_stirred = true;
    }

    fn take_compressed(&mut self, key: Key, is_text: bool, content: &Bytes) {
        let max = self.machine.engine_config().max_payload;
        let inflated = inflate(content, max).map_err(|fault| match fault {
            InflateError::Malformed => CLOSE_MALFORMED,
            InflateError::TooLarge => Violation::TooLarge.close_code(),
        });
        let frame = inflated.and_then(|content| {
            if !is_text {
                return Ok(Frame::Binary(content));
            }
            let text = ByteString::try_from(content);
            text.map(Frame::Text)
                .map_err(|_| Violation::Utf8.close_code())
        });
        match frame {
            Ok(frame) => self.take_message(key, frame),
            Err(code) => self.peer_failed(key, code),
        }
    }

    /// Goes on with a WebSocket whose batch has left.
    pub(super) fn websocket_written(&mut self, key: Key) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        let Phase::WebSocket(socket) = &pipe.phase else {
            return;
        };
        if socket.is_over() {
            return self.close(key);
        }
        if socket.is_cut_off() {
            self.ready.push_back(Output::Shutdown(PipeId(key)));
        }
        if socket.is_open() {
            self.arm(key, None);
        } else {
            self.arm(key, Some(self.options.close_timeout));
        }
    }

    /// Reads on in WebSockets whose input the machine wants again. Gives whether there was one.
    pub(super) fn resume(&mut self) -> bool {
        for _ in 0..self.paused.len() {
            let Some(key) = self.paused.pop_front() else {
                return false;
            };
            if self.machine.wants_read(PipeId(key).connection()) {
                self.read_on(key);
                self.read_again(key);
                return true;
            }
            if self.pipes.get(key).is_some() {
                self.paused.push_back(key);
            }
        }
        false
    }

    fn peer_closed(&mut self, key: Key, close: Option<Close>) {
        let was_open = self.deafen(key, close, true);
        if was_open {
            let connection = PipeId(key).connection();
            self.machine.handle_connection_closed(connection, self.now);
        }
        self.finish_websocket(key);
    }

    fn peer_failed(&mut self, key: Key, code: u16) {
        let close = Close::new(code, "");
        if self.deafen(key, Some(close), false) {
            let connection = PipeId(key).connection();
            self.machine.handle_connection_failed(connection, self.now);
        }
        self.finish_websocket(key);
    }

    /// Reads nothing more from a WebSocket, and answers with a close frame. Gives whether it was open.
    fn deafen(&mut self, key: Key, close: Option<Close>, has_closed: bool) -> bool {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return false;
        };
        let Phase::WebSocket(socket) = &mut pipe.phase else {
            return false;
        };
        socket.is_deaf = true;
        socket.has_closed = has_closed;
        let was_open = socket.is_open();
        socket.close(close);
        was_open
    }

    /// Goes on with closing a WebSocket.
    fn finish_websocket(&mut self, key: Key) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        let Phase::WebSocket(socket) = &pipe.phase else {
            return;
        };
        if socket.is_over() && pipe.out.is_empty() {
            return self.close(key);
        }
        pipe.mark(key, &mut self.writable);
        self.arm(key, Some(self.options.close_timeout));
    }
}
