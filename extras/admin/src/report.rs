//! The reports to the UI: each event of the server that it shows.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use socketio_proto::server::{Commands, Event, Observed, SocketKey, Target};
use socketio_proto::{EncodeError, Payload, PayloadBuilder};

use super::view::{SocketView, TransportChanged, data_json, timestamp};
use super::{Admin, Mode};
use socketio_proto::engine::driver::server::Context;

/// A socket that the UI has been told of. It is not in the machine any more when the UI is told of its end.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) namespace: String,
    /// Its data as they were told last.
    pub(super) data: String,
    /// The rooms that it left at its end, which are told behind it.
    left: Vec<Arc<str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    supported_features: Vec<&'static str>,
}

impl Admin {
    /// Tells one who came in what there is.
    pub(super) fn greet<C>(
        &self,
        server: &mut impl Commands,
        socket: SocketKey,
        context: &Context<'_, C>,
    ) {
        let config = Features {
            supported_features: self.features(),
        };
        self.tell_one(server, socket, Payload::event("config").arg(&config));
        if self.tells_everything() {
            let namespaces: Vec<_> = server.namespaces().collect();
            let sockets = namespaces
                .into_iter()
                .flat_map(|name| server.sockets(Target::namespace(name)));
            let views = sockets.filter_map(|socket| SocketView::of(server, socket, context));
            let views: Vec<_> = views.collect();
            let payload = Payload::event("all_sockets").arg(&views);
            self.tell_one(server, socket, payload);
        }
    }

