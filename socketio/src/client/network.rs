//! The tasks beside the driver: requests, and WebSockets.

use std::error::Error;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, RequestId};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Batch, CLOSE_TIME, Input, Tls};

/// Makes requests over connections that it keeps open between them.
pub(super) type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub(super) fn http_client(tls: &Tls) -> Http {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.config().as_ref().clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// Makes a request and reports what comes of it.
pub(super) async fn exchange(
    http: Http,
    id: RequestId,
    request: Request,
    max_payload: usize,
    reporter: mpsc::Sender<Input>,
) {
    let answered = async {
        let request = http::Request::try_from(request)?.map(Full::new);
        let (parts, body) = http.request(request).await?.into_parts();
        let body = Limited::new(body, max_payload).collect().await?.to_bytes();
        Ok::<_, Box<dyn Error + Send + Sync>>(http::Response::from_parts(parts, body))
    };
    let input = match answered.await {
        Ok(response) => Input::Response(id, response.into()),
        Err(error) => {
            tracing::debug!(%error, "a request failed");
            Input::RequestFailed(id)
        }
    };
    // A driver that has ended does not care.
    let _ended = reporter.send(input).await;
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// The task of one WebSocket.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) reporter: mpsc::Sender<Input>,
}

impl Connection {
    pub(super) async fn run(mut self, request: Request, tls: Tls, max_payload: usize) {
        let opened = tokio::select! {
            opened = open(&request, &tls, max_payload) => opened,
            // There is no batch before it is open: the driver closes it.
            _ = self.batches.recv() => return,
        };
        match opened {
            Ok(socket) => {
                if self.report(Input::Connected(self.id)).await {
                    self.carry(socket).await;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a connection failed");
                self.report(Input::Failed(self.id, refusal(error))).await;
            }
        }
    }

    async fn carry(&mut self, socket: Socket) {
        let (mut sink, mut stream) = socket.split();
        let (id, reporter) = (self.id, self.reporter.clone());
        let read = async {
            loop {
                let frame = match stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        match ByteString::try_from(Bytes::from(text)) {
                            Ok(text) => Frame::Text(text),
                            Err(_) => break Input::Failed(id, None),
                        }
                    }
                    Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes),
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map(|frame| frame.code.into());
                        // Reading on sends the answer that the library has ready.
                        let _late = timeout(CLOSE_TIME, stream.next()).await;
                        break Input::Closed(id, code);
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Err(error)) if is_loss(&error) => break Input::Closed(id, None),
                    Some(Err(_)) => break Input::Failed(id, None),
                    None => break Input::Closed(id, None),
                };
                if reporter.send(Input::Frame(id, frame)).await.is_err() {
                    break Input::Closed(id, None);
                }
            }
        };
        let write = async {
            while let Some(batch) = self.batches.recv().await {
                for frame in batch {
                    sink.feed(message(frame)).await?;
                }
                sink.flush().await?;
                // Fails only when nobody cares.
                let _ended = self.reporter.send(Input::Written(self.id)).await;
            }
            sink.send(Message::Close(None)).await
        };
        tokio::pin!(read);
        let end = tokio::select! {
            end = &mut read => end,
            written = write => match written {
                // The driver closes it: all that is left is the answer of the server.
                Ok(()) => return drop(timeout(CLOSE_TIME, read).await),
                Err(_) => Input::Failed(self.id, None),
            },
        };
        self.report(end).await;
    }

    pub(super) async fn report(&self, input: Input) -> bool {
        self.reporter.send(input).await.is_ok()
    }
}

async fn open(
    request: &Request,
    tls: &Tls,
    max_payload: usize,
) -> Result<Socket, tungstenite::Error> {
    let mut handshake = request.url.as_str().into_client_request()?;
    let converted = http::Request::try_from(request.clone()).map_err(tungstenite::Error::from)?;
    handshake
        .headers_mut()
        .extend(converted.into_parts().0.headers);
    let tcp = TcpStream::connect((request.host(), request.port())).await?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = if request.is_secure() {
        let name =
            ServerName::try_from(request.host().to_owned()).map_err(std::io::Error::other)?;
        Box::new(
            TlsConnector::from(tls.config().clone())
                .connect(name, tcp)
                .await?,
        )
    } else {
        Box::new(tcp)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(max_payload))
        .max_frame_size(Some(max_payload));
    let (socket, _) = client_async_with_config(handshake, stream, Some(config)).await?;
    Ok(socket)
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
