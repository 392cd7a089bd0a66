//! A message encoded once, for any number of recipients.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use once_cell::race::OnceBox;

use crate::codec::base64::{encoded_len as base64_len, packet as base64_packet};
use crate::codec::v3;
use crate::ledger::{self, Form, Tally};
use crate::{Frame, FrameHeader, Message};

/// A message in its wire form, made once and shared by every session it is sent to.
///
/// Cloning it costs a reference count; a slot in a session's queue is eight bytes. The base64 form that polling needs
/// for binary is made when the first polling session asks for it, and at most once; so are the forms of revision 3.
///
/// # Examples
///
/// ```
/// use engineio_proto::{Encoded, Frame, Message};
///
/// let encoded = Encoded::new(&Message::text("hello"));
/// assert_eq!(encoded.frame(), Frame::Text("4hello".into()));
/// assert_eq!(encoded.polling_packet(), "4hello");
///
/// let encoded = Encoded::new(&Message::binary(vec![1, 2, 3]));
/// assert_eq!(encoded.polling_packet(), "bAQID");
/// ```
#[derive(Clone)]
pub struct Encoded(Arc<Inner>);

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoded").field(&self.0.frame).finish()
    }
}

struct Inner {
    frame: Frame,
    compress: bool,
    /// The unused capacity of the buffer.
    spare: u32,
    base64: OnceBox<ByteString>,
    v3: OnceBox<V3>,
    tally: Tally,
}

/// The forms of a binary message in revision 3, each made when it is first asked for.
#[derive(Default)]
struct V3 {
    frame: OnceBox<Bytes>,
    text: OnceBox<ByteString>,
}

