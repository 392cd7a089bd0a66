//! Replays as sequence diagrams.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use crate::outcome::Party;
use crate::replay::Step;

/// Turns steps of a replay into a diagram, a line or several each.
///
/// The network stands at the left, the machine in the middle, the application at the right. Polls are no lines of their
/// own; what they give is.
///
/// # Examples
///
/// ```no_run
/// use socketio_recorder::{Diagram, Form, Replay};
///
/// let recording = std::fs::read("chat.rec")?;
/// let mut replay = Replay::new(&recording)?;
/// let mut diagram = Diagram::new(replay.machine(), Form::Text);
/// print!("{}", diagram.start());
/// for step in replay.by_ref() {
///     print!("{}", diagram.step(&step));
/// }
/// println!("{:?}", replay.ending());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Diagram {
    machine: &'static str,
    form: Form,
    width: usize,
    seen: BTreeSet<String>,
}

/// The notation of a diagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// A line for each arrow, with the time in front.
    Text,
    /// A `sequenceDiagram` of [Mermaid](https://mermaid.js.org), which many pages show as a picture.
    Mermaid,
}

/// An arrow from or to the machine.
struct Arrow<'a> {
    party: Party,
    inwards: bool,
    text: &'a str,
}

impl Diagram {
    /// Makes a diagram of what a machine, named so, does.
    #[must_use]
    pub fn new(machine: &'static str, form: Form) -> Self {
        Self {
            machine,
            form,
            width: 160,
            seen: BTreeSet::new(),
        }
    }

    /// Sets how many characters of each text are shown. Default 160.
    #[must_use]
    pub fn with_width(mut self, characters: usize) -> Self {
        self.width = characters;
        self
    }

    /// The text above the first step.
    #[must_use]
    pub fn start(&self) -> String {
        match self.form {
            Form::Text => String::new(),
            Form::Mermaid => format!("sequenceDiagram\n  participant m as {}\n", self.machine),
        }
    }

    /// The lines of a step; none for a poll that gave nothing.
    pub fn step(&mut self, step: &Step) -> String {
        let mut lines = String::new();
        if !step.call.starts_with("poll_") {
            let text = said(step);
            self.arrow(
                step,
                &Arrow {
                    party: step.by,
                    inwards: true,
                    text: &text,
                },
                &mut lines,
            );
        }
        if let Some((party, text)) = &step.leaving {
            self.arrow(
                step,
                &Arrow {
                    party: *party,
                    inwards: false,
                    text,
                },
                &mut lines,
            );
        }
        lines
    }

    fn arrow(&mut self, step: &Step, arrow: &Arrow<'_>, lines: &mut String) {
        let text = shorten(arrow.text, self.width);
        // Text takes everything that is written.
        let _always = match self.form {
            Form::Text => self.text_arrow(step, arrow, &text, lines),
            Form::Mermaid => self.mermaid_arrow(arrow, &text, lines),
        };
    }

    fn text_arrow(
        &self,
        step: &Step,
        arrow: &Arrow<'_>,
        text: &str,
        lines: &mut String,
    ) -> fmt::Result {
        let nanos = step.at.as_nanos();
        let (seconds, micros) = (nanos / 1_000_000_000, nanos / 1_000 % 1_000_000);
        let (party, machine) = (name(arrow.party), self.machine);
        let parties = match (arrow.party, arrow.inwards) {
            (Party::Application, true) => format!("{:16}     {machine} <-- application", ""),
            (Party::Application, false) => format!("{:16}     {machine} --> application", ""),
            (_, true) => format!("{party:>16} --> {machine}{:16}", ""),
            (_, false) => format!("{party:>16} <-- {machine}{:16}", ""),
        };
        writeln!(lines, "{seconds:>6}.{micros:06}  {parties}  {text}")
    }

    fn mermaid_arrow(&mut self, arrow: &Arrow<'_>, text: &str, lines: &mut String) -> fmt::Result {
        // Requests are too many to have a line of life each.
        let (id, title, prefix) = match arrow.party {
            Party::Request(number) => ("h".to_owned(), "HTTP".to_owned(), format!("({number}) ")),
            Party::Connection(number) => (format!("c{number}"), name(arrow.party), String::new()),
            Party::Clock => ("t".to_owned(), "clock".to_owned(), String::new()),
            Party::Application => ("a".to_owned(), "application".to_owned(), String::new()),
        };
        if self.seen.insert(id.clone()) {
            writeln!(lines, "  participant {id} as {title}")?;
        }
        let text = escape(&format!("{prefix}{text}"));
        match arrow.inwards {
            true => writeln!(lines, "  {id}->>m: {text}"),
            false => writeln!(lines, "  m-->>{id}: {text}"),
        }
    }
}

/// A call in words.
fn said(step: &Step) -> String {
    let arguments = &step.arguments;
    let mut text = match step.call.strip_prefix("handle_") {
        Some(event) => {
            let words = [event.replace('_', " ")];
            let words: Vec<_> = words.iter().chain(arguments).map(String::as_str).collect();
            words.join(" ")
        }
        None => format!("{}({})", step.call, arguments.join(", ")),
    };
    if !step.result.is_empty() {
        text.push_str(" = ");
        text.push_str(&step.result);
    }
    text
}

fn name(party: Party) -> String {
    match party {
        Party::Request(number) => format!("request {number}"),
        Party::Connection(number) => format!("connection {number}"),
        Party::Clock => "clock".into(),
        Party::Application => "application".into(),
    }
}

/// One line of so many characters at most.
fn shorten(text: &str, width: usize) -> String {
    let text: String = text
        .chars()
        .map(|char| match char {
            '\x1e' => '␞',
            char if char.is_control() => '·',
            char => char,
        })
        .collect();
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Escapes the characters that Mermaid would interpret.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '#' | ';' | '<' | '>' | '&' => {
                out.push_str(&format!("#{};", u32::from(char)));
            }
            plain => out.push(plain),
        }
    }
    out
}
