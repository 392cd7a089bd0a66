//! Compression of responses and of messages.
//!
//! Without the feature `compression` nothing is compressed, and no peer is told that it could be.
//!
//! Source: RFC 9110, sections 8.4.1 and 12.5.3; RFC 7692; the official `httpCompression` and `perMessageDeflate`.

#[cfg(feature = "compression")]
mod coding;
#[cfg(feature = "compression")]
mod message;
#[cfg(not(feature = "compression"))]
mod none;

#[cfg(feature = "compression")]
pub(crate) use coding::Coding;
#[cfg(feature = "compression")]
pub(crate) use message::{Deflater, InflateError, agree, inflate};
#[cfg(not(feature = "compression"))]
pub(crate) use none::{Coding, Deflater, InflateError, agree, inflate};
