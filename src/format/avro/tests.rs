use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde_json::{Value as Json, json};

use super::*;
use crate::column::SizeHint;
use crate::format::BadValue;
use crate::format::writers::Learn;
use crate::registry::{Reference, SchemaKind};
use crate::types;

/// A record with these fields, and what else a schema may have.
fn record(fields: Json) -> String {
    json!({ "type": "record", "name": "Row", "namespace": "test", "fields": fields }).to_string()
}

fn spec(reader: &str, settings: &[(&str, &str)]) -> AvroSpec {
    let mut spec = AvroSpec::from_schema(reader).unwrap();
    settings.iter().for_each(|(key, value)| spec.set(key, value).unwrap());
    spec
}

fn bare(reader: &str) -> AvroSpec {
    spec(reader, &[("framing", "bare")])
}

/// A document as a registry has it.
fn registered(document: &Document) -> registry::Schema {
    let reference = |(name, document): &(String, Document)| Reference {
        name: name.clone(),
        subject: name.clone(),
        version: 1,
        schema: Arc::new(registered(document)),
    };
    registry::Schema {
        id: None,
        version: None,
        kind: SchemaKind::Avro,
        text: document.text.clone(),
        references: document.references.iter().map(reference).collect(),
    }
}

/// The columns of a spec, as `name: type`.
fn columns_of(spec: &AvroSpec) -> Vec<String> {
    let (columns, _) = spec.resolve().unwrap();
    let shown = |column: &FormatColumn| format!("{}: {}", column.field.name(), types::name(column.field.data_type()));
    columns.iter().map(shown).collect()
}

fn names_of(spec: &AvroSpec) -> Vec<String> {
    spec.resolve().unwrap().0.iter().map(|column| column.field.name().clone()).collect()
}

fn error_of(spec: &AvroSpec) -> String {
    spec.resolve().unwrap_err().message().to_owned()
}

/// What becomes of payloads, and of those that are not written why.
struct Table {
    columns: Vec<ColumnBuffer>,
    decoder: AvroDecoder,
    rows: usize,
}

impl Table {
    fn new(spec: &AvroSpec) -> Table {
        let (columns, decoder) = spec.resolve().unwrap();
        let buffer = |column: &FormatColumn| ColumnBuffer::of(&column.field, &SizeHint::default()).unwrap();
        Table { columns: columns.iter().map(buffer).collect(), decoder, rows: 0 }
    }

    fn decode(&mut self, payload: Option<&[u8]>) -> std::result::Result<(), Refused> {
        let outcome = self.decoder.decode(payload, &mut self.columns);
        self.rows += usize::from(outcome.is_ok());
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        outcome
    }

    fn good(mut self, payloads: &[&[u8]]) -> Vec<ArrayRef> {
        payloads.iter().for_each(|payload| self.decode(Some(payload)).unwrap());
        self.arrays()
    }

    fn bad(&mut self, payload: &[u8]) -> BadValue {
        match self.decode(Some(payload)) {
            Err(Refused::Bad(bad)) => bad,
            other => panic!("{other:?}"),
        }
    }

    fn arrays(&mut self) -> Vec<ArrayRef> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(|column| column.publish().to_array()).collect();
        arrays.iter().for_each(|array| array.to_data().validate_full().unwrap());
        assert!(arrays.iter().all(|array| array.len() == self.rows));
        arrays
    }
}

fn longs(array: &ArrayRef) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
    array.as_string::<i32>().iter().collect()
}

/// The number as Avro writes it.
fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

mod columns {
    use super::*;

    /// `{a: int, r: {b: int, c: int}}`
    fn nested() -> String {
        let inner = json!({ "type": "record", "name": "Inner", "fields": [
            { "name": "b", "type": "int" }, { "name": "c", "type": "int" } ] });
        record(json!([{ "name": "a", "type": "int" }, { "name": "r", "type": inner }]))
    }

    fn mapped(mapping: &[(&str, &str)], settings: &[(&str, &str)]) -> AvroSpec {
        let mut spec = spec(&nested(), settings);
        mapping.iter().for_each(|(field, column)| spec.map_field(field, column).unwrap());
        spec
    }

    #[test]
    fn nested_fields_have_the_names_that_deephaven_gives_them() {
        let only = &[("mapped_only", "true")][..];
        for (mapping, settings, expected) in [
            (&[][..], &[][..], &["a", "r__b", "r__c"][..]),
            (&[], only, &["a", "r__b", "r__c"]),
            // Where there is a mapping, Deephaven has dots in the names of the others.
            (&[("a", "AA")], &[], &["AA", "r__b", "r__c"]),
            (&[("r.b", "BB")], &[], &["a", "BB", "r__c"]),
            // The record itself is not mapped.
            (&[("r.b", "BB")], only, &[]),
            (&[("r", "r"), ("r.b", "BB")], only, &["BB"]),
            (&[("zzz", "Q")], &[], &["a", "r__b", "r__c"]),
            (&[("zzz", "Q")], only, &[]),
        ] {
            assert_eq!(names_of(&mapped(mapping, settings)), expected, "{mapping:?} {settings:?}");
        }
        let (columns, _) = mapped(&[], &[]).resolve().unwrap();
        assert_eq!(columns[1].source, "r.b");
        assert!(columns.iter().all(|column| column.field.is_nullable()));
    }

    #[test]
    fn structs_stay_whole_and_so_do_their_names() {
        let structs = ("nested", "struct");
        assert_eq!(columns_of(&mapped(&[("r", "R")], &[structs])), ["a: int32", "R: struct<b: int32, c: int32>"]);
        let error = error_of(&mapped(&[("r.b", "BB")], &[structs]));
        assert_eq!(error, "mapping: r.b is mapped to column BB, but is a part of r, which is one column; map that");
    }

    #[test]
    fn a_field_has_one_column() {
        let mut spec = mapped(&[("a", "A")], &[]);
        spec.map_field("a", "A").unwrap();
        let error = spec.map_field("a", "B").unwrap_err();
        assert_eq!(error.message(), "field: a is mapped to column A already; a field has one column");
        assert!(spec.map_field("a", "").is_err());
    }

