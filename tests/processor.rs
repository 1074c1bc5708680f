//! Object processors beside a plain interpreter of descriptions, and their descriptions beside the JSON Schema.

#[path = "json_oracle/document.rs"]
#[allow(dead_code)] // the tests of the JSON decoder use the rest
mod document;
#[path = "processor_oracle/mod.rs"]
mod oracle;

use std::collections::BTreeMap;
use std::path::Path;

use karrow::format::json::processor::ProcessorSpec;
use oracle::compare::{Case, Counts, compare};
use oracle::generate::case;
use proptest::prelude::*;

/// So many cases, unless `PROPTEST_CASES` says otherwise. A case worth keeping becomes a seed of the fuzz target rather than
/// a line in a file.
fn cases(count: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // The default follows the variable.
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: count, ..config } }
}

fn assert_same(case: &Case) -> Counts {
    match compare(case) {
        Ok(Some(counts)) => counts,
        Ok(None) => panic!("{:?} for {}", ProcessorSpec::new(&case.description).err(), case.description),
        Err(difference) => {
            let payloads =
                case.payloads.iter().map(|payload| payload.as_ref().map(|bytes| String::from_utf8_lossy(bytes)));
            panic!("{difference}\n{}\n{:#?}", case.description, payloads.collect::<Vec<_>>())
        }
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn values_become_what_a_plain_reading_of_their_description_says(seed: u64) {
        // V1, V2, V3
        let case = case(seed);
        if ProcessorSpec::new(&case.description).is_ok() {
            assert_same(&case);
        }
    }
}

#[test]
fn cases_have_descriptions_rows_and_bad_records_of_every_kind() {
    let (mut all, mut wrong) = (Counts::default(), 0);
    let mut kinds = BTreeMap::new();
    for seed in 0..3000 {
        let case = case(seed);
        if ProcessorSpec::new(&case.description).is_err() {
            wrong += 1;
            continue;
        }
        let counts = assert_same(&case);
        all.rows += counts.rows;
        all.refused += counts.refused;
        all.malformed += counts.malformed;
        for kind in case.description.split("\"type\": \"").skip(1) {
            let kind = kind.split('"').next().unwrap_or_default().to_owned();
            *kinds.entry(kind).or_insert(0) += usize::from(counts.rows > 0);
        }
    }
    assert!(wrong < 900, "{wrong} of 3000 descriptions are none");
    assert!(all.rows > 3000 && all.refused > 2000 && all.malformed > 100, "{all:?}");
    let rare: Vec<_> = KINDS.iter().filter(|kind| kinds.get(**kind).is_none_or(|count| *count < 100)).collect();
    assert!(rare.is_empty(), "{rare:?} of {kinds:?}");
}

#[test]
fn values_that_fuzzing_has_found_become_what_the_rules_say() {
    for directory in ["fuzz/seeds/processor", "fuzz/corpus/processor"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", directory.display());
        for file in files {
            let case = oracle::framing::case(&std::fs::read(&file).unwrap());
            compare(&case).unwrap_or_else(|difference| panic!("{}: {difference}\n{case:?}", file.display()));
        }
    }
}

const KINDS: [&str; 19] = [
    "object",
    "typed_object",
    "array",
    "tuple",
    "object_entries",
    "bool",
    "char",
    "byte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "string",
    "instant",
    "big_integer",
    "big_decimal",
    "any",
    "skip",
];

mod schema {
    use super::*;

    fn validator() -> jsonschema::Validator {
        let schema = serde_json::from_str(include_str!("../docs/object-processor.schema.json")).expect("it is JSON");
        jsonschema::draft202012::new(&schema).expect("the schema is one")
    }

    /// What no schema of descriptions can say.
    fn is_beyond(message: &str) -> bool {
        [
            "each name means one field",
            "already means the field",
            "found a number out of its range",
            "is more than the",
            "more than 64 levels",
            "each is to be there once",
            "found a string that is not a",
            "found a number with more digits",
            "not an instant in ISO 8601",
            "not one character of UTF-16",
        ]
        .iter()
        .any(|reason| message.contains(reason))
    }

    /// Whether both take a description, or both do not.
    fn agree(validator: &jsonschema::Validator, description: &str) -> Result<bool, String> {
        let parsed = ProcessorSpec::new(description);
        // What is no JSON is nothing for a schema.
        let Ok(json) = serde_json::from_str(description) else { return Ok(false) };
        let by_schema = validator.validate(&json);
        match (&parsed, &by_schema) {
            (Ok(_), Ok(())) => Ok(true),
            (Err(_), Err(_)) => Ok(false),
            (Err(error), Ok(())) if is_beyond(error.message()) => Ok(false),
            _ => {
                let places = by_schema.err().map(|error| format!("{error}, at {}", error.instance_path()));
                Err(format!("{description}: {:?}, and the schema says {places:?}", parsed.err()))
            }
        }
    }

    #[test]
    fn takes_the_descriptions_of_the_conformance_cases_that_are_taken() {
        let (validator, mut taken, mut refused) = (validator(), 0, 0);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
        for file in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            let cases: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            for case in cases.as_array().unwrap().iter().filter(|case| case["value"]["spec"] == "object_processor") {
                let description = match &case["value"]["description"] {
                    serde_json::Value::String(text) => text.clone(),
                    json => json.to_string(),
                };
                match agree(&validator, &description).unwrap() {
                    true => taken += 1,
                    false => refused += 1,
                }
            }
        }
        assert!(taken > 150 && refused > 20, "{taken} taken, {refused} refused");
    }

    #[test]
    fn takes_the_examples_of_the_documents() {
        let (page, validator) = (include_str!("../docs/object-processor.md"), validator());
        let examples: Vec<&str> =
            page.split("\n```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
        assert_eq!(examples.len(), 3);
        for example in examples {
            assert_eq!(agree(&validator, example), Ok(true));
        }
    }

    /// The same description with one thing in it that is another.
    fn changed(json: &mut serde_json::Value, random: &mut impl FnMut(usize) -> usize) {
        const NAMES: [&str; 12] = [
            "type",
            "on_null",
            "allow_null",
            "allow_string",
            "aliases",
            "element",
            "fields",
            "columns",
            "case_sensitive",
            "number_format",
            "precision",
            "key_type",
        ];
        const VALUES: [&str; 14] = [
            "true",
            "false",
            "0",
            "\"x\"",
            "null",
            "[]",
            "{}",
            "\"int\"",
            "[\"int\"]",
            "{\"type\":\"any\"}",
            "\"skip\"",
            "\"parallel\"",
            "\"ms\"",
            "\"byte\"",
        ];
        match json {
            serde_json::Value::Object(members) if !members.is_empty() && random(4) > 0 => {
                let index = random(members.len());
                changed(members.values_mut().nth(index).expect("there are so many"), random);
            }
            serde_json::Value::Object(members) => {
                let name = NAMES[random(NAMES.len())].to_owned();
                let value = serde_json::from_str(VALUES[random(VALUES.len())]).expect("it is JSON");
                members.insert(name, value);
            }
            serde_json::Value::Array(items) if !items.is_empty() && random(3) > 0 => {
                let index = random(items.len());
                changed(&mut items[index], random);
            }
            other => *other = serde_json::from_str(VALUES[random(VALUES.len())]).expect("it is JSON"),
        }
    }

    proptest! {
        #![proptest_config(cases(3000))]

        #[test]
        fn takes_what_is_taken(seed: u64, mut choices in proptest::collection::vec(any::<usize>(), 40)) {
            // V1
            thread_local!(static VALIDATOR: jsonschema::Validator = validator());
            let description = case(seed).description;
            let mut json = serde_json::from_str(&description).expect("it is JSON");
            let mut random = |limit: usize| choices.pop().unwrap_or(0) % limit;
            let texts = [description, { changed(&mut json, &mut random); json.to_string() }];
            for text in texts {
                let agreed = VALIDATOR.with(|validator| agree(validator, &text));
                prop_assert!(agreed.is_ok(), "{}", agreed.unwrap_err());
            }
        }
    }
}
