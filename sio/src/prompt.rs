//! The source of commands: a line editor on a terminal, or lines of standard input.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::History;
use rustyline::{Config, DefaultEditor};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::output::Line;
use crate::run::Input;
use crate::screen::Screen;

/// Whether a person types the commands.
pub(crate) fn is_by_hand() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Reads commands from a thread of its own, from the time on that `go` tells. Each takes a permit first.
pub(crate) struct Reader {
    pub(crate) go: oneshot::Receiver<()>,
    pub(crate) commands: mpsc::Sender<Input>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) screen: Screen,
    pub(crate) by_hand: bool,
}

impl Reader {
    /// Starts the thread, which ends with the program if not before.
    ///
    /// # Errors
    ///
    /// What the operating system says if there can be no thread.
    pub(crate) fn start(self) -> io::Result<()> {
        let runtime = Handle::current();
        let thread = thread::Builder::new().name("commands".into());
        thread.spawn(move || self.run(&runtime)).map(drop)
    }

    fn run(mut self, runtime: &Handle) {
        if runtime.block_on(&mut self.go).is_err() {
            return;
        }
        let last = if self.by_hand {
            self.edit(runtime).unwrap_or_else(|error| {
                let text = format!("sio: no line editing here: {error}");
                self.screen.print(Line::Note(text));
                self.read(runtime)
            })
        } else {
            self.read(runtime)
        };
        self.screen.take_back();
        // A run that is over needs no end.
        let _over = self.commands.blocking_send(last);
    }

    fn read(&self, runtime: &Handle) -> Input {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if !self.pass(runtime, line) {
                break;
            }
        }
        Input::End
    }

    fn edit(&self, runtime: &Handle) -> rustyline::Result<Input> {
        let config = Config::builder()
            .auto_add_history(true)
            .history_ignore_space(true)
            .build();
        let mut editor = DefaultEditor::with_config(config)?;
        let history = history_file();
        if let Some(history) = &history {
            // The first time there is none.
            let _missing = editor.load_history(history);
        }
        self.screen
            .share_with(Box::new(editor.create_external_printer()?));
        let last = loop {
            match editor.readline("> ") {
                Ok(line) => {
                    let quits = matches!(line.trim(), "/quit" | "/exit");
                    if quits || !self.pass(runtime, line) {
                        break Input::Quit;
                    }
                }
                Err(ReadlineError::Eof) => break Input::Quit,
                Err(ReadlineError::Interrupted) => break Input::Interrupt,
                Err(_) => break Input::Quit,
            }
        };
        if let Some(history) = history.filter(|_| !editor.history().is_empty()) {
            let kept = history.parent().map_or(Ok(()), std::fs::create_dir_all);
            if kept.is_err() || editor.save_history(&history).is_err() {
                let text = format!("sio: cannot keep the history in {}", history.display());
                self.screen.print(Line::Note(text));
            }
        }
        Ok(last)
    }

    /// Hands over a line once there is room for it; false if nobody listens any more.
    fn pass(&self, runtime: &Handle, line: String) -> bool {
        match runtime.block_on(self.permits.acquire()) {
            Ok(permit) => permit.forget(),
            Err(_) => return false,
        }
        self.commands.blocking_send(Input::Line(line)).is_ok()
    }
}

/// `$XDG_STATE_HOME/sio/history`, by default below `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("sio/history"))
}
