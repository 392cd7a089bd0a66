//! Memory of an idle client.

use socketio_proto::client::Client;

#[test]
fn a_client_itself_has_a_ceiling() {
    // Most of it is settings, of which a process has few; what grows lies in the sockets.
    let size = size_of::<Client>();
    assert!(size <= 1600, "{size} bytes");
}
