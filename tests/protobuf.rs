//! The Protobuf decoder beside dynamic messages, on messages of all kinds, also as no serializer writes them, and on spoiled ones.

#[path = "protobuf/mod.rs"]
mod oracle;

use std::path::Path;

use oracle::compare::{Counts, compare};
use oracle::generate::case;
use proptest::prelude::*;

/// So many cases, unless `PROPTEST_CASES` says otherwise. A case worth keeping becomes a seed of the fuzz target rather than
/// a line in a file.
fn cases(count: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // The default follows the variable.
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: count, ..config } }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn reads_what_dynamic_messages_read_and_refuses_what_they_refuse(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        // B1, B2, B3, B4
        let case = case(&bytes);
        if let Err(difference) = compare(&case) {
            prop_assert!(false, "{difference}\n{case:?}");
        }
    }
}

/// Numbers that look random (splitmix64), as bytes.
fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    (0..count.div_ceil(8)).flat_map(|_| next()).collect()
}

#[test]
fn cases_have_rows_and_bad_records_of_every_kind() {
    let mut all = Counts::default();
    for seed in 0..3000 {
        let case = case(&random_bytes(seed, 400));
        let counts = compare(&case).unwrap_or_else(|difference| panic!("{difference}\n{case:?}"));
        all.rows += counts.rows;
        all.refused += counts.refused;
        all.mutated_rows += counts.mutated_rows;
        all.mutated_refused += counts.mutated_refused;
    }
    assert!(all.rows > 3000 && all.refused > 100 && all.mutated_rows > 500 && all.mutated_refused > 1000, "{all:?}");
}

#[test]
fn reads_what_fuzzing_has_found_as_dynamic_messages_do() {
    for directory in ["fuzz/seeds/protobuf", "fuzz/corpus/protobuf"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", directory.display());
        for file in files {
            let case = case(&std::fs::read(&file).unwrap());
            compare(&case).unwrap_or_else(|difference| panic!("{}: {difference}\n{case:?}", file.display()));
        }
    }
}
