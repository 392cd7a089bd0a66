//! The outcome of a run.

use std::process::ExitCode;

/// The end of a run, as a script sees it. The numbers are in the help text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Done,
    Usage,
    CannotConnect,
    Refused,
    TimedOut,
    Disconnected,
    OutputGone,
    Interrupted,
}

impl Outcome {
    /// The exit status.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 1,
            Self::CannotConnect => 2,
            Self::Refused => 3,
            Self::TimedOut => 4,
            Self::Disconnected => 5,
            Self::OutputGone => 6,
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}
