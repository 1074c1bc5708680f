//! The conformance cases over records handed over in memory, and what has to hold for the cases themselves: they follow
//! their schema, and every rule that is covered has one. `tests/kafka/conformance.rs` runs them against Apache Kafka.

#[path = "support/conformance/mod.rs"]
#[allow(dead_code)] // the tests against Kafka use the rest
mod conformance;
#[path = "support/conversions.rs"]
mod conversions;
#[path = "json_oracle/document.rs"]
#[allow(dead_code)] // the tests of the JSON decoder use the rest
mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::{Case, Needs, Outcome, Place, cases, files, folder, read, run};
use karrow::error::Result;
use karrow::ingest::Consumer;
use karrow::ingest::memory::{Feeder, OwnedRecord};
use karrow::mock::NO_TIMESTAMP;
use karrow::mock::records::JsonRecord;
use karrow::options::Options;
use karrow::rows::RecordTime;

/// A topic that is only a list of records, and the consumer that they go into.
#[derive(Default)]
struct Memory {
    records: Vec<JsonRecord>,
    offsets: BTreeMap<i32, i64>,
    feeder: Option<(Feeder, Vec<i32>)>,
}

impl Memory {
    /// Gives the consumer what it has not got yet. Partitions that are not read keep what they have.
    fn feed(&mut self) {
        let Some((feeder, read)) = &self.feeder else { return };
        for record in self.records.drain(..) {
            let offset = self.offsets.entry(record.partition).or_default();
            if read.contains(&record.partition) {
                let partition = record.partition;
                feeder.push(partition, owned(record, *offset)).expect("the partition is read");
            }
            *offset += 1;
        }
    }
}

fn owned(record: JsonRecord, offset: i64) -> OwnedRecord {
    let timestamp = match record.timestamp_ms {
        Some(NO_TIMESTAMP) => RecordTime::None,
        Some(timestamp_ms) => RecordTime::Create(timestamp_ms),
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
            RecordTime::Create(now.as_millis() as i64)
        }
    };
    let headers = record.headers.into_iter().map(|(key, value)| (key.into_bytes(), value)).collect();
    OwnedRecord { offset, timestamp, key: record.key, value: record.value, headers }
}

impl Place for Memory {
    fn topic(&self) -> &str {
        "orders"
    }

    fn bootstrap_servers(&self) -> String {
        "nobody:1".to_owned()
    }

    fn produce(&mut self, records: &[JsonRecord]) {
        self.records.extend_from_slice(records);
        self.feed();
    }

    fn open(&mut self, options: &Options, read_partitions: &[i32]) -> Result<Consumer> {
        let read: BTreeSet<i32> = read_partitions.iter().copied().collect();
        let beginnings: Vec<(i32, i64)> = read.iter().map(|partition| (*partition, 0)).collect();
        let (consumer, feeder) = Consumer::in_memory(options, &beginnings)?;
        self.feeder = Some((feeder, read.into_iter().collect()));
        self.feed();
        Ok(consumer)
    }

    /// What has been handed over is ready for the next poll.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn cases_over_records_in_memory() {
    let cases = cases();
    let here: Vec<_> = cases.iter().filter(|case| case.needs == Needs::Nothing).collect();
    let failures: Vec<String> = here
        .iter()
        .filter_map(|case| run(case, &mut Memory::default()).err().map(|reason| format!("{}: {reason}", case.name)))
        .collect();
    println!("{} of {} cases need no cluster", here.len(), cases.len());
    assert!(failures.is_empty(), "{} of {} cases failed\n{}", failures.len(), here.len(), failures.join("\n"));
}

/// Runs a case over records in memory; the reason, if it fails or cannot be understood.
fn run_text(case: &str) -> Outcome {
    let case = serde_json::from_str(case).expect("the test's own JSON");
    run(&Case::parse(case)?, &mut Memory::default())
}

