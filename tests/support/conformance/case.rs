//! A case as its file has it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use karrow::error::{Error, Status};
use karrow::format::Spec;
use karrow::format::avro::AvroSpec;
use karrow::format::json::JsonSpec;
use karrow::format::json::processor::ProcessorSpec;
use karrow::format::protobuf::ProtobufSpec;
use karrow::mock::records::{self, JsonRecord};
use karrow::options::{Start, Stop};
use karrow::table::retention::TableType;
use serde_json::{Map, Value};

use super::{Outcome, same};

/// The folder of the cases, their schema and the list of rules.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// A JSON file of that folder.
pub fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The files of cases, by name.
pub fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("cases")).expect("the folder of the cases is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    files
}

/// All cases of all files. Panics, naming the case, if one cannot be understood.
pub fn cases() -> Vec<Case> {
    let of_file = |file: PathBuf| {
        let Value::Array(cases) = read(&file) else { panic!("{} is not an array of cases", file.display()) };
        let place = file.file_stem().and_then(|stem| stem.to_str()).expect("a name in UTF-8").to_owned();
        cases.into_iter().enumerate().map(move |(index, case)| {
            Case::parse(case).unwrap_or_else(|reason| panic!("{place}.json, case {index}: {reason}"))
        })
    };
    files().into_iter().flat_map(of_file).collect()
}

/// What a case needs beyond records handed over in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A topic: real Kafka protocol.
    Cluster,
    /// Apache Kafka.
    Broker,
}

/// One case.
pub struct Case {
    pub name: String,
    pub rules: Vec<String>,
    /// Rows of the table of differences in `docs/deephaven.md`.
    pub unlike_deephaven: Vec<String>,
    pub needs: Needs,
    pub partitions: i32,
    pub topic_config: BTreeMap<String, String>,
    pub log: Vec<JsonRecord>,
    pub read_partitions: Option<Vec<i32>>,
    pub start: Vec<(Option<i32>, StartText)>,
    pub stop: Vec<(Option<i32>, StopText)>,
    pub options: Vec<(String, Option<String>)>,
    pub key: Option<SpecText>,
    pub value: Option<SpecText>,
    pub table: Option<TableType>,
    pub schema: Option<Vec<FieldText>>,
    pub error: Option<(Stage, Failing)>,
    pub steps: Vec<Step>,
}

/// Where reading starts, before anything of it is checked.
#[derive(Debug, Clone, Copy)]
pub enum StartText {
    /// An offset, or one of the constants.
    Number(i64),
    /// A time, in ms.
    Time(i64),
}

/// Where reading stops, before anything of it is checked.
#[derive(Debug, Clone, Copy)]
pub enum StopText {
    Offset(i64),
    /// A time, in ms.
    Time(i64),
    End,
}

/// A spec before anything of it is checked.
pub enum SpecText {
    Ignore,
    FromProperties,
    Simple {
        column: Option<String>,
        type_name: Option<String>,
    },
    /// `fields` are those of an Arrow schema, in front of the columns.
    Json {
        fields: Option<Schema>,
        columns: Vec<(String, String)>,
        mapping: Vec<(String, String)>,
    },
    /// Its description, as text.
    Processor(String),
    Avro {
        reader: ReaderText,
        settings: Vec<(String, String)>,
        mapping: Vec<(String, String)>,
        /// By id.
        schemas: Vec<(i32, String)>,
    },
    Protobuf {
        reader: MessageText,
        /// By name, in the order of the names.
        files: Vec<(String, String)>,
        settings: Vec<(String, String)>,
        mapping: Vec<(String, String)>,
        /// By id.
        schemas: Vec<(i32, String)>,
    },
}

/// What an avro spec is made of.
pub enum ReaderText {
    Schema(String),
    Subject { subject: String, version: Option<String> },
}

/// What a protobuf spec is made of.
pub struct MessageText {
    file: FileText,
    /// `None`: that of the file that counts as its message.
    message: Option<String>,
}

/// Where a protobuf spec's message is defined.
enum FileText {
    Source {
        file: String,
        text: String,
    },
    /// A serialized set of descriptors.
    Descriptors(Vec<u8>),
    Subject {
        subject: String,
        version: Option<String>,
    },
}