    fn features(&self) -> Vec<&'static str> {
        let mut features = Vec::new();
        if !self.options.readonly {
            features.extend([
                "EMIT",
                "JOIN",
                "LEAVE",
                "DISCONNECT",
                "MJOIN",
                "MLEAVE",
                "MDISCONNECT",
            ]);
        }
        features.push("AGGREGATED_EVENTS");
        if self.tells_everything() {
            features.push("ALL_EVENTS");
        }
        features
    }

    /// Tells the UI of an event.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the UI shows what it knows of"
    )]
    pub(super) fn report<C>(
        &mut self,
        server: &mut impl Commands,
        event: &Event,
        context: &Context<'_, C>,
    ) {
        self.count_traffic(server);
        match event {
            Event::Opened { .. } => self.aggregate.opened(),
            Event::Closed { reason, .. } => self.aggregate.closed(reason.to_string()),
            _ if self.options.mode == Mode::Production => {}
            Event::NamespaceAdded { namespace, .. } => {
                let is_own = **namespace == *self.options.namespace;
                let observed = if is_own {
                    Observed::Nothing
                } else {
                    Observed::Sent
                };
                server.observe(namespace, observed);
            }
            Event::RoomJoined { socket, room } => self.room_joined(server, *socket, room, context),
            Event::RoomLeft { socket, room } => self.room_left(server, *socket, room),
            // Others have been told of with their own room.
            Event::Recovered { socket, .. } => self.connected(server, *socket, context),
            Event::Upgraded { session, transport } => {
                let sockets: Vec<_> = server.sockets_of(*session).collect();
                for socket in sockets {
                    self.upgraded(server, socket, transport.name());
                }
            }
            Event::Event {
                socket, payload, ..
            } => self.passed(server, "event_received", *socket, payload),
            Event::Sent {
                sockets, payload, ..
            } => {
                for socket in sockets {
                    self.passed(server, "event_sent", *socket, payload);
                }
            }
            Event::Disconnected { socket, reason, .. } => {
                self.disconnected(server, *socket, &reason.to_string());
            }
            _ => {}
        }
    }

    fn room_joined<C>(
        &mut self,
        server: &mut impl Commands,
        socket: SocketKey,
        room: &str,
        context: &Context<'_, C>,
    ) {
        let (Some(id), Some(namespace)) =
            (server.socket_id(socket), server.socket_namespace(socket))
        else {
            // It joined and left in one step.
            return;
        };
        let payload = Payload::event("room_joined")
            .arg(namespace)
            .arg(room)
            .arg(id.as_str())
            .arg(&timestamp());
        self.tell(server, payload);
        if room == id.as_str() {
            self.connected(server, socket, context);
        }
    }

    fn connected<C>(
        &mut self,
        server: &mut impl Commands,
        socket: SocketKey,
        context: &Context<'_, C>,
    ) {
        let (Some(id), Some(namespace)) =
            (server.socket_id(socket), server.socket_namespace(socket))
        else {
            return;
        };
        if self.known.contains_key(&socket) {
            return;
        }
        let known = Known {
            id: id.as_str().to_owned(),
            namespace: namespace.to_owned(),
            data: data_json(server, socket).to_owned(),
            left: Vec::new(),
        };
        self.known.insert(socket, known);
        if let Some(view) = SocketView::of(server, socket, context) {
            let payload = Payload::event("socket_connected")
                .arg(&view)
                .arg(&timestamp());
            self.tell(server, payload);
        }
        // Behind the news of itself, since those before are in what it is greeted with.
        if self.admins.contains(&socket) {
            self.greet(server, socket, context);
        }
    }

    fn upgraded(&self, server: &mut impl Commands, socket: SocketKey, transport: &str) {
        if let Some(known) = self.known.get(&socket) {
            let updated = TransportChanged {
                id: &known.id,
                nsp: &known.namespace,
                transport,
            };
            self.tell(server, Payload::event("socket_updated").arg(&updated));
        }
    }

    /// Tells of an event that came or went, with its attachments.
    fn passed(&self, server: &mut impl Commands, name: &str, socket: SocketKey, payload: &Payload) {
        // The longest of all, and for nobody most of the time.
        let known = self.known.get(&socket).filter(|_| !self.admins.is_empty());
        if let Some(known) = known.filter(|known| known.namespace != self.options.namespace)
            && let Ok(payload) = passed(name, known, payload)
        {
            self.tell(server, payload);
        }
    }

    fn room_left(&mut self, server: &mut impl Commands, socket: SocketKey, room: &Arc<str>) {
        let Some(known) = self.known.get_mut(&socket) else {
            return;
        };
        if server.socket_id(socket).is_none() {
            known.left.push(Arc::clone(room));
        } else if let Some(known) = self.known.get(&socket) {
            self.tell_left(server, known, room);
        }
    }

    fn disconnected(&mut self, server: &mut impl Commands, socket: SocketKey, reason: &str) {
        let Some(known) = self.known.remove(&socket) else {
            return;
        };
        let payload = Payload::event("socket_disconnected")
            .arg(&known.namespace)
            .arg(&known.id)
            .arg(reason)
            .arg(&timestamp());
        self.tell(server, payload);
        for room in &known.left {
            self.tell_left(server, &known, room);
        }
    }

    fn tell_left(&self, server: &mut impl Commands, known: &Known, room: &str) {
        let payload = Payload::event("room_left")
            .arg(&known.namespace)
            .arg(room)
            .arg(&known.id)
            .arg(&timestamp());
        self.tell(server, payload);
    }

    /// Tells everybody in the admin namespace. Who does not read fast enough misses it.
    pub(super) fn tell(&self, server: &mut impl Commands, payload: PayloadBuilder) {
        self.send(server, &[], payload);
    }

    /// Tells one who is in the admin namespace.
    pub(super) fn tell_one(
        &self,
        server: &mut impl Commands,
        socket: SocketKey,
        payload: PayloadBuilder,
    ) {
        if let Some(id) = server.socket_id(socket) {
            self.send(server, &[id.as_str()], payload);
        }
    }

    /// Sent as it is, nothing is kept for who comes back: whoever comes in is told all there is.
    fn send(&self, server: &mut impl Commands, rooms: &[&str], payload: PayloadBuilder) {
        let payload = payload.build();
        let namespace = &self.options.namespace;
        if let Ok(packet) = payload.and_then(|payload| server.encode_event(namespace, &payload)) {
            let target = Target::namespace(namespace).rooms(rooms);
            let _sent = server.broadcast_encoded(&target, &packet);
        }
    }
}

/// An event within an event: its attachments come first, so that the placeholders in its arguments keep their numbers.
fn passed(name: &str, known: &Known, payload: &Payload) -> Result<PayloadBuilder, EncodeError> {
    let mut builder = Payload::event(name);
    for data in payload.attachments() {
        builder.attach(data.clone());
    }
    let args: &RawValue = serde_json::from_str(payload.json())
        .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
    Ok(builder
        .arg(&known.namespace)
        .arg(&known.id)
        .arg(args)
        .arg(&timestamp()))
}
