//! The rules of the chat over loopback, in Socket.IO packets on a WebSocket. The JavaScript tests look at the page.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use socketio::server::{Driver, HttpServer, Options};
use socketio_proto::engine::Seed;
use socketio_proto::server::{Config, Server};
use socketio_recorder::Recorder;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::shard::{Command, Shard};

const ANN: &str = r#"{"name":" Ann ","key":"0123456789abcdef"}"#;
const ROOMS: &str = r#"42["rooms",[{"name":"lobby","users":0},{"name":"random","users":0},{"name":"pictures","users":0}]]"#;

async fn serve() -> (Driver<Command>, HttpServer, SocketAddr) {
    let server = Server::new(Config::default(), 0, &Seed::new([1; 32])).unwrap();
    let options = Options::default().with_path("/socket.io/");
    let driver = Driver::start(vec![(Recorder::from(server), Shard::new(None))], options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let http = HttpServer::start(listener, driver.service());
    (driver, http, address)
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Connects and asks to be let in; the answer is the next packet.
    async fn connect(address: SocketAddr, auth: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = Self(client_async(url, stream).await.unwrap().0);
        assert!(client.next().await.starts_with("0{"));
        client.send(&format!("40{auth}")).await;
        client
    }

    async fn log_in(address: SocketAddr, auth: &str) -> Self {
        let mut client = Self::connect(address, auth).await;
        assert!(client.next().await.starts_with(r#"40{"sid":"#));
        assert!(client.next().await.starts_with(r#"42["rooms","#));
        client
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn send_binary(&mut self, data: Vec<u8>) {
        self.0.send(Message::binary(data)).await.unwrap();
    }

    async fn next(&mut self) -> String {
        let message = timeout(Duration::from_secs(10), self.0.next()).await;
        message
            .unwrap()
            .unwrap()
            .unwrap()
            .into_text()
            .unwrap()
            .as_str()
            .to_owned()
    }

    /// Sends an event that asks for an acknowledgement, which is the next packet.
    async fn ask(&mut self, event: &str) -> String {
        self.send(&format!("421{event}")).await;
        self.next().await
    }
}

fn refused(error: &str) -> String {
    format!(r#"431[{{"error":"{error}","ok":false}}]"#)
}

#[tokio::test]
async fn names_are_checked_and_belong_to_their_key() {
    let (_driver, _http, address) = serve().await;
    let long = format!(
        r#"{{"name":"{}","key":"0123456789abcdef"}}"#,
        "x".repeat(25)
    );
    for bad in [
        "",
        "{}",
        r#"{"name":1,"key":"0123456789abcdef"}"#,
        r#"{"name":"  ","key":"0123456789abcdef"}"#,
        r#"{"name":"a\u0007b","key":"0123456789abcdef"}"#,
        r#"{"name":"Ann","key":"short"}"#,
        &long,
    ] {
        let mut client = Client::connect(address, bad).await;
        let expected = r#"44{"message":"invalid name","data":{"code":"name"}}"#;
        assert_eq!(client.next().await, expected, "{bad}");
    }

    let mut first = Client::connect(address, ANN).await;
    assert!(first.next().await.starts_with(r#"40{"sid":"#));
    assert_eq!(first.next().await, ROOMS);
    let other = r#"{"name":"ANN","key":"ffffffffffffffff"}"#;
    let mut other = Client::connect(address, other).await;
    let expected = r#"44{"message":"name taken","data":{"code":"taken"}}"#;
    assert_eq!(other.next().await, expected);

    let _second = Client::log_in(address, ANN).await;
    assert_eq!(first.next().await, r#"42["replaced"]"#);
    assert_eq!(first.next().await, "41");
    assert!(matches!(
        first.0.next().await,
        Some(Ok(Message::Close(None)))
    ));
}

#[tokio::test]
async fn events_against_the_rules_are_answered_with_the_reason() {
    let (_driver, _http, address) = serve().await;
    let mut ann = Client::log_in(address, ANN).await;
    assert_eq!(ann.ask(r#"["say","hi"]"#).await, refused("not in a room"));
    assert_eq!(ann.ask(r#"["load-picture",1]"#).await, refused("not found"));
    for bad in [
        r#"["say"]"#,
        r#"["say",1]"#,
        r#"["say","a","b"]"#,
        r#"["join",null]"#,
        r#"["load-picture","1"]"#,
        r#"["load-picture",1.5]"#,
        r#"["picture",{"type":"image/png","caption":""},"text"]"#,
        r#"["picture",{"type":"image/png","caption":""},{"_placeholder":true,"num":0}]"#,
    ] {
        assert_eq!(ann.ask(bad).await, refused("malformed"), "{bad}");
    }
    for bad in ["", "Lobby", "a b", "abcdefghijklmnopqrstuvwxyz"] {
        assert_eq!(
            ann.ask(&format!(r#"["join","{bad}"]"#)).await,
            refused("invalid room")
        );
    }

    let joined = r#"431[{"history":[],"ok":true,"room":"lobby","users":["Ann"]}]"#;
    assert_eq!(ann.ask(r#"["join","lobby"]"#).await, joined);
    assert!(ann.next().await.starts_with(r#"42["users","#));
    assert!(ann.next().await.starts_with(r#"42["rooms","#));
    assert_eq!(
        ann.ask(r#"["join","lobby"]"#).await,
        joined,
        "and nobody is told again"
    );
    assert_eq!(ann.ask(r#"["say","  "]"#).await, refused("invalid text"));
    let long = format!(r#"["say","{}"]"#, "x".repeat(2001));
    assert_eq!(ann.ask(&long).await, refused("invalid text"));
    for (about, size, error) in [
        (
            r#"{"type":"image/svg+xml","caption":""}"#,
            1,
            "invalid picture",
        ),
        (r#"{"type":"image/png"}"#, 1, "invalid picture"),
        (
            r#"{"type":"image/png","caption":""}"#,
            0,
            "picture too large",
        ),
        (
            r#"{"type":"image/png","caption":""}"#,
            700_001,
            "picture too large",
        ),
    ] {
        ann.send(&format!(
            r#"451-1["picture",{about},{{"_placeholder":true,"num":0}}]"#
        ))
        .await;
        ann.send_binary(vec![7; size]).await;
        assert_eq!(ann.next().await, refused(error), "{about}");
    }
}

#[tokio::test]
async fn a_picture_reaches_the_room_and_can_be_loaded_later() {
    let (_driver, _http, address) = serve().await;
    let mut ann = Client::log_in(address, ANN).await;
    ann.ask(r#"["join","den"]"#).await;
    ann.next().await;
    ann.next().await;
    let about = r#"{"type":"image/png","caption":" sky "}"#;
    ann.send(&format!(
        r#"451-1["picture",{about},{{"_placeholder":true,"num":0}}]"#
    ))
    .await;
    ann.send_binary(vec![1, 2, 3]).await;
    let told = ann.next().await;
    assert!(
        told.starts_with(r#"451-["message",{"id":1,"at":"#),
        "{told}"
    );
    let content = r#""name":"Ann","picture":{"type":"image/png","caption":"sky","size":3},"data":{"_placeholder":true,"num":0}}]"#;
    assert!(told.ends_with(content), "{told}");
    assert_eq!(
        ann.0.next().await.unwrap().unwrap().into_data(),
        vec![1, 2, 3]
    );
    assert_eq!(ann.next().await, r#"431[{"id":1,"ok":true}]"#);

    let loaded = r#"461-1[{"data":{"_placeholder":true,"num":0},"ok":true,"type":"image/png"}]"#;
    assert_eq!(ann.ask(r#"["load-picture",1]"#).await, loaded);
    assert_eq!(
        ann.0.next().await.unwrap().unwrap().into_data(),
        vec![1, 2, 3]
    );
    ann.ask(r#"["join","lobby"]"#).await;
    ann.next().await;
    ann.next().await;
    assert_eq!(ann.ask(r#"["load-picture",1]"#).await, refused("not found"));
}