#[test]
fn what_is_not_as_a_case_says_is_found() {
    let fails = |members: &str, reason: &str| {
        let value = r#"{"spec": "json", "columns": [["A", "int64"], ["F", "float32"]]}"#;
        let case = format!(r#"{{"name": "wrong", "rules": ["Y1"], "value": {value}, {members}}}"#);
        let found = run_text(&case).expect_err(members);
        assert!(found.contains(reason), "{members}: {found}");
    };
    let one = r#"{"produce": ["{\"A\": 1, \"F\": 0.1}"]}, {"poll": {"rows": 1}}"#;
    for (step, reason) in [
        (r#"{"poll": {"rows": 1}}"#, "step 2 (poll): 0 rows and 0 failed, not 1 and 0"),
        (r#"{"poll": {"failed": 1}}"#, "0 rows and 0 failed, not 0 and 1"),
        (r#"{"expect": {"0": {"columns": {"A": [2]}}}}"#, "step 2 (expect): [0] A, row 0: 1, not 2"),
        (r#"{"expect": {"0": {"columns": {"A": [null]}}}}"#, "A, row 0: 1, not null"),
        (r#"{"expect": {"0": {"columns": {"A": []}}}}"#, "the number of rows of A is 1, not 0"),
        (r#"{"expect": {"0": {"columns": {"A": [1, 1]}}}}"#, "the number of rows of A is 1, not 2"),
        (r#"{"expect": {"0": {"columns": {"F": [0.1]}}}}"#, "F, row 0: \"0.1000000"),
        (r#"{"expect": {"0": {"columns": {"B": [1]}}}}"#, "there is no column B"),
        (r#"{"expect": {"0": {"end_row": 2}}}"#, "end_row is 1, not 2"),
        (r#"{"expect": {"0": {"first_row": 1}}}"#, "first_row is 0, not 1"),
        (r#"{"expect": {"0": {"next_offset": 2}}}"#, "next_offset is 1, not 2"),
        (r#"{"expect": {"0": {"state": "failed"}}}"#, "state is \"reading\", not \"failed\""),
        (r#"{"expect": {"1": {}}}"#, "partition: 1 is not among the partitions read"),
        (r#"{"expect": {}, "partitions": [0, 1]}"#, "partitions is [0], not [0, 1]"),
        (r#"{"expect": {}, "cycle": 0}"#, "cycle is 1, not 0"),
        (r#"{"rows": {"from_row": 0, "columns": {"A": [2]}}}"#, "step 2 (rows): A, row 0: 1, not 2"),
        (r#"{"merged": {"columns": {"A": [2]}}}"#, "step 2 (merged): A, row 0: 1, not 2"),
        (r#"{"rows": {"from_row": 1}, "error": {"status": "OUT_OF_RANGE", "message": ""}}"#, "should have failed"),
        (
            r#"{"rows": {"from_row": 2}, "error": {"status": "NOT_FOUND", "message": ""}}"#,
            "status is OutOfRange, not NotFound",
        ),
        (
            r#"{"rows": {"from_row": 2}, "error": {"status": "OUT_OF_RANGE", "message": "x"}}"#,
            "the message is \"from_row",
        ),
        (r#"{"resume": {"offset": 5}}"#, "step 2 (resume): INVALID_STATE"),
        (r#"{"refuse": {"column": "A", "reason": "x", "records": ["{}"]}}"#, "offset 1: 1 rows and 0 failed"),
        (
            r#"{"refuse": {"column": "A", "reason": "x", "records": ["{\"A\":true}"]}}"#,
            "the reason is \"expected int64, f",
        ),
        (r#"{"refuse": {"reason": {"contains": "bool"}, "records": ["{\"A\":true}"]}}"#, "the message is \"column A"),
        (r#"{"poll": {}, "sleep": 1}"#, "sleep is not known here"),
        (r#"{"poll": {"row": 1}}"#, "row is not known here"),
        (r#"{"sit": 1}"#, "this step does nothing that is known here"),
        (r#"{"discard": {"before_row": 2}}"#, "step 2 (discard): OUT_OF_RANGE"),
        (r#"{"discard": {"before_row": 1}}, {"expect": {"0": {"first_row": 1}}}"#, "first_row is 0, not 1"),
        (
            r#"{"discard": {"before_row": 1}, "error": {"status": "OUT_OF_RANGE", "message": ""}}"#,
            "step 2 (discard): should have failed",
        ),
        (r#"{"commit": {}}"#, "step 2 (commit): INVALID_STATE"),
        (r#"{"commit": {}, "error": {"status": "CLOSED", "message": ""}}"#, "status is InvalidState, not Closed"),
        (r#"{"wait": {}}"#, "step 2 (wait): TIMEOUT"),
        (
            r#"{"wait": {"after_cycle": 0}, "error": {"status": "TIMEOUT", "message": ""}}"#,
            "step 2 (wait): should have failed",
        ),
        (r#"{"progress": {"0": {"position": 2}}}"#, "step 2 (progress): [0] position: 1, not 2"),
        (r#"{"progress": {"0": {"lag": null}}}"#, "[0] lag: 0, not null"),
        (r#"{"progress": {"0": {"state": "reading"}}}"#, "[0] state: \"at_end\", not \"reading\""),
        (r#"{"progress": {"0": {"bad_records": {"value": 1}}}}"#, "[0] bad_records: {"),
        (r#"{"progress": {"0": {"speed": 1}}}"#, "there is no column speed"),
        (r#"{"progress": {"1": {}}}"#, "[1] has no row"),
        (r#"{"reopen": {"start": {"all": {"time": -1}}}}"#, "step 2 (reopen): INVALID_ARGUMENT"),
        (r#"{"produce": [1]}"#, "records: [0]: expected a record, found number"),
        (r#"{"poll": {}, "error": {"status": "BAD", "message": ""}}"#, "there is no status"),
        (r#"{"expect": {"0": {"columns": {}}}, "error": {"status": "END", "message": ""}}"#, "cannot expect an error"),
    ] {
        fails(&format!(r#""steps": [{one}, {step}]"#), reason);
    }
    for (members, reason) in [
        (r#""schema": []"#, "schema: the columns is"),
        (r#""error": {"at": "spec", "status": "INVALID_ARGUMENT", "message": ""}"#, "Spec should have failed"),
        (r#""error": {"at": "new", "status": "INVALID_ARGUMENT", "message": ""}"#, "New should have failed"),
        (r#""options": {"karrow.x": ""}"#, "Options fails: INVALID_ARGUMENT"),
        (r#""table": "heap""#, "table: expected default, append, blink or a ring"),
        (r#""key": {"spec": "simple", "columns": []}"#, "key: columns is not known here"),
        (r#""when": "now""#, "when is not known here"),
        (r#""start": {"all": {"when": 1}}"#, "start: all: time is missing"),
        (r#""stop": {"all": "now"}"#, "stop: all: expected a whole number in range"),
        (r#""stop": {"every": 1}"#, "stop: every: expected all or the number of a partition"),
    ] {
        fails(members, reason);
    }
}

#[test]
fn what_is_not_as_a_case_says_is_found_inside_columns_too() {
    let value = r#"{"spec": "json", "columns": [["L", "list<float32>"], ["S", "struct<a: int64>"],
        ["M", "map<utf8, list<int64>>"]]}"#;
    let record = r#"{"L": [0.1, null], "S": {"a": 1}, "M": {"k": [1], "l": []}}"#;
    let run = |step: &str| {
        let record = serde_json::Value::from(record);
        let steps = format!(r#"[{{"produce": [{record}]}}, {{"poll": {{"rows": 1}}}}, {step}]"#);
        run_text(&format!(r#"{{"name": "wrong", "rules": ["J4"], "value": {value}, "steps": {steps}}}"#))
    };
    let expect = |columns: &str| run(&format!(r#"{{"expect": {{"0": {{"columns": {columns}}}}}}}"#));
    expect(r#"{"L": [["0.1", null]], "S": [{"a": 1}], "M": [[["k", [1]], ["l", []]]]}"#).unwrap();
    for (columns, reason) in [
        (r#"{"L": [[0.1, null]]}"#, "L, row 0: [\"0.1000000"),
        (r#"{"L": [["0.1"]]}"#, "L, row 0: ["),
        (r#"{"L": [["0.1", 0]]}"#, ",null], not [\"0.1\",0]"),
        (r#"{"L": [null]}"#, ",null], not null"),
        (r#"{"S": [{"a": 2}]}"#, "S, row 0: {\"a\":1}, not {\"a\":2}"),
        (r#"{"S": [{}]}"#, "S, row 0: {\"a\":1}, not {}"),
        (r#"{"S": [{"a": 1, "b": null}]}"#, "S, row 0: {\"a\":1}, not {\"a\":1,\"b\":null}"),
        (r#"{"M": [[["l", []], ["k", [1]]]]}"#, "M, row 0: [[\"k\",[1]],[\"l\",[]]], not"),
        (r#"{"M": [[["k", [1]]]]}"#, "M, row 0: "),
        (r#"{"M": [[["k", [1]], ["l"]]]}"#, "M, row 0: "),
        (r#"{"M": [{"k": [1], "l": []}]}"#, "M, row 0: "),
        (r#"{"M": [[["k", [null]], ["l", []]]]}"#, "M, row 0: "),
    ] {
        let found = expect(columns).expect_err(columns);
        assert!(found.contains(reason), "{columns}: {found}");
    }
    let refuse = |path: &str| {
        let refused = format!(r#""column": "S",{path} "reason": "expected int64, found bool""#);
        run(&format!(r#"{{"refuse": {{{refused}, "records": ["{{\"S\":{{\"a\":true}}}}"]}}}}"#))
    };
    refuse(r#" "path": "S.a","#).unwrap();
    assert!(refuse("").unwrap_err().contains("the message is \"column S.a: "));
    assert!(refuse(r#" "path": "S.b","#).unwrap_err().contains("the message is \"column S.a: "));
}

#[test]
fn what_is_not_as_a_case_says_is_found_in_cells_of_avro() {
    let fields = r#"[{"name": "F", "type": {"type": "fixed", "name": "Two", "size": 2}},
        {"name": "E", "type": {"type": "enum", "name": "Letter", "symbols": ["a", "b"]}},
        {"name": "U", "type": ["int", "double"]}, {"name": "N", "type": "null"}]"#;
    let run = |column: &str, cell: &str| {
        run_text(&format!(
            r#"{{"name": "wrong", "rules": ["A5"],
                 "value": {{"spec": "avro", "schema": {{"type": "record", "name": "R", "fields": {fields}}},
                            "set": {{"framing": "bare", "union": "dense", "enum": "dictionary"}}}},
                 "steps": [{{"produce": [{{"hex": "0102 02 02 000000000000e03f"}}]}}, {{"poll": {{"rows": 1}}}},
                           {{"expect": {{"0": {{"columns": {{"{column}": [{cell}]}}}}}}}}]}}"#
        ))
    };
    for (column, right, wrong) in [
        ("F", r#""AQI=""#, [r#""AQM=""#, "null"]),
        ("E", r#""b""#, [r#""a""#, "1"]),
        ("U", r#"{"double": 0.5}"#, [r#"{"double": 0.25}"#, r#"{"int": 0.5}"#]),
        ("U", r#"{"double": "0.5"}"#, ["0.5", r#"{"double": 0.5, "int": null}"#]),
        ("N", "null", ["0", "{}"]),
    ] {
        run(column, right).unwrap();
        for wrong in wrong {
            let found = run(column, wrong).expect_err(wrong);
            assert!(found.contains(&format!("{column}, row 0: ")), "{wrong}: {found}");
        }
    }
}

#[test]
fn what_is_not_as_a_case_says_is_found_in_cells_of_protobuf() {
    let source = r#"["syntax = \"proto3\";", "import \"google/protobuf/duration.proto\";",
        "message M { google.protobuf.Duration d = 1; fixed64 u = 2; repeated M2 l = 3; } message M2 { optional bool b = 1; }"]"#;
    let run = |column: &str, cell: &str| {
        run_text(&format!(
            r#"{{"name": "wrong", "rules": ["B4"], "value": {{"spec": "protobuf", "source": {source}}},
                 "steps": [{{"produce": [{{"hex": "0a 020805 11 ffffffffffffffff 1a 00 1a 020801"}}]}}, {{"poll": {{"rows": 1}}}},
                           {{"expect": {{"0": {{"columns": {{"{column}": [{cell}]}}}}}}}}]}}"#
        ))
    };
    for (column, right, wrong) in [
        ("d", "5000000000", ["5", "null"]),
        ("u", "18446744073709551615", ["-1", "18446744073709551614"]),
        ("l", r#"[{"b": null}, {"b": true}]"#, [r#"[{"b": false}, {"b": true}]"#, r#"[{"b": true}, {"b": null}]"#]),
    ] {
        run(column, right).unwrap();
        for wrong in wrong {
            let found = run(column, wrong).expect_err(wrong);
            assert!(found.contains(&format!("{column}, row 0: ")), "{wrong}: {found}");
        }
    }
    let spec = |spec: &str| {
        run_text(&format!(
            r#"{{"name": "wrong", "rules": ["B1"], "value": {{"spec": "protobuf", {spec}}}, "steps": []}}"#
        ))
    };
    for (wrong, reason) in [
        (r#""message": "M""#, "value: subject is missing"),
        (r#""source": 1"#, "value: source: expected a string, found 1"),
        (r#""source": [1]"#, "value: source: expected a string, found 1"),
        (r#""descriptor": {"base64": "?"}"#, "value: descriptor: base64: it is no base64: "),
        (r#""descriptor": {"base64": "", "hex": ""}"#, "value: descriptor: hex is not known here"),
        (r#""source": "", "descriptor": {"base64": ""}"#, "value: expected a source or a descriptor, found both"),
        (r#""subject": "s", "file": "f""#, "value: file is not known here"),
        (r#""source": "", "schemas": {"x": ""}"#, "value: schemas: x: expected the id of a schema"),
    ] {
        let found = spec(wrong).expect_err(wrong);
        assert!(found.contains(reason), "{wrong}: {found}");
    }
}

#[test]
fn what_is_not_as_a_case_says_is_found_in_schemas_and_dead_letters_too() {
    let run = |members: &str| run_text(&format!(r#"{{"name": "wrong", "rules": ["R2"], {members}}}"#));
    let schema = |column: &str| {
        let field = r#"{"name": "L", "type": "list", "children": [{"name": "i", "type": "int8", "nullable": false}]}"#;
        let value = format!(r#""value": {{"spec": "json", "fields": [{field}]}}, "steps": []"#);
        let options = r#""options": {"karrow.partition.column.name": "", "karrow.offset.column.name": "",
            "karrow.timestamp.column.name": ""}"#;
        run(&format!(r#"{value}, {options}, "schema": [{column}]"#))
    };
    schema(r#"{"name": "L", "type": "list<int8>"}"#).unwrap();
    let inside = |field: &str| schema(&format!(r#"{{"name": "L", "type": "list", "children": [{field}]}}"#));
    inside(r#"{"name": "i", "type": "int8", "nullable": false}"#).unwrap();
    for (field, reason) in [
        (r#"{"name": "i", "type": "int8"}"#, "i is (\"int8\", false), not (\"int8\", true)"),
        (r#"{"name": "j", "type": "int8", "nullable": false}"#, "the fields inside L is [\"i\"], not [\"j\"]"),
        (r#"{"name": "i", "type": "int16", "nullable": false}"#, "i is (\"int8\", false), not (\"int16\", false)"),
        (r#"{"name": "i", "type": "int8", "nullable": false, "metadata": {"k": "v"}}"#, "k of i is None"),
        ("", "the fields inside L is [\"i\"], not []"),
    ] {
        let found = inside(field).expect_err(field);
        assert!(found.contains(reason), "{field}: {found}");
    }
    for (field, reason) in [
        (r#"{"name": "a", "type": "list"}"#, "unknown type 'list'"),
        (r#"{"name": "a", "type": "list<int8>"}"#, "a of type list<int8> has its fields as children"),
        (r#"{"name": "a", "type": "struct<a: int8>", "children": []}"#, "has other children"),
        (r#"{"name": "a", "type": "int8", "children": []}"#, "a of type int8 has other children"),
        (r#"{"name": "a", "type": "text"}"#, "unknown type 'text'"),
    ] {
        let found = run(&format!(r#""value": {{"spec": "json", "fields": [{field}]}}, "steps": []"#)).expect_err(field);
        assert!(found.contains(reason), "{field}: {found}");
    }
    let letters = |letters: &str| {
        let value = r#""value": {"spec": "simple", "column": "V", "type": "utf8"}"#;
        let options = r#""options": {"karrow.bad.record.policy": "dead_letter"}"#;
        let record = r#"{"key": "k", "value": {"base64": "/w=="}, "timestamp_ms": 5, "headers": [["h", "1"]]}"#;
        run(&format!(r#"{value}, {options}, "steps": [{{"produce": [{record}]}}, {{"dead_letters": [{letters}]}}]"#))
    };
    letters(r#"{"offset": 0, "key": "k", "timestamp_ms": 5, "headers": [["h", "1"]], "column": "V", "path": null}"#)
        .unwrap();
    for (expected, reason) in [
        ("", "[0] the number of letters is 1, not 0"),
        ("{}, {}", "[0] the number of letters is 1, not 2"),
        (r#"{"partition": 1}"#, "[0] the number of letters is 1, not 0"),
        (r#"{"offset": 1}"#, "[0] letter 0, offset: 0, not 1"),
        (r#"{"key": null}"#, "[0] letter 0, key: \"aw==\", not null"),
        (r#"{"value": ""}"#, "[0] letter 0, value: \"/w==\", not \"\""),
        (r#"{"timestamp_ms": null}"#, "timestamp: 5, not null"),
        (r#"{"headers": []}"#, "headers: [{"),
        (r#"{"headers": [["h", null]]}"#, "headers: [{"),
        (r#"{"side": "key"}"#, "side: \"value\", not \"key\""),
        (r#"{"column": null}"#, "column: \"V\", not null"),
        (r#"{"path": "V[0]"}"#, "path: null, not \"V[0]\""),
        (r#"{"reason": ""}"#, "reason: \"expected "),
        (r#"{"topic": "orders"}"#, "topic is not known here"),
    ] {
        let found = letters(expected).expect_err(expected);
        assert!(found.contains(reason), "{expected}: {found}");
    }
}

#[test]
fn the_readme_shows_a_case_that_passes() {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("the folder has a README");
    let (_, behind) = readme.split_once("```json\n").expect("the README shows a case");
    let (case, _) = behind.split_once("```").expect("the case has an end");
    run_text(case).unwrap();
}

#[test]
fn files_follow_the_schema() {
    let schema = read(&folder().join("case.schema.json"));
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let errors: Vec<String> = files()
        .iter()
        .flat_map(|file| {
            let cases = read(file);
            let errors = validator.iter_errors(&cases).map(|error| format!("{error}, at {}", error.instance_path()));
            errors.map(|error| format!("{}: {error}", file.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn names_tell_cases_apart() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(names.insert(case.name.clone()), "two cases are named {}", case.name);
    }
}

#[test]
fn every_covered_rule_is_shown() {
    let mut shown = BTreeSet::new();
    let rules = read(&folder().join("rules.json"));
    let rules: Vec<_> = rules.as_array().expect("an array of rules").iter().collect();
    let of = |rule: &serde_json::Value, key: &str| rule[key].as_str().map(str::to_owned);
    let known: BTreeSet<String> = rules.iter().map(|rule| of(rule, "rule").expect("a rule has a name")).collect();
    assert_eq!(known.len(), rules.len(), "a rule is listed twice");
    for case in cases() {
        for rule in case.rules {
            assert!(known.contains(&rule), "{}: there is no rule {rule}; rules.json lists them", case.name);
            shown.insert(rule);
        }
    }
    let (mut without, mut failures) = (Vec::new(), Vec::new());
    for rule in rules {
        let name = of(rule, "rule").expect("a rule has a name");
        let elsewhere = of(rule, "shown_by");
        if let Some(file) = &elsewhere
            && !Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file()
        {
            failures.push(format!("{name}: there is no file {file}"));
        }
        if shown.contains(&name) {
            continue;
        }
        match (rule["covered"].as_bool().expect("covered is true or false"), elsewhere) {
            (true, None) => failures.push(format!("{name} is covered, but no case names it")),
            (_, Some(file)) => without.push(format!("{name} ({file})")),
            (false, None) => without.push(name),
        }
    }
    println!("rules without a case: {}", without.join(", "));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_conversion_is_shown_and_no_other() {
    let (listed, shown) = (conversions::listed(), conversions::shown(&cases()));
    let places: BTreeSet<_> = listed.keys().chain(shown.keys()).collect();
    let mut failures = Vec::new();
    for place @ (of_type, kind) in places {
        let outcomes = |of: &conversions::Conversions| of.get(place).cloned().unwrap_or_default();
        let (listed, shown) = (outcomes(&listed), outcomes(&shown));
        let differ = |what: &str, outcomes: BTreeSet<&String>| {
            let told = outcomes.into_iter().map(String::as_str).collect::<Vec<_>>().join("; ");
            (!told.is_empty()).then(|| format!("{kind} in {of_type}: {what}: {told}"))
        };
        failures.extend(differ("no case shows", listed.difference(&shown).collect()));
        failures.extend(differ("not listed, but shown", shown.difference(&listed).collect()));
    }
    assert!(failures.is_empty(), "conversions.json and the cases differ\n{}", failures.join("\n"));
}

/// The differences from Deephaven that the documents list: what each is about, and its rule.
fn differences() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deephaven.md"));
    let page = page.expect("there is the page");
    let (_, table) = page.split_once("\n| rule | about |").expect("the page has a table of differences");
    let rows = table.lines().skip(2).map_while(|row| row.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    cells.map(|cells| (cells[1].clone(), cells[0].clone())).collect()
}

#[test]
fn every_difference_from_deephaven_in_formats_is_shown() {
    let listed = differences();
    let mut shown = BTreeSet::new();
    for case in cases() {
        for about in &case.unlike_deephaven {
            let rule = listed.get(about).unwrap_or_else(|| panic!("{}: no difference is about {about}", case.name));
            assert!(case.rules.contains(rule), "{}: {about} is a difference of rule {rule}", case.name);
            shown.insert(about.clone());
        }
        let says_so = case.name.starts_with("unlike_deephaven_");
        assert_eq!(says_so, !case.unlike_deephaven.is_empty(), "{}: the name says otherwise", case.name);
    }
    // What cannot be data is shown by a test that the rule names.
    let rules = read(&folder().join("rules.json"));
    let elsewhere: Vec<&str> = rules
        .as_array()
        .expect("an array of rules")
        .iter()
        .filter(|rule| rule["shown_by"].is_string())
        .map(|rule| rule["rule"].as_str().expect("a rule has a name"))
        .collect();
    let of_formats = listed.iter().filter(|(_, rule)| rule.starts_with(['J', 'A', 'B', 'V']) || *rule == "T");
    let of_cases = of_formats.filter(|(_, rule)| !elsewhere.contains(&rule.as_str()));
    let missing: Vec<_> = of_cases.map(|(about, _)| about).filter(|about| !shown.contains(*about)).collect();
    assert!(missing.is_empty(), "docs/deephaven.md lists what no case shows: {missing:?}");
}
