//! The cost of a send at the memory limit.

use socketio_proto::Payload;
use socketio_proto::engine::server as engine;
use socketio_proto::server::Config;

use crate::net::Net;

const LIMIT: usize = 1 << 20;

fn event(len: usize) -> Payload {
    let text = "x".repeat(len);
    Payload::event("news").arg(&text).build().unwrap()
}

fn net(clients: u64) -> Net {
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    Net::with_clients(Config::default().with_engine(engine), clients)
}

/// Many small sessions are the worst case, because each one that ends frees little.
#[test]
fn a_send_at_the_limit_looks_at_few_messages_on_average() {
    let mut net = net(400);
    let (sockets, event) = (net.sockets.clone(), event(100));
    let mut sent = 0;
    let now = net.now;
    let taken = net.steps("20,000 sends at the limit", |server| {
        for number in 0..20_000 {
            let socket = sockets[number % sockets.len()];
            sent += usize::from(server.emit(socket, &event, now).is_ok());
        }
    });
    let ended = net.server.stats().ended_by_memory_limit;
    assert!(ended > 50, "{ended}");
    // At most 64 messages for each one queued, and what a send looks at anyway.
    let searched = taken.saturating_sub(20_000 * 8);
    assert!(searched <= 64 * sent, "{searched} for {sent}");
}

/// One search looks once at each waiting message, and at each session.
#[test]
fn a_search_looks_at_each_message_once() {
    let mut net = net(20);
    let (sockets, small) = (net.sockets.clone(), event(100));
    for _ in 0..50 {
        for socket in &sockets {
            net.server.emit(*socket, &small, net.now).unwrap();
        }
    }
    let large = event(LIMIT * 4 / 5);
    let now = net.now;
    let taken = net.steps("one search among 1,000 messages", |server| {
        server.emit(sockets[3], &large, now).unwrap();
    });
    assert_eq!(net.server.stats().ended_by_memory_limit, 1);
    assert!((1_000..1_300).contains(&taken), "{taken}");
}

/// Data that cannot be dropped does not make each call search.
#[test]
fn a_limit_that_cannot_be_kept_to_is_not_searched_for_in_each_call() {
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    let config = Config::default().with_engine(engine).with_room_events(true);
    let mut net = Net::with_clients(config, 300);
    let first = net.sockets[0];
    let taken = net.steps("10,000 rooms whose events nobody takes", |server| {
        for number in 0..10_000 {
            let room = format!("room {number}");
            let _gone = server.join(first, &room);
            server.leave_room(first, &room);
        }
    });
    assert!(net.server.engine().is_over_limit());
    // What joining and leaving look at, and a few searches among all events.
    assert!(taken <= 10_000 * 100, "{taken}");
}
