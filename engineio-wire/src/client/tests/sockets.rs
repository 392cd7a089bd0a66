//! WebSockets.

use super::*;

#[test]
fn a_websocket_carries_frames_both_ways() {
    let (mut net, head) = Net::with_socket();
    // The first frame comes with the head.
    let bytes = [&head[..], b"\x81\x024a\x82\x03abc\x01\x01b"].concat();
    assert_eq!(net.bytes(0, &bytes), [""; 0]);
    assert_eq!(net.told(), ["connected 0", "text 4a", "binary 3"]);
    assert!(net.wire.bytes_held() > 0, "a message has begun");
    net.bytes(0, b"\x80\x01c");
    assert_eq!(net.told(), ["text bc"]);
    assert_eq!(net.wire.bytes_held(), 0);
    let frames = [
        Frame::Text("4b".into()),
        Frame::Binary(Bytes::from_static(b"c")),
    ];
    net.wire.machine_mut().frames.extend(frames.clone());
    net.wants(MachineOutput::Frames {
        connection: ConnectionId(0),
    });
    assert_eq!(net.frames(), frames.map(Received::Message));
}

#[test]
fn only_the_last_ping_is_answered() {
    let mut net = Net::opened_socket();
    net.wire
        .handle_bytes(PipeId(0), b"\x89\x01a\x8a\x00\x89\x01b", net.now);
    assert_eq!(net.frames(), [Received::Pong(Bytes::from_static(b"b"))]);
    for _ in 0..100 {
        net.wire.handle_bytes(PipeId(0), b"\x89\x01c", net.now);
    }
    assert_eq!(net.frames(), [Received::Pong(Bytes::from_static(b"c"))]);
}

#[test]
fn a_batch_has_a_limited_size() {
    let mut net = Net::opened_socket();
    let frame = Frame::Binary(vec![0; 40_000].into());
    net.wire.machine_mut().frames.extend(vec![frame; 5]);
    net.wants(MachineOutput::Frames {
        connection: ConnectionId(0),
    });
    let mut sizes = Vec::new();
    while let Some(Output::Write(pipe)) = net.wire.poll_output() {
        let batch = net.wire.poll_write(pipe).unwrap();
        sizes.push(batch.len() / 40_000);
        net.wire.handle_written(pipe, 1, net.now);
        assert!(net.wire.poll_write(pipe).is_none());
        net.wire.handle_written(pipe, batch.len() - 1, net.now);
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn the_close_frame_of_the_server_is_answered() {
    for (bytes, told, code) in [
        (&b"\x88\x02\x03\xe9"[..], "closed 1001", Some(1001)),
        (b"\x88\x00", "closed", None),
    ] {
        let mut net = Net::opened_socket();
        net.wire
            .handle_bytes(PipeId(0), &[bytes, b"\x81\x01x"].concat(), net.now);
        assert_eq!(net.told(), [told]);
        let [Received::Close(close)] = &net.frames()[..] else {
            panic!("no close frame");
        };
        assert_eq!(close.as_ref().map(|close| close.code), code);
        // The server hangs up, or the client after a while.
        assert!(!net.wire.is_at_rest());
        assert_eq!(net.bytes(0, b"\x81\x01x"), [""; 0]);
        assert_eq!(net.wait(2999), [""; 0]);
        assert_eq!(net.wait(1), ["close 0"]);
        assert_eq!(net.told(), [""; 0]);
    }
}

#[test]
fn what_breaks_the_rules_ends_a_websocket_with_its_code() {
    for (bytes, code) in [
        (&b"\x83\x01x"[..], 1002),
        (b"\x81\x01\xff", 1007),
        (b"\x81\x81", 1002),
    ] {
        let mut net = Net::opened_socket();
        net.wire.handle_bytes(PipeId(0), bytes, net.now);
        assert_eq!(net.told(), ["connection failed 0"]);
        let expected = engineio_proto::codec::websocket::Close::new(code, "");
        assert_eq!(net.frames(), [Received::Close(Some(expected))]);
        assert_eq!(net.done, ["Close(PipeId(0))"]);
    }
}

#[test]
fn a_websocket_is_closed_behind_what_was_pulled_and_waits_for_the_server() {
    let mut net = Net::opened_socket();
    net.wire
        .machine_mut()
        .frames
        .push_back(Frame::Text("4b".into()));
    net.wants(MachineOutput::Frames {
        connection: ConnectionId(0),
    });
    net.wire.poll_output();
    let batch = net.wire.poll_write(PipeId(0)).unwrap();
    net.wants(MachineOutput::Close {
        connection: ConnectionId(0),
    });
    assert_eq!(net.run(), [""; 0], "the batch is under way");
    net.wire.handle_written(PipeId(0), batch.len(), net.now);
    assert_eq!(net.frames(), [Received::Close(None)]);
    assert_eq!(net.bytes(0, b"\x81\x01x"), [""; 0]);
    assert_eq!(net.bytes(0, b"\x88\x00"), ["close 0"]);
    assert_eq!(net.told(), [""; 0]);
}

#[test]
fn a_server_that_reads_nothing_is_hung_up_on() {
    let mut net = Net::opened_socket();
    let frame = Frame::Binary(vec![0; 100_000].into());
    net.wire.machine_mut().frames.push_back(frame);
    net.wants(MachineOutput::Frames {
        connection: ConnectionId(0),
    });
    net.wire.poll_output();
    net.wire.poll_write(PipeId(0)).unwrap();
    net.wants(MachineOutput::Close {
        connection: ConnectionId(0),
    });
    assert_eq!(net.run(), [""; 0]);
    assert_eq!(
        net.wire.poll_timeout(),
        Some(net.now + Duration::from_secs(3))
    );
    assert_eq!(net.wait(3000), ["close 0"]);
}

#[test]
fn a_handshake_may_be_refused_in_every_way() {
    for (response, done, told) in [
        (
            "HTTP/1.1 503 x\r\ncontent-length: 5\r\n\r\nlater",
            vec!["close 0"],
            "refused 0 503 later",
        ),
        (
            "HTTP/1.1 302 x\r\nlocation: /\r\n\r\nno",
            vec![],
            "refused 0 302 no",
        ),
        (
            "HTTP/1.1 101 x\r\n\r\n",
            vec!["close 0"],
            "connection failed 0",
        ),
        ("garbage\r\n\r\n", vec!["close 0"], "connection failed 0"),
        ("HTTP/1.1 101 x\r\n", vec![], "connection failed 0"),
    ] {
        let (mut net, _) = Net::with_socket();
        assert_eq!(net.bytes(0, response.as_bytes()), done);
        net.closed(0);
        assert_eq!(net.told(), [told]);
    }
}

#[test]
fn a_websocket_that_breaks_off_is_closed() {
    let mut net = Net::opened_socket();
    net.bytes(0, b"\x81\x7f\0");
    net.closed(0);
    assert_eq!(net.told(), ["closed"]);
    assert_eq!(net.wire.pipe_count(), 0);
}
