//! What the cases show of rule J4: what became of each kind of JSON value in each type of column. Nobody says it beside
//! the cases: it is read out of what they produce, expect and refuse.

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::DataType;
use karrow::mock::records::JsonRecord;

use crate::conformance::{Case, Range, SpecText, Step, folder, read};
use crate::document::{self, Kind, Node};

/// By type and kind of value: `null`, `taken`, or for what it is refused.
pub type Conversions = BTreeMap<(String, String), BTreeSet<String>>;

/// What `conversions.json` says. A row lists what its types do not share with the others: what is missing and null are
/// null, strings are as `another string` says, and anything else is refused for being what it is.
pub fn listed() -> Conversions {
    let rows = read(&folder().join("conversions.json"));
    let texts = |texts: &serde_json::Value| -> Vec<String> {
        let texts = texts.as_array().expect("an array of texts").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let mut listed = Conversions::new();
    for row in rows.as_array().expect("an array of rows") {
        let mut values = row["values"].as_object().expect("outcomes by kind of value").clone();
        let strings = texts(&values.remove("another string").expect("what becomes of strings"));
        for kind in KINDS {
            let outcomes = match (values.remove(kind.name), kind.otherwise) {
                (Some(outcomes), _) => texts(&outcomes),
                (None, Some(outcome)) => vec![outcome.to_owned()],
                (None, None) => strings.clone(),
            };
            for of_type in texts(&row["types"]) {
                let place = (of_type, kind.name.to_owned());
                assert!(!listed.contains_key(&place), "conversions.json has {place:?} twice");
                listed.insert(place, outcomes.iter().cloned().collect());
            }
        }
        assert!(values.is_empty(), "conversions.json has unknown kinds of values: {values:?}");
    }
    listed
}

/// A kind of JSON value.
struct ValueKind {
    name: &'static str,
    /// What becomes of it where nothing is said; `None`: what becomes of strings.
    otherwise: Option<&'static str>,
}

const fn string(name: &'static str) -> ValueKind {
    ValueKind { name, otherwise: None }
}

const fn other(name: &'static str, otherwise: &'static str) -> ValueKind {
    ValueKind { name, otherwise: Some(otherwise) }
}

/// All kinds that [`kind_of`] tells apart.
const KINDS: [ValueKind; 24] = [
    other("nothing", "null"),
    other("null", "null"),
    other("true or false", "bool"),
    other("a whole number", "number"),
    other("a whole number with a point or an exponent", "number"),
    other("a number with a fraction", "number"),
    string("an empty or blank string"),
    string("the text of a number"),
    string("the text of a number in blanks"),
    string("the text of a bool"),
    string("the text of a bool in blanks"),
    string("the text of no number but a float"),
    string("the text of no number but a float in blanks"),
    string("a date"),
    string("a time of day"),
    string("a date and time"),
    string("a date and time with an offset"),
    string("a date and time with an offset and a zone"),
    string("a date and a zone"),
    string("a date and time and a zone"),
    string("another text"),
    other("a string with half a surrogate pair", "a string with half a surrogate pair"),
    other("an array", "array"),
    other("an object", "object"),
];

/// What the cases show.
pub fn shown(cases: &[Case]) -> Conversions {
    let mut shown = Conversions::new();
    let keeps_bad_records = |case: &Case| case.options.iter().any(|(key, _)| key.ends_with("bad.record.policy"));
    for case in cases.iter().filter(|case| !keeps_bad_records(case)) {
        for (side, spec) in [("key", &case.key), ("value", &case.value)] {
            if let Some(SpecText::Json { fields: None, columns, mapping }) = spec {
                for (column, type_name) in columns {
                    let is_mapped = mapping.iter().any(|(field, mapped)| field == column || mapped == column);
                    if let Ok(data_type) = karrow::types::parse(type_name)
                        && !is_mapped
                    {
                        let mut show = |kind: String, outcome: &str| {
                            shown.entry((label(&data_type), kind)).or_default().insert(outcome.to_owned());
                        };
                        show_column(case, side, column, &mut show);
                    }
                }
            }
        }
    }
    shown
}

/// What a case shows of one column.
fn show_column(case: &Case, side: &str, column: &str, show: &mut dyn FnMut(String, &str)) {
    let mut produced: Vec<&JsonRecord> = case.log.iter().collect();
    for step in &case.steps {
        match step {
            Step::Produce(records) => produced.extend(records),
            Step::Expect { partitions, all: None, view: None, cycle: None } => {
                let cells = partitions.iter().find(|(partition, _)| *partition == 0).map(|(_, shown)| &shown.columns);
                if let Some(cells) = cells {
                    show_rows(cells, &produced, side, column, show);
                }
            }
            Step::Rows { rows: Range { partition: 0, from_row: 0, end_row: None }, columns } => {
                show_rows(columns, &produced, side, column, show);
            }
            Step::Refuse { refused, records } if refused.side == side && refused.column.as_deref() == Some(column) => {
                let found = refused.reason.whole().and_then(|reason| Some(reason.split_once(", found ")?.1));
                if let (Some(found), None) = (found, &refused.path) {
                    records
                        .iter()
                        .filter_map(|record| kind_of(record, side, column))
                        .for_each(|kind| show(kind, found));
                }
            }
            _ => {}
        }
    }
}

/// What rows show, if each record has become one.
fn show_rows(
    cells: &[(String, Vec<serde_json::Value>)],
    produced: &[&JsonRecord],
    side: &str,
    column: &str,
    show: &mut dyn FnMut(String, &str),
) {
    let Some((_, cells)) = cells.iter().find(|(name, _)| name == column) else { return };
    if cells.len() == produced.len() && produced.iter().all(|record| record.partition == 0) {
        for (cell, record) in cells.iter().zip(produced) {
            if let Some(kind) = kind_of(record, side, column) {
                show(kind, if cell.is_null() { "null" } else { "taken" });
            }
        }
    }
}

/// A type, without what makes no difference here.
fn label(data_type: &DataType) -> String {
    match data_type {
        DataType::Decimal128(..) => "decimal128".to_owned(),
        DataType::Decimal256(..) => "decimal256".to_owned(),
        DataType::Timestamp(unit, Some(_)) => karrow::types::name(&karrow::types::timestamp(*unit, Some("zone"))),
        DataType::List(_) => "list".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        DataType::Map(..) => "map".to_owned(),
        other => karrow::types::name(other),
    }
}

/// The kind of value that a record has for a column, if its payload is an object.
fn kind_of(record: &JsonRecord, side: &str, column: &str) -> Option<String> {
    let payload = if side == "key" { &record.key } else { &record.value };
    let document = document::read(payload.as_deref()?).ok()??;
    if !matches!(document.kind, Kind::Object(_)) {
        return None;
    }
    Some(document.member(column).map_or("nothing", kind).to_owned())
}

fn kind(value: &Node<'_>) -> &'static str {
    match &value.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "true or false",
        Kind::Number => number_kind(value.text),
        Kind::String(None) => "a string with half a surrogate pair",
        Kind::String(Some(text)) => string_kind(text),
        Kind::Array(_) => "an array",
        Kind::Object(_) => "an object",
    }
}

fn number_kind(text: &str) -> &'static str {
    if !text.contains(['.', 'e', 'E']) {
        return "a whole number";
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    // What no i64 holds moves the point out of sight.
    let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let (whole, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{behind}", whole.trim_start_matches('-'));
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let is_zero = zeros == digits.len();
    if is_zero || exponent.saturating_add(zeros as i64) >= behind.len() as i64 {
        "a whole number with a point or an exponent"
    } else {
        "a number with a fraction"
    }
}

fn string_kind(text: &str) -> &'static str {
    let trimmed = text.trim_ascii();
    let in_blanks = trimmed.len() < text.len();
    let or_in_blanks = |alone, in_them| if in_blanks { in_them } else { alone };
    match trimmed {
        "" => "an empty or blank string",
        "true" | "TRUE" | "True" | "T" | "t" | "false" | "FALSE" | "False" | "F" | "f" => {
            or_in_blanks("the text of a bool", "the text of a bool in blanks")
        }
        "NaN" | "Infinity" | "-Infinity" => {
            or_in_blanks("the text of no number but a float", "the text of no number but a float in blanks")
        }
        number if document::is_number(number) => or_in_blanks("the text of a number", "the text of a number in blanks"),
        _ => time_kind(text),
    }
}

/// The kind of a text by its form: whether there are such a date and time is left to the cases.
fn time_kind(text: &str) -> &'static str {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let behind_time = |form: &str| {
        let behind = form.strip_prefix("99:99").map(|rest| rest.strip_prefix(":99").unwrap_or(rest))?;
        let fraction = behind.strip_prefix('.').map(|rest| rest.trim_start_matches('9'));
        Some(fraction.unwrap_or(behind).to_owned())
    };
    if behind_time(&form).is_some_and(|rest| rest.is_empty()) {
        return "a time of day";
    }
    let Some(behind_date) = form.strip_prefix("9999-99-99") else { return "another text" };
    if behind_date.is_empty() {
        return "a date";
    }
    if behind_date.starts_with(' ') {
        return "a date and a zone";
    }
    let Some(behind) = behind_date.strip_prefix('T').and_then(behind_time) else { return "another text" };
    match behind.as_str() {
        "" => "a date and time",
        "Z" | "+99:99" | "-99:99" => "a date and time with an offset",
        zone if zone.starts_with(' ') => "a date and time and a zone",
        zone if zone.ends_with(']') => "a date and time with an offset and a zone",
        _ => "another text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_values_are_told_apart() {
        let long = format!("1{}.{}1", "0".repeat(30), "0".repeat(30));
        for (value, expected) in [
            ("null", "null"),
            ("false", "true or false"),
            ("-12", "a whole number"),
            ("1e400", "a whole number with a point or an exponent"),
            ("1.50e1", "a whole number with a point or an exponent"),
            ("0.0e-99999999999999999999", "a whole number with a point or an exponent"),
            ("100e-2", "a whole number with a point or an exponent"),
            ("1e99999999999999999999", "a whole number with a point or an exponent"),
            ("1.5", "a number with a fraction"),
            ("1e-99999999999999999999", "a number with a fraction"),
            ("105e-1", "a number with a fraction"),
            (long.as_str(), "a number with a fraction"),
            (r#"" ""#, "an empty or blank string"),
            (r#""1e3""#, "the text of a number"),
            (r#""\t7""#, "the text of a number in blanks"),
            (r#""007""#, "another text"),
            (r#""T""#, "the text of a bool"),
            (r#"" NaN""#, "the text of no number but a float in blanks"),
            (r#""2023-13-41""#, "a date"),
            (r#""12:34:56.""#, "a time of day"),
            (r#""2023-12-23T00:48""#, "a date and time"),
            (r#""2023-12-23T00:48:52.5-01:00""#, "a date and time with an offset"),
            (r#""2023-12-23T00:48Z[UTC]""#, "a date and time with an offset and a zone"),
            (r#""2023-12-23 UTC""#, "a date and a zone"),
            (r#""2023-12-23T00:48 UTC""#, "a date and time and a zone"),
            (r#""2023-12-23x""#, "another text"),
            (r#""\ud800""#, "a string with half a surrogate pair"),
            ("[1]", "an array"),
            ("{}", "an object"),
        ] {
            let document = document::read(value.as_bytes()).unwrap().unwrap();
            assert_eq!(kind(&document), expected, "{value}");
            assert!(KINDS.iter().any(|kind| kind.name == expected), "{expected}");
        }
    }
}
