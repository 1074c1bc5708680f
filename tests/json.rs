//! The JSON decoder against its rules (J1 to J4), which `json_oracle` reads a second time and writes down plainly.

#[path = "json_oracle/generate/mod.rs"]
mod generate;
mod json_oracle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field};
use generate::minimise::assert_same;
use json_oracle::compare::{Case, OFFSET_COLUMN, same_rows, spec};
use json_oracle::document::{self, Kind, Node};
use json_oracle::types::{self, TYPES};
use json_oracle::{BadPlace, Column, Outcome, Schema, Value, framing, outcome, time};
use karrow::error::Error;
use karrow::format::{Side, Spec};
use karrow::ingest::memory::OwnedRecord;
use karrow::ingest::{Consumer, Timeout};
use karrow::options::Options;
use karrow::rows::RecordTime;
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use proptest::prelude::*;

/// So many cases, unless `PROPTEST_CASES` says otherwise. A case follows from a seed, which only `assert_same` makes
/// smaller; one worth keeping becomes a seed of the fuzz target rather than a line in a file.
fn cases(count: u32) -> ProptestConfig {
    let config = ProptestConfig { max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    // The default follows the variable.
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: count, ..config } }
}

mod decoder {
    use super::*;

    proptest! {
        #![proptest_config(cases(10_000))]

        #[test]
        fn reads_what_the_rules_say_and_refuses_what_they_refuse(seed: u64) {
            // J1, J2, J3, J4
            assert_same(&generate::case(seed));
        }

        #[test]
        fn reads_lists_structs_and_maps_as_the_rules_say(seed: u64) {
            // J1, J2, J3, J4
            assert_same(&generate::nested_case(seed));
        }
    }

