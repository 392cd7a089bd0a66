//! From the address that an application gives to a connection and a namespace: what the official `io(url)` does.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;

use bytestring::ByteString;
use engineio_proto::client::{Endpoint, EndpointError};

/// An address as the official `io(url)` reads it: a server, and a namespace on it.
///
/// # Examples
///
/// ```
/// use socketio_proto::client::Address;
///
/// let address = Address::parse("https://example.com/admin?token=a")?;
/// assert_eq!(&*address.namespace, "/admin");
/// assert_eq!(address.endpoint.port, 443);
/// assert_eq!(address.manager_id("/socket.io"), "https://example.com:443/socket.io");
/// # Ok::<(), socketio_proto::engine::client::EndpointError>(())
/// ```
///
/// Source: `socket.io-client/lib/url.ts`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Address {
    /// The server, with the query of the address, which goes with every request.
    pub endpoint: Endpoint,
    /// The path of the address, as it stands there; `/` if there is none.
    pub namespace: ByteString,
    scheme: String,
}

impl Address {
    /// Reads an address with the scheme `http`, `https`, `ws` or `wss`. One without scheme is meant as `https`.
    ///
    /// # Errors
    ///
    /// An [`EndpointError`] if it is longer than 8,000 bytes, or scheme, host or port is none.
    pub fn parse(address: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#', ':']) => {
                (scheme.to_ascii_lowercase(), rest)
            }
            _ => (
                String::from("https"),
                address.strip_prefix("//").unwrap_or(address),
            ),
        };
        let endpoint = Endpoint::parse(&format!("{scheme}://{rest}"))?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let path = rest.find('/').and_then(|start| rest.get(start..));
        Ok(Self {
            endpoint,
            namespace: path.unwrap_or("/").into(),
            scheme,
        })
    }

    /// What addresses must have in common to share a connection: scheme, host, port, and the path on the server as the
    /// application gives it.
    #[must_use]
    pub fn manager_id(&self, path: &str) -> String {
        let Endpoint { host, port, .. } = &self.endpoint;
        let scheme = &self.scheme;
        if host.contains(':') {
            format!("{scheme}://[{host}]:{port}{path}")
        } else {
            format!("{scheme}://{host}:{port}{path}")
        }
    }
}

/// Which addresses share a [`Client`](super::Client): the cache behind the official `io(url)`, as a value of its own.
///
/// `K` is what the caller calls its clients.
///
/// # Examples
///
/// ```
/// use socketio_proto::client::{Address, Lookup, Managers, Sharing};
///
/// let mut managers = Managers::new();
/// let chat = Address::parse("http://localhost/chat")?;
/// assert_eq!(managers.lookup(&chat, "/socket.io", Sharing::Shared), Lookup::New);
/// managers.insert(&chat, "/socket.io", 'a');
///
/// let news = Address::parse("http://localhost/news")?;
/// assert_eq!(managers.lookup(&news, "/socket.io", Sharing::Shared), Lookup::Cached('a'));
/// # Ok::<(), socketio_proto::engine::client::EndpointError>(())
/// ```
///
/// Source: `socket.io-client/lib/index.ts`, `lookup`.
#[derive(Clone, Debug)]
pub struct Managers<K> {
    cached: BTreeMap<String, Cached<K>>,
}

#[derive(Clone, Debug)]
struct Cached<K> {
    client: K,
    namespaces: BTreeSet<ByteString>,
}

/// Whether a socket shares the connection of others to the same server.
#[expect(clippy::exhaustive_enums, reason = "a connection is shared or not")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sharing {
    /// It does, by default.
    Shared,
    /// It gets one of its own: the official `forceNew` and `multiplex: false`.
    Alone,
}

/// Which client a socket is to be made on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lookup<K> {
    /// On this one, which is connected to that server already, or on its way.
    Cached(K),
    /// On a new one, which further addresses share: follow with [`Managers::insert`].
    New,
    /// On a new one for this socket alone.
    Alone,
}