/// A column of the expected schema, or a field inside one.
pub struct FieldText {
    pub name: String,
    /// Only its kind, if there are children.
    pub type_name: String,
    pub children: Option<Vec<FieldText>>,
    pub nullable: bool,
    pub origin: Option<String>,
    pub source: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

/// The call that has to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Spec,
    Options,
    New,
    Open,
}

/// A message, or a part of it.
pub enum Message {
    Whole(String),
    Contains(String),
}

/// An error as a case expects it.
pub struct Failing {
    pub status: Status,
    pub message: Message,
    /// Details that the error has to have, by key.
    pub details: Vec<(&'static str, String)>,
}

/// Cells by column.
pub type Columns = Vec<(String, Vec<Value>)>;

/// One step; README.md says what each does.
pub enum Step {
    Produce(Vec<JsonRecord>),
    Poll { rows: i64, failed: i32 },
    PollFails(Failing),
    Expect { partitions: Vec<(i32, Expected)>, all: Option<Vec<i32>>, view: Option<Vec<String>>, cycle: Option<i64> },
    View { view: Vec<String>, error: Failing },
    Rows { rows: Range, columns: Columns },
    RowsFail { rows: Range, error: Failing },
    Merged { from_rows: Vec<i64>, columns: Columns },
    MergedFails { from_rows: Vec<i64>, error: Failing },
    Refuse { refused: Refused, records: Vec<JsonRecord> },
    Resume { partition: i32, offset: i64 },
    ResumeFails { partition: i32, offset: i64, error: Failing },
    Discard { partition: i32, before_row: i64 },
    DiscardFails { partition: i32, before_row: i64, error: Failing },
    Commit,
    CommitFails(Failing),
    Wait { after_cycle: Option<i64> },
    WaitFails { after_cycle: Option<i64>, error: Failing },
    Progress(Vec<(i32, Vec<(String, Value)>)>),
    DeadLetters(Vec<DeadLetter>),
    Reopen { start: Vec<(Option<i32>, StartText)> },
}

/// Why records are bad.
pub struct Refused {
    /// `None`: the payload as a whole is at fault.
    pub column: Option<String>,
    /// The value inside the column that is at fault; `None`: the column's own.
    pub path: Option<String>,
    pub side: String,
    pub reason: Message,
}

/// A dead letter as far as a case says what is in it.
pub struct DeadLetter {
    pub partition: i32,
    /// Cells by column.
    pub cells: Vec<(&'static str, Value)>,
}

/// Rows of a partition.
pub struct Range {
    pub partition: i32,
    pub from_row: i64,
    pub end_row: Option<i64>,
}

/// What a partition has to show.
pub struct Expected {
    pub columns: Columns,
    pub first_row: Option<i64>,
    pub end_row: Option<i64>,
    pub state: Option<String>,
    pub next_offset: Option<i64>,
    pub failure: Option<Failing>,
}

// Reading --------------------------------------------------------------------------------------------------------------

/// The members of an object, to be taken one by one; those that are left over are an error.
struct Members {
    members: Map<String, Value>,
}

impl Members {
    fn of(value: Value) -> Outcome<Members> {
        match value {
            Value::Object(members) => Ok(Members { members }),
            other => Err(format!("expected an object, found {other}")),
        }
    }

    fn take<T>(&mut self, name: &str, parse: impl FnOnce(Value) -> Outcome<T>) -> Outcome<Option<T>> {
        let value = self.members.remove(name);
        value.map(parse).transpose().map_err(|reason| format!("{name}: {reason}"))
    }

    fn need<T>(&mut self, name: &str, parse: impl FnOnce(Value) -> Outcome<T>) -> Outcome<T> {
        self.take(name, parse)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// Takes all that are left, in the order of their names.
    fn rest<T>(self, parse: impl Fn(&str, Value) -> Outcome<T>) -> Outcome<Vec<T>> {
        let parse = |(name, value): (String, Value)| parse(&name, value).map_err(|reason| format!("{name}: {reason}"));
        self.members.into_iter().map(parse).collect()
    }

    fn end<T>(self, value: T) -> Outcome<T> {
        match self.members.keys().next() {
            None => Ok(value),
            Some(name) => Err(format!("{name} is not known here")),
        }
    }
}

fn text(value: Value) -> Outcome<String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("expected a string, found {other}")),
    }
}

fn number<T: TryFrom<i64>>(value: Value) -> Outcome<T> {
    let number = value.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("expected a whole number in range, found {value}"))
}

