//! The tasks beside the driver: requests, and WebSockets.

use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use async_tungstenite::tungstenite::{self, Message};
use async_tungstenite::{WebSocketStream, client_async_with_config};
use bytes::Bytes;
use bytestring::ByteString;
use engineio_driver::Resolver;
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, RequestId};
use futures_rustls::TlsConnector;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use rustls::pki_types::ServerName;
use smol::channel::{Receiver, Sender};
use smol::future::or;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;
use smol::{Executor, Timer};
use smol_hyper::rt::FuturesIo;

use super::{Batch, CLOSE_TIME, Input, Tls};

/// What every task has a clone of.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) executor: Arc<Executor<'static>>,
    pub(super) tls: Tls,
    pub(super) resolver: Resolver,
    pub(super) max_payload: usize,
    /// HTTP connections that wait for their next request: of polling, one for GETs and one for POSTs.
    pub(super) idle: Arc<Mutex<Vec<SendRequest<Full<Bytes>>>>>,
    pub(super) reporter: Sender<Input>,
}

/// HTTP connections that are kept open.
const MAX_IDLE: usize = 2;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Socket = WebSocketStream<Box<dyn Stream>>;

impl Network {
    /// Makes a request and reports what comes of it.
    pub(super) async fn exchange(self, id: RequestId, request: Request) {
        let input = match self.answer(&request).await {
            Ok(answer) => Input::Response(id, answer),
            Err(error) => {
                tracing::debug!(%error, "a request failed");
                Input::RequestFailed(id)
            }
        };
        self.report(input).await;
    }

    async fn answer(&self, request: &Request) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let mut message = http::Request::try_from(request.clone())?.map(Full::new);
        *message.uri_mut() = request.target().parse()?;
        let host = request.authority().parse()?;
        message.headers_mut().insert(http::header::HOST, host);
        let (response, sender) = loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let mut sender = match idle {
                Some(sender) => sender,
                None => {
                    let stream = FuturesIo::new(self.dial(request).await?);
                    let (sender, connection) = handshake(stream).await?;
                    self.executor.spawn(connection).detach();
                    sender
                }
            };
            match sender.try_send_request(message).await {
                Ok(response) => break (response, sender),
                // The server closed it while it was idle, and the request never left.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => message = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.max_payload)
            .collect()
            .await?
            .to_bytes();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(sender);
        }
        Ok(http::Response::from_parts(parts, body).into())
    }

    /// Opens a WebSocket, carries frames until the driver drops its end of `batches` or the server hangs up.
    pub(super) async fn connection(
        self,
        id: ConnectionId,
        request: Request,
        batches: Receiver<Batch>,
    ) {
        // There is no batch before it is open: the driver closes it.
        let dropped = async {
            let _none = batches.recv().await.is_err();
            None
        };
        let opened = or(async { Some(self.open(&request).await) }, dropped).await;
        match opened {
            Some(Ok(socket)) => {
                self.report(Input::Connected(id)).await;
                self.carry(id, socket, batches).await;
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection failed");
                self.report(Input::Failed(id, refusal(error))).await;
            }
            None => {}
        }
    }

    async fn open(&self, request: &Request) -> Result<Socket, tungstenite::Error> {
        let mut handshake = request.url.as_str().into_client_request()?;
        let converted = http::Request::try_from(request.clone())?;
        handshake
            .headers_mut()
            .extend(converted.into_parts().0.headers);
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.max_payload))
            .max_frame_size(Some(self.max_payload));
        let stream = self.dial(request).await?;
        let (socket, _) = client_async_with_config(handshake, stream, Some(config)).await?;
        Ok(socket)
    }

    async fn dial(&self, request: &Request) -> io::Result<Box<dyn Stream>> {
        let resolver = self.resolver.clone();
        let (host, port) = (request.host().to_owned(), request.port());
        let addresses = smol::unblock(move || resolver.resolve(&host, port)).await?;
        let tcp = TcpStream::connect(&*addresses).await?;
        tcp.set_nodelay(true)?;
        if !request.is_secure() {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(request.host().to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(self.tls.config()));
        Ok(Box::new(connector.connect(name, tcp).await?))
    }

    async fn carry(&self, id: ConnectionId, socket: Socket, batches: Receiver<Batch>) {
        let (mut sink, mut stream) = socket.split();
        let read = async {
            loop {
                let frame = match stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        match ByteString::try_from(Bytes::from(text)) {
                            Ok(text) => Frame::Text(text),
                            Err(_) => break Some(Input::Failed(id, None)),
                        }
                    }
                    Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes),
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map(|frame| frame.code.into());
                        // Reading on sends the answer that the library has ready.
                        within(CLOSE_TIME, stream.next()).await;
                        break Some(Input::Closed(id, code));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Err(error)) if is_loss(&error) => break Some(Input::Closed(id, None)),
                    Some(Err(_)) => break Some(Input::Failed(id, None)),
                    None => break Some(Input::Closed(id, None)),
                };
                self.report(Input::Frame(id, frame)).await;
            }
        };
        let write = async {
            while let Ok(batch) = batches.recv().await {
                for frame in batch {
                    sink.feed(message(frame)).await?;
                }
                sink.flush().await?;
                self.report(Input::Written(id)).await;
            }
            sink.send(Message::Close(None)).await
        };
        smol::pin!(read);
        let written = async {
            match write.await {
                Ok(()) => None,
                Err(_) => Some(Input::Failed(id, None)),
            }
        };
        match or(&mut read, written).await {
            Some(end) => self.report(end).await,
            // The driver closes it: all that is left is the answer of the server.
            None => within(CLOSE_TIME, read).await,
        }
    }

    /// Reports to the driver, which does not care once it has ended.
    async fn report(&self, input: Input) {
        let _ended = self.reporter.send(input).await;
    }
}

/// Waits for a future, but no longer than this.
async fn within<T>(time: Duration, future: impl Future<Output = T>) {
    let passed = async {
        let _end = Timer::after(time).await;
    };
    or(async { drop(future.await) }, passed).await;
}

fn message(frame: Frame) -> Message {
    let (bytes, kind) = match frame {
        Frame::Text(text) => (text.into_bytes(), Data::Text),
        Frame::Binary(bytes) => (bytes, Data::Binary),
    };
    Message::Frame(RawFrame::message(bytes, OpCode::Data(kind), true))
}

/// The response by which a server refused to open a WebSocket.
fn refusal(error: tungstenite::Error) -> Option<Answer> {
    if let tungstenite::Error::Http(response) = error {
        Some(Answer::from(
            response.map(|body| body.unwrap_or_default().into()),
        ))
    } else {
        None
    }
}

/// Whether the server went away without a word, which is no breach of the protocol.
fn is_loss(error: &tungstenite::Error) -> bool {
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    matches!(
        error,
        tungstenite::Error::ConnectionClosed
            | tungstenite::Error::Io(_)
            | tungstenite::Error::Protocol(ResetWithoutClosingHandshake)
    )
}
