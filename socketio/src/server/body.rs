//! Reading a request body up to a limit.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;

/// A body on its way to become whole. Reading may be given up and taken up again at any time.
#[derive(Debug)]
pub(super) struct WholeBody<B> {
    body: Pin<Box<B>>,
    limit: usize,
    /// The first piece, uncopied: mostly it is the only one.
    first: Bytes,
    more: BytesMut,
    /// What went wrong stays wrong.
    fault: Option<BodyFault>,
}

/// Why a body did not become whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyFault {
    /// It has more bytes than allowed.
    TooLarge,
    /// It was cut off, or broke the rules of HTTP.
    Broken,
}

impl<B: Body> WholeBody<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self {
            body: Box::pin(body),
            limit,
            first: Bytes::new(),
            more: BytesMut::new(),
            fault: None,
        }
    }

    /// Reads what has arrived already; `None` if that is not all of it.
    ///
    /// The second look is for hyper, which reads a body only once it has been asked for.
    pub(super) async fn try_read(&mut self) -> Option<Result<Bytes, BodyFault>> {
        for look in 0..2 {
            if look > 0 {
                tokio::task::yield_now().await;
            }
            let read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
            if let Poll::Ready(read) = read {
                return Some(read);
            }
        }
        None
    }

    /// Reads to the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BodyFault>> {
        if let Some(fault) = self.fault {
            return Poll::Ready(Err(fault));
        }
        let read = ready!(self.poll_whole(cx));
        self.fault = read.as_ref().err().copied();
        Poll::Ready(read)
    }

    fn poll_whole(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BodyFault>> {
        let declared = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if self.len().saturating_add(declared) > self.limit {
            return Poll::Ready(Err(BodyFault::TooLarge));
        }
        loop {
            match ready!(self.body.as_mut().poll_frame(cx)) {
                None if self.more.is_empty() => {
                    return Poll::Ready(Ok(std::mem::take(&mut self.first)));
                }
                None => return Poll::Ready(Ok(self.more.split().freeze())),
                Some(Err(_)) => return Poll::Ready(Err(BodyFault::Broken)),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if data.remaining() > self.limit.saturating_sub(self.len()) {
                        return Poll::Ready(Err(BodyFault::TooLarge));
                    }
                    self.take(data);
                }
            }
        }
    }

    fn len(&self) -> usize {
        if self.more.is_empty() {
            self.first.len()
        } else {
            self.more.len()
        }
    }

    fn take(&mut self, mut data: impl Buf) {
        let length = data.remaining();
        if self.len() == 0 {
            self.first = data.copy_to_bytes(length);
            return;
        }
        if self.more.is_empty() {
            let expected = usize::try_from(self.body.size_hint().lower()).unwrap_or(0);
            let whole = self.len().saturating_add(length).saturating_add(expected);
            self.more.reserve(whole.min(self.limit));
            self.more
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            self.more.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
    }
}

/// Reads the rest of a body that is not wanted, within limits: a client that is still writing would otherwise see its
/// connection reset before it has read the answer.
pub(super) async fn discard<B: Body>(mut body: WholeBody<B>) {
    let rest = async {
        let mut room = DISCARDED_BYTES;
        while let Some(Ok(frame)) = poll_fn(|cx| body.body.as_mut().poll_frame(cx)).await {
            let length = frame.data_ref().map_or(0, Buf::remaining);
            let Some(left) = room.checked_sub(length) else {
                break;
            };
            room = left;
        }
    };
    // Out of time or out of room: the HTTP library closes the connection.
    let _elapsed = tokio::time::timeout(DISCARD_TIME, rest).await;
}

const DISCARDED_BYTES: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;

    use http_body::Frame;

    use super::*;

    /// A body of given pieces; an empty piece stands for "not yet".
    struct Pieces(VecDeque<&'static str>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop_front() {
                Some("") => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.into())))),
            }
        }
    }

    fn body(pieces: &[&'static str], limit: usize) -> WholeBody<Pieces> {
        WholeBody::new(Pieces(pieces.iter().copied().collect()), limit)
    }

    #[tokio::test]
    async fn pieces_are_joined_up_to_the_limit_and_refused_beyond_it() {
        let read = async |pieces: &[&'static str]| {
            let mut body = body(pieces, 6);
            poll_fn(|cx| body.poll_read(cx)).await
        };
        assert_eq!(read(&[]).await.unwrap(), "");
        assert_eq!(read(&["abc"]).await.unwrap(), "abc");
        assert_eq!(read(&["ab", "", "cd", "ef"]).await.unwrap(), "abcdef");
        assert_eq!(
            read(&["ab", "cd", "", "efg"]).await,
            Err(BodyFault::TooLarge)
        );
        assert_eq!(read(&["abcdefg"]).await, Err(BodyFault::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_has_not_arrived_is_taken_up_later() {
        let mut body = body(&["ab", "", "", "", "cd"], 6);
        assert_eq!(body.try_read().await, None);
        assert_eq!(poll_fn(|cx| body.poll_read(cx)).await.unwrap(), "abcd");
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_stays_so() {
        let mut body = body(&["abcdefg", "h"], 6);
        assert_eq!(body.try_read().await, Some(Err(BodyFault::TooLarge)));
        let again = poll_fn(|cx| body.poll_read(cx)).await;
        assert_eq!(again, Err(BodyFault::TooLarge));
    }
}
