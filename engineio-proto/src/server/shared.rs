//! What the sessions of one machine share.

use alloc::sync::Arc;
use core::ops::Deref;

use super::config::Config;
use crate::ledger::Ledger;

/// The settings, and the ledger that everything held is charged to.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<Config>,
    ledger: Ledger,
}

impl Shared {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self(Arc::new(Inner {
            config,
            ledger: Ledger::new(),
        }))
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }
}

impl Deref for Shared {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0.config
    }
}
