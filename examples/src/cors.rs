//! Pages of other origins: the official option `cors`, by a layer of `tower-http`.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::{Method, StatusCode};
use tower_http::cors::CorsLayer;

/// Lets pages of other origins use what a router serves, as `cors` says. Preflight requests are answered with the status
/// `success`: officially `optionsSuccessStatus`, by default 204, where the layer by itself always says 200.
pub fn with_cors(router: Router, cors: CorsLayer, success: StatusCode) -> Router {
    let preflight = move |request: Request, next: Next| async move {
        // The layer takes every request of this method for a preflight, and hands none on.
        let is_preflight = request.method() == Method::OPTIONS;
        let mut response = next.run(request).await;
        if is_preflight {
            *response.status_mut() = success;
        }
        response
    };
    router.layer(cors).layer(from_fn(preflight))
}
