//! The report of a path: its first broken promise, and a trace of its events.

/// The outputs of one input end long before that number.
const MOST_OUTPUTS: usize = 1_000;

/// The first broken promise of a path, and a line for each event if the events are recorded.
#[derive(Debug, Default)]
pub(crate) struct Report {
    broken: Option<String>,
    lines: Option<Vec<String>>,
}

impl Report {
    /// Records what happens from here on.
    pub(crate) fn record(&mut self) {
        self.lines = Some(Vec::new());
    }

    /// Adds a line to the trace. The line is made only if the events are recorded.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(line());
        }
    }

    /// Notes a broken promise unless `holds`. The first one counts.
    pub(crate) fn require(&mut self, holds: bool, promise: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(promise());
        }
    }

    /// Whether a machine may have one more output for an input after this number.
    pub(crate) fn may_follow(&mut self, taken: usize) -> bool {
        let may = taken < MOST_OUTPUTS;
        self.require(may, || "outputs without end".to_owned());
        may
    }

    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The lines since the last call.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        match &mut self.lines {
            Some(lines) => core::mem::take(lines),
            None => Vec::new(),
        }
    }
}