impl<K: Copy + PartialEq> Managers<K> {
    /// Makes an empty cache, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cached: BTreeMap::new(),
        }
    }

    /// Finds the client for an address. A namespace for which the cached client was given out before gets a client of
    /// its own too.
    pub fn lookup(&mut self, address: &Address, path: &str, sharing: Sharing) -> Lookup<K> {
        if sharing == Sharing::Alone {
            return Lookup::Alone;
        }
        let Some(cached) = self.cached.get_mut(&address.manager_id(path)) else {
            return Lookup::New;
        };
        if cached.namespaces.insert(address.namespace.clone()) {
            Lookup::Cached(cached.client)
        } else {
            Lookup::Alone
        }
    }

    /// Notes the client that was made for an address.
    pub fn insert(&mut self, address: &Address, path: &str, client: K) {
        let namespaces = BTreeSet::from([address.namespace.clone()]);
        let id = address.manager_id(path);
        self.cached.insert(id, Cached { client, namespaces });
    }

    /// Forgets a client, which officially never happens.
    ///
    /// Cost: O(n) for n clients.
    pub fn remove(&mut self, client: K) {
        self.cached.retain(|_, cached| cached.client != client);
    }
}

impl<K: Copy + PartialEq> Default for Managers<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Address {
        Address::parse(address).unwrap()
    }

    /// Which client each address of a row gets, made as they are needed.
    fn clients(addresses: &[(&str, &str)]) -> alloc::vec::Vec<usize> {
        let mut managers = Managers::new();
        let mut made = 0;
        let lookup = |(address, path): &(&str, &str)| {
            let address = parse(address);
            match managers.lookup(&address, path, Sharing::Shared) {
                Lookup::Cached(client) => return client,
                Lookup::New => managers.insert(&address, path, made),
                Lookup::Alone => {}
            }
            made += 1;
            made - 1
        };
        addresses.iter().map(lookup).collect()
    }

    #[test]
    fn the_path_is_the_namespace_as_it_stands() {
        for (address, namespace) in [
            ("http://a", "/"),
            ("http://a/", "/"),
            ("http://a?b=/c", "/"),
            ("http://a#/c", "/"),
            ("http://a/b/", "/b/"),
            ("http://a:80/%20?x#y", "/%20"),
        ] {
            assert_eq!(parse(address).namespace, namespace, "{address}");
        }
    }

    #[test]
    fn an_address_without_scheme_is_meant_as_https() {
        for address in ["a.com", "//a.com", "a.com:443/"] {
            let id = parse(address).manager_id("");
            assert_eq!(id, "https://a.com:443", "{address}");
        }
        assert_eq!(
            parse("[::1]:8080/x").manager_id("/p"),
            "https://[::1]:8080/p"
        );
        assert_eq!(Address::parse("ftp://a"), Err(EndpointError::Scheme));
    }

    #[test]
    fn the_query_goes_to_the_server_and_is_not_part_of_the_key() {
        let address = parse("http://a?b=c");
        let query = [("b".into(), "c".into())];
        assert_eq!(address.endpoint.query.as_deref(), Some(&query[..]));
        assert_eq!(
            address.manager_id("/p"),
            parse("http://a/x?d=e").manager_id("/p")
        );
    }

    #[test]
    fn namespaces_of_one_server_share_a_client() {
        let path = "/socket.io";
        let shared = [
            ("http://a", path),
            ("http://a:80/b?x=y", path),
            ("http://a/c", path),
        ];
        assert_eq!(clients(&shared), [0, 0, 0]);
    }

    #[test]
    fn the_same_namespace_again_gets_a_client_of_its_own() {
        let path = "/socket.io";
        let again = [
            ("http://a", path),
            ("http://a?x=y", path),
            ("http://a/b", path),
        ];
        assert_eq!(clients(&again), [0, 1, 0]);
    }

    #[test]
    fn another_path_scheme_host_or_port_is_another_server() {
        let others = [
            ("http://a", "/socket.io"),
            ("http://a/b", "/socket.io/"),
            ("ws://a/b", "/socket.io"),
            ("http://b/b", "/socket.io"),
            ("http://a:81/b", "/socket.io"),
        ];
        assert_eq!(clients(&others), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn who_does_not_share_is_not_cached() {
        let mut managers = Managers::new();
        let address = parse("http://a");
        assert_eq!(
            managers.lookup(&address, "/p", Sharing::Alone),
            Lookup::Alone
        );
        assert_eq!(
            managers.lookup(&address, "/p", Sharing::Shared),
            Lookup::New
        );
        managers.insert(&address, "/p", 'a');
        assert_eq!(
            managers.lookup(&parse("http://a/b"), "/p", Sharing::Alone),
            Lookup::Alone
        );
        managers.remove('a');
        assert_eq!(
            managers.lookup(&address, "/p", Sharing::Shared),
            Lookup::New
        );
    }
}