    #[test]
    fn every_type_has_the_column_that_says_the_same() {
        let logical = |ty: &str, logical: &str| json!({ "type": ty, "logicalType": logical });
        let fixed = |name: &str, size: usize, logical: &str| json!({ "type": "fixed", "name": name, "size": size, "logicalType": logical, "precision": 9, "scale": 3 });
        let decimal = |precision: usize, scale: usize| json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale });
        let symbols = json!({ "type": "enum", "name": "E", "symbols": ["A", "B"] });
        let types = [
            (json!("null"), "null"),
            (json!("boolean"), "bool"),
            (json!("int"), "int32"),
            (json!("long"), "int64"),
            (json!("float"), "float32"),
            (json!("double"), "float64"),
            (json!("bytes"), "binary"),
            (json!("string"), "utf8"),
            (json!(["null", "long"]), "int64"),
            (json!(["string", "null"]), "utf8"),
            (logical("int", "date"), "date32"),
            (logical("int", "time-millis"), "time32[ms]"),
            (logical("long", "time-micros"), "time64[us]"),
            (logical("long", "timestamp-millis"), "timestamp[ms, UTC]"),
            (logical("long", "timestamp-micros"), "timestamp[us, UTC]"),
            (logical("long", "timestamp-nanos"), "timestamp[ns, UTC]"),
            (logical("long", "local-timestamp-millis"), "timestamp[ms]"),
            (logical("long", "local-timestamp-micros"), "timestamp[us]"),
            (logical("long", "local-timestamp-nanos"), "timestamp[ns]"),
            (logical("string", "uuid"), "utf8"),
            (logical("bytes", "big-decimal"), "utf8"),
            // What is no logical type of this type is none.
            (logical("string", "date"), "utf8"),
            (logical("bytes", "uuid"), "binary"),
            (logical("long", "timestamp-picos"), "int64"),
            (decimal(38, 38), "decimal128(38, 38)"),
            (decimal(39, 0), "decimal256(39, 0)"),
            (decimal(76, 10), "decimal256(76, 10)"),
            (decimal(77, 0), "utf8"),
            (decimal(2, 3), "binary"),
            (fixed("Plain", 5, ""), "fixed_size_binary(5)"),
            (fixed("Id", 16, "uuid"), "utf8"),
            (fixed("Span", 12, "duration"), "fixed_size_binary(12)"),
            (fixed("Sum", 8, "decimal"), "decimal128(9, 3)"),
            (symbols.clone(), "utf8"),
            (json!({ "type": "array", "items": ["null", "int"] }), "list<int32>"),
            (json!({ "type": "map", "values": { "type": "array", "items": "E" } }), "map<utf8, list<utf8>>"),
            (json!(["null"]), "null"),
            (json!(["int"]), "struct<int: int32>"),
            (json!(["null", "int", "string"]), "struct<int: int32, string: utf8>"),
            (json!(["E", { "type": "map", "values": "long" }]), "struct<E: utf8, map: map<utf8, int64>>"),
        ];
        let names = (0..).map(|number| format!("f{number}"));
        let fields = types.iter().zip(names).map(|((ty, _), name)| json!({ "name": name, "type": ty }));
        let reader = record(fields.collect());
        let expected: Vec<String> =
            types.iter().enumerate().map(|(number, (_, name))| format!("f{number}: {name}")).collect();
        assert_eq!(columns_of(&bare(&reader)), expected);
        let dense = columns_of(&spec(&reader, &[("union", "dense"), ("enum", "dictionary")]));
        let expected = expected.into_iter().map(|name| {
            let (of_symbols, dictionary) = ("utf8", "dictionary<int32, utf8>");
            match name.split(':').next().unwrap() {
                "f33" => name.replace(of_symbols, dictionary),
                "f35" => name.replace("list<utf8>", "list<dictionary<int32, utf8>>"),
                "f37" => "f37: union<int: int32>".to_owned(),
                "f38" => "f38: union<null: null, int: int32, string: utf8>".to_owned(),
                "f39" => "f39: union<E: dictionary<int32, utf8>, map: map<utf8, int64>>".to_owned(),
                _ => name,
            }
        });
        assert_eq!(dense, expected.collect::<Vec<_>>());
    }

    #[test]
    fn branches_of_the_same_name_have_their_namespace_too() {
        let named = |namespace: &str| json!({ "type": "record", "name": "R", "namespace": namespace, "fields": [{ "name": "x", "type": "int" }] });
        let reader = record(json!([{ "name": "u", "type": [named("a"), named("b.c")] }]));
        assert_eq!(columns_of(&bare(&reader)), ["u: struct<a.R: struct<x: int32>, b.c.R: struct<x: int32>>"]);
        let table = Table::new(&bare(&reader));
        let arrays = table.good(&[&[0, 2], &[2, 4]]);
        let union = arrays[0].as_struct();
        let first = union.column(0).as_struct();
        assert!(first.is_valid(0) && first.is_null(1) && union.column(1).is_valid(1));
    }

    #[test]
    fn what_contains_itself_is_refused_with_the_path() {
        let tree = json!({ "type": "record", "name": "Tree", "fields": [
            { "name": "value", "type": "int" },
            { "name": "children", "type": { "type": "array", "items": "Tree" } } ] });
        let error = error_of(&bare(&tree.to_string()));
        assert!(error.starts_with("schema: children[] is a Tree inside a Tree; "), "{error}");
        let reader = record(json!([{ "name": "id", "type": "long" }, { "name": "tree", "type": ["null", tree] }]));
        let error = error_of(&bare(&reader));
        assert!(error.starts_with("schema: tree.children[] is a Tree inside a Tree; "), "{error}");
        let list =
            json!({ "type": "record", "name": "List", "fields": [{ "name": "next", "type": ["null", "List"] }] });
        assert!(error_of(&bare(&list.to_string())).starts_with("schema: next is a List inside a List; "));
        // Where no column is of it, it does no harm.
        let mut spec = bare(&reader);
        spec.map_field("id", "Id").unwrap();
        spec.set("mapped_only", "true").unwrap();
        let tree = [&[2, 14][..], &[1 << 1, 2 << 1, 0, 0]].concat();
        let datum = [&long(5)[..], &tree].concat();
        assert_eq!(longs(&Table::new(&spec).good(&[&datum])[0]), [Some(5)]);
    }

    #[test]
    fn a_schema_of_a_few_lines_does_not_become_any_number_of_columns() {
        let levels = (1..40).fold(json!("int"), |inner, level| {
            let second = if level == 1 { json!("int") } else { json!(format!("L{}", level - 1)) };
            json!({ "type": "record", "name": format!("L{level}"), "fields": [
                { "name": "a", "type": inner }, { "name": "b", "type": second } ] })
        });
        for nested in ["flatten", "struct"] {
            let reader = record(json!([{ "name": "top", "type": levels }]));
            let error = spec(&reader, &[("nested", nested)]).resolve().unwrap_err();
            assert_eq!(error.status(), Status::Limit, "{error}");
        }
        let fixed = json!({ "type": "fixed", "name": "F", "size": 1_000_000_000 });
        assert!(error_of(&bare(&record(json!([{ "name": "f", "type": fixed }])))).contains("use bytes"));
    }

    #[test]
    fn a_schema_that_is_no_record_or_none_at_all_is_refused() {
        for (schema, message) in [
            ("\"int\"", "schema: its top level is of type int, and has to be a record"),
            ("[\"null\", \"int\"]", "schema: its top level is of type union, and has to be a record"),
            ("{\"type\": \"enum\", \"name\": \"E\", \"symbols\": []}", "schema: its top level is of type E"),
        ] {
            let error = error_of(&bare(schema));
            assert!(error.starts_with(message), "{error}");
        }
        for schema in ["", "{", "nothing", "{\"type\": \"record\", \"name\": \"R\"}", "{\"type\": \"Unknown\"}", "12"] {
            let error = AvroSpec::from_schema(schema).unwrap_err();
            assert!(error.message().starts_with("schema: it is no "), "{error}");
        }
        let twice = record(json!([{ "name": "a", "type": "int" }, { "name": "a", "type": "int" }]));
        assert!(AvroSpec::from_schema(&twice).is_err());
        let e = |symbol: &str| json!({ "type": "enum", "name": "E", "symbols": [symbol] });
        let redefined = record(json!([{ "name": "a", "type": e("A") }, { "name": "b", "type": e("B") }]));
        assert!(AvroSpec::from_schema(&redefined).unwrap_err().message().contains("two types test.E"));
    }

    #[test]
    fn settings_say_what_is_possible() {
        let mut spec = bare(&record(json!([])));
        let error = spec.set("framing", "json").unwrap_err();
        assert_eq!(error.message(), "value: framing cannot be 'json'; it can be confluent, bare or single_object");
        let error = spec.set("frame", "bare").unwrap_err();
        assert_eq!(
            error.message(),
            "key: an avro spec has no 'frame'; it has framing, nested, union, enum, mapped_only"
        );
        assert!(AvroSpec::from_subject("", "latest").is_err());
        for version in ["0", "-1", "newest", ""] {
            assert!(AvroSpec::from_subject("s", version).is_err(), "{version}");
        }
        let subject = AvroSpec::from_subject("s", "3").unwrap();
        assert_eq!(subject.reader(), &Reader::Subject { subject: "s".to_owned(), version: Version::Number(3) });
        assert!(error_of(&subject).contains("set schema.registry.url"));
        let with_schema =
            subject.with_schema(&registered(&Document::new(record(json!([{ "name": "a", "type": "int" }])))));
        let with_schema = with_schema.unwrap();
        assert_eq!(names_of(&with_schema), ["a"]);
    }
}

