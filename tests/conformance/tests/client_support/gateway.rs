//! A gateway in front of a server, as reverse proxies are, that fails when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::PATIENCE;

/// Passes bytes on between clients and one server.
pub struct Gateway {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_down: bool,
    /// The number of bytes of the server that pass before the connection of the next one is cut.
    cut_after: Option<usize>,
    /// The last text of the server before everything stands still.
    freeze_behind: Option<&'static [u8]>,
    is_frozen: bool,
}

impl Gateway {
    pub fn in_front_of(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let gateway = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let gateway = Arc::clone(&gateway);
                thread::spawn(move || gateway.serve(&client, server));
            }
        });
        Self { port, shared }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on every request is answered 502, and every WebSocket that has something to say is cut.
    pub fn go_down(&self) {
        self.shared.lock().is_down = true;
    }

    pub fn come_back(&self) {
        self.shared.lock().is_down = false;
    }

    /// Cuts a connection, once, behind so many bytes of the server.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.lock().cut_after = Some(bytes);
    }

    pub fn has_cut(&self) -> bool {
        self.shared.lock().cut_after.is_none()
    }

    /// Lets everything stand still, once, behind something that the server says.
    pub fn freeze_behind(&self, words: &'static [u8]) {
        self.shared.lock().freeze_behind = Some(words);
    }

    /// Waits until everything stands still.
    #[track_caller]
    pub fn wait_until_frozen(&self) {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !state.is_frozen);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(state.is_frozen, "the server did not say it");
    }

    pub fn thaw(&self) {
        self.shared.lock().is_frozen = false;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, once nothing stands still.
    fn thawed(&self) -> MutexGuard<'_, State> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| state.is_frozen);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: &TcpStream, server: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
            return;
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass(client, &server, |bytes| self.filter_up(bytes, client));
                close(client, &server);
            });
            self.pass(&server, client, |bytes| self.filter_down(bytes));
            close(client, &server);
        });
    }

    /// Passes on what `filter` lets through, until it lets something through in part only.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, filter: impl Fn(&[u8]) -> usize) {
        let mut buffer = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            drop(self.thawed());
            let bytes = buffer.get(..length).unwrap_or_default();
            let passes = filter(bytes);
            let written = to.write_all(bytes.get(..passes).unwrap_or_default());
            if written.is_err() || passes < length {
                return;
            }
            self.freeze_if_behind(bytes);
        }
    }

    fn filter_up(&self, bytes: &[u8], mut client: &TcpStream) -> usize {
        if !self.lock().is_down {
            return bytes.len();
        }
        if bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ") {
            let answer =
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            // Who asked may have gone.
            let _gone = client.write_all(answer);
        }
        0
    }

    fn filter_down(&self, bytes: &[u8]) -> usize {
        let mut state = self.lock();
        let Some(left) = state.cut_after else {
            return bytes.len();
        };
        state.cut_after = left.checked_sub(bytes.len());
        left.min(bytes.len())
    }

    fn freeze_if_behind(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let Some(words) = state.freeze_behind else {
            return;
        };
        if bytes.windows(words.len()).any(|some| some == words) {
            state.freeze_behind = None;
            state.is_frozen = true;
            self.changed.notify_all();
        }
    }
}

fn close(one: &TcpStream, other: &TcpStream) {
    for stream in [one, other] {
        // It may be closed already.
        let _closed = stream.shutdown(Shutdown::Both);
    }
}
