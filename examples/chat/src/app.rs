//! The chat behind the page: logging in, moving between rooms, talking.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketio::server::Context;
use socketio_proto::engine::Instant;
use socketio_proto::engine::server::SessionKey;
use socketio_proto::server::{AckToken, ConnectToken, Event, SocketId, SocketKey, Target};
use socketio_proto::{Payload, Placeholder};

use crate::Server;
use crate::rooms::{Content, Message, Rooms};

/// Everyone and everything said.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    rooms: Rooms,
    users: HashMap<SocketKey, User>,
    /// Users by their names in lower case.
    names: HashMap<String, SocketKey>,
    /// Users that were lost, and are who they were if they come back.
    away: VecDeque<User>,
}

#[derive(Debug)]
struct User {
    name: String,
    key: String,
    room: Option<String>,
    session: SessionKey,
    /// What the socket keeps when it comes back.
    id: Option<SocketId>,
}

type Outcome = Result<(), Box<dyn Error>>;

/// What an event is answered with: an acknowledgement, or the reason why nothing was done.
type Reply = Result<Payload, Refused>;

#[derive(Debug)]
enum Refused {
    /// By the rules of the chat.
    Because(&'static str),
    /// The answer cannot be written.
    Failed(Box<dyn Error>),
}

/// So many users are remembered while they are away; who was lost first is forgotten first.
const MAX_AWAY: usize = 1_000;

const MAX_PICTURE: usize = 700_000;
const PICTURE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

impl Chat {
    /// Takes an event of the machine.
    pub(crate) fn handle_event<C>(
        &mut self,
        server: &mut Server,
        event: Event,
        context: &Context<'_, C>,
    ) {
        let outcome = match event {
            Event::Connecting {
                token,
                session,
                auth,
                ..
            } => self.connect(server, token, session, auth.as_ref(), context),
            Event::Recovered {
                socket, session, ..
            } => self.come_back(server, socket, session, context.now),
            Event::Event {
                socket,
                payload,
                ack,
            } => self.handle(server, socket, &payload, ack, context.now),
            Event::Disconnected { socket, reason, .. } => {
                if let Some(user) = self.users.get(&socket) {
                    tracing::info!(name = user.name, %reason, "left");
                }
                self.lose(server, socket, context.now)
            }
            Event::Upgraded { session, transport } => {
                let mut sockets = server.sockets_of(session);
                let user = sockets.find_map(|socket| self.users.get(&socket));
                let name = user.map(|user| user.name.as_str());
                tracing::info!(name, transport = transport.name(), "upgraded");
                Ok(())
            }
            Event::Opened { .. }
            | Event::Ack { .. }
            | Event::AckFailed { .. }
            | Event::Drained { .. }
            | Event::Closed { .. }
            | _ => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "not done");
        }
    }

    /// Lets a client in under its name, or says why not.
    fn connect<C>(
        &mut self,
        server: &mut Server,
        token: ConnectToken,
        session: SessionKey,
        auth: Option<&Payload>,
        context: &Context<'_, C>,
    ) -> Outcome {
        let Some((name, key)) = auth.and_then(credentials) else {
            let data = Payload::object(&json!({"code": "name"}))?;
            tracing::info!("refused a client: invalid name");
            return Ok(server.reject(token, "invalid name", Some(&data), context.now)?);
        };
        if !self.make_way(server, &name, &key, context.now)? {
            let data = Payload::object(&json!({"code": "taken"}))?;
            tracing::info!(name, "refused a client: name taken");
            return Ok(server.reject(token, "name taken", Some(&data), context.now)?);
        }
        let socket = server.accept(token, context.now)?;
        let engine = server.engine().session(session);
        let transport = engine.map(|session| session.transport().name());
        let address = context
            .handshake(session)
            .and_then(|handshake| handshake.address);
        let address = address.map(tracing::field::display);
        tracing::info!(name, transport, address, "logged in");
        let user = User {
            name,
            key,
            room: None,
            session,
            id: server.socket_id(socket),
        };
        self.insert(server, socket, user)?;
        Ok(server.emit(socket, &self.room_list()?, context.now)?)
    }

