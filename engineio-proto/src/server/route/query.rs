//! The query of a request, as far as its route depends on it.

use alloc::borrow::Cow;

use super::parameters::{self, Name};
use crate::server::config::Config;
use crate::server::find::find;
use crate::{Revision, Sid, Transport};

/// The parameters that matter; of a repeated one the last counts.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Query<'a> {
    pub(super) transport: Option<Transport>,
    /// The session that it is for, itself `None` if no session can have that id. An empty id is none.
    pub(super) sid: Option<Option<Sid>>,
    names_revision_4: bool,
    pub(super) text_only: bool,
    pub(super) jsonp: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        Self::parse_usual(query.as_bytes()).unwrap_or_else(|| Self::parse_any(query))
    }

    /// Reads a query of revision 4 as clients mostly write it, in any order: `EIO=4&transport=polling&t=Pq7x2Lm&sid=…`.
    /// `None` for any other. The names and most values are compared where they stand, so that none is searched for its end.
    fn parse_usual(query: &[u8]) -> Option<Self> {
        let mut parsed = Self::default();
        let mut rest = query;
        loop {
            rest = match rest.first()? {
                b'E' => {
                    parsed.names_revision_4 = true;
                    rest.strip_prefix(b"EIO=4")?
                }
                b's' => {
                    let (sid, behind) = rest.strip_prefix(b"sid=")?.split_first_chunk()?;
                    parsed.sid = Some(Some(Sid::from_bytes(*sid)?));
                    behind
                }
                b't' => match rest.strip_prefix(b"t=") {
                    Some(stamp) => {
                        let end = find(stamp, *b"&").unwrap_or(stamp.len());
                        stamp.get(end..)?
                    }
                    None => {
                        let name = rest.strip_prefix(b"transport=")?;
                        let usual = [Transport::Polling, Transport::WebSocket];
                        let (transport, behind) = usual.into_iter().find_map(|transport| {
                            let behind = name.strip_prefix(transport.name().as_bytes())?;
                            Some((transport, behind))
                        })?;
                        parsed.transport = Some(transport);
                        behind
                    }
                },
                _ => return None,
            };
            match rest.split_first() {
                None => return Some(parsed),
                Some((b'&', others)) => rest = others,
                Some(_) => return None,
            }
        }
    }

    fn parse_any(query: &'a str) -> Self {
        let mut parsed = Self::default();
        parameters::for_each(query, |name, value| match name {
            Name::Transport => parsed.transport = Transport::from_name(&value),
            Name::Sid => parsed.sid = (!value.is_empty()).then(|| Sid::parse(&value)),
            Name::Revision => parsed.names_revision_4 = value == "4",
            Name::Jsonp => parsed.jsonp = Some(value),
            Name::Base64 => parsed.text_only = !value.is_empty(),
            Name::Other => {}
        });
        parsed
    }

    /// The revision, if it is served: all that is not exactly 4 counts as 3.
    pub(super) fn revision(&self, config: &Config) -> Option<Revision> {
        if self.names_revision_4 {
            Some(Revision::V4)
        } else {
            config.allow_eio3.then_some(Revision::V3)
        }
    }
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_query_says_the_same_whichever_way_it_is_read(
            parts in prop::collection::vec("(EIO=4|EIO=3|t=[a-zé%+]{0,9}|transport=(polling|websocket|poll)|sid=[a-z]{18,21}|sid=%41[a-z]{17,19}|b64=1|j=0|){1,2}", 0..6),
        ) {
            let query = parts.join("&");
            if let Some(usual) = Query::parse_usual(query.as_bytes()) {
                prop_assert_eq!(usual, Query::parse_any(&query));
            }
        }
    }

    #[test]
    fn the_queries_of_official_clients_are_usual() {
        for query in [
            "EIO=4&transport=polling&t=Pq7x2Lm",
            "EIO=4&transport=polling&t=Pq7x2Lm&sid=lv_VI97HAXpY6yYWAAAC",
            "EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC",
            "EIO=4&transport=websocket",
        ] {
            let usual = Query::parse_usual(query.as_bytes());
            assert_eq!(usual, Some(Query::parse_any(query)), "{query}");
        }
        for query in [
            "",
            "EIO=4&",
            "EIO=3&transport=polling",
            "EIO=4&b64=1",
            "EIO=4&sid=",
        ] {
            assert_eq!(Query::parse_usual(query.as_bytes()), None, "{query}");
        }
    }
}
