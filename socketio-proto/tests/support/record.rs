//! A record of the server's outputs, and the rules that hold for every history.

use socketio_proto::engine::server::{Output, SessionKey};
use socketio_proto::engine::{ConnectionId, HeadId};
use socketio_proto::server::{Event, SocketKey};

use super::{Connection, Net, RequestKind, Socket, dialect, render, sid};

impl Net {
    pub(super) fn take(&mut self, output: Output<Event>, lines: &mut Vec<String>) {
        match output {
            Output::Respond { request, response } => {
                let request = &mut self.requests[request.0 as usize];
                assert!(
                    core::mem::take(&mut request.open),
                    "answered once, while open"
                );
                let (client, status) = (request.client, response.status);
                let body = std::str::from_utf8(&response.body).expect("text");
                match (request.kind, status, body) {
                    (RequestKind::Open, 200, open) => self.clients[client].sid = sid(open),
                    (RequestKind::Post, 200, "ok") => {}
                    (RequestKind::Post, ..) => lines.push(format!("c{client} post {status}")),
                    (_, 200, packets) => {
                        let packets = dialect::body(self.server.config().parser, packets);
                        lines.push(format!("c{client} < {}", packets.replace('\x1e', "|")));
                    }
                    _ => lines.push(format!("c{client} get {status}")),
                }
            }
            Output::Accept { .. } => {}
            Output::Refuse { connection, .. } => {
                let connection = &mut self.connections[connection.0 as usize];
                connection.over = true;
                lines.push(format!("c{} refused", connection.client));
            }
            Output::Frames { connection } => self.take_frames(connection, lines),
            Output::Close { connection } => {
                let state = &mut self.connections[connection.0 as usize];
                assert!(
                    !core::mem::replace(&mut state.over, true),
                    "closed once, while open"
                );
                lines.push(format!("c{} closed by the server", state.client));
            }
            Output::Event(event) => lines.push(self.record(event)),
        }
    }

    fn take_frames(&mut self, connection: ConnectionId, lines: &mut Vec<String>) {
        let Connection {
            client,
            over,
            stalled,
        } = self.connections[connection.0 as usize];
        assert!(!over, "no frames for a connection that is over");
        if stalled {
            return lines.push(format!("c{client} frames"));
        }
        while let Some(frame) = self.server.poll_frame(connection) {
            for frame in dialect::translated(self.server.config().parser, frame) {
                let line = render::frame(&frame);
                if line.starts_with("0{") {
                    self.clients[client].sid = sid(&line);
                } else if !line.starts_with("3probe") {
                    lines.push(format!("c{client} < {line}"));
                }
            }
        }
    }

