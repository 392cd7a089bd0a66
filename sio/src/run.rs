//! A run of `sio` with a client: it emits, prints, waits, and ends with an outcome.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use engineio_proto::Instant;
use socketio::client::App;
use socketio_proto::Payload;
use socketio_proto::client::{
    AckError, AckId, AckToken, ConnectError, DisconnectReason, EmitError, Event, Refusal,
    SocketKey, SocketOptions,
};
use tokio::sync::{Semaphore, oneshot};

use crate::arguments::Options;
use crate::command::{self, Command};
use crate::json;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::output::{Line, Record, Style, word};
use crate::reason::{describe_end, explain, is_unanswered, words};
use crate::screen::Screen;
use crate::wire::{News, Wire};

/// One run, from connecting to the outcome.
pub(crate) struct Run {
    options: Options,
    style: Style,
    screen: Screen,
    /// Whether a person types the commands: then nothing but a command ends the run.
    by_hand: bool,
    socket: Option<SocketKey>,
    /// Taken when commands may begin.
    reader: Option<oneshot::Sender<()>>,
    /// One for each command that may be read.
    permits: Arc<Semaphore>,
    was_connected: bool,
    reads_commands: bool,
    /// No further command will come.
    commands_over: bool,
    /// What there was no room for.
    unsent: VecDeque<Emission>,
    /// The names of the events whose acknowledgement is awaited.
    awaited: BTreeMap<AckId, String>,
    /// The events that the server wants acknowledged, by the number that is shown for them.
    questions: BTreeMap<u64, AckToken>,
    next_question: u64,
    /// The events that were printed.
    printed: u64,
    /// Whether the last attempt to connect had no answer at all.
    unanswered: bool,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
struct Emission {
    name: String,
    payload: Payload,
    ack: bool,
    /// It took the permit of a command, which is given back once it is sent.
    by_command: bool,
}

impl Run {
    pub(crate) fn new(
        options: Options,
        style: Style,
        screen: Screen,
        by_hand: bool,
        reader: oneshot::Sender<()>,
        permits: Arc<Semaphore>,
    ) -> Self {
        Self {
            reads_commands: options.reads_commands(),
            commands_over: !options.reads_commands(),
            options,
            style,
            screen,
            by_hand,
            socket: None,
            reader: Some(reader),
            permits,
            was_connected: false,
            unsent: VecDeque::new(),
            awaited: BTreeMap::new(),
            questions: BTreeMap::new(),
            next_question: 1,
            printed: 0,
            unanswered: false,
            outcome: None,
        }
    }

    /// How it ended, and whether it ever began.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Disconnected)
    }

    /// Whether it ended because nobody answered, so that the network has to be asked why.
    pub(crate) fn was_unanswered(&self) -> bool {
        self.unanswered && self.outcome == Some(Outcome::CannotConnect)
    }

    fn connected(&mut self, wire: &mut Wire, socket: SocketKey, recovered: bool, now: Instant) {
        let (namespace, id) = (
            &self.options.namespace,
            wire.client.socket_id(socket).unwrap_or_default(),
        );
        if self.style.json {
            let record = Record::new("connect")
                .text("namespace", namespace)
                .text("id", id);
            self.screen
                .print(record.raw("recovered", &recovered.to_string()).finish());
        } else if self.is_chatty() {
            let how = if recovered {
                "connected again, nothing was missed:"
            } else {
                "connected:"
            };
            self.note(&format!("{how} namespace {namespace}, id {id}"));
        }
        if self.was_connected {
            return self.send_unsent(wire, now);
        }
        self.was_connected = true;
        if let Some(reader) = self.reader.take().filter(|_| !self.commands_over) {
            // A reader that is gone has nothing to say.
            let _gone = reader.send(());
        }
        for message in std::mem::take(&mut self.options.emits) {
            self.emit(wire, &message, self.options.ack, false, now);
        }
        self.end_if_done(wire, now);
    }

    fn emit(
        &mut self,
        wire: &mut Wire,
        message: &Message,
        ack: bool,
        by_command: bool,
        now: Instant,
    ) {
        match message.event(&self.options.files) {
            Ok(payload) => {
                self.unsent.push_back(Emission {
                    name: message.name().to_owned(),
                    payload,
                    ack,
                    by_command,
                });
                self.send_unsent(wire, now);
            }
            Err(error) => {
                self.error(&error.to_string());
                self.command_done(by_command);
                self.mistaken();
            }
        }
    }

