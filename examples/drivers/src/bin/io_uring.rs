//! A Socket.IO server on compio: one thread, and operations of io_uring that own their buffers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::num::NonZero;
use std::rc::Rc;
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use bytes::Buf;
use compio::buf::{BufResult, IoVectoredBuf};
use compio::driver::ProactorBuilder;
use compio::io::{AsyncReadManaged, AsyncWrite};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{RuntimeBuilder, spawn};
use compio::time;
use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::Batch;
use engineio_wire::server::{Action, PipeId, Reply};
use futures_lite::future::race;
use socketio_proto::engine::Instant;

struct Server {
    state: RefCell<State>,
    clock: Clock,
    /// Tells that the next deadline is earlier.
    due: Sender<()>,
}

struct State {
    host: Host,
    /// What wakes the readers and writers of connections, and ends them when it is dropped.
    wakers: BTreeMap<PipeId, [Sender<()>; 2]>,
}

type End = Result<(), Box<dyn Error>>;

/// A batch that an operation owns.
struct Owned(Batch);

impl IoVectoredBuf for Owned {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks()
    }
}

fn main() -> End {
    let mut proactor = ProactorBuilder::new();
    // Connections share these buffers: what is idle holds none.
    proactor.buffer_pool_size(NonZero::new(64).unwrap_or(NonZero::<u16>::MIN));
    RuntimeBuilder::new()
        .with_proactor(proactor)
        .build()?
        .block_on(serve())
}

async fn serve() -> End {
    let (host, clock, address) = drivers::start()?;
    let wakers = BTreeMap::new();
    let (state, (due, earlier)) = (RefCell::new(State { host, wakers }), bounded(1));
    let server = Rc::new(Server { state, clock, due });
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    spawn(Rc::clone(&server).keep_time(earlier)).detach();
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Too many files are open, perhaps.
            time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ((to_read, may_read), (to_write, may_write)) = (bounded(1), bounded(1));
        let opened = server.input(|state, now| {
            let pipe = state.host.handle_open(address.into(), now)?;
            state.wakers.insert(pipe, [to_read, to_write]);
            Some(pipe)
        });
        if let Some(pipe) = opened {
            let server = Rc::clone(&server);
            spawn(server.serve(stream, pipe, [may_read, may_write])).detach();
        }
    }
}

impl Server {
    /// Gives the host an input and takes its outputs.
    fn input<T>(&self, input: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut guard = self.state.borrow_mut();
        let given = input(&mut guard, self.clock.now());
        let State { host, wakers } = &mut *guard;
        while let Some(action) = host.poll_output() {
            match action {
                Action::Read(pipe) | Action::Write(pipe) | Action::Shutdown(pipe) => {
                    for waker in wakers.get(&pipe).into_iter().flatten() {
                        let _was_awake = waker.try_send(());
                    }
                }
                Action::Close(pipe) => drop(wakers.remove(&pipe)),
                Action::Timeout => drop(self.due.try_send(())),
                Action::Foreign(foreign) => host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Work(_) => {}
            }
        }
        given
    }

    async fn keep_time(self: Rc<Self>, earlier: Receiver<()>) {
        loop {
            self.input(|state, now| state.host.handle_timeout(now));
            let due = self.input(|state, _| state.host.poll_timeout());
            let wait = due.map_or(Duration::from_secs(3600), |due| self.clock.until(due));
            let _earlier = time::timeout(wait, earlier.recv()).await;
        }
    }

    async fn serve(self: Rc<Self>, stream: TcpStream, pipe: PipeId, woken: [Receiver<()>; 2]) {
        let _slower = stream.set_nodelay(true);
        let [may_read, may_write] = woken;
        let read = self.read(&stream, pipe, may_read);
        let end = race(read, self.write(&stream, pipe, may_write)).await;
        self.input(|state, now| match end {
            Ok(()) => state.host.handle_closed(pipe, now),
            Err(_) => state.host.handle_failed(pipe, now),
        });
    }

    async fn read(&self, mut stream: &TcpStream, pipe: PipeId, may_read: Receiver<()>) -> End {
        loop {
            while !self.input(|state, _| state.host.wants_read(pipe)) {
                may_read.recv().await?;
            }
            match stream.read_managed(0).await {
                Ok(Some(bytes)) => {
                    self.input(|state, now| state.host.handle_bytes(pipe, &bytes, now));
                }
                Ok(None) => return Ok(()),
                // Others have all the buffers.
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                    time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn write(&self, mut stream: &TcpStream, pipe: PipeId, may_write: Receiver<()>) -> End {
        loop {
            while let Some(batch) = self.input(|state, _| state.host.poll_write(pipe)) {
                let mut batch = Owned(batch);
                while !batch.0.is_empty() {
                    let BufResult(written, rest) = stream.write_vectored(batch).await;
                    let len = written?;
                    batch = rest;
                    batch.0.advance(len);
                    self.input(|state, now| state.host.handle_written(pipe, len, now));
                }
            }
            if self.input(|state, _| state.host.is_shut(pipe)) {
                stream.shutdown().await?;
            }
            may_write.recv().await?;
        }
    }
}
