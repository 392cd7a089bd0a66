//! Each client has a GET outstanding, sends an event by POST, and waits for its answer and the acknowledgement.

use std::net::SocketAddr;
use std::time::Instant;

use super::{echo, echoed};
use crate::connection::Connection;
use crate::drive::{Driver, Ready, Scenario};
use crate::join::{PING, PONG};
use crate::numbered::Numbered;
use crate::{Phase, Result, expect, fault, http, join};

/// Polling clients with one event each in flight. Client `n` has the sockets `2n`, for GETs, and `2n + 1`, for POSTs.
#[derive(Debug)]
pub struct PollingEcho {
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    polls: Connection,
    posts: Connection,
    get: String,
    post: Numbered,
    pong: String,
    answer: Numbered,
    number: u64,
    pending: Option<Pending>,
    /// The number of unanswered POSTs.
    unanswered: u32,
}

/// An exchange that is not over.
#[derive(Debug)]
struct Pending {
    sent: Instant,
    /// The acknowledgement came.
    is_acknowledged: bool,
}

impl PollingEcho {
    /// Joins the clients.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn join(server: SocketAddr, count: usize, driver: &Driver) -> Result<Self> {
        let registry = driver.registry();
        let client = |index| {
            let joined = join::by_polling(server, index)?;
            let get = http::get(server, Some(&joined.sid));
            let mut polls = joined.polls.watch(registry, 2 * index)?;
            polls.send(get.as_bytes())?;
            Ok(Client {
                polls,
                posts: joined.posts.watch(registry, 2 * index + 1)?,
                get,
                post: Numbered::plain(&http::post(server, &joined.sid, &echo(index))),
                answer: Numbered::plain(&echoed(index)),
                number: 0,
                pending: None,
                pong: http::post(server, &joined.sid, PONG),
                unanswered: 0,
            })
        };
        let clients = (0..count).map(client).collect::<Result<_>>()?;
        Ok(Self { clients })
    }
}

impl Client {
    fn next(&mut self, phase: &mut Phase) -> Result<()> {
        let sent = Instant::now();
        if phase.begin(sent) {
            self.pending = Some(Pending {
                sent,
                is_acknowledged: false,
            });
            self.unanswered += 1;
            self.posts.send(self.post.with(self.number))?;
        }
        Ok(())
    }

    fn take_posted(&mut self, body: &[u8]) -> Result<()> {
        expect(body, b"ok")?;
        match self.unanswered.checked_sub(1) {
            Some(unanswered) => self.unanswered = unanswered,
            None => return fault("a POST is answered twice"),
        }
        Ok(())
    }

    fn take_polled(&mut self, payload: &[u8], phase: &mut Phase) -> Result<()> {
        for packet in http::packets(payload) {
            match &mut self.pending {
                _ if packet == PING => {
                    self.unanswered += 1;
                    self.posts.send(self.pong.as_bytes())?;
                }
                Some(pending) if !pending.is_acknowledged => {
                    expect(packet, self.answer.with(self.number))?;
                    phase.count(pending.sent, Instant::now());
                    pending.is_acknowledged = true;
                }
                _ => return fault(format!("unasked: {}", String::from_utf8_lossy(packet))),
            }
        }
        self.polls.send(self.get.as_bytes())
    }

    fn go_on(&mut self, phase: &mut Phase) -> Result<()> {
        let is_taken = self.unanswered == 0;
        let is_over = |pending: &mut Pending| is_taken && pending.is_acknowledged;
        if self.pending.take_if(is_over).is_some() {
            phase.end();
            self.number += 1;
            self.next(phase)?;
        }
        Ok(())
    }
}

impl Scenario for PollingEcho {
    fn start(&mut self, phase: &mut Phase) -> Result<()> {
        self.clients
            .iter_mut()
            .try_for_each(|client| client.next(phase))
    }

    fn readable(&mut self, ready: Ready, scratch: &mut [u8], phase: &mut Phase) -> Result<()> {
        let client = &mut self.clients[ready.token / 2];
        let is_poll = ready.token.is_multiple_of(2);
        let connection = if is_poll {
            &mut client.polls
        } else {
            &mut client.posts
        };
        let mut input = connection.read(scratch, ready.saw_end)?.open()?;
        while let Some(body) = http::take_body(&mut input)? {
            if is_poll {
                client.take_polled(body, phase)?;
            } else {
                client.take_posted(body)?;
            }
        }
        let connection = if is_poll {
            &mut client.polls
        } else {
            &mut client.posts
        };
        connection.keep(input);
        client.go_on(phase)
    }
}
