//! The benchmarks: the codec of socketioxide, and the floors, which are the libraries that any codec stands on.

mod floor;
mod oxide;
mod oxide_polling;
#[path = "../../../../socketio-proto/benches/workloads/values.rs"]
mod values;

use benchmarks::Run;
use benchmarks::wire::Wire;
use serde::de::DeserializeOwned;
use socketioxide_parser_common::CommonParser as Json;
use socketioxide_parser_msgpack::MsgPackParser as MsgPack;

/// Enough operations that what a run takes besides does not show.
const SMALL: u32 = 100;
const LARGE: u32 = 5;

/// Hands the benchmarks to a macro: the name of each, and what prepares it. Behind the first part of a name stands the
/// name of the benchmark of `socketio-proto` with the same packets.
macro_rules! for_each_workload {
    ($then:ident) => {
        $then! {
            oxide_json_w1_decode: oxide::w1_decode(Json),
            oxide_json_w1_route: oxide::w1_route(Json),
            oxide_json_w2_encode: oxide::w2_encode(Json),
            oxide_json_w3_decode: oxide::w3_decode(Json),
            oxide_json_w3_route: oxide::w3_route(Json),
            oxide_json_w3_encode: oxide::w3_encode(Json),
            oxide_json_w4_decode: oxide::w4_decode(Json),
            oxide_json_w4_route: oxide::w4_route(Json),
            oxide_json_w4_encode: oxide::w4_encode(Json),
            oxide_json_w5_decode: oxide::w5_decode(Json),
            oxide_json_w5_encode: oxide::w5_encode(Json),
            oxide_json_w6_decode: oxide_polling::w6_decode(),
            oxide_json_w6_encode: oxide_polling::w6_encode(),
            oxide_json_w7_decode: oxide_polling::w7_decode(),
            oxide_json_w7_encode: oxide_polling::w7_encode(),
            oxide_json_w8_decode: oxide::w8_decode(Json),
            oxide_json_w8_encode: oxide::w8_encode(Json),
            oxide_msgpack_w1_decode: oxide::w1_decode(MsgPack),
            oxide_msgpack_w1_route: oxide::w1_route(MsgPack),
            oxide_msgpack_w2_encode: oxide::w2_encode(MsgPack),
            oxide_msgpack_w3_decode: oxide::w3_decode(MsgPack),
            oxide_msgpack_w3_route: oxide::w3_route(MsgPack),
            oxide_msgpack_w3_encode: oxide::w3_encode(MsgPack),
            oxide_msgpack_w4_decode: oxide::w4_decode(MsgPack),
            oxide_msgpack_w4_route: oxide::w4_route(MsgPack),
            oxide_msgpack_w4_encode: oxide::w4_encode(MsgPack),
            oxide_msgpack_w5_decode: oxide::w5_decode(MsgPack),
            oxide_msgpack_w5_encode: oxide::w5_encode(MsgPack),
            oxide_msgpack_w8_decode: oxide::w8_decode(MsgPack),
            oxide_msgpack_w8_encode: oxide::w8_encode(MsgPack),
            floor_json_w1_decode: floor::json_decode::<(String, String)>("W1", SMALL),
            floor_json_w1_route: floor::json_route("W1", SMALL),
            floor_json_w2_encode: floor::json_encode::<(String, String)>("W2", SMALL),
            floor_json_w3_decode: floor::json_decode::<(String, Update)>("W3", SMALL),
            floor_json_w3_route: floor::json_route("W3", SMALL),
            floor_json_w3_encode: floor::json_encode::<(String, Update)>("W3", SMALL),
            floor_json_w4_decode: floor::json_decode::<(String, Vec<Row>)>("W4", LARGE),
            floor_json_w4_route: floor::json_route("W4", LARGE),
            floor_json_w4_encode: floor::json_encode::<(String, Vec<Row>)>("W4", LARGE),
            floor_json_w6_decode: floor::json_w6_decode(),
            floor_json_w6_encode: floor::json_w6_encode(),
            floor_json_w7_decode: floor::base64_decode(),
            floor_json_w7_encode: floor::base64_encode(),
            floor_json_w8_decode: floor::json_decode::<Auth>("W8", SMALL),
            floor_json_w8_encode: floor::json_encode::<Auth>("W8", SMALL),
            floor_msgpack_w1_decode: floor::msgpack_decode::<(String, String)>("W1", SMALL),
            floor_msgpack_w2_encode: floor::msgpack_encode::<(String, String)>("W2", SMALL),
            floor_msgpack_w3_decode: floor::msgpack_decode::<(String, Update)>("W3", SMALL),
            floor_msgpack_w3_encode: floor::msgpack_encode::<(String, Update)>("W3", SMALL),
            floor_msgpack_w4_decode: floor::msgpack_decode::<(String, Vec<Row>)>("W4", LARGE),
            floor_msgpack_w4_encode: floor::msgpack_encode::<(String, Vec<Row>)>("W4", LARGE),
            floor_msgpack_w8_decode: floor::msgpack_decode::<Auth>("W8", SMALL),
            floor_msgpack_w8_encode: floor::msgpack_encode::<Auth>("W8", SMALL),
        }
    };
}

use values::{Auth, Row, Update};

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

/// The authentication of a client in W8.
fn auth() -> Auth {
    read(Wire::of("W8").auth().clone())
}

/// The arguments of the event of a workload.
fn args<T: DeserializeOwned>(workload: &str) -> T {
    read(Wire::of(workload).args().to_vec().into())
}

/// The only argument of each packet of W6.
fn w6_texts() -> Vec<String> {
    let wire = Wire::of("W6");
    let args = wire.args_of_packets();
    let text = |args: &[serde_json::Value]| read(args[0].clone());
    args.into_iter().map(text).collect()
}

fn read<T: DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}
