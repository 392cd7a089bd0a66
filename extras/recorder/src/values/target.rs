//! The targets of broadcasts.

use socketio_proto::server::Target;

use crate::outcome::Party;
use crate::text::tidy;
use crate::wire::{Fault, Reader, Wire, Writer};

/// A target that was read: the lists of rooms belong to it.
#[derive(Debug)]
pub(crate) struct TargetParts<'a> {
    target: Target<'a>,
    rooms: Vec<&'a str>,
    except_rooms: Vec<&'a str>,
}

impl TargetParts<'_> {
    pub(crate) fn target(&self) -> Target<'_> {
        self.target
            .rooms(&self.rooms)
            .except_rooms(&self.except_rooms)
    }

    pub(crate) fn show(&self) -> String {
        tidy(&format!("{:-?}", self.target()))
    }

    pub(crate) const fn party(&self) -> Option<Party> {
        None
    }
}

pub(crate) fn write_target(target: &Target<'_>, out: &mut Writer) {
    target.namespace.write(out);
    target.rooms.to_vec().write(out);
    target.except_rooms.to_vec().write(out);
    target.except.write(out);
    target.volatile.write(out);
    target.local.write(out);
}

pub(crate) fn read_target<'a>(input: &mut Reader<'a>) -> Result<TargetParts<'a>, Fault> {
    let mut target = Target::namespace(Wire::read(input)?);
    let (rooms, except_rooms) = (Wire::read(input)?, Wire::read(input)?);
    target.except = Wire::read(input)?;
    target.volatile = Wire::read(input)?;
    target.local = Wire::read(input)?;
    Ok(TargetParts {
        target,
        rooms,
        except_rooms,
    })
}
