//! Payloads of tuples, and single arguments.

use serde::de::Deserialize;
use serde::ser::Serialize;

use super::de::absent;
use super::{Payload, PayloadBuilder};
use crate::{EncodeError, ReadError};

/// What [`Payload::with_args`] takes: tuples of up to eight values, one argument each.
///
/// It is sealed, so that a single value is no list of arguments by mistake: `(value,)` is one argument.
pub trait Args: sealed::Sealed {
    /// Appends the arguments.
    #[doc(hidden)]
    fn append(&self, builder: PayloadBuilder) -> PayloadBuilder;
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}
}

impl sealed::Sealed for () {}

impl Args for () {
    fn append(&self, builder: PayloadBuilder) -> PayloadBuilder {
        builder
    }
}

macro_rules! args_of_tuples {
    ($(($($name:ident)+))+) => {
        $(
            impl<$($name: Serialize),+> sealed::Sealed for ($($name,)+) {}

            impl<$($name: Serialize),+> Args for ($($name,)+) {
                #[expect(non_snake_case, reason = "the names of the types serve the values")]
                fn append(&self, builder: PayloadBuilder) -> PayloadBuilder {
                    let ($($name,)+) = self;
                    $(let builder = builder.arg($name);)+
                    builder
                }
            }
        )+
    };
}

args_of_tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}

impl Payload {
    /// Makes the payload of an event with these arguments, as JSON.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`], as [`PayloadBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::with_args("move", ("left", 3))?;
    /// assert_eq!(payload.json(), r#"["move","left",3]"#);
    /// # Ok::<(), socketio_proto::EncodeError>(())
    /// ```
    pub fn with_args(event: &str, args: impl Args) -> Result<Self, EncodeError> {
        args.append(Self::event(event)).build()
    }

    /// Reads one argument, counted from zero without the name of an event. One that is not there reads as absent: `None`
    /// for an `Option`, an error for others.
    ///
    /// Cost: a look at the arguments before it.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or [takes too much](Self#how-much-reading-takes).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::with_args("move", ("left", 3))?;
    /// assert_eq!(payload.arg::<u32>(1)?, 3);
    /// assert_eq!(payload.arg::<Option<bool>>(2)?, None);
    /// let error = payload.arg::<bool>(0).unwrap_err();
    /// assert_eq!(error.to_string(), r#"event "move", argument 0: invalid type: string, expected a boolean"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arg<'de, T: Deserialize<'de>>(&'de self, index: usize) -> Result<T, ReadError> {
        let mut args = self.raw_args();
        args.pass(index);
        let value = args.read().unwrap_or_else(|| absent(index));
        value.map_err(|error| error.of_argument(index).of_event(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use bytes::Bytes;

    use super::*;
    use crate::parser::Parser;

    #[test]
    fn tuples_are_arguments() {
        let none = Payload::with_args("e", ()).unwrap();
        assert_eq!(none.json(), r#"["e"]"#);
        let one = Payload::with_args("e", ([1, 2],)).unwrap();
        assert_eq!(one.json(), r#"["e",[1,2]]"#);
        let all = Payload::with_args("e", (1, "2", 3.5, true, (), 'c', Some(7), [0])).unwrap();
        assert_eq!(all.json(), r#"["e",1,"2",3.5,true,null,"c",7,[0]]"#);
        let binary = Payload::with_args("e", (Bytes::from_static(b"x"),)).unwrap();
        assert_eq!(binary.attachments(), [Bytes::from_static(b"x")]);
        assert!(matches!(
            Payload::with_args("connect", ()),
            Err(EncodeError::ReservedEvent(_))
        ));
    }

    #[test]
    fn each_argument_is_read_alone_in_either_form() {
        for parser in [Parser::Json, Parser::MsgPack] {
            let payload = parser.event("e").arg("a").arg(&[1, 2]);
            let payload = payload.build().unwrap();
            assert_eq!(payload.arg::<&str>(0).unwrap(), "a");
            assert_eq!(payload.arg::<Vec<u8>>(1).unwrap(), [1, 2]);
            assert_eq!(payload.arg::<Option<u8>>(2).unwrap(), None);
            assert_eq!(payload.arg::<Option<u8>>(usize::MAX).unwrap(), None);
            let error = payload.arg::<String>(2).unwrap_err();
            assert_eq!((error.event(), error.argument()), (Some("e"), Some(2)));
        }
        let ack = Payload::ack().arg(&1).build().unwrap();
        let error = ack.arg::<bool>(0).unwrap_err().to_string();
        assert_eq!(
            error,
            "argument 0: invalid type: integer, expected a boolean"
        );
    }

    #[test]
    fn errors_name_the_event_and_the_argument() {
        let payload = Payload::with_args("say", ("a", [1])).unwrap();
        let error = payload.args::<(String, Vec<bool>)>().unwrap_err();
        assert_eq!((error.event(), error.argument()), (Some("say"), Some(1)));
        let error = payload.clone().into_args::<(u8, Vec<u8>)>().unwrap_err();
        assert_eq!((error.event(), error.argument()), (Some("say"), Some(0)));
        let long = "é".repeat(50);
        let payload = Payload::with_args(&long, (1,)).unwrap();
        let error = payload.args::<(bool,)>().unwrap_err();
        assert_eq!(error.event(), Some(&long[..64]));
    }
}
