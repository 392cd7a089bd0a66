//! The task of one WebTransport session.

use std::error::Error;

use engineio_proto::http::Request;
use tokio::time::timeout;
use wtransport::endpoint::{ConnectOptions, endpoint_side};
use wtransport::{ClientConfig, Connection as Session, Endpoint, RecvStream, SendStream, VarInt};

use super::network::Connection;
use super::{CLOSE_TIME, Input, Tls};
use crate::webtransport::{FrameReader, ReadEnd, write};

/// A session with its stream. What it runs on ends with it.
struct Opened {
    _endpoint: Endpoint<endpoint_side::Client>,
    session: Session,
    send: SendStream,
    recv: RecvStream,
}

impl Connection {
    pub(super) async fn run_webtransport(mut self, request: Request, tls: Tls, max_payload: usize) {
        let opened = tokio::select! {
            opened = open(&request, &tls) => opened,
            // There is no batch before it is open: the driver closes it.
            _ = self.batches.recv() => return,
        };
        match opened {
            Ok(mut opened) => {
                if self.report(Input::Connected(self.id)).await {
                    let reader = FrameReader::new(opened.recv, max_payload);
                    self.carry_frames(&mut opened.send, reader).await;
                }
                // What the server has not got by then is lost with the session.
                let _late = timeout(CLOSE_TIME, opened.send.finish()).await;
                opened.session.close(VarInt::from_u32(0), b"");
            }
            Err(error) => {
                tracing::debug!(%error, "a session failed");
                self.report(Input::Failed(self.id, None)).await;
            }
        }
    }

    async fn carry_frames(&mut self, send: &mut SendStream, mut reader: FrameReader) {
        let (id, reporter) = (self.id, self.reporter.clone());
        let read = async {
            loop {
                let frame = match reader.next().await {
                    Ok(frame) => frame,
                    Err(ReadEnd::Closed) => break Input::Closed(id, None),
                    Err(ReadEnd::Bad(error)) => break Input::BadFrame(id, error),
                };
                if reporter.send(Input::Frame(id, frame)).await.is_err() {
                    break Input::Closed(id, None);
                }
            }
        };
        let write = async {
            while let Some(batch) = self.batches.recv().await {
                if !write(send, batch).await {
                    return Some(Input::Closed(id, None));
                }
                // Fails only when nobody cares.
                let _ended = self.reporter.send(Input::Written(id)).await;
            }
            None
        };
        let end = tokio::select! {
            end = read => Some(end),
            end = write => end,
        };
        if let Some(end) = end {
            self.report(end).await;
        }
    }
}

async fn open(request: &Request, tls: &Tls) -> Result<Opened, Box<dyn Error + Send + Sync>> {
    let mut config = tls.config().as_ref().clone();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = ClientConfig::builder()
        .with_bind_default()
        .with_custom_tls(config)
        .build();
    let endpoint = Endpoint::client(config)?;
    let mut options = ConnectOptions::builder(&request.url);
    for (name, value) in &request.headers {
        options = options.add_header(name.to_ascii_lowercase(), value);
    }
    let session = endpoint.connect(options.build()).await?;
    let (send, recv) = session.open_bi().await?.await?;
    Ok(Opened {
        _endpoint: endpoint,
        session,
        send,
        recv,
    })
}