    /// Makes a client that was lost the user that it was, in its room. It has got what it missed.
    fn come_back(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        session: SessionKey,
        now: Instant,
    ) -> Outcome {
        let id = server.socket_id(socket);
        let found = self.away.iter().position(|user| user.id == id);
        let Some(mut user) = found.and_then(|index| self.away.remove(index)) else {
            server.disconnect_session(session, now);
            return Ok(());
        };
        let room = user.room.take();
        let entered = self.make_way(server, &user.name, &user.key, now)?
            && room
                .as_ref()
                .is_none_or(|room| self.rooms.enter(&user.name, None, room).is_ok());
        if !entered {
            // Its name or its room has been taken meanwhile: the page tries as a new one, and learns why it cannot be.
            server.disconnect_session(session, now);
            return Ok(());
        }
        tracing::info!(name = user.name, room, "came back");
        let name = user.name.clone();
        let user = User {
            room: room.clone(),
            session,
            ..user
        };
        self.insert(server, socket, user)?;
        if let Some(room) = room {
            self.tell_users(server, &room, "joined", &name, now)?;
            server.broadcast(&Target::namespace("/"), &self.room_list()?, now)?;
        }
        Ok(())
    }

    /// Takes the older connection of a user out; false if somebody else has that name.
    fn make_way(
        &mut self,
        server: &mut Server,
        name: &str,
        key: &str,
        now: Instant,
    ) -> Result<bool, Box<dyn Error>> {
        let older = self
            .names
            .get(&name.to_lowercase())
            .and_then(|socket| self.users.get_key_value(socket));
        let Some((&socket, user)) = older else {
            return Ok(true);
        };
        if user.key != key {
            return Ok(false);
        }
        let session = user.session;
        tracing::info!(name, "replaced by a newer connection");
        // A client that does not read is told no more than that its connection closes.
        let _told = server.emit(socket, &Payload::event("replaced").build()?, now);
        self.log_out(server, socket, now)?;
        server.disconnect_session(session, now);
        Ok(true)
    }

    fn insert(&mut self, server: &mut Server, socket: SocketKey, user: User) -> Outcome {
        let data = json!({"name": user.name, "room": user.room});
        server.set_data(socket, Some(Payload::object(&data)?));
        self.names.insert(user.name.to_lowercase(), socket);
        self.users.insert(socket, user);
        Ok(())
    }

    fn handle(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        ack: Option<AckToken>,
        now: Instant,
    ) -> Outcome {
        let reply = match payload.name().unwrap_or_default() {
            "join" => return self.join(server, socket, payload, ack, now),
            "say" => self.say(server, socket, payload, now),
            "picture" => self.picture(server, socket, payload, now),
            "load-picture" => self.load_picture(socket, payload),
            "typing" => return self.typing(server, socket, payload, now),
            _ => return Ok(()),
        };
        respond(server, ack, reply)
    }

    /// Here the acknowledgement comes before what the others are told.
    fn join(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        ack: Option<AckToken>,
        now: Instant,
    ) -> Outcome {
        let moved = self.move_to(server, socket, payload, now);
        let reply = moved.and_then(|(room, changed)| {
            let args = json!({
                "ok": true,
                "room": room,
                "users": self.rooms.users(&room),
                "history": self.rooms.history(&room),
            });
            Ok(((room, changed), Payload::ack().arg(&args).build()?))
        });
        let (moved, reply) = match reply {
            Ok((moved, reply)) => (Some(moved), Ok(reply)),
            Err(refused) => (None, Err(refused)),
        };
        respond(server, ack, reply)?;
        if let Some((room, true)) = moved
            && let Some(user) = self.users.get(&socket)
        {
            tracing::info!(name = user.name, room, "joined");
            self.tell_users(server, &room, "joined", &user.name, now)?;
            server.broadcast(&Target::namespace("/"), &self.room_list()?, now)?;
        }
        Ok(())
    }

