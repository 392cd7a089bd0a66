use super::*;

fn event(words: &[&str], files: &Files) -> Result<Payload, MessageError> {
    let mut words = words.iter().map(|word| (*word).to_owned());
    Message::new(words.next().unwrap(), words)?.event(files)
}

#[test]
fn json_is_sent_as_it_is_written() {
    let payload = event(
        &[
            "a",
            "1.50",
            "1e400",
            "{\"b\": 1, \"a\":12345678901234567890}",
            "null",
        ],
        &Files::default(),
    );
    assert_eq!(
        payload.unwrap().json(),
        r#"["a",1.50,1e400,{"b":1,"a":12345678901234567890},null]"#
    );
}

#[test]
fn text_that_is_no_json_is_a_string() {
    let payload = event(
        &["a", "hello", "it's", "", "1.2.3", "@@home", "nul"],
        &Files::default(),
    );
    assert_eq!(
        payload.unwrap().json(),
        r#"["a","hello","it's","","1.2.3","@home","nul"]"#
    );
}

#[test]
fn what_begins_as_json_must_be_json() {
    for word in ["{a:1}", "[1", "\"open"] {
        let error = event(&["a", word], &Files::default())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("{word} is not JSON")), "{error}");
    }
}

#[test]
fn files_are_attached_as_arguments_and_within_json() {
    let path = std::env::temp_dir().join(format!("sio-file-{}", std::process::id()));
    std::fs::write(&path, [0, 255]).unwrap();
    let mut files = Files::default();
    files.add(&format!("pic={}", path.display())).unwrap();
    let argument = format!("@{}", path.display());
    let words = [
        "a",
        &argument,
        r#"{"pic":"@pic","list":["@pic","@other","pic"],"@pic":1}"#,
    ];
    let payload = event(&words, &files).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        payload.json(),
        r#"["a",{"_placeholder":true,"num":0},{"pic":{"_placeholder":true,"num":1},"list":[{"_placeholder":true,"num":2},"@other","pic"],"@pic":1}]"#
    );
    assert!(payload.attachments().iter().all(|data| **data == [0, 255]));
    assert_eq!(payload.attachments().len(), 3);
}

#[test]
fn a_reply_joins_its_parts() {
    let parts = ["1", "a b", "[2]"].map(|word| Message::of_argument(word).unwrap());
    assert_eq!(
        Message::reply(&parts, &Files::default()).unwrap().json(),
        r#"[1,"a b",[2]]"#
    );
    assert_eq!(Message::reply(&[], &Files::default()).unwrap().json(), "[]");
}

#[test]
fn reserved_names_are_refused() {
    assert!(event(&["disconnect"], &Files::default()).is_err());
}