fn truth(value: Value) -> Outcome<bool> {
    value.as_bool().ok_or_else(|| format!("expected true or false, found {value}"))
}

fn list<T>(parse: impl Fn(Value) -> Outcome<T>) -> impl FnOnce(Value) -> Outcome<Vec<T>> {
    move |value| match value {
        Value::Array(items) => items.into_iter().map(parse).collect(),
        other => Err(format!("expected an array, found {other}")),
    }
}

fn pair(value: Value) -> Outcome<(String, String)> {
    let [first, second] = <[String; 2]>::try_from(list(text)(value)?)
        .map_err(|texts| format!("expected two texts, found {}", texts.len()))?;
    Ok((first, second))
}

fn status(value: Value) -> Outcome<Status> {
    let status = Status::ALL.into_iter().find(|status| value == status.name());
    status.ok_or_else(|| format!("there is no status {value}"))
}

fn cells(value: Value) -> Outcome<Columns> {
    Members::of(value)?.rest(|name, cells| Ok((name.to_owned(), list(Ok)(cells)?)))
}

/// Bytes as records have them, as the cell that they make.
fn bytes(value: Value) -> Outcome<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(text) => Ok(STANDARD.encode(text).into()),
        // As records are read, so that there is one way to write them.
        other => {
            let record = produced(Value::Array(vec![other]))?.into_iter().next().and_then(|record| record.value);
            Ok(STANDARD.encode(record.ok_or("expected bytes")?).into())
        }
    }
}

/// A header as records have it, as the cell that it makes.
fn header(value: Value) -> Outcome<Value> {
    let [key, value] = <[Value; 2]>::try_from(list(bytes)(value)?)
        .map_err(|parts| format!("expected a key and a value, found {}", parts.len()))?;
    Ok(serde_json::json!({"key": key, "value": value}))
}

fn text_or_null(value: Value) -> Outcome<Value> {
    if value.is_null() { Ok(value) } else { text(value).map(Value::from) }
}

fn number_or_null(value: Value) -> Outcome<Value> {
    if value.is_null() { Ok(value) } else { number::<i64>(value).map(Value::from) }
}

/// Texts by name.
fn texts<T: FromIterator<(String, String)>>(value: Value) -> Outcome<T> {
    let texts = Members::of(value)?.rest(|name, value| Ok((name.to_owned(), text(value)?)))?;
    Ok(texts.into_iter().collect())
}

/// An Avro schema: its text, or the JSON that the text is.
fn avro_schema(value: Value) -> Outcome<String> {
    match value {
        Value::String(text) => Ok(text),
        json => Ok(json.to_string()),
    }
}

/// A text, perhaps as its lines.
fn lines(value: Value) -> Outcome<String> {
    if value.is_array() { Ok(list(text)(value)?.join("\n")) } else { text(value) }
}

/// What stands under the id of a schema.
fn by_id(parse: impl Fn(Value) -> Outcome<String>) -> impl Fn(&str, Value) -> Outcome<(i32, String)> {
    move |id, schema| {
        let id = id.parse().map_err(|_| "expected the id of a schema".to_owned())?;
        Ok((id, parse(schema)?))
    }
}

/// The bytes of `{"base64": "/w=="}`.
fn base64(value: Value) -> Outcome<Vec<u8>> {
    let mut members = Members::of(value)?;
    let bytes = members
        .need("base64", |digits| STANDARD.decode(text(digits)?).map_err(|error| format!("it is no base64: {error}")))?;
    members.end(bytes)
}

/// A field of an Arrow schema. A type that has fields of its own is only named by its kind, beside these `children`.
fn arrow_field(value: Value) -> Outcome<Field> {
    let mut members = Members::of(value)?;
    let name = members.need("name", text)?;
    let type_name = members.need("type", text)?;
    let nullable = members.take("nullable", truth)?.unwrap_or(true);
    let metadata: HashMap<String, String> = members.take("metadata", texts)?.unwrap_or_default();
    let children: Option<Vec<FieldRef>> = members.take("children", list(|child| arrow_field(child).map(Arc::new)))?;
    let data_type = match (type_name.as_str(), children.as_deref()) {
        ("list", Some([item])) => DataType::List(item.clone()),
        ("large_list", Some([item])) => DataType::LargeList(item.clone()),
        ("struct", Some(members)) => DataType::Struct(members.into()),
        ("map", Some([entries])) => DataType::Map(entries.clone(), false),
        ("large_utf8", None) => DataType::LargeUtf8,
        (scalar, None) => karrow::types::parse(scalar).map_err(|error| error.message().to_owned())?,
        _ => return Err(format!("{name} of type {type_name} has other children")),
    };
    if children.is_none() && data_type.is_nested() {
        return Err(format!("{name} of type {type_name} has its fields as children"));
    }
    members.end(Field::new(name, data_type, nullable).with_metadata(metadata))
}

