//! Moving from polling to a WebSocket in the middle of a conversation.

use socketio_proto::Payload;

use crate::support::run;

#[test]
fn events_keep_their_order_in_both_directions() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        net.emit(socket, "[0]").unwrap();
        net.poll(client);
        assert_eq!(net.drain(), ["c0 < 42[0]"]);
        net.emit(socket, "[1]").unwrap();
        net.text(client, "2[0]");
        net.emit(socket, "[2]").unwrap();
        net.upgrade(client);
        net.emit(socket, "[3]").unwrap();
        net.text(client, "2[1]");
        assert_eq!(
            net.drain(),
            [
                "c0 < 42[1]",
                "c0 < 42[2]",
                "c0 < 42[3]",
                "$0 event [0]",
                "c0 upgraded to websocket",
                "$0 event [1]"
            ]
        );
    });
}

#[test]
fn attachments_that_were_queued_before_leave_together_after_it() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        let payload = Payload::event("bin").binary(vec![1]).build().unwrap();
        net.server.emit(net.key(socket), &payload, net.now).unwrap();
        net.upgrade(client);
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 451-["bin",{"_placeholder":true,"num":0}]"#,
                r#"c0 < b"\x01""#,
                "c0 upgraded to websocket"
            ]
        );
    });
}

#[test]
fn a_packet_may_begin_on_one_transport_and_end_on_the_other() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.text(client, r#"51-["bin",{"_placeholder":true,"num":0}]"#);
        net.upgrade(client);
        net.binary(client, &[1]);
        assert_eq!(
            net.drain(),
            [
                "c0 upgraded to websocket",
                r#"$0 event ["bin",{"_placeholder":true,"num":0}] b"\x01""#
            ]
        );
    });
}

#[test]
fn acks_and_verdicts_that_wait_survive_it() {
    run(|net| {
        net.add_namespace("/a");
        let client = net.polling();
        let socket = net.join(client, "/");
        net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
        net.text(client, "0/a");
        net.text(client, r#"27["r"]"#);
        net.upgrade(client);
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 420["q"]"#,
                "c0 connecting /a",
                r#"$0 event? ["r"]"#,
                "c0 upgraded to websocket"
            ]
        );
        net.accept().unwrap();
        net.respond("[]").unwrap();
        net.text(client, "30[1]");
        assert_eq!(
            net.drain(),
            [r#"c0 < 40/a,{"sid":"$1"}"#, "c0 < 437[]", "$0 ack 0 [1]"]
        );
    });
}

#[test]
fn fifty_messages_each_way_while_upgrading_are_neither_lost_nor_reordered() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for number in 0..50 {
            if number == 20 {
                net.upgrade(client);
            }
            if number < 20 && number % 3 == 0 {
                net.poll(client);
            }
            net.emit(socket, &format!("[{number}]")).unwrap();
            net.text(client, &format!("2[{number}]"));
            net.advance(2);
            for line in net.drain() {
                if let Some(packets) = line.strip_prefix("c0 < ") {
                    down.extend(packets.split('|').map(str::to_owned));
                } else if line.starts_with('$') {
                    up.push(line);
                }
            }
        }
        assert_eq!(
            down,
            (0..50)
                .map(|number| format!("42[{number}]"))
                .collect::<Vec<_>>()
        );
        assert_eq!(
            up,
            (0..50)
                .map(|number| format!("$0 event [{number}]"))
                .collect::<Vec<_>>()
        );
    });
}
