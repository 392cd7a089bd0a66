//! The tower service: turns HTTP requests into inputs of a shard, and its answers into responses.
//!
//! A request runs as a future of the HTTP library's task. It holds nothing but its own body; what it needs to know it
//! asks the shard by a message, and the answer comes back through a channel of its own.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use engineio_proto::http::{Headers, RequestHead, Response as MachineResponse};
use engineio_proto::server::{Config, Route};
use engineio_proto::{ConnectionId, RequestId, Sid};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::body::{BodyFault, WholeBody, discard};
use super::compression::Uncompressed;
use super::shard::Input;
use super::websocket::Opening;

/// The body of a response.
pub type ResponseBody = Full<Bytes>;

/// Serves the requests below one path: long-polling and WebSocket handshakes.
///
/// It is a tower service over any body, so that it runs under hyper as it is and mounts in axum beside other routes,
/// by `fallback_service` or `route_service`. A request for another path is answered with 404. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Service(pub(super) Arc<Shared>);

/// What all requests know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shards: Box<[mpsc::Sender<Input>]>,
    pub(super) config: Config,
    /// With a slash at its end; `None` if every path is served.
    pub(super) path: Option<String>,
    pub(super) ids: AtomicU64,
    pub(super) turn: AtomicUsize,
    pub(super) stopping: AtomicBool,
    /// What outlives a request for a moment: rests of refused bodies, and news that found the shard's queue full.
    pub(super) tasks: TaskTracker,
    pub(super) runtime: Handle,
}

impl<B> tower_service::Service<Request<B>> for Service
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { Ok(shared.serve(request).await) })
    }
}

impl Shared {
    async fn serve<B>(self: Arc<Self>, mut request: Request<B>) -> Response<ResponseBody>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        if !self.serves(request.uri().path()) {
            return bare(StatusCode::NOT_FOUND, "");
        }
        let sid = last_sid(request.uri().query().unwrap_or_default());
        if sid.is_none() && self.stopping.load(Ordering::Relaxed) {
            let (head, _) = request.into_parts();
            let headers = Headers::default()
                .with_connection_close()
                .with_cors(self.config.cors_headers(&RequestHead::from(&head)));
            return response(MachineResponse::new(503, "").with_headers(headers));
        }
        let shard = self.shard(sid.as_deref());
        // Present if the client asks for an upgrade and the HTTP library can do one.
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        match upgrade.filter(|_| request.headers().contains_key(header::UPGRADE)) {
            Some(upgrade) => self.upgrade(shard, request.into_parts().0, upgrade).await,
            None => self.plain(shard, request).await,
        }
    }

    /// The official rule: everything below the path, which ends in a slash.
    pub(super) fn serves(&self, path: &str) -> bool {
        self.path
            .as_deref()
            .is_none_or(|served| path.starts_with(served))
    }

    /// The shard that owns a session; for a new one, each in turn.
    pub(super) fn shard(&self, sid: Option<&str>) -> Option<mpsc::Sender<Input>> {
        let index = match sid {
            Some(sid) => Sid::parse(sid).map_or(0, |sid| usize::from(sid.shard())),
            None => self.turn.fetch_add(1, Ordering::Relaxed) % self.shards.len().max(1),
        };
        // An id that names no shard is one that nobody knows; the first shard says so.
        self.shards
            .get(index)
            .or_else(|| self.shards.first())
            .cloned()
    }

    /// Lets a shard count a request for a WebTransport session that is refused for its origin.
    #[cfg(feature = "webtransport")]
    pub(super) async fn note_foreign(&self, head: Parts) {
        if let Some(shard) = self.shard(None) {
            let id = ConnectionId(self.next_id());
            let head = Box::new(head);
            // A shard that is gone need not know.
            let _gone = shard.send(Input::ForeignStream { id, head }).await;
        }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    async fn upgrade(
        &self,
        shard: Option<mpsc::Sender<Input>>,
        head: Parts,
        upgrade: OnUpgrade,
    ) -> Response<ResponseBody> {
        let opening = match Opening::check(&head) {
            Ok(opening) => opening,
            // Officially the WebSocket layer comes second: what Engine.IO has against the request is said first.
            Err(refusal) => {
                let refused = Route::of(&RequestHead::from(&head).with_upgrade(), &self.config);
                return refused.map_or_else(|reject| response(reject.into_refusal()), |_| *refusal);
            }
        };
        let (respond, decision) = oneshot::channel();
        let input = Input::Upgrade {
            id: ConnectionId(self.next_id()),
            head: Box::new(head),
            upgrade,
            respond,
        };
        let sent = match shard {
            Some(shard) => shard.send(input).await.is_ok(),
            None => false,
        };
        match decision.await {
            Ok(Ok(headers)) if sent => opening.accept(&headers),
            Ok(Err(refusal)) => response(refusal),
            Ok(Ok(_)) | Err(_) => unavailable(),
        }
    }

    async fn plain<B>(
        self: Arc<Self>,
        shard: Option<mpsc::Sender<Input>>,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let Some(shard) = shard else {
            return unavailable();
        };
        let (head, body) = request.into_parts();
        let head = Box::new(head);
        let (respond, mut answer) = oneshot::channel();
        let mut exchange = Exchange {
            id: RequestId(self.next_id()),
            shard,
            shared: Arc::clone(&self),
            open: false,
        };
        let id = exchange.id;
        // Only a POST has a body that matters.
        let mut body = WholeBody::new(body, self.config.max_payload);
        let arrived = if head.method == Method::POST {
            body.try_read().await.and_then(Result::ok)
        } else {
            Some(Bytes::new())
        };
        let is_whole = arrived.is_some();
        let input = Input::Request {
            id,
            head,
            body: arrived,
            respond,
        };
        exchange.tell(input).await;
        if is_whole {
            return exchange.answered(answer.await);
        }
        let outcome = tokio::select! {
            biased;
            answered = &mut answer => Err(answered),
            read = poll_fn(|cx| body.poll_read(cx)) => Ok(read),
        };
        match outcome {
            Ok(Ok(whole)) => {
                exchange.tell(Input::Body(id, whole)).await;
                exchange.answered(answer.await)
            }
            Ok(Err(BodyFault::TooLarge)) => {
                exchange.tell(Input::TooLarge(id)).await;
                let response = exchange.answered(answer.await);
                self.tasks.spawn(discard(body));
                response
            }
            // The exchange is dropped unanswered, which tells the shard.
            Ok(Err(BodyFault::Broken)) => bare(StatusCode::BAD_REQUEST, ""),
            Err(answered) => {
                self.tasks.spawn(discard(body));
                exchange.answered(answered)
            }
        }
    }
}

