//! `sio`: a Socket.IO client for the command line. `sio --help` tells how to use it.
//!
//! | file | idea |
//! |---|---|
//! | `arguments.rs`, `help.txt` | the command line |
//! | `message.rs`, `command.rs`, `file.rs` | what is sent, from words, lines and files |
//! | `run.rs`, `outcome.rs` | what happens in a run, and how it ends |
//! | `reason.rs`, `diagnosis.rs` | why things went wrong, and what may help |
//! | `output.rs`, `json.rs`, `screen.rs` | how things are shown |
//! | `wire.rs`, `packet.rs` | the wire log |
//! | `prompt.rs` | line editing and history |

mod arguments;
mod command;
mod diagnosis;
mod file;
mod json;
mod message;
mod outcome;
mod output;
mod packet;
mod prompt;
mod reason;
mod run;
mod screen;
mod wire;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use engineio_driver::Tls;
use engineio_driver::os_seed;
use engineio_proto::Transport;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use socketio::StopSignals;
use socketio::client::Driver;
use socketio_proto::client::{Client, Config};
use socketio_recorder::{Recorder, create_file};
use tokio::sync::{Semaphore, mpsc, oneshot};

use arguments::{HELP, Options, Task};
use outcome::Outcome;
use output::{Line, Style};
use run::{Input, Run};
use screen::Screen;
use wire::{Log, Wire};

fn main() -> ExitCode {
    let task = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            Screen::streams().print(Line::Note(format!(
                "sio: {error}\nsio --help shows how it is used"
            )));
            return Outcome::Usage.into();
        }
    };
    let text = match task {
        Task::Connect(options) => return connect(*options).into(),
        Task::Help => HELP,
        Task::Version => concat!("sio ", env!("CARGO_PKG_VERSION"), "\n"),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Outcome::Done.into(),
        Err(_) => Outcome::OutputGone.into(),
    }
}

fn connect(options: Options) -> Outcome {
    let screen = Screen::streams();
    let colors =
        !options.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let by_hand = options.reads_commands() && prompt::is_by_hand();
    let style = Style {
        json: options.json,
        color: colors && io::stdout().is_terminal(),
        color_notes: colors && io::stderr().is_terminal(),
    };
    let fail = |error: &dyn Error| {
        screen.print(style.error(&error.to_string()));
        Outcome::Usage
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let tls = match trust(&options) {
        Ok(tls) => tls,
        Err(error) => return fail(&*error),
    };
    let endpoint = options.endpoint.clone();
    let over_udp = options.transports.first() == Some(&Transport::WebTransport);
    let running = run(options, tls.clone(), style, screen.clone(), by_hand);
    let run = match runtime.block_on(running) {
        Ok(run) => run,
        Err(error) => return fail(&*error),
    };
    // The thread that reads commands may wait for a line that never comes.
    runtime.shutdown_background();
    if run.was_unanswered() {
        let diagnosis = if over_udp {
            diagnosis::NO_WEBTRANSPORT.into()
        } else {
            diagnosis::diagnose(&endpoint, &tls)
        };
        screen.print(style.error(&diagnosis));
    }
    run.outcome()
}

async fn run(
    options: Options,
    tls: Tls,
    style: Style,
    screen: Screen,
    by_hand: bool,
) -> Result<Run, Box<dyn Error>> {
    let log = Log::new(&options, style, screen.clone());
    let client = client(&options, by_hand)?;
    if options.insecure {
        screen.print(style.error("whoever is in between reads along (--insecure)"));
    }
    let (ready, go) = oneshot::channel();
    let permits = Arc::new(Semaphore::new(COMMANDS));
    let (reads_commands, max_time) = (options.reads_commands(), options.max_time);
    let run = Run::new(
        options,
        style,
        screen.clone(),
        by_hand,
        ready,
        Arc::clone(&permits),
    );
    let (driver, commands) = Driver::new(Wire::new(client, log), run, tls);
    if reads_commands {
        let reader = prompt::Reader {
            go,
            commands: commands.clone(),
            permits,
            screen,
            by_hand,
        };
        reader.start()?;
    }
    let interrupts = tokio::spawn(interrupt(commands.clone()));
    let timer = tokio::spawn(end_after(max_time, commands.clone()));
    let run = driver.run().await;
    interrupts.abort();
    timer.abort();
    drop(commands);
    Ok(run)
}

/// The client, recorded if that is asked for.
/// A recording has no more bytes.
const MAX_RECORDING: u64 = 1 << 30;

fn client(options: &Options, by_hand: bool) -> Result<Recorder<Client>, Box<dyn Error>> {
    let (config, seed) = (config(options, by_hand), os_seed()?);
    let Some(path) = &options.record else {
        return Ok(Client::new(config, &seed)?.into());
    };
    let file =
        create_file(path).map_err(|error| format!("--record {}: {error}", path.display()))?;
    Ok(Recorder::client(config, &seed, file, MAX_RECORDING)?)
}

fn config(options: &Options, by_hand: bool) -> Config {
    let mut config = Config::new(options.endpoint.clone())
        .with_parser(options.parser)
        .with_reconnection(options.reconnect.unwrap_or(by_hand))
        .with_timeout(Some(options.connect_timeout))
        .with_namespace_timeout(Some(options.connect_timeout));
    config.limits.max_attachments = MAX_ATTACHMENTS;
    config.engine = config
        .engine
        .with_revision(options.revision)
        .with_path(options.path.clone())
        .with_add_trailing_slash(options.path.ends_with('/'))
        .with_transports(options.transports.clone())
        .with_extra_headers(options.headers.clone())
        .with_credentials_sent(true)
        .with_max_packets_per_post(MAX_PACKETS)
        // The largest file that fits into memory is worth a try.
        .with_max_buffered(usize::MAX / 2, 65_536);
    config
}

fn trust(options: &Options) -> Result<Tls, Box<dyn Error>> {
    Ok(if options.insecure {
        Tls::insecure()?
    } else {
        Tls::new(certificates(options)?)?
    })
}

fn certificates(options: &Options) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let Some(file) = &options.cacert else {
        return Ok(Vec::new());
    };
    let fault = |error: &dyn Error| format!("--cacert {}: {error}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| fault(&error))?;
    let certificates: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|error| fault(&error))?;
    if certificates.is_empty() {
        return Err(format!("--cacert {}: there is no certificate in it", file.display()).into());
    }
    Ok(certificates)
}

async fn interrupt(commands: mpsc::Sender<Input>) {
    let Ok(mut stop) = StopSignals::listen() else {
        return;
    };
    loop {
        stop.next().await;
        if commands.send(Input::Interrupt).await.is_err() {
            return;
        }
    }
}

async fn end_after(time: Option<Duration>, commands: mpsc::Sender<Input>) {
    if let Some(time) = time {
        tokio::time::sleep(time).await;
        // A run that is over needs no end.
        let _over = commands.send(Input::TimeOver).await;
    }
}

/// The commands that may wait to be sent.
const COMMANDS: usize = 64;
/// The packets of a request: servers written in Python lose what is beyond, and say nothing.
const MAX_PACKETS: usize = 16;
/// The attachments of a packet, both ways; servers allow fewer.
const MAX_ATTACHMENTS: u16 = 1000;
