//! A count of elementary steps, for tests of what an operation costs.

/// How often a collection looked at one of its items. Without the feature `count-steps` it takes no memory and no time.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Steps {
    #[cfg(feature = "count-steps")]
    taken: core::sync::atomic::AtomicUsize,
}

impl Steps {
    /// Begins at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "count-steps")]
            taken: core::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Counts one step.
    pub fn count(&self) {
        #[cfg(feature = "count-steps")]
        self.taken
            .fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }

    /// Counts the steps of another, which is no more.
    #[cfg_attr(
        not(feature = "count-steps"),
        expect(unused_variables, reason = "nothing is counted")
    )]
    pub fn add(&self, other: &Self) {
        #[cfg(feature = "count-steps")]
        self.taken
            .fetch_add(other.taken(), core::sync::atomic::Ordering::Relaxed);
    }

    /// The steps so far.
    #[cfg(feature = "count-steps")]
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(core::sync::atomic::Ordering::Relaxed)
    }
}

impl Clone for Steps {
    /// A copy counts for itself.
    fn clone(&self) -> Self {
        Self::new()
    }
}