    /// Checks the rules that hold for every history:
    ///
    /// - Events of a socket come only between its acceptance and its one `Disconnected`.
    /// - Events of a client come only until its one `Closed`, which follows the end of all its sockets.
    /// - Every acknowledgement ends once.
    fn record(&mut self, event: Event) -> String {
        match event {
            Event::Opened { session, by } => {
                let client = self.asker(by);
                assert_eq!(self.clients[client].session.replace(session), None);
                assert_eq!(self.sessions.insert(session, client), None);
                format!("c{client} opened")
            }
            Event::NamespaceRequested {
                token,
                session,
                namespace,
                auth,
                ..
            } => {
                let client = self.open_client(session);
                self.asking.push_back(token);
                let auth = auth.map(|auth| format!(" {}", auth.json()));
                format!("c{client} asks for {namespace}{}", auth.unwrap_or_default())
            }
            Event::NamespaceAdded { namespace, parent } => {
                assert!(self.namespaces.insert(namespace.to_string()), "it is new");
                let child = if parent.is_some() { " as a child" } else { "" };
                format!("{namespace} added{child}")
            }
            Event::NamespaceRemoved { namespace } => {
                assert!(self.namespaces.remove(&*namespace), "it was there");
                let within = |socket: &&Socket| socket.namespace == *namespace;
                let inside = self.sockets.iter().filter(within);
                assert!(inside.clone().all(|socket| socket.gone), "nobody is inside");
                format!("{namespace} removed")
            }
            Event::Connecting {
                token,
                session,
                namespace,
                auth,
                recovered,
            } => {
                let client = self.open_client(session);
                self.tokens.push_back(token);
                let auth = auth
                    .map(|auth| format!(" {}", auth.json()))
                    .unwrap_or_default();
                let again = if recovered { " again" } else { "" };
                format!("c{client} connecting{again} {namespace}{auth}")
            }
            Event::Recovered {
                socket,
                session,
                namespace,
                ..
            } => {
                let client = self.open_client(session);
                assert!(self.server.is_recovered(socket));
                let number = self.add_socket(socket);
                assert_eq!(self.sockets[number].namespace, *namespace);
                format!("c{client} back in {namespace} as ${number}")
            }
            Event::Restoring {
                token,
                session,
                namespace,
                pid,
                offset,
            } => {
                let client = self.open_client(session);
                self.restoring.push_back((token, pid, offset));
                format!("c{client} wants back into {namespace}")
            }
            Event::PacketLogged { namespace, packet } => {
                self.logged.push(packet);
                format!("* packet logged in {namespace}")
            }
            Event::SessionSaved { namespace, session } => {
                self.saved.push(session);
                format!("* session saved in {namespace}")
            }
            Event::Event {
                socket,
                payload,
                ack,
            } => {
                let wanted = if ack.is_some() { "?" } else { "" };
                self.acks.extend(ack);
                let socket = self.open_socket(socket);
                format!("${socket} event{wanted} {}", render::payload(&payload))
            }
            Event::Ack {
                socket,
                id,
                payload,
            } => {
                assert!(self.awaited.remove(&(socket, id)), "{id:?} is awaited");
                let (socket, id) = (self.open_socket(socket), id.get());
                format!("${socket} ack {id} {}", render::payload(&payload))
            }
            Event::AckFailed { socket, id, error } => {
                assert!(self.awaited.remove(&(socket, id)), "{id:?} is awaited");
                format!(
                    "${} ack {} failed: {error}",
                    self.open_socket(socket),
                    id.get()
                )
            }
            Event::BroadcastReply {
                id,
                socket,
                payload,
            } => {
                assert!(self.broadcasts.contains(&id), "{id:?} goes on");
                let (socket, id) = (self.open_socket(socket), id.get());
                format!("${socket} replies {id} {}", render::payload(&payload))
            }
            Event::BroadcastEnded {
                id,
                expected,
                received,
                missing,
            } => {
                assert!(self.broadcasts.remove(&id), "{id:?} ends once");
                assert_eq!(received + missing.len(), expected);
                let missing = missing
                    .into_iter()
                    .map(|key| format!(" ${}", self.number(key)));
                let missing: String = missing.collect();
                let missing = if missing.is_empty() {
                    missing
                } else {
                    format!(", not{missing}")
                };
                format!(
                    "* broadcast {} ended: {received} of {expected}{missing}",
                    id.get()
                )
            }
            Event::Sent {
                namespace,
                sockets,
                payload,
            } => {
                let sockets = sockets
                    .into_iter()
                    .map(|key| format!(" ${}", self.number(key)));
                let sockets: String = sockets.collect();
                format!(
                    "* sent in {namespace} to{sockets} {}",
                    render::payload(&payload)
                )
            }
            Event::RoomCreated { namespace, room } => {
                format!("* {namespace} room {room:?} created")
            }
            Event::RoomDeleted { namespace, room } => {
                format!("* {namespace} room {room:?} deleted")
            }
            Event::RoomJoined { socket, room } => {
                format!("${} joined {room:?}", self.open_socket(socket))
            }
            Event::RoomLeft { socket, room } => {
                format!("${} left {room:?}", self.open_socket(socket))
            }
            Event::Upgraded { session, transport } => {
                format!(
                    "c{} upgraded to {}",
                    self.open_client(session),
                    transport.name()
                )
            }
            Event::Drained { session } => format!("c{} drained", self.open_client(session)),
            Event::Disconnected {
                socket,
                reason,
                rooms,
            } => {
                let number = self.open_socket(socket);
                self.sockets[number].gone = true;
                assert!(!self.awaited.iter().any(|(owing, _)| *owing == socket));
                let rooms = if rooms.is_empty() {
                    String::new()
                } else {
                    format!(" from {rooms:?}")
                };
                format!("${number} disconnected: {}{rooms}", render::reason(&reason))
            }
            Event::Closed { session, reason } => {
                let client = self.open_client(session);
                self.clients[client].closed = true;
                assert!(
                    self.sockets
                        .iter()
                        .all(|socket| socket.client != client || socket.gone)
                );
                format!("c{client} closed: {}", render::reason(&reason))
            }
            Event::Handshake { token, by } => {
                self.handshakes.push_back(token);
                format!("c{} wants in", self.asker(by))
            }
            Event::Refused { by, reject } => format!("c{} refused: {reject}", self.asker(by)),
            other => panic!("unknown event {other:?}"),
        }
    }

    fn asker(&self, by: HeadId) -> usize {
        match by {
            HeadId::Request(id) => self.requests[id.0 as usize].client,
            HeadId::Connection(id) => self.connections[id.0 as usize].client,
        }
    }

    fn open_client(&self, session: SessionKey) -> usize {
        let client = self.sessions[&session];
        assert!(!self.clients[client].closed, "no event after the last");
        client
    }

    fn number(&self, key: SocketKey) -> usize {
        let found = self.sockets.iter().position(|socket| socket.key == key);
        found.expect("a socket that was accepted")
    }

    fn open_socket(&self, key: SocketKey) -> usize {
        let number = self.number(key);
        assert!(
            !self.sockets[number].gone,
            "no event of ${number} after the last"
        );
        number
    }
}