    fn send_unsent(&mut self, wire: &mut Wire, now: Instant) {
        let Some(socket) = self.socket else { return };
        while let Some(emission) = self.unsent.pop_front() {
            let sent = if emission.ack {
                let timeout = Some(self.options.timeout);
                wire.client
                    .emit_with_ack(socket, &emission.payload, timeout, now)
                    .map(|id| drop(self.awaited.insert(id, emission.name.clone())))
            } else {
                wire.client.emit(socket, &emission.payload, now)
            };
            match sent {
                // `Drained` follows.
                Err(EmitError::Full { .. } | EmitError::TooManyAcks { .. }) => {
                    return self.unsent.push_front(emission);
                }
                Err(error) => {
                    self.error(&format!("cannot emit {}: {error}", word(&emission.name)));
                    self.mistaken();
                }
                Ok(()) => {}
            }
            self.command_done(emission.by_command);
        }
    }

    fn arrived(&mut self, wire: &mut Wire, payload: &Payload, ack: Option<AckToken>, now: Instant) {
        let name = payload.name().unwrap_or_default();
        let names = &self.options.on;
        if names.is_empty() && !self.options.listen && !self.reads_commands {
            return self.reply(wire, ack, now);
        }
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            return;
        }
        if self
            .options
            .count
            .is_some_and(|count| self.printed >= count)
        {
            return;
        }
        self.printed = self.printed.saturating_add(1);
        let by_command = !self.commands_over && self.options.replies.is_empty();
        let number = (ack.is_some() && by_command).then_some(self.next_question);
        self.screen.print(if self.style.json {
            let record = Record::new("event").text("namespace", &self.options.namespace);
            let record = record.text("event", name).args(payload);
            let record = record.raw("wants_ack", &ack.is_some().to_string());
            match number {
                Some(number) => record.raw("number", &number.to_string()).finish(),
                None => record.finish(),
            }
        } else {
            let mut line = self.style.event(name, payload);
            if let Some(number) = number {
                line.push_str(&format!("  (to acknowledge it: /reply {number} [ARG]...)"));
            }
            Line::Arrived(line)
        });
        match ack {
            Some(token) if number.is_some() => self.remember(token),
            ack => self.reply(wire, ack, now),
        }
        self.end_if_done(wire, now);
    }

    /// Acknowledges an event as the command line says.
    fn reply(&self, wire: &mut Wire, ack: Option<AckToken>, now: Instant) {
        if let Some(token) = ack.filter(|_| !self.options.replies.is_empty()) {
            self.respond(wire, token, &self.options.replies, now);
        }
    }

    fn remember(&mut self, token: AckToken) {
        self.questions.insert(self.next_question, token);
        self.next_question = self.next_question.saturating_add(1);
        if self.questions.len() > MAX_QUESTIONS {
            self.questions.pop_first();
        }
    }

    fn respond(&self, wire: &mut Wire, token: AckToken, parts: &[Message], now: Instant) {
        let sent = match Message::reply(parts, &self.options.files) {
            Ok(payload) => wire
                .client
                .respond(token, &payload, now)
                .map_err(|error| match error {
                    EmitError::Closed => {
                        "the connection in which the event came is over".to_owned()
                    }
                    EmitError::Full { .. }
                    | EmitError::TooManyAcks { .. }
                    | EmitError::Encode(_)
                    | _ => error.to_string(),
                }),
            Err(error) => Err(error.to_string()),
        };
        if let Err(problem) = sent {
            self.error(&format!("cannot acknowledge: {problem}"));
        }
    }

    fn acknowledged(&mut self, wire: &mut Wire, id: AckId, payload: &Payload, now: Instant) {
        let name = self.awaited.remove(&id).unwrap_or_default();
        self.screen.print(if self.style.json {
            let record = Record::new("ack").text("namespace", &self.options.namespace);
            record.text("event", &name).args(payload).finish()
        } else {
            Line::Arrived(self.style.ack(&name, payload))
        });
        self.send_unsent(wire, now);
        self.end_if_done(wire, now);
    }

    fn not_acknowledged(&mut self, wire: &mut Wire, id: AckId, error: AckError, now: Instant) {
        let name = self.awaited.remove(&id).unwrap_or_default();
        if self.style.json {
            let record = Record::new("ack_error").text("namespace", &self.options.namespace);
            self.screen.print(
                record
                    .text("event", &name)
                    .text("message", &error.to_string())
                    .finish(),
            );
        }
        let (text, outcome) = match error {
            AckError::TimedOut => {
                let seconds = self.options.timeout.as_secs_f64();
                let hint =
                    "the server may not acknowledge this event; --timeout gives it more time";
                (
                    format!(
                        "no acknowledgement of {} within {seconds} s; {hint}",
                        word(&name)
                    ),
                    Outcome::TimedOut,
                )
            }
            AckError::Disconnected | AckError::Dropped | _ => (
                format!("no acknowledgement of {}: {error}", word(&name)),
                Outcome::Disconnected,
            ),
        };
        self.error(&text);
        if !self.by_hand {
            self.outcome.get_or_insert(outcome);
        }
        self.send_unsent(wire, now);
        self.end_if_done(wire, now);
    }

    fn connect_failed(&mut self, wire: &mut Wire, error: &ConnectError, now: Instant) {
        let refused =
            if let ConnectError::Refused(refusal) | ConnectError::MainRefused(refusal) = error {
                Some(refusal)
            } else {
                None
            };
        if self.style.json {
            let record = Record::new("connect_error").text("namespace", &self.options.namespace);
            let record = record.text("message", &error.to_string());
            let data = refused.and_then(Refusal::data_json);
            self.screen.print(match data {
                Some(data) => record.raw("data", &json::compact(data)).finish(),
                None => record.finish(),
            });
        }
        self.error(&explain(error, &self.options));
        if matches!(error, ConnectError::MainRefused(_)) {
            // The namespace itself may be open.
            return;
        }
        self.unanswered = is_unanswered(error);
        let active = self
            .socket
            .is_some_and(|socket| wire.client.is_active(socket));
        let too_old = matches!(error, ConnectError::NoSocketId);
        if active && wire.client.config().reconnection && !too_old {
            return;
        }
        if self.by_hand && self.was_connected {
            return self.note("/connect tries again, /quit ends");
        }
        let outcome = if refused.is_some() {
            Outcome::Refused
        } else if self.was_connected {
            Outcome::Disconnected
        } else {
            Outcome::CannotConnect
        };
        self.end(wire, outcome, now);
    }

    /// Servers of revision 4 tell that they refused an event, but not which.
    fn event_refused(&self, refusal: &Refusal) {
        if self.style.json {
            let record = Record::new("error").text("namespace", &self.options.namespace);
            let record = record.text("message", refusal.message());
            self.screen.print(match refusal.data_json() {
                Some(data) => record.raw("data", &json::compact(data)).finish(),
                None => record.finish(),
            });
        }
        self.error(&format!("the server refused an event: {}", words(refusal)));
    }

    fn disconnected(&mut self, wire: &mut Wire, reason: &DisconnectReason, now: Instant) {
        if self.outcome.is_some() && self.is_own(reason) {
            return;
        }
        if self.style.json {
            let record = Record::new("disconnect").text("namespace", &self.options.namespace);
            self.screen
                .print(record.text("reason", &reason.to_string()).finish());
        }
        let text = describe_end(reason);
        if self.is_own(reason) {
            return self.note(&text);
        }
        let again = wire.client.config().reconnection
            && !matches!(reason, DisconnectReason::IoServerDisconnect);
        if self.by_hand || again {
            self.note(&text);
            if !again {
                self.note("/connect connects again, /quit ends");
            }
        } else {
            self.error(&format!(
                "{text}; --reconnect connects again where that makes sense"
            ));
            self.end(wire, Outcome::Disconnected, now);
        }
    }

    fn is_own(&self, reason: &DisconnectReason) -> bool {
        matches!(
            reason,
            DisconnectReason::IoClientDisconnect | DisconnectReason::ForcedClose
        )
    }

    fn line(&mut self, wire: &mut Wire, line: &str, now: Instant) -> ControlFlow<()> {
        let Some(socket) = self.socket else {
            return ControlFlow::Break(());
        };
        match command::parse(line) {
            Ok(Command::Nothing) => {}
            Ok(Command::Help) => self
                .screen
                .print(Line::Note(command::HELP.trim_end().to_owned())),
            Ok(Command::Emit { message, ack }) => {
                if !wire.client.is_connected(socket) {
                    self.note("not connected; it is sent once that is so");
                }
                self.emit(wire, &message, ack || self.options.ack, true, now);
                return ControlFlow::Continue(());
            }
            Ok(Command::Reply { number, message }) => match self.questions.remove(&number) {
                Some(token) => self.respond(wire, token, &[message], now),
                None => {
                    self.error(&format!("nothing to acknowledge has the number {number}"));
                    self.mistaken();
                }
            },
            Ok(Command::Connect) => drop(wire.client.connect_again(socket, now)),
            Ok(Command::Disconnect) => drop(wire.client.disconnect(socket, now)),
            Ok(Command::Quit) => self.end(wire, Outcome::Done, now),
            Err(error) => {
                self.error(&error.to_string());
                self.mistaken();
            }
        }
        self.command_done(true);
        self.end_if_done(wire, now);
        ControlFlow::Continue(())
    }

    /// A script that makes a mistake is told so at its end; a person sees it at once.
    fn mistaken(&mut self) {
        if !self.by_hand {
            self.outcome.get_or_insert(Outcome::Usage);
        }
    }

    fn command_done(&self, by_command: bool) {
        if by_command {
            self.permits.add_permits(1);
        }
    }

    fn end_if_done(&mut self, wire: &mut Wire, now: Instant) {
        let counted = match self.options.count {
            Some(count) => self.printed >= count,
            None => !self.options.listen,
        };
        let failed = self.outcome.is_some();
        let sent = self.unsent.is_empty() && self.awaited.is_empty() && self.commands_over;
        if self.was_connected && sent && (counted || failed) {
            self.end(wire, Outcome::Done, now);
        }
    }

    /// Ends with the first outcome there was; what was emitted is sent before.
    fn end(&mut self, wire: &mut Wire, outcome: Outcome, now: Instant) {
        self.outcome.get_or_insert(outcome);
        self.awaited.clear();
        self.unsent.clear();
        if let Some(socket) = self.socket {
            // It is there: nothing forgets it.
            let _known = wire.client.disconnect(socket, now);
        }
        wire.client.close(now);
        wire.tell_end();
    }

    /// Whether it is of interest that a connection came about.
    fn is_chatty(&self) -> bool {
        self.by_hand || self.options.listen
    }

    fn note(&self, text: &str) {
        self.screen.print(self.style.note(text));
    }

    fn error(&self, text: &str) {
        self.screen.print(self.style.error(text));
    }
}

