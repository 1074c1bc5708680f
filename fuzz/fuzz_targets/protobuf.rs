//! The Protobuf decoder beside dynamic messages, on whatever the fuzzer comes up with.
//!
//! `tests/protobuf/generate.rs` says how bytes are descriptors, messages and what is spoiled about them. Without end, or with
//! any of libFuzzer's options, it runs by
//!
//! ```sh
//! fuzz/run.sh protobuf
//! ```
//!
//! The tests replay `fuzz/seeds/protobuf` and `fuzz/corpus/protobuf`, which are kept as those of the JSON target are.
#![no_main]

#[path = "../../tests/protobuf/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = oracle::generate::case(input);
    if let Err(difference) = oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
