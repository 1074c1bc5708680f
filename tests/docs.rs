//! What `docs/options.md` says is what there is: its tables have exactly the keys of the code's tables, in the same
//! classes, and its examples work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use karrow::format::avro::AvroSpec;
use karrow::format::callback::{Call, CallbackSpec};
use karrow::format::protobuf::ProtobufSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::Consumer;
use karrow::options::{Options, java, library_keys, librdkafka, registry};
use karrow::table::retention::TableType;

const PAGE: &str = include_str!("../docs/options.md");

/// The lines under a heading, up to the next heading of its kind or a higher one.
fn section(heading: &str) -> &'static str {
    let begin = PAGE.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("there is no heading '{heading}'"));
    let text = &PAGE[begin + 1 + heading.len()..];
    let level = heading.split(' ').next().unwrap().len();
    let ends = (1..=level).filter_map(|level| text.find(&format!("\n{} ", "#".repeat(level))));
    &text[..ends.min().unwrap_or(text.len())]
}

/// The keys in the first column of a section's tables. None may stand there twice.
fn keys(heading: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for row in section(heading).lines().filter_map(|line| line.strip_prefix("| ")) {
        let cell = row.split(" | ").next().unwrap();
        for key in cell.split('`').skip(1).step_by(2) {
            assert!(keys.insert(key.to_owned()), "{heading}: {key} is there twice");
        }
    }
    keys
}

#[track_caller]
fn assert_same(heading: &str, expected: impl Iterator<Item = String>) {
    let (documented, expected) = (keys(heading), expected.collect::<BTreeSet<_>>());
    let missing: Vec<_> = expected.difference(&documented).collect();
    let superfluous: Vec<_> = documented.difference(&expected).collect();
    assert!(
        missing.is_empty() && superfluous.is_empty(),
        "docs/options.md, {heading}: missing {missing:?}, superfluous {superfluous:?}"
    );
}

#[test]
fn every_key_of_the_library_is_documented_and_in_an_example() {
    assert_same("## karrow's keys", library_keys());
    let section = section("## karrow's keys");
    for key in library_keys() {
        assert!(section.contains(&format!("\n{key}=")), "docs/options.md has no example of {key}");
    }
}

#[test]
fn every_function_that_sets_an_option_is_documented() {
    let header = include_str!("../include/karrow.h");
    let names = header.split("\nkarrow_status ").skip(1).map(|rest| rest.split('(').next().unwrap());
    let names = names.filter(|name| name.starts_with("karrow_options_set_")).map(str::to_owned);
    let documented = PAGE.split("\n## ").next().unwrap().lines();
    let documented = documented.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned);
    assert_eq!(documented.collect::<BTreeSet<_>>(), names.collect::<BTreeSet<_>>());
}

#[test]
fn every_key_that_may_not_be_set_is_documented() {
    assert_same("### Keys that may not be set", librdkafka::refused().map(str::to_owned));
}

#[test]
fn every_key_of_the_java_client_is_documented_in_its_class() {
    type InClass = fn(java::Treatment) -> bool;
    let classes: [(&str, InClass); 4] = [
        ("### The same", |treatment| treatment == java::Treatment::Same),
        ("### Translated", |treatment| treatment == java::Treatment::Translated),
        ("### Accepted without effect", |treatment| treatment == java::Treatment::WithoutEffect),
        ("### Refused", |treatment| matches!(treatment, java::Treatment::Refused(_))),
    ];
    for (heading, in_class) in classes {
        let keys = java::KEYS.iter().filter(|(_, treatment)| in_class(*treatment));
        assert_same(heading, keys.map(|(key, _)| (*key).to_owned()));
    }
}

#[test]
fn every_key_of_the_registry_is_documented() {
    assert_same("## Keys of the schema registry", registry::keys().filter(|key| key.starts_with("schema.registry.")));
}