    /// The files in a directory of `fuzz/`, as cases.
    fn inputs(directory: &str) -> impl Iterator<Item = (PathBuf, Case)> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
        let files = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
        files.map(|file| (file.clone(), framing::case(&std::fs::read(file).unwrap())))
    }

    #[test]
    fn reads_the_fuzzing_seeds_as_the_rules_say() {
        let mut rows = 0;
        for (file, case) in inputs("seeds/json") {
            assert_same(&case);
            let is_row = |payload: &Option<Vec<u8>>| matches!(outcome(&case.schema, payload.as_deref()), Outcome::Row(values) if values.iter().any(|value| *value != Value::Null));
            let good = case.payloads.iter().filter(|payload| is_row(payload)).count();
            assert!(good > 0, "every seed shows a way to a row: {}: {case:?}", file.display());
            rows += good;
        }
        assert!(rows > 100, "only {rows} rows: are the seeds there?");
    }

    #[test]
    fn reads_what_fuzzing_has_found_as_the_rules_say() {
        let mut nested = 0;
        for (_, case) in inputs("corpus/json") {
            assert_same(&case);
            nested += usize::from(case.schema.columns.iter().any(|column| column.data_type.is_nested()));
        }
        assert!(nested > 100, "only {nested} inputs with lists, structs or maps: is the corpus there?");
    }

    /// How many values of each kind there are.
    #[derive(Default)]
    struct Counts(BTreeMap<String, usize>);

    impl Counts {
        fn add(&mut self, kind: impl Into<String>) {
            *self.0.entry(kind.into()).or_default() += 1;
        }

        fn of(&self, kind: &str) -> usize {
            self.0.get(kind).copied().unwrap_or_default()
        }
    }

    /// What becomes of the payloads of many cases.
    #[derive(Default)]
    struct Outcomes {
        malformed: usize,
        null_rows: usize,
        fitting: Counts,
        bad: Counts,
    }

    impl Outcomes {
        fn of(case: impl Fn(u64) -> Case) -> Outcomes {
            let mut outcomes = Outcomes::default();
            (0..3000).for_each(|seed| outcomes.add(&case(seed)));
            outcomes
        }

        fn add(&mut self, Case { schema, payloads }: &Case) {
            for payload in payloads {
                match outcome(schema, payload.as_deref()) {
                    Outcome::Malformed => self.malformed += 1,
                    Outcome::Row(values) if values.iter().all(|value| *value == Value::Null) => self.null_rows += 1,
                    Outcome::Row(values) => {
                        for (column, value) in schema.columns.iter().zip(&values) {
                            self.add_fitting(&column.type_name, &column.field(), value, 0);
                        }
                    }
                    Outcome::BadValues(places) => places.iter().for_each(|place| self.add_bad(schema, place)),
                }
            }
        }

        fn add_fitting(&mut self, type_name: &str, field: &Field, value: &Value, depth: usize) {
            let size = match (field.data_type(), value) {
                (_, Value::Null) if depth == 0 => return,
                (_, Value::Null) => " null".to_owned(),
                (DataType::List(item), Value::List(items)) => {
                    items.iter().for_each(|value| self.add_fitting("", item, value, depth + 1));
                    format!(" of {}", items.len().min(10))
                }
                (DataType::Map(entries, _), Value::Map(values)) => {
                    let member = types::map_value(entries);
                    values.iter().for_each(|(_, value)| self.add_fitting("", member, value, depth + 1));
                    format!(" of {}", values.len().min(4))
                }
                (DataType::Struct(members), Value::Struct(values)) => {
                    let values = members.iter().zip(values);
                    values.for_each(|(member, value)| self.add_fitting("", member, value, depth + 1));
                    String::new()
                }
                _ => String::new(),
            };
            let not_null = if field.is_nullable() { "" } else { " not null" };
            self.fitting.add(format!("{}{size}{not_null}", kind(field.data_type())));
            self.fitting.add(format!("depth {}", depth.min(40)));
            self.fitting.add(type_name);
        }

        fn add_bad(&mut self, schema: &Schema, BadPlace { column, path }: &BadPlace) {
            let column = &schema.columns[*column];
            let depth = path.matches(['.', '[']).count().min(4);
            self.bad.add(format!("{} at {depth}", kind(&column.data_type)));
            self.bad.add(&column.type_name);
        }
    }

    fn kind(data_type: &DataType) -> &'static str {
        match data_type {
            DataType::List(_) => "list",
            DataType::Struct(_) => "struct",
            DataType::Map(..) => "map",
            _ => "scalar",
        }
    }

    #[test]
    fn every_kind_of_value_that_is_generated_fits_sometimes_and_is_bad_sometimes() {
        // A test of the test: a comparison of nulls would prove nothing.
        let Outcomes { malformed, null_rows, fitting, bad } = Outcomes::of(generate::case);
        assert!(malformed > 1000 && null_rows > 1000, "{malformed} malformed, {null_rows} rows of nulls");
        for (type_name, _) in TYPES {
            let (fitting, bad) = (fitting.of(type_name), bad.of(type_name));
            assert!(fitting > 50 && bad > 10, "{type_name}: {fitting} fit, {bad} are bad");
        }
    }

    #[test]
    fn every_kind_of_list_struct_and_map_that_is_generated_fits_sometimes_and_is_bad_sometimes() {
        let Outcomes { malformed, null_rows, fitting, bad } = Outcomes::of(generate::nested_case);
        assert!(malformed > 1000 && null_rows > 500, "{malformed} malformed, {null_rows} rows of nulls");
        let lists = (0..=6).chain([10]).map(|length| format!("list of {length}"));
        let maps = (0..=4).map(|length| format!("map of {length}"));
        let kinds: Vec<String> = lists.chain(maps).chain(["struct".to_owned(), "scalar".to_owned()]).collect();
        let nulls = ["list null", "struct null", "map null", "scalar null"].map(str::to_owned);
        let not_null = kinds.iter().map(|kind| format!("{kind} not null"));
        let depths = (0..=40).map(|depth| format!("depth {depth}"));
        for kind in not_null.chain(kinds.clone()).chain(nulls).chain(depths) {
            assert!(fitting.of(&kind) > 20, "{kind}: {} fit", fitting.of(&kind));
        }
        for kind in ["list", "struct", "map"] {
            for depth in 0..=4 {
                let place = format!("{kind} at {depth}");
                assert!(bad.of(&place) > 50, "{place}: {} are bad", bad.of(&place));
            }
        }
    }
}

