//! Checks of the data that a server stores for returning clients.

use core::time::Duration;

use engineio_proto::Instant;
use socketio_proto::server::RecoveryStore;

use super::model::Model;
use super::{AWAY, Recovery};
use crate::report::Report;

/// The time for which data is stored longer than it may be used.
const EXPIRY: Duration = Duration::from_secs(1);

impl Model {
    pub(super) fn check_store(
        &self,
        store: Option<&RecoveryStore>,
        limits: Recovery,
        now: Instant,
        report: &mut Report,
    ) {
        let packets = store.map_or(0, |store| store.packets().count());
        let sessions = store.map_or(0, |store| store.sessions().count());
        let counts = (packets, sessions);
        let of_use = |since: Instant| now <= since + AWAY;
        let kept = self.kept.iter().filter(|(_, at)| of_use(*at)).count();
        let away = self.lives.iter().filter_map(|life| life.away_since);
        let away = away.filter(|since| of_use(*since)).count();
        let least = (kept.min(limits.events), away.min(limits.clients));
        let complete = packets >= least.0 && sessions + self.returning() >= least.1;
        report.require(complete, || {
            format!("{counts:?} events and clients are kept instead of {least:?}")
        });
        let fits = packets <= limits.events && sessions <= limits.clients;
        report.require(fits, || {
            format!("{counts:?} events and clients are more than {limits:?}")
        });
        let Some(store) = store else {
            return;
        };
        let stale = |since: Instant| now > since + AWAY + EXPIRY;
        let stale = store.packets().any(|packet| stale(packet.sent_at))
            || store
                .sessions()
                .any(|session| stale(session.disconnected_at));
        report.require(!stale, || "something is kept for too long".to_owned());
        let bytes: usize = store
            .packets()
            .map(|packet| {
                let rooms = packet.recipients.rooms.iter();
                let rooms = rooms.chain(&packet.recipients.except_rooms);
                packet.packet.payload_len() + rooms.map(|room| room.len()).sum::<usize>()
            })
            .sum();
        report.require(store.bytes() == bytes, || {
            format!("{} bytes are counted instead of {bytes}", store.bytes())
        });
    }

    /// The number of returned clients that wait for the verdict of the application.
    fn returning(&self) -> usize {
        self.tokens
            .iter()
            .filter(|(_, recovered)| *recovered)
            .count()
    }
}