fn produced(value: Value) -> Outcome<Vec<JsonRecord>> {
    records::parse(&value.to_string()).map_err(|error| error.message().to_owned())
}

impl Case {
    /// Reads a case; the reason, if it cannot be understood.
    pub fn parse(value: Value) -> Outcome<Case> {
        let mut members = Members::of(value)?;
        let name = members.need("name", text)?;
        let case = Case::parse_members(name.clone(), members);
        case.map_err(|reason| format!("{name}: {reason}"))
    }

    fn parse_members(name: String, mut members: Members) -> Outcome<Case> {
        let needs = members.take("needs", |value| match value.as_str() {
            Some("cluster") => Ok(Needs::Cluster),
            Some("broker") => Ok(Needs::Broker),
            _ => Err(format!("expected cluster or broker, found {value}")),
        })?;
        let topic_config = members.take("topic_config", texts)?.unwrap_or_default();
        let start = members.take("start", |start| Members::of(start)?.rest(StartText::parse_entry))?;
        let stop = members.take("stop", |stop| Members::of(stop)?.rest(StopText::parse_entry))?;
        let options = members.take("options", |options| {
            Members::of(options)?.rest(|key, value| {
                let value = if value.is_null() { None } else { Some(text(value)?) };
                Ok((key.to_owned(), value))
            })
        })?;
        let case = Case {
            name,
            rules: members.need("rules", list(text))?,
            unlike_deephaven: members.take("unlike_deephaven", list(text))?.unwrap_or_default(),
            needs: needs.unwrap_or(Needs::Nothing),
            partitions: members.take("partitions", number)?.unwrap_or(1),
            topic_config,
            log: members.take("log", produced)?.unwrap_or_default(),
            read_partitions: members.take("read_partitions", list(number))?,
            start: start.unwrap_or_else(|| vec![(None, StartText::Number(BEGINNING))]),
            stop: stop.unwrap_or_default(),
            options: options.unwrap_or_default(),
            key: members.take("key", SpecText::parse)?,
            value: members.take("value", SpecText::parse)?,
            table: members.take("table", parse_table)?.unwrap_or(Some(TableType::Append)),
            schema: members.take("schema", list(FieldText::parse))?,
            error: members.take("error", |error| {
                let mut error = Members::of(error)?;
                let stage = error.need("at", Stage::parse)?;
                Ok((stage, Failing::parse(error)?))
            })?,
            steps: members.take("steps", list(Step::parse))?.unwrap_or_default(),
        };
        members.end(case)
    }
}

/// What a file is called that a case gives no name.
const SOURCE_FILE: &str = "case.proto";

const BEGINNING: i64 = karrow::options::KARROW_SEEK_TO_BEGINNING;

/// `None`: all partitions.
fn parse_partition(text: &str) -> Outcome<Option<i32>> {
    match text {
        "all" => Ok(None),
        number => number.parse().map(Some).map_err(|_| "expected all or the number of a partition".to_owned()),
    }
}

/// The member of `{"time": 1000}`.
fn parse_time(value: Value) -> Outcome<i64> {
    let mut members = Members::of(value)?;
    let time = members.need("time", number)?;
    members.end(time)
}

impl StartText {
    fn parse_entry(partition: &str, start: Value) -> Outcome<(Option<i32>, StartText)> {
        let named = match start.as_str() {
            Some("beginning") => Some(BEGINNING),
            Some("dont_seek") => Some(karrow::options::KARROW_DONT_SEEK),
            Some("end") => Some(karrow::options::KARROW_SEEK_TO_END),
            _ => None,
        };
        let start = match named {
            Some(constant) => StartText::Number(constant),
            None if start.is_object() => StartText::Time(parse_time(start)?),
            None => StartText::Number(number(start)?),
        };
        Ok((parse_partition(partition)?, start))
    }

