//! What a registry answers, taken apart.
//!
//! Confluent's registry leaves out what has its usual value, Apicurio's writes some of it; both are read alike. What is
//! more in an answer than is needed does not matter.

use std::fmt;

use serde_json::Value;

/// The kinds of schemas that registries keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    /// A schema of Avro, which is also what an answer means that does not say.
    Avro,
    /// A file of Protobuf: its text, or a descriptor of it in base64.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl fmt::Display for SchemaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SchemaKind::Avro => "Avro",
            SchemaKind::Protobuf => "Protobuf",
            SchemaKind::Json => "JSON Schema",
        })
    }
}

/// A schema as it comes: what it refers to is only named.
#[derive(Debug, PartialEq, Eq)]
pub struct RawSchema {
    pub id: Option<i32>,
    pub version: Option<i32>,
    pub kind: SchemaKind,
    pub text: String,
    pub references: Vec<RawReference>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReference {
    /// What the schema's text calls it.
    pub name: String,
    pub subject: String,
    pub version: i32,
}

/// Why an answer is no schema.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No registry says this; the reason.
    Strange(&'static str),
    /// A schema of a type that karrow does not know.
    UnknownType(String),
}

/// What a registry says when there is no schema.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// Confluent's error code; the first three digits are HTTP's.
    pub code: Option<i64>,
    pub message: Option<String>,
}

/// Longer texts of others are cut.
const LONGEST_QUOTE: usize = 200;

/// Reads the body of an answer with a schema.
pub fn schema(body: &[u8]) -> Result<RawSchema, Unfit> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Err(Unfit::Strange("it is not JSON")) };
    let text = value.get("schema").and_then(Value::as_str).ok_or(Unfit::Strange("it has no text under \"schema\""))?;
    let kind = match value.get("schemaType") {
        None | Some(Value::Null) => SchemaKind::Avro,
        Some(Value::String(name)) => match name.as_str() {
            "AVRO" => SchemaKind::Avro,
            "PROTOBUF" => SchemaKind::Protobuf,
            "JSON" => SchemaKind::Json,
            other => return Err(Unfit::UnknownType(quote(other))),
        },
        Some(_) => return Err(Unfit::Strange("\"schemaType\" is no text")),
    };
    let references = match value.get("references") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(references)) => {
            let read: Option<Vec<_>> = references.iter().map(reference).collect();
            read.ok_or(Unfit::Strange("one of \"references\" has no name, subject or version"))?
        }
        Some(_) => return Err(Unfit::Strange("\"references\" is no list")),
    };
    Ok(RawSchema {
        id: number(&value, "id"),
        version: number(&value, "version"),
        kind,
        text: text.to_owned(),
        references,
    })
}

fn reference(value: &Value) -> Option<RawReference> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(RawReference { name: text("name")?, subject: text("subject")?, version: number(value, "version")? })
}

fn number(value: &Value, name: &str) -> Option<i32> {
    value.get(name).and_then(Value::as_i64).and_then(|number| number.try_into().ok())
}

