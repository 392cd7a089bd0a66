//! The form in which the UI is told of a socket.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;
use socketio_proto::server::{Commands, SocketKey};

use socketio_proto::engine::driver::server::{Context, Handshake};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SocketView<'a> {
    id: String,
    client_id: String,
    transport: &'static str,
    nsp: &'a str,
    data: Option<&'a RawValue>,
    handshake: HandshakeView<'a>,
    rooms: Vec<&'a str>,
}

#[derive(Debug, Default, Serialize)]
struct HandshakeView<'a> {
    address: String,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    query: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    issued: u64,
    secure: bool,
    time: String,
    url: &'a str,
    xdomain: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct TransportChanged<'a> {
    pub(super) id: &'a str,
    pub(super) nsp: &'a str,
    pub(super) transport: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct DataChanged<'a> {
    pub(super) id: &'a str,
    pub(super) nsp: &'a str,
    pub(super) data: Option<&'a RawValue>,
}

impl<'a> SocketView<'a> {
    /// `None` if the socket has left.
    pub(super) fn of<C>(
        server: &'a impl Commands,
        socket: SocketKey,
        context: &'a Context<'_, C>,
    ) -> Option<Self> {
        let session = server.socket_session(socket)?;
        let engine = server.engine().session(session)?;
        let handshake = context.handshake(session).map(HandshakeView::of);
        Some(Self {
            id: server.socket_id(socket)?.as_str().to_owned(),
            // The beginning tells clients apart, and the rest stays secret.
            client_id: engine.sid().as_str().chars().take(12).collect(),
            transport: engine.transport().name(),
            nsp: server.socket_namespace(socket)?,
            data: raw(data_json(server, socket)),
            handshake: handshake.unwrap_or_default(),
            rooms: server.rooms(socket).collect(),
        })
    }
}

/// The data that was stored for a socket, as JSON; an empty object without such data.
pub(super) fn data_json(server: &impl Commands, socket: SocketKey) -> &str {
    server.data(socket).map_or("{}", |data| data.json())
}

/// JSON as it is. `None` if it is none, which the machine rules out.
pub(super) fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

impl<'a> HandshakeView<'a> {
    fn of(handshake: &'a Handshake) -> Self {
        let peer = handshake.address.map(|address| address.ip().to_string());
        let proxied = ["cf-connecting-ip", "x-forwarded-for"]
            .into_iter()
            .filter_map(|name| handshake.header(name))
            .find(|address| !address.is_empty())
            .map(Cow::into_owned);
        let names = handshake.headers.iter().map(|(name, _)| &**name);
        let headers = names.filter_map(|name| Some((name, handshake.header(name)?)));
        Self {
            address: proxied.or(peer).unwrap_or_default(),
            headers: headers.collect(),
            query: handshake.query().collect(),
            issued: handshake.issued.as_millis() as u64,
            secure: handshake.secure,
            time: httpdate::fmt_http_date(UNIX_EPOCH + handshake.issued),
            url: &handshake.target,
            xdomain: handshake.xdomain(),
        }
    }
}

/// The time as JavaScript writes a date into JSON.
pub(super) fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
