//! Three clients, each with one request on a new connection.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use engineio_proto::client::{Config, Output};
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::client::Machine;
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, Instant, RequestId, Seed};
use engineio_wire::client::{Options, Output as WireOutput, Wire};
use http_body_util::{BodyExt, Empty};
use hyper::rt::ReadBufCursor;
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};

use crate::{Outcome, Response};

/// A machine that wants one request.
#[derive(Default)]
struct Asker {
    config: Config,
    wants: VecDeque<Output<()>>,
    outcome: Option<Outcome>,
}

impl Machine for Asker {
    type Event = ();

    fn engine_config(&self) -> &Config {
        &self.config
    }

    fn handle_response(&mut self, _: RequestId, answer: Answer, _: Instant) {
        self.outcome = Some(Ok(Response {
            status: answer.status,
            body: answer.body.to_vec(),
        }));
    }

    fn handle_request_failed(&mut self, _: RequestId, _: Instant) {
        self.outcome = Some(Err("refused".into()));
    }

    fn handle_connected(&mut self, _: ConnectionId, _: Instant) {}

    fn handle_frame(&mut self, _: ConnectionId, _: Frame, _: Instant) {}

    fn handle_bad_frame(&mut self, _: ConnectionId, _: DecodeError, _: Instant) {}

    fn handle_connection_closed(&mut self, _: ConnectionId, _: Instant) {}

    fn handle_connection_closed_with(&mut self, _: ConnectionId, _: u16, _: Instant) {}

    fn handle_connection_failed(&mut self, _: ConnectionId, _: Instant) {}

    fn handle_connection_refused(&mut self, _: ConnectionId, _: &Answer, _: Instant) {}

    fn handle_offline(&mut self, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.wants.pop_front()
    }

    fn poll_frame(&mut self, _: ConnectionId) -> Option<Frame> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn wants_read(&self) -> bool {
        true
    }

    fn close(&mut self, _: Instant) {}
}

pub(crate) fn ours(bytes: &[u8]) -> Outcome {
    let mut asker = Asker::default();
    asker.wants.push_back(Output::Request {
        request: RequestId(0),
        message: Request::new("GET", "http://a/", ""),
    });
    let options = Options::default().with_max_redirects(0);
    let mut wire = Wire::new(asker, options, &Seed::new([1; 32]));
    let now = Instant::ZERO;
    let Some(WireOutput::Connect { pipe, .. }) = wire.poll_output() else {
        return Err("no connection".into());
    };
    wire.handle_connected(pipe, now);
    while wire.poll_output().is_some() {
        if let Some(batch) = wire.poll_write(pipe) {
            wire.handle_written(pipe, batch.len(), now);
        }
    }
    wire.handle_bytes(pipe, bytes, now);
    wire.handle_closed(pipe, now);
    let outcome = wire.machine_mut().outcome.take();
    outcome.unwrap_or_else(|| Err("nothing came of it".into()))
}

/// Gives the bytes of a response once something was written, and then the end.
struct Pipe {
    bytes: Vec<u8>,
    is_asked: bool,
}

impl hyper::rt::Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.is_asked {
            return Poll::Pending;
        }
        let count = self.bytes.len().min(buffer.remaining());
        let now: Vec<u8> = self.bytes.drain(..count).collect();
        buffer.put_slice(&now);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.is_asked = true;
        context.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs two futures until the second has ended. Nothing but each other wakes them.
fn run<T>(one: impl Future, other: impl Future<Output = T>) -> Option<T> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut is_over = false;
    loop {
        is_over = is_over || one.as_mut().poll(&mut context).is_ready();
        if let Poll::Ready(result) = other.as_mut().poll(&mut context) {
            return Some(result);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
    }
}

pub(crate) fn of_hyper(bytes: &[u8]) -> Outcome {
    let pipe = Pipe {
        bytes: bytes.to_vec(),
        is_asked: false,
    };
    let shaking = hyper::client::conn::http1::handshake(pipe);
    let (mut sender, connection) = run(async {}, shaking)
        .expect("nothing to wait for")
        .map_err(|error| words(&error))?;
    let request = hyper::Request::get("/")
        .header("host", "a")
        .body(Empty::<Bytes>::new())
        .expect("valid");
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response {
            status: head.status.as_u16(),
            body: body.to_vec(),
        })
    };
    let outcome = run(connection, answered).ok_or("it waits")?;
    outcome.map_err(|error| words(&error))
}

/// An error, and what it is because of.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

pub(crate) fn of_ureq(bytes: &[u8]) -> Outcome {
    read_by_ureq(bytes).map_err(|error| error.to_string())
}

fn read_by_ureq(mut bytes: &[u8]) -> Result<Response, Box<dyn std::error::Error>> {
    let request = http::Request::get("http://a/").body(())?;
    let mut call = Call::new(request)?.proceed();
    let mut head = [0; 1000];
    call.write(&mut head)?;
    let Some(SendRequestResult::RecvResponse(mut call)) = call.proceed()? else {
        return Err("it does not wait for a response".into());
    };
    let response = loop {
        match call.try_response(bytes, false)? {
            (used, Some(response)) => {
                bytes = &bytes[used..];
                break response;
            }
            (0, None) => return Err("the head ends early".into()),
            (used, None) => bytes = &bytes[used..],
        }
    };
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut call = match call.proceed() {
        Some(RecvResponseResult::RecvBody(call)) => call,
        Some(_) => return Ok(Response { status, body }),
        None => return Err("no response".into()),
    };
    let mut buffer = [0; 1000];
    loop {
        let (used, count) = call.read(bytes, &mut buffer)?;
        bytes = &bytes[used..];
        body.extend_from_slice(&buffer[..count]);
        if (used, count) == (0, 0) {
            break;
        }
    }
    match call.proceed() {
        Some(RecvBodyResult::Redirect(_) | RecvBodyResult::Cleanup(_)) => {
            Ok(Response { status, body })
        }
        None => Err("the body ends early".into()),
    }
}