impl Encoded {
    /// Encodes a message. Text is copied once, behind its packet type; binary is shared, not copied.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        match message {
            Message::Text(text) => Self::text(text.len(), |out| out.push_str(text)),
            Message::Binary(data) => Self::binary(data.clone()),
        }
    }

    /// Encodes a text message that `write` appends to the buffer it is given, which has room for `capacity` bytes.
    ///
    /// This is how a layer above puts its packet straight into the buffer that goes to the wire: with the right
    /// capacity the text is written once and never copied.
    #[must_use]
    pub fn text(capacity: usize, write: impl FnOnce(&mut String)) -> Self {
        let mut text = String::with_capacity(capacity.saturating_add(1));
        text.push('4');
        write(&mut text);
        let spare = text.capacity().saturating_sub(text.len());
        Self::from_frame(Frame::Text(text.into()), spare)
    }

    /// Takes the frame of a text message as it is: `4` and the text, in a buffer with so many unused bytes. Shares the
    /// buffer. `None` if it is the frame of something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use engineio_proto::{Encoded, Message};
    ///
    /// let encoded = Encoded::from_text_frame("4hello".into(), 0).ok_or("no message")?;
    /// assert_eq!(encoded.message(), Message::text("hello"));
    /// assert_eq!(Encoded::from_text_frame("2probe".into(), 0), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn from_text_frame(text: ByteString, spare: usize) -> Option<Self> {
        text.starts_with('4')
            .then(|| Self::from_frame(Frame::Text(text), spare))
    }

    /// Encodes a binary message.
    #[must_use]
    pub fn binary(data: Bytes) -> Self {
        Self::from_frame(Frame::Binary(data), 0)
    }

    /// Encodes a binary message in a buffer with so many unused bytes. Shares the buffer.
    #[must_use]
    pub fn from_binary_frame(data: Bytes, spare: usize) -> Self {
        Self::from_frame(Frame::Binary(data), spare)
    }

    /// The length in bytes of the message, without packet type or encoding.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match &self.0.frame {
            Frame::Text(text) => text.len().saturating_sub(1),
            Frame::Binary(data) => data.len(),
        }
    }

    /// Whether the message is binary.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        matches!(self.0.frame, Frame::Binary(_))
    }

    /// The frame for a WebSocket or WebTransport connection. Never copies.
    #[must_use]
    pub fn frame(&self) -> Frame {
        self.0.frame.clone()
    }

    /// As [`frame`](Self::frame), for whoever needs the message no longer: the last holder moves the content out.
    pub(crate) fn into_frame(self) -> Frame {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.frame,
            Err(shared) => shared.frame.clone(),
        }
    }

    /// The header of the whole, final, unmasked WebSocket frame (RFC 6455, section 5.2) that carries this message from
    /// a server: 2, 4 or 10 bytes. A driver that writes frames itself sends it and the content of
    /// [`frame`](Self::frame) in one vectored write.
    #[must_use]
    pub fn websocket_header(&self) -> FrameHeader {
        FrameHeader::websocket(&self.0.frame)
    }

    /// The packet as an item of a polling payload: `4<text>` or `b<base64>`. Never copies text.
    #[must_use]
    pub fn polling_packet(&self) -> ByteString {
        match &self.0.frame {
            Frame::Text(text) => text.clone(),
            Frame::Binary(data) => self
                .0
                .base64
                .get_or_init(|| Box::new(base64_packet("b", data)))
                .clone(),
        }
    }

    /// The length in bytes of [`polling_packet`](Self::polling_packet), without making it.
    #[must_use]
    pub fn polling_len(&self) -> usize {
        match &self.0.frame {
            Frame::Text(text) => text.len(),
            Frame::Binary(data) => base64_len(data.len()).saturating_add(1),
        }
    }

    /// The frame for a connection of revision 3, where a byte for the type stands in front of binary data. Never copies
    /// text; binary is copied at most once for all recipients.
    #[must_use]
    pub fn frame_v3(&self) -> Frame {
        match &self.0.frame {
            Frame::Text(text) => Frame::Text(text.clone()),
            Frame::Binary(data) => {
                let packet = || Box::new(v3::binary_packet(data));
                Frame::Binary(self.v3().frame.get_or_init(packet).clone())
            }
        }
    }

    /// The packet as text for a client of revision 3: `4<text>` or `b4<base64>`, made at most once for all recipients.
    /// Never copies text.
    #[must_use]
    pub fn text_packet_v3(&self) -> ByteString {
        match &self.0.frame {
            Frame::Text(text) => text.clone(),
            Frame::Binary(data) => {
                let packet = || Box::new(v3::text_packet(data));
                self.v3().text.get_or_init(packet).clone()
            }
        }
    }

    fn v3(&self) -> &V3 {
        self.0.v3.get_or_init(Box::default)
    }

    /// The same message with the hint that compressing it is not worth the time: officially the flag `compress`, set to
    /// false. A driver that compresses goes by [`Response::compress`](crate::http::Response::compress) and
    /// [`Server::poll_frame_with_hint`](crate::server::Server::poll_frame_with_hint). Shares the content.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self(Arc::new(Inner {
            frame: self.frame(),
            compress: false,
            spare: self.0.spare,
            base64: OnceBox::new(),
            v3: OnceBox::new(),
            tally: Tally::default(),
        }))
    }

    /// Whether the message may be compressed: true unless it was [made otherwise](Self::uncompressed).
    #[must_use]
    pub fn compress(&self) -> bool {
        self.0.compress
    }

    /// The message again. Never copies.
    #[must_use]
    pub fn message(&self) -> Message {
        match self.frame() {
            Frame::Text(text) => {
                let content = text.get(1..).unwrap_or_default();
                Message::Text(text.slice_ref(content))
            }
            Frame::Binary(data) => Message::Binary(data),
        }
    }

    fn from_frame(frame: Frame, spare: usize) -> Self {
        Self(Arc::new(Inner {
            frame,
            compress: true,
            spare: u32::try_from(spare).unwrap_or(u32::MAX),
            base64: OnceBox::new(),
            v3: OnceBox::new(),
            tally: Tally::default(),
        }))
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// The bytes that the message takes on the heap, without the forms that are made later.
    pub(crate) fn fixed_size(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        let buffer = ledger::buffer_size(self.0.frame.len());
        buffer
            .saturating_add(self.0.spare as usize)
            .saturating_add(size_of::<Inner>() + COUNTS)
    }

    /// The bytes that a form takes on the heap beside the message.
    pub(crate) fn form_size(&self, form: Form) -> usize {
        let Frame::Binary(data) = &self.0.frame else {
            return 0;
        };
        let len = match form {
            Form::Base64 => base64_len(data.len()).saturating_add(1),
            Form::FrameV3 => data.len().saturating_add(1),
            Form::TextV3 => base64_len(data.len()).saturating_add(2),
        };
        let forms = match form {
            Form::Base64 => 0,
            Form::FrameV3 | Form::TextV3 => size_of::<V3>(),
        };
        ledger::buffer_size(len)
            .saturating_add(size_of::<Bytes>())
            .saturating_add(forms)
    }
}