    /// Puts a user into the room that it names; whether it was elsewhere before.
    fn move_to(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        now: Instant,
    ) -> Result<(String, bool), Refused> {
        let (room,): (String,) = exactly(payload, 1)?;
        let user = self.users.get_mut(&socket).ok_or(GONE)?;
        if user.room.as_ref() == Some(&room) {
            return Ok((room, false));
        }
        self.rooms
            .enter(&user.name, user.room.as_deref(), &room)
            .map_err(Refused::Because)?;
        let name = user.name.clone();
        let left = user.room.replace(room.clone());
        let data = Payload::object(&json!({"name": name, "room": room}))?;
        server.set_data(socket, Some(data));
        if let Some(left) = left {
            server.leave_room(socket, &channel(&left));
            self.tell_users(server, &left, "left", &name, now)?;
        }
        server.join(socket, &channel(&room))?;
        Ok((room, true))
    }

    fn say(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        now: Instant,
    ) -> Reply {
        let (text,): (String,) = exactly(payload, 1)?;
        let (name, room) = self.place(socket)?;
        let text = text.trim();
        if !fits(text, 1, 2000) {
            return Err(Refused::Because("invalid text"));
        }
        let content = Content::Text(text.to_owned());
        let message = self.rooms.post(&room, &name, wall_clock(), content, None);
        tell_message(server, &room, &message, now)
    }

    fn picture(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        now: Instant,
    ) -> Reply {
        #[derive(Deserialize)]
        struct About {
            #[serde(default)]
            r#type: Value,
            #[serde(default)]
            caption: Value,
        }

        let (about, place): (About, Placeholder) = exactly(payload, 2)?;
        let data = payload.attachment(place).ok_or(MALFORMED)?.clone();
        let (name, room) = self.place(socket)?;
        let kind = about.r#type.as_str().unwrap_or_default();
        let caption = about.caption.as_str().map(str::trim);
        let Some(caption) = caption.filter(|caption| fits(caption, 0, 200)) else {
            return Err(Refused::Because("invalid picture"));
        };
        if !PICTURE_TYPES.contains(&kind) {
            return Err(Refused::Because("invalid picture"));
        }
        if !(1..=MAX_PICTURE).contains(&data.len()) {
            return Err(Refused::Because("picture too large"));
        }
        tracing::info!(name, room, kind, bytes = data.len(), "sent a picture");
        let content = Content::Picture {
            kind: kind.to_owned(),
            caption: caption.to_owned(),
            size: data.len(),
        };
        let message = self
            .rooms
            .post(&room, &name, wall_clock(), content, Some(data));
        tell_message(server, &room, &message, now)
    }

    fn load_picture(&self, socket: SocketKey, payload: &Payload) -> Reply {
        let (id,): (i64,) = exactly(payload, 1)?;
        let (_, room) = self.place(socket).map_err(|_| NOT_FOUND)?;
        let history = self.rooms.history(&room);
        let found = history
            .into_iter()
            .find(|message| i64::try_from(message.id) == Ok(id));
        let message = found.ok_or(NOT_FOUND)?;
        let (Content::Picture { kind, .. }, Some(data)) = (&message.content, &message.data) else {
            return Err(NOT_FOUND);
        };
        let mut ack = Payload::ack();
        let data = ack.attach(data.clone());
        let args = json!({"ok": true, "type": kind, "data": data});
        Ok(ack.arg(&args).build()?)
    }

    fn typing(
        &self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        now: Instant,
    ) -> Outcome {
        let (typing,): (bool,) = payload.args()?;
        if let Ok((name, room)) = self.place(socket) {
            let event = json!({"name": name, "typing": typing});
            let event = Payload::event("typing").arg(&event).build()?;
            let channel = channel(&room);
            let target = Target::namespace("/").except(socket);
            server.broadcast(&target.rooms(&[&channel]), &event, now)?;
        }
        Ok(())
    }

