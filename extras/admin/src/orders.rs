//! The orders of the UI: it emits, joins, leaves and disconnects, for one socket or many.

use serde::Deserialize;
use socketio_proto::engine::Instant;
use socketio_proto::server::{Commands, DisconnectFrom, Target};
use socketio_proto::{EncodeError, Payload, PayloadBuilder, RawArgs, is_reserved_event};

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
                if let Ok(event) = forward(Payload::event(&name), payload, 3) {
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

/// Ends a payload with the arguments of another from number `skip` on, exactly as they came.
fn forward(
    mut builder: PayloadBuilder,
    from: &Payload,
    skip: usize,
) -> Result<Payload, EncodeError> {
    // All of them, in their order, so that the placeholders among the arguments keep their numbers.
    for data in from.attachments() {
        builder.attach(data.clone());
    }
    for arg in from.raw_args().skip(skip) {
        let raw: &serde_json::value::RawValue = serde_json::from_str(arg)
            .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
        builder = builder.arg(raw);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_the_arguments_is_forwarded_as_it_came() {
        let from = Payload::event("to")
            .arg(&["a"])
            .arg("news")
            .binary(vec![1, 2])
            .arg(&1.50)
            .build()
            .unwrap();
        let to = forward(Payload::event("news"), &from, 2).unwrap();
        assert_eq!(to.json(), r#"["news",{"_placeholder":true,"num":0},1.5]"#);
        assert_eq!(to.attachments(), from.attachments());
    }
}
