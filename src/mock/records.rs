//! Records as JSON text: what [`EmbeddedCluster::produce_records`](super::EmbeddedCluster::produce_records) takes, and
//! what conformance cases produce, so that the test of every language can hand such text on as it is.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::NO_TIMESTAMP;
use crate::error::{Error, Result};

/// A record as JSON says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonRecord {
    /// The partition it goes to.
    pub partition: i32,
    /// The key; `None`: Kafka's null.
    pub key: Option<Vec<u8>>,
    /// The value; `None`: Kafka's null.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970-01-01 UTC, or [`NO_TIMESTAMP`]; `None`: now.
    pub timestamp_ms: Option<i64>,
    /// Headers, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads a JSON array of records.
///
/// A record is an object with any of `partition` [0], `key`, `value`, `timestamp_ms` [now] and `headers`, an array of
/// pairs of key and value. Bytes are a string, which stands for its UTF-8, or `{"base64": "…"}`, or `{"hex": "00 ff"}`, in which
/// blanks do not count; null, or nothing, is Kafka's null. A record that is only bytes, or null, is a value for partition 0.
pub fn parse(json: &str) -> Result<Vec<JsonRecord>> {
    let records: Value = serde_json::from_str(json).map_err(|error| Error::argument("records", error))?;
    let Value::Array(records) = records else {
        return Err(Error::argument("records", format!("expected an array, found {}", kind(&records))));
    };
    let record = |(index, record)| {
        parse_record(record)
            .map_err(|Misfit { place, reason }| Error::argument("records", format!("[{index}]{place}: {reason}")))
    };
    records.iter().enumerate().map(record).collect()
}

/// What is wrong within a record, and where: `.headers[0]`.
struct Misfit {
    place: String,
    reason: String,
}

type Outcome<T> = std::result::Result<T, Misfit>;

fn misfit<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Misfit { place: String::new(), reason: reason.into() })
}

/// The same outcome, at a place inside of which it came.
fn within<T>(place: impl fmt::Display, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|misfit| Misfit { place: format!("{place}{}", misfit.place), ..misfit })
}

fn parse_record(record: &Value) -> Outcome<JsonRecord> {
    let members = match record {
        Value::Object(members) if !members.contains_key(BASE64) && !members.contains_key(HEX) => members,
        Value::Object(_) | Value::String(_) | Value::Null => {
            return Ok(JsonRecord { value: parse_bytes(record)?, ..JsonRecord::default() });
        }
        other => return misfit(format!("expected a record, found {}", kind(other))),
    };
    let mut parsed = JsonRecord::default();
    for (name, member) in members {
        let place = format!(".{name}");
        match name.as_str() {
            "partition" => parsed.partition = within(place, parse_partition(member))?,
            "key" => parsed.key = within(place, parse_bytes(member))?,
            "value" => parsed.value = within(place, parse_bytes(member))?,
            "timestamp_ms" => parsed.timestamp_ms = Some(within(place, parse_timestamp(member))?),
            "headers" => parsed.headers = within(place, parse_headers(member))?,
            _ => {
                let expected = "expected partition, key, value, timestamp_ms and headers, or base64 or hex alone";
                return within(place, misfit(expected));
            }
        }
    }
    Ok(parsed)
}

fn parse_partition(value: &Value) -> Outcome<i32> {
    match value.as_i64().map(i32::try_from) {
        Some(Ok(partition @ 0..)) => Ok(partition),
        _ => misfit("expected the number of a partition"),
    }
}

fn parse_timestamp(value: &Value) -> Outcome<i64> {
    match value.as_i64() {
        // librdkafka takes 0 for now.
        Some(timestamp @ (NO_TIMESTAMP | 1..)) => Ok(timestamp),
        _ => misfit("expected milliseconds since 1970, at least 1, or -1 for a record without a timestamp"),
    }
}

const BASE64: &str = "base64";
const HEX: &str = "hex";

/// Bytes as records have them; `None`: Kafka's null.
fn parse_bytes(value: &Value) -> Outcome<Option<Vec<u8>>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone().into_bytes())),
        Value::Object(members) => parse_digits(members).map(Some),
        other => misfit(format!("expected a string, {{\"base64\": …}}, {{\"hex\": …}} or null, found {}", kind(other))),
    }
}

fn parse_digits(members: &Map<String, Value>) -> Outcome<Vec<u8>> {
    match (members.get(BASE64), members.get(HEX), members.len()) {
        (Some(Value::String(text)), None, 1) => within(".base64", parse_base64(text)),
        (None, Some(Value::String(text)), 1) => within(".hex", parse_hex(text)),
        _ => misfit("expected base64 or hex, a string, and nothing else"),
    }
}

fn parse_base64(text: &str) -> Outcome<Vec<u8>> {
    STANDARD.decode(text).or_else(|error| misfit(format!("expected base64 of the standard alphabet: {error}")))
}

