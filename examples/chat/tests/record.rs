//! `--record` of the chat server and of `sio`, and what `replay` says of it.
#![expect(
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are nobody's interface"
)]

#[path = "../../../tests/support/programs.rs"]
mod programs;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use programs::program;

const AUTH: &str = r#"{"name":"Ann","key":"0123456789abcdef"}"#;

#[test]
fn both_sides_of_a_conversation_are_recorded_and_replayed() {
    let folder = Folder::new();
    let (of_chat, of_sio) = (folder.0.join("chat.rec"), folder.0.join("sio.rec"));
    let (chat, url) = chat(&of_chat);
    let sio = Command::new(program("sio"))
        .args([
            &url, "--auth", AUTH, "--ack", "--emit", "say", "hello", "--record",
        ])
        .arg(&of_sio)
        .output()
        .expect("it runs");
    let out = String::from_utf8(sio.stdout).expect("text");
    assert!(out.contains("not in a room"), "{out}");
    end(chat);

    for (file, machine) in [(&of_chat, "server"), (&of_sio, "client")] {
        let mode = std::fs::metadata(file)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
        let verdict = text(&replay(file, &[]).stderr);
        let expected =
            format!("calls of a {machine}, recorded by version 0.1.0: all gave the same\n");
        assert!(verdict.ends_with(&expected), "{verdict}");
    }
    let redacted = folder.0.join("redacted.rec");
    let made = replay(&of_chat, &["--redact", redacted.to_str().expect("a name")]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(replay(&redacted, &[]).status.success());
    let drawn = text(&replay(&redacted, &["--text"]).stdout);
    assert!(drawn.contains(r#""say","hello""#) && !drawn.contains("0123456789abcdef"));
    let drawn = text(&replay(&of_chat, &["--text"]).stdout);
    assert!(
        drawn.contains(
            r#"server --> application  Event { socket: SocketKey(0.0), payload: ["say","hello"]"#
        ),
        "{drawn}"
    );
    let drawn = text(&replay(&of_sio, &["--mermaid"]).stdout);
    assert!(
        drawn.starts_with("sequenceDiagram\n  participant m as client\n"),
        "{drawn}"
    );
}

#[test]
fn a_recording_that_came_out_differently_or_is_none_fails() {
    let folder = Folder::new();
    let file = folder.0.join("chat.rec");
    let (chat, url) = chat(&file);
    let sio = Command::new(program("sio"))
        .args([&url, "--auth", AUTH, "--ack", "--emit", "say", "hello"])
        .output()
        .expect("it runs");
    assert!(sio.status.success());
    end(chat);

    let mut recording = std::fs::read(&file).expect("a file");
    let last = recording.len() - 1;
    recording[last] ^= 1;
    std::fs::write(&file, &recording).expect("room");
    let output = replay(&file, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).ends_with(" gave something else\n"));

    std::fs::write(&file, "no recording").expect("room");
    let output = replay(&file, &[]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "replay: this is no recording that can be read: it does not start as one\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let folder = Folder::new();
    let file = folder.0.join("there");
    std::fs::write(&file, "precious").expect("room");
    let sio = Command::new(program("sio"))
        .args(["http://127.0.0.1:9", "--listen", "--record"])
        .arg(&file)
        .output()
        .expect("it runs");
    assert_eq!(sio.status.code(), Some(1));
    assert!(text(&sio.stderr).contains("--record"));
    assert_eq!(std::fs::read(&file).expect("a file"), b"precious");
}

/// A chat server that is recorded, and its address.
fn chat(recording: &Path) -> (Child, String) {
    let mut chat = Command::new(env!("CARGO_BIN_EXE_chat"))
        .args(["--port", "0", "--record"])
        .arg(recording)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let out = chat.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let url = line
        .trim()
        .strip_prefix("listening on ")
        .expect("an address");
    (chat, url.to_owned())
}

/// Asks a server to end, and waits until it has.
fn end(mut chat: Child) {
    let asked = Command::new("kill").arg(chat.id().to_string()).status();
    assert!(asked.expect("it runs").success());
    assert!(chat.wait().expect("an end").success());
}

fn replay(file: &Path, arguments: &[&str]) -> Output {
    let mut replay = Command::new(program("examples/replay"));
    replay.arg(file).args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A folder of its own, gone with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("record-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("room for a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
