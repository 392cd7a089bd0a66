//! Replays what `chat --record FILE` and `sio --record FILE` wrote: `replay FILE [--text | --mermaid] [--width N]`, or makes a
//! recording of it that has no secrets and replays too: `replay FILE --redact NEW-FILE`.
//!
//! Every call is made again on a machine of the same making, and everything that comes out is compared with what came out
//! then. With `--text` or `--mermaid` a sequence diagram goes to standard output. The verdict goes to standard error. The
//! exit status is 0 if all was the same, 1 if not, and 2 if there is nothing to replay.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use engineio_driver::os_seed;
use lexopt::{Arg, ValueExt};
use socketio_recorder::{Diagram, Ending, Form, Replay, create_file, redact};

struct Arguments {
    file: PathBuf,
    form: Option<Form>,
    width: usize,
    redact: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("replay: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Whether everything was the same.
fn run() -> Result<bool, Box<dyn Error>> {
    let arguments = parse(lexopt::Parser::from_env())?;
    let bytes = fs::read(&arguments.file)
        .map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    if let Some(new) = &arguments.redact {
        let redacted = redact(&bytes, &os_seed()?)?;
        create_file(new)?.write_all(&redacted)?;
        return Ok(true);
    }
    let mut replay = Replay::new(&bytes)?;
    match arguments.form {
        Some(form) => draw(&mut replay, form, arguments.width)?,
        None => drop(replay.run()),
    }
    tell(&verdict(&replay));
    Ok(matches!(
        replay.ending(),
        Ending::Complete | Ending::Unfinished { .. } | Ending::CutOff { .. }
    ))
}

fn draw(replay: &mut Replay<'_>, form: Form, width: usize) -> io::Result<()> {
    let mut diagram = Diagram::new(replay.machine(), form).with_width(width);
    let mut out = io::stdout().lock();
    out.write_all(diagram.start().as_bytes())?;
    for step in replay {
        // A line at a time: if the machine panics, the call is the next one.
        out.write_all(diagram.step(&step).as_bytes())?;
    }
    out.flush()
}

fn verdict(replay: &Replay<'_>) -> String {
    let (machine, version, calls) = (replay.machine(), replay.version(), replay.calls());
    let ending = match replay.ending() {
        Ending::Complete => "all gave the same".to_owned(),
        Ending::Unfinished { number } => {
            format!(
                "the outcome of the last, number {number}, was not recorded; all before it gave the same"
            )
        }
        Ending::CutOff { offset } => {
            format!("all gave the same; behind them, at byte {offset}, the recording was cut off")
        }
        Ending::Differs { number } => format!("number {number} gave something else"),
        Ending::Malformed { offset, why } => {
            format!("all gave the same; behind them, at byte {offset}, is no call: {why}")
        }
        Ending::Underway | _ => "not all were made".to_owned(),
    };
    format!("{calls} calls of a {machine}, recorded by version {version}: {ending}")
}

fn parse(mut parser: lexopt::Parser) -> Result<Arguments, Box<dyn Error>> {
    let (mut file, mut form, mut width, mut redact) = (None, None, 160, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("text") => form = Some(Form::Text),
            Arg::Long("mermaid") => form = Some(Form::Mermaid),
            Arg::Long("width") => width = parser.value()?.parse()?,
            Arg::Long("redact") => redact = Some(parser.value()?.into()),
            Arg::Value(value) if file.is_none() => file = Some(value.into()),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => {
                return Err(argument.unexpected().into());
            }
        }
    }
    let file =
        file.ok_or("usage: replay FILE [--text | --mermaid] [--width N] [--redact NEW-FILE]")?;
    Ok(Arguments {
        file,
        form,
        width,
        redact,
    })
}

/// Writes a line to standard error.
fn tell(text: &str) {
    // Who closed standard error does not want to know.
    let _gone = writeln!(io::stderr(), "{text}");
}
