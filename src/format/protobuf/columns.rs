//! The columns that follow from a message's descriptor, and what of a payload goes into each (rules B1, B3 to B5).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind as FieldKind, MessageDescriptor,
};

use super::include::{Include, SEPARATOR};
use crate::error::{Error, Result, Status};
use crate::format::mapping::Mapping;
use crate::schema::FormatColumn;
use crate::types;

/// What stands between the names of nested fields, in names of columns.
const IN_NAMES: &str = "_";

/// How deeply messages may be nested, which is what [`types::check_depth`] allows.
const MAX_DEPTH: usize = types::MAX_DEPTH;

/// The most fields of one message and of those inside it. A file of a few lines can be one of very many columns.
const MAX_FIELDS: usize = 100_000;

/// How fields become columns, where there is a choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Whether nested messages stay structs, rather than to become columns of their own.
    pub structs: bool,
    /// Whether enums are numbers.
    pub enum_numbers: bool,
    /// Which fields are wanted.
    pub include: Include,
    /// Names of columns, by the path of the field.
    pub mapping: Mapping,
}

/// The fields of a message that somebody wants, in the order of the descriptor, for columns that are filled together: those
/// of the table, or the members of a struct.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The message.
    pub message: MessageDescriptor,
    /// Fields that are not among them are skipped.
    pub fields: Vec<WantedField>,
}

/// One field of them.
#[derive(Debug, Clone)]
pub struct WantedField {
    /// The field.
    pub field: FieldDescriptor,
    /// Where its values go.
    pub goal: Goal,
}

/// Where the values of a field go.
#[derive(Debug, Clone)]
pub enum Goal {
    /// Into one column.
    Column {
        /// Its place among those that are filled together.
        column: usize,
        /// What it is made of.
        kind: Kind,
    },
    /// The field is a message, once at most, whose own fields go into columns that are filled together with this one's: all of
    /// them are null where it is not set.
    Flat(Wanted),
}

/// What a column's values are made of.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A number, bool, text or bytes, as the field's own kind says: int32, sint32, sfixed32: int32; uint32, fixed32: uint32;
    /// the same of 64 bits; float: float32; double: float64; bool; string: utf8; bytes: binary.
    Scalar,
    /// An enum's name as utf8; a number without a name as decimal text.
    EnumName(EnumDescriptor),
    /// An enum's number as int32.
    EnumNumber,
    /// `google.protobuf.Timestamp` as timestamp[ns, UTC].
    Timestamp,
    /// `google.protobuf.Duration` as duration[ns].
    Duration,
    /// One of `google.protobuf`'s wrappers (`Int32Value`, ...) as its value, null where it is not set. The field of the
    /// wrapper that has the value.
    Wrapper(FieldDescriptor),
    /// `google.protobuf.Any` as struct<type_url: utf8, value: binary>.
    Any,
    /// `google.protobuf.FieldMask` as list<utf8>.
    FieldMask,
    /// `google.protobuf.Struct`, `Value` or `ListValue` as JSON text. The message says which.
    Json(MessageDescriptor),
    /// A message as a struct of those of its fields that are wanted.
    Struct(Wanted),
    /// A repeated field as a list; what its items are made of.
    List(Box<Kind>),
    /// A map field as map<key, value>; what the values are made of. Keys are scalars.
    Map {
        /// The field of the entry that has the key.
        key: FieldDescriptor,
        /// The field of the entry that has the value.
        value_field: FieldDescriptor,
        /// What the value is made of.
        value: Box<Kind>,
    },
}

/// The columns of a message, and what goes into them.
pub fn columns(message: &MessageDescriptor, choices: &Choices) -> Result<(Vec<FormatColumn>, Wanted)> {
    let mut builder = Builder {
        choices,
        columns: Vec::new(),
        names: HashMap::new(),
        paths: BTreeSet::new(),
        inside: Vec::new(),
        count: 0,
    };
    let wanted = builder.flat(message, "", choices.include.is_whole(""))?;
    choices.include.check(message, &builder.paths)?;
    Ok((builder.columns, wanted))
}

