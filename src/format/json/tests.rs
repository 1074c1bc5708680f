use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use arrow_schema::{DataType, Fields};

use super::*;
use crate::column::{ColumnBuffer, SizeHint};
use crate::error::Status;
use crate::format::BadValue;

/// A decoder with columns to write into.
struct Decoding {
    decoder: JsonDecoder,
    columns: Vec<ColumnBuffer>,
    rows: usize,
}

impl Decoding {
    fn new(columns: &[(&str, &str)], mapping: &[(&str, &str)]) -> Decoding {
        let mut spec = JsonSpec::default();
        columns.iter().for_each(|(name, type_name)| spec.add_column(name, type_name).unwrap());
        mapping.iter().for_each(|(field, column)| spec.map_field(field, column).unwrap());
        let (columns, decoder) = spec.resolve().unwrap();
        let buffer = |column: &FormatColumn| ColumnBuffer::new(column.field.data_type(), &SizeHint::default()).unwrap();
        Decoding { decoder, columns: columns.iter().map(buffer).collect(), rows: 0 }
    }

    fn decode(&mut self, payload: &str) -> std::result::Result<(), BadValue> {
        let outcome = self.decoder.decode(Some(payload.as_bytes()), &mut self.columns);
        match outcome {
            Ok(()) => self.rows += 1,
            Err(_) => self.columns.iter_mut().for_each(|column| column.truncate(self.rows)),
        }
        assert!(self.columns.iter().all(|column| column.rows() == self.rows), "a row is whole or absent");
        outcome
    }

    fn from_schema(fields: Vec<Field>) -> Decoding {
        let (columns, decoder) = JsonSpec::from_schema(&Schema::new(fields)).unwrap().resolve().unwrap();
        let buffer = |column: &FormatColumn| ColumnBuffer::new(column.field.data_type(), &SizeHint::default()).unwrap();
        Decoding { decoder, columns: columns.iter().map(buffer).collect(), rows: 0 }
    }

    /// What a record is bad for: the place inside the first column, and the reason.
    fn bad(&mut self, payload: &str) -> (String, String) {
        let bad = self.decode(payload).unwrap_err();
        assert_eq!(bad.column, Some(0));
        (bad.path, bad.reason)
    }

    /// A column's values, as JSON.
    fn json(&mut self, index: usize) -> Vec<String> {
        let array = self.column(index);
        array.to_data().validate_full().unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let text = String::from_utf8(writer.into_inner()).unwrap();
        text.lines().map(|line| line.strip_prefix("{\"c\":").unwrap().strip_suffix('}').unwrap().to_owned()).collect()
    }

    fn reason(&mut self, payload: &str) -> String {
        self.decode(payload).unwrap_err().reason
    }

    fn column(&mut self, index: usize) -> ArrayRef {
        self.columns[index].publish().to_array()
    }

    fn ints(&mut self, index: usize) -> Vec<Option<i64>> {
        self.column(index).as_primitive::<Int64Type>().iter().collect()
    }
}

#[test]
fn fields_are_found_in_any_order_and_missing_ones_are_null() {
    let mut decoding = Decoding::new(&[("a", "int64"), ("b", "int64"), ("c", "int64")], &[]);
    for payload in [
        r#"{"a":1,"b":2,"c":3}"#,
        r#"{"a":4,"b":5,"c":6}"#,
        r#"{"a":7,"c":8}"#,
        r#"{"c":9,"b":10,"a":11}"#,
        r#"{ "x" : [1, {"a": 2}], "b" : 12 , "y":"z"}"#,
        r#"{"\u0061":13,"b":null}"#,
        r#"{}"#,
        r#"{"a":14,"b":15,"c":16}"#,
        r#"{"a":14,"b":15,"c":16}"#,
    ] {
        decoding.decode(payload).unwrap();
    }
    let some = |values: [i64; 9]| values.map(|value| (value > 0).then_some(value)).to_vec();
    assert_eq!(decoding.ints(0), some([1, 4, 7, 11, 0, 13, 0, 14, 14]));
    assert_eq!(decoding.ints(1), some([2, 5, 0, 10, 12, 0, 0, 15, 15]));
    assert_eq!(decoding.ints(2), some([3, 6, 8, 9, 0, 0, 0, 16, 16]));
}

