//! The Socket.IO server under test: behaviours that a client asks for by events.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::error::Error;
use std::time::Duration;

use engineio_proto::ByteString;
use engineio_proto::driver::server::{App, Context};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use socketio_proto::Payload;
use socketio_proto::engine::Instant;
use socketio_proto::server::{
    AckError, AckId, AckToken, ConnectToken, Event, InvalidNamespace, Server, SocketKey, Target,
};

/// The state of the server under test.
pub(crate) struct Behaviours {
    /// The sockets of `/`.
    sockets: HashMap<SocketKey, Client>,
    /// The clients that wait for answers of others.
    asked: HashMap<(SocketKey, AckId), AckToken>,
    /// The end reasons of the last sockets of `/`, oldest first.
    reasons: VecDeque<(String, String)>,
}

struct Client {
    id: String,
    auth: Option<Payload>,
}

/// The next of a row of ticks.
pub(crate) struct Tick {
    socket: SocketKey,
    number: u32,
    count: u32,
    pause: Duration,
}

type Outcome = Result<(), Box<dyn Error>>;

const REASONS_KEPT: usize = 1000;
const MAX_REPEATS: u32 = 1000;

impl Behaviours {
    pub(crate) fn new(server: &mut Server) -> Result<Self, InvalidNamespace> {
        server.add_namespace("/custom")?;
        server.add_namespace("/refuse")?;
        Ok(Self {
            sockets: HashMap::new(),
            asked: HashMap::new(),
            reasons: VecDeque::new(),
        })
    }

    fn connect(
        &mut self,
        server: &mut Server,
        token: ConnectToken,
        namespace: &ByteString,
        auth: Option<Payload>,
        now: Instant,
    ) -> Outcome {
        #[derive(Deserialize)]
        struct Credentials {
            token: String,
        }

        let allowed = || {
            let credentials = auth.as_ref()?.data::<Credentials>().ok()?;
            Some(credentials.token == "let me in")
        };
        if &**namespace == "/refuse" && allowed() != Some(true) {
            let data = Payload::object(&json!({"code": 401}))?;
            server.reject(token, "not authorized", Some(&data), now)?;
            return Ok(());
        }
        let socket = server.accept(token, now)?;
        self.greet(server, socket, namespace, auth, now)
    }

    /// Does what the official server does in its `connection` event: for clients that come back too.
    fn greet(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        namespace: &ByteString,
        auth: Option<Payload>,
        now: Instant,
    ) -> Outcome {
        let event = Payload::event("auth").arg(&raw(auth.as_ref())?).build()?;
        server.emit(socket, &event, now)?;
        if &**namespace == "/"
            && let Some(id) = server.socket_id(socket)
        {
            let id = id.to_string();
            self.sockets.insert(socket, Client { id, auth });
        }
        Ok(())
    }