mod consumer {
    use super::*;

    /// What a partition shows: its batch, and why it stands still, if it does.
    fn state(snapshot: &Snapshot) -> (RecordBatch, Option<Error>) {
        (snapshot.whole(0).unwrap(), snapshot.partition(0).unwrap().failure().cloned())
    }

    fn options(schema: &Schema, side: Side) -> Options {
        let mut options = Options::new("orders").unwrap();
        options.set("karrow.partition.column.name", Some("")).unwrap();
        options.set("karrow.timestamp.column.name", Some("")).unwrap();
        options.set("karrow.offset.column.name", Some(OFFSET_COLUMN)).unwrap();
        for each in [Side::Key, Side::Value] {
            options.set_spec(each, if each == side { spec(schema) } else { Spec::Ignore });
        }
        options.set_table_type(TableType::Append).unwrap();
        options
    }

    fn record(side: Side, offset: i64, payload: Option<Vec<u8>>) -> OwnedRecord {
        let (key, value) = match side {
            Side::Key => (payload, None),
            Side::Value => (None, payload),
        };
        OwnedRecord { offset, timestamp: RecordTime::None, key, value, headers: Vec::new() }
    }

    /// Errors show control characters in names as escapes.
    fn escape_control(name: &str) -> String {
        name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
    }

    /// Reads all payloads, going on behind each record that stops the partition.
    fn read(case: &Case, side: Side) {
        // The smaller difference first, if there is one.
        assert_same(case);
        let (consumer, feeder) = Consumer::in_memory(&options(&case.schema, side), &[(0, 0)]).unwrap();
        for (offset, payload) in (0..).zip(&case.payloads) {
            feeder.push(0, record(side, offset, payload.clone())).unwrap();
        }
        let mut expected = Vec::new();
        for (offset, payload) in (0..).zip(&case.payloads) {
            let wanted = outcome(&case.schema, payload.as_deref());
            if let Outcome::Row(values) = wanted {
                expected.push((offset, values));
                continue;
            }
            let snapshot = consumer.poll(Timeout::Millis(0)).unwrap().snapshot;
            let (batch, failure) = state(&snapshot);
            // R1: every row before it is there.
            assert_eq!(batch.num_rows(), expected.len());
            same_rows(&case.schema, &batch, &expected).unwrap();
            let failure = failure.expect("this record stops the partition");
            assert_eq!(failure.position(), Some((0, offset)));
            assert_eq!(failure.detail("side"), Some(side.name()));
            assert!(failure.detail("reason").is_some_and(|reason| failure.message().contains(reason)));
            if let Outcome::BadValues(places) = wanted {
                let shown = |text: Option<String>| text.map(|text| escape_control(&text));
                let told = (failure.detail("column"), failure.detail("path"));
                let is_told = |place: &BadPlace| {
                    let column = Some(place.column(&case.schema));
                    (shown(column).as_deref(), shown(place.path(&case.schema)).as_deref()) == told
                };
                assert!(places.iter().any(is_told), "{told:?} is none of {places:?}: {failure:?}");
            }
            consumer.resume(0, offset + 1).unwrap();
        }
        let (batch, failure) = state(&consumer.poll(Timeout::Millis(0)).unwrap().snapshot);
        assert_eq!((batch.num_rows(), failure), (expected.len(), None));
        same_rows(&case.schema, &batch, &expected).unwrap();
    }