impl PartialEq for Encoded {
    fn eq(&self, other: &Self) -> bool {
        self.0.frame == other.0.frame
    }
}

impl Eq for Encoded {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn text_views() {
        let encoded = Encoded::new(&Message::text("€"));
        assert_eq!(encoded.frame(), Frame::Text("4€".into()));
        assert_eq!(encoded.polling_packet(), "4€");
        assert_eq!((encoded.payload_len(), encoded.polling_len()), (3, 4));
        assert_eq!(encoded.message(), Message::text("€"));
    }

    #[test]
    fn binary_views_share_their_buffers() {
        let data = Bytes::from(vec![0xff; 100]);
        let encoded = Encoded::binary(data.clone());
        let Frame::Binary(framed) = encoded.frame() else {
            panic!("binary")
        };
        assert_eq!(framed.as_ptr(), data.as_ptr());
        let first = encoded.polling_packet();
        assert_eq!(first.as_ptr(), encoded.polling_packet().as_ptr());
        assert_eq!(first.len(), encoded.polling_len());
    }

    #[test]
    fn a_frame_is_moved_out_by_the_last_holder_and_shared_by_others() {
        let encoded = Encoded::new(&Message::text("hello"));
        let address = |frame: &Frame| match frame {
            Frame::Text(text) => text.as_ptr(),
            Frame::Binary(data) => data.as_ptr(),
        };
        let first = address(&encoded.frame());
        let shared = encoded.clone().into_frame();
        let last = encoded.into_frame();
        assert_eq!((address(&shared), address(&last)), (first, first));
        assert_eq!((&shared, &last), (&last, &Frame::Text("4hello".into())));
    }

    #[test]
    fn the_views_of_revision_3_are_made_once() {
        let encoded = Encoded::binary(vec![1, 2, 3].into());
        let copy = encoded.clone();
        let address = |encoded: &Encoded| match encoded.frame_v3() {
            Frame::Binary(data) => data.as_ptr(),
            Frame::Text(text) => panic!("binary, not {text}"),
        };
        assert_eq!(encoded.frame_v3(), Frame::Binary(vec![4, 1, 2, 3].into()));
        assert_eq!(address(&encoded), address(&copy));
        assert_eq!(encoded.text_packet_v3(), "b4AQID");
        assert_eq!(
            encoded.text_packet_v3().as_ptr(),
            copy.text_packet_v3().as_ptr()
        );
        let text = Encoded::new(&Message::text("€"));
        assert_eq!(text.frame_v3(), text.frame());
        assert_eq!(text.text_packet_v3(), text.polling_packet());
    }

    #[test]
    fn a_queue_slot_is_eight_bytes() {
        assert_eq!(size_of::<Encoded>(), 8);
        assert!(size_of::<Inner>() <= 96);
    }
}
