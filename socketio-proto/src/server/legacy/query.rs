//! The query behind a namespace, by which a client sends something along.

use alloc::collections::BTreeMap;

use bytestring::ByteString;

use crate::Payload;

/// Takes a namespace and the query behind it apart; what the query holds becomes an object of texts, the last one of a
/// name counting. `None` for no parameters.
pub(in crate::server) fn split_query(namespace: &ByteString) -> (ByteString, Option<Payload>) {
    let Some((name, query)) = namespace.split_once('?') else {
        return (namespace.clone(), None);
    };
    let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let auth = Some(parameters).filter(|parameters| !parameters.is_empty());
    let auth = auth.and_then(|parameters| Payload::object(&parameters).ok());
    (namespace.slice_ref(name), auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_an_object_of_texts() {
        let split = |namespace: &'static str| {
            let (name, auth) = split_query(&namespace.into());
            let json = auth.map(|auth| alloc::string::String::from(auth.json()));
            (alloc::string::String::from(&*name), json)
        };
        for (namespace, name, auth) in [
            ("/admin", "/admin", None),
            ("/admin?", "/admin", None),
            ("/", "/", None),
            ("/?a=1", "/", Some(r#"{"a":"1"}"#)),
            (
                "/admin?token=a%20b%26c&k=%C3%A9&token=z&p=a+b&e=&f",
                "/admin",
                Some(r#"{"e":"","f":"","k":"é","p":"a b","token":"z"}"#),
            ),
            ("/a%20b?x=?&y=/", "/a%20b", Some(r#"{"x":"?","y":"/"}"#)),
            ("/a?__proto__=x", "/a", Some(r#"{"__proto__":"x"}"#)),
            (
                "/a?x=\"\u{7}%ff",
                "/a",
                Some("{\"x\":\"\\\"\\u0007\u{fffd}\"}"),
            ),
        ] {
            let expected = (name.into(), auth.map(Into::into));
            assert_eq!(split(namespace), expected, "{namespace}");
        }
    }
}