mod framing {
    use super::*;

    fn reader() -> String {
        record(json!([{ "name": "a", "type": "long" }]))
    }

    fn learn(writers: &dyn Learn, id: i32, text: &str) {
        writers.learn(id, &registered(&Document::new(text)));
    }

    #[test]
    fn confluents_framing_says_by_its_id_what_a_datum_was_written_with() {
        let mut spec = spec(&reader(), &[]);
        spec.add_schema(7, &record(json!([{ "name": "b", "type": "string" }, { "name": "a", "type": "int" }])))
            .unwrap();
        spec.add_schema(8, &reader()).unwrap();
        let mut table = Table::new(&spec);
        table.decode(Some(&[0, 0, 0, 0, 7, 2, b'x', 10])).unwrap();
        table.decode(Some(&[0, 0, 0, 0, 8, 12])).unwrap();
        table.decode(None).unwrap();
        // What is behind a datum is ignored, as in Deephaven.
        table.decode(Some(&[0, 0, 0, 0, 8, 14, 1, 2, 3])).unwrap();
        assert_eq!(table.decode(Some(&[0, 0, 0, 0, 9, 12])), Err(Refused::UnknownSchema(9)));
        assert_eq!(table.decode(Some(&[0, 0xff, 0xff, 0xff, 0xff, 12])), Err(Refused::UnknownSchema(-1)));
        for (payload, found) in
            [(&[][..], "0 bytes"), (&[0, 0, 0, 0], "4 bytes"), (&[1, 0, 0, 0, 7, 2], "another first byte")]
        {
            let reason = table.bad(payload).reason;
            assert_eq!(
                reason,
                format!("expected Confluent's framing (a zero byte and 4 of a schema's id), found {found}")
            );
        }
        assert_eq!(longs(&table.arrays()[0]), [Some(5), Some(6), None, Some(7)]);
    }

    #[test]
    fn a_schema_is_learnt_and_forgotten_for_all_clones_of_a_decoder() {
        let mut table = Table::new(&spec(&reader(), &[]));
        let writers = Arc::clone(Table::new(&spec(&reader(), &[])).decoder.writers());
        table.decoder.writers = Arc::clone(&writers);
        let payload = [0, 0, 0, 0, 3, 4];
        assert_eq!(table.decode(Some(&payload)), Err(Refused::UnknownSchema(3)));
        writers.give_up(3, "schema 3: not found", None);
        assert_eq!(table.bad(&payload).reason, "schema 3: not found");
        writers.give_up(3, "schema 3: not found", Some(Instant::now() + Duration::from_secs(3600)));
        assert_eq!(table.bad(&payload).reason, "schema 3: not found");
        writers.give_up(3, "schema 3: not found", Some(Instant::now()));
        assert_eq!(table.decode(Some(&payload)), Err(Refused::UnknownSchema(3)));
        learn(&*writers, 3, &reader());
        table.decode(Some(&payload)).unwrap();
        // More schemas than a decoder has at hand.
        for id in 10..30 {
            learn(&*writers, id, &reader());
        }
        for round in 0..3 {
            for id in 10..30_u8 {
                table.decode(Some(&[0, 0, 0, 0, id, 2 * id + 2 * round])).unwrap();
            }
        }
        let expected = (0..3).flat_map(|round| (10..30).map(move |id| Some(id + round)));
        assert_eq!(longs(&table.arrays()[0])[1..], expected.collect::<Vec<_>>());
        learn(&*writers, 4, &record(json!([{ "name": "b", "type": "long" }])));
        assert_eq!(
            table.bad(&[0, 0, 0, 0, 4, 2]).reason,
            "schema 4 cannot be read as the reader's schema: a: expected a field, found none, and the reader's schema has \
             no default"
        );
        learn(&*writers, 5, "nonsense");
        assert!(table.bad(&[0, 0, 0, 0, 5, 2]).reason.contains("it is no Avro schema"));
        let protobuf = registry::Schema { kind: SchemaKind::Protobuf, ..registered(&Document::new("message M {}")) };
        writers.learn(6, &protobuf);
        assert!(table.bad(&[0, 0, 0, 0, 6, 2]).reason.ends_with("is Protobuf, and no schema of Avro"));
    }

