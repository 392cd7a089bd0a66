use super::*;

fn task(line: &[&str]) -> Result<Task, UsageError> {
    parse(line.iter().map(OsString::from))
}

fn options(line: &[&str]) -> Options {
    match task(line) {
        Ok(Task::Connect(options)) => *options,
        other => panic!("{other:?}"),
    }
}

fn fault(line: &[&str]) -> String {
    task(line).unwrap_err().to_string()
}

fn events(options: &Options) -> Vec<String> {
    let event = |message: &Message| message.event(&options.files).unwrap().json().to_owned();
    options.emits.iter().map(event).collect()
}

const URL: &str = "http://localhost:3000";

#[test]
fn a_bare_url_is_an_interactive_session_in_the_main_namespace() {
    let options = options(&[URL]);
    assert_eq!(
        (options.endpoint.host.as_str(), options.endpoint.port),
        ("localhost", 3000)
    );
    assert_eq!(
        (options.namespace.as_str(), options.path.as_str()),
        ("/", "/socket.io/")
    );
    assert_eq!(
        options.transports,
        [Transport::Polling, Transport::WebSocket]
    );
    assert!(options.reads_commands());
    assert_eq!(
        (
            options.reconnect,
            options.ack,
            options.json,
            options.verbosity
        ),
        (None, false, false, 0)
    );
}

#[test]
fn the_path_of_the_url_is_the_namespace() {
    for (url, namespace) in [
        ("http://a/admin?x=1", "/admin"),
        ("https://a:1/a/b#c", "/a/b"),
        ("a:80/x", "/x"),
        ("http://a/", "/"),
        ("http://a?x=/y", "/"),
    ] {
        assert_eq!(options(&[url]).namespace, namespace, "{url}");
    }
    assert_eq!(options(&[URL, "-n", "/x"]).namespace, "/x");
    assert_eq!(options(&[URL, "--namespace=x"]).namespace, "/x");
    assert!(fault(&["http://a/x", "-n", "/y"]).contains("give one of them"));
    let query = options(&["http://a/x?token=1"]).endpoint.query;
    assert_eq!(query, Some(vec![("token".into(), "1".into())]));
}

