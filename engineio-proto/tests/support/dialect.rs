//! The ways in which the client of a session writes and reads its payloads.

use engineio_proto::Bytes;
use engineio_proto::codec::{v3, v4};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    V4,
    V3,
    V3Text,
    Jsonp,
}

impl Dialect {
    pub(crate) const ALL: [Self; 4] = [Self::V4, Self::V3, Self::V3Text, Self::Jsonp];

    /// The start of its queries.
    pub(crate) fn query(self) -> &'static str {
        match self {
            Self::V4 => "EIO=4",
            Self::V3 => "EIO=3",
            Self::V3Text => "EIO=3&b64=1",
            Self::Jsonp => "EIO=4&j=0",
        }
    }

    /// A body with the same packets as that of revision 4; bytes stay as they are.
    pub(crate) fn body(self, body: &Bytes) -> Bytes {
        let Ok(text) = core::str::from_utf8(body) else {
            return body.clone();
        };
        match self {
            Self::V4 => body.clone(),
            Self::V3 | Self::V3Text => {
                let item = |packet: &str| format!("{}:{packet}", packet.encode_utf16().count());
                text.split('\x1e').map(item).collect::<String>().into()
            }
            Self::Jsonp => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                // As the official client does.
                let escaped = text.replace("\\n", "\\\n").replace('\n', "\\n");
                form.append_pair("d", &escaped);
                form.finish().into()
            }
        }
    }

    /// The packets in the answer to a poll, as text.
    pub(crate) fn packets(self, content_type: Option<&str>, body: Bytes) -> Vec<String> {
        let text = |body: Bytes| String::from_utf8(body.to_vec()).expect("text");
        let binary = content_type == Some("application/octet-stream");
        match self {
            Self::V4 => text(body).split('\x1e').map(str::to_owned).collect(),
            Self::V3 | Self::V3Text => {
                let packets: Result<Vec<_>, _> = if binary {
                    v3::decode_binary_payload(body, usize::MAX).collect()
                } else {
                    v3::decode_payload(body, usize::MAX).collect()
                };
                let packets = packets.expect("packets");
                packets
                    .iter()
                    .map(|packet| v4::encode_text(packet).to_string())
                    .collect()
            }
            Self::Jsonp => {
                let script = text(body);
                let literal = script
                    .strip_prefix("___eio[0](")
                    .and_then(|rest| rest.strip_suffix(");"));
                let payload: String =
                    serde_json::from_str(literal.expect("a script")).expect("a string");
                payload.split('\x1e').map(str::to_owned).collect()
            }
        }
    }
}