    #[test]
    fn a_single_object_says_it_by_a_fingerprint() {
        // The example of the specification, with its fingerprint as Avro's Java library has it.
        let mut spec = spec(&reader(), &[("framing", "single_object")]);
        spec.add_schema(1, &record(json!([{ "name": "a", "type": "int", "doc": "not in the fingerprint" }]))).unwrap();
        let fingerprint = |text: &str| Schema::parse(&Document::new(text)).unwrap().fingerprint().to_le_bytes();
        let own = [&[0xc3, 1][..], &fingerprint(&reader()), &[4]].concat();
        let added = [&[0xc3, 1][..], &fingerprint(&record(json!([{ "name": "a", "type": "int" }]))), &[6]].concat();
        let mut table = Table::new(&spec);
        table.decode(Some(&own)).unwrap();
        table.decode(Some(&added)).unwrap();
        table.decode(Some(&own)).unwrap();
        let mut unknown = own.clone();
        unknown[4] ^= 1;
        assert!(table.bad(&unknown).reason.starts_with("the fingerprint is that of no schema that is known"));
        assert!(table.bad(&own[..9]).reason.ends_with("found 9 bytes"));
        assert!(table.bad(&[0xc3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]).reason.ends_with("found another first byte"));
        assert_eq!(longs(&table.arrays()[0]), [Some(2), Some(3), Some(2)]);
    }

    #[test]
    fn the_fingerprint_is_that_of_the_specification() {
        let of = |document: &Document| Schema::read(document).unwrap().fingerprint();
        // From the specification's test data, `share/test/data/schema-tests.txt`.
        assert_eq!(of(&Document::new("\"null\"")).cast_signed(), 7_195_948_357_588_979_594);
        assert_eq!(of(&Document::new("{\"type\":\"boolean\"}")).cast_signed(), -6_970_731_678_124_411_036);
        // It is the same wherever the text of a type is.
        let inner = json!({ "type": "record", "name": "a.Inner", "fields": [{ "name": "x", "type": "int" }] });
        let whole = record(json!([{ "name": "i", "type": inner }, { "name": "j", "type": "a.Inner" }]));
        let parts = Document {
            text: record(json!([{ "name": "i", "type": "a.Inner" }, { "name": "j", "type": "a.Inner" }])),
            references: vec![("inner.avsc".to_owned(), Document::new(inner.to_string()))],
        };
        assert_eq!(of(&parts), of(&Document::new(whole)));
    }

    #[test]
    fn bare_data_are_of_the_schema_that_was_added_or_the_readers_own() {
        let mut spec = bare(&reader());
        assert_eq!(longs(&Table::new(&spec).good(&[&[2], &[4]])[0]), [Some(1), Some(2)]);
        spec.add_schema(1, &record(json!([{ "name": "x", "type": "boolean" }, { "name": "a", "type": "long" }])))
            .unwrap();
        assert_eq!(longs(&Table::new(&spec).good(&[&[1, 2], &[0, 4]])[0]), [Some(1), Some(2)]);
        spec.add_schema(2, &reader()).unwrap();
        assert!(error_of(&spec).starts_with("schemas: there are 2; bare data do not say"));
    }

    #[test]
    fn a_schema_that_is_added_and_does_not_fit_is_an_error_before_any_record() {
        let mut spec = spec(&reader(), &[]);
        assert!(spec.add_schema(1, "nonsense").is_err());
        spec.add_schema(1, &reader()).unwrap();
        spec.add_schema(1, &reader()).unwrap();
        assert_eq!(
            spec.add_schema(1, "\"int\"").unwrap_err().message(),
            "id: there is a schema 1 already; an id stands for one schema"
        );
        spec.add_schema(2, &record(json!([{ "name": "a", "type": "string" }]))).unwrap();
        assert_eq!(
            error_of(&spec),
            "schema: schema 2 cannot be read as the reader's schema: a: expected long, found string"
        );
    }
}

mod resolution {
    use super::*;

    /// The columns of a datum of one schema, read as another.
    fn read(writer: &str, reader: &str, payloads: &[&[u8]]) -> Vec<ArrayRef> {
        table(writer, reader).good(payloads)
    }

    fn table(writer: &str, reader: &str) -> Table {
        let mut spec = bare(reader);
        spec.add_schema(1, writer).unwrap();
        Table::new(&spec)
    }

    fn mismatch(writer: &str, reader: &str) -> String {
        let mut spec = bare(reader);
        spec.add_schema(1, writer).unwrap();
        let error = error_of(&spec);
        error.strip_prefix("schema: schema 1 cannot be read as the reader's schema: ").unwrap_or(&error).to_owned()
    }

    fn one(ty: Json) -> String {
        record(json!([{ "name": "f", "type": ty }]))
    }

    #[test]
    fn defaults_of_every_type_fill_what_a_writer_lacks() {
        let inner = json!({ "type": "record", "name": "Inner", "fields": [
            { "name": "a", "type": "int" }, { "name": "b", "type": "string", "default": "inner" } ] });
        let fixed = json!({ "type": "fixed", "name": "F", "size": 2 });
        let symbols = json!({ "type": "enum", "name": "E", "symbols": ["X", "Y"] });
        let reader = record(json!([
            { "name": "long", "type": "long", "default": -3 },
            { "name": "bytes", "type": "bytes", "default": "\u{ff}a" },
            { "name": "fixed", "type": fixed, "default": "\u{0}\u{80}" },
            { "name": "symbol", "type": symbols, "default": "Y" },
            { "name": "null", "type": ["null", "long"], "default": null },
            // The first branch, or by the newer specification any.
            { "name": "second", "type": ["null", "long"], "default": 4 },
            { "name": "list", "type": { "type": "array", "items": "long" }, "default": [1, 2] },
            { "name": "map", "type": { "type": "map", "values": "double" }, "default": { "k": 0.5 } },
            { "name": "record", "type": inner, "default": { "a": 9 } },
            { "name": "nan", "type": "double", "default": "NaN" },
        ]));
        let arrays = read(&record(json!([])), &reader, &[&[], &[]]);
        for row in 0..2 {
            assert_eq!(longs(&arrays[0])[row], Some(-3));
            assert_eq!(arrays[1].as_binary::<i32>().value(row), [0xff, b'a']);
            assert_eq!(arrays[2].as_fixed_size_binary().value(row), [0, 0x80]);
            assert_eq!(texts(&arrays[3])[row], Some("Y"));
            assert_eq!((longs(&arrays[4])[row], longs(&arrays[5])[row]), (None, Some(4)));
            assert_eq!(longs(&arrays[6].as_list::<i32>().value(row)), [Some(1), Some(2)]);
            assert_eq!(arrays[7].as_map().value(row).column(1).as_primitive::<Float64Type>().value(0), 0.5);
            assert_eq!(arrays[8].as_primitive::<Int32Type>().value(row), 9);
            assert_eq!(texts(&arrays[9])[row], Some("inner"));
            assert!(arrays[10].as_primitive::<Float64Type>().value(row).is_nan());
        }
    }

