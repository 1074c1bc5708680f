use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};

use super::*;
use crate::column::{ColumnBuffer, SizeHint};
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
        let buffer = |column: &FormatColumn| ColumnBuffer::new(&column.data_type, &SizeHint::default()).unwrap();
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

    fn reason(&mut self, payload: &str) -> String {
        self.decode(payload).unwrap_err().reason
    }

    fn column(&mut self, index: usize) -> ArrayRef {
        self.columns[index].publish()
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
    assert!(message(spec.add_column("b", "list<utf8>")).starts_with("column b cannot be of type list<utf8>"));
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
