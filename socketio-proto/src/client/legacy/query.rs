//! The query behind a namespace, by which a client of the old protocol sends its authentication.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use engineio_proto::uri::encode_component;

use crate::Payload;

/// A namespace with the authentication behind it, as it stands in a CONNECT packet of revision 4.
pub(in crate::client) fn with_query<'a>(
    namespace: &'a str,
    auth: Option<&Payload>,
) -> Cow<'a, str> {
    match auth.and_then(query) {
        Some(query) if !query.is_empty() => format!("{namespace}?{query}").into(),
        Some(_) | None => namespace.into(),
    }
}

/// The members of an object as a query, as JavaScript's `encodeURIComponent` writes it; `None` if any is no string.
pub(in crate::client) fn query(auth: &Payload) -> Option<String> {
    let members: BTreeMap<String, String> = serde_json::from_str(auth.json()).ok()?;
    let mut query = String::new();
    for (name, value) in &members {
        if !query.is_empty() {
            query.push('&');
        }
        encode_component(name, &mut query);
        query.push('=');
        encode_component(value, &mut query);
    }
    Some(query)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::PacketType;

    fn object(json: &'static str) -> Payload {
        Payload::from_json(PacketType::Connect, json, Vec::new()).unwrap()
    }

    #[test]
    fn an_object_of_strings_becomes_a_query() {
        let with = |json| with_query("/admin", Some(&object(json))).into_owned();
        assert_eq!(
            with(r#"{"token":"a b&c","k":"é,?"}"#),
            "/admin?k=%C3%A9%2C%3F&token=a%20b%26c"
        );
        assert_eq!(with(r#"{"a'(~)*":""}"#), "/admin?a'(~)*=");
        assert_eq!(with("{}"), "/admin");
        assert_eq!(with_query("/admin", None), "/admin");
    }

    #[test]
    fn members_that_are_no_strings_make_no_query() {
        for json in [r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":"b","c":{}}"#] {
            assert_eq!(query(&object(json)), None, "{json}");
        }
    }
}
