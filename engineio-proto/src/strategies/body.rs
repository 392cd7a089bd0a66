//! Strategies for polling payloads.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::inputs::{PayloadKind, PollingPayload};

use super::{nearly, packet, payload_packet};

/// Valid payloads of one to nine packets.
pub fn polling_payload(kind: PayloadKind) -> BoxedStrategy<PollingPayload> {
    let packet = match kind {
        PayloadKind::V4 => payload_packet(),
        PayloadKind::V3Text | PayloadKind::V3Binary => packet(),
    };
    vec(packet, 1..10)
        .prop_map(move |packets| PollingPayload::new(kind, packets))
        .boxed()
}

/// Bodies of requests: valid payloads, nearly valid ones, pieces that look like packets and lengths, and any bytes.
pub fn polling_body(kind: PayloadKind) -> BoxedStrategy<Bytes> {
    let valid = polling_payload(kind).prop_map(|payload| payload.body);
    let changed = nearly(polling_payload(kind)).prop_map(|payload| payload.0.body);
    let any_bytes = vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    prop_oneof![3 => pieces(kind), 1 => any_bytes, 1 => valid, 2 => changed].boxed()
}

fn pieces(kind: PayloadKind) -> BoxedStrategy<Bytes> {
    let texts = |piece: BoxedStrategy<String>| {
        vec(piece, 0..8)
            .prop_map(|pieces| Bytes::from(pieces.concat()))
            .boxed()
    };
    match kind {
        PayloadKind::V4 => texts(
            prop_oneof![
                4 => "[0-9b\u{1e}]{0,3}",
                2 => "[A-Za-z0-9+/=_-]{0,9}",
                1 => any::<String>(),
            ]
            .boxed(),
        ),
        PayloadKind::V3Text => texts(
            prop_oneof![
                4 => "[0-9]{0,3}:[0-6b€😀]{0,4}",
                2 => "[0-9]{9,30}:",
                1 => any::<String>(),
            ]
            .boxed(),
        ),
        PayloadKind::V3Binary => {
            let byte = prop_oneof![0..11_u8, Just(0xff), b'0'..=b'7', any::<u8>()];
            vec(vec(byte, 0..9), 0..6)
                .prop_map(|pieces: Vec<Vec<u8>>| Bytes::from(pieces.concat()))
                .boxed()
        }
    }
}
