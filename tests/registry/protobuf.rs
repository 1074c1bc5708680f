//! Consumers whose schemas of Protobuf the registry has: as text or as descriptors, with references, and of other kinds than
//! they should be (rules B1, B2, B7). What waiting is like, `reading.rs` says for all formats.

use std::collections::HashMap;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use karrow::error::{Error, Status};
use karrow::format::avro::AvroSpec;
use karrow::format::protobuf::ProtobufSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::Consumer;
use karrow::options::Options;
use prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use serde_json::{Value, json};

use crate::HANG;
use crate::reading::{await_values, check_nothing_is_lost_while_a_real_registry_is_away, options, push};
use crate::support::gate::{Gate, Reply};
use crate::support::registry::shared_registry;

/// The first message of its file, without anything that others have.
const ONE: &str = r#"syntax = "proto3"; package shop; message Row { int64 a = 1; }"#;
/// The second one, with another field.
const TWO: &str =
    r#"syntax = "proto3"; package shop; message Other { int64 a = 1; } message Row { string b = 2; int32 a = 1; }"#;
/// A message of another package.
const ELSEWHERE: &str = r#"syntax = "proto3"; package other; message Row { int64 a = 1; }"#;
/// A message that says another thing by the same number.
const CHANGED: &str = r#"syntax = "proto3"; package shop; message Row { string a = 1; }"#;

/// A message of `ONE` with this id in front of it; `a` is less than 128, which takes one byte.
fn one(id: i32, a: u8) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], &[0, 0x08, a]].concat()
}

/// The same of `TWO`.
fn two(id: i32, a: u8) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], &[0x02, 0x02, 0x12, 0x01, b'x', 0x08, a]].concat()
}

/// What a registry says of a schema.
fn schema(text: &str) -> Value {
    json!({"schemaType": "PROTOBUF", "schema": text})
}

/// The same with what it refers to: import, subject, version.
fn referring(text: &str, references: &[(&str, &str, i32)]) -> Value {
    let reference =
        |(name, subject, version): &(&str, &str, i32)| json!({"name": name, "subject": subject, "version": version});
    let references: Vec<Value> = references.iter().map(reference).collect();
    json!({"schemaType": "PROTOBUF", "schema": text, "references": references})
}

