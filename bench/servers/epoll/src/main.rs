//! Serves the measured application on a free port.

use std::io;

use mio::net::TcpListener;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    println!("listening on {}", listener.local_addr()?);
    server_epoll::serve(listener)
}
