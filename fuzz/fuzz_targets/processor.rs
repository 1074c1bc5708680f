//! Object processors against their rules, on whatever descriptions and documents the fuzzer comes up with.
//!
//! The first line is a description, or the number of one that is generated; behind it come documents, separated by the byte
//! 0x1E. A document that is the one byte 0x00 stands for Kafka's null. It runs as `json.rs` says, as `fuzz/run.sh processor`.
#![no_main]

#[path = "../../tests/json_oracle/document.rs"]
#[allow(dead_code)] // the JSON decoder's oracle uses the rest
mod document;
#[path = "../../tests/processor_oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = oracle::framing::case(input);
    if let Err(difference) = oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
