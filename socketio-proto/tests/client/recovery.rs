//! Connection state recovery, the client's part.

use crate::support::{Rig, run};

/// Loses the connection; gives what the client sends when it is back.
fn lose(rig: &mut Rig) -> String {
    rig.cut();
    rig.drain();
    rig.advance(1000);
    rig.drain();
    rig.accept();
    let lines = rig.drain();
    assert_eq!(lines[1..], ["opened", "reconnect 1"]);
    lines[0].clone()
}

fn joined(rig: &mut Rig, answer: &str) {
    rig.connect("/");
    rig.drain();
    rig.accept();
    rig.drain();
    rig.text(answer);
    assert_eq!(rig.drain(), ["/ connected"]);
}

#[test]
fn a_session_is_continued_with_pid_and_offset() {
    run(|rig| {
        joined(rig, r#"0{"sid":"s","pid":"p"}"#);
        rig.text(r#"2["hello",1,"off1"]"#);
        rig.text(r#"20["with ack","not an offset"]"#);
        rig.drain();
        assert_eq!(lose(rig), r#"> 40{"pid":"p","offset":"off1"}"#);
        rig.text(r#"2["m1","off2"]"#);
        rig.text(r#"2["m2","off3"]"#);
        rig.text(r#"0{"sid":"s","pid":"p"}"#);
        assert_eq!(
            rig.drain(),
            [
                r#"/ event ["m1","off2"]"#,
                r#"/ event ["m2","off3"]"#,
                "/ connected, recovered"
            ]
        );
        assert_eq!(lose(rig), r#"> 40{"pid":"p","offset":"off3"}"#);
        rig.text(r#"0{"sid":"s","pid":"p"}"#);
        rig.drain();
    });
}

#[test]
fn without_an_offset_only_the_pid_is_sent() {
    run(|rig| {
        joined(rig, r#"0{"sid":"s","pid":"p"}"#);
        rig.text(r#"2["no string",1]"#);
        rig.drain();
        assert_eq!(lose(rig), r#"> 40{"pid":"p"}"#);
    });
}

#[test]
fn a_new_pid_forgets_the_offset_of_the_session_before() {
    run(|rig| {
        joined(rig, r#"0{"sid":"s","pid":"p"}"#);
        rig.text(r#"2["hello","off1"]"#);
        rig.drain();
        lose(rig);
        rig.text(r#"0{"sid":"t","pid":"q"}"#);
        assert_eq!(rig.drain(), ["/ connected"]);
        assert_eq!(lose(rig), r#"> 40{"pid":"q"}"#);
    });
}

#[test]
fn an_offset_that_came_before_a_new_session_is_not_taken_for_one_of_it() {
    run(|rig| {
        joined(rig, r#"0{"sid":"s","pid":"p"}"#);
        let socket = rig.client.find_socket("/").unwrap();
        rig.connect("/other");
        rig.drain();
        rig.disconnect(socket);
        rig.again(socket);
        rig.drain();
        rig.text(r#"2["under way","off1"]"#);
        rig.text(r#"0{"sid":"t","pid":"q"}"#);
        assert_eq!(
            rig.drain(),
            [r#"/ event ["under way","off1"]"#, "/ connected"]
        );
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain()[0], r#"> 40{"pid":"q"}"#);
    });
}

#[test]
fn a_server_without_recovery_is_asked_for_none() {
    run(|rig| {
        joined(rig, r#"0{"sid":"s"}"#);
        rig.text(r#"2["hello","text"]"#);
        rig.drain();
        assert_eq!(lose(rig), "> 40");
    });
}
