//! The orders of the UI: it emits, joins, leaves and disconnects, for one socket or many.

use serde::Deserialize;
use socketio_proto::engine::Instant;
use socketio_proto::server::{Commands, DisconnectFrom, Target};
use socketio_proto::{Payload, RawArgs, is_reserved_event};

use super::Admin;

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
    pub(super) fn obey(&self, server: &mut impl Commands, payload: &Payload, now: Instant) {
        if self.options.readonly {
            return;
        }
        let mut args = payload.raw_args();
        let Some(Ok(namespace)) = args.read::<String>() else {
            return;
        };
        match payload.name() {
            Some("emit") => {
                let filter = read_filter(&mut args);
                let Some(Ok(name)) = args.read::<String>() else {
                    return;
                };
                if is_reserved_event(&name) {
                    return;
                }
                if let Ok(event) = Payload::event(&name).args_from(payload, 3).build() {
                    for_each(server, &namespace, filter, |server, target| {
                        let _sent = server.broadcast(target, &event, now);
                    });
                }
            }
            Some(order @ ("join" | "leave")) => {
                let Some(Ok(rooms)) = args.read::<Names>() else {
                    return;
                };
                let filter = read_filter(&mut args);
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
                let from = match args.read::<bool>() {
                    Some(Ok(true)) => DisconnectFrom::Server,
                    _ => DisconnectFrom::Namespace,
                };
                let filter = read_filter(&mut args);
                for_each(server, &namespace, filter, |server, target| {
                    server.disconnect_many(target, from, now);
                });
            }
            _ => {}
        }
    }
}

/// Reads the rooms that an order is for; an argument that is absent is `null`, which names none. `None` if it makes no
/// sense.
fn read_filter(args: &mut RawArgs<'_>) -> Option<Option<Names>> {
    args.read().unwrap_or(Ok(None)).ok()
}

/// Acts on the sockets of a namespace, or those of the rooms that the filter names: an id is one too. An empty name is no
/// filter, and one that makes no sense is for nobody.
fn for_each<S: Commands>(
    server: &mut S,
    namespace: &str,
    filter: Option<Option<Names>>,
    act: impl FnOnce(&mut S, &Target<'_>),
) {
    let Some(filter) = filter else {
        return;
    };
    let filter = filter.filter(|filter| !matches!(filter, Names::One(name) if name.is_empty()));
    let rooms: Vec<_> = filter.iter().flat_map(Names::iter).collect();
    act(server, &Target::namespace(namespace).rooms(&rooms));
}
