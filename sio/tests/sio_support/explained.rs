//! Explanations of `sio` for servers that misbehave, which the tests play by hand.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::sio_support::sio;

/// A server that answers every request so; gives its port.
fn answering(response: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let reader = BufReader::new(stream.try_clone().expect("a handle"));
            let mut lines = reader.lines().map_while(Result::ok);
            if lines.any(|line| line.is_empty()) {
                // Who asked may have gone.
                let _gone = stream.write_all(response.as_bytes());
            }
        }
    });
    port
}

#[test]
fn a_server_that_refuses_is_quoted_and_what_may_help_is_said() {
    for (response, text) in [
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\nno upstream\n",
            "status 502: no upstream\n",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 48\r\n\r\n{\"code\":3,\"message\":\"Unsupported by this proxy\"}\n",
            "status 400: Unsupported by this proxy\n",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
            "status 502\n",
        ),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n",
            "status 301; the server redirects, which is not followed: the URL must be that of the server itself\n",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "status 401; it may want a --header, as 'Authorization: ...'\n",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}", answering(response));
        for mode in ["polling", "websocket"] {
            let run = sio(&[&url, "-l", "-t", mode], "");
            assert!(run.err.ends_with(text), "{mode}: {}", run.err);
            assert_eq!((run.out.as_str(), run.code), ("", Some(2)));
        }
    }
}

#[test]
fn a_web_page_is_told_from_a_server() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let run = sio(
        &[&format!("http://127.0.0.1:{}", answering(page)), "-l"],
        "",
    );
    let hint = "; what answers at /socket.io/ is not Socket.IO, --path names another place\n";
    assert!(run.err.ends_with(hint), "{}", run.err);
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_server_without_tls_is_told_from_one_that_nobody_vouches_for() {
    let port = answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let run = sio(&[&format!("https://127.0.0.1:{port}"), "-l"], "");
    assert!(
        run.err.ends_with("the URL begins with http\n"),
        "{}",
        run.err
    );
    assert_eq!(run.code, Some(2));
}
