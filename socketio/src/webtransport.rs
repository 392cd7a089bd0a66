//! Frames in the streams of the crate wtransport, for servers and clients.

use bytes::{Bytes, BytesMut};
use engineio_proto::Frame;
use engineio_proto::codec::DecodeError;
use engineio_proto::codec::webtransport::{self, Decoder};
use wtransport::{RecvStream, SendStream};

/// How much is read from a stream at a time.
const READ_BYTES: usize = 64 << 10;

/// Cuts frames out of a stream, without copying them.
#[derive(Debug)]
pub(crate) struct FrameReader {
    recv: RecvStream,
    decoder: Decoder,
    /// What arrived and has not been decoded.
    chunk: Bytes,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum ReadEnd {
    /// The peer closed the stream or the session, or is gone.
    Closed,
    /// The peer sent what is no frame.
    Bad(DecodeError),
}

impl FrameReader {
    pub(crate) fn new(recv: RecvStream, max_payload: usize) -> Self {
        Self {
            recv,
            decoder: Decoder::new(max_payload),
            chunk: Bytes::new(),
        }
    }

    /// The next frame of the stream.
    pub(crate) async fn next(&mut self) -> Result<Frame, ReadEnd> {
        loop {
            let frame = self.decoder.decode(&mut self.chunk);
            if let Some(frame) = frame.map_err(ReadEnd::Bad)? {
                return Ok(frame);
            }
            let stream = self.recv.quic_stream_mut();
            match stream.read_chunk(READ_BYTES, true).await {
                Ok(Some(next)) => self.chunk = next.bytes,
                Ok(None) | Err(_) => return Err(ReadEnd::Closed),
            }
        }
    }
}

/// Writes frames in one go, without copying them; false if the peer is gone.
pub(crate) async fn write(send: &mut SendStream, frames: Vec<Frame>) -> bool {
    let mut headers = BytesMut::new();
    let mut pieces = Vec::with_capacity(2 * frames.len());
    for frame in frames {
        let (header, content) = webtransport::encode(frame);
        headers.extend_from_slice(header.as_ref());
        pieces.push(headers.split().freeze());
        pieces.push(content);
    }
    let stream = send.quic_stream_mut();
    stream.write_all_chunks(&mut pieces).await.is_ok()
}
