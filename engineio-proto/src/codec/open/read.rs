//! Reading a handshake without keeping more of it than is needed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytestring::ByteString;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Open;
use crate::Transport;
use crate::settings::MAX_SAFE_INTEGER;

pub(super) fn open(json: &str) -> Option<Open> {
    let Fields {
        sid,
        upgrades,
        ping_interval,
        ping_timeout,
        max_payload,
    } = serde_json::from_str(json).ok()?;
    Some(Open {
        sid: sid?.sid()?,
        upgrades: upgrades.map(Value::names).unwrap_or_default(),
        ping_interval: ping_interval?.interval()?,
        ping_timeout: ping_timeout?.interval()?,
        max_payload: max_payload.and_then(Value::limit),
    })
}

#[derive(Default)]
struct Fields {
    sid: Option<Value>,
    upgrades: Option<Value>,
    ping_interval: Option<Value>,
    ping_timeout: Option<Value>,
    max_payload: Option<Value>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a handshake")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some(Name(name)) = map.next_key()? {
                    match name {
                        Some(Key::Sid) => fields.sid = Some(map.next_value()?),
                        Some(Key::Upgrades) => fields.upgrades = Some(map.next_value()?),
                        Some(Key::PingInterval) => fields.ping_interval = Some(map.next_value()?),
                        Some(Key::PingTimeout) => fields.ping_timeout = Some(map.next_value()?),
                        Some(Key::MaxPayload) => fields.max_payload = Some(map.next_value()?),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Object)
    }
}

enum Key {
    Sid,
    Upgrades,
    PingInterval,
    PingTimeout,
    MaxPayload,
}

/// The name of a member, `None` if it is not one of those that are needed.
struct Name(Option<Key>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(match name {
                    "sid" => Some(Key::Sid),
                    "upgrades" => Some(Key::Upgrades),
                    "pingInterval" => Some(Key::PingInterval),
                    "pingTimeout" => Some(Key::PingTimeout),
                    "maxPayload" => Some(Key::MaxPayload),
                    _ => None,
                }))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Whether the name of a member says that its value is the text of a number.
///
/// With its feature `arbitrary_precision`, which any crate of a build may switch on, `serde_json` gives a number with a
/// point or an exponent as an object with such a member. A server may send the object itself: it is the number.
struct IsNumber(bool);

impl<'de> Deserialize<'de> for IsNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = IsNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<IsNumber, E> {
                Ok(IsNumber(name == "$serde_json::private::Number"))
            }
        }
        from.deserialize_str(Text)
    }
}

/// A value of any type, of which nothing is kept but numbers, short text and transports.
enum Value {
    Whole(u64),
    Number(f64),
    Text(String),
    /// The names of transports in a list, each once.
    Transports(Vec<Transport>),
    Null,
    Other,
}

impl Value {
    fn names(self) -> Vec<ByteString> {
        let Self::Transports(known) = self else {
            return Vec::new();
        };
        let names = known.into_iter().map(Transport::name);
        names.map(ByteString::from_static).collect()
    }

    /// The number that this text is.
    fn written(self) -> Self {
        let Self::Text(text) = self else {
            return Self::Other;
        };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.map_or(Self::Other, Self::Number)
    }

    /// The text that stands for the session in requests.
    fn sid(self) -> Option<ByteString> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.into()),
            Self::Whole(number) => Some(number.to_string().into()),
            // JavaScript writes whole numbers without a point.
            Self::Number(number) if is_safe(number) => Some((number as i64).to_string().into()),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Text(_) | Self::Transports(_) | Self::Null | Self::Other => None,
        }
    }

    /// Whole milliseconds.
    fn interval(self) -> Option<Duration> {
        let millis = match self {
            Self::Whole(millis) => millis,
            // What is too large becomes the largest number, and what is negative 0.
            Self::Number(millis) => millis as u64,
            Self::Text(text) => return number(&text)?.interval(),
            Self::Null => 0,
            Self::Transports(_) | Self::Other => return None,
        };
        Some(Duration::from_millis(millis))
    }

    /// Whole bytes; `None` if packets are not to be divided.
    fn limit(self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Number(0.0) => Some(0),
            Self::Number(bytes) => Some((bytes as u64).max(1)),
            Self::Text(text) => number(&text)?.limit(),
            Self::Transports(_) | Self::Null | Self::Other => None,
        }
    }
}

/// Reads the text of a JSON number.
fn number(text: &str) -> Option<Value> {
    let value = serde_json::from_str(text.trim()).ok()?;
    matches!(value, Value::Whole(_) | Value::Number(_)).then_some(value)
}

/// Whether a number is whole, and JavaScript holds it exactly.
fn is_safe(number: f64) -> bool {
    number.abs() <= MAX_SAFE_INTEGER as f64 && (number as i64) as f64 == number
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Whole(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(u64::try_from(number).map_or(Value::Number(number as f64), Value::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(if text.len() <= MAX_TEXT {
                    Value::Text(text.into())
                } else {
                    Value::Other
                })
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut known = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if let Value::Text(name) = element
                        && let Some(transport) = Transport::from_name(&name)
                        && !known.contains(&transport)
                    {
                        known.push(transport);
                    }
                }
                Ok(Value::Transports(known))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut value = Value::Other;
                while let Some(IsNumber(is_number)) = map.next_key()? {
                    if is_number {
                        value = map.next_value::<Value>()?.written();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        value = Value::Other;
                    }
                }
                Ok(value)
            }
        }
        from.deserialize_any(Any)
    }
}

/// The longest session id in bytes. No server makes longer ones, and each request repeats it.
const MAX_TEXT: usize = 1024;
