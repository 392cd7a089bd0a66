//! The measured application on socketioxide, hyper and axum.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

/// Longer than any run: no ping falls into what is counted.
const PING_INTERVAL: Duration = Duration::from_secs(3600);

async fn connected(socket: SocketRef) {
    socket.on("echo", async |Data(text): Data<String>, ack: AckSender| {
        if let Err(error) = ack.send(&text) {
            eprintln!("{error}");
        }
    });
    socket.on(
        "broadcast",
        async |io: SocketIo, Data(args): Data<(u64, String)>| {
            if let Err(error) = io.emit("broadcast", &args).await {
                eprintln!("{error}");
            }
        },
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::builder()
        .ping_interval(PING_INTERVAL)
        .build_layer();
    io.ns("/", connected);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("{error}");
        }
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}