#[test]
fn what_a_record_looked_like_does_not_make_a_broken_one_pass() {
    let mut decoding = Decoding::new(&[("a", "int64"), ("b", "int64")], &[]);
    for broken in [
        r#"{,"b":2}"#,
        r#"{"a":1"b":2}"#,
        r#"{"a":1,"a":1,}"#,
        r#"{"a":1,"b":2"#,
        r#"{"a":1,"b":"#,
        r#"{"a":1,"b":2}}"#,
        r#"{"a":1,,"b":2}"#,
        r#"{"a":1 2,"b":2}"#,
        r#""a":1,"b":2}"#,
    ] {
        decoding.decode(r#"{"a":1,"b":2}"#).unwrap();
        assert!(decoding.reason(broken).starts_with("malformed JSON at byte "), "{broken}");
    }
}

#[test]
fn blanks_may_come_and_go_between_records() {
    let mut decoding = Decoding::new(&[("a", "int64"), ("b", "int64")], &[]);
    for payload in [
        r#"{"a":1,"b":2}"#,
        "{\"a\":\r1,\"b\":\t\n 2}",
        r#"{ "a" :1 , "b":2 }"#,
        r#"{"a": 1, "b": 2}"#,
        r#"{"a":1,"b":2}"#,
    ] {
        decoding.decode(payload).unwrap();
    }
    assert!(decoding.decode(r#"{"a":"#).is_err());
    decoding.decode(r#"{"a": 1,"b": 2}"#).unwrap();
    assert_eq!(decoding.ints(0), [Some(1); 6]);
    assert_eq!(decoding.ints(1), [Some(2); 6]);
}

#[test]
fn the_last_duplicate_wins_whatever_came_before() {
    let mapping = [("/o/x", "x"), ("/o/x", "y"), ("o", "o")];
    let mut decoding = Decoding::new(&[("a", "int64"), ("x", "int64"), ("y", "utf8"), ("o", "utf8")], &mapping);
    decoding.decode(r#"{"a":1,"a":2,"o":{"x":1},"o":{"x":2,"x":3}}"#).unwrap();
    decoding.decode(r#"{"a":"bad","a":3,"o":{"x":"bad"},"o":{}}"#).unwrap();
    decoding.decode(r#"{"a":4,"a":null,"o":{"x":true},"o":5}"#).unwrap();
    assert_eq!(decoding.reason(r#"{"a":1,"a":[]}"#), "expected int64, found array");
    assert_eq!(decoding.reason(r#"{"o":{},"o":{"x":{}}}"#), "expected int64, found object");
    assert_eq!(decoding.ints(0), [Some(2), Some(3), None]);
    assert_eq!(decoding.ints(1), [Some(3), None, None]);
    let texts = |column: ArrayRef| column.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(texts(decoding.column(2)), [Some("3".to_owned()), None, None]);
    assert_eq!(texts(decoding.column(3)), [r#"{"x":2,"x":3}"#, "{}", "5"].map(|text| Some(text.to_owned())));
}

#[test]
fn pointers_reach_into_objects_and_arrays() {
    let columns = [("deep", "int64"), ("item", "int64"), ("key", "int64"), ("empty", "int64"), ("slash", "int64")];
    let mapping = [("/o/l/1/v", "deep"), ("/l/1", "item"), ("/m/0", "key"), ("/", "empty"), ("a/b", "slash")];
    let mut decoding = Decoding::new(&columns, &mapping);
    decoding.decode(r#"{"o":{"l":[7,{"v":1}]},"l":[0,2,0],"m":{"0":3},"":4,"a/b":5}"#).unwrap();
    decoding.decode(r#"{"o":{"l":[7]},"l":[],"m":[6],"a":{"b":5}}"#).unwrap();
    decoding.decode(r#"{"o":1,"l":"x","m":null}"#).unwrap();
    for (index, value) in [1, 2, 3, 4, 5].into_iter().enumerate() {
        let second = if index == 2 { Some(6) } else { None };
        assert_eq!(decoding.ints(index), [Some(value), second, None]);
    }
}

#[test]
fn payloads_without_fields_are_rows_of_nulls_or_bad() {
    let mut decoding = Decoding::new(&[("a", "int64")], &[]);
    for payload in ["", " \t\r\n", "null", " null ", "\u{feff}", "\u{feff}null", "\u{feff} {}"] {
        decoding.decode(payload).unwrap();
    }
    assert_eq!(decoding.ints(0), [None; 7]);
    for (payload, found) in [("[]", "array"), ("5", "number"), ("\"x\"", "string"), (" true", "bool")] {
        assert_eq!(decoding.reason(payload), format!("expected an object, found {found}"));
    }
    assert!(decoding.reason("nul").starts_with("malformed JSON at byte 0"));
    assert!(decoding.reason("{} x").starts_with("malformed JSON at byte 3: expected nothing behind"));
    assert!(decoding.reason("\u{feff}\u{feff}{}").starts_with("malformed JSON at byte 3"));
    let invalid = decoding.decoder.decode(Some(b"{\"b\":\"\xff\"}"), &mut decoding.columns).unwrap_err();
    assert_eq!(invalid.reason, "expected valid UTF-8, found an invalid sequence at byte 6");
}

#[test]
fn long_names_and_texts_and_large_records_are_no_different() {
    let long = "n".repeat(300);
    let mut decoding = Decoding::new(&[(&long, "utf8"), ("z", "double")], &[]);
    for length in [0, 1, 15, 16, 17, 31, 33, 5000, 2 << 20] {
        let text = "ü".repeat(length);
        decoding.decode(&format!(r#"{{"{long}":"{text}","z":{length}.5}}"#)).unwrap();
        let (texts, numbers) = (decoding.column(0), decoding.column(1));
        assert_eq!(texts.as_string::<i32>().value(decoding.rows - 1), text);
        assert_eq!(numbers.as_primitive::<Float64Type>().value(decoding.rows - 1), length as f64 + 0.5);
    }
}

#[test]
fn characters_of_several_bytes_stand_where_they_like() {
    let mut decoding = Decoding::new(&[("b", "bool"), ("n", "int64"), ("t", "utf8")], &[]);
    for broken in ["tru€", "t€", "fals€", "nul€", "1€", "\"\\€\"", "\"\\u00€\"", "€", "-€", "1.€", "1e€"]
    {
        for field in ["b", "n", "t", "x"] {
            assert!(decoding.reason(&format!("{{\"{field}\":{broken}}}")).starts_with("malformed JSON"), "{broken}");
        }
    }
    assert!(decoding.reason("€").starts_with("malformed JSON at byte 0"));
    assert!(decoding.reason("{\"a€\"€:1}").starts_with("malformed JSON"));
}

#[test]
fn misfits_say_what_was_expected_and_found() {
    for (type_name, value, found) in [
        ("bool", "1", "number"),
        ("bool", "\"yes\"", "a string that is neither true nor false"),
        ("int32", "2147483648", "a number out of its range"),
        ("int32", "1.5", "a number with a fraction"),
        ("int32", "\"\"", "a string that is not a number"),
        ("int32", "true", "bool"),
        ("uint8", "-1", "a number out of its range"),
        ("float64", "1e999", "a number out of its range"),
        ("float64", "\"abc\"", "a string that is not a number"),
        ("float32", "3.5e38", "a number out of its range"),
        ("decimal128(5, 2)", "1.505", "a number with more digits behind the point"),
        ("decimal128(5, 2)", "1000", "a number out of its range"),
        ("utf8", r#""\ud800""#, "a string with half a surrogate pair"),
        ("binary", "\"a\"", "a string that is not base64"),
        ("date32", "\"2023-02-29\"", "text that is not YYYY-MM-DD"),
        ("time32[ms]", "\"12:00:00.0001\"", "a time that is finer"),
        ("timestamp[ns, UTC]", "\"2300-01-01T00:00:00Z\"", "a time out of its range"),
        ("timestamp[ns, UTC]", "1.5", "a number with a fraction"),
        (
            "timestamp[ns, UTC]",
            "\"2023-01-01 X/Y\"",
            "a time in an unknown zone, or with an offset that its zone does not have",
        ),
        ("timestamp[s]", "1", "number"),
    ] {
        let mut decoding = Decoding::new(&[("c", type_name)], &[]);
        assert_eq!(decoding.reason(&format!("{{\"c\":{value}}}")), format!("expected {type_name}, found {found}"));
    }
}

#[test]
fn wrong_specs_say_what_to_do() {
    let mut spec = JsonSpec::default();
    spec.add_column("a", "int64").unwrap();
    let message = |outcome: Result<()>| outcome.unwrap_err().message().to_owned();
    assert!(message(spec.add_column("a", "utf8")).starts_with("name: there is a column a already"));
    assert!(message(spec.add_column("", "utf8")).starts_with("name: is empty"));
    assert!(message(spec.add_column("b", "nonsense")).starts_with("type: unknown type 'nonsense'"));
    assert_eq!(
        message(spec.add_column("b", "list<map<int64, utf8>>")),
        "column b cannot be list<map<int64, utf8>>; a json spec reads maps whose keys are utf8, in no order"
    );
    spec.map_field("x", "a").unwrap();
    spec.map_field("/x", "a").unwrap();
    assert!(message(spec.map_field("y", "a")).starts_with("field: /x is mapped to column a already"));
    assert!(message(spec.map_field("/~", "b")).starts_with("field: '/~' is not a JSON Pointer"));
    spec.map_field("y", "b").unwrap();
    let error = spec.resolve().err().unwrap();
    assert_eq!(error.message(), "mapping: /y is mapped to column b, which the spec does not have; its columns are a");
    spec.add_column("b", "utf8").unwrap();
    let (columns, _) = spec.resolve().unwrap();
    assert_eq!(columns.iter().map(|column| column.source.as_str()).collect::<Vec<_>>(), ["/x", "/y"]);
}

#[test]
fn lists_structs_and_maps_are_filled_at_any_depth() {
    let mut decoding =
        Decoding::new(&[("c", "list<struct<a: int64, m: map<utf8, list<utf8>>, s: struct<b: bool>>>")], &[]);
    let values = [
        r#"[]"#,
        r#"null"#,
        r#"[{"a":1,"m":{"x":["y",null],"z":[]},"s":{"b":true}},null]"#,
        r#"[{"a":null,"m":{},"s":null},{"a":2,"m":null,"s":{"b":null}}]"#,
    ];
    for value in values {
        decoding.decode(&format!("{{\"c\":{value}}}")).unwrap();
    }
    decoding
        .decode(r#"{ "c" : [ { "x" : [ { } ] , "s" : { "y" : 1 } , "m" : { "k" : [ 1.0 , { "b" : 2 } ] } } , {}]}"#)
        .unwrap();
    let spaced = r#"[{"a":null,"m":{"k":["1.0","{ \"b\" : 2 }"]},"s":{"b":null}},{"a":null,"m":null,"s":null}]"#;
    assert_eq!(decoding.json(0), [&values[..], &[spaced]].concat());
}

#[test]
fn a_misfit_in_a_nested_value_is_told_with_its_place_and_takes_the_row_back() {
    let mut decoding =
        Decoding::new(&[("c", "list<struct<a: list<int64>, m: map<utf8, int64>>>"), ("d", "int64")], &[]);
    let good = r#"{"c":[{"a":[1,2],"m":{"x":1}}],"d":5}"#;
    for (value, path, reason) in [
        (r#"[{"a":[1]},{"a":[1,"x"]}]"#, "[1].a[1]", "expected int64, found a string that is not a number"),
        (r#"[{"m":{"p":1,"q":1.5,"r":2}}]"#, "[0].m[1]", "expected int64, found a number with a fraction"),
        (r#"[{},5]"#, "[1]", "expected struct<a: list<int64>, m: map<utf8, int64>>, found number"),
        (r#"[{"a":{}}]"#, "[0].a", "expected list<int64>, found object"),
        (r#"[{"m":[]}]"#, "[0].m", "expected map<utf8, int64>, found array"),
        (r#"[{"m":{"\ud800":1}}]"#, "[0].m", "expected map<utf8, int64>, found a name with half a surrogate pair"),
        (r#"{}"#, "", "expected list<struct<a: list<int64>, m: map<utf8, int64>>>, found object"),
    ] {
        decoding.decode(good).unwrap();
        assert_eq!(decoding.bad(&format!("{{\"c\":{value}}}")), (path.to_owned(), reason.to_owned()));
        // What stands behind the misfit is checked as well.
        assert!(decoding.reason(&format!("{{\"c\":[{value},}}")).starts_with("malformed JSON"), "{value}");
    }
    let rows = decoding.rows;
    assert_eq!(decoding.json(0), vec![r#"[{"a":[1,2],"m":{"x":1}}]"#; rows]);
    assert_eq!(decoding.ints(1), vec![Some(5); rows]);
}

#[test]
fn of_duplicates_inside_nested_values_the_last_one_wins() {
    let mut decoding = Decoding::new(&[("c", "struct<a: int64, l: list<int64>, m: map<utf8, list<int64>>>")], &[]);
    for (value, read) in [
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"l":null,"m":null}"#),
        (r#"{"a":"bad","l":["bad"],"l":[1],"a":2}"#, r#"{"a":2,"l":[1],"m":null}"#),
        (r#"{"l":[1,2],"l":null,"a":1,"a":null}"#, r#"{"a":null,"l":null,"m":null}"#),
        (r#"{"m":{"x":[1],"y":[2],"x":[3]}}"#, r#"{"a":null,"l":null,"m":{"y":[2],"x":[3]}}"#),
        (r#"{"m":{"x":["bad"],"x":[1],"\u0078":[2,3]}}"#, r#"{"a":null,"l":null,"m":{"x":[2,3]}}"#),
        (r#"{"m":{"x":5},"m":{"z":[]}}"#, r#"{"a":null,"l":null,"m":{"z":[]}}"#),
    ] {
        decoding.decode(&format!("{{\"c\":{value}}}")).unwrap();
        assert_eq!(decoding.json(0).last().unwrap(), read, "{value}");
    }
    assert_eq!(decoding.bad(r#"{"c":{"m":{"x":[1],"x":["bad"]}}}"#).0, ".m[1][0]");
    assert_eq!(decoding.bad(r#"{"c":{"a":1,"a":"bad"}}"#).0, ".a");
    decoding.decode(r#"{"c":{"a":"bad"},"c":{"a":9}}"#).unwrap();
    assert_eq!(decoding.json(0).last().unwrap(), r#"{"a":9,"l":null,"m":null}"#);
}

#[test]
fn maps_of_many_names_find_those_that_come_twice() {
    let mut decoding = Decoding::new(&[("c", "map<utf8, int64>")], &[]);
    for count in [1, 16, 17, 18, 40] {
        for twice in 0..count {
            let names = (0..count).chain([twice]).map(|name| format!("\"n{name}\":{name}"));
            decoding.decode(&format!("{{\"c\":{{{}}}}}", names.collect::<Vec<_>>().join(","))).unwrap();
            let map = decoding.column(0);
            let entries = map.as_map().value(decoding.rows - 1);
            let values = entries.column(1).as_primitive::<Int64Type>();
            let last = (0..count).filter(|name| *name != twice).chain([twice]);
            assert_eq!(values.values(), &last.collect::<Vec<_>>()[..]);
        }
    }
}

#[test]
fn maps_of_maps_that_do_not_fit_are_not_read_over_and_over() {
    let depth = 60;
    let mut decoding =
        Decoding::new(&[("c", &format!("{}int64{}", "map<utf8, ".repeat(depth), ">".repeat(depth)))], &[]);
    let nested = |value: &str| format!("{{\"c\":{}{value}{}}}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    // If each level read what is inside it twice, this would not come to an end.
    assert_eq!(decoding.bad(&nested("true")), ("[0]".repeat(depth), "expected int64, found bool".to_owned()));
    let twice = format!("{{\"c\":{}1{}}}", r#"{"a":"#.repeat(depth), r#","b":null,"b":null}"#.repeat(depth));
    decoding.decode(&twice).unwrap();
    assert_eq!(decoding.rows, 1);
}

#[test]
fn what_is_not_nullable_refuses_null_and_what_lacks_it() {
    let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
    let members = Fields::from(vec![field("a", DataType::Int64, false), field("b", DataType::Int64, true)]);
    let item = field("element", DataType::Struct(members), false);
    let mut decoding = Decoding::from_schema(vec![field("c", DataType::List(item.into()), false)]);
    decoding.decode(r#"{"c":[{"a":1}]}"#).unwrap();
    let told = |path: &str, reason: &str| (path.to_owned(), reason.to_owned());
    let list = "expected list<struct<a: int64, b: int64>>, found ";
    assert_eq!(decoding.bad(r#"{"c":[{"a":1},{"b":1}]}"#), told("[1].a", "expected int64, found nothing"));
    assert_eq!(decoding.bad(r#"{"c":[{"a":null}]}"#), told("[0].a", "expected int64, found null"));
    assert_eq!(decoding.bad(r#"{"c":[null]}"#), told("[0]", "expected struct<a: int64, b: int64>, found null"));
    assert_eq!(decoding.bad(r#"{"c":null}"#), told("", &format!("{list}null")));
    for nothing in ["{}", "", "null"] {
        assert_eq!(decoding.bad(nothing), told("", &format!("{list}nothing")));
    }
    let bad = decoding.decoder.decode(None, &mut decoding.columns).unwrap_err();
    assert_eq!(bad.reason, format!("{list}nothing"));
    assert_eq!(decoding.json(0), [r#"[{"a":1,"b":null}]"#]);
}

#[test]
fn types_that_json_is_not_read_into_are_refused_with_what_to_use() {
    let refused = |data_type| JsonSpec::from_schema(&Schema::new(vec![Field::new("c", data_type, true)])).unwrap_err();
    let list = DataType::List(Field::new("item", DataType::LargeUtf8, true).into());
    let error = refused(list);
    assert_eq!(error.message(), "column c cannot be list<largeutf8>; a json spec does not read largeutf8; use utf8");
    assert_eq!((error.status(), error.detail("column")), (Status::Unsupported, Some("c")));
    let error = refused(DataType::Null);
    assert_eq!(error.message(), "column c cannot be null; a json spec does not read null");
    let twice = Fields::from(vec![Field::new("a", DataType::Int8, true), Field::new("a", DataType::Int8, true)]);
    let error = refused(DataType::Struct(twice));
    assert!(error.message().ends_with("there are two members a; a struct has each once"), "{error}");
    let deep = (0..100).fold(DataType::Int8, |inside, _| DataType::List(Field::new("item", inside, true).into()));
    assert!(refused(deep).message().contains("more than 64 levels deep"));
}

#[test]
fn long_types_are_shown_by_what_they_begin_with() {
    let members: Vec<String> = (0..100).map(|n| format!("größe{n}: int64")).collect();
    let mut decoding = Decoding::new(&[("c", &format!("struct<{}>", members.join(", ")))], &[]);
    let shown = "struct<größe0: int64, größe1: int64, größe2: int64, größe3: int64, größe4: int64, größe5: int64, grö";
    assert_eq!(decoding.reason(r#"{"c":1}"#), format!("expected {shown}..., found number"));
    assert_eq!(decoding.bad(r#"{"c":{"größe7":true}}"#).1, "expected int64, found bool");
}

#[test]
fn items_may_take_only_so_much() {
    // A struct of a thousand members takes 8000 bytes of memory, and three of a document.
    let members: Vec<Field> = (0..1000).map(|n| Field::new(format!("m{n}"), DataType::Int64, true)).collect();
    let item = Field::new("item", DataType::Struct(members.into()), true);
    let list = DataType::List(item.clone().into());
    let mut decoding = Decoding::from_schema(vec![Field::new("c", list, true)]);
    let objects = |count: usize| format!("{{\"c\":[{}]}}", vec!["{}"; count].join(","));
    decoding.decode(&objects(100)).unwrap();
    assert_eq!(decoding.decoder.item_bytes(), 800_000);
    assert!(decoding.bad(&objects(256 * 1024 * 1024 / 8000 + 1)).1.ends_with("found more items than a row may hold"));
    decoding.decode(r#"{"c":null}"#).unwrap();
    assert_eq!(decoding.decoder.item_bytes(), 0);
    // A map that has to be read twice counts once.
    let mut decoding = Decoding::new(&[("c", "map<utf8, int64>")], &[]);
    let mut entry_bytes = |map: &str| {
        decoding.decode(&format!("{{\"c\":{map}}}")).unwrap();
        decoding.decoder.item_bytes()
    };
    assert_eq!(entry_bytes(r#"{"a":1,"b":2}"#), entry_bytes(r#"{"a":0,"b":2,"a":1}"#));
}
