//! One connection: a task that reads, a task that writes, and TLS between them and the wire.

use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use engineio_driver::TlsClient;
use engineio_wire::Batch;
use engineio_wire::client::PipeId;
use smol::channel::{Receiver, Sender, unbounded};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{Executor, Task};

use super::Input;

/// A connection. Dropping it closes the connection, and cancels its tasks.
#[derive(Debug)]
pub(super) struct Link {
    tls: Option<TlsClient>,
    writer: Sender<Chunk>,
    /// Every buffer lets the task that reads read once.
    reader: Sender<Vec<u8>>,
    /// The buffer, while the wire wants nothing more.
    resting: Option<Vec<u8>>,
    _tasks: [Task<()>; 2],
}

/// Bytes to be written.
#[derive(Debug)]
enum Chunk {
    Plain(Batch),
    /// The bytes of TLS, and how many they stand for.
    Tls(Bytes, usize),
}

/// What bytes from the network mean.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// TLS has just been opened.
    pub(super) has_opened: bool,
    /// The server has said that nothing more comes.
    pub(super) has_ended: bool,
}

/// How much is read from a socket at a time.
const READ_BYTES: usize = 16 << 10;

/// The pieces of a batch that are written at once.
const SLICES: usize = 64;

impl Link {
    /// Starts the tasks of a connection.
    pub(super) fn open(
        pipe: PipeId,
        tcp: TcpStream,
        executor: &Executor<'static>,
        reporter: &Sender<Input>,
    ) -> Self {
        let (writer, chunks) = unbounded();
        let (reader, buffers) = unbounded();
        let (to_write, to_read) = (tcp.clone(), tcp);
        let report = reporter.clone();
        let write = executor.spawn(async move {
            if let Err(error) = write(pipe, to_write, chunks, report).await {
                // The task that reads finds that out, and reports what came before.
                tracing::debug!(%error, "writing failed");
            }
        });
        let report = reporter.clone();
        let read = executor.spawn(async move {
            let ended = read(pipe, to_read, buffers, &report).await;
            // A driver that has ended does not care.
            let _ended = report.send(Input::Ended(pipe, ended)).await;
        });
        Self {
            tls: None,
            writer,
            reader,
            resting: Some(Vec::new()),
            _tasks: [write, read],
        }
    }

    pub(super) const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Begins TLS.
    pub(super) fn secure(&mut self, tls: TlsClient) -> io::Result<()> {
        self.tls = Some(tls);
        self.flush(0)
    }

    /// Has a batch written.
    pub(super) fn write(&mut self, batch: Batch) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            // A task that is gone has found the connection broken, and the one that reads reports it.
            let _gone = self.writer.try_send(Chunk::Plain(batch));
            return Ok(());
        };
        for chunk in batch.chunks() {
            tls.write(chunk)?;
        }
        self.flush(batch.len())
    }

    /// Takes bytes from the network.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> io::Result<Decoded> {
        let mut decoded = Decoded::default();
        let Some(tls) = &mut self.tls else {
            decoded.bytes.extend_from_slice(bytes);
            return Ok(decoded);
        };
        let was_open = tls.is_open();
        let read = tls.read(bytes, &mut decoded.bytes);
        decoded.has_opened = !was_open && tls.is_open();
        // Where it fails there is an alert to send.
        self.flush(0)?;
        decoded.has_ended = !read?;
        Ok(decoded)
    }

    /// Gives the buffer back. Nothing is read before [`read_on`](Self::read_on).
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        self.resting = Some(buffer);
    }

    /// Lets the task that reads go on, if it rests.
    pub(super) fn read_on(&mut self) {
        if let Some(buffer) = self.resting.take() {
            // A task that is gone has reported why.
            let _gone = self.reader.try_send(buffer);
        }
    }

    /// Sends what TLS has to say, which stands for so many bytes.
    fn flush(&mut self, length: usize) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            let bytes = tls.take_output()?;
            if !bytes.is_empty() {
                let _gone = self.writer.try_send(Chunk::Tls(bytes.into(), length));
            }
        }
        Ok(())
    }
}

/// Reads into the buffers that come, until there is nothing more to read.
async fn read(
    pipe: PipeId,
    mut tcp: TcpStream,
    buffers: Receiver<Vec<u8>>,
    reporter: &Sender<Input>,
) -> io::Result<()> {
    while let Ok(mut buffer) = buffers.recv().await {
        buffer.resize(READ_BYTES, 0);
        let count = tcp.read(&mut buffer).await?;
        buffer.truncate(count);
        if count == 0 || reporter.send(Input::Read(pipe, buffer)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes what comes, until the connection is dropped.
async fn write(
    pipe: PipeId,
    mut tcp: TcpStream,
    chunks: Receiver<Chunk>,
    reporter: Sender<Input>,
) -> io::Result<()> {
    while let Ok(chunk) = chunks.recv().await {
        match chunk {
            Chunk::Plain(mut batch) => {
                while batch.has_remaining() {
                    let written = write_some(&mut tcp, &mut batch).await?;
                    // A driver that has ended does not care.
                    let _ended = reporter.send(Input::Written(pipe, written)).await;
                }
            }
            Chunk::Tls(mut bytes, length) => {
                while bytes.has_remaining() {
                    write_some(&mut tcp, &mut bytes).await?;
                }
                let _ended = reporter.send(Input::Written(pipe, length)).await;
            }
        }
    }
    Ok(())
}

async fn write_some(tcp: &mut TcpStream, bytes: &mut impl Buf) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let count = bytes.chunks_vectored(&mut slices);
    let written = tcp
        .write_vectored(slices.get(..count).unwrap_or_default())
        .await?;
    if written == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    bytes.advance(written);
    Ok(written)
}
