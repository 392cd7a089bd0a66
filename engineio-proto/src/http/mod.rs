//! The little that the machines need to know of HTTP.

mod answer;
#[cfg(feature = "http")]
mod convert;
mod head;
mod headers;
mod request;
mod response;

pub use answer::Answer;
pub use head::RequestHead;
pub use headers::{CorsHeaders, Headers};
pub use request::Request;
pub use response::Response;
