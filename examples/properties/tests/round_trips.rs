//! Events, packets and messages come back from the wire as they were sent.

use auction::Bid;
use proptest::prelude::*;
use socketio_proto::{inputs::received, parser::Parser};

proptest! {
    #[test]
    fn a_bid_comes_back(by: String, amount: u32, parser: Parser) {
        let bid = Bid { by, amount };
        prop_assert_eq!(received(parser, &bid.to_payload()?)?.arg::<Bid>(0)?, bid);
    }
}

mod stack {
    //! Further down: messages in polling payloads and in WebSockets.

    use proptest::prelude::*;
    use socketio_proto::engine::codec::Packet as EnginePacket;
    use socketio_proto::engine::codec::websocket::{Decoder, Received};
    use socketio_proto::engine::inputs::{PayloadKind, PollingPayload, WebSocketStream};
    use socketio_proto::inputs::PacketMessages;

    proptest! {
        #[test]
        fn a_packet_comes_back_from_a_polling_payload(packet: PacketMessages, kind: PayloadKind) {
            // A separator in a text cannot be escaped in a payload of revision 4. JSON escapes it.
            prop_assume!(!packet.packet.namespace.contains('\x1e'));
            let sent = packet.messages.iter().cloned().map(EnginePacket::Message);
            let body = PollingPayload::new(kind, sent.collect()).body;
            let mut decoder = packet.decoder();
            let mut received = None;
            for message in kind.decode(body, 100) {
                let EnginePacket::Message(message) = message? else { panic!("a message") };
                received = decoder.add(message)?;
            }
            prop_assert_eq!(received, Some(packet.packet));
        }

        #[test]
        fn a_stream_is_read_in_pieces_of_any_size(stream: WebSocketStream, size in 1..20_usize) {
            let mut decoder = Decoder::new(stream.reader, 100_000);
            let mut received: Vec<Received> = Vec::new();
            for mut piece in stream.bytes.chunks(size) {
                while let Some(one) = decoder.decode(&mut piece)? {
                    received.push(one);
                }
            }
            prop_assert_eq!(received, stream.received);
        }
    }
}
