//! Operations that a benchmark measures.

use core::fmt;
use core::hint::black_box;

/// Operations that can be repeated. A setup creates their data, which stays ready for the next repetition.
pub struct Run {
    operations: u32,
    routine: Box<dyn FnMut()>,
}

impl Run {
    /// Takes a routine that makes `operations` operations each time it is called.
    pub fn new(operations: u32, routine: impl FnMut() + 'static) -> Self {
        assert!(operations > 0, "a run without operations");
        Self {
            operations,
            routine: Box::new(routine),
        }
    }

    /// Takes one operation, of which a run makes `operations`, and makes it once.
    ///
    /// # Panics
    ///
    /// If the result is not the expected one, since a benchmark that computes something else has no meaning.
    pub fn repeated<T: fmt::Debug + PartialEq>(
        operations: u32,
        expected: &T,
        mut operation: impl FnMut() -> T + 'static,
    ) -> Self {
        assert_eq!(operation(), *expected, "the result of a benchmark");
        Self::new(operations, move || {
            for _ in 0..operations {
                black_box(operation());
            }
        })
    }

    /// The number of operations of one [`go`](Self::go).
    #[must_use]
    pub const fn operations(&self) -> u32 {
        self.operations
    }

    /// Makes the operations.
    pub fn go(&mut self) {
        (self.routine)();
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}