struct Builder<'c> {
    choices: &'c Choices,
    columns: Vec<FormatColumn>,
    /// The paths of columns by their names.
    names: HashMap<String, String>,
    /// The paths of all that values go into, members of structs too.
    paths: BTreeSet<String>,
    /// The names of the messages that are being looked at, each inside the one before.
    inside: Vec<String>,
    count: usize,
}

impl Builder<'_> {
    /// A message whose fields become columns of their own.
    fn flat(&mut self, message: &MessageDescriptor, path: &str, whole: bool) -> Result<Wanted> {
        self.enter(message, path, whole)?;
        let mut fields = Vec::new();
        for field in in_order(message) {
            let path = below(path, field.name());
            let Some(whole) = self.wants(&path, whole) else { continue };
            self.count(&path)?;
            let goal = match fields_of(&field) {
                Some(inner) if !field.is_list() && !self.choices.structs => {
                    let inner = self.flat(&inner, &path, whole)?;
                    (!inner.fields.is_empty()).then_some(Goal::Flat(inner))
                }
                _ => self.column(&field, path, whole)?,
            };
            fields.extend(goal.map(|goal| WantedField { field, goal }));
        }
        self.inside.pop();
        Ok(Wanted { message: message.clone(), fields })
    }

    fn column(&mut self, field: &FieldDescriptor, path: String, whole: bool) -> Result<Option<Goal>> {
        let Some((kind, data_type)) = self.kind(field, &path, whole)? else { return Ok(None) };
        types::check_depth(&data_type)?;
        self.choices.mapping.check_whole(&path, SEPARATOR)?;
        let name = match self.choices.mapping.get(&path) {
            Some(name) => name.to_owned(),
            None => path.trim_start_matches(SEPARATOR).replace(SEPARATOR, IN_NAMES),
        };
        if let Some(earlier) = self.names.insert(name.clone(), path.clone()) {
            let message = format!(
                "two columns are named '{name}': {earlier} and {path}; give one of them another name with \
                 karrow_spec_map_field, or leave it out with include"
            );
            return Err(Error::argument("columns", message).with_detail("column", name));
        }
        self.columns.push(FormatColumn { field: Field::new(name, data_type, true), source: path });
        Ok(Some(Goal::Column { column: self.columns.len() - 1, kind }))
    }

    /// What a field's column is made of, and its type; `None` if it is a message of which nothing is wanted.
    fn kind(&mut self, field: &FieldDescriptor, path: &str, whole: bool) -> Result<Option<(Kind, DataType)>> {
        if field.is_map() {
            return self.map(field, path, whole);
        }
        let one = match fields_of(field) {
            Some(message) => self.structure(&message, path, whole)?,
            None => Some(self.single(field, path)?),
        };
        let listed = |(kind, data_type)| (Kind::List(Box::new(kind)), list(data_type));
        Ok(if field.is_list() { one.map(listed) } else { one })
    }

    fn map(&mut self, field: &FieldDescriptor, path: &str, whole: bool) -> Result<Option<(Kind, DataType)>> {
        let Some((key, value_field)) = entry_of(field) else {
            let message = format!("{path} is a map whose entries are not made of a key and a value");
            return Err(Error::argument("schema", message));
        };
        let inside = below(path, value_field.name());
        let value = match fields_of(&value_field) {
            Some(message) => match self.wants(&inside, whole) {
                Some(whole) => self.structure(&message, &inside, whole)?,
                None => None,
            },
            None => {
                self.paths.extend([path.to_owned(), below(path, key.name())]);
                Some(self.single(&value_field, &inside)?)
            }
        };
        Ok(value.map(|(value, value_type)| {
            let key_field = Field::new("key", scalar(&key.kind()), false);
            let entry = Fields::from(vec![key_field, Field::new("value", value_type, true)]);
            let entries = Field::new("entries", DataType::Struct(entry), false);
            let kind = Kind::Map { key, value_field, value: Box::new(value) };
            (kind, DataType::Map(Arc::new(entries), false))
        }))
    }

    /// A message that stays one. All of its members may be null, as columns are (rule Y7).
    fn structure(&mut self, message: &MessageDescriptor, path: &str, whole: bool) -> Result<Option<(Kind, DataType)>> {
        self.enter(message, path, whole)?;
        let (mut fields, mut members) = (Vec::new(), Vec::new());
        for field in in_order(message) {
            let path = below(path, field.name());
            let Some(whole) = self.wants(&path, whole) else { continue };
            self.count(&path)?;
            if let Some((kind, data_type)) = self.kind(&field, &path, whole)? {
                members.push(Field::new(field.name(), data_type, true));
                fields.push(WantedField { field, goal: Goal::Column { column: members.len() - 1, kind } });
            }
        }
        self.inside.pop();
        if members.is_empty() {
            if message.fields().len() > 0 {
                return Ok(None);
            }
            self.paths.insert(path.to_owned());
        }
        let wanted = Wanted { message: message.clone(), fields };
        Ok(Some((Kind::Struct(wanted), DataType::Struct(Fields::from(members)))))
    }

    /// A value that has no fields that count.
    fn single(&mut self, field: &FieldDescriptor, path: &str) -> Result<(Kind, DataType)> {
        self.paths.insert(path.to_owned());
        Ok(match field.kind() {
            FieldKind::Message(message) => {
                well_known(&message).ok_or_else(|| Error::internal("a message that is not well known has fields"))?
            }
            FieldKind::Enum(_) if self.choices.enum_numbers => (Kind::EnumNumber, DataType::Int32),
            FieldKind::Enum(descriptor) => (Kind::EnumName(descriptor), DataType::Utf8),
            kind => (Kind::Scalar, scalar(&kind)),
        })
    }

    /// Whether something at or below a path is wanted, and if so, whether everything below is.
    fn wants(&self, path: &str, whole: bool) -> Option<bool> {
        let whole = whole || self.choices.include.is_whole(path);
        (whole || self.choices.include.is_open(path)).then_some(whole)
    }

    fn enter(&mut self, message: &MessageDescriptor, path: &str, whole: bool) -> Result<()> {
        let name = message.full_name();
        // A path that somebody has written ends.
        if whole && self.inside.iter().any(|outer| outer == name) {
            let message = format!(
                "{path} is a {name} inside a {name}; columns of a message that contains itself would not end; leave it \
                 out, with include and the paths of the fields that are wanted"
            );
            return Err(Error::argument("message", message));
        }
        if self.inside.len() > MAX_DEPTH {
            return Err(too_large(path));
        }
        self.inside.push(name.to_owned());
        Ok(())
    }

    fn count(&mut self, path: &str) -> Result<()> {
        self.count += 1;
        if self.count > MAX_FIELDS { Err(too_large(path)) } else { Ok(()) }
    }
}