#[test]
fn every_setting_of_a_spec_is_documented_with_its_values() {
    let avro = r#"{"type": "record", "name": "R", "fields": []}"#;
    let columns = Schema::new(vec![Field::new("A", DataType::Int64, true)]);
    let nothing = |_: &mut Call| Ok(());
    for (heading, mut spec) in [
        ("### Avro", Spec::Avro(AvroSpec::from_schema(avro).unwrap())),
        ("### Protobuf", Spec::Protobuf(ProtobufSpec::from_subject("s", "latest", None).unwrap())),
        ("### Processors", Spec::Callback(CallbackSpec::new(&columns, Arc::new(nothing)).unwrap())),
    ] {
        let documented = keys(heading);
        let unknown = spec.set("", "").unwrap_err().message().to_owned();
        let (_, there_are) = unknown.split_once("; it has ").unwrap();
        assert_eq!(documented, there_are.split(", ").map(str::to_owned).collect(), "docs/options.md, {heading}");
        for row in section(heading).lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = row.split(" | ").collect();
            let key = cells[0].trim_matches(['|', ' ', '`']);
            let values: Vec<_> = cells[1].split('`').skip(1).step_by(2).collect();
            // The first of them is what there is without setting any.
            let before = format!("{spec:?}");
            spec.set(key, values[0]).unwrap();
            assert!(format!("{spec:?}") == before || key == "include", "docs/options.md, {heading}: {key}");
            for value in &values {
                spec.set(key, value).unwrap_or_else(|error| panic!("docs/options.md, {heading}: {error}"));
            }
            // Anything may be the name of a field.
            if let Err(error) = spec.set(key, "nonsense") {
                let (_, can_be) = error.message().split_once("; it can be ").unwrap();
                let can_be: BTreeSet<_> = can_be.split(", ").flat_map(|some| some.split(" or ")).collect();
                assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), can_be, "docs/options.md, {heading}: {key}");
            }
        }
    }
}

/// What stands in a block of `key=value`.
fn parse(block: &str) -> Vec<(&str, &str)> {
    block.lines().map(|line| line.split_once('=').unwrap_or_else(|| panic!("no key=value: {line}"))).collect()
}

/// The blocks of examples: what their first line says behind `properties`, and their properties.
fn examples() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let blocks = PAGE.split("\n```properties").skip(1);
    blocks
        .map(|block| {
            let (label, block) = block.split_once('\n').unwrap();
            (label.trim(), parse(block.split("\n```").next().unwrap()))
        })
        .collect()
}

#[test]
fn the_examples_work() {
    let examples = examples();
    assert!(examples.len() > 5);
    for (label, properties) in examples {
        let mut options = Options::new("prices").unwrap();
        options.set_spec(Side::Key, Spec::FROM_PROPERTIES);
        options.set_spec(Side::Value, Spec::FROM_PROPERTIES);
        // What an example that is about something else leaves out.
        for (key, value) in [
            ("bootstrap.servers", "localhost:9092"),
            ("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer"),
            ("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer"),
        ] {
            options.set(key, Some(value)).unwrap();
        }
        match label {
            "append" => options.set_table_type(TableType::Append).unwrap(),
            "ring" => options.set_table_type(TableType::Ring { capacity: 1000 }).unwrap(),
            _ => {}
        }
        for (key, value) in &properties {
            options.set(key, Some(value)).unwrap_or_else(|error| panic!("{label} {error}"));
        }
        options.plan().unwrap_or_else(|error| panic!("{label} {error}"));
        Consumer::new(&options).map(drop).unwrap_or_else(|error| panic!("{label} {error}"));
    }
}

#[test]
fn what_is_said_to_be_the_same_is_the_same() {
    let labelled = |wanted: &str| {
        let example = examples().into_iter().find(|(label, _)| *label == wanted).unwrap();
        example.1.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
    };
    let mut translated = java::translate(labelled("java")).unwrap();
    // They are the column's types.
    translated.retain(|key, _| !key.ends_with(".deserializer"));
    assert_eq!(translated, labelled("librdkafka"));
}
