//! Nobody can break the application by what they send.

use auction::Bid;
use proptest::prelude::*;
use socketio_proto::inputs::{Nearly, PacketMessages};
use socketio_proto::strategies;

fn bid() -> impl Strategy<Value = Bid> {
    (any::<String>(), any::<u32>()).prop_map(|(by, amount)| Bid { by, amount })
}

proptest! {
    #[test]
    fn a_packet_that_is_nearly_valid_is_a_bid_or_nothing(input: Nearly<PacketMessages>) {
        let mut decoder = input.0.decoder();
        for message in input.0.messages {
            if let Ok(Some(packet)) = decoder.add(message)
                && let Some(bid) = packet.payload.as_ref().and_then(Bid::read)
            {
                prop_assert_eq!(bid.to_payload()?.arg::<Bid>(0)?, bid);
            }
        }
    }

    #[test]
    fn an_event_with_any_arguments_is_a_bid_or_nothing(args in strategies::args(), bid in bid()) {
        let event = socketio_proto::inputs::Content::event("bid", &args)?;
        if let Some(read) = Bid::read(&event) {
            prop_assert!(read.to_payload()?.arg::<Bid>(0)? == read);
        }
        let with_more = socketio_proto::Payload::event("bid").arg(&bid).args_of(&event).build()?;
        prop_assert_eq!(Bid::read(&with_more), Some(bid));
    }
}