/// What the reader of commands, the signals and the clock have to say.
#[derive(Debug)]
pub(crate) enum Input {
    Line(String),
    /// No further line comes.
    End,
    /// The person at the prompt wants no more.
    Quit,
    Interrupt,
    /// The time given by `--max-time` is over.
    TimeOver,
}

impl App<Wire> for Run {
    type Command = Input;

    fn started(&mut self, wire: &mut Wire, now: Instant) {
        let mut options = SocketOptions::default();
        if let Some(auth) = &self.options.auth {
            let object = serde_json::from_str::<&serde_json::value::RawValue>(auth).ok();
            match object.map(Payload::object) {
                Some(Ok(payload)) => options = options.with_auth(payload),
                Some(Err(_)) | None => self.error("the authentication cannot be sent"),
            }
        }
        match wire.client.connect(&self.options.namespace, options, now) {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => {
                self.error(&format!("namespace {}: {error}", self.options.namespace));
                self.end(wire, Outcome::Usage, now);
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not shown needs no attention"
    )]
    fn handle_event(&mut self, wire: &mut Wire, news: News, now: Instant) -> ControlFlow<()> {
        let event = match news {
            News::Client(event) => event,
            News::Ended => return ControlFlow::Break(()),
        };
        match event {
            Event::Connected { socket, recovered } => self.connected(wire, socket, recovered, now),
            Event::Event { payload, ack, .. } => self.arrived(wire, &payload, ack, now),
            Event::Ack { id, payload, .. } => self.acknowledged(wire, id, &payload, now),
            Event::AckFailed { id, error, .. } if self.awaited.contains_key(&id) => {
                self.not_acknowledged(wire, id, error, now);
            }
            Event::ConnectError { error, .. } => self.connect_failed(wire, &error, now),
            Event::Error { error, .. } => self.event_refused(&error),
            Event::Disconnected { reason, .. } => self.disconnected(wire, &reason, now),
            Event::Drained { .. } => {
                self.send_unsent(wire, now);
                self.end_if_done(wire, now);
            }
            Event::Reconnecting { attempt, at } if self.outcome.is_none() => {
                let delay = at.saturating_duration_since(now).as_secs_f64();
                self.note(&format!(
                    "connecting again in {delay:.1} s (attempt {attempt})"
                ));
            }
            _ => {}
        }
        if self.screen.is_gone() {
            self.outcome = Some(Outcome::OutputGone);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn handle_command(&mut self, wire: &mut Wire, input: Input, now: Instant) -> ControlFlow<()> {
        match input {
            Input::Line(line) => return self.line(wire, &line, now),
            Input::End => {
                self.commands_over = true;
                self.end_if_done(wire, now);
            }
            Input::Quit => self.end(wire, Outcome::Done, now),
            // Whoever asks twice does not want to wait for the server.
            Input::Interrupt if self.outcome.is_some() => {
                self.outcome = Some(Outcome::Interrupted);
                return ControlFlow::Break(());
            }
            Input::Interrupt => self.end(wire, Outcome::Interrupted, now),
            Input::TimeOver => {
                let outcome = if self.options.count.is_some() || !self.was_connected {
                    self.error("--max-time is over before all was done");
                    Outcome::TimedOut
                } else {
                    Outcome::Done
                };
                self.end(wire, outcome, now);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The events that are kept to be acknowledged by hand.
const MAX_QUESTIONS: usize = 1000;

#[cfg(test)]
mod tests;