/// Two digits are a byte; blanks between digits do not count.
fn parse_hex(text: &str) -> Outcome<Vec<u8>> {
    let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Option<Vec<u8>> = text.chars().filter(|c| *c != ' ').map(digit).collect();
    let Some(digits) = digits else { return misfit("expected hexadecimal digits and blanks, found another character") };
    let (pairs, []) = digits.as_chunks::<2>() else {
        return misfit(format!("expected two hexadecimal digits for each byte, found {} in all", digits.len()));
    };
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn parse_headers(value: &Value) -> Outcome<Vec<(String, Option<Vec<u8>>)>> {
    let Value::Array(headers) = value else {
        return misfit(format!("expected an array, found {}", kind(value)));
    };
    let header = |(index, header): (usize, &Value)| {
        let parsed = match header.as_array().map(Vec::as_slice) {
            Some([Value::String(key), value]) => within("[1]", parse_bytes(value)).map(|value| (key.clone(), value)),
            _ => misfit("expected a pair of key, which is a string, and value"),
        };
        within(format!("[{index}]"), parsed)
    };
    headers.iter().enumerate().map(header).collect()
}

/// What messages call a JSON value: never the value itself.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_everything_or_only_its_value() {
        let json = r#"[
            {"partition": 2, "key": "ü", "value": {"base64": "AP8="}, "timestamp_ms": 7,
             "headers": [["a", "1"], ["a", null], ["", {"base64": ""}]]},
            {"timestamp_ms": -1, "value": ""},
            {"key": {"hex": ""}, "value": {"hex": "00 Ff0  1"}},
            {"hex": "c301"},
            {},
            "text",
            {"base64": "/w=="},
            null
        ]"#;
        let value = |bytes: &[u8]| JsonRecord { value: Some(bytes.to_vec()), ..JsonRecord::default() };
        let expected = [
            JsonRecord {
                partition: 2,
                key: Some("ü".into()),
                value: Some(vec![0, 255]),
                timestamp_ms: Some(7),
                headers: vec![
                    ("a".to_owned(), Some(b"1".to_vec())),
                    ("a".to_owned(), None),
                    (String::new(), Some(Vec::new())),
                ],
            },
            JsonRecord { timestamp_ms: Some(NO_TIMESTAMP), ..value(b"") },
            JsonRecord { key: Some(Vec::new()), ..value(b"\x00\xff\x01") },
            value(b"\xc3\x01"),
            JsonRecord::default(),
            value(b"text"),
            value(b"\xff"),
            JsonRecord::default(),
        ];
        assert_eq!(parse(json).unwrap(), expected);
        assert_eq!(parse(" [] ").unwrap(), []);
    }

    #[test]
    fn what_is_no_record_is_named_with_its_place() {
        let records = "expected partition, key, value, timestamp_ms and headers, or base64 or hex alone";
        let timestamp = "expected milliseconds since 1970, at least 1, or -1 for a record without a timestamp";
        let digits = "expected base64 or hex, a string, and nothing else";
        let bytes = r#"expected a string, {"base64": …}, {"hex": …} or null"#;
        let character = "expected hexadecimal digits and blanks, found another character";
        let pair = "expected a pair of key, which is a string, and value";
        for (json, message) in [
            ("{}", "expected an array, found object".to_owned()),
            ("[1]", "[0]: expected a record, found number".to_owned()),
            ("[[]]", "[0]: expected a record, found array".to_owned()),
            (r#"["", {"valve": ""}]"#, format!("[1].valve: {records}")),
            (r#"[{"partition": -1}]"#, "[0].partition: expected the number of a partition".to_owned()),
            (r#"[{"partition": 2147483648}]"#, "[0].partition: expected the number of a partition".to_owned()),
            (r#"[{"partition": "0"}]"#, "[0].partition: expected the number of a partition".to_owned()),
            (r#"[{"timestamp_ms": 0}]"#, format!("[0].timestamp_ms: {timestamp}")),
            (r#"[{"timestamp_ms": 1.5}]"#, format!("[0].timestamp_ms: {timestamp}")),
            (r#"[{"timestamp_ms": null}]"#, format!("[0].timestamp_ms: {timestamp}")),
            (r#"[{"key": 1}]"#, format!("[0].key: {bytes}, found number")),
            (r#"[{"value": {"base64": 1}}]"#, format!("[0].value: {digits}")),
            (r#"[{"value": {}}]"#, format!("[0].value: {digits}")),
            (r#"[{"base64": "", "partition": 1}]"#, format!("[0]: {digits}")),
            (r#"[{"value": {"hex": 1}}]"#, format!("[0].value: {digits}")),
            (r#"[{"hex": "", "base64": ""}]"#, format!("[0]: {digits}")),
            (r#"[{"hex": "", "key": ""}]"#, format!("[0]: {digits}")),
            (
                r#"[{"key": {"hex": "00 0"}}]"#,
                "[0].key.hex: expected two hexadecimal digits for each byte, found 3 in all".to_owned(),
            ),
            (r#"[null, {"hex": "0g"}]"#, format!("[1].hex: {character}")),
            (r#"[{"hex": "+1"}]"#, format!("[0].hex: {character}")),
            (r#"[{"hex": "00\t00"}]"#, format!("[0].hex: {character}")),
            (r#"[{"headers": {}}]"#, "[0].headers: expected an array, found object".to_owned()),
            (r#"["", "", "", {"headers": [["a"]]}]"#, format!("[3].headers[0]: {pair}")),
            (r#"[{"headers": [["a", null], [{"base64": ""}, null]]}]"#, format!("[0].headers[1]: {pair}")),
            (r#"[{"headers": [["a", true]]}]"#, format!("[0].headers[0][1]: {bytes}, found bool")),
        ] {
            assert_eq!(parse(json).unwrap_err().message(), format!("records: {message}"), "{json}");
        }
        let message = parse(r#"[{"base64": "!"}]"#).unwrap_err().message().to_owned();
        assert!(message.starts_with("records: [0].base64: expected base64 of the standard alphabet: "), "{message}");
        let message = parse("[\"").unwrap_err().message().to_owned();
        assert!(message.starts_with("records: ") && message.ends_with(" at line 1 column 2"), "{message}");
    }
}
