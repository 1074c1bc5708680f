//! What the integration tests share.

// Each test binary compiles this module for itself and uses only a part of it.
#![allow(dead_code)]

pub mod broker;
pub mod certificates;
pub mod gate;
pub mod registry;
pub mod secured;
pub mod supervised;
