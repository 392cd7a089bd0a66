//! Access to the admin namespace: passwords, and the sessions that stand for them.
//!
//! Looking at a password takes a tenth of a second of computing on purpose. So the driver does it on another thread, a few
//! at a time, and the result comes back as a command: the machine goes on meanwhile.

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{Admin, Auth, Command, OptionsError, Told};
use serde::Deserialize;
use socketio_proto::Payload;
use socketio_proto::engine::Instant;
use socketio_proto::engine::driver::server::Context;
use socketio_proto::server::{Commands, ConnectToken, SocketKey};

/// The number of passwords that are hashed at a time.
const CHECKS_AT_ONCE: usize = 2;

/// The maximum number of logins that wait for that or are being checked. Further ones are refused, because otherwise
/// many attempts could fill the memory.
const MAX_CHECKS: usize = 64;

/// Of a longer password bcrypt looks at no more than that.
const MAX_PASSWORD: usize = 72;

/// The maximum number of sessions that are remembered. The oldest are forgotten first.
const MAX_SESSIONS: usize = 1_000;

/// The time for which a session replaces the password, as in the official store.
const SESSION_TIME: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
pub(super) struct Login {
    /// `None` if everybody may come in.
    password: Option<Password>,
    sessions: VecDeque<(String, Instant)>,
    /// Passwords that wait to be looked at.
    waiting: VecDeque<Check>,
    /// The number of those that are being looked at.
    checking: usize,
}

/// A password that was given.
#[derive(Debug)]
struct Check {
    token: ConnectToken,
    given: Vec<u8>,
}

#[derive(Debug)]
struct Password {
    username: String,
    hash: Arc<str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    session_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Login {
    pub(super) fn new(auth: &Auth) -> Result<Self, OptionsError> {
        let password = match auth {
            Auth::NoAuth => None,
            Auth::Basic {
                username,
                password_hash,
            } => {
                bcrypt::HashParts::from_str(password_hash).map_err(OptionsError::Hash)?;
                Some(Password {
                    username: username.clone(),
                    hash: password_hash.as_str().into(),
                })
            }
        };
        Ok(Self {
            password,
            sessions: VecDeque::new(),
            waiting: VecDeque::new(),
            checking: 0,
        })
    }

    /// Has the next password looked at, if not too many are already.
    fn check_next<C: From<Command>>(&mut self, context: &mut Context<'_, C>) {
        let Some(password) = &self.password else {
            return;
        };
        if self.checking >= CHECKS_AT_ONCE {
            return;
        }
        let Some(Check { token, given }) = self.waiting.pop_front() else {
            return;
        };
        let hash = Arc::clone(&password.hash);
        self.checking += 1;
        context.run(move || {
            let good = bcrypt::verify(given, &hash).unwrap_or(false);
            Command(Told::Checked { token, good }).into()
        });
    }

    fn knows(&mut self, session: &str, now: Instant) -> bool {
        while self.sessions.front().is_some_and(|(_, end)| *end <= now) {
            self.sessions.pop_front();
        }
        self.sessions.iter().any(|(known, _)| known == session)
    }

    /// A session for who gave the password, as the official ones: 16 hexadecimal digits.
    fn open_session(&mut self, now: Instant) -> Result<String, getrandom::Error> {
        let session = format!("{:016x}", getrandom::u64()?);
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions
            .push_back((session.clone(), now + SESSION_TIME));
        Ok(session)
    }
}

impl Admin {
    pub(super) fn log_in<C>(
        &mut self,
        server: &mut impl Commands,
        token: ConnectToken,
        auth: Option<&Payload>,
        context: &mut Context<'_, C>,
    ) where
        C: From<Command>,
    {
        let Some(password) = &self.login.password else {
            self.let_in(server, token, context);
            return;
        };
        let credentials: Credentials = auth.and_then(|auth| auth.data().ok()).unwrap_or_default();
        let is_named = credentials.username.as_ref() == Some(&password.username);
        let session = credentials.session_id.unwrap_or_default();
        if self.login.knows(&session, context.now) {
            self.let_in(server, token, context);
            return;
        }
        let Some(given) = credentials.password.filter(|_| is_named) else {
            refuse(server, token, "invalid credentials", context.now);
            return;
        };
        if self.login.waiting.len() + self.login.checking >= MAX_CHECKS {
            refuse(server, token, "too many logins", context.now);
            return;
        }
        let given: Vec<u8> = given.bytes().take(MAX_PASSWORD).collect();
        self.login.waiting.push_back(Check { token, given });
        self.login.check_next(context);
    }