fn too_large(path: &str) -> Error {
    let message = format!(
        "message: at {path} it is nested more than {MAX_DEPTH} levels deep, or has more than {MAX_FIELDS} fields; leave \
         some out, with include and the paths of the fields that are wanted"
    );
    Error::new(Status::Limit, message).with_detail("argument", "message")
}

/// The fields of a message as its file has them; prost-reflect has them by their numbers.
pub fn in_order(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let fields = message.descriptor_proto().field.iter();
    fields.filter_map(|field| message.get_field(u32::try_from(field.number()).ok()?)).collect()
}

fn below(path: &str, name: &str) -> String {
    format!("{path}{SEPARATOR}{name}")
}

/// The key and the value of a map's entries. Only texts are sure to have both; descriptors may come from anywhere.
pub fn entry_of(field: &FieldDescriptor) -> Option<(FieldDescriptor, FieldDescriptor)> {
    let kind = field.kind();
    let entry = kind.as_message().filter(|_| field.is_map())?;
    let (key, value) = (entry.get_field(1)?, entry.get_field(2)?);
    let is_key = !matches!(
        key.kind(),
        FieldKind::Double | FieldKind::Float | FieldKind::Bytes | FieldKind::Message(_) | FieldKind::Enum(_)
    );
    let are_single = [&key, &value].iter().all(|field| field.cardinality() != Cardinality::Repeated);
    (is_key && are_single).then_some((key, value))
}

