//! The JSON decoder against its rules, on whatever the fuzzer comes up with.
//!
//! `tests/json_oracle/framing.rs` says how bytes are a schema and payloads. It runs without a sanitizer: what it looks for
//! are differences and panics, and the library's C parts would have to be built for one. The first directory takes what
//! the fuzzer finds, the second holds the seeds:
//!
//! ```sh
//! cargo install cargo-fuzz --locked
//! mkdir -p fuzz/target/corpus
//! RUSTC_BOOTSTRAP=1 cargo fuzz run json --sanitizer none fuzz/target/corpus fuzz/corpus/json -- -dict=fuzz/json.dict
//! ```
//!
//! A difference worth keeping becomes a seed, which the tests replay.
#![no_main]

#[path = "../../tests/json_oracle/mod.rs"]
mod json_oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = json_oracle::framing::case(input);
    if let Err(difference) = json_oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
