//! One WebSocket: a task that reads messages into the shard and writes the batches that the shard hands it.
//!
//! One task does both, so that reading and writing share the socket without a lock. While a batch is being written it
//! reads on, since the pong of a slow reader is behind no data. A batch is buffered whole and flushed once, which is one
//! system call. Only when it has left the task asks for the next: what a slow reader leaves waits in the machine, where
//! it is counted.
//!
//! Text that arrives is validated twice, by the WebSocket crate and by `ByteString`, which have no way to trust each
//! other without unsafe code (32 ns per KiB of ASCII). Text that leaves goes out as a frame of bytes, unchecked, since it
//! is a `ByteString` already. Payloads are shared, not copied, up to the crate's own write buffer, which stays as large
//! as the largest batch so far while the connection lives.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytestring::ByteString;
use engineio_proto::{ConnectionId, Frame};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame as RawFrame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::shard::Input;

/// Frames to be written in one go.
pub(super) type Batch = Vec<Frame>;

/// The content bytes from which a batch takes no further frame.
pub(super) const BATCH_BYTES: usize = 256 << 10;

/// The frames of a batch at most.
pub(super) const BATCH_FRAMES: usize = 1024;

/// How long a connection that is being closed may take for what is left to write, and then for the peer's answer.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// WebSocket pings taken while nothing can be written: each is owed a pong, and pongs wait in memory.
const PINGS_AHEAD: usize = 64;

/// How much is read from the socket at a time.
const READ_BYTES: usize = 16 << 10;

/// Runs a connection until it is over. Dropping `batches`' sender closes it behind the last batch.
pub(super) async fn run<S>(
    id: ConnectionId,
    socket: S,
    max_payload: usize,
    shard: mpsc::Sender<Input>,
    batches: mpsc::Receiver<Batch>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Nothing leaves before the flush; batches bound what collects.
        .write_buffer_size(usize::MAX - 1)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(max_payload))
        .max_frame_size(Some(max_payload));
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, Some(config)).await;
    let mut connection = Connection {
        socket,
        batches,
        flushing: Flushing::Nothing,
        pings: 0,
    };
    let end = connection.carry(id, &shard).await;
    let report = match &end {
        End::Asked => None,
        End::Closed => Some(Input::Closed(id)),
        End::Failed(_) => Some(Input::Failed(id)),
    };
    if let Some(report) = report {
        // A shard that is gone need not know.
        let _gone = shard.send(report).await;
    }
    drop(shard);
    connection.finish(end).await;
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    batches: mpsc::Receiver<Batch>,
    flushing: Flushing,
    pings: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flushing {
    Nothing,
    /// The library's own answers to pings.
    Pongs,
    Batch,
}

/// The next thing that happens on a connection.
enum Step {
    Batch(Batch),
    Written,
    Read(Message),
    End(End),
}

