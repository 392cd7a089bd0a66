//! Three servers, each with one connection.

use std::cell::RefCell;
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engineio_proto::server::{Config, Server};
use engineio_proto::{Instant, Seed};
use engineio_wire::server::{Options, Output, Peer, PipeId, Reply, Wire};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use serde_json::{Value, json};

use crate::{Outcome, Request};

/// Our server, whose machine is not asked for.
pub(crate) struct Ours {
    wire: Wire<Server>,
    pipe: PipeId,
    pub(crate) requests: Vec<Request>,
    written: Vec<u8>,
    is_closed: bool,
}

impl Ours {
    pub(crate) fn new() -> Self {
        let server = Server::new(Config::default(), 0, &Seed::new([7; 32])).expect("valid");
        let mut options = Options::new("/none");
        options.max_foreign_body = usize::MAX;
        let mut wire = Wire::new(server, options);
        let pipe = wire
            .handle_open(Peer::default(), Instant::ZERO)
            .expect("a free place");
        Self {
            wire,
            pipe,
            requests: Vec::new(),
            written: Vec::new(),
            is_closed: false,
        }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.wire.handle_bytes(self.pipe, bytes, Instant::ZERO);
        while let Some(output) = self.wire.poll_output() {
            match output {
                Output::Write(pipe) => {
                    while let Some(batch) = self.wire.poll_write(pipe) {
                        self.written.extend(batch.chunks().flatten());
                        self.wire.handle_written(pipe, batch.len(), Instant::ZERO);
                    }
                }
                Output::Close(_) => self.is_closed = true,
                Output::Foreign(foreign) => {
                    self.requests.push(Request {
                        method: foreign.method.into(),
                        target: foreign.head.target.to_string(),
                        body: foreign.body.to_vec(),
                    });
                    self.wire
                        .respond(foreign.pipe, &Reply::new(404, Bytes::new()));
                }
                Output::Read(_) | Output::Shutdown(_) | Output::Event(_) => {}
            }
        }
    }

    fn end(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.written);
        let statuses = text.split("HTTP/1.1 ").skip(1);
        let fault = statuses
            .map(|answer| answer[..3].to_owned())
            .find(|status| status != "404" && status != "100");
        let closes = text.contains("\r\nConnection: close\r\n") || self.is_closed;
        fault.or_else(|| closes.then(|| "closed".to_owned()))
    }
}

pub(crate) fn ours(bytes: &[u8]) -> Outcome {
    let mut ours = Ours::new();
    ours.take(bytes);
    let end = ours.end();
    Outcome {
        requests: ours.requests,
        end,
    }
}

/// Gives the bytes of a stream, and waits for ever behind them. What is written goes nowhere.
struct Pipe<'a>(&'a [u8]);

impl hyper::rt::Read for Pipe<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, rest) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Pipe<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
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

pub(crate) fn of_hyper(bytes: &[u8]) -> Outcome {
    let requests = Rc::new(RefCell::new(Vec::new()));
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let requests = Rc::clone(&requests);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            requests.borrow_mut().push(Request {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                body: body.to_vec(),
            });
            let response = hyper::Response::builder()
                .status(404)
                .body(Empty::<Bytes>::new())
                .expect("valid");
            Ok::<_, hyper::Error>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(100)
        .serve_connection(Pipe(bytes), service);
    let mut connection = pin!(connection);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let end = loop {
        match connection.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(())) => break Some("closed".to_owned()),
            Poll::Ready(Err(error)) => break Some(words(&error)),
            Poll::Pending if woken.0.swap(false, Ordering::Relaxed) => {}
            Poll::Pending => break None,
        }
    };
    let requests = requests.take();
    Outcome { requests, end }
}

/// An error, and what it is because of.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

/// The process of Node.js.
pub(crate) struct Node {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Node {
    pub(crate) fn start(tests: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg(tests.join("http-receiver.mjs"));
        node.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = node.spawn().expect("Node.js");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, output }
    }

    pub(crate) fn read(&mut self, streams: &[Vec<u8>]) -> Vec<Outcome> {
        let streams: Vec<_> = streams.iter().map(|bytes| STANDARD.encode(bytes)).collect();
        let input = self.process.stdin.as_mut().expect("piped");
        writeln!(input, "{}", json!(streams)).expect("it reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let outcomes: Vec<Value> = serde_json::from_str(&line).expect("an array");
        outcomes.iter().map(outcome).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _status = self.process.wait();
    }
}

fn outcome(value: &Value) -> Outcome {
    let text = |item: &Value| item.as_str().expect("text").to_owned();
    let requests = value["requests"].as_array().expect("requests").iter();
    let requests = requests.map(|request| Request {
        method: text(&request[0]),
        target: text(&request[1]),
        body: STANDARD.decode(text(&request[2])).expect("base64"),
    });
    Outcome {
        requests: requests.collect(),
        end: value["refused"].as_str().map(str::to_owned),
    }
}

/// The offset of the request with this number: behind what makes the one before it whole.
pub(crate) fn start_of(bytes: &[u8], number: usize) -> usize {
    let mut ours = Ours::new();
    let mut at = 0;
    while ours.requests.len() < number && at < bytes.len() {
        ours.take(&bytes[at..=at]);
        at += 1;
    }
    at
}