/// The message that a field is, once or several times, if its fields are what counts.
fn fields_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        FieldKind::Message(message) if !field.is_map() && well_known(&message).is_none() => Some(message),
        _ => None,
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// The type of a column for values that hold no others, as they are on the wire.
fn scalar(kind: &FieldKind) -> DataType {
    match kind {
        FieldKind::Double => DataType::Float64,
        FieldKind::Float => DataType::Float32,
        FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 | FieldKind::Enum(_) => DataType::Int32,
        FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => DataType::Int64,
        FieldKind::Uint32 | FieldKind::Fixed32 => DataType::UInt32,
        FieldKind::Uint64 | FieldKind::Fixed64 => DataType::UInt64,
        FieldKind::Bool => DataType::Boolean,
        FieldKind::String => DataType::Utf8,
        FieldKind::Bytes | FieldKind::Message(_) => DataType::Binary,
    }
}

/// What a message becomes that everybody knows, in place of columns for its fields.
pub fn well_known(message: &MessageDescriptor) -> Option<(Kind, DataType)> {
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    let column = match name {
        "Timestamp" => (Kind::Timestamp, types::timestamp(TimeUnit::Nanosecond, Some("UTC"))),
        "Duration" => (Kind::Duration, DataType::Duration(TimeUnit::Nanosecond)),
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value" | "BoolValue"
        | "StringValue" | "BytesValue" => {
            let value = message.get_field_by_name("value")?;
            let data_type = scalar(&value.kind());
            (Kind::Wrapper(value), data_type)
        }
        "Any" => {
            let members = [("type_url", DataType::Utf8), ("value", DataType::Binary)];
            let members = members.map(|(name, data_type)| Field::new(name, data_type, true));
            (Kind::Any, DataType::Struct(Fields::from(members.to_vec())))
        }
        "FieldMask" => (Kind::FieldMask, list(DataType::Utf8)),
        "Struct" | "Value" | "ListValue" => (Kind::Json(message.clone()), DataType::Utf8),
        _ => return None,
    };
    let of_same_shape = match &column.0 {
        Kind::Json(_) => ["Struct", "Struct.FieldsEntry", "Value", "ListValue"].iter().all(|name| {
            let part = message.parent_pool().get_message_by_name(&format!("google.protobuf.{name}"));
            part.is_some_and(|part| has_known_shape(&part))
        }),
        _ => has_known_shape(message),
    };
    of_same_shape.then_some(column)
}

/// Whether a message of `google.protobuf` has the fields that it should: anybody can write one of the same name.
fn has_known_shape(message: &MessageDescriptor) -> bool {
    let shape = |message: &MessageDescriptor| -> Vec<(u32, Cardinality, String)> {
        message.fields().map(|field| (field.number(), field.cardinality(), kind_name(&field.kind()))).collect()
    };
    let known = DescriptorPool::global().get_message_by_name(message.full_name());
    known.is_some_and(|known| shape(&known) == shape(message))
}

/// The name of a field's type, as a file of Protobuf has it.
pub fn kind_name(kind: &FieldKind) -> String {
    let name = match kind {
        FieldKind::Double => "double",
        FieldKind::Float => "float",
        FieldKind::Int32 => "int32",
        FieldKind::Int64 => "int64",
        FieldKind::Uint32 => "uint32",
        FieldKind::Uint64 => "uint64",
        FieldKind::Sint32 => "sint32",
        FieldKind::Sint64 => "sint64",
        FieldKind::Fixed32 => "fixed32",
        FieldKind::Fixed64 => "fixed64",
        FieldKind::Sfixed32 => "sfixed32",
        FieldKind::Sfixed64 => "sfixed64",
        FieldKind::Bool => "bool",
        FieldKind::String => "string",
        FieldKind::Bytes => "bytes",
        FieldKind::Message(message) => message.full_name(),
        FieldKind::Enum(descriptor) => descriptor.full_name(),
    };
    name.to_owned()
}
