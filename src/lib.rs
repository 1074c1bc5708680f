//! karrow reads Kafka topics into Arrow memory: one live Arrow table for each Kafka partition.
//!
//! The crate builds `libkarrow`, a shared library with a C ABI (`include/karrow.h`); [`ffi`] is that ABI and nothing else.
//! The Rust API below it is what tests and benchmarks use.
//!
//! A record's way, which is also the order in which modules may know of each other:
//!
//! ```text
//! librdkafka ──► ingest::kafka     one queue per partition, served inside the consume callback
//!                ingest::slot      one partition: take a record, or stop at it; resume
//!                rows + format     decode into column buffers; a bad record is taken back whole
//!                column            typed vectors whose published front readers may see
//!  poll ───────► rows::seal        immutable batches, not copied
//!                batch             Arrow arrays of them, once somebody reads
//!                table::retention  blink, append, ring: which batches to keep
//!                table             all partitions published in one swap
//!                table::snapshot   a reference count, views, batches from a row number
//!                ffi               Arrow C Data and C Stream Interface
//! ```
//!
//! Beside it, [`registry`] asks schema registries what an id or a subject stands for.
//!
//! [`Consumer`](ingest::Consumer) drives it. See `ARCHITECTURE.md` for which room to change for what.
#![warn(missing_docs)]

pub mod batch;
pub mod column;
pub mod error;
pub mod ffi;
pub mod format;
pub mod ingest;
pub mod log;
pub mod mock;
pub mod options;
pub mod registry;
pub mod rows;
pub mod schema;
pub mod table;
pub mod types;
