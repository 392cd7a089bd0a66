//! Socket.IO as pure state machines.
#![no_std]

extern crate alloc;
