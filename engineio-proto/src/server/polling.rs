//! Plain requests: handshakes, and the polls and POSTs of sessions.

use bytes::Bytes;

use super::machine::Server;
use super::output::Output;
use super::reject::Reject;
use super::route::{Action, Handshake, Route};
use super::stats;
use crate::collections::Key;
use crate::http::{RequestHead, Response};
use crate::{HeadId, Instant, RequestId};

/// What a request that passed all checks is for.
pub(super) enum Target {
    Preflight,
    Open(Handshake),
    Session(Key, Action),
}

impl Server {
    /// Takes a whole plain request. It is answered by [`Output::Respond`], maybe later.
    ///
    /// The driver bounds the body by [`Config::max_payload`](super::Config::max_payload); a larger one is refused here too.
    pub fn handle_request(
        &mut self,
        id: RequestId,
        head: &RequestHead<'_>,
        body: Bytes,
        now: Instant,
    ) {
        let now = self.observe(now);
        let head = head.marked(false);
        self.grants.insert(HeadId::Request(id), &head, &self.config);
        match self.route(&head) {
            // It was answered while its body was arriving: refused at its head, or its session ended or moved.
            Err(_) if self.requests.get(id).is_some() => return,
            Err(reject) => self.refuse(HeadId::Request(id), reject),
            Ok(Target::Preflight) => self.respond(id, self.config.preflight(&head)),
            Ok(Target::Open(handshake)) => self.begin(handshake, HeadId::Request(id), now),
            Ok(Target::Session(key, Action::Post(content))) => {
                self.with(key, |session| session.handle_post(id, content, body, now));
            }
            Ok(Target::Session(key, _)) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_poll(id, now));
            }
        }
        stats::bump(&mut self.stats.requests);
        self.settle();
    }

    /// Notes that a POST has begun whose body is still arriving. [`handle_request`](Self::handle_request) with the
    /// same head, [`handle_request_too_large`](Self::handle_request_too_large) or
    /// [`handle_request_aborted`](Self::handle_request_aborted) follows, unless it is answered before.
    ///
    /// This is optional, for drivers that see the head first. Overlapping and broken POSTs end the session, as in the
    /// official server. A request that will be refused is refused before its body has been read.
    pub fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
        let now = self.observe(now);
        let head = head.marked(false);
        self.grants.insert(HeadId::Request(id), &head, &self.config);
        match self.route(&head) {
            Err(reject) => {
                self.requests.insert(id, None);
                stats::bump(&mut self.stats.requests);
                self.refuse(HeadId::Request(id), reject);
            }
            Ok(Target::Session(key, Action::Post(_))) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_post_begun(id, now));
            }
            Ok(Target::Open(_) | Target::Session(..) | Target::Preflight) => {}
        }
        self.settle();
    }

    /// Answers a request whose body exceeds [`Config::max_payload`](super::Config::max_payload) with 413. Its session lives on.
    pub fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
        let now = self.observe(now);
        let known = self.requests.get(id);
        if known != Some(None) {
            stats::bump(&mut self.stats.requests);
        }
        match known {
            Some(Some(key)) => self.with(key, |session| session.handle_post_too_large(id, now)),
            Some(None) => {}
            None => self.respond(id, Response::new(413, "")),
        }
        self.settle();
    }

    /// Notes that the client of a request went away before its answer.
    pub fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
        let now = self.observe(now);
        self.grants.forget(HeadId::Request(id));
        match self.requests.remove(id) {
            Some(Some(key)) => self.with(key, |session| session.handle_request_aborted(id, now)),
            Some(None) => {}
            None => self.waiting.forget(HeadId::Request(id)),
        }
        self.settle();
    }

    pub(super) fn route(&self, head: &RequestHead<'_>) -> Result<Target, Reject> {
        match Route::of(head, &self.config)? {
            Route::Preflight => Ok(Target::Preflight),
            Route::Open(handshake) => Ok(Target::Open(handshake)),
            Route::Session(request) => {
                let key = self.find(&request.sid).ok_or(Reject::UnknownSid)?;
                self.session(key)
                    .ok_or(Reject::UnknownSid)?
                    .verify(&request)?;
                Ok(Target::Session(key.0, request.action))
            }
        }
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        self.outputs.push(Output::Respond { request, response });
    }
}
