//! One shard: the task that owns a machine and its application.
//!
//! Everything reaches it through bounded channels. After each input it takes what the machine has to say until there is
//! nothing left, so that no event waits for the application and `wants_read` need not be asked. It never waits for a
//! request or a connection. Answers go into channels made for one value, and a connection gets its next batch of frames
//! only when it has asked for one.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use engineio_driver::Clock;
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::Pipes;
use engineio_proto::driver::server::{App, Context, Handshake, Handshakes, Machine, Schedule};
use engineio_proto::http::{Headers, RequestHead, Response};
use engineio_proto::server::Output;
use engineio_proto::{ConnectionId, Frame, HeadId, Instant, RequestId};
use http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{self, Sleep, sleep, sleep_until};

use super::connection::{self, BATCH_BYTES, BATCH_FRAMES, Batch};
use super::{Options, asked, peer};

/// What requests and connections tell their shard.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "webtransport"),
    expect(dead_code, reason = "some are of WebTransport alone")
)]
pub(super) enum Input {
    /// A plain request. Without a body it is a POST whose body is still arriving: `Body`, `TooLarge` or `Aborted`
    /// follows, unless it is answered before.
    Request {
        id: RequestId,
        head: Box<Parts>,
        body: Option<Bytes>,
        respond: oneshot::Sender<Response>,
    },
    Body(RequestId, Bytes),
    TooLarge(RequestId),
    Aborted(RequestId),
    Upgrade {
        id: ConnectionId,
        head: Box<Parts>,
        upgrade: OnUpgrade,
        respond: oneshot::Sender<Result<Headers, Response>>,
    },
    /// A WebTransport stream with its first frame. What is to be written comes through the channel that it is answered
    /// with, unless it is refused.
    Stream {
        id: ConnectionId,
        head: Box<Parts>,
        first: Frame,
        opened: oneshot::Sender<mpsc::Receiver<Batch>>,
    },
    /// A request for a WebTransport session that was refused for its origin. The machine counts it.
    ForeignStream {
        id: ConnectionId,
        head: Box<Parts>,
    },
    Frame(ConnectionId, Frame),
    /// A WebTransport stream brought what is no frame.
    BadFrame(ConnectionId, DecodeError),
    /// The last batch has been written.
    Writable(ConnectionId),
    Closed(ConnectionId),
    Failed(ConnectionId),
}

/// The ends of the channels that lead to a shard.
pub(super) struct Wires<C> {
    pub(super) inputs: mpsc::Receiver<Input>,
    /// For the connections that the shard starts.
    pub(super) sender: mpsc::WeakSender<Input>,
    pub(super) commands: mpsc::Receiver<C>,
    /// Turns true when the server is to stop.
    pub(super) stop: watch::Receiver<bool>,
}

pub(super) struct Shard<M: Machine, A: App<M>> {
    machine: M,
    app: A,
    clock: Clock,
    sender: mpsc::WeakSender<Input>,
    secure: bool,
    requests: HashMap<RequestId, Pending>,
    upgrades: HashMap<ConnectionId, Upgrading>,
    streams: HashMap<ConnectionId, oneshot::Sender<mpsc::Receiver<Batch>>>,
    connections: Pipes<mpsc::Sender<Batch>>,
    /// Connections that may have frames and are ready for them.
    writable: Vec<ConnectionId>,
    /// The request that is being handled.
    current: Option<Head>,
    handshakes: Handshakes,
    schedule: Schedule<A::Command>,
    /// Work of the application that runs on other threads.
    work: JoinSet<A::Command>,
    /// The connections' tasks. They end with the shard.
    tasks: JoinSet<()>,
}

struct Pending {
    respond: oneshot::Sender<Response>,
    /// Kept while the body is arriving.
    head: Option<Box<Parts>>,
}

struct Upgrading {
    upgrade: OnUpgrade,
    respond: oneshot::Sender<Result<Headers, Response>>,
}

/// The head of a request that is being handled. It is copied if the application may ask for it.
struct Head {
    by: HeadId,
    parts: Box<Parts>,
    secure: bool,
}

