//! HTTP/1.1, as far as the two ends need it.
//!
//! Heads are read by `httparse`. Some heads that it accepts could mean another thing to a proxy, and are refused here. They
//! have bare line feeds, several lengths or hosts, a length beside a transfer encoding, or another encoding than `chunked`.
//!
//! Source: RFC 9110, RFC 9112.

pub(crate) mod body;
pub(crate) mod chunked;
pub(crate) mod date;
pub(crate) mod ending;
pub(crate) mod fields;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod write;

/// A fault of a head or of a body, after which nothing that the peer sends can be trusted to mean what it seems to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A line ends with a line feed alone.
    #[error("a line feed follows no carriage return")]
    BareLineFeed,
    /// The first line or a header field has bytes that may not stand there.
    #[error("the head is not one of HTTP/1")]
    Head,
    /// The target is not a path, an address or a star, or a tunnel is asked for.
    #[error("the target is not a path, an address or a star")]
    Target,
    /// It is of another version than 1.0 or 1.1.
    #[error("the version is not HTTP/1.0 or HTTP/1.1")]
    Version,
    /// `Content-Length` is not a number, or stands more than once.
    #[error("the content length is not one number")]
    ContentLength,
    /// `Transfer-Encoding` is not `chunked` alone.
    #[error("the transfer encoding is not chunked")]
    TransferEncoding,
    /// `Transfer-Encoding` stands beside `Content-Length`, or in HTTP/1.0.
    #[error("a transfer encoding stands where none may")]
    AmbiguousLength,
    /// `Host` is missing in HTTP/1.1, or stands more than once.
    #[error("there is not one host")]
    Host,
    /// The size of a chunk is no hexadecimal number, or does not fit.
    #[error("the size of a chunk is not a number")]
    ChunkSize,
    /// A chunk does not end where it should.
    #[error("a chunk does not end with its size")]
    ChunkEnd,
}

/// A limit of a head or of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// The head has too many bytes, or too many fields.
    #[error("the head is too large")]
    Head,
    /// The body has too many bytes.
    #[error("the body is too large")]
    Body,
    /// What stands behind the sizes of chunks is too long.
    #[error("the extensions of a chunk are too large")]
    ChunkExtensions,
    /// What stands behind the last chunk is too long.
    #[error("the trailers are too large")]
    Trailers,
}

/// The reason why a body cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It breaks the rules.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is beyond a limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}