    /// The start itself, if what it says is right.
    pub fn make(self) -> karrow::error::Result<Start> {
        match self {
            StartText::Number(number) => Start::from_number(number),
            StartText::Time(ms) => Start::from_time(ms),
        }
    }
}

impl StopText {
    fn parse_entry(partition: &str, stop: Value) -> Outcome<(Option<i32>, StopText)> {
        let stop = match stop.as_str() {
            Some("end") => StopText::End,
            _ if stop.is_object() => StopText::Time(parse_time(stop)?),
            _ => StopText::Offset(number(stop)?),
        };
        Ok((parse_partition(partition)?, stop))
    }

    /// The stop itself, if what it says is right.
    pub fn make(self) -> karrow::error::Result<Stop> {
        match self {
            StopText::Offset(offset) => Stop::from_offset(offset),
            StopText::Time(ms) => Stop::from_time(ms),
            StopText::End => Ok(Stop::End),
        }
    }
}

/// `None`: what options have unless told.
fn parse_table(value: Value) -> Outcome<Option<TableType>> {
    match value.as_str() {
        Some("default") => Ok(None),
        Some("append") => Ok(Some(TableType::Append)),
        Some("blink") => Ok(Some(TableType::Blink)),
        Some(_) => Err(format!("expected default, append, blink or a ring, found {value}")),
        None => {
            let mut members = Members::of(value)?;
            let capacity = members.need("ring", number)?;
            members.end(Some(TableType::Ring { capacity }))
        }
    }
}

impl SpecText {
    fn parse(value: Value) -> Outcome<SpecText> {
        let mut members = Members::of(value)?;
        let spec = match members.need("spec", text)?.as_str() {
            "ignore" => SpecText::Ignore,
            "from_properties" => SpecText::FromProperties,
            "simple" => {
                SpecText::Simple { column: members.take("column", text)?, type_name: members.take("type", text)? }
            }
            "json" => SpecText::Json {
                fields: members.take("fields", list(arrow_field))?.map(Schema::new),
                columns: members.take("columns", list(pair))?.unwrap_or_default(),
                mapping: members.take("mapping", list(pair))?.unwrap_or_default(),
            },
            // A description is said as a schema is: its text, or the JSON that the text is.
            "object_processor" => SpecText::Processor(members.need("description", avro_schema)?),
            "avro" => SpecText::parse_avro(&mut members)?,
            "protobuf" => SpecText::parse_protobuf(&mut members)?,
            other => return Err(format!("there is no spec {other}")),
        };
        members.end(spec)
    }

    fn parse_avro(members: &mut Members) -> Outcome<SpecText> {
        let reader = match members.take("schema", avro_schema)? {
            Some(schema) => ReaderText::Schema(schema),
            None => {
                ReaderText::Subject { subject: members.need("subject", text)?, version: members.take("version", text)? }
            }
        };
        let schemas = members.take("schemas", |schemas| Members::of(schemas)?.rest(by_id(avro_schema)))?;
        Ok(SpecText::Avro {
            reader,
            settings: members.take("set", texts)?.unwrap_or_default(),
            mapping: members.take("mapping", list(pair))?.unwrap_or_default(),
            schemas: schemas.unwrap_or_default(),
        })
    }

    fn parse_protobuf(members: &mut Members) -> Outcome<SpecText> {
        let named_file = |name: &str, source| Ok((name.to_owned(), lines(source)?));
        let file = match (members.take("source", lines)?, members.take("descriptor", base64)?) {
            (Some(text), None) => {
                let file = members.take("file", self::text)?;
                FileText::Source { file: file.unwrap_or_else(|| SOURCE_FILE.to_owned()), text }
            }
            (None, Some(descriptors)) => FileText::Descriptors(descriptors),
            (None, None) => {
                FileText::Subject { subject: members.need("subject", text)?, version: members.take("version", text)? }
            }
            (Some(_), Some(_)) => return Err("expected a source or a descriptor, found both".to_owned()),
        };
        let files = members.take("files", |files| Members::of(files)?.rest(named_file))?;
        let schemas = members.take("schemas", |schemas| Members::of(schemas)?.rest(by_id(lines)))?;
        Ok(SpecText::Protobuf {
            reader: MessageText { file, message: members.take("message", text)? },
            files: files.unwrap_or_default(),
            settings: members.take("set", texts)?.unwrap_or_default(),
            mapping: members.take("mapping", list(pair))?.unwrap_or_default(),
            schemas: schemas.unwrap_or_default(),
        })
    }

