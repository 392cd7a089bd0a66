//! The numbers of all shards, at `/metrics`.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use socketio::server::Commands;
use socketio_metrics::{CONTENT_TYPE, Snapshot, render};
use socketio_proto::server::Server;
use tokio::sync::oneshot;

/// Asks the application of a shard for its numbers.
#[derive(Debug)]
pub(crate) struct Ask(oneshot::Sender<Snapshot>);

impl Ask {
    /// Answers with the numbers of this machine.
    pub(crate) fn answer(self, server: &Server) {
        // Fails if whoever asked has gone.
        let _gone = self.0.send(Snapshot::of(server));
    }
}

/// Serves the numbers of these shards at `/metrics`.
pub(crate) fn router<C: From<Ask> + Send + 'static>(shards: Vec<Commands<C>>) -> Router {
    Router::new().route("/metrics", get(async move || answer(&shards).await))
}

async fn answer<C: From<Ask>>(shards: &[Commands<C>]) -> Response {
    let mut snapshots = Vec::new();
    for shard in shards {
        let (ask, answer) = oneshot::channel();
        if shard.send(Ask(ask).into()).await
            && let Ok(snapshot) = answer.await
        {
            snapshots.push(snapshot);
        }
    }
    // A sum without one of the shards would look like a loss.
    if snapshots.len() < shards.len() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    render(snapshots).map_or_else(
        |_| StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        |text| (headers, text).into_response(),
    )
}
