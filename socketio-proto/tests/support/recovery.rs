//! Clients that come back.

use super::{Net, prefix};

/// The secrets and offsets that clients were told, by number: `%0` is the first pid, `@0` the first offset.
#[derive(Default)]
pub(super) struct Told {
    pids: Vec<String>,
    offsets: Vec<String>,
}

impl Told {
    pub(super) fn name(&mut self, line: String) -> String {
        let mut named = String::new();
        for (index, part) in line.split('"').enumerate() {
            if index > 0 {
                named.push('"');
            }
            if named.ends_with(r#""pid":""#) {
                named += &format!("%{}", number(&mut self.pids, part));
            } else if is_offset(part) {
                named += &format!("@{}", number(&mut self.offsets, part));
            } else {
                named += part;
            }
        }
        named
    }
}

fn number(known: &mut Vec<String>, text: &str) -> usize {
    known
        .iter()
        .position(|other| other == text)
        .unwrap_or_else(|| {
            known.push(text.to_owned());
            known.len() - 1
        })
}

fn is_offset(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == 14
        && text != "hasOwnProperty" // a name that hostile clients use
        && text.bytes().all(digit)
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

impl Net {
    /// Opens a client over a WebSocket that asks for the session of a pid, and names the last offset that it saw.
    pub(crate) fn come_back(&mut self, namespace: &str, pid: usize, offset: usize) -> usize {
        let client = self.websocket();
        self.ask_back(client, namespace, pid, offset);
        client
    }

    /// A client that is there already asks for the session of a pid.
    pub(crate) fn ask_back(&mut self, client: usize, namespace: &str, pid: usize, offset: usize) {
        let (pid, offset) = (self.pid(pid), self.offset(offset));
        let prefix = prefix(namespace);
        self.text(
            client,
            &format!(r#"0{prefix}{{"pid":"{pid}","offset":"{offset}"}}"#),
        );
    }

    /// A client asks for a session that is kept, and names a packet that is; `None` if there are none.
    pub(crate) fn ask_for_kept(
        &mut self,
        client: usize,
        namespace: &str,
        session: usize,
        packet: usize,
    ) -> Option<()> {
        let store = self.server.recovery_store(namespace)?;
        let sessions = store.sessions().count().max(1);
        let packets = store.packets().count().max(1);
        let pid = store.sessions().nth(session % sessions)?.pid;
        let offset = store.packets().nth(packet % packets)?.offset.clone();
        let (pid, prefix) = (pid.as_str(), prefix(namespace));
        self.text(
            client,
            &format!(r#"0{prefix}{{"pid":"{pid}","offset":"{offset}"}}"#),
        );
        Some(())
    }

    pub(crate) fn pid(&self, number: usize) -> String {
        self.told.pids[number].clone()
    }

    pub(crate) fn offset(&self, number: usize) -> String {
        self.told.offsets[number].clone()
    }

    /// The number of pids that clients received.
    pub(crate) fn pid_count(&self) -> usize {
        self.told.pids.len()
    }

    /// The number of offsets that clients received.
    pub(crate) fn offset_count(&self) -> usize {
        self.told.offsets.len()
    }

    /// A client loses its connection.
    pub(crate) fn lose(&mut self, client: usize) {
        self.vanish(client);
        self.drain();
    }
}