    proptest! {
        #![proptest_config(cases(500))]

        #[test]
        fn stops_at_each_bad_record_shows_every_row_before_it_and_goes_on_behind_it(seed: u64, is_key: bool) {
            // J3, J4, R1, R4
            read(&generate::case(seed), if is_key { Side::Key } else { Side::Value });
        }

        #[test]
        fn does_so_with_lists_structs_and_maps(seed: u64, is_key: bool) {
            // J3, J4, R1, R4
            read(&generate::nested_case(seed), if is_key { Side::Key } else { Side::Value });
        }
    }
}

/// The second reading of the rules has to be right, too.
mod oracle {
    use super::*;
    use arrow_schema::TimeUnit;
    use jiff::civil;

    fn read(type_name: &str, value: &str) -> Option<Value> {
        let schema = Schema { columns: vec![Column::new("v", type_name)], ..Schema::default() };
        let payload = format!("{{\"v\":{value}}}").into_bytes();
        let outcome = outcome(&schema, Some(&payload));
        assert_same(&Case { schema, payloads: vec![Some(payload)] });
        match outcome {
            Outcome::Row(mut values) => values.pop(),
            Outcome::BadValues(_) => None,
            Outcome::Malformed => panic!("{value} is no JSON"),
        }
    }

    #[test]
    fn and_decoder_find_integers_in_numbers_and_strings() {
        for (type_name, text, value) in [
            ("int8", "-128", -128),
            ("int8", "\" 127\\t\"", 127),
            ("uint8", "2.55e2", 255),
            ("int16", "1.0", 1),
            ("int32", "3e2", 300),
            ("int32", "10e-1", 1),
            ("int64", "-0", 0),
            ("int64", "-9223372036854775808", i64::MIN.into()),
            ("uint64", "18446744073709551615.000", u64::MAX.into()),
            ("uint64", "0e999999999999999999999999", 0),
        ] {
            assert_eq!(read(type_name, text), Some(Value::Int(value)), "{text}");
        }
        for (type_name, text) in [
            ("int8", "128"),
            ("uint8", "-1"),
            ("int64", "9223372036854775808"),
            ("int64", "1.5"),
            ("int64", "1e-1"),
            ("int64", "1e999999999999999999999999"),
            ("int64", "\"\""),
            ("int64", "\"007\""),
            ("int64", "\"+5\""),
            ("int64", "true"),
            ("int64", "[1]"),
        ] {
            assert_eq!(read(type_name, text), None, "{text}");
        }
    }

    #[test]
    fn and_decoder_round_once_and_keep_the_sign_of_zero() {
        for (text, value) in [
            ("0.1", 0.1),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("9007199254740993.0000000000000000000000000001", 9_007_199_254_740_994.0),
            ("-0", -0.0),
            ("-1e-400", -0.0),
            ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
            ("1.7976931348623158e308", f64::MAX),
            ("\" -Infinity\"", f64::NEG_INFINITY),
            ("\"NaN\"", f64::NAN),
        ] {
            assert_eq!(read("float64", text), Some(Value::float64(value)), "{text}");
        }
        // An exponent that makes up for more zeros than anybody writes.
        let zeros = "0".repeat(700_000);
        for text in [format!("0.{zeros}1e700001"), format!("1{zeros}e-700000")] {
            assert_eq!(read("float64", &text), Some(Value::float64(1.0)), "{}…", &text[..9]);
            assert_eq!(read("float", &text), Some(Value::float32(1.0)), "{}…", &text[..9]);
            assert_eq!(read("int8", &text), Some(Value::Int(1)), "{}…", &text[..9]);
        }
        // Rounded to a float64 first, it would be halfway, and go to the even neighbour.
        let twice = "1.00000017881393421514957253748434595763683319091796875001";
        assert_eq!(read("float32", twice), Some(Value::float32(1.000_000_1)));
        for text in ["1e400", "-1e999999999999", "1.7976931348623159e308", "\"nan\"", "\"\"", "false", "{}"] {
            assert_eq!(read("float64", text), None, "{text}");
        }
        assert_eq!(read("float32", "3.4028235677973367e38"), None);
    }