/// A registry of these schemas, by their ids, and by the subjects and versions `SUBJECT/VERSION`.
fn registry(by_id: Vec<(i32, Value)>, by_subject: Vec<(&str, Value)>) -> Gate {
    let mut answers = HashMap::new();
    for (id, answer) in by_id {
        answers.insert(format!("/schemas/ids/{id}"), answer);
    }
    for (place, (name, mut answer)) in by_subject.into_iter().enumerate() {
        let (subject, version) = name.split_once('/').expect("a subject has a version");
        // Nobody writes data with it.
        answer["id"] = json!(1000 + place);
        answer["subject"] = json!(subject);
        answer["version"] = json!(version.parse::<i32>().unwrap_or(1));
        answers.insert(format!("/subjects/{subject}/versions/{version}"), answer);
    }
    Gate::open(move |request| {
        // What is registered is not asked for with any query.
        let path = request.path.split('?').next().unwrap_or_default();
        match answers.get(path) {
            Some(answer) => Reply::json(200, &answer.to_string()),
            None if path.starts_with("/subjects") => {
                Reply::json(404, r#"{"error_code": 40401, "message": "Subject not found"}"#)
            }
            None => Reply::json(404, r#"{"error_code": 40403, "message": "Schema not found"}"#),
        }
    })
}

/// Values are read as `ONE`.
fn as_one(url: &str, pairs: &[(&str, &str)]) -> Options {
    let mut spec = ProtobufSpec::from_source("row.proto", ONE, None).unwrap();
    spec.set("protocol", "serdes").unwrap();
    let mut options = options(url, pairs);
    options.set_spec(Side::Value, Spec::Protobuf(spec));
    options
}

/// Values are read as a message of a subject.
fn as_subject(url: &str, subject: &str, message: Option<&str>) -> Options {
    let mut options = options(url, &[]);
    options.set_spec(Side::Value, Spec::Protobuf(ProtobufSpec::from_subject(subject, "latest", message).unwrap()));
    options
}

/// The columns of the value, once the registry has been asked.
fn columns(options: &Options) -> Result<Vec<String>, Error> {
    let schema = options.schema(Some(Instant::now() + HANG))?;
    // Behind those that every record has.
    let told = |field: &arrow_schema::FieldRef| format!("{} {}", field.name(), karrow::types::name(field.data_type()));
    Ok(schema.arrow().fields().iter().skip(3).map(told).collect())
}

/// Why there are no columns of a subject.
fn no_columns(url: &str, subject: &str, message: Option<&str>) -> Error {
    columns(&as_subject(url, subject, message)).expect_err("there should be no columns")
}

/// A descriptor as serializers register it: a file with one message, whose fields are int64, or messages of other files.
fn descriptor(file: &str, imports: &[&str], message: &str, fields: &[(&str, Option<&str>)]) -> String {
    let field = |(place, (name, of)): (usize, &(&str, Option<&str>))| FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(place as i32 + 1),
        label: Some(Label::Optional.into()),
        r#type: Some(if of.is_some() { Type::Message } else { Type::Int64 }.into()),
        type_name: of.map(str::to_owned),
        ..FieldDescriptorProto::default()
    };
    let message = DescriptorProto {
        name: Some(message.to_owned()),
        field: fields.iter().enumerate().map(field).collect(),
        ..DescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some(file.to_owned()),
        package: Some("shop".to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        message_type: vec![message],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    STANDARD.encode(file.encode_to_vec())
}

fn reasons(consumer: &Consumer) -> Vec<String> {
    let letters: Vec<_> = consumer.dead_letters().unwrap().collect();
    let reasons = letters.iter().flat_map(|batch| batch.column_by_name("reason").unwrap().as_string::<i32>().iter());
    reasons.map(|reason| reason.unwrap().to_owned()).collect()
}

#[test]
fn a_subject_is_text_or_a_descriptor_and_its_message_may_be_named() {
    let files = [("text", schema(TWO)), ("descriptor", schema(&descriptor("any.proto", &[], "Row", &[("a", None)])))];
    for (what, file) in files {
        let gate =
            registry(vec![(1, schema(ONE)), (2, schema(TWO))], vec![("rows/latest", file.clone()), ("rows/3", file)]);
        for version in ["latest", "3"] {
            for message in ["Row", "shop.Row"] {
                let spec = ProtobufSpec::from_subject("rows", version, Some(message)).unwrap();
                let mut options = options(&gate.url(), &[]);
                options.set_spec(Side::Value, Spec::Protobuf(spec));
                let found = columns(&options).unwrap();
                let expected: &[&str] = if what == "text" { &["b utf8", "a int32"] } else { &["a int64"] };
                assert_eq!(found, expected, "{what} {version} {message}");
            }
        }
        // Without a name it is the first one.
        let first = if what == "text" { "shop.Other" } else { "shop.Row" };
        let (consumer, feeder) = Consumer::in_memory(&as_subject(&gate.url(), "rows", None), &[(0, 0)]).unwrap();
        let expected_id = if first == "shop.Row" { 1 } else { 2 };
        push(&feeder, 0, 0, one(expected_id, 5));
        await_values(&consumer, 0, &[5]);
        let error = no_columns(&gate.url(), "rows", Some("Third"));
        assert_eq!((error.status(), error.detail("argument")), (Status::InvalidArgument, Some("message")));
        assert!(error.message().contains("there is no message Third"), "{error}");
        assert!(error.message().contains(first), "{error}");
    }
}

#[test]
fn a_subject_may_be_read_without_framing() {
    let gate = registry(Vec::new(), vec![("rows/latest", schema(ONE))]);
    let mut spec = ProtobufSpec::from_subject("rows", "latest", None).unwrap();
    spec.set("protocol", "raw").unwrap();
    let mut options = options(&gate.url(), &[]);
    options.set_spec(Side::Value, Spec::Protobuf(spec));
    let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
    push(&feeder, 0, 0, vec![0x08, 7]);
    push(&feeder, 0, 1, Vec::new());
    await_values(&consumer, 0, &[7, 0]);
    assert_eq!(gate.paths().len(), 1, "{:?}", gate.paths());
}

#[test]
fn references_are_imports_over_any_number_of_levels() {
    // The country is imported along two ways, and the well-known file is among the references of one schema and not of the
    // other.
    let order = r#"syntax = "proto3"; package shop; import "shop/customer.proto"; import "geo/country.proto";
        import "google/protobuf/timestamp.proto";
        message Order { Customer customer = 1; geo.Country to = 2; google.protobuf.Timestamp at = 3; }"#;
    let customer = r#"syntax = "proto3"; package shop; import "geo/country.proto"; import "google/protobuf/timestamp.proto";
        message Customer { int64 number = 1; geo.Country country = 2; google.protobuf.Timestamp since = 3; }"#;
    let country = r#"syntax = "proto3"; package geo; enum Continent { NOWHERE = 0; ASIA = 1; }
        message Country { string code = 1; Continent continent = 2; }"#;
    let gate = registry(
        vec![],
        vec![
            (
                "orders/latest",
                referring(order, &[("shop/customer.proto", "customers", 2), ("geo/country.proto", "countries", 1)]),
            ),
            (
                "customers/2",
                referring(
                    customer,
                    &[("geo/country.proto", "countries", 1), ("google/protobuf/timestamp.proto", "timestamps", 1)],
                ),
            ),
            ("countries/1", schema(country)),
            // Of this one only the name counts.
            (
                "timestamps/1",
                schema(r#"syntax = "proto3"; package google.protobuf; message Timestamp { string s = 1; }"#),
            ),
        ],
    );
    let found = columns(&as_subject(&gate.url(), "orders", None)).unwrap();
    assert_eq!(
        found,
        [
            "customer_number int64",
            "customer_country_code utf8",
            "customer_country_continent utf8",
            "customer_since timestamp[ns, UTC]",
            "to_code utf8",
            "to_continent utf8",
            "at timestamp[ns, UTC]",
        ]
    );
}

#[test]
fn descriptors_may_refer_to_text_and_text_to_descriptors() {
    let by_text = r#"syntax = "proto3"; package shop; import "b.proto"; message A { int64 x = 1; B b = 2; }"#;
    let by_descriptor = descriptor("whatever", &["c.proto"], "B", &[("y", None), ("c", Some(".shop.C"))]);
    let last = r#"syntax = "proto3"; package shop; message C { int64 z = 1; }"#;
    let gate = registry(
        Vec::new(),
        vec![
            ("a/latest", referring(by_text, &[("b.proto", "b", 1)])),
            ("b/1", referring(&by_descriptor, &[("c.proto", "c", 1)])),
            ("c/1", schema(last)),
        ],
    );
    let found = columns(&as_subject(&gate.url(), "a", Some("shop.A"))).unwrap();
    assert_eq!(found, ["x int64", "b_y int64", "b_c_z int64"]);
}

#[test]
fn an_import_of_two_versions_is_the_newer_one() {
    let country =
        |more: &str| schema(&format!(r#"syntax = "proto3"; package geo; message Country {{ int64 a = 1; {more} }}"#));
    let customer = r#"syntax = "proto3"; import "geo/country.proto"; message Customer { geo.Country country = 1; }"#;
    let order = r#"syntax = "proto3"; import "customer.proto"; import "geo/country.proto";
        message Order { Customer customer = 1; geo.Country to = 2; }"#;
    for (mine, theirs) in [(1, 2), (2, 1)] {
        let references = [("customer.proto", "customers", 1), ("geo/country.proto", "countries", mine)];
        let gate = registry(
            Vec::new(),
            vec![
                ("orders/latest", referring(order, &references)),
                ("customers/1", referring(customer, &[("geo/country.proto", "countries", theirs)])),
                ("countries/1", country("")),
                ("countries/2", country("string b = 2;")),
            ],
        );
        let found = columns(&as_subject(&gate.url(), "orders", None)).unwrap();
        assert_eq!(found, ["customer_country_a int64", "customer_country_b utf8", "to_a int64", "to_b utf8"]);
    }
}

#[test]
fn what_a_subject_lacks_is_told() {
    let order = r#"syntax = "proto3"; import "customer.proto"; message Order { Customer customer = 1; }"#;
    let customer = r#"syntax = "proto3"; import "country.proto"; message Customer { Country country = 1; }"#;
    let gate = registry(
        Vec::new(),
        vec![
            ("unreferenced/latest", schema(order)),
            ("indirect/latest", referring(order, &[("customer.proto", "customers", 1)])),
            ("customers/1", schema(customer)),
            ("dangling/latest", referring(order, &[("customer.proto", "nobody", 7)])),
            ("avro/latest", json!({"schema": r#"{"type":"record","name":"Row","fields":[]}"#})),
            ("json/latest", json!({"schemaType": "JSON", "schema": "{}"})),
            ("mixed/latest", referring(order, &[("customer.proto", "kinds", 1)])),
            ("kinds/1", json!({"schemaType": "AVRO", "schema": r#""string""#})),
            ("broken/latest", schema("message {")),
            ("neither/latest", schema("bm8gZGVzY3JpcHRvcg==")),
            ("empty/latest", schema(r#"syntax = "proto3";"#)),
        ],
    );
    for (subject, told) in [
        ("unreferenced", &["customer.proto"][..]),
        ("indirect", &["customer.proto imports country.proto"]),
        ("dangling", &["version 7 of subject 'nobody'"]),
        ("avro", &["is Avro, and no schema of Protobuf"]),
        ("json", &["is JSON Schema, and no schema of Protobuf"]),
        ("mixed", &["customer.proto", "is Avro, and no schema of Protobuf"]),
        ("broken", &["expected"]),
        ("neither", &["neither a file of Protobuf nor a descriptor"]),
        ("empty", &["has no message"]),
        ("missing", &["the latest version of subject 'missing'", "no such subject"]),
    ] {
        let error = no_columns(&gate.url(), subject, None);
        for told in told {
            assert!(error.message().contains(told), "{subject}: {error}");
        }
    }
    // The other way round.
    let gate = registry(Vec::new(), vec![("rows/latest", schema(ONE))]);
    let mut options = options(&gate.url(), &[]);
    options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_subject("rows", "latest").unwrap()));
    let error = columns(&options).err().unwrap();
    assert!(error.message().contains("is Protobuf, and no schema of Avro"), "{error}");
}

#[test]
fn a_file_that_a_subject_lacks_may_be_added() {
    let order = r#"syntax = "proto3"; package shop; import "customer.proto"; message Order { Customer customer = 1; int64 a = 2; }"#;
    let customer = r#"syntax = "proto3"; package shop; message Customer { string name = 1; }"#;
    let gate = registry(vec![(7, schema(order))], vec![("orders/latest", schema(order))]);
    let mut spec = ProtobufSpec::from_subject("orders", "latest", None).unwrap();
    spec.add_file("customer.proto", customer).unwrap();
    let mut options = options(&gate.url(), &[]);
    options.set_spec(Side::Value, Spec::Protobuf(spec));
    assert_eq!(columns(&options).unwrap(), ["customer_name utf8", "a int64"]);
}

#[test]
fn records_of_several_writers_are_read_whatever_their_schemas_look_like() {
    let with_import =
        r#"syntax = "proto3"; package shop; import "note.proto"; message Row { Note note = 5; int64 a = 1; }"#;
    let note = r#"syntax = "proto3"; package shop; message Note { string text = 1; }"#;
    let gate = registry(
        vec![
            (1, schema(ONE)),
            (2, schema(TWO)),
            (3, schema(&descriptor("a/row.proto", &[], "Row", &[("renamed", None)]))),
            (4, referring(with_import, &[("note.proto", "notes", 1)])),
        ],
        vec![("notes/1", schema(note))],
    );
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &[]), &[(0, 0)]).unwrap();
    for offset in 0..80_u8 {
        let value = match offset % 4 {
            0 => one(1, offset),
            1 => two(2, offset),
            2 => one(3, offset),
            _ => [&one(4, offset)[..], &[0x2a, 0x03, 0x0a, 0x01, b'n']].concat(),
        };
        push(&feeder, 0, offset.into(), value);
    }
    await_values(&consumer, 0, &(0..80).collect::<Vec<_>>());
    let mut asked = gate.paths();
    asked.retain(|path| path.starts_with("/schemas/ids/"));
    asked.sort();
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[test]
fn schemas_that_cannot_be_read_as_the_readers_make_bad_records_only() {
    let lacking = r#"syntax = "proto3"; package shop; import "missing.proto"; message Row { int64 a = 1; }"#;
    let gate = registry(
        vec![
            (1, schema(ONE)),
            (2, schema(TWO)),
            (3, schema(CHANGED)),
            (4, json!({"schema": r#"{"type":"record","name":"Row","fields":[]}"#})),
            (5, schema(ELSEWHERE)),
            (6, schema(lacking)),
            (8, schema("nothing of the kind")),
        ],
        Vec::new(),
    );
    let pairs = [("karrow.bad.record.policy", "dead_letter"), ("karrow.registry.unknown.id.retry.ms", "0")];
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &pairs), &[(0, 0)]).unwrap();
    let mut offset = 0;
    let mut write = |value| {
        push(&feeder, 0, offset, value);
        offset += 1;
    };
    for id in 1..=9 {
        write(one(id, 5));
        write(two(2, 6));
    }
    await_values(&consumer, 0, &[5, 6, 6, 6, 6, 6, 6, 6, 6, 6]);
    let reasons = reasons(&consumer);
    let expected = [
        "expected message shop.Row, found message shop.Other",
        "schema 3 cannot be read as the reader's schema: /a is of type int64, and was written as string",
        "schema 4 cannot be read as the reader's schema: what the registry has for it is Avro, and no schema of Protobuf",
        "expected message shop.Row, found message other.Row",
        "schema 6 cannot be read as the reader's schema: ",
        "schema 7: the schema registry at ",
        "schema 8 cannot be read as the reader's schema: ",
        "schema 9: the schema registry at ",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(expected), "{reason}, not {expected}");
    }
    assert!(reasons[4].contains("missing.proto"), "{}", reasons[4]);
}

#[test]
fn schemas_that_are_given_are_not_asked_for() {
    let gate = registry(vec![(2, schema(TWO))], Vec::new());
    let mut spec = ProtobufSpec::from_source("row.proto", ONE, None).unwrap();
    spec.set("protocol", "serdes").unwrap();
    spec.add_schema(1, ONE).unwrap();
    let mut options = options(&gate.url(), &[]);
    options.set_spec(Side::Value, Spec::Protobuf(spec));
    let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
    for (offset, value) in [one(1, 1), two(2, 2), one(1, 3)].into_iter().enumerate() {
        push(&feeder, 0, offset as i64, value);
    }
    await_values(&consumer, 0, &[1, 2, 3]);
    assert_eq!(gate.paths(), ["/schemas/ids/2"]);
}

#[test]
fn a_key_and_a_value_of_different_formats_may_have_the_same_id() {
    // What an id means is the business of each side.
    let avro = r#"{"type":"record","name":"Key","fields":[{"name":"k","type":"long"}]}"#;
    let gate = registry(vec![(1, schema(ONE))], Vec::new());
    let pairs = [("karrow.bad.record.policy", "null")];
    let mut options = as_one(&gate.url(), &pairs);
    options.set_spec(Side::Key, Spec::Avro(AvroSpec::from_schema(avro).unwrap()));
    let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
    let record = karrow::ingest::memory::OwnedRecord {
        offset: 0,
        timestamp: karrow::rows::RecordTime::None,
        key: Some([&[0], &1_i32.to_be_bytes()[..], &[2]].concat()),
        value: Some(one(1, 7)),
        headers: Vec::new(),
    };
    feeder.push(0, record).unwrap();
    await_values(&consumer, 0, &[7]);
    let batch = consumer.snapshot().unwrap().whole(0).unwrap();
    assert_eq!(batch.column_by_name("k").unwrap().null_count(), 1);
}

#[test]
fn text_and_descriptors_with_references_in_a_real_registry() {
    let registry = shared_registry();
    let country = r#"syntax = "proto3"; package shop; message Country { int64 code = 1; }"#;
    let order = r#"syntax = "proto3"; package shop; import "country.proto"; import "google/protobuf/timestamp.proto";
        message Order { int64 a = 1; Country to = 2; google.protobuf.Timestamp at = 3; }"#;
    let references = [("country.proto", "pb-country", 1)];
    registry.register_kind("pb-country", "PROTOBUF", country, &[]);
    let text = registry.register_kind("pb-order", "PROTOBUF", order, &references);
    registry.register_kind(
        "pb-country",
        "PROTOBUF",
        &descriptor("country.proto", &[], "Country", &[("code", None)]),
        &[],
    );
    let newer = descriptor("order.proto", &["country.proto"], "Order", &[("a", None), ("to", Some(".shop.Country"))]);
    let descriptor_id = registry.register_kind("pb-order", "PROTOBUF", &newer, &[("country.proto", "pb-country", 2)]);
    assert_ne!(text, descriptor_id);
    let read = |version: &str| {
        let mut options = options(&registry.url(), &[]);
        options.set_spec(Side::Value, Spec::Protobuf(ProtobufSpec::from_subject("pb-order", version, None).unwrap()));
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        for offset in 0..20_u8 {
            let id = if offset % 2 == 0 { text } else { descriptor_id };
            // `a`, and a code that is 1 more.
            let value = [&one(id, offset)[..], &[0x12, 0x02, 0x08, offset + 1, 0x1a, 0x02, 0x10, offset]].concat();
            push(&feeder, 0, offset.into(), value);
        }
        await_values(&consumer, 0, &(0..20).collect::<Vec<_>>());
        consumer.snapshot().unwrap().whole(0).unwrap()
    };
    for version in ["1", "2"] {
        let batch = read(version);
        let codes = batch.column_by_name("to_code").unwrap().as_primitive::<Int64Type>();
        assert_eq!(codes.values().to_vec(), (1..21).collect::<Vec<_>>());
        let at = batch.column_by_name("at").map(|at| at.as_primitive::<TimestampNanosecondType>().values().to_vec());
        assert_eq!(at, (version == "1").then(|| (0..20).collect::<Vec<_>>()));
    }
}

#[test]
fn nothing_is_lost_or_reordered_while_a_real_registry_is_away() {
    // B7
    let options = |url: &str| as_one(url, &[]);
    check_nothing_is_lost_while_a_real_registry_is_away("PROTOBUF", [ONE, TWO], options, [one, two]);
}
