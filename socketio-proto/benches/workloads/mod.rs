//! The benchmarks of this crate, of which `instructions`, `times` and `allocations` measure all.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark whose result is wrong must not go on"
)]

mod codec;
mod machine;
mod net;
mod polling;
mod rooms;
mod values;

use benchmarks::Run;
use socketio_proto::parser::Parser::{Json, MsgPack};

/// Hands the benchmarks to a macro: the name of each, and what prepares it.
///
/// What prepares one makes an operation, and checks what comes of it.
macro_rules! for_each_workload {
    ($then:ident) => {
        $then! {
            json_w1_decode: codec::w1_decode(Json),
            json_w1_route: codec::w1_route(Json),
            json_w2_encode: codec::w2_encode(Json),
            json_w3_decode: codec::w3_decode(Json),
            json_w3_route: codec::w3_route(Json),
            json_w3_encode: codec::w3_encode(Json),
            json_w4_decode: codec::w4_decode(Json),
            json_w4_route: codec::w4_route(Json),
            json_w4_encode: codec::w4_encode(Json),
            json_w5_decode: codec::w5_decode(Json),
            json_w5_route: codec::w5_route(Json),
            json_w5_encode: codec::w5_encode(Json),
            json_w6_decode: polling::w6_decode(Json),
            json_w6_route: polling::w6_route(Json),
            json_w6_encode: polling::w6_encode(Json),
            json_w7_decode: polling::w7_decode(Json),
            json_w7_encode: polling::w7_encode(Json),
            json_w8_decode: codec::w8_decode(Json),
            json_w8_encode: codec::w8_encode(Json),
            msgpack_w1_decode: codec::w1_decode(MsgPack),
            msgpack_w1_route: codec::w1_route(MsgPack),
            msgpack_w2_encode: codec::w2_encode(MsgPack),
            msgpack_w3_decode: codec::w3_decode(MsgPack),
            msgpack_w3_route: codec::w3_route(MsgPack),
            msgpack_w3_encode: codec::w3_encode(MsgPack),
            msgpack_w4_decode: codec::w4_decode(MsgPack),
            msgpack_w4_route: codec::w4_route(MsgPack),
            msgpack_w4_encode: codec::w4_encode(MsgPack),
            msgpack_w5_decode: codec::w5_decode(MsgPack),
            msgpack_w5_route: codec::w5_route(MsgPack),
            msgpack_w5_encode: codec::w5_encode(MsgPack),
            msgpack_w6_decode: polling::w6_decode(MsgPack),
            msgpack_w6_route: polling::w6_route(MsgPack),
            msgpack_w6_encode: polling::w6_encode(MsgPack),
            msgpack_w7_decode: polling::w7_decode(MsgPack),
            msgpack_w7_encode: polling::w7_encode(MsgPack),
            msgpack_w8_decode: codec::w8_decode(MsgPack),
            msgpack_w8_encode: codec::w8_encode(MsgPack),
            echo: machine::echo(),
            echo_typed: machine::echo_typed(),
            broadcast: machine::broadcast(),
            polling_echo: machine::polling_echo(),
            churn: machine::churn(),
            heartbeat: machine::heartbeat(),
            room_leave_and_join: rooms::leave_and_join(),
            room_broadcast: rooms::broadcast(),
            recovery: machine::recovery(),
        }
    };
}

macro_rules! registry {
    ($($name:ident: $prepare:expr,)*) => {
        /// The names of all benchmarks.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Prepares the benchmark of that name.
        pub(crate) fn prepare(name: &str) -> Run {
            match name {
                $(stringify!($name) => $prepare,)*
                _ => panic!("no benchmark {name} among {NAMES:?}"),
            }
        }
    };
}
for_each_workload!(registry);
