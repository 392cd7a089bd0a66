//! `arbitrary::Arbitrary` for scenarios. A turn takes few bytes, so that a fuzzer's change stays small.

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{Action, Fault, Scenario, Turn};
use crate::path::{Cut, Websockets};

/// The most turns of a scenario, so that none takes long.
const MOST_TURNS: usize = 100;

/// For what is said by both sides of any type: with `Payload` it is any event or acknowledgement.
impl<'a, E: Arbitrary<'a>> Arbitrary<'a> for Scenario<E> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut turns = Vec::new();
        while turns.len() < MOST_TURNS && !u.is_empty() {
            turns.push(Turn::arbitrary(u)?);
        }
        Ok(Self::new(turns))
    }
}

impl<'a, E: Arbitrary<'a>> Arbitrary<'a> for Turn<E> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.int_in_range(0..=3)?, Action::arbitrary(u)?))
    }
}

impl<'a, E: Arbitrary<'a>> Arbitrary<'a> for Action<E> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let millis = Duration::from_millis;
        Ok(match u.int_in_range(0..=23_u8)? {
            0..=6 => Self::Wait(millis(*u.choose(&[1, 5, 10, 20, 50, 500, 5_000, 50_000])?)),
            7..=9 => Self::Say {
                event: u.arbitrary()?,
                ack: timeout(u)?,
            },
            10 | 11 => Self::Broadcast {
                event: u.arbitrary()?,
                ack: timeout(u)?,
            },
            12 => Self::Connect,
            13 => Self::Disconnect,
            14 => Self::DisconnectAll,
            15 => Self::Cut(cut(u)?),
            16 => Self::CutWebSockets(cut(u)?),
            17 => Self::CutRequests(cut(u)?),
            18 => Self::RestartServer,
            19 => Self::Fault(u.arbitrary()?),
            20 => Self::Mend,
            21 => Self::BusyServer(u.arbitrary()?),
            22 => Self::BusyClient(u.arbitrary()?),
            _ => Self::Jump(millis(u64::from(u.arbitrary::<u8>()?) * 100)),
        })
    }
}

fn timeout(u: &mut Unstructured<'_>) -> Result<Option<Duration>> {
    let millis = *u.choose(&[None, None, Some(300), Some(5_000)])?;
    Ok(millis.map(Duration::from_millis))
}

fn cut(u: &mut Unstructured<'_>) -> Result<Cut> {
    u.choose(&[Cut::Clean, Cut::Reset, Cut::Midway, Cut::Silent])
        .copied()
}

impl<'a> Arbitrary<'a> for Fault {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind = u.int_in_range(0..=14_u8)?;
        let chance = *u.choose(&[100, 300, 1_000])?;
        let millis = Duration::from_millis(u.int_in_range(1..=64)?);
        Ok(match kind {
            0 => Self::LostRequests(chance),
            1 => Self::LostBodies(chance),
            2 => Self::LostResponses(chance),
            3 => Self::LostConnects(chance),
            4 => Self::DoubledAttempts(chance),
            5 => Self::Refused,
            6 => Self::Stalled,
            7 => Self::Jitter(millis),
            8 => Self::Collected(millis),
            9 => Self::PipeFrames(u.int_in_range(1..=8)?),
            10 => Self::UnwritableUp,
            11 => Self::UnwritableDown,
            12 => Self::Websockets(Websockets::Refused { status: 502 }),
            13 => Self::Websockets(Websockets::Swallowed),
            _ => Self::Websockets(Websockets::Broken {
                after: u.int_in_range(0..=8)?,
            }),
        })
    }
}
