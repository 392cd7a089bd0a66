//! A Socket.IO server on threads: two for each connection, and sockets that block.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, Thread};
use std::time::Duration;

use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::server::{Action, PipeId, Reply};
use socketio_proto::engine::Instant;

struct Server {
    state: Mutex<State>,
    clock: Clock,
    /// The thread that waits for the next deadline.
    timer: Thread,
}

struct State {
    host: Host,
    /// Each with what wakes the threads that read and write it, and ends them when it is dropped.
    connections: BTreeMap<PipeId, (Arc<TcpStream>, [SyncSender<()>; 2])>,
}

type End = Result<(), Box<dyn Error>>;

fn main() -> End {
    let (host, clock, address) = drivers::start()?;
    let connections = BTreeMap::new();
    let state = Mutex::new(State { host, connections });
    let timer = thread::current();
    let server = &Server {
        state,
        clock,
        timer,
    };
    let listener = TcpListener::bind(address)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    thread::scope(|scope| {
        let serve = |(stream, address)| {
            Builder::new().spawn_scoped(scope, move || server.serve(stream, address))
        };
        let accept = move || loop {
            if listener.accept().and_then(serve).is_err() {
                // Too many files are open or too many threads run, perhaps.
                thread::sleep(Duration::from_millis(100));
            }
        };
        scope.spawn(accept);
        loop {
            server.input(|state, now| state.host.handle_timeout(now));
            let due = server.input(|state, _| state.host.poll_timeout());
            thread::park_timeout(due.map_or(Duration::MAX, |due| server.clock.until(due)));
        }
    })
}

impl Server {
    /// Gives the host an input and takes its outputs.
    fn input<T>(&self, input: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let given = input(&mut guard, self.clock.now());
        let State { host, connections } = &mut *guard;
        while let Some(action) = host.poll_output() {
            match action {
                Action::Read(pipe) | Action::Write(pipe) | Action::Shutdown(pipe) => {
                    for waker in connections.get(&pipe).iter().flat_map(|(_, wakers)| wakers) {
                        let _was_awake = waker.try_send(());
                    }
                }
                Action::Close(pipe) => {
                    let closed = connections.remove(&pipe);
                    let _was_closed = closed.map(|(stream, _)| stream.shutdown(Shutdown::Both));
                }
                Action::Timeout => self.timer.unpark(),
                Action::Foreign(foreign) => host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Work(_) => {}
            }
        }
        given
    }

    /// Reads from a connection, while another thread writes.
    fn serve(&self, stream: TcpStream, address: SocketAddr) {
        let _slower = stream.set_nodelay(true);
        let stream = &Arc::new(stream);
        let ((to_read, may_read), (to_write, may_write)) = (sync_channel(1), sync_channel(1));
        let connection = (Arc::clone(stream), [to_read, to_write]);
        let opened = self.input(|state, now| {
            let pipe = state.host.handle_open(address.into(), now)?;
            state.connections.insert(pipe, connection);
            Some(pipe)
        });
        let Some(pipe) = opened else { return };
        let end = |worked: End| match worked {
            Ok(()) => self.input(|state, now| state.host.handle_closed(pipe, now)),
            Err(_) => self.input(|state, now| state.host.handle_failed(pipe, now)),
        };
        thread::scope(|scope| {
            let write = move || end(self.write(stream, pipe, &may_write));
            let read = |_| self.read(stream, pipe, &may_read);
            end(Builder::new()
                .spawn_scoped(scope, write)
                .map_err(Into::into)
                .and_then(read));
        });
    }

    fn read(&self, mut stream: &TcpStream, pipe: PipeId, may_read: &Receiver<()>) -> End {
        let mut buffer = [0; 16_384];
        loop {
            while !self.input(|state, _| state.host.wants_read(pipe)) {
                may_read.recv()?;
            }
            let len = stream.read(&mut buffer)?;
            let Some(bytes @ [_, ..]) = buffer.get(..len) else {
                return Ok(());
            };
            self.input(|state, now| state.host.handle_bytes(pipe, bytes, now));
        }
    }

    fn write(&self, mut stream: &TcpStream, pipe: PipeId, may_write: &Receiver<()>) -> End {
        loop {
            while let Some(mut batch) = self.input(|state, _| state.host.poll_write(pipe)) {
                while !batch.is_empty() {
                    let len = batch.write_to(&mut stream)?;
                    self.input(|state, now| state.host.handle_written(pipe, len, now));
                }
            }
            if self.input(|state, _| state.host.is_shut(pipe)) {
                stream.shutdown(Shutdown::Write)?;
            }
            may_write.recv()?;
        }
    }
}