    /// Does what an event asks for. One whose arguments do not fit is an error, and nothing is done.
    fn handle(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        payload: &Payload,
        ack: Option<AckToken>,
        context: &mut Context<'_, Tick>,
    ) -> Outcome {
        match payload.name().unwrap_or_default() {
            "message" => {
                let event = Payload::event("message-back").args_of(payload).build()?;
                server.emit(socket, &event, context.now)?;
            }
            "message-with-ack" => {
                let args = Payload::ack().args_of(payload).build()?;
                respond(server, ack, &args)?;
            }
            name if self.sockets.contains_key(&socket) => {
                self.handle_main(server, socket, name, payload, ack, context)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn handle_main(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        name: &str,
        payload: &Payload,
        ack: Option<AckToken>,
        context: &mut Context<'_, Tick>,
    ) -> Outcome {
        let done = Payload::ack().build()?;
        match name {
            "join" | "leave" => {
                let rooms: Vec<String> = payload.args()?;
                if rooms.is_empty() {
                    return Ok(());
                }
                for room in &rooms {
                    if name == "join" {
                        server.join(socket, room)?;
                    } else {
                        server.leave_room(socket, room);
                    }
                }
                respond(server, ack, &done)?;
            }
            "rooms" if is_empty(payload) => {
                let mut rooms: Vec<_> = server.rooms(socket).collect();
                rooms.sort_unstable_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
                let args = Payload::ack().arg(&rooms).build()?;
                respond(server, ack, &args)?;
            }
            "to" => {
                let (rooms, event): (Vec<String>, String) = payload.args()?;
                if rooms.is_empty() {
                    return Ok(());
                }
                let rooms: Vec<_> = rooms.iter().map(String::as_str).collect();
                let target = Target::namespace("/").rooms(&rooms).except(socket);
                server.broadcast(
                    &target,
                    &Payload::event(&event).args_from(payload, 2).build()?,
                    context.now,
                )?;
                respond(server, ack, &done)?;
            }
            "io-to" => {
                let (rooms, except, event): (Vec<String>, Vec<String>, String) = payload.args()?;
                let rooms: Vec<_> = rooms.iter().map(String::as_str).collect();
                let except: Vec<_> = except.iter().map(String::as_str).collect();
                let target = Target::namespace("/").rooms(&rooms).except_rooms(&except);
                server.broadcast(
                    &target,
                    &Payload::event(&event).args_from(payload, 3).build()?,
                    context.now,
                )?;
                respond(server, ack, &done)?;
            }
            "broadcast" => {
                let (event,): (String,) = payload.args()?;
                let target = Target::namespace("/").except(socket);
                server.broadcast(
                    &target,
                    &Payload::event(&event).args_from(payload, 1).build()?,
                    context.now,
                )?;
                respond(server, ack, &done)?;
            }
            "volatile" => {
                let (count, event): (u32, String) = payload.args()?;
                if count > MAX_REPEATS {
                    return Ok(());
                }
                for number in 0..count {
                    server.emit_volatile(socket, &Payload::event(&event).arg(&number).build()?)?;
                }
                respond(server, ack, &done)?;
            }
            "ticks" => {
                let (count, pause): (u32, u32) = payload.args()?;
                if count.max(pause) <= MAX_REPEATS {
                    let tick = Tick {
                        socket,
                        number: 0,
                        count,
                        pause: Duration::from_millis(pause.into()),
                    };
                    self.tick(server, tick, context)?;
                }
            }
            "ask-me" => {
                let (millis,): (u64,) = payload.args()?;
                let question = Payload::event("question").args_from(payload, 1).build()?;
                let timeout = Duration::from_millis(millis);
                let id = server.emit_with_ack(socket, &question, timeout, context.now)?;
                if let Some(ack) = ack {
                    self.asked.insert((socket, id), ack);
                }
            }
            "count" if is_empty(payload) => {
                let args = Payload::ack().arg(&server.socket_count("/")).build()?;
                respond(server, ack, &args)?;
            }
            "disconnect-me" => {
                let (close,): (bool,) = payload.args()?;
                match server.socket_session(socket) {
                    Some(session) if close => server.disconnect_session(session, context.now),
                    _ => server.disconnect(socket, context.now),
                }
            }
            "close-my-connection" if is_empty(payload) => {
                if let Some(session) = server.socket_session(socket) {
                    server.close_session(session, context.now);
                }
            }
            "reason-of" => {
                let (id,): (String,) = payload.args()?;
                let known = self.reasons.iter().find(|(socket, _)| *socket == id);
                let reason = known.map(|(_, reason)| reason);
                respond(server, ack, &Payload::ack().arg(&reason).build()?)?;
            }
            "handshake" if is_empty(payload) => {
                let args = self.handshake(server, socket, context)?;
                respond(server, ack, &args)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn handshake(
        &self,
        server: &Server,
        socket: SocketKey,
        context: &Context<'_, Tick>,
    ) -> Result<Payload, Box<dyn Error>> {
        let session = server.socket_session(socket).ok_or("no session")?;
        let handshake = context.handshake(session).ok_or("no handshake")?;
        let auth = self
            .sockets
            .get(&socket)
            .and_then(|client| client.auth.as_ref());
        let query: BTreeMap<_, _> = handshake.query().collect();
        let headers: BTreeMap<_, _> = handshake
            .headers
            .iter()
            .map(|(name, value)| (&**name, String::from_utf8_lossy(value)))
            .collect();
        let args = json!({
            "auth": raw(auth)?,
            "query": query,
            "headers": headers,
            "address": handshake.address.map(|address| address.ip().to_string()),
            "secure": handshake.secure,
            "xdomain": handshake.xdomain(),
            "url": &*handshake.target,
        });
        Ok(Payload::ack().arg(&args).build()?)
    }

    /// Sends a tick, and comes back for the next.
    fn tick(&self, server: &mut Server, tick: Tick, context: &mut Context<'_, Tick>) -> Outcome {
        if tick.number < tick.count {
            let event = Payload::event("tick").arg(&tick.number).build()?;
            server.emit(tick.socket, &event, context.now)?;
            let number = tick.number + 1;
            context.send_after(tick.pause, Tick { number, ..tick });
        }
        Ok(())
    }

    /// Passes the answer to a question on to who wanted it asked.
    fn answer(
        &mut self,
        server: &mut Server,
        socket: SocketKey,
        id: AckId,
        answer: Result<&Payload, AckError>,
    ) -> Outcome {
        let Some(ack) = self.asked.remove(&(socket, id)) else {
            return Ok(());
        };
        let args = match answer {
            Ok(reply) => Payload::ack().arg(&()).args_of(reply).build()?,
            Err(AckError::TimedOut) => Payload::ack()
                .arg(&AckError::TimedOut.to_string())
                .build()?,
            Err(AckError::Disconnected | _) => return Ok(()),
        };
        server.respond(ack, &args)?;
        Ok(())
    }
}

impl App<Server> for Behaviours {
    type Command = Tick;

    fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, Tick>) {
        let outcome = match event {
            Event::Connecting {
                token,
                namespace,
                auth,
                ..
            } => self.connect(server, token, &namespace, auth, context.now),
            Event::Recovered {
                socket,
                namespace,
                auth,
                ..
            } => self.greet(server, socket, &namespace, auth, context.now),
            Event::Event {
                socket,
                payload,
                ack,
            } => self.handle(server, socket, &payload, ack, context),
            Event::Ack {
                socket,
                id,
                payload,
            } => self.answer(server, socket, id, Ok(&payload)),
            Event::AckFailed { socket, id, error } => self.answer(server, socket, id, Err(error)),
            Event::Disconnected { socket, reason, .. } => {
                if let Some(client) = self.sockets.remove(&socket) {
                    self.reasons.push_back((client.id, reason.to_string()));
                    if self.reasons.len() > REASONS_KEPT {
                        self.reasons.pop_front();
                    }
                }
                Ok(())
            }
            Event::Opened { .. }
            | Event::Upgraded { .. }
            | Event::Drained { .. }
            | Event::Closed { .. }
            | _ => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "nothing done");
        }
    }

    fn handle_command(&mut self, server: &mut Server, tick: Tick, context: &mut Context<'_, Tick>) {
        if let Err(error) = self.tick(server, tick, context) {
            tracing::debug!(%error, "no tick");
        }
    }
}

fn respond(server: &mut Server, ack: Option<AckToken>, args: &Payload) -> Outcome {
    if let Some(ack) = ack {
        server.respond(ack, args)?;
    }
    Ok(())
}

fn is_empty(payload: &Payload) -> bool {
    payload.raw_args().next().is_none()
}

/// The auth payload as it came, `{}` if there was none.
fn raw(auth: Option<&Payload>) -> serde_json::Result<&RawValue> {
    serde_json::from_str(auth.map_or("{}", Payload::json))
}