    #[test]
    fn defaults_are_paid_for() {
        let reader = record(json!([{ "name": "text", "type": "string", "default": "x".repeat(1000) }]));
        let mut table = table(&record(json!([])), &reader);
        table.decode(Some(&[])).unwrap();
        assert!(table.decoder.item_bytes() >= 1000);
        table.decode(None).unwrap();
        assert_eq!(table.decoder.item_bytes(), 0);
    }

    #[test]
    fn aliases_find_fields_and_types_by_older_names() {
        let symbols =
            |name: &str, alias: Json| json!({ "type": "enum", "name": name, "aliases": alias, "symbols": ["A"] });
        let writer = record(json!([
            { "name": "old", "type": "int" }, { "name": "e", "type": symbols("Old", json!([])) },
            { "name": "both", "type": "int" }, { "name": "was_both", "type": "int" } ]));
        let reader = record(json!([
            { "name": "new", "aliases": ["older", "old"], "type": "long" },
            { "name": "e", "type": symbols("New", json!(["Old"])) },
            { "name": "both", "aliases": ["was_both"], "type": "long" } ]));
        let arrays = read(&writer, &reader, &[&[2, 0, 4, 6]]);
        assert_eq!((longs(&arrays[0]), texts(&arrays[1])), (vec![Some(1)], vec![Some("A")]));
        assert_eq!(longs(&arrays[2]), [Some(2)]);
        let error = mismatch(&one(symbols("Other", json!([]))), &one(symbols("New", json!(["Old"]))));
        assert_eq!(error, "f: expected New, found Other");
    }

