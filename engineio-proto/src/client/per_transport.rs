//! The settings that hold for a transport: its own where it has some, else those of the client.

use alloc::string::String;
use core::time::Duration;

use super::config::Config;
use super::endpoint::Endpoint;
use super::transport_options::TransportOptions;
use crate::Transport;

/// The settings that hold for a transport.
impl Config {
    fn own(&self, transport: Transport) -> Option<&TransportOptions> {
        self.transport_options.get(&transport)
    }

    pub(super) fn endpoint_of(&self, transport: Transport) -> &Endpoint {
        let own = self.own(transport).and_then(|own| own.endpoint.as_ref());
        own.unwrap_or(&self.endpoint)
    }

    /// A path that stands as it is.
    pub(super) fn path_of(&self, transport: Transport) -> Option<&str> {
        self.own(transport)?.path.as_deref()
    }

    /// Parameters that replace the official ones.
    pub(super) fn query_of(&self, transport: Transport) -> Option<&[(String, String)]> {
        self.own(transport)?.query.as_deref()
    }

    pub(super) fn timestamp_of(&self, transport: Transport) -> Option<&str> {
        let own = self.own(transport);
        let wanted = own
            .and_then(|own| own.timestamp_requests)
            .or(self.timestamp_requests)
            .unwrap_or(transport == Transport::Polling);
        let name = own.and_then(|own| own.timestamp_param.as_deref());
        wanted.then(|| name.unwrap_or(&self.timestamp_param))
    }

    pub(super) fn force_base64_of(&self, transport: Transport) -> bool {
        let own = self.own(transport).and_then(|own| own.force_base64);
        own.unwrap_or(self.force_base64)
    }

    pub(super) fn request_timeout_of(&self, transport: Transport) -> Option<Duration> {
        let own = self.own(transport).and_then(|own| own.request_timeout);
        own.or(self.request_timeout)
    }

    pub(super) fn extra_headers_of(&self, transport: Transport) -> &[(String, String)] {
        let own = self
            .own(transport)
            .and_then(|own| own.extra_headers.as_deref());
        own.unwrap_or(&self.extra_headers)
    }

    pub(super) fn protocols_of(&self, transport: Transport) -> &[String] {
        let own = self.own(transport).and_then(|own| own.protocols.as_deref());
        own.unwrap_or(&self.protocols)
    }
}
