//! Compression of answers: the official `httpCompression`, by a layer of `tower-http`.

#[cfg(feature = "compression")]
use http::{Extensions, HeaderMap, StatusCode, Version};
#[cfg(feature = "compression")]
use tower_http::compression::CompressionLayer;
#[cfg(feature = "compression")]
use tower_http::compression::predicate::{Predicate, SizeAbove};

/// Marks a response, among its extensions, as one that is not to be compressed: the machine's hint, for it holds no
/// packets, or only such that were sent uncompressed.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Uncompressed;

/// A layer that compresses answers of at least `threshold` bytes, officially 1,024, with gzip or deflate as clients ask
/// for it, but for those that are marked as [`Uncompressed`]. It fits around the [`Service`](super::Service) and around
/// a router that has it.
#[cfg(feature = "compression")]
#[must_use]
pub fn compression(threshold: u64) -> CompressionLayer<impl Predicate> {
    let hinted = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Uncompressed>().is_none()
    };
    CompressionLayer::new().compress_when(SizeAbove::new(threshold).and(hinted))
}