    pub(super) fn finish_login<C>(
        &mut self,
        server: &mut impl Commands,
        token: ConnectToken,
        good: bool,
        context: &mut Context<'_, C>,
    ) where
        C: From<Command>,
    {
        self.login.checking = self.login.checking.saturating_sub(1);
        self.login.check_next(context);
        if !good {
            refuse(server, token, "invalid credentials", context.now);
            return;
        }
        let Ok(socket) = server.accept(token, context.now) else {
            // It has gone meanwhile.
            return;
        };
        match self.login.open_session(context.now) {
            Ok(session) => {
                // Officially it is sent before the client is let in, but the page listens only once it is in.
                let told = Payload::event("session").arg(&session);
                self.tell_one(server, socket, told);
            }
            Err(error) => tracing::warn!(%error, "no session for an admin"),
        }
        self.enter(server, socket, context);
    }

    fn let_in<C>(
        &mut self,
        server: &mut impl Commands,
        token: ConnectToken,
        context: &Context<'_, C>,
    ) {
        if let Ok(socket) = server.accept(token, context.now) {
            self.enter(server, socket, context);
        }
    }

    /// Greets one who is in, unless that happens when it is told of.
    fn enter<C>(
        &mut self,
        server: &mut impl Commands,
        socket: SocketKey,
        context: &Context<'_, C>,
    ) {
        self.admins.insert(socket);
        if !self.tells_everything() {
            self.greet(server, socket, context);
        }
    }
}

fn refuse(server: &mut impl Commands, token: ConnectToken, why: &str, now: Instant) {
    // Who has gone meanwhile need not know.
    let _gone = server.reject(token, why, None, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the password `secret`, at the lowest cost.
    const HASH: &str = "$2b$04$Xk5hJfCLLoNVIxWDS4VH8emqwn3jCGY8B2PMpYzVJZgkGMn6Ha0O6";

    fn login() -> Login {
        let auth = Auth::Basic {
            username: "ann".into(),
            password_hash: HASH.into(),
        };
        Login::new(&auth).unwrap()
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for password_hash in ["", "secret", "$2b$10$short"] {
            let auth = Auth::Basic {
                username: "ann".into(),
                password_hash: password_hash.into(),
            };
            assert!(Login::new(&auth).is_err(), "{password_hash}");
        }
        assert!(Login::new(&Auth::NoAuth).unwrap().password.is_none());
    }

    #[test]
    fn a_session_stands_for_the_password_for_a_day() {
        let mut login = login();
        let opened = Instant::from_millis(5);
        let session = login.open_session(opened).unwrap();
        assert_eq!(session.len(), 16);
        assert!(login.knows(&session, opened));
        assert!(!login.knows("", opened) && !login.knows("0123456789abcdef", opened));
        let day = Instant::from_millis(86_400_000 + 5);
        assert!(login.knows(&session, Instant::from_millis(86_400_000 + 4)));
        assert!(!login.knows(&session, day));
        assert_eq!(login.sessions.len(), 0);
    }

    #[test]
    fn sessions_are_kept_up_to_their_number() {
        let mut login = login();
        let first = login.open_session(Instant::ZERO).unwrap();
        let second = login.open_session(Instant::ZERO).unwrap();
        for _ in 2..=MAX_SESSIONS {
            login.open_session(Instant::ZERO).unwrap();
        }
        assert_eq!(login.sessions.len(), MAX_SESSIONS);
        assert!(!login.knows(&first, Instant::ZERO));
        assert!(login.knows(&second, Instant::ZERO));
    }
}
