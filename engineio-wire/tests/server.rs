//! The server's end, driven without sockets.

#[path = "server/http.rs"]
mod http;
#[path = "server/splits.rs"]
mod splits;
#[path = "server/support.rs"]
mod support;
#[path = "server/websocket.rs"]
mod websocket;