impl Head {
    fn handshake(&self) -> Handshake {
        let issued = SystemTime::now().duration_since(UNIX_EPOCH);
        Handshake::from(&*self.parts)
            .with_address(peer(&self.parts.extensions))
            .with_secure(self.secure)
            .with_issued(issued.unwrap_or_default())
    }
}

/// How many inputs are taken before timers and commands get their turn.
const INPUTS_AT_ONCE: usize = 64;

impl<M, A> Shard<M, A>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M, Command: Send + 'static>,
{
    /// Runs a shard until it has been told to stop and its sessions are closed, or that takes too long.
    pub(super) async fn run(machine: M, app: A, options: Options, wires: Wires<A::Command>) {
        let mut shard = Self {
            machine,
            app,
            clock: options.clock,
            secure: options.secure,
            sender: wires.sender,
            requests: HashMap::new(),
            upgrades: HashMap::new(),
            streams: HashMap::new(),
            connections: Pipes::new(BATCH_BYTES, BATCH_FRAMES),
            writable: Vec::new(),
            current: None,
            handshakes: Handshakes::default(),
            schedule: Schedule::default(),
            work: JoinSet::new(),
            tasks: JoinSet::new(),
        };
        let (mut inputs, mut commands, mut stop) = (wires.inputs, wires.commands, wires.stop);
        let now = shard.clock.now();
        shard.call_app(now, |app, machine, context| app.started(machine, context));
        shard.drain(now);

        let mut timer = Timer::default();
        let mut deadline = None;
        while deadline.is_none() || !shard.is_over() {
            timer.set(shard.next_due(), &shard.clock);
            tokio::select! {
                Some(input) = inputs.recv() => {
                    shard.handle(input);
                    for _ in 1..INPUTS_AT_ONCE {
                        let Ok(input) = inputs.try_recv() else { break };
                        shard.handle(input);
                    }
                }
                Some(command) = commands.recv() => shard.handle_command(command),
                Some(Ok(command)) = shard.work.join_next() => shard.handle_command(command),
                () = timer.elapsed() => {
                    let now = shard.clock.now();
                    shard.fire_due(now);
                    shard.drain(now);
                }
                Some(_ended) = shard.tasks.join_next() => {}
                () = asked(&mut stop), if deadline.is_none() => {
                    deadline = Some(time::Instant::now() + options.drain_time);
                    let now = shard.clock.now();
                    shard.fire_due(now);
                    shard.drain(now);
                    shard.call_app(now, |app, machine, context| app.stopping(machine, context));
                    shard.machine.end_sessions(options.farewell, options.drain_time, now);
                    shard.drain(now);
                }
                () = sleep_until(deadline.unwrap_or_else(time::Instant::now)), if deadline.is_some() => break,
            }
        }
        // Tells every request and connection that still waits.
        drop(inputs);
        shard.requests.clear();
        shard.tasks.shutdown().await;
    }

    /// Whether nothing is left to wait for when stopping.
    fn is_over(&self) -> bool {
        self.machine.session_count() == 0 && self.requests.is_empty() && self.tasks.is_empty()
    }

    fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        self.fire_due(now);
        self.take(input, now);
        self.drain(now);
    }

    fn handle_command(&mut self, command: A::Command) {
        let now = self.clock.now();
        self.fire_due(now);
        // The application hears of what is over before it does what the command asks for.
        self.drain(now);
        self.call_app(now, |app, machine, context| {
            app.handle_command(machine, command, context);
        });
        self.drain(now);
    }

    /// When the machine, or the application, wants to be called next.
    fn next_due(&self) -> Option<Instant> {
        let due = [self.machine.poll_timeout(), self.schedule.poll_timeout()];
        due.into_iter().flatten().min()
    }

    /// Serves the deadlines that are over before what came after them, as Node.js does.
    fn fire_due(&mut self, now: Instant) {
        while self.machine.poll_timeout().is_some_and(|due| due <= now) {
            self.machine.handle_timeout(now);
        }
        for command in self.schedule.take_due(now) {
            self.drain(now);
            self.call_app(now, |app, machine, context| {
                app.handle_command(machine, command, context);
            });
        }
    }

    fn take(&mut self, input: Input, now: Instant) {
        match input {
            Input::Request {
                id,
                head,
                body: Some(body),
                respond,
            } => {
                self.requests.insert(
                    id,
                    Pending {
                        respond,
                        head: None,
                    },
                );
                self.request(id, head, body, now);
            }
            Input::Request {
                id,
                head,
                body: None,
                respond,
            } => {
                let parts = RequestHead::from(&*head);
                self.machine.handle_request_begun(id, &parts, now);
                let head = Some(head);
                self.requests.insert(id, Pending { respond, head });
            }
            // After an early answer both are late, and nobody's.
            Input::Body(id, body) => {
                let pending = self.requests.get_mut(&id);
                if let Some(head) = pending.and_then(|pending| pending.head.take()) {
                    self.request(id, head, body, now);
                }
            }
            Input::TooLarge(id) => {
                if self.requests.contains_key(&id) {
                    self.machine.handle_request_too_large(id, now);
                }
            }
            Input::Aborted(id) => {
                if self.requests.remove(&id).is_some() {
                    self.handshakes.answer(HeadId::Request(id));
                    self.machine.handle_request_aborted(id, now);
                }
            }
            Input::Upgrade {
                id,
                head,
                upgrade,
                respond,
            } => {
                self.upgrades.insert(id, Upgrading { upgrade, respond });
                self.machine
                    .handle_upgrade(id, &RequestHead::from(&*head), now);
                self.begin(HeadId::Connection(id), head, self.secure);
            }
            Input::Stream {
                id,
                head,
                first,
                opened,
            } => {
                self.streams.insert(id, opened);
                self.machine
                    .handle_webtransport(id, &RequestHead::from(&*head), now);
                self.machine.handle_frame(id, first, now);
                // QUIC is never without TLS.
                self.begin(HeadId::Connection(id), head, true);
            }
            Input::ForeignStream { id, head } => {
                self.machine
                    .handle_webtransport(id, &RequestHead::from(&*head), now);
                self.begin(HeadId::Connection(id), head, true);
            }
            Input::Frame(id, frame) => self.machine.handle_frame(id, frame, now),
            Input::BadFrame(id, error) => {
                self.connections.remove(id);
                self.machine.handle_bad_frame(id, error, now);
            }
            Input::Writable(id) => {
                self.connections.written(id);
                self.writable.push(id);
            }
            Input::Closed(id) => {
                self.handshakes.answer(HeadId::Connection(id));
                self.connections.remove(id);
                self.machine.handle_connection_closed(id, now);
            }
            Input::Failed(id) => {
                self.handshakes.answer(HeadId::Connection(id));
                self.connections.remove(id);
                self.machine.handle_connection_failed(id, now);
            }
        }
    }

    fn begin(&mut self, by: HeadId, parts: Box<Parts>, secure: bool) {
        self.current = Some(Head { by, parts, secure });
    }

    fn request(&mut self, id: RequestId, head: Box<Parts>, body: Bytes, now: Instant) {
        self.machine
            .handle_request(id, &RequestHead::from(&*head), body, now);
        self.begin(HeadId::Request(id), head, self.secure);
    }

    /// Does what the machine wants done, until it wants nothing more.
    ///
    /// Frames are pulled last, so that all that one input led to leaves in one batch; pulling them may give the machine
    /// more to say.
    fn drain(&mut self, now: Instant) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.handle_output(output, now);
            }
            if self.writable.is_empty() {
                break;
            }
            for id in std::mem::take(&mut self.writable) {
                self.pump(id);
            }
        }
        self.current = None;
        self.handshakes.end_step();
        while let Some(work) = self.schedule.take_work() {
            self.work.spawn_blocking(work);
        }
    }

    fn handle_output(&mut self, output: Output<M::Event>, now: Instant) {
        match output {
            Output::Respond { request, response } => {
                self.handshakes.answer(HeadId::Request(request));
                if let Some(pending) = self.requests.remove(&request) {
                    // Fails if the client has just gone; its session finds out by its heartbeat.
                    let _gone = pending.respond.send(response);
                }
            }
            Output::Accept {
                connection,
                headers,
            } => {
                self.handshakes.answer(HeadId::Connection(connection));
                self.accept(connection, headers, now);
            }
            Output::Refuse {
                connection,
                response,
            } => {
                self.handshakes.answer(HeadId::Connection(connection));
                // Dropped, the channel tells the task.
                self.streams.remove(&connection);
                if let Some(upgrading) = self.upgrades.remove(&connection) {
                    let _gone = upgrading.respond.send(Err(response));
                }
            }
            Output::Frames { connection } => {
                self.connections.frames_wait(connection);
                self.writable.push(connection);
            }
            // The task closes the connection when its sender is gone.
            Output::Close { connection } => {
                self.handshakes.answer(HeadId::Connection(connection));
                self.connections.remove(connection);
            }
            Output::Event(event) => self.handle_event(event, now),
        }
    }

    fn handle_event(&mut self, event: M::Event, now: Instant) {
        let lifecycle = M::lifecycle(&event);
        let current = self.current.as_ref();
        self.handshakes.note(lifecycle, |by| {
            current.filter(|head| head.by == by).map(Head::handshake)
        });
        self.call_app(now, |app, machine, context| {
            app.handle_event(machine, event, context);
        });
        self.handshakes.note_handled(lifecycle);
    }

    fn call_app(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut A, &mut M, &mut Context<'_, A::Command>),
    ) {
        let mut context = Context::new(now, &self.handshakes, &mut self.schedule);
        call(&mut self.app, &mut self.machine, &mut context);
    }

    fn accept(&mut self, id: ConnectionId, headers: Headers, now: Instant) {
        if let Some(opened) = self.streams.remove(&id) {
            let waiting = self.add_connection(id);
            if opened.send(waiting).is_err() {
                self.connections.remove(id);
                self.machine.handle_connection_closed(id, now);
            }
            return;
        }
        let Some(Upgrading { upgrade, respond }) = self.upgrades.remove(&id) else {
            return;
        };
        let sender = self.sender.upgrade();
        let (Ok(()), Some(sender)) = (respond.send(Ok(headers)), sender) else {
            self.machine.handle_connection_closed(id, now);
            return;
        };
        let waiting = self.add_connection(id);
        let max_payload = self.machine.engine_config().max_payload;
        self.tasks.spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let socket = TokioIo::new(upgraded);
                    connection::run(id, socket, max_payload, sender, waiting).await;
                }
                Err(_) => {
                    // A shard that is gone need not know.
                    let _gone = sender.send(Input::Closed(id)).await;
                }
            }
        });
    }

    /// Gives the end of the channel that the connection's batches come from.
    fn add_connection(&mut self, id: ConnectionId) -> mpsc::Receiver<Batch> {
        let (batches, waiting) = mpsc::channel(1);
        self.connections.insert(id, batches);
        waiting
    }

    /// Hands a connection that is idle its next batch.
    fn pump(&mut self, id: ConnectionId) {
        let machine = &mut self.machine;
        let batch = self.connections.next_batch(id, || machine.poll_frame(id));
        if let Some((batch, batches)) = batch {
            // The channel is empty when its task is idle; a task that has ended has told, or is about to.
            let _ended = batches.try_send(batch);
        }
    }
}

/// A timer that is set again only when its deadline has changed.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
}

impl Timer {
    fn set(&mut self, deadline: Option<Instant>, clock: &Clock) {
        if self.deadline == deadline {
            return;
        }
        self.deadline = deadline;
        let Some(deadline) = deadline else {
            return;
        };
        let wait = clock.until(deadline);
        match (&mut self.sleep, time::Instant::now().checked_add(wait)) {
            (Some(timer), Some(at)) => timer.as_mut().reset(at),
            // What no clock can show never comes.
            (timer, _) => *timer = Some(Box::pin(sleep(wait))),
        }
    }

    /// Ready at the deadline, and never without one. The deadline has to be set again then.
    async fn elapsed(&mut self) {
        match &mut self.sleep {
            Some(sleep) if self.deadline.is_some() => {
                sleep.as_mut().await;
                self.deadline = None;
            }
            _ => std::future::pending().await,
        }
    }
}
