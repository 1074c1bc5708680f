//! The JSON decoder against its rules, on whatever the fuzzer comes up with.
//!
//! `tests/json_oracle/framing.rs` says how bytes are a schema and payloads. The long tests run it for three minutes;
//! without end, or with any of libFuzzer's options, it runs by
//!
//! ```sh
//! fuzz/run.sh json
//! ```
//!
//! A difference worth keeping becomes a seed in `fuzz/corpus/json`, which the tests replay.
#![no_main]

#[path = "../../tests/json_oracle/mod.rs"]
mod json_oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let case = json_oracle::framing::case(input);
    if let Err(difference) = json_oracle::compare::compare(&case) {
        panic!("{difference}\n{case:?}");
    }
});