    /// The spec itself, if what it says is right.
    pub fn make(&self) -> karrow::error::Result<Spec> {
        Ok(match self {
            SpecText::Ignore => Spec::Ignore,
            SpecText::FromProperties => Spec::FROM_PROPERTIES,
            SpecText::Simple { column, type_name } => {
                Spec::Simple { column: column.clone(), type_name: type_name.clone() }
            }
            SpecText::Json { fields, columns, mapping } => {
                let mut spec = fields.as_ref().map_or(Ok(JsonSpec::default()), JsonSpec::from_schema)?;
                columns.iter().try_for_each(|(name, type_name)| spec.add_column(name, type_name))?;
                mapping.iter().try_for_each(|(field, column)| spec.map_field(field, column))?;
                Spec::Json(spec)
            }
            SpecText::Processor(description) => Spec::Processor(ProcessorSpec::new(description)?),
            SpecText::Avro { reader, settings, mapping, schemas } => {
                let mut spec = Spec::Avro(reader.make()?);
                settings.iter().try_for_each(|(key, value)| spec.set(key, value))?;
                mapping.iter().try_for_each(|(field, column)| spec.map_field(field, column))?;
                schemas.iter().try_for_each(|(id, schema)| spec.add_schema(*id, schema))?;
                spec
            }
            SpecText::Protobuf { reader, files, settings, mapping, schemas } => {
                let mut spec = Spec::Protobuf(reader.make()?);
                files.iter().try_for_each(|(name, text)| spec.add_file(name, text))?;
                settings.iter().try_for_each(|(key, value)| spec.set(key, value))?;
                mapping.iter().try_for_each(|(field, column)| spec.map_field(field, column))?;
                schemas.iter().try_for_each(|(id, schema)| spec.add_schema(*id, schema))?;
                spec
            }
        })
    }
}

impl MessageText {
    fn make(&self) -> karrow::error::Result<ProtobufSpec> {
        let message = self.message.as_deref();
        match &self.file {
            FileText::Source { file, text } => ProtobufSpec::from_source(file, text, message),
            FileText::Descriptors(descriptors) => ProtobufSpec::from_descriptors(descriptors, message),
            FileText::Subject { subject, version } => {
                ProtobufSpec::from_subject(subject, version.as_deref().unwrap_or("latest"), message)
            }
        }
    }
}

impl ReaderText {
    fn make(&self) -> karrow::error::Result<AvroSpec> {
        match self {
            ReaderText::Schema(schema) => AvroSpec::from_schema(schema),
            ReaderText::Subject { subject, version } => {
                AvroSpec::from_subject(subject, version.as_deref().unwrap_or("latest"))
            }
        }
    }
}

impl FieldText {
    fn parse(value: Value) -> Outcome<FieldText> {
        let mut members = Members::of(value)?;
        let field = FieldText {
            name: members.need("name", text)?,
            type_name: members.need("type", text)?,
            children: members.take("children", list(FieldText::parse))?,
            nullable: members.take("nullable", truth)?.unwrap_or(true),
            origin: members.take("origin", text)?,
            source: members.take("source", text)?,
            metadata: members.take("metadata", texts)?.unwrap_or_default(),
        };
        members.end(field)
    }
}

impl Stage {
    fn parse(value: Value) -> Outcome<Stage> {
        match value.as_str() {
            Some("spec") => Ok(Stage::Spec),
            Some("options") => Ok(Stage::Options),
            Some("new") => Ok(Stage::New),
            Some("open") => Ok(Stage::Open),
            _ => Err(format!("expected spec, options, new or open, found {value}")),
        }
    }
}

impl Message {
    fn parse(value: Value) -> Outcome<Message> {
        match value {
            Value::String(whole) => Ok(Message::Whole(whole)),
            other => {
                let mut members = Members::of(other)?;
                let part = members.need("contains", text)?;
                members.end(Message::Contains(part))
            }
        }
    }

    /// The message, if it is a whole one.
    pub fn whole(&self) -> Option<&str> {
        match self {
            Message::Whole(whole) => Some(whole),
            Message::Contains(_) => None,
        }
    }

