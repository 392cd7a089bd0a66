//! The end of a session, and the farewell to the server.

use alloc::boxed::Box;

use super::{Carrier, Client, Event, Farewell, Output, Remembered, State};
use crate::client::close::{CloseDetail, CloseReason, ProbeError, TransportError};
use crate::codec::{Open, Packet};
use crate::http::Answer;
use crate::{RequestId, Transport};

impl Client {
    /// Ends the session because its transport failed, unless another one is left to try.
    pub(super) fn fail(&mut self, error: TransportError) {
        if self.state == State::Closed {
            return;
        }
        self.remembered = Remembered::Nothing;
        let current = self.transport();
        if matches!(self.state, State::Opening { .. }) && self.config.try_all_transports {
            self.untried.retain(|transport| Some(*transport) != current);
            if let Some(&next) = self.untried.first() {
                self.release(&CloseReason::TransportError(error));
                return self.start(next);
            }
        }
        self.finish(CloseReason::TransportError(error));
    }

    /// Ends the session: releases its data and tells the application.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        if let CloseReason::TransportError(_) = reason {
            self.remembered = Remembered::Nothing;
        }
        self.abort_upgrades(ProbeError::SocketClosed);
        self.release(&reason);
        self.state = State::Closed;
        self.heartbeat.stop();
        self.sid = None;
        self.max_payload = None;
        self.events.push(Event::Closed(reason));
    }

    /// Releases the transport, and tells the server if possible.
    pub(super) fn release(&mut self, reason: &CloseReason) {
        match core::mem::replace(&mut self.carrier, Carrier::None) {
            Carrier::None => {}
            Carrier::Polling { get, post } => match (reason, self.sid.take()) {
                (CloseReason::ForcedClose, None) => {
                    if let Some(get) = get {
                        self.farewell = Some(Box::new(Farewell::AfterHandshake(get.id)));
                    }
                }
                // The poll stays open until the close packet is there: aborted before, it would be a loss to the server.
                (CloseReason::ForcedClose, Some(sid)) => {
                    let get = get.map(|get| get.id);
                    match post.map(|post| post.id) {
                        Some(post) => {
                            let farewell = Farewell::AfterPost { post, get, sid };
                            self.farewell = Some(Box::new(farewell));
                        }
                        None => self.say_farewell(&sid, get),
                    }
                }
                (reason, sid) => {
                    for request in [get, post].into_iter().flatten() {
                        self.abort(request.id);
                    }
                    let told = matches!(
                        reason,
                        CloseReason::TransportClose(CloseDetail::ByServer | CloseDetail::Offline)
                    );
                    if let Some(sid) = sid.filter(|_| !told) {
                        let _unawaited = self.post_farewell(&sid);
                    }
                }
            },
            Carrier::Connecting { connection, .. } => {
                self.actions.push_back(Output::Close { connection });
            }
            Carrier::Connected {
                transport,
                connection,
                announced,
                greets,
            } => {
                // A driver that drained after every input would have had these frames: it may take them now, before
                // it closes the connection. Nothing goes where not even the packet went that opens it.
                let frames = self.has_frames() && !greets;
                if frames && !announced {
                    self.actions.push_back(Output::Frames { connection });
                }
                if frames {
                    self.carrier = Carrier::Connected {
                        transport,
                        connection,
                        announced: true,
                        greets,
                    };
                }
                self.actions.push_back(Output::Close { connection });
            }
        }
    }

    /// Tells the server that the client has left. Nobody waits for the answer.
    fn post_farewell(&mut self, sid: &str) -> RequestId {
        let farewell = self.wire(Transport::Polling).farewell();
        self.request(Some(sid), Some(farewell))
    }

    /// As `post_farewell`, while a poll may be open. Most servers answer the poll then, but not all.
    fn say_farewell(&mut self, sid: &str, get: Option<RequestId>) {
        let post = self.post_farewell(sid);
        if let Some(get) = get {
            self.farewell = Some(Box::new(Farewell::Said { post, get }));
        }
    }

    /// A request of an ended session was answered: sends the close packet that it still owes.
    pub(super) fn pay_farewell(&mut self, request: RequestId, answer: Option<Answer>) {
        let due = match self.farewell.as_deref_mut() {
            None => false,
            Some(Farewell::AfterHandshake(id)) => *id == request,
            Some(Farewell::AfterPost { post, get, .. }) => {
                get.take_if(|get| *get == request);
                *post == request
            }
            Some(Farewell::Said { post, get }) => *post == request || *get == request,
        };
        let Some(farewell) = self.farewell.take_if(|_| due) else {
            return;
        };
        match *farewell {
            Farewell::AfterPost { get, sid, .. } if answer.is_some() => {
                self.say_farewell(&sid, get);
            }
            Farewell::AfterPost { get: Some(get), .. } => self.abort(get),
            Farewell::Said { post, get } if request == post => self.abort(get),
            Farewell::AfterHandshake(_) => {
                let good = answer.filter(|answer| {
                    answer.status == 200 && answer.body.len() <= self.config.max_payload
                });
                let Some(answer) = good else { return };
                if self.config.with_credentials {
                    self.cookies.store(&answer, self.now);
                }
                let limit = self.config.max_packets_per_payload;
                let mut packets = self.wire(Transport::Polling).decode_body(answer, limit);
                let open = packets
                    .find_map(|packet| match packet {
                        Ok(Packet::Open(json)) => Some(Open::decode(&json).ok()),
                        Ok(_) => None,
                        Err(_) => Some(None),
                    })
                    .flatten();
                if let Some(open) = open {
                    let _unawaited = self.post_farewell(&open.sid);
                }
            }
            Farewell::AfterPost { get: None, .. } | Farewell::Said { .. } => {}
        }
    }
}