    #[test]
    fn types_that_do_not_fit_say_where() {
        for (writer, reader, message) in [
            (json!("long"), json!("int"), "f: expected int, found long"),
            (json!("double"), json!("float"), "f: expected float, found double"),
            (json!("string"), json!(["null", "long"]), "f: expected long, found string"),
            (
                json!({ "type": "array", "items": "string" }),
                json!({ "type": "array", "items": "long" }),
                "f[]: expected long, found string",
            ),
            (
                json!({ "type": "map", "values": "null" }),
                json!({ "type": "map", "values": "long" }),
                "f{}: expected long, found null",
            ),
            (
                json!({ "type": "fixed", "name": "F", "size": 3 }),
                json!({ "type": "fixed", "name": "F", "size": 4 }),
                "f: expected F of 4 bytes, found F of 3",
            ),
            (json!("boolean"), json!(["int", "string"]), "f: expected a value of the reader's union, found boolean"),
            (json!(["int", "string"]), json!("boolean"), "f: expected boolean, found int"),
            (
                json!({ "type": "long", "logicalType": "timestamp-millis" }),
                json!({ "type": "long", "logicalType": "timestamp-micros" }),
                "f: expected the logical type of the reader's schema, found another",
            ),
            (
                json!({ "type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 1 }),
                json!({ "type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2 }),
                "f: expected the logical type of the reader's schema, found another",
            ),
            (
                json!({ "type": "enum", "name": "E", "symbols": ["A"] }),
                json!({ "type": "enum", "name": "E", "symbols": ["B"] }),
                "f: expected an enum that has symbols of the reader's, found one that has none",
            ),
        ] {
            assert_eq!(mismatch(&one(writer), &one(reader)), message);
        }
    }

    #[test]
    fn a_default_that_does_not_fit_matters_only_where_it_is_needed() {
        let symbols = json!({ "type": "enum", "name": "E", "symbols": ["A"] });
        let fixed = json!({ "type": "fixed", "name": "F", "size": 3 });
        let inner = json!({ "type": "record", "name": "N", "fields": [{ "name": "a", "type": "int" }] });
        for (ty, default, reason, datum) in [
            (json!("int"), json!("x"), "it is no int", &[2][..]),
            (json!("string"), Json::Null, "it is no string", &[0]),
            (json!(["int", "string"]), Json::Null, "it is a value of no branch of its union", &[0, 2]),
            (symbols, json!("B"), "it is none of the symbols", &[0]),
            (fixed, json!("ab"), "it has 2 bytes, not 3", &[0, 0, 0]),
            (inner, json!({}), "it has no member a", &[2]),
        ] {
            let odd = record(json!([{ "name": "f", "type": ty, "default": default }]));
            let error = AvroSpec::from_schema(&odd).unwrap_err();
            assert_eq!(error.message(), format!("schema: the default of field f of test.Row does not fit: {reason}"));
            assert_eq!(error.detail("argument"), Some("schema"));
            // Data of such a schema are there.
            assert_eq!(read(&odd, &one(ty), &[datum])[0].len(), 1);
            // A registry may have it, and then it is nobody's fault until it is needed.
            let mut spec = AvroSpec::from_subject("s", "latest").unwrap();
            spec = spec.with_schema(&registered(&Document::new(odd.as_str()))).unwrap();
            spec.add_schema(1, &odd).unwrap();
            spec.resolve().unwrap();
            spec.add_schema(2, &record(json!([]))).unwrap();
            assert_eq!(
                error_of(&spec),
                format!(
                    "schema: schema 2 cannot be read as the reader's schema: f: expected a default of the field's type, \
                     found that {reason}"
                )
            );
        }
    }

    #[test]
    fn defaults_that_are_filled_with_defaults_end() {
        /// Each record has the next one twice.
        fn nested(level: usize) -> Json {
            let fields = match level {
                0 => json!([{ "name": "n", "type": "null", "default": null }]),
                _ => json!([
                    { "name": "a", "type": nested(level - 1), "default": {} },
                    { "name": "b", "type": format!("R{}", level - 1), "default": {} } ]),
            };
            json!({ "type": "record", "name": format!("R{level}"), "fields": fields })
        }
        AvroSpec::from_schema(&nested(10).to_string()).unwrap();
        let error = AvroSpec::from_schema(&nested(40).to_string()).unwrap_err();
        assert!(error.message().ends_with("the schema's defaults have more than 1000000 values"), "{error}");
    }

    #[test]
    fn names_of_records_do_not_matter_outside_of_unions() {
        let named = |name: &str, field: &str| json!({ "type": "record", "name": name, "fields": [{ "name": field, "type": "long" }] });
        let arrays = read(&named("Writer", "x").to_string(), &named("Reader", "x").to_string(), &[&[2]]);
        assert_eq!(longs(&arrays[0]), [Some(1)]);
        // In a union the name decides, and if there is none, what is inside.
        let reader = one(json!([named("A", "x"), named("B", "x"), named("C", "y")]));
        for (name, field, member) in [("A", "x", 0), ("B", "x", 1), ("other.B", "x", 1), ("D", "y", 2), ("D", "x", 0)] {
            let arrays = read(&one(named(name, field)), &reader, &[&[2]]);
            let found = arrays[0].as_struct();
            for (place, column) in found.columns().iter().enumerate() {
                assert_eq!(column.is_valid(0), place == member, "{name} {field}");
            }
        }
    }

    #[test]
    fn a_branch_of_a_union_that_the_reader_lacks_is_bad_and_the_others_are_not() {
        let mut table = table(&one(json!(["null", "long", "string"])), &one(json!(["null", "double"])));
        table.decode(Some(&[2, 4])).unwrap();
        table.decode(Some(&[0])).unwrap();
        let bad = table.bad(&[4, 2, b'x']);
        assert_eq!((bad.column, bad.path.as_str()), (Some(0), ""));
        assert_eq!(bad.reason, "expected double, found string, in a value that the reader's schema does not take");
        assert_eq!(
            table.bad(&[6]).reason,
            "malformed avro at byte 1: expected a branch of the union, found another number"
        );
        let found: Vec<_> = table.arrays()[0].as_primitive::<Float64Type>().iter().collect();
        assert_eq!(found, [Some(2.0), None]);
        // A value that may be missing, read as one that may not.
        let mut table = super::resolution::table(&one(json!(["null", "long"])), &one(json!("long")));
        table.decode(Some(&[2, 4])).unwrap();
        assert!(table.bad(&[0]).reason.starts_with("expected long, found null, "));
    }

    #[test]
    fn the_branch_of_the_writers_type_comes_before_those_it_could_become() {
        let arrays = read(&one(json!("int")), &one(json!(["double", "long", "int"])), &[&[2]]);
        assert!(arrays[0].as_struct().column(2).is_valid(0));
        let arrays = read(&one(json!("int")), &one(json!(["string", "long", "double"])), &[&[2]]);
        assert!(arrays[0].as_struct().column(1).is_valid(0));
    }

    #[test]
    fn symbols_that_the_reader_lacks_are_its_default_or_bad() {
        let symbols = |all: &[&str], default: Option<&str>| {
            let mut ty = json!({ "type": "enum", "name": "E", "symbols": all });
            if let Some(default) = default {
                ty["default"] = json!(default);
            }
            one(ty)
        };
        let writer = symbols(&["A", "B", "C"], None);
        let arrays = read(&writer, &symbols(&["X", "C", "A"], Some("X")), &[&[0], &[2], &[4]]);
        assert_eq!(texts(&arrays[0]), [Some("A"), Some("X"), Some("C")]);
        let mut table = table(&writer, &symbols(&["C", "A"], None));
        assert_eq!(
            table.bad(&[2]).reason,
            "expected a symbol of the reader's, found another, and the reader has no default"
        );
        let malformed = "malformed avro at byte 1: expected a symbol of the enum, found another number";
        assert_eq!(table.bad(&[6]).reason, malformed);
        assert_eq!(table.bad(&[1]).reason, malformed);
    }

    #[test]
    fn what_no_column_wants_is_skipped_whatever_it_is() {
        let list = json!({ "type": "record", "name": "Node", "fields": [
            { "name": "value", "type": "string" }, { "name": "next", "type": ["null", "Node"] } ] });
        let writer = record(json!([
            { "name": "bool", "type": "boolean" }, { "name": "double", "type": "double" },
            { "name": "list", "type": list },
            { "name": "map", "type": { "type": "map", "values": ["int", "string", "null"] } },
            { "name": "e", "type": { "type": "enum", "name": "E", "symbols": ["A", "B"] } },
            { "name": "f", "type": { "type": "fixed", "name": "F", "size": 3 } },
            { "name": "wanted", "type": "long" } ]));
        let reader = record(json!([{ "name": "wanted", "type": "long" }]));
        let datum = |wanted: u8| {
            let mut datum = vec![1];
            datum.extend([0; 8]);
            datum.extend([2, b'a', 2, 2, b'b', 0]);
            // Two blocks, one of which says how many bytes it takes.
            datum.extend([4, 2, b'k', 0, 2, 2, b'l', 4, 1, 10, 2, b'm', 2, 2, b'n', 0]);
            datum.extend([2, 1, 2, 3, wanted]);
            datum
        };
        let mut table = table(&writer, &reader);
        table.decode(Some(&datum(8))).unwrap();
        assert_eq!(longs(&table.arrays()[0]), [Some(4)]);
        for end in 0..datum(8).len() {
            let bad = table.bad(&datum(8)[..end]);
            assert!(bad.reason.starts_with("malformed avro at byte "), "{}", bad.reason);
        }
        let mut wrong_size = datum(8);
        wrong_size[24] += 2;
        assert!(table.bad(&wrong_size).reason.contains("found others"));
    }
}

mod malformed {
    use super::*;

    fn one(ty: Json) -> Table {
        Table::new(&bare(&record(json!([{ "name": "f", "type": ty }]))))
    }

    #[test]
    fn counts_and_lengths_are_checked_before_anything_is_written() {
        let huge = long(1 << 60);
        let claims = |bytes: &[&[u8]]| bytes.concat();
        let with_size = claims(&[&long(-(1 << 60)), &long(3), &[0]]);
        for (ty, datum, reason) in [
            (
                json!({ "type": "array", "items": "long" }),
                huge.clone(),
                "found more than the bytes that are left can hold",
            ),
            (json!({ "type": "array", "items": "null" }), huge.clone(), "found more than 65536"),
            (
                json!({ "type": "map", "values": "null" }),
                huge.clone(),
                "found more than the bytes that are left can hold",
            ),
            (json!({ "type": "array", "items": "null" }), with_size, "found more than the bytes that are left"),
            (json!({ "type": "array", "items": "long" }), long(i64::MIN), "expected more bytes, found the end"),
            (
                json!({ "type": "array", "items": "long" }),
                [&long(-1)[..], &long(-1)].concat(),
                "found a negative number",
            ),
            (json!({ "type": "array", "items": "long" }), [&long(-1)[..], &[4, 2, 0]].concat(), "found others"),
            (json!("bytes"), huge.clone(), "found more than the bytes that are left"),
            (json!("string"), long(-1), "found a negative number"),
            (json!("string"), vec![4, 0xff, 0xff], "expected valid UTF-8, found other bytes"),
            (json!("string"), vec![4, b'a'], "found more than the bytes that are left"),
            (json!("boolean"), vec![2], "found a byte that is neither 0 nor 1"),
            (json!("int"), long(1 << 31), "found one with too many bits"),
            (json!("long"), vec![0x80; 10], "found one with too many bits"),
            (json!("long"), vec![0x80; 9], "expected more bytes, found the end"),
            (json!("double"), vec![0; 7], "expected more bytes, found the end"),
            (json!({ "type": "fixed", "name": "F", "size": 3 }), vec![0; 2], "expected more bytes, found the end"),
            (json!(["null", "long"]), vec![4], "found another number"),
            (json!(["null", "long"]), vec![0x84, 0], "found another number"),
            (json!(["null", "long"]), vec![0xff; 12], "found one with too many bits"),
            (json!(["null", "long"]), vec![0x80], "expected more bytes, found the end"),
            (json!(["null", "long", "string"]), long(-1), "found another number"),
        ] {
            let mut table = one(ty.clone());
            let bad = table.bad(&datum);
            assert!(bad.reason.starts_with("malformed avro at byte ") && bad.reason.ends_with(reason), "{ty}: {bad:?}");
            assert_eq!(bad.column, Some(0));
            table.arrays();
        }
    }

    #[test]
    fn items_without_bytes_are_few_for_a_whole_datum_also_where_nobody_wants_them() {
        let nothings = json!({ "type": "array", "items": { "type": "array", "items": "null" } });
        let lists = |lists: i64, items: i64| {
            let inner = [&long(items)[..], &[0]].concat();
            [&long(lists)[..], &inner.repeat(usize::try_from(lists).unwrap()), &[0]].concat()
        };
        let mut table = one(nothings.clone());
        table.decode(Some(&lists(16, 4096))).unwrap();
        assert!(table.bad(&lists(17, 4096)).reason.ends_with("found more than 65536"));
        assert_eq!(table.arrays()[0].as_list::<i32>().value(0).len(), 16);
        let mut spec = bare(&record(json!([])));
        spec.add_schema(1, &record(json!([{ "name": "f", "type": nothings }]))).unwrap();
        let mut table = Table::new(&spec);
        table.decode(Some(&lists(16, 4096))).unwrap();
        assert!(table.bad(&lists(17, 4096)).reason.ends_with("found more than 65536"));
        assert!(table.bad(&[&long(1)[..], &long(1 << 60)].concat()).reason.ends_with("found more than 65536"));
    }

    #[test]
    fn items_that_take_more_than_a_row_may_are_bad() {
        let wide: Vec<Json> =
            (0..1000).map(|n| json!({ "name": format!("f{n}"), "type": ["null", "long"], "default": null })).collect();
        let wide = json!({ "type": "record", "name": "Wide", "fields": wide });
        let narrow = json!({ "type": "record", "name": "Wide", "fields": [{ "name": "x", "type": "boolean" }] });
        let list = |item: &Json| record(json!([{ "name": "l", "type": { "type": "array", "items": item } }]));
        let mut spec = bare(&list(&wide));
        spec.add_schema(1, &list(&narrow)).unwrap();
        let mut table = Table::new(&spec);
        let datum = |count: usize| [&long(i64::try_from(count).unwrap())[..], &vec![0; count], &[0]].concat();
        table.decode(Some(&datum(1000))).unwrap();
        let taken = table.decoder.item_bytes();
        assert!((8_000_000..9_500_000).contains(&taken), "{taken}");
        let bad = table.bad(&datum(40_000));
        assert_eq!(bad.reason, "expected fewer items, found more than a row may hold");
    }

    #[test]
    fn a_chain_that_nobody_wants_is_followed_only_so_far() {
        let node =
            json!({ "type": "record", "name": "Node", "fields": [{ "name": "next", "type": ["null", "Node"] }] });
        let itself = json!({ "type": "record", "name": "Self", "fields": [{ "name": "self", "type": "Self" }] });
        let skipped = |ty: Json| {
            let mut spec = bare(&record(json!([])));
            spec.add_schema(1, &record(json!([{ "name": "f", "type": ty }]))).unwrap();
            Table::new(&spec)
        };
        let mut table = skipped(node);
        table.decode(Some(&[&[2; 900][..], &[0]].concat())).unwrap();
        let reason = table.bad(&[2; 100_000]).reason;
        assert!(reason.ends_with("expected fewer values inside one another, found more than 1000"), "{reason}");
        // A value of this would have no end.
        assert!(skipped(itself.clone()).bad(&[0; 10]).reason.ends_with("found more than 1000"));
        let mut table = skipped(json!({ "type": "array", "items": itself }));
        assert!(table.bad(&long(1 << 60)).reason.ends_with("found more than 65536"));
    }

    #[test]
    fn a_bad_value_says_where_it_is() {
        let leg = json!({ "type": "record", "name": "Leg", "fields": [
            { "name": "id", "type": "long" },
            { "name": "tags", "type": { "type": "map", "values": { "type": "array", "items": "string" } } } ] });
        let reader = record(json!([
            { "name": "a", "type": "long" }, { "name": "b", "type": "long" }, { "name": "c", "type": "long" },
            { "name": "legs", "type": { "type": "array", "items": leg } } ]));
        let mut table = Table::new(&bare(&reader));
        let good = [2, 4, 6, 4, 2, 0, 4, 2, 2, b'k', 4, 2, b'x', 2, b'y', 0, 0, 0];
        table.decode(Some(&good)).unwrap();
        let mut bad_text = good;
        bad_text[14] = 0xff;
        let bad = table.bad(&bad_text);
        assert_eq!((bad.column, bad.path.as_str()), (Some(3), "[1].tags[0][1]"));
        assert_eq!(bad.reason, "malformed avro at byte 15: expected valid UTF-8, found other bytes");
        // Of several columns that are read together, the one that is bad.
        let bad = table.bad(&good[..2]);
        assert_eq!((bad.column, bad.path.as_str()), (Some(2), ""));
        assert_eq!(bad.reason, "malformed avro at byte 2: expected more bytes, found the end");
    }

    #[test]
    fn of_keys_that_come_twice_the_last_one_wins() {
        let maps = json!({ "type": "map", "values": { "type": "map", "values": "long" } });
        let mut table = one(maps);
        let entry = |key: &[u8], value: &[u8]| [&[2 * u8::try_from(key.len()).unwrap()], key, value].concat();
        let map = |entries: &[Vec<u8>]| match entries.len() {
            0 => vec![0],
            count => [&long(i64::try_from(count).unwrap())[..], &entries.concat(), &[0]].concat(),
        };
        let inner = |first: u8, last: u8| map(&[entry(b"x", &[first]), entry(b"y", &[2]), entry(b"x", &[last])]);
        let datum = map(&[entry(b"a", &inner(2, 4)), entry(b"b", &inner(6, 8)), entry(b"a", &inner(10, 12))]);
        table.decode(Some(&datum)).unwrap();
        let many: Vec<Vec<u8>> = (0..40).map(|n| entry(format!("k{}", n % 20).as_bytes(), &map(&[]))).collect();
        table.decode(Some(&map(&many))).unwrap();
        // Of keys that are the same, only the second is near the end of the datum.
        let near = map(&[entry(b"end", &map(&[])), entry(b"some other key", &map(&[])), entry(b"end", &map(&[]))]);
        table.decode(Some(&near)).unwrap();
        let array = &table.arrays()[0];
        assert_eq!(array.as_map().value(2).len(), 2);
        let outer = array.as_map().value(0);
        assert_eq!(texts(outer.column(0)), [Some("b"), Some("a")]);
        let inner = outer.column(1).as_map();
        assert_eq!(texts(inner.value(1).column(0)), [Some("y"), Some("x")]);
        assert_eq!(longs(inner.value(1).column(1)), [Some(1), Some(6)]);
        assert_eq!(longs(inner.value(0).column(1)), [Some(1), Some(4)]);
        assert_eq!(array.as_map().value(1).len(), 20);
    }

    #[test]
    fn a_kafka_null_is_null_in_every_column() {
        let fixed = json!({ "type": "fixed", "name": "F", "size": 3 });
        let symbols = json!({ "type": "enum", "name": "E", "symbols": ["A"] });
        let reader = record(json!([
            { "name": "a", "type": "long" }, { "name": "f", "type": fixed }, { "name": "e", "type": symbols },
            { "name": "n", "type": "null" }, { "name": "u", "type": ["long", "null", "string"] },
            { "name": "l", "type": { "type": "array", "items": ["int", "string"] } } ]));
        for union in ["struct", "dense"] {
            let spec = spec(&reader, &[("framing", "bare"), ("union", union), ("enum", "dictionary")]);
            let mut table = Table::new(&spec);
            table.decode(None).unwrap();
            table.decode(Some(&[2, 1, 2, 3, 0, 2, 4, 0, 2, 2, 2, b'x', 0])).unwrap();
            assert!(table.decode(Some(&[2, 1, 2, 3, 0, 4, 2, b'x', 2, 2, 9])).is_err());
            table.decode(None).unwrap();
            for array in table.arrays() {
                assert_eq!(array.len(), 3);
                let is_null = |row: usize| array.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
                assert!(is_null(0) && is_null(2), "{:?}", array.data_type());
                if let DataType::Dictionary(..) = array.data_type() {
                    assert_eq!(texts(array.as_dictionary::<Int32Type>().values()), [Some("A")]);
                }
            }
        }
    }

    #[test]
    fn decimals_have_the_digits_that_their_column_has_room_for() {
        let decimal =
            |precision: usize| json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": 2 });
        for (precision, most) in [(4, "9999"), (38, &"9".repeat(38)), (40, &"9".repeat(40)), (80, &"9".repeat(80))] {
            let most: num_bigint::BigInt = most.parse().unwrap();
            let mut table = one(decimal(precision));
            for (number, fits) in
                [(most.clone(), true), (-most.clone(), true), (most.clone() + 1, false), (-most - 1, false)]
            {
                let bytes = number.to_signed_bytes_be();
                let datum = [&long(i64::try_from(bytes.len()).unwrap())[..], &bytes].concat();
                assert_eq!(table.decode(Some(&datum)).is_ok(), fits, "{precision}: {number}");
            }
            table.arrays();
        }
        let mut big = one(json!({ "type": "bytes", "logicalType": "big-decimal" }));
        big.decode(Some(&[6, 2, 123, 4])).unwrap();
        assert_eq!(texts(&big.arrays()[0]), [Some("1.23")]);
        assert_eq!(big.bad(&[2, 4]).reason, "expected a number and its scale, found other bytes");
    }

    #[test]
    fn uuids_are_text_in_lower_case() {
        let ids = json!({ "type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid" });
        let mut table = one(ids);
        table.decode(Some(&(0..16).collect::<Vec<u8>>())).unwrap();
        assert_eq!(texts(&table.arrays()[0]), [Some("00010203-0405-0607-0809-0a0b0c0d0e0f")]);
        let mut table = one(json!({ "type": "string", "logicalType": "uuid" }));
        table.decode(Some(&[&[72][..], b"01234567-89AB-cdef-0123-456789ABCDEF"].concat())).unwrap();
        assert_eq!(texts(&table.arrays()[0]), [Some("01234567-89ab-cdef-0123-456789abcdef")]);
        assert!(table.bad(&[4, b'n', b'o']).reason.starts_with("expected the text of a UUID"));
    }
}

mod documents {
    use super::*;

    #[test]
    fn references_are_read_once_each_and_before_what_refers_to_them() {
        let leaf = Document::new(json!({ "type": "enum", "name": "a.Leaf", "symbols": ["L"] }).to_string());
        let middle = |name: &str| Document {
            text: json!({ "type": "record", "name": name, "fields": [{ "name": "leaf", "type": "a.Leaf" }] })
                .to_string(),
            references: vec![("leaf".to_owned(), leaf.clone())],
        };
        let fields = json!([{ "name": "x", "type": "a.X" }, { "name": "y", "type": ["null", "b.Y"] }]);
        let document = Document {
            text: record(fields),
            references: vec![("x".to_owned(), middle("a.X")), ("y".to_owned(), middle("b.Y"))],
        };
        let subject = AvroSpec::from_subject("s", "latest").unwrap();
        let spec = subject.with_schema(&registered(&document)).unwrap();
        assert_eq!(columns_of(&spec), ["x__leaf: utf8", "y__leaf: utf8"]);
        let missing = subject.with_schema(&registered(&Document { references: Vec::new(), ..document })).unwrap_err();
        assert!(missing.message().starts_with("schema: it is no Avro schema"));
    }

    #[test]
    fn references_that_do_not_end_do() {
        let mut document = Document::new("\"int\"");
        for number in 0..200 {
            let text = json!({ "type": "fixed", "name": format!("F{number}"), "size": 1 }).to_string();
            document = Document { text, references: vec![("inner".to_owned(), document)] };
        }
        assert!(Schema::read(&document).unwrap_err().contains("references"));
    }
}