    /// Whether a text is the expected one.
    pub fn check(&self, what: &str, found: &str, topic: &str) -> Outcome {
        let real = |text: &str| text.replace("{topic}", topic);
        match self {
            Message::Whole(whole) => same(what, found, &real(whole)),
            Message::Contains(part) if found.contains(&real(part)) => Ok(()),
            Message::Contains(part) => Err(format!("{what} is {found:?}, which does not contain {:?}", real(part))),
        }
    }
}

impl Failing {
    fn of(value: Value) -> Outcome<Failing> {
        Failing::parse(Members::of(value)?)
    }

    fn parse(mut members: Members) -> Outcome<Failing> {
        let status = members.need("status", status)?;
        let message = members.need("message", Message::parse)?;
        let mut details = Vec::new();
        for key in ["column", "path", "side", "reason", "argument"] {
            details.extend(members.take(key, text)?.map(|detail| (key, detail)));
        }
        members.end(Failing { status, message, details })
    }

    /// Whether an error is the expected one.
    pub fn check(&self, error: &Error, topic: &str) -> Outcome {
        let told = |reason: String| format!("{reason}; the error is {error:?}");
        same("status", error.status(), self.status).map_err(told)?;
        self.message.check("the message", error.message(), topic)?;
        let mut details = self.details.iter();
        details.try_for_each(|(key, detail)| same(key, error.detail(key), Some(detail)).map_err(told))
    }
}

impl Step {
    fn parse(value: Value) -> Outcome<Step> {
        let mut members = Members::of(value)?;
        let error = members.take("error", Failing::of)?;
        let names = [
            "produce",
            "poll",
            "expect",
            "rows",
            "merged",
            "refuse",
            "resume",
            "discard",
            "commit",
            "wait",
            "progress",
            "dead_letters",
            "reopen",
            "view",
        ];
        let Some(name) = names.into_iter().find(|name| members.members.contains_key(*name)) else {
            return Err("this step does nothing that is known here".to_owned());
        };
        let what = if name == "view" { Value::Null } else { members.need(name, Ok)? };
        let step = Step::parse_one(name, what, error, &mut members).map_err(|reason| format!("{name}: {reason}"))?;
        members.end(step)
    }

    fn parse_one(name: &str, what: Value, error: Option<Failing>, beside: &mut Members) -> Outcome<Step> {
        match (name, error) {
            ("produce", None) => produced(what).map(Step::Produce),
            ("poll", Some(error)) => Members::of(what)?.end(Step::PollFails(error)),
            ("poll", None) => {
                let mut poll = Members::of(what)?;
                let (rows, failed) = (poll.take("rows", number)?, poll.take("failed", number)?);
                poll.end(Step::Poll { rows: rows.unwrap_or(0), failed: failed.unwrap_or(0) })
            }
            ("expect", None) => Ok(Step::Expect {
                partitions: Members::of(what)?.rest(|partition, expected| {
                    let partition = partition.parse().map_err(|_| "expected the number of a partition".to_owned())?;
                    Ok((partition, Expected::parse(expected)?))
                })?,
                all: beside.take("partitions", list(number))?,
                view: beside.take("view", list(text))?,
                cycle: beside.take("cycle", number)?,
            }),
            ("view", Some(error)) => Ok(Step::View { view: beside.need("view", list(text))?, error }),
            ("rows", error) => {
                let mut members = Members::of(what)?;
                let rows = Range {
                    partition: members.take("partition", number)?.unwrap_or(0),
                    from_row: members.need("from_row", number)?,
                    end_row: members.take("end_row", number)?,
                };
                match error {
                    Some(error) => members.end(Step::RowsFail { rows, error }),
                    None => {
                        let columns = members.need("columns", cells)?;
                        members.end(Step::Rows { rows, columns })
                    }
                }
            }
            ("merged", error) => {
                let mut members = Members::of(what)?;
                let from_rows = members.take("from_rows", list(number))?.unwrap_or_default();
                match error {
                    Some(error) => members.end(Step::MergedFails { from_rows, error }),
                    None => {
                        let columns = members.need("columns", cells)?;
                        members.end(Step::Merged { from_rows, columns })
                    }
                }
            }
            ("refuse", None) => {
                let mut members = Members::of(what)?;
                let refused = Refused {
                    column: members.take("column", text)?,
                    path: members.take("path", text)?,
                    side: members.take("side", text)?.unwrap_or_else(|| "value".to_owned()),
                    reason: members.need("reason", Message::parse)?,
                };
                let records = members.need("records", produced)?;
                members.end(Step::Refuse { refused, records })
            }
            ("resume", error) => {
                let mut members = Members::of(what)?;
                let partition = members.take("partition", number)?.unwrap_or(0);
                let offset = members.need("offset", number)?;
                members.end(match error {
                    Some(error) => Step::ResumeFails { partition, offset, error },
                    None => Step::Resume { partition, offset },
                })
            }
            ("discard", error) => {
                let mut members = Members::of(what)?;
                let partition = members.take("partition", number)?.unwrap_or(0);
                let before_row = members.need("before_row", number)?;
                members.end(match error {
                    Some(error) => Step::DiscardFails { partition, before_row, error },
                    None => Step::Discard { partition, before_row },
                })
            }
            ("commit", error) => Members::of(what)?.end(error.map_or(Step::Commit, Step::CommitFails)),
            ("wait", error) => {
                let mut members = Members::of(what)?;
                let after_cycle = members.take("after_cycle", number)?;
                members.end(match error {
                    Some(error) => Step::WaitFails { after_cycle, error },
                    None => Step::Wait { after_cycle },
                })
            }
            ("progress", None) => {
                let partitions = Members::of(what)?.rest(|partition, expected| {
                    let partition = partition.parse().map_err(|_| "expected the number of a partition".to_owned())?;
                    Ok((partition, Members::of(expected)?.rest(|name, value| Ok((name.to_owned(), value)))?))
                })?;
                Ok(Step::Progress(partitions))
            }
            ("dead_letters", None) => list(DeadLetter::parse)(what).map(Step::DeadLetters),
            ("reopen", None) => {
                let mut members = Members::of(what)?;
                let start = members.take("start", |start| Members::of(start)?.rest(StartText::parse_entry))?;
                members.end(Step::Reopen { start: start.unwrap_or_default() })
            }
            (_, Some(_)) => Err("this step cannot expect an error".to_owned()),
            (_, None) => Err("this step has to expect an error".to_owned()),
        }
    }

