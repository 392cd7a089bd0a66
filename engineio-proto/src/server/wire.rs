//! The wire form of a session's packets, as its handshake decided.

use bytes::Bytes;

use super::route::{Handshake, PostContent};
use crate::codec::{DecodeError, Packet, Packets, v3, v4};
use crate::ledger::Form;
use crate::{Encoded, Frame, Revision};

/// The encoding of a session. It never changes; whether a connection takes binary frames is the connection's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Wire {
    #[default]
    V4,
    V3 {
        /// Polling takes text payloads only, binary as base64.
        text_only: bool,
    },
}

/// What answers a poll for which there is nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Control {
    Noop,
    Close,
    NoopAndClose,
}

impl Wire {
    pub(super) fn of(handshake: &Handshake) -> Self {
        match handshake.revision {
            Revision::V4 => Self::V4,
            Revision::V3 => Self::V3 {
                text_only: handshake.text_only || handshake.jsonp.is_some(),
            },
        }
    }

    pub(super) fn revision(self) -> Revision {
        match self {
            Self::V4 => Revision::V4,
            Self::V3 { .. } => Revision::V3,
        }
    }

    /// The server's part of the heartbeat: a ping, or in revision 3 the answer to one.
    pub(super) fn heartbeat(self) -> &'static str {
        match self {
            Self::V4 => "2",
            Self::V3 { .. } => "3",
        }
    }

    pub(super) fn control(self, control: Control) -> &'static str {
        match (self, control) {
            (Self::V4, Control::Noop) => "6",
            (Self::V4, Control::Close) => "1",
            (Self::V4, Control::NoopAndClose) => "6\x1e1",
            (Self::V3 { .. }, Control::Noop) => "1:6",
            (Self::V3 { .. }, Control::Close) => "1:1",
            (Self::V3 { .. }, Control::NoopAndClose) => "1:61:1",
        }
    }

    /// A message as a frame, in base64 if it is binary and the connection takes text only.
    pub(super) fn frame(self, message: &Encoded, text_only: bool) -> Frame {
        match (self, text_only) {
            (Self::V4, false) => message.frame(),
            (Self::V4, true) => Frame::Text(message.polling_packet()),
            (Self::V3 { .. }, false) => message.frame_v3(),
            (Self::V3 { .. }, true) => Frame::Text(message.text_packet_v3()),
        }
    }

    /// The form of a binary message that [`frame`](Self::frame) asks for.
    pub(super) fn form(self, text_only: bool) -> Option<Form> {
        match (self, text_only) {
            (Self::V4, false) => None,
            (Self::V4, true) => Some(Form::Base64),
            (Self::V3 { .. }, false) => Some(Form::FrameV3),
            (Self::V3 { .. }, true) => Some(Form::TextV3),
        }
    }

    pub(super) fn decode_frame(self, frame: Frame) -> Result<Packet, DecodeError> {
        match self {
            Self::V4 => v4::decode_frame(frame),
            Self::V3 { .. } => v3::decode_frame(frame),
        }
    }

    pub(super) fn decode_payload(self, content: PostContent, body: Bytes, most: usize) -> Packets {
        match (self, content) {
            (Self::V4, _) => Packets::V4(v4::decode_payload(body, most)),
            (Self::V3 { .. }, PostContent::Text) => Packets::V3(v3::decode_payload(body, most)),
            (Self::V3 { .. }, PostContent::Binary) => {
                Packets::V3Binary(v3::decode_binary_payload(body, most))
            }
        }
    }
}
