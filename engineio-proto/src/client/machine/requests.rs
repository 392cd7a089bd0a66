//! The requests and connections that the machine asks for.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Carrier, Client, Deadline, Output, Pending, State};
use crate::client::url::url;
use crate::client::wire::{Body, Wire};
use crate::http::Request;
use crate::{ConnectionId, RequestId, Transport};

impl Client {
    /// Asks for the next GET, if there is none on its way and polling is not to come to rest.
    pub(super) fn poll_again(&mut self) {
        if !matches!(self.carrier, Carrier::Polling { get: None, .. }) || self.upgrade.is_pausing()
        {
            return;
        }
        let id = self.request(self.sid.clone().as_deref(), None);
        let deadline = self.request_deadline();
        if let Carrier::Polling { get, .. } = &mut self.carrier {
            *get = Some(Pending { id, deadline });
        }
    }

    /// Posts what waits, if no POST is on its way and polling is not to come to rest.
    pub(super) fn flush_post(&mut self) {
        let free = matches!(self.carrier, Carrier::Polling { post: None, .. });
        let open = matches!(self.state, State::Open | State::Closing);
        if !free || !open || self.upgrade.is_pausing() || self.outbox.is_empty() {
            return;
        }
        let (wire, packets) = (
            self.wire(Transport::Polling),
            self.config.max_packets_per_post,
        );
        let limit = self.max_payload;
        let body = self.take(|outbox| outbox.pop_payload(wire, limit, packets));
        let id = self.request(self.sid.clone().as_deref(), Some(body));
        let deadline = match self.config.request_timeout_of(Transport::Polling) {
            Some(_) => Deadline::Unarmed,
            None => Deadline::Never,
        };
        if let Carrier::Polling { post, .. } = &mut self.carrier {
            *post = Some(Pending { id, deadline });
        }
        self.tell_drained();
    }

    /// Asks for a polling request: a POST of a body, or a GET.
    pub(super) fn request(&mut self, sid: Option<&str>, body: Option<Body>) -> RequestId {
        let request = RequestId(self.new_id());
        let url = url(&self.config, Transport::Polling, sid, &mut self.generator);
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut own = Vec::new();
        let body = body.map(|body| {
            own.push(("Content-type", body.content_type));
            body.bytes
        });
        own.push(("Accept", "*/*"));
        let message = Request::new(method, url, body.unwrap_or_default())
            .with_headers(self.headers(Transport::Polling, &own));
        self.actions.push_back(Output::Request { request, message });
        request
    }

    /// Asks for a connection.
    pub(super) fn connect(&mut self, transport: Transport, sid: Option<&str>) -> ConnectionId {
        let connection = ConnectionId(self.new_id());
        let url = url(&self.config, transport, sid, &mut self.generator);
        let method = match transport {
            Transport::WebTransport => "CONNECT",
            Transport::Polling | Transport::WebSocket => "GET",
        };
        let protocols = self.config.protocols_of(transport).join(", ");
        let own: &[_] = match (transport, &*protocols) {
            (Transport::WebSocket, protocols) if !protocols.is_empty() => {
                &[("Sec-WebSocket-Protocol", protocols)]
            }
            _ => &[],
        };
        let request =
            Request::new(method, url, Bytes::new()).with_headers(self.headers(transport, own));
        self.actions.push_back(Output::Connect {
            connection,
            transport,
            request,
        });
        connection
    }

    /// How packets are written on a transport.
    pub(super) fn wire(&self, transport: Transport) -> Wire {
        Wire {
            revision: self.config.revision,
            // The official client forces it where it can, and a stream it cannot.
            text_only: transport != Transport::WebTransport
                && self.config.force_base64_of(transport),
        }
    }

    /// Gives up a request on its way.
    pub(super) fn abort(&mut self, request: RequestId) {
        self.actions.push_back(Output::Abort { request });
    }

    /// The configured headers, the machine's own, and the cookies; an own one replaces a configured one.
    fn headers(&mut self, transport: Transport, own: &[(&str, &str)]) -> Vec<(String, String)> {
        let replaced = |name: &str| {
            own.iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let extra = self.config.extra_headers_of(transport).iter();
        let mut headers: Vec<_> = extra.filter(|(name, _)| !replaced(name)).cloned().collect();
        let own = own.iter().map(|&(name, value)| (name.into(), value.into()));
        headers.extend(own);
        if let Some(cookies) = self.cookies.header(self.now) {
            headers.push(("Cookie".into(), cookies));
        }
        headers
    }

    /// One counter names both, and never starts anew.
    fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        id
    }
}
