//! The JSON decoder against its rules, on whatever the fuzzer comes up with.
//!
//! `tests/json_oracle/framing.rs` says how bytes are a schema and payloads. The long tests run it for three minutes;
//! without end, or with any of libFuzzer's options, it runs by
//!
//! ```sh
//! fuzz/run.sh json
//! ```
//!
//! The tests replay `fuzz/seeds/json`, where a difference worth keeping goes, by a name that says what it shows, and
//! `fuzz/corpus/json`, which is what long runs have found, made as small as it gets by
//!
//! ```sh
//! fuzz/run.sh json minimise
//! ```
#![no_main]

#[path = "../../tests/json_oracle/mod.rs"]
mod json_oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = json_oracle::framing::case(input);
    if let Err(difference) = json_oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