    /// The member that names the kind of step, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Produce(_) => "produce",
            Step::Poll { .. } | Step::PollFails(_) => "poll",
            Step::Expect { .. } => "expect",
            Step::View { .. } => "view",
            Step::Rows { .. } | Step::RowsFail { .. } => "rows",
            Step::Merged { .. } | Step::MergedFails { .. } => "merged",
            Step::Refuse { .. } => "refuse",
            Step::Resume { .. } | Step::ResumeFails { .. } => "resume",
            Step::Discard { .. } | Step::DiscardFails { .. } => "discard",
            Step::Commit | Step::CommitFails(_) => "commit",
            Step::Wait { .. } | Step::WaitFails { .. } => "wait",
            Step::Progress(_) => "progress",
            Step::DeadLetters(_) => "dead_letters",
            Step::Reopen { .. } => "reopen",
        }
    }
}

impl DeadLetter {
    fn parse(value: Value) -> Outcome<DeadLetter> {
        let mut members = Members::of(value)?;
        let partition = members.take("partition", number)?.unwrap_or(0);
        let named = [
            ("offset", members.take("offset", number_or_null)?),
            ("timestamp", members.take("timestamp_ms", number_or_null)?),
            ("key", members.take("key", bytes)?),
            ("value", members.take("value", bytes)?),
            ("headers", members.take("headers", |headers| Ok(Value::Array(list(header)(headers)?)))?),
            ("side", members.take("side", text_or_null)?),
            ("column", members.take("column", text_or_null)?),
            ("path", members.take("path", text_or_null)?),
            ("reason", members.take("reason", text_or_null)?),
        ];
        let cells = named.into_iter().filter_map(|(column, cell)| Some((column, cell?))).collect();
        members.end(DeadLetter { partition, cells })
    }
}

impl Expected {
    fn parse(value: Value) -> Outcome<Expected> {
        let mut members = Members::of(value)?;
        let expected = Expected {
            columns: members.take("columns", cells)?.unwrap_or_default(),
            first_row: members.take("first_row", number)?,
            end_row: members.take("end_row", number)?,
            state: members.take("state", text)?,
            next_offset: members.take("next_offset", number)?,
            failure: members.take("failure", Failing::of)?,
        };
        members.end(expected)
    }
}
