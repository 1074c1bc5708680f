//! The Avro decoder beside apache-avro, on whatever the fuzzer comes up with.
//!
//! `tests/avro/generate.rs` says how bytes are schemas, data and what is spoiled about them. Without end, or with any of
//! libFuzzer's options, it runs by
//!
//! ```sh
//! fuzz/run.sh avro
//! ```
//!
//! The tests replay `fuzz/seeds/avro` and `fuzz/corpus/avro`, which are kept as those of the JSON target are.
#![no_main]

#[path = "../../tests/avro/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = oracle::generate::case(input);
    if let Err(difference) = oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
