//! The screen: the two standard streams, or the lines around the one that is being edited.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::ExternalPrinter;

use crate::output::Line;

/// Writes lines from wherever they come.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Mutex<Target>>);

enum Target {
    Streams,
    /// A prompt is on the terminal.
    Editor(Box<dyn ExternalPrinter + Send>),
    /// Standard output cannot be written any more.
    Gone,
    #[cfg(test)]
    Memory(Vec<Line>),
}

impl Screen {
    pub(crate) fn streams() -> Self {
        Self(Arc::new(Mutex::new(Target::Streams)))
    }

    /// From here on a line is being edited, above which all others are to appear.
    pub(crate) fn share_with(&self, editor: Box<dyn ExternalPrinter + Send>) {
        self.with(|target| *target = Target::Editor(editor));
    }

    /// The line editor is no more.
    pub(crate) fn take_back(&self) {
        self.with(|target| {
            if let Target::Editor(_) = target {
                *target = Target::Streams;
            }
        });
    }

    /// Writes a line at once. Waits while whoever reads it is busy: what arrives meanwhile stays on the network.
    pub(crate) fn print(&self, line: Line) {
        self.with(|target| {
            let written = match target {
                Target::Streams => match &line {
                    Line::Arrived(text) => write_line(io::stdout().lock(), text),
                    Line::Note(text) => {
                        // Without standard error there is nobody to tell.
                        let _gone = write_line(io::stderr().lock(), text);
                        Ok(())
                    }
                },
                Target::Editor(editor) => {
                    let (Line::Arrived(text) | Line::Note(text)) = line;
                    editor.print(text + "\n").map_err(io::Error::other)
                }
                Target::Gone => Ok(()),
                #[cfg(test)]
                Target::Memory(lines) => {
                    lines.push(line);
                    Ok(())
                }
            };
            if written.is_err() {
                *target = Target::Gone;
            }
        });
    }

    /// Whether standard output cannot be written any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.with(|target| matches!(target, Target::Gone))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Target) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
impl Screen {
    pub(crate) fn memory() -> Self {
        Self(Arc::new(Mutex::new(Target::Memory(Vec::new()))))
    }

    pub(crate) fn take(&self) -> Vec<Line> {
        self.with(|target| match target {
            Target::Memory(lines) => std::mem::take(lines),
            Target::Streams | Target::Editor(_) | Target::Gone => Vec::new(),
        })
    }
}

fn write_line(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(format!("{text}\n").as_bytes())?;
    stream.flush()
}
