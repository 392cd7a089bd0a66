//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, ValueExt};
use socketio::server::Farewell;
use socketio_admin as admin;
use socketio_proto::engine::server::{Origin, Origins};

pub(crate) const HELP: &str = include_str!("help.txt");

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) webtransport: bool,
    /// Whose pages may connect.
    pub(crate) origins: Origins,
    /// How long clients may be away, if they may at all.
    pub(crate) recovery: Option<Duration>,
    pub(crate) drain: Duration,
    pub(crate) farewell: Farewell,
    pub(crate) admin: Option<admin::Options>,
    /// The file for a recording.
    pub(crate) record: Option<PathBuf>,
}

/// What is said of the admin namespace.
#[derive(Debug, Default)]
struct Admin {
    user: Option<String>,
    password_hash: Option<String>,
    no_auth: bool,
    namespace: Option<String>,
    readonly: bool,
    production: bool,
    server_id: Option<String>,
}

/// Reads the command line; `None` if help is wanted.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        host: String::from("127.0.0.1"),
        port: 3000,
        webtransport: false,
        origins: Origins::same_host(),
        recovery: Some(Duration::from_secs(120)),
        drain: Duration::from_secs(3),
        farewell: Farewell::Drain,
        admin: None,
        record: None,
    };
    let mut admin = Admin::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("host") => options.host = parser.value()?.string()?,
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("webtransport") => options.webtransport = true,
            Arg::Long("cors-origin") => {
                options.origins = options.origins.with(origin(&mut parser)?);
            }
            Arg::Long("recovery") => {
                let away = seconds(&mut parser)?;
                options.recovery = Some(away).filter(|away| !away.is_zero());
            }
            Arg::Long("record") => options.record = Some(parser.value()?.into()),
            Arg::Long("drain") => options.drain = seconds(&mut parser)?,
            Arg::Long("tell-clients") => options.farewell = Farewell::Tell,
            Arg::Long("admin-user") => admin.user = Some(parser.value()?.string()?),
            Arg::Long("admin-password-hash") => {
                admin.password_hash = Some(parser.value()?.string()?);
            }
            Arg::Long("admin-no-auth") => admin.no_auth = true,
            Arg::Long("admin-namespace") => admin.namespace = Some(parser.value()?.string()?),
            Arg::Long("admin-readonly") => admin.readonly = true,
            Arg::Long("admin-production") => admin.production = true,
            Arg::Long("admin-server-id") => admin.server_id = Some(parser.value()?.string()?),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    options.admin = admin.finish()?;
    Ok(Some(options))
}

fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    parser
        .value()?
        .parse_with(|text| Duration::try_from_secs_f64(text.parse()?).map_err(Fault::from))
}

fn origin(parser: &mut lexopt::Parser) -> Result<Origin, lexopt::Error> {
    let text = parser.value()?.string()?;
    let fault = |error| format!("{text:?} is no origin, such as https://example.com: {error}");
    Origin::parse(&text).map_err(|error| fault(error).into())
}

/// Why a text is no time.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Number(#[from] std::num::ParseFloatError),
    #[error(transparent)]
    Duration(#[from] std::time::TryFromFloatSecsError),
}

impl Admin {
    /// An admin namespace for everybody has to be asked for as such.
    fn finish(self) -> Result<Option<admin::Options>, lexopt::Error> {
        let auth = match (self.user, self.password_hash, self.no_auth) {
            (Some(username), Some(password_hash), false) => admin::Auth::Basic {
                username,
                password_hash,
            },
            (None, None, true) => admin::Auth::NoAuth,
            (None, None, false) => {
                let unused = self.namespace.is_some() || self.readonly || self.production;
                return if unused || self.server_id.is_some() {
                    Err("who may use the admin namespace?".into())
                } else {
                    Ok(None)
                };
            }
            (Some(_), None, false) | (None, Some(_), false) => {
                return Err("--admin-user and --admin-password-hash go together".into());
            }
            (_, _, true) => {
                return Err("--admin-no-auth lets everybody in, whatever their password".into());
            }
        };
        let mode = if self.production {
            admin::Mode::Production
        } else {
            admin::Mode::Development
        };
        let mut options = admin::Options::new(auth)
            .with_readonly(self.readonly)
            .with_mode(mode);
        options.namespace = self.namespace.unwrap_or(options.namespace);
        options.server_id = self.server_id;
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>, lexopt::Error> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    fn options(line: &str) -> Options {
        parsed(line).unwrap().unwrap()
    }

    #[test]
    fn every_option_is_in_the_help_text_and_the_other_way_round() {
        let source = include_str!("options.rs");
        let read: Vec<_> = source
            .split("Arg::Long(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once("\")").map(|(name, _)| name))
            .filter(|name| !name.contains(['\\', ' ']))
            .collect();
        assert!(read.len() > 10);
        for name in &read {
            assert!(HELP.contains(&format!("--{name}")), "{name}");
        }
        let described = HELP.lines().map(str::trim_start);
        let described = described.filter_map(|line| line.split("--").nth(1)?.split(' ').next());
        for name in described.filter(|name| !name.is_empty()) {
            assert!(read.contains(&name), "{name}");
        }
    }

    #[test]
    fn times_are_seconds_and_no_recovery_is_none() {
        let options = options("--drain 0.5 --recovery 0 --tell-clients");
        assert_eq!(options.drain, Duration::from_millis(500));
        assert_eq!(options.recovery, None);
        assert_eq!(options.farewell, Farewell::Tell);
        assert!(parsed("--drain -1").is_err());
        assert!(parsed("--recovery soon").is_err());
    }

    #[test]
    fn origins_are_added_to_the_own_host() {
        assert_eq!(options("").origins, Origins::same_host());
        let options = options("--cors-origin https://a.example --cors-origin http://B.example:81");
        let origins = options.origins.iter().map(Origin::as_str);
        assert!(origins.eq(["https://a.example", "http://b.example:81"]));
        let own = (Some(&b"http://c.example"[..]), Some(&b"c.example"[..]));
        assert!(options.origins.allows(own.0, own.1));
        for bad in [
            "*",
            "a.example",
            "https://a.example/",
            "https://a.example/page",
            "/",
        ] {
            assert!(parsed(&format!("--cors-origin {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_admin_namespace_for_everybody_has_to_be_asked_for() {
        assert!(options("").admin.is_none());
        assert!(matches!(
            options("--admin-no-auth").admin,
            Some(admin::Options {
                auth: admin::Auth::NoAuth,
                ..
            })
        ));
        let basic = options("--admin-user a --admin-password-hash b --admin-readonly");
        assert!(basic.admin.is_some_and(|admin| admin.readonly));
        for bad in [
            "--admin-user a",
            "--admin-password-hash b",
            "--admin-readonly",
            "--admin-namespace /x",
            "--admin-no-auth --admin-user a",
            "--admin-no-auth --admin-user a --admin-password-hash b",
        ] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