/// Reads the body of an answer that says what is wrong; anything may stand there.
pub fn complaint(body: &[u8]) -> Complaint {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Complaint::default() };
    let message = value.get("message").and_then(Value::as_str).map(str::trim).filter(|message| !message.is_empty());
    Complaint { code: value.get("error_code").and_then(Value::as_i64), message: message.map(quote) }
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<RawSchema, Unfit> {
        schema(text.as_bytes())
    }

    fn raw(kind: SchemaKind, text: &str) -> RawSchema {
        RawSchema { id: None, version: None, kind, text: text.to_owned(), references: Vec::new() }
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        // By id, Confluent's and Apicurio's; the same with nulls, as some write what there is not.
        for answer in [
            r#"{"schema": "\"string\""}"#,
            r#"{"schema": "\"string\"", "schemaType": "AVRO", "references": []}"#,
            r#"{"schema": "\"string\"", "schemaType": null, "references": null, "metadata": {"x": 1}}"#,
        ] {
            assert_eq!(parsed(answer), Ok(raw(SchemaKind::Avro, "\"string\"")));
        }
        assert_eq!(parsed(r#"{"schema": "x", "schemaType": "PROTOBUF"}"#), Ok(raw(SchemaKind::Protobuf, "x")));
        assert_eq!(parsed(r#"{"schema": "{}", "schemaType": "JSON"}"#), Ok(raw(SchemaKind::Json, "{}")));
    }

    #[test]
    fn a_version_of_a_subject_says_which_it_is_and_what_it_refers_to() {
        let answer = r#"{"subject": "c", "version": 2, "id": 7, "schema": "x",
            "references": [{"name": "D", "subject": "d", "version": 1}]}"#;
        let reference = RawReference { name: "D".to_owned(), subject: "d".to_owned(), version: 1 };
        let expected =
            RawSchema { id: Some(7), version: Some(2), references: vec![reference], ..raw(SchemaKind::Avro, "x") };
        assert_eq!(parsed(answer), Ok(expected));
    }

    #[test]
    fn what_no_registry_says_is_told_apart_from_unknown_types() {
        for (answer, why) in [
            ("<html>", "it is not JSON"),
            (r#"{"schema": "x""#, "it is not JSON"),
            ("", "it is not JSON"),
            ("[]", "it has no text under \"schema\""),
            (r#"{"schema": {"type": "string"}}"#, "it has no text under \"schema\""),
            (r#"{"schema": "x", "schemaType": 1}"#, "\"schemaType\" is no text"),
            (r#"{"schema": "x", "references": {}}"#, "\"references\" is no list"),
            (
                r#"{"schema": "x", "references": [{"name": "a", "subject": "b"}]}"#,
                "one of \"references\" has no name, subject or version",
            ),
            (
                r#"{"schema": "x", "references": [{"name": "a", "subject": "b", "version": 3000000000}]}"#,
                "one of \"references\" has no name, subject or version",
            ),
        ] {
            assert_eq!(parsed(answer), Err(Unfit::Strange(why)), "{answer}");
        }
        let unknown = parsed(r#"{"schema": "x", "schemaType": "XML"}"#);
        assert_eq!(unknown, Err(Unfit::UnknownType("XML".to_owned())));
    }

    #[test]
    fn complaints_are_read_as_far_as_they_go() {
        let full = complaint(br#"{"error_code": 40403, "message": "Schema 7 not found"}"#);
        assert_eq!(full, Complaint { code: Some(40403), message: Some("Schema 7 not found".to_owned()) });
        for body in ["", "<html>", "[1]", r#"{"error_code": "x", "message": " "}"#] {
            assert_eq!(complaint(body.as_bytes()), Complaint::default(), "{body}");
        }
        let long = complaint(format!(r#"{{"message": "{}"}}"#, "ä".repeat(300)).as_bytes());
        assert_eq!(long.message, Some(format!("{}…", "ä".repeat(200))));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof![Just("AVRO".to_owned()), Just("PROTOBUF".to_owned()), any::<String>()].prop_map(Value::from),
        ];
        let name = prop_oneof![
            Just("schema".to_owned()),
            Just("schemaType".to_owned()),
            Just("references".to_owned()),
            Just("name".to_owned()),
            Just("subject".to_owned()),
            Just("version".to_owned()),
            Just("error_code".to_owned()),
            Just("message".to_owned()),
            any::<String>(),
        ];
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_an_answer_or_none(value in json()) {
            let body = value.to_string().into_bytes();
            let has_text = value.get("schema").is_some_and(Value::is_string);
            let read = schema(&body);
            prop_assert!(has_text || read == Err(Unfit::Strange("it has no text under \"schema\"")));
            if let Ok(read) = read {
                prop_assert_eq!(Some(read.text.as_str()), value["schema"].as_str());
                prop_assert_eq!(read.references.len(), value["references"].as_array().map_or(0, Vec::len));
            }
            prop_assert_eq!(complaint(&body).code, value.get("error_code").and_then(Value::as_i64));
        }

        #[test]
        fn any_bytes_are_an_answer_or_none(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let is_json = serde_json::from_slice::<Value>(&body).is_ok();
            prop_assert!(is_json || schema(&body) == Err(Unfit::Strange("it is not JSON")));
            prop_assert!(is_json || complaint(&body) == Complaint::default());
        }
    }
}