/// A request that the shard knows of. Dropped before it is answered, as the HTTP library does when the client has gone,
/// it reports the abort.
#[derive(Debug)]
struct Exchange {
    id: RequestId,
    shard: mpsc::Sender<Input>,
    shared: Arc<Shared>,
    open: bool,
}

impl Exchange {
    /// If the shard is gone the input is dropped, and with it the sender that an answer would come through.
    async fn tell(&mut self, input: Input) {
        self.open = self.shard.send(input).await.is_ok();
    }

    fn answered(
        mut self,
        answer: Result<MachineResponse, oneshot::error::RecvError>,
    ) -> Response<ResponseBody> {
        self.open = false;
        answer.map_or_else(|_| unavailable(), response)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let input = Input::Aborted(self.id);
        if let Err(mpsc::error::TrySendError::Full(input)) = self.shard.try_send(input) {
            let shard = self.shard.clone();
            let late = async move {
                // A shard that is gone need not know.
                let _gone = shard.send(input).await;
            };
            self.shared.tasks.spawn_on(late, &self.shared.runtime);
        }
    }
}

pub(super) fn bare(status: StatusCode, body: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

fn response(response: MachineResponse) -> Response<ResponseBody> {
    let compress = response.compress;
    let mut response = Response::<Bytes>::from(response).map(Full::new);
    if !compress {
        response.extensions_mut().insert(Uncompressed);
    }
    response
}

/// The answer of a server that stops. The connection closes with it, so that a client turns elsewhere.
fn unavailable() -> Response<ResponseBody> {
    let mut response = bare(StatusCode::SERVICE_UNAVAILABLE, "");
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The session id that a query names: of several the last, and an empty one is none.
fn last_sid(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "sid")
        .last()
        .map(|(_, sid)| sid.into_owned())
        .filter(|sid| !sid.is_empty())
}
