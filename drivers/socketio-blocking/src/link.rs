//! One connection: a thread that reads, a thread that writes, and TLS between them and the wire.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;

use bytes::{Buf, Bytes};
use engineio_driver::TlsClient;
use engineio_wire::Batch;
use engineio_wire::client::PipeId;

use super::Input;

/// A connection. Dropping it closes the connection, and ends its threads.
#[derive(Debug)]
pub(super) struct Link {
    tcp: TcpStream,
    tls: Option<TlsClient>,
    writer: Sender<Chunk>,
    /// Every buffer lets the thread that reads read once.
    reader: Sender<Vec<u8>>,
    /// The buffer, while the wire wants nothing more.
    resting: Option<Vec<u8>>,
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

impl Drop for Link {
    fn drop(&mut self) {
        // Fails if it is closed already.
        let _closed = self.tcp.shutdown(Shutdown::Both);
    }
}

impl Link {
    /// Starts the threads of a connection.
    pub(super) fn open<C: Send + 'static>(
        pipe: PipeId,
        tcp: TcpStream,
        reporter: &SyncSender<Input<C>>,
    ) -> io::Result<Self> {
        let (writer, chunks) = channel();
        let (reader, buffers) = channel();
        let (to_write, report) = (tcp.try_clone()?, reporter.clone());
        let written = move |length| report.send(Input::Written(pipe, length)).is_ok();
        thread::spawn(move || {
            if let Err(error) = write(&to_write, &chunks, written) {
                tracing::debug!(%error, "writing failed");
                // The thread that reads finds that out, and reports what came before.
                let _closed = to_write.shutdown(Shutdown::Write);
            }
        });
        let (mut to_read, report) = (tcp.try_clone()?, reporter.clone());
        thread::spawn(move || {
            let read = |buffer| report.send(Input::Read(pipe, buffer)).is_ok();
            let ended = read_all(&mut to_read, &buffers, read);
            // A driver that has ended does not care.
            let _ended = report.send(Input::Ended(pipe, ended));
        });
        Ok(Self {
            tcp,
            tls: None,
            writer,
            reader,
            resting: Some(Vec::new()),
        })
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
            // A thread that is gone has found the connection broken, and the one that reads reports it.
            let _gone = self.writer.send(Chunk::Plain(batch));
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

    /// Lets the thread that reads go on, if it rests.
    pub(super) fn read_on(&mut self) {
        if let Some(buffer) = self.resting.take() {
            // A thread that is gone has reported why.
            let _gone = self.reader.send(buffer);
        }
    }

    /// Sends what TLS has to say, which stands for so many bytes.
    fn flush(&mut self, length: usize) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            let bytes = tls.take_output()?;
            if !bytes.is_empty() {
                let _gone = self.writer.send(Chunk::Tls(bytes.into(), length));
            }
        }
        Ok(())
    }
}

/// Reads into the buffers that come, until there is nothing more to read.
fn read_all(
    tcp: &mut TcpStream,
    buffers: &Receiver<Vec<u8>>,
    report: impl Fn(Vec<u8>) -> bool,
) -> io::Result<()> {
    for mut buffer in buffers {
        buffer.resize(READ_BYTES, 0);
        let count = tcp.read(&mut buffer)?;
        buffer.truncate(count);
        if count == 0 || !report(buffer) {
            break;
        }
    }
    Ok(())
}

/// Writes what comes, until the connection is dropped.
fn write(
    tcp: &TcpStream,
    chunks: &Receiver<Chunk>,
    report: impl Fn(usize) -> bool,
) -> io::Result<()> {
    for chunk in chunks {
        match chunk {
            Chunk::Plain(mut batch) => {
                write_all(tcp, &mut batch, &report)?;
            }
            Chunk::Tls(mut bytes, length) => {
                write_all(tcp, &mut bytes, |_| true)?;
                report(length);
            }
        }
    }
    Ok(())
}

fn write_all(
    mut tcp: &TcpStream,
    bytes: &mut impl Buf,
    report: impl Fn(usize) -> bool,
) -> io::Result<()> {
    while bytes.has_remaining() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = bytes.chunks_vectored(&mut slices);
        let written = tcp.write_vectored(slices.get(..count).unwrap_or_default())?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes.advance(written);
        report(written);
    }
    Ok(())
}