/// How a connection comes to its end.
#[derive(Debug)]
enum End {
    /// The shard closes it.
    Asked,
    /// The peer closed it, or it is gone.
    Closed,
    /// The peer broke the rules, or writing failed; the code to close with, if that is possible.
    Failed(Option<CloseCode>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn carry(&mut self, id: ConnectionId, shard: &mpsc::Sender<Input>) -> End {
        loop {
            let input = match poll_fn(|cx| self.poll_step(cx)).await {
                Step::End(end) => return end,
                Step::Batch(batch) => {
                    if let Err(error) = self.buffer(batch) {
                        return end_of_write(&error);
                    }
                    continue;
                }
                Step::Written => Input::Writable(id),
                Step::Read(message) => match read_frame(message) {
                    Ok(Some(frame)) => Input::Frame(id, frame),
                    Ok(None) => continue,
                    Err(end) => return end,
                },
            };
            if shard.send(input).await.is_err() {
                return End::Asked;
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        // Looked at while flushing too, when only the end can come: the shard waits for `Written`.
        match self.batches.poll_recv(cx) {
            Poll::Ready(Some(batch)) => return Poll::Ready(Step::Batch(batch)),
            Poll::Ready(None) => return Poll::Ready(Step::End(End::Asked)),
            Poll::Pending => {}
        }
        if self.flushing != Flushing::Nothing {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    let flushed = std::mem::replace(&mut self.flushing, Flushing::Nothing);
                    self.pings = 0;
                    if flushed == Flushing::Batch {
                        return Poll::Ready(Step::Written);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Step::End(end_of_write(&error))),
                Poll::Pending if self.pings >= PINGS_AHEAD => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        let read = match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read,
        };
        Poll::Ready(match read {
            None => Step::End(End::Closed),
            Some(Err(error)) => Step::End(end_of_read(&error)),
            Some(Ok(message)) => {
                if matches!(message, Message::Ping(_)) {
                    self.pings += 1;
                    if self.flushing == Flushing::Nothing {
                        self.flushing = Flushing::Pongs;
                    }
                }
                Step::Read(message)
            }
        })
    }

    /// Puts a batch into the write buffer; nothing is written yet.
    fn buffer(&mut self, batch: Batch) -> Result<(), Error> {
        self.flushing = Flushing::Batch;
        for frame in batch {
            let (bytes, kind) = match frame {
                Frame::Text(text) => (text.into_bytes(), Data::Text),
                Frame::Binary(bytes) => (bytes, Data::Binary),
            };
            let frame = RawFrame::message(bytes, OpCode::Data(kind), true);
            Pin::new(&mut self.socket).start_send(Message::Frame(frame))?;
        }
        Ok(())
    }

    /// Says goodbye within limits of time, so that a peer that does not read cannot keep the task.
    async fn finish(mut self, end: End) {
        let farewell = async {
            // A failure here ends what is ending already.
            match end {
                End::Asked => {
                    let _sent = self.send_close(None).await;
                    self.read_away().await;
                }
                // The library answers the peer's close frame while it is polled on.
                End::Closed => self.read_away().await,
                End::Failed(None) => {}
                End::Failed(Some(code)) => {
                    let reason = "".into();
                    let _sent = self.send_close(Some(CloseFrame { code, reason })).await;
                    self.read_raw_away().await;
                }
            }
        };
        let _elapsed = timeout(CLOSE_TIME, farewell).await;
    }

    /// Sends a close frame behind what is buffered.
    async fn send_close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        Pin::new(&mut self.socket).start_send(Message::Close(frame))?;
        poll_fn(|cx| Pin::new(&mut self.socket).poll_flush(cx)).await
    }

    /// Reads until both sides have said goodbye.
    async fn read_away(&mut self) {
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self.socket).poll_next(cx)).await {}
    }

    /// Reads until the peer hangs up, when what it sends makes no sense any more. Closing with unread bytes would reset the
    /// connection, and the peer might lose the close frame.
    async fn read_raw_away(&mut self) {
        let socket = self.socket.get_mut();
        if socket.shutdown().await.is_ok() {
            let mut sink = vec![0; READ_BYTES];
            while matches!(socket.read(&mut sink).await, Ok(1..)) {}
        }
    }
}

fn read_frame(message: Message) -> Result<Option<Frame>, End> {
    match message {
        Message::Text(text) => match ByteString::try_from(bytes::Bytes::from(text)) {
            Ok(text) => Ok(Some(Frame::Text(text))),
            Err(_) => Err(End::Failed(Some(CloseCode::Invalid))),
        },
        Message::Binary(bytes) => Ok(Some(Frame::Binary(bytes))),
        Message::Close(_) => Err(End::Closed),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other error, of those to come too, is the peer's breach of the protocol"
)]
fn end_of_read(error: &Error) -> End {
    let code = match error {
        // The peer went away without a word: officially code 1006, which is no error.
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return End::Closed,
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        _ => CloseCode::Protocol,
    };
    End::Failed(Some(code))
}

