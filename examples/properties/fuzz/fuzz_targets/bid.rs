#![no_main]
libfuzzer_sys::fuzz_target!(|bid: auction::Bid| {
    let sent = socketio_proto::inputs::received(Default::default(), &bid.to_payload().unwrap());
    assert_eq!(auction::Bid::read(&sent.unwrap()), Some(bid));
});
