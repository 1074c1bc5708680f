//! A second opinion on what Avro data become: apache-avro's own decoding and resolution, compared value by value with the
//! columns. Where apache-avro does not do what the specification says, it is given schemas that come to the same: names that
//! aliases have been applied to, and no logical types, which are compared here.

pub mod compare;
pub mod generate;
pub mod types;
