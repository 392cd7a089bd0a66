//! What the UI asks for: emitting, joining, leaving, disconnecting, for one socket or many.

use serde::Deserialize;
use socketio_proto::engine::Instant;
use socketio_proto::server::Target;
use socketio_proto::{Payload, is_reserved_event};

use super::{Admin, Server};
use crate::program::forward;

/// One name or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl Names {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        };
        names.iter().map(String::as_str)
    }
}

impl Admin {
    /// Does what an event of the UI asks for. What makes no sense is ignored, and so is everything in read-only mode.
    pub(super) fn obey(&self, server: &mut Server, payload: &Payload, now: Instant) {
        if self.options.readonly {
            return;
        }
        // Absent arguments count as `null`.
        let mut args = payload.raw_args().map(Some).chain(std::iter::repeat(None));
        let mut next = || args.next().flatten().unwrap_or("null");
        let Ok(namespace) = serde_json::from_str::<String>(next()) else {
            return;
        };
        match payload.name() {
            Some("emit") => {
                let (filter, name) = (next(), next());
                let Ok(name) = serde_json::from_str::<String>(name) else {
                    return;
                };
                if is_reserved_event(&name) {
                    return;
                }
                if let Ok(event) = forward(Payload::event(&name), payload, 3) {
                    for_each(server, &namespace, filter, |server, target| {
                        let _sent = server.broadcast(target, &event);
                    });
                }
            }
            Some(order @ ("join" | "leave")) => {
                let (rooms, filter) = (next(), next());
                let Ok(rooms) = serde_json::from_str::<Names>(rooms) else {
                    return;
                };
                for_each(server, &namespace, filter, |server, target| {
                    for room in rooms.iter() {
                        if order == "join" {
                            server.join_many(target, room);
                        } else {
                            server.leave_many(target, room);
                        }
                    }
                });
            }
            Some("_disconnect") => {
                let (close, filter) = (next(), next());
                let close = serde_json::from_str::<bool>(close).unwrap_or(false);
                for_each(server, &namespace, filter, |server, target| {
                    server.disconnect_many(target, close, now);
                });
            }
            _ => {}
        }
    }
}

/// Acts on the sockets of a namespace, or those of the rooms that the filter names: an id is one too. An empty name is no
/// filter, and one that makes no sense is for nobody.
fn for_each(
    server: &mut Server,
    namespace: &str,
    filter: &str,
    act: impl FnOnce(&mut Server, &Target<'_>),
) {
    let Ok(filter) = serde_json::from_str::<Option<Names>>(filter) else {
        return;
    };
    let filter = filter.filter(|filter| !matches!(filter, Names::One(name) if name.is_empty()));
    let rooms: Vec<_> = filter.iter().flat_map(Names::iter).collect();
    act(server, &Target::namespace(namespace).rooms(&rooms));
}
