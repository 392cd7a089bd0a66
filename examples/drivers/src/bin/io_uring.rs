//! A Socket.IO server on compio: one thread, and operations of io_uring that own their buffers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use bytes::Buf;
use compio::buf::{BufResult, IoVectoredBuf};
use compio::io::{AsyncReadManaged, AsyncWrite};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{BufferPool, Runtime, spawn};
use compio::time;
use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::Batch;
use engineio_wire::server::{Action, PipeId, Reply};
use futures_lite::future::{race, yield_now};
use socketio_proto::engine::Instant;

struct Server {
    host: RefCell<Host>,
    clock: Clock,
    /// What wakes the readers and writers of connections, and ends them when it is dropped.
    wakers: RefCell<BTreeMap<PipeId, [Sender<()>; 2]>>,
    /// Tells that the next deadline is earlier.
    due: Sender<()>,
    /// Of all connections: one that is idle holds none.
    buffers: BufferPool,
}

/// All buffers are taken.
const ENOBUFS: i32 = 105;

type End = Result<(), Box<dyn Error>>;

/// A batch that an operation owns.
struct Owned(Batch);

impl IoVectoredBuf for Owned {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks()
    }
}

fn main() -> End {
    Runtime::new()?.block_on(serve())
}

async fn serve() -> End {
    let (host, clock, address) = drivers::start()?;
    let (due, earlier) = bounded(1);
    let server = Rc::new(Server {
        host: RefCell::new(host),
        clock,
        wakers: RefCell::default(),
        due,
        buffers: BufferPool::new(64, 16_384)?,
    });
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    spawn(Rc::clone(&server).keep_time(earlier)).detach();
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Too many files are open, perhaps.
            time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        spawn(Rc::clone(&server).serve(stream, address)).detach();
    }
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
            let wait = due.map_or(Duration::from_secs(3600), |due| self.clock.until(due));
            let _earlier = time::timeout(wait, earlier.recv()).await;
        }
    }

    async fn serve(self: Rc<Self>, stream: TcpStream, address: SocketAddr) {
        let opened = self.input(|host, now| host.handle_open(address.into(), now));
        let Some(pipe) = opened else { return };
        let ((to_read, may_read), (to_write, may_write)) = (bounded(1), bounded(1));
        self.wakers.borrow_mut().insert(pipe, [to_read, to_write]);
        let _slower = stream.set_nodelay(true);
        let read = self.read(&stream, pipe, may_read);
        let end = race(read, self.write(&stream, pipe, may_write)).await;
        self.input(|host, now| match end {
            Ok(()) => host.handle_closed(pipe, now),
            Err(_) => host.handle_failed(pipe, now),
        });
    }

    async fn read(&self, mut stream: &TcpStream, pipe: PipeId, may_read: Receiver<()>) -> End {
        loop {
            while !self.input(|host, _| host.wants_read(pipe)) {
                may_read.recv().await?;
            }
            match stream.read_managed(&self.buffers, 0).await {
                Ok(bytes) if bytes.is_empty() => return Ok(()),
                Ok(bytes) => self.input(|host, now| host.handle_bytes(pipe, &bytes, now)),
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn write(&self, mut stream: &TcpStream, pipe: PipeId, may_write: Receiver<()>) -> End {
        loop {
            while let Some(batch) = self.input(|host, _| host.poll_write(pipe)) {
                let mut batch = Owned(batch);
                while !batch.0.is_empty() {
                    let BufResult(written, rest) = stream.write_vectored(batch).await;
                    let len = written?;
                    batch = rest;
                    batch.0.advance(len);
                    self.input(|host, now| host.handle_written(pipe, len, now));
                }
            }
            if self.input(|host, _| host.is_shut(pipe)) {
                stream.shutdown().await?;
            }
            may_write.recv().await?;
        }
    }
}
