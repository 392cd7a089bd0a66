//! A Socket.IO server on smol: one thread, and a task for each connection.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::server::{Action, PipeId, Reply};
use smol::channel::{Receiver, Sender, bounded};
use smol::future::{or, race, yield_now};
use smol::{Async, LocalExecutor, Timer, block_on};
use socketio_proto::engine::Instant;

struct Server {
    host: RefCell<Host>,
    clock: Clock,
    /// What wakes the readers and writers of connections, and ends them when it is dropped.
    wakers: RefCell<BTreeMap<PipeId, [Sender<()>; 2]>>,
    /// Tells that the next deadline is earlier.
    due: Sender<()>,
}

type End = Result<(), Box<dyn Error>>;

fn main() -> End {
    let (host, clock, address) = drivers::start()?;
    let (due, earlier) = bounded(1);
    let server = Rc::new(Server {
        host: RefCell::new(host),
        clock,
        wakers: RefCell::default(),
        due,
    });
    let listener = Async::<TcpListener>::bind(address)?;
    let address = listener.get_ref().local_addr()?;
    writeln!(io::stdout(), "listening on {address}")?;
    let executor = LocalExecutor::new();
    executor
        .spawn(Rc::clone(&server).keep_time(earlier))
        .detach();
    block_on(executor.run(async {
        loop {
            let Ok((stream, address)) = listener.accept().await else {
                // Too many files are open, perhaps.
                Timer::after(Duration::from_millis(100)).await;
                continue;
            };
            executor
                .spawn(Rc::clone(&server).serve(stream, address))
                .detach();
        }
    }))
}

impl Server {
    /// Gives the host an input and takes its outputs.
    fn input<T>(&self, input: impl FnOnce(&mut Host, Instant) -> T) -> T {
        let (mut host, mut wakers) = (self.host.borrow_mut(), self.wakers.borrow_mut());
        let given = input(&mut host, self.clock.now());
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
            self.input(|host, now| host.handle_timeout(now));
            let due = self.input(|host, _| host.poll_timeout());
            let timer = due.map_or_else(Timer::never, |due| Timer::after(self.clock.until(due)));
            let wait = async {
                timer.await;
                Ok(())
            };
            let _earlier = or(earlier.recv(), wait).await;
        }
    }

    async fn serve(self: Rc<Self>, stream: Async<TcpStream>, address: SocketAddr) {
        let opened = self.input(|host, now| host.handle_open(address.into(), now));
        let Some(pipe) = opened else { return };
        let ((to_read, may_read), (to_write, may_write)) = (bounded(1), bounded(1));
        self.wakers.borrow_mut().insert(pipe, [to_read, to_write]);
        let _slower = stream.get_ref().set_nodelay(true);
        let read = self.read(&stream, pipe, may_read);
        let end = race(read, self.write(&stream, pipe, may_write)).await;
        self.input(|host, now| match end {
            Ok(()) => host.handle_closed(pipe, now),
            Err(_) => host.handle_failed(pipe, now),
        });
    }

    async fn read(&self, stream: &Async<TcpStream>, pipe: PipeId, may_read: Receiver<()>) -> End {
        loop {
            while !self.input(|host, _| host.wants_read(pipe)) {
                may_read.recv().await?;
            }
            let read = stream.read_with(|mut stream| {
                // Not a part of the task: what is idle holds no buffer.
                let mut buffer = [0; 16_384];
                let len = stream.read(&mut buffer)?;
                let bytes = buffer.get(..len).unwrap_or_default();
                self.input(|host, now| host.handle_bytes(pipe, bytes, now));
                Ok(len)
            });
            if read.await? == 0 {
                return Ok(());
            }
            yield_now().await;
        }
    }

    async fn write(&self, stream: &Async<TcpStream>, pipe: PipeId, may_write: Receiver<()>) -> End {
        loop {
            while let Some(mut batch) = self.input(|host, _| host.poll_write(pipe)) {
                while !batch.is_empty() {
                    let write = stream.write_with(|mut stream| batch.write_to(&mut stream));
                    let len = write.await?;
                    self.input(|host, now| host.handle_written(pipe, len, now));
                }
            }
            if self.input(|host, _| host.is_shut(pipe)) {
                stream.get_ref().shutdown(Shutdown::Write)?;
            }
            may_write.recv().await?;
        }
    }
}