#[test]
fn emit_takes_arguments_up_to_the_next_option_and_negative_numbers_too() {
    let options = options(&[
        URL,
        "--emit",
        "a",
        "1",
        "-5",
        "{\"b\": 2}",
        "text",
        "--ack",
        "-e",
        "c",
        "--emit=d",
        "[]",
    ]);
    assert_eq!(
        events(&options),
        [r#"["a",1,-5,{"b":2},"text"]"#, r#"["c"]"#, r#"["d",[]]"#]
    );
    assert!(options.ack && !options.reads_commands());
    let attached = self::options(&["-ex", "1", "--", URL]);
    assert_eq!(events(&attached), [r#"["x",1]"#]);
}

#[test]
fn count_implies_listening() {
    let options = options(&["-c3", "--on", "a", "--on", "b", "-j", "-vv", URL]);
    assert_eq!(
        (
            options.count,
            options.listen,
            options.json,
            options.verbosity
        ),
        (Some(3), true, true, 2)
    );
    assert_eq!(options.on, ["a", "b"]);
    assert!(!options.reads_commands());
    assert!(self::options(&["-l", "-i", URL]).reads_commands());
}

#[test]
fn headers_transports_and_times_are_read() {
    let options = options(&[
        URL,
        "-H",
        "X-Key:  a:b ",
        "-t",
        "websocket",
        "-p",
        "/rt",
        "--timeout",
        "0.5",
        "--connect-timeout",
        "3",
        "--max-time",
        "60",
        "--reconnect",
        "--reply",
        "1",
        "--reply",
        "x",
    ]);
    assert_eq!(options.headers, [("X-Key".to_owned(), "a:b".to_owned())]);
    assert_eq!(options.transports, [Transport::WebSocket]);
    assert_eq!(options.path, "/rt");
    assert_eq!(options.timeout, Duration::from_millis(500));
    assert_eq!(options.connect_timeout, Duration::from_secs(3));
    assert_eq!(options.max_time, Some(Duration::from_secs(60)));
    assert_eq!(options.reconnect, Some(true));
    assert_eq!(
        Message::reply(&options.replies, &options.files)
            .unwrap()
            .json(),
        r#"[1,"x"]"#
    );
    let both = self::options(&[URL, "-t", "websocket, polling,websocket"]).transports;
    assert_eq!(both, [Transport::WebSocket, Transport::Polling]);
    let newest = self::options(&[URL, "-t", "webtransport"]).transports;
    assert_eq!(newest, [Transport::WebTransport]);
}

#[test]
fn auth_is_an_object_from_the_command_line_or_a_file() {
    assert_eq!(
        options(&[URL, "-a", " {\"t\":1} "]).auth.as_deref(),
        Some("{\"t\":1}")
    );
    let file = std::env::temp_dir().join(format!("sio-auth-{}", std::process::id()));
    std::fs::write(&file, "{\"t\":2}\n").unwrap();
    let named = format!("@{}", file.display());
    assert_eq!(
        options(&[URL, "--auth", &named]).auth.as_deref(),
        Some("{\"t\":2}")
    );
    std::fs::remove_file(&file).unwrap();
    assert!(fault(&[URL, "--auth", &named]).starts_with(&format!("--auth {named}: ")));
    assert!(fault(&[URL, "-a", "[1]"]).contains("must be a JSON object"));
    assert!(fault(&[URL, "-a", "token"]).contains("is not JSON"));
}

#[test]
fn the_revision_is_the_newer_one_unless_told_otherwise() {
    assert_eq!(options(&[URL]).revision, Revision::V4);
    assert_eq!(options(&[URL, "--eio", "4"]).revision, Revision::V4);
    let older = options(&["http://a/x", "--eio=3", "-a", "{}"]);
    assert_eq!(older.revision, Revision::V3);
}

#[test]
fn mistakes_are_explained() {
    for (line, text) in [
        (&[][..], "no URL given; as in: sio http://localhost:3000"),
        (
            &["-e", "x", "http://a"],
            "no URL given; behind --emit EVENT it is an argument of the event, so that it stands first",
        ),
        (
            &["http://a", "b"],
            "two URLs given, http://a and b; arguments of an event belong behind --emit EVENT",
        ),
        (
            &["ftp://a"],
            "ftp://a is not the address of a server (unknown scheme); one looks like http://localhost:3000",
        ),
        (
            &[URL, "-e"],
            "--emit wants the name of an event, and its arguments: --emit EVENT [ARG]...",
        ),
        (
            &[URL, "-t", "udp"],
            "--transports udp: must be polling, websocket or webtransport, or several with commas between them",
        ),
        (
            &[URL, "-t", "polling,webtransport", "--eio", "3"],
            "--transports webtransport: there is none with --eio 3",
        ),
        (
            &[URL, "-H", "x"],
            "--header x: must look like 'Name: value'",
        ),
        (&[URL, "-p", "x"], "--path x: must begin with a slash"),
        (
            &[URL, "--eio", "5"],
            "--eio 5: must be 3 or 4, a revision of Engine.IO",
        ),
        (
            &[URL, "--eio", "3", "-a", "{}"],
            "--auth {}: with --eio 3 the main namespace takes none; the server may look for it in the query, \
             as in http://localhost:3000?token=abc",
        ),
        (
            &[URL, "--parser", "xml"],
            "--parser xml: must be json or msgpack",
        ),
        (
            &[URL, "-c", "0"],
            "--count 0: must be a whole number, 1 or more",
        ),
        (
            &[URL, "--timeout", "-1"],
            "--timeout -1: must be a positive number of seconds",
        ),
        (
            &[URL, "--timeout", "NaN"],
            "--timeout NaN: must be a positive number of seconds",
        ),
        (
            &[URL, "--timeout", "1e300"],
            "--timeout 1e300: must be a positive number of seconds",
        ),
        (&[URL, "-f", "x"], "--file x: must look like NAME=FILE"),
        (
            &[URL, "-e", "connect"],
            "event connect: \"connect\" is a reserved event name",
        ),
        (&[URL, "--nope"], "invalid option '--nope'"),
    ] {
        assert_eq!(fault(line), text, "{line:?}");
    }
    assert!(fault(&[URL, "-e", "a", "{x"]).starts_with("{x is not JSON ("));
    assert!(fault(&[URL, "-e", "a", "@/no/such/file"]).starts_with("cannot read /no/such/file: "));
}

#[test]
fn help_and_version_need_no_url() {
    assert_eq!(task(&["-h"]).unwrap(), Task::Help);
    assert_eq!(task(&["--version"]).unwrap(), Task::Version);
}

#[test]
fn the_help_names_every_option_and_fits_a_terminal() {
    let source = include_str!("../arguments.rs");
    for option in source.split("Arg::Long(\"").skip(1) {
        let name = format!("--{}", option.split('"').next().unwrap());
        assert!(HELP.contains(&name), "{name}");
    }
    for line in HELP.lines() {
        assert!(line.len() <= 120, "{line}");
    }
    assert!(crate::command::HELP.lines().all(|line| line.len() <= 120));
}
