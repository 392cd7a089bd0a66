#![no_main]
use auction::Bid;
use socketio_proto::inputs::{Nearly, PacketMessages};

libfuzzer_sys::fuzz_target!(|input: Nearly<PacketMessages>| {
    let mut decoder = input.0.decoder();
    for message in input.0.messages {
        if let Ok(Some(packet)) = decoder.add(message) {
            let _bid = packet.payload.as_ref().and_then(Bid::read);
        }
    }
});