fn end_of_write(error: &Error) -> End {
    if matches!(error, Error::ConnectionClosed | Error::AlreadyClosed) {
        End::Closed
    } else {
        End::Failed(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{DuplexStream, ReadBuf, duplex};

    use super::*;

    /// Counts the writes that reach it.
    struct Counting {
        inner: DuplexStream,
        writes: Arc<AtomicUsize>,
    }

    impl AsyncRead for Counting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.inner).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_shutdown(cx)
        }
    }

    struct Rig {
        client: DuplexStream,
        writes: Arc<AtomicUsize>,
        batches: mpsc::Sender<Batch>,
        inputs: mpsc::Receiver<Input>,
    }

    const ID: ConnectionId = ConnectionId(1);

    /// A connection over a pipe that takes so many bytes.
    fn rig(pipe: usize) -> Rig {
        let (client, inner) = duplex(pipe);
        let writes = Arc::new(AtomicUsize::new(0));
        let counting = Counting {
            inner,
            writes: Arc::clone(&writes),
        };
        let (shard, inputs) = mpsc::channel(16);
        let (batches, waiting) = mpsc::channel(1);
        tokio::spawn(run(ID, counting, 1000, shard, waiting));
        Rig {
            client,
            writes,
            batches,
            inputs,
        }
    }

    /// A masked text frame of a client, with a mask of zeros.
    fn client_frame(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        frame
    }

    #[tokio::test]
    async fn all_frames_of_a_batch_leave_in_one_write() {
        let mut rig = rig(1 << 20);
        let batch = vec![
            Frame::Text("4a".into()),
            Frame::Binary(bytes::Bytes::from_static(b"b")),
            Frame::Text("4c".into()),
        ];
        rig.batches.send(batch).await.unwrap();
        assert!(matches!(rig.inputs.recv().await, Some(Input::Writable(ID))));
        let expected = *b"\x81\x024a\x82\x01b\x81\x024c";
        let mut written = [0; 11];
        rig.client.read_exact(&mut written).await.unwrap();
        assert_eq!(written, expected);
        assert_eq!(rig.writes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn it_reads_on_while_a_batch_cannot_leave() {
        let mut rig = rig(64);
        let batch = vec![Frame::Text("4".repeat(500).into())];
        rig.batches.send(batch).await.unwrap();
        rig.client.write_all(&client_frame("3")).await.unwrap();
        let Some(Input::Frame(ID, frame)) = rig.inputs.recv().await else {
            panic!("a frame");
        };
        assert_eq!(frame, Frame::Text("3".into()));
        let mut written = vec![0; 504];
        rig.client.read_exact(&mut written).await.unwrap();
        assert!(matches!(rig.inputs.recv().await, Some(Input::Writable(ID))));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_left_unread_once_too_many_pongs_wait() {
        let rig = rig(64);
        let ping = b"\x89\x80\0\0\0\0";
        // More than the pipe, the read buffer and the pings that are taken ahead.
        let pings = ping.repeat(2 * READ_BYTES);
        let (mut reader, mut writer) = tokio::io::split(rig.client);
        let mut all = tokio::spawn(async move { writer.write_all(&pings).await });
        assert!(timeout(CLOSE_TIME, &mut all).await.is_err());

        let mut pongs = tokio::io::sink();
        tokio::spawn(async move { tokio::io::copy(&mut reader, &mut pongs).await });
        timeout(CLOSE_TIME, all).await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_closes_behind_the_last_batch_without_a_code() {
        let mut rig = rig(1 << 20);
        rig.batches
            .send(vec![Frame::Text("4a".into())])
            .await
            .unwrap();
        drop(rig.batches);
        let mut written = [0; 6];
        rig.client.read_exact(&mut written).await.unwrap();
        assert_eq!(written, *b"\x81\x024a\x88\x00");
        rig.client.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
        assert_eq!(
            rig.client.read(&mut written).await.unwrap(),
            0,
            "the server hangs up"
        );
        while let Some(input) = rig.inputs.recv().await {
            assert!(matches!(input, Input::Writable(_)), "{input:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_cannot_hold_a_closed_connection() {
        let mut rig = rig(8);
        rig.batches
            .send(vec![Frame::Text("4".repeat(500).into())])
            .await
            .unwrap();
        drop(rig.batches);
        let started = tokio::time::Instant::now();
        assert!(rig.inputs.recv().await.is_none());
        tokio::time::sleep(CLOSE_TIME * 2).await;
        let mut written = Vec::new();
        rig.client.read_to_end(&mut written).await.unwrap();
        assert!(written.len() <= 8, "the rest was dropped");
        assert_eq!(started.elapsed(), CLOSE_TIME * 2);
    }

    #[tokio::test]
    async fn text_that_is_no_utf_8_closes_with_1007_and_an_unknown_frame_with_1002() {
        for (bytes, code) in [
            (&b"\x81\x81\0\0\0\0\xff"[..], 1007_u16),
            (&b"\x83\x81\0\0\0\0x"[..], 1002),
            (&b"\x81\x01x"[..], 1002),
            (&b"\xc1\x81\0\0\0\0x"[..], 1002),
        ] {
            let mut rig = rig(1 << 10);
            rig.client.write_all(bytes).await.unwrap();
            assert!(matches!(rig.inputs.recv().await, Some(Input::Failed(ID))));
            let mut close = [0; 4];
            rig.client.read_exact(&mut close).await.unwrap();
            assert_eq!(close[..2], [0x88, 2]);
            assert_eq!(u16::from_be_bytes([close[2], close[3]]), code);
        }
    }
}
