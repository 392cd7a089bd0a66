//! A Socket.IO server on tokio: a task for each connection, on all threads of the runtime.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::Batch;
use engineio_wire::server::{Action, PipeId, Reply};
use socketio_proto::engine::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::{select, sync::Notify, time};

struct Server {
    state: Mutex<State>,
    clock: Clock,
    /// The next deadline is earlier.
    due: Notify,
}

struct State {
    host: Host,
    /// What wakes the tasks of connections, and ends them when it is dropped.
    wakers: BTreeMap<PipeId, Sender<()>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (host, clock, address) = drivers::start()?;
    let wakers = BTreeMap::new();
    let (state, due) = (Mutex::new(State { host, wakers }), Notify::new());
    let server = Arc::new(Server { state, clock, due });
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    tokio::spawn(Arc::clone(&server).keep_time());
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Too many files are open, perhaps.
            time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (waker, woken) = channel(1);
        let opened = server.input(|state, now| {
            let pipe = state.host.handle_open(address.into(), now)?;
            state.wakers.insert(pipe, waker);
            Some(pipe)
        });
        if let Some(pipe) = opened {
            tokio::spawn(Arc::clone(&server).serve(stream, pipe, woken));
        }
    }
}

impl Server {
    /// Gives the host an input and takes its outputs.
    fn input<T>(&self, input: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let given = input(&mut guard, self.clock.now());
        let State { host, wakers } = &mut *guard;
        while let Some(action) = host.poll_output() {
            match action {
                Action::Read(pipe) | Action::Write(pipe) | Action::Shutdown(pipe) => {
                    let _was_awake = wakers.get(&pipe).map(|waker| waker.try_send(()));
                }
                Action::Close(pipe) => drop(wakers.remove(&pipe)),
                Action::Timeout => self.due.notify_one(),
                Action::Foreign(foreign) => host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Work(_) => {}
            }
        }
        given
    }

    async fn keep_time(self: Arc<Self>) {
        loop {
            self.input(|state, now| state.host.handle_timeout(now));
            let due = self.input(|state, _| state.host.poll_timeout());
            let wait = due.map_or(Duration::MAX, |due| self.clock.until(due));
            let _earlier = time::timeout(wait, self.due.notified()).await;
        }
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream, pipe: PipeId, mut woken: Receiver<()>) {
        let _slower = stream.set_nodelay(true);
        let (reader, mut writer) = stream.split();
        let mut batch = Batch::default();
        loop {
            if batch.is_empty() {
                let next = self.input(|state, _| state.host.poll_write(pipe));
                batch = next.unwrap_or_default();
            }
            if self.input(|state, _| state.host.is_shut(pipe)) {
                let _gone = writer.shutdown().await;
            }
            let wants_read = self.input(|state, _| state.host.wants_read(pipe));
            select! {
                woken = woken.recv() => if woken.is_none() { return },
                written = writer.write_buf(&mut batch), if !batch.is_empty() => match written {
                    Ok(len) => self.input(|state, now| state.host.handle_written(pipe, len, now)),
                    Err(_) => self.input(|state, now| state.host.handle_failed(pipe, now)),
                },
                _ = reader.readable(), if wants_read => {
                    let mut buffer = [0; 16_384];
                    let read = reader.try_read(&mut buffer);
                    self.input(|state, now| match read {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(_) => state.host.handle_failed(pipe, now),
                        Ok(0) => state.host.handle_closed(pipe, now),
                        Ok(len) => {
                            let bytes = buffer.get(..len).unwrap_or_default();
                            state.host.handle_bytes(pipe, bytes, now);
                        }
                    });
                }
            }
        }
    }
}
