//! Each scenario runs against the bare server, and against the same server behind a gateway that spoils its answers:
//! a wrong server gives an error, and no figure.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use load::drive::{Driver, Scenario};
use load::scenario::{Broadcast, Churn, Echo, PollingEcho};
use load::{Limit, Result};

/// The change that the gateway makes to answers of the server with a given text.
#[derive(Clone, Copy)]
enum Spoil {
    Nothing,
    Replace(&'static str, &'static str),
    /// Once for each connection.
    ReplaceFirst(&'static str, &'static str),
    /// From the second time on for each connection.
    ReplaceLater(&'static str, &'static str),
    Repeat(&'static str),
    Drop(&'static str),
}

impl Spoil {
    fn apply(&mut self, answer: Vec<u8>) -> Vec<u8> {
        let has = |text: &str| {
            answer
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        match *self {
            Self::Replace(text, other) | Self::ReplaceFirst(text, other) if has(text) => {
                if let Self::ReplaceFirst(..) = self {
                    *self = Self::Nothing;
                }
                let part = answer
                    .windows(text.len())
                    .position(|part| part == text.as_bytes());
                let (before, rest) = answer.split_at(part.unwrap());
                [before, other.as_bytes(), &rest[text.len()..]].concat()
            }
            Self::ReplaceLater(text, other) if has(text) => {
                *self = Self::Replace(text, other);
                answer
            }
            Self::Repeat(text) if has(text) => answer.repeat(2),
            Self::Drop(text) if has(text) => Vec::new(),
            _ => answer,
        }
    }
}

/// Starts a bare server behind a gateway, and returns the gateway's address.
fn gateway(spoil: Spoil) -> SocketAddr {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = mio::net::TcpListener::bind(any).unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(|| server_epoll::serve(server));
    let listener = TcpListener::bind(any).unwrap();
    let entrance = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(address).unwrap());
            let (requests, answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass_on(requests, server, Spoil::Nothing));
            thread::spawn(move || pass_on(answers, client, spoil));
        }
    });
    entrance
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut spoil: Spoil) {
    to.set_nodelay(true).unwrap();
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to
            .write_all(&spoil.apply(bytes[..length].to_vec()))
            .is_err()
        {
            break;
        }
    }
    // Whoever has gone already needs no notice.
    let _gone = to.shutdown(Shutdown::Write);
}

type Make = fn(SocketAddr, &mut Driver) -> Result<Box<dyn Scenario>>;

/// Runs twenty exchanges; the number of operations they had.
fn run(make: Make, spoil: Spoil) -> Result<u64> {
    // A test that waits for this long in vain waits no longer than needed.
    let patience = Duration::from_secs(if matches!(spoil, Spoil::Drop(_)) {
        1
    } else {
        30
    });
    let mut driver = Driver::new(patience)?;
    let mut scenario = make(gateway(spoil), &mut driver)?;
    let phase = driver.run(&mut *scenario, Limit::Exchanges(20))?;
    driver.settle(&mut *scenario, Duration::from_millis(50))?;
    Ok(phase.latencies().len())
}

fn assert_noticed(make: Make, spoils: &[Spoil], reason: &str) {
    for (index, spoil) in spoils.iter().enumerate() {
        let fault = run(make, *spoil).expect_err(&format!("fault {index} goes unnoticed"));
        assert!(fault.to_string().contains(reason), "{index}: {fault}");
    }
}

const ECHO: Make = |server, driver| Ok(Box::new(Echo::join(server, 2, driver)?));
const BROADCAST: Make = |server, driver| Ok(Box::new(Broadcast::join(server, 3, 4, driver)?));
const POLLING: Make = |server, driver| Ok(Box::new(PollingEcho::join(server, 2, driver)?));
const CHURN: Make = |server, driver| Ok(Box::new(Churn::new(server, 2, driver)?));

#[test]
fn the_bare_server_serves_every_scenario() {
    assert_eq!(run(ECHO, Spoil::Nothing).unwrap(), 20);
    assert_eq!(run(BROADCAST, Spoil::Nothing).unwrap(), 80);
    assert_eq!(run(POLLING, Spoil::Nothing).unwrap(), 20);
    assert_eq!(run(CHURN, Spoil::Nothing).unwrap(), 20);
}

#[test]
fn early_pings_are_answered() {
    let noop = Spoil::ReplaceFirst("\r\n\r\n6", "\r\n\r\n2");
    assert_eq!(run(CHURN, noop).unwrap(), 20);
}

#[test]
fn wrong_echoes_are_noticed() {
    let spoils = [
        Spoil::Replace("43100003[", "43100004["),
        Spoil::Replace("client 000001", "client 000000"),
        Spoil::Replace("43100003[", "42100003["),
    ];
    assert_noticed(ECHO, &spoils, "expected");
}

#[test]
fn a_second_answer_is_noticed_even_after_the_last_exchange() {
    assert_noticed(ECHO, &[Spoil::Repeat("43100009[")], "");
    assert_noticed(
        BROADCAST,
        &[Spoil::Repeat(r#""broadcast",100019"#)],
        "expected",
    );
    assert_noticed(POLLING, &[Spoil::Repeat("43100009[")], "unasked");
}

#[test]
fn lost_answers_are_noticed() {
    assert_noticed(ECHO, &[Spoil::Drop("43100003[")], "no answer");
    assert_noticed(
        BROADCAST,
        &[Spoil::Drop(r#""broadcast",100019"#)],
        "no answer",
    );
    assert_noticed(POLLING, &[Spoil::Drop("43100003[")], "no answer");
    assert_noticed(CHURN, &[Spoil::Drop("3probe")], "no answer");
}

#[test]
fn repeated_and_disordered_broadcasts_are_noticed() {
    let spoils = [
        Spoil::Repeat(r#""broadcast",100003"#),
        Spoil::Replace(r#""broadcast",100003"#, r#""broadcast",100004"#),
        Spoil::Replace("forty", "fifty"),
    ];
    assert_noticed(BROADCAST, &spoils, "expected");
}

#[test]
fn wrong_answers_to_polls_and_posts_are_noticed() {
    let spoils = [
        Spoil::Replace("43100003[", "43100004["),
        Spoil::Replace("client 000001", "client 000000"),
        Spoil::ReplaceLater("\r\n\r\nok", "\r\n\r\nno"),
    ];
    assert_noticed(POLLING, &spoils, "expected");
    assert_noticed(POLLING, &[Spoil::Replace("200", "400")], "status");
}

#[test]
fn wrong_upgrades_and_joins_are_noticed() {
    assert_noticed(CHURN, &[Spoil::Replace("3probe", "3prone")], "expected");
    assert_noticed(
        CHURN,
        &[Spoil::Replace("\r\n\r\n6", "\r\n\r\n7")],
        "expected",
    );
    // The second ping comes before the first one is answered.
    let pings = Spoil::Replace("\r\n\r\n6", "\r\n\r\n2");
    assert_noticed(CHURN, &[pings], "expected");
    assert_noticed(CHURN, &[Spoil::Replace("40{", "44{")], "no id");
    assert_noticed(
        CHURN,
        &[Spoil::Replace("Accept: s3p", "Accept: S3P")],
        "no WebSocket",
    );
    // The second one comes before the noop, or behind it.
    assert_noticed(CHURN, &[Spoil::Repeat("3probe")], "3probe");
}