    #[test]
    fn and_decoder_take_decimals_exactly_or_not() {
        for (type_name, text, digits) in [
            ("decimal128(10, 2)", "1.500", "150"),
            ("decimal128(10, 2)", "1e3", "100000"),
            ("decimal128(10, 2)", "\"-99999999.99\"", "-9999999999"),
            ("decimal128(38, 38)", "0.1e-37", "1"),
            ("decimal256(3, 1)", "-0.0", "0"),
        ] {
            assert_eq!(read(type_name, text), Some(Value::Decimal(digits.to_owned())), "{text}");
        }
        for (type_name, text) in [
            ("decimal128(10, 2)", "1.505"),
            ("decimal128(10, 2)", "100000000"),
            ("decimal128(38, 38)", "1"),
            ("decimal256(3, 1)", "1e999999999999"),
            ("decimal256(3, 1)", "\"NaN\""),
        ] {
            assert_eq!(read(type_name, text), None, "{text}");
        }
    }

    #[test]
    fn and_decoder_take_text_and_bytes_as_they_are() {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        assert_eq!(read("utf8", r#""\u0061\ud83d\ude00\/""#), text("a😀/"));
        assert_eq!(read("utf8", "1.10"), text("1.10"));
        assert_eq!(read("utf8", r#"{"a" : ["\u0061\ud800"]}"#), text(r#"{"a" : ["\u0061\ud800"]}"#));
        assert_eq!(read("utf8", r#""\ud800""#), None);
        for padded in ["\"QQ\"", "\"QQ==\""] {
            assert_eq!(read("binary", padded), Some(Value::Bytes(b"A".to_vec())));
        }
        for bad in ["\"QR==\"", "\"Q\"", "\"QQ= =\"", "\" QQ==\"", "\"-_==\"", "1"] {
            assert_eq!(read("binary", bad), None, "{bad}");
        }
        assert_eq!(read("bool", "\" T\\f\""), Some(Value::Bool(true)));
        for bad in ["1", "\"tRUE\"", "\"\""] {
            assert_eq!(read("bool", bad), None, "{bad}");
        }
    }

    /// The value that a column of this kind, spelt as in the first line of a fuzzing input, takes; else where it is bad.
    fn read_spelt(spelt: &str, value: &str) -> Result<Value, Vec<String>> {
        let case = framing::case(format!("{spelt}\n{{\"a\":{value}}}").as_bytes());
        assert_same(&case);
        match outcome(&case.schema, case.payloads[0].as_deref()) {
            Outcome::Row(mut values) => Ok(values.remove(0)),
            Outcome::BadValues(places) => Err(places.into_iter().map(|place| place.path).collect()),
            Outcome::Malformed => panic!("{value} is no JSON"),
        }
    }

    fn bad_at<const N: usize>(paths: [&str; N]) -> Result<Value, Vec<String>> {
        Err(paths.map(str::to_owned).to_vec())
    }

    #[test]
    fn and_decoder_take_arrays_as_lists() {
        let ints = |ints: &[i128]| Value::List(ints.iter().map(|int| Value::Int(*int)).collect());
        assert_eq!(read_spelt("[i", "[1, \"2\" ,3.0]"), Ok(ints(&[1, 2, 3])));
        assert_eq!(read_spelt("[i", "[ ]"), Ok(ints(&[])));
        assert_eq!(read_spelt("[i", "null"), Ok(Value::Null));
        assert_eq!(read_spelt("[i", "[null]"), Ok(Value::List(vec![Value::Null])));
        assert_eq!(read_spelt("[[i", "[[1],null,[]]"), Ok(Value::List(vec![ints(&[1]), Value::Null, ints(&[])])));
        assert_eq!(read_spelt("[s", "[{\"a\": [1]}]"), Ok(Value::List(vec![Value::Text("{\"a\": [1]}".to_owned())])));
        assert_eq!(read_spelt("[i", "[1,[],2,true]"), bad_at(["[1]", "[3]"]));
        assert_eq!(read_spelt("[!i", "[1,null]"), bad_at(["[1]"]));
        for other in ["{}", "1", "\"[]\"", "true"] {
            assert_eq!(read_spelt("[i", other), bad_at([""]), "{other}");
        }
    }

    #[test]
    fn and_decoder_take_objects_as_structs() {
        let ints =
            |ints: [Option<i128>; 2]| Value::Struct(ints.map(|int| int.map_or(Value::Null, Value::Int)).to_vec());
        assert_eq!(read_spelt("{ii}", "{\"a\":1,\"b\":2}"), Ok(ints([Some(1), Some(2)])));
        assert_eq!(read_spelt("{ii}", "{\"\\u0062\":2,\"B\":3,\"c\":[{}]}"), Ok(ints([None, Some(2)])));
        assert_eq!(read_spelt("{ii}", "{}"), Ok(ints([None, None])));
        assert_eq!(read_spelt("{ii}", "null"), Ok(Value::Null));
        assert_eq!(read_spelt("{ii}", "{\"a\":[],\"b\":1,\"a\":2}"), Ok(ints([Some(2), Some(1)])));
        assert_eq!(read_spelt("{ii}", "{\"a\":1,\"a\":null}"), Ok(ints([None, None])));
        assert_eq!(read_spelt("{ii}", "{\"a\":1,\"a\":[]}"), bad_at([".a"]));
        // The earlier object is gone as a whole.
        let inner = |ints| Value::Struct(vec![ints]);
        assert_eq!(read_spelt("{{ii}}", "{\"a\":{\"a\":1},\"a\":{\"b\":2}}"), Ok(inner(ints([None, Some(2)]))));
        assert_eq!(read_spelt("{!{!ii}}", "{\"a\":{\"a\":[]},\"a\":{\"b\":2}}"), bad_at([".a.a"]));
        assert_eq!(read_spelt("{{!i!i}}", "{\"a\":null}"), Ok(inner(Value::Null)));
        assert_eq!(read_spelt("{!{!i!i}}", "{}"), bad_at([".a"]));
        assert_eq!(read_spelt("[{!i!i}", "[null,{\"b\":null}]"), bad_at(["[1].a", "[1].b"]));
        for other in ["[]", "1", "\"{}\"", "true"] {
            assert_eq!(read_spelt("{ii}", other), bad_at([""]), "{other}");
        }
    }

    #[test]
    fn and_decoder_take_objects_as_maps() {
        let map = |entries: &[(&str, i128)]| {
            Value::Map(entries.iter().map(|(key, int)| ((*key).to_owned(), Value::Int(*int))).collect())
        };
        assert_eq!(read_spelt("<i", "{\"b\":1,\"\":2,\"\\u0061\":3}"), Ok(map(&[("b", 1), ("", 2), ("a", 3)])));
        assert_eq!(read_spelt("<i", "{}"), Ok(map(&[])));
        assert_eq!(read_spelt("<i", "null"), Ok(Value::Null));
        assert_eq!(read_spelt("<i", "{\"a\":null}"), Ok(Value::Map(vec![("a".to_owned(), Value::Null)])));
        // In the order of those that are left.
        let twice = "{\"a\":1,\"b\":2,\"c\":3,\"\\u0061\":4,\"b\":5}";
        assert_eq!(read_spelt("<i", twice), Ok(map(&[("c", 3), ("a", 4), ("b", 5)])));
        assert_eq!(read_spelt("<i", "{\"a\":[],\"a\":4}"), Ok(map(&[("a", 4)])));
        assert_eq!(read_spelt("<i", "{\"a\":1,\"b\":2,\"a\":[]}"), bad_at(["[2]"]));
        assert_eq!(read_spelt("<!i", "{\"a\":1,\"b\":null}"), bad_at(["[1]"]));
        assert_eq!(read_spelt("<i", "{\"a\":1,\"\\ud800\":1}"), bad_at([""]));
        for other in ["[]", "1", "\"{}\"", "true"] {
            assert_eq!(read_spelt("<i", other), bad_at([""]), "{other}");
        }
    }

    #[test]
    fn and_decoder_want_values_that_may_not_be_null() {
        for nothing in ["", " ", "null", "\0", "{}", "{\"a\":null}", "{\"b\":1}"] {
            // Kafka's null is a byte of its own.
            let case = framing::case(format!("i!i!i\n{nothing}").as_bytes());
            assert_same(&case);
            let Outcome::BadValues(places) = outcome(&case.schema, case.payloads[0].as_deref()) else {
                panic!("{nothing:?} has no b or no c");
            };
            assert!(places.iter().all(|place| place.path.is_empty() && place.column > 0), "{places:?}");
        }
    }

    #[test]
    fn and_decoder_know_the_ways_to_write_an_instant() {
        let second = 1_703_292_532_000_000_000;
        for (text, ns) in [
            ("1703292532", second),
            ("1703292532123", second + 123_000_000),
            ("1703292532123456", second + 123_456_000),
            ("\"1703292532123456789\"", second + 123_456_789),
            ("1.703292532e9", second),
            ("\"2023-12-23T00:48:52.123456789+01:00\"", second + 123_456_789 - 3600 * 1_000_000_000),
            ("\"2023-12-23T01:48:52+01:00[Europe/Vienna]\"", second),
            ("\"2023-12-23t00:48:52z\"", second),
            ("\"2023-12-22T19:48:52 America/New_York\"", second),
            ("\"2023-12-23T00:48Z\"", second - 52_000_000_000),
            ("\"2023-12-23 UTC\"", second - (48 * 60 + 52) * 1_000_000_000),
            ("\"2023-1-3T1:2 UTC\"", 1_672_707_720_000_000_000),
            // The clocks showed this twice, and this never.
            ("\"2023-10-29T02:30 Europe/Vienna\"", 1_698_539_400_000_000_000),
            ("\"2023-03-26T02:30 Europe/Vienna\"", 1_679_794_200_000_000_000),
            ("9309341001", 9_309_341_001_000_000),
            ("9309341000001", 9_309_341_000_001_000),
            ("9309341000000001", 9_309_341_000_000_001),
            ("\"1677-09-21T00:12:43.145224192Z\"", i64::MIN.into()),
        ] {
            assert_eq!(read("Instant", text), Some(Value::Int(ns)), "{text}");
        }
        for text in [
            // So many seconds, ms, µs.
            "9309341000",
            "9309341000000",
            "9309341000000000",
            "9223372037",
            "1703292532.5",
            "\"2023-12-23T00:48:52\"",
            "\"2023-12-23\"",
            "\"2023-12-23T01:48:52+02:00[Europe/Vienna]\"",
            "\"2023-12-23T24:00Z\"",
            "\"2016-12-31T23:59:60Z\"",
            "\"2023-12-23 Mars/Olympus\"",
            "\"2262-04-11T23:47:16.854775808Z\"",
            "\"12345678901234567890\"",
            "\"-5\"",
            "true",
        ] {
            assert_eq!(read("Instant", text), None, "{text}");
        }
        assert_eq!(read("timestamp[s, UTC]", "1703292532000"), Some(Value::Int(1_703_292_532)));
        assert_eq!(read("timestamp[s, UTC]", "1703292532001"), None);
        assert_eq!(read("timestamp[ms]", "\"1970-01-01T00:00:01.5\""), Some(Value::Int(1500)));
        assert_eq!(read("timestamp[ms]", "\"1970-01-01T00:00:01.5Z\""), None);
        assert_eq!(read("timestamp[ms]", "1500"), None);
        assert_eq!(read("time32[s]", "\"01:02:03.000\""), Some(Value::Int(3723)));
        assert_eq!(read("time32[s]", "\"01:02:03.001\""), None);
        assert_eq!(read("date32", "\"1969-12-31\""), Some(Value::Int(-1)));
        assert_eq!(read("date32", "\"1900-02-29\""), None);
    }

    proptest! {
        #[test]
        fn counts_days_and_units_like_another_calendar(days in 0..3_652_425_i64, nanos in 0..86_400_000_000_000_i64) {
            let first = civil::date(0, 1, 1);
            let date = first.checked_add(jiff::Span::new().days(days)).unwrap();
            let since_1970 = i64::from(civil::date(1970, 1, 1).until(date).unwrap().get_days());
            let text = date.to_string();
            prop_assert_eq!(time::date(&text).map(i64::from), Some(since_1970));
            let clock = civil::Time::midnight().wrapping_add(jiff::Span::new().nanoseconds(nanos)).to_string();
            prop_assert_eq!(time::time(&clock, TimeUnit::Nanosecond), Some(nanos.into()));
            let timestamp = time::local_timestamp(&format!("{text}T{clock}"), TimeUnit::Nanosecond);
            prop_assert_eq!(timestamp, Some(i128::from(since_1970) * 86_400_000_000_000 + i128::from(nanos)));
        }
    }

    /// What serde_json refuses by choice and not by grammar.
    fn is_beyond_serde(node: &Node<'_>, outer: usize) -> bool {
        let lone = |text: &Option<String>| text.is_none();
        match &node.kind {
            Kind::Number => node.text.parse::<f64>().unwrap().is_infinite(),
            Kind::String(text) => lone(text),
            Kind::Array(elements) => outer >= 127 || elements.iter().any(|node| is_beyond_serde(node, outer + 1)),
            Kind::Object(members) => {
                outer >= 127 || members.iter().any(|(name, node)| lone(name) || is_beyond_serde(node, outer + 1))
            }
            Kind::Null | Kind::Bool(_) => false,
        }
    }

    fn same(node: &Node<'_>, value: &serde_json::Value) -> bool {
        match (&node.kind, value) {
            (Kind::Null, serde_json::Value::Null) => true,
            (Kind::Bool(a), serde_json::Value::Bool(b)) => a == b,
            (Kind::String(a), serde_json::Value::String(b)) => a.as_ref() == Some(b),
            (Kind::Number, serde_json::Value::Number(number)) => {
                let number: f64 = number.as_f64().unwrap();
                let exact: f64 = node.text.parse().unwrap();
                // Rounding is another test's business.
                (exact - number).abs() <= exact.abs() * 1e-14
            }
            (Kind::Array(nodes), serde_json::Value::Array(values)) => {
                nodes.len() == values.len() && nodes.iter().zip(values).all(|(node, value)| same(node, value))
            }
            (Kind::Object(members), serde_json::Value::Object(values)) => {
                // The last of several members of one name.
                let named = |name: &str| members.iter().rfind(|(key, _)| key.as_deref() == Some(name));
                members.iter().all(|(name, _)| name.as_ref().is_some_and(|name| values.contains_key(name)))
                    && values.iter().all(|(name, value)| named(name).is_some_and(|(_, node)| same(node, value)))
            }
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(cases(2000))]

        #[test]
        fn reads_documents_like_serde_json(seed: u64) {
            let payloads = [generate::case(seed), generate::nested_case(seed)].map(|case| case.payloads);
            for payload in payloads.iter().flatten().flatten() {
                let text = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload);
                let value: Result<serde_json::Value, _> = serde_json::from_slice(text);
                let shown = || text.escape_ascii();
                match (document::read(payload), value) {
                    (Ok(Some(node)), Ok(value)) => prop_assert!(same(&node, &value), "{}", shown()),
                    (Ok(Some(node)), Err(error)) => prop_assert!(is_beyond_serde(&node, 0), "{}: {error}", shown()),
                    (Ok(None), value) => prop_assert!(value.is_err_and(|error| error.is_eof()), "{}", shown()),
                    (Err(why), Ok(_)) => prop_assert!(false, "{}: {why}", shown()),
                    (Err(_), Err(_)) => {}
                }
            }
        }
    }
}
