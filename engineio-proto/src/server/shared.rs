//! Data that the sessions of one machine share.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;

use bytestring::ByteString;

use super::config::Config;
use crate::codec::Open;
use crate::ledger::Ledger;
use crate::{Revision, Sid};

/// The settings, and the ledger that accounts for all memory.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<Config>,
    ledger: Ledger,
    /// The text after the session id in a handshake, for each [`Upgrades`]. A machine with many sessions has it ready.
    tails: Option<[Box<str>; 3]>,
}

/// The possible upgrades of a session: from polling to the transports of its revision, and none otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upgrades {
    None,
    Of(Revision),
}

impl Shared {
    /// For a machine with one session.
    pub(super) fn of_one(config: Arc<Config>) -> Self {
        Self::with(config, None)
    }

    /// For a machine with many sessions.
    pub(super) fn of_many(config: Arc<Config>) -> Self {
        let all = [
            Upgrades::None,
            Upgrades::Of(Revision::V3),
            Upgrades::Of(Revision::V4),
        ];
        let tails = all.map(|upgrades| write_tail(&config, upgrades).into());
        Self::with(config, Some(tails))
    }

    fn with(config: Arc<Config>, tails: Option<[Box<str>; 3]>) -> Self {
        Self(Arc::new(Inner {
            config,
            ledger: Ledger::new(),
            tails,
        }))
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// The packet that opens a session.
    pub(super) fn open_packet(&self, sid: &Sid, upgrades: Upgrades) -> ByteString {
        let ready = self.0.tails.as_ref();
        let tail = ready.map(|[none, v3, v4]| match upgrades {
            Upgrades::None => none,
            Upgrades::Of(Revision::V3) => v3,
            Upgrades::Of(Revision::V4) => v4,
        });
        let tail = tail.map_or_else(
            || Cow::Owned(write_tail(&self.0.config, upgrades)),
            |tail| Cow::Borrowed(&**tail),
        );
        // No character of a session id is escaped.
        let sid = sid.as_str();
        let length = HEAD.len().saturating_add(sid.len());
        let mut packet = String::with_capacity(length.saturating_add(tail.len()));
        packet.push_str(HEAD);
        packet.push_str(sid);
        packet.push_str(&tail);
        packet.into()
    }
}

/// The text before the session id: the type of the packet, and the beginning of its data.
const HEAD: &str = r#"0{"sid":""#;

/// The text after the session id.
fn write_tail(config: &Config, upgrades: Upgrades) -> String {
    let upgrades = match upgrades {
        Upgrades::None => Vec::new(),
        Upgrades::Of(revision) => config.upgrades(revision),
    };
    let open = Open::new("", config.ping_interval, config.ping_timeout)
        .with_upgrades(upgrades)
        .with_max_payload(config.max_payload as u64)
        .encode();
    // Behind the first characters, which are those of the head without the packet type.
    open.get(HEAD.len().saturating_sub(1)..)
        .unwrap_or_default()
        .into()
}

impl Deref for Shared {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0.config
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::SidGenerator;

    #[test]
    fn the_packet_that_opens_a_session_is_the_one_of_the_codec() {
        let config = Arc::new(Config::default());
        let sid = SidGenerator::new(0, &crate::Seed::new([1; 32])).generate(0);
        for upgrades in [
            Upgrades::None,
            Upgrades::Of(Revision::V3),
            Upgrades::Of(Revision::V4),
        ] {
            let names = match upgrades {
                Upgrades::None => Vec::new(),
                Upgrades::Of(revision) => config.upgrades(revision),
            };
            let open = Open::new(sid.as_str(), config.ping_interval, config.ping_timeout)
                .with_upgrades(names)
                .with_max_payload(config.max_payload as u64);
            let expected = format!("0{}", open.encode());
            for shared in [
                Shared::of_one(config.clone()),
                Shared::of_many(config.clone()),
            ] {
                assert_eq!(shared.open_packet(&sid, upgrades), *expected);
            }
        }
    }
}
