//! Bytes in pieces of any size.

use proptest::prelude::*;

use super::*;

/// Runs a poll and a WebSocket with these bytes of the server, in pieces, and gives all that came of it.
fn played(bytes: &[u8], cuts: &[usize], is_socket: bool) -> (Vec<String>, Vec<String>) {
    let (mut net, head) = Net::with_socket();
    let mut bytes = bytes.to_vec();
    let pipe = if is_socket {
        bytes.splice(0..0, head);
        0
    } else {
        net.get();
        net.run();
        net.connected(1);
        1
    };
    let (mut done, mut from) = (Vec::new(), 0);
    for cut in cuts
        .iter()
        .map(|cut| cut % (bytes.len() + 1))
        .chain([bytes.len()])
    {
        if let Some(piece) = bytes.get(from..cut) {
            net.wire.handle_bytes(PipeId(pipe), piece, net.now);
            done.extend(net.frames().iter().map(|frame| format!("{frame:?}")));
            done.append(&mut net.done);
            from = cut;
        }
    }
    done.retain(|output| !output.contains("Pong"));
    net.closed(pipe);
    (done, net.told())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"HTTP/1.1 200 OK\r\n"[..], b"HTTP/1.1 302 x\r\nlocation: /x\r\n", b"content-length: 3\r\n", b"\r\n", b"\n",
                b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"transfer-encoding: chunked\r\n", b"\x81\x03abc", b"\x01\x01a", b"\x80\x01b",
                b"\x89\x01p", b"\x88\x02\x03\xe9", b"\x83\x00", b"\x82\x00", b"\xff",
            ]),
            0..8,
        ),
        mut cuts in prop::collection::vec(0_usize..400, 0..10),
        is_socket: bool,
    ) {
        cuts.sort_unstable();
        let bytes = pieces.concat();
        prop_assert_eq!(played(&bytes, &cuts, is_socket), played(&bytes, &[], is_socket));
    }
}