    /// Takes a user whose connection is lost out of the chat; it may come back.
    fn lose(&mut self, server: &mut Server, socket: SocketKey, now: Instant) -> Outcome {
        if let Some(user) = self.log_out(server, socket, now)? {
            if self.away.len() >= MAX_AWAY {
                self.away.pop_front();
            }
            self.away.push_back(user);
        }
        Ok(())
    }

    /// Takes a user out of the chat and tells the others.
    fn log_out(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        now: Instant,
    ) -> Result<Option<User>, Box<dyn Error>> {
        let Some(user) = self.users.remove(&socket) else {
            return Ok(None);
        };
        self.names.remove(&user.name.to_lowercase());
        if let Some(room) = &user.room {
            server.leave_room(socket, &channel(room));
            self.rooms.leave(&user.name, room);
            self.tell_users(server, room, "left", &user.name, now)?;
            server.broadcast(&Target::namespace("/"), &self.room_list()?, now)?;
        }
        Ok(Some(user))
    }

    /// The name and the room of a user who is in one.
    fn place(&self, socket: SocketKey) -> Result<(String, String), Refused> {
        let user = self.users.get(&socket).ok_or(GONE)?;
        let room = user.room.clone().ok_or(Refused::Because("not in a room"))?;
        Ok((user.name.clone(), room))
    }

    fn tell_users(
        &self,
        server: &mut Server,
        room: &str,
        what: &str,
        name: &str,
        now: Instant,
    ) -> Outcome {
        let event = json!({"room": room, "users": self.rooms.users(room), what: name});
        let event = Payload::event("users").arg(&event).build()?;
        let target = Target::namespace("/");
        server.broadcast(&target.rooms(&[&channel(room)]), &event, now)?;
        Ok(())
    }

    fn room_list(&self) -> Result<Payload, Box<dyn Error>> {
        Ok(Payload::event("rooms").arg(&self.rooms.list()).build()?)
    }
}

/// The name and key that a client logs in with, if they are by the rules.
fn credentials(auth: &Payload) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Credentials {
        name: String,
        key: String,
    }

    let Credentials { name, key } = auth.data().ok()?;
    let name = name.trim();
    let valid = fits(name, 1, 24) && !name.contains(char::is_control) && fits(&key, 16, 64);
    valid.then(|| (name.to_owned(), key))
}

/// Tells a room of a message; the acknowledgement for its sender.
fn tell_message(server: &mut Server, room: &str, message: &Message, now: Instant) -> Reply {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        message: &'a Message,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    }

    let mut event = Payload::event("message");
    let data = message.data.clone().map(|data| json!(event.attach(data)));
    let event = event.arg(&Told { message, data }).build()?;
    let target = Target::namespace("/");
    server.broadcast(&target.rooms(&[&channel(room)]), &event, now)?;
    let args = json!({"ok": true, "id": message.id});
    Ok(Payload::ack().arg(&args).build()?)
}

fn respond(server: &mut Server, ack: Option<AckToken>, reply: Reply) -> Outcome {
    let reply = match reply {
        Ok(reply) => reply,
        Err(Refused::Because(error)) => Payload::ack()
            .arg(&json!({"ok": false, "error": error}))
            .build()?,
        Err(Refused::Failed(error)) => return Err(error),
    };
    if let Some(ack) = ack {
        server.respond(ack, &reply)?;
    }
    Ok(())
}

/// Reads the arguments of an event that must have that many.
fn exactly<'a, T: Deserialize<'a>>(payload: &'a Payload, count: usize) -> Result<T, Refused> {
    if payload.raw_args().count() == count {
        payload.args().map_err(|_| MALFORMED)
    } else {
        Err(MALFORMED)
    }
}

const MALFORMED: Refused = Refused::Because("malformed");
const NOT_FOUND: Refused = Refused::Because("not found");

/// The user has been replaced, and what it still sends is for nobody.
const GONE: Refused = Refused::Because("logged out");

impl<E: Into<Box<dyn Error>>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The Socket.IO room of a room of the chat, apart from those that sockets are in by their ids.
fn channel(room: &str) -> String {
    format!("room:{room}")
}

fn fits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count())
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
