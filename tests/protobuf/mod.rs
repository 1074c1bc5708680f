//! A second opinion on what Protobuf messages become: prost-reflect's dynamic messages, compared value by value with the
//! columns.

pub mod compare;
pub mod generate;
pub mod schema;
pub mod source;
