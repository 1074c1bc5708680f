//! The records of the other shapes, as Protobuf: the same values in the same columns.

// Each benchmark compiles this module for itself, and not all use all of it.
#![allow(dead_code)]

use arrow_schema::DataType;
use karrow::format::Spec;
use karrow::format::protobuf::ProtobufSpec;
use prost_reflect::prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions, OneofDescriptorProto,
};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde_json::{Value as Json, json};

use crate::shapes::{self, Shape};

/// The message that records are.
const MESSAGE: &str = "Row";

/// Serialized messages of one kind, and what they are read as.
pub struct ProtobufShape {
    pub name: String,
    pub message: MessageDescriptor,
    pub records: Vec<Vec<u8>>,
    /// The same records as JSON.
    pub json: Vec<Vec<u8>>,
    descriptors: Vec<u8>,
}

impl ProtobufShape {
    /// The records of a shape of JSON. Of the trades, two columns may be null.
    pub fn of(shape: &Shape) -> ProtobufShape {
        ProtobufShape::with_fields(shape, |_, place| place as i32 + 1)
    }

    /// The same, with these numbers of fields.
    fn with_fields(shape: &Shape, number: impl Fn(&str, usize) -> i32) -> ProtobufShape {
        let mut row = DescriptorProto { name: Some(MESSAGE.to_owned()), ..Default::default() };
        for (place, (name, kind)) in shape.columns.iter().enumerate() {
            let mut field = add_field(&mut row, name, number(name, place), &karrow::types::parse(kind).unwrap());
            if ["fee", "parent"].contains(&name.as_str()) {
                field.proto3_optional = Some(true);
                field.oneof_index = Some(row.oneof_decl.len() as i32);
                row.oneof_decl.push(OneofDescriptorProto { name: Some(format!("_{name}")), options: None });
            }
            row.field.push(field);
        }
        let file = FileDescriptorProto {
            name: Some("row.proto".to_owned()),
            dependency: vec!["google/protobuf/timestamp.proto".to_owned()],
            message_type: vec![row],
            syntax: Some("proto3".to_owned()),
            ..Default::default()
        };
        let mut pool = DescriptorPool::global();
        pool.add_file_descriptor_proto(file.clone()).unwrap();
        let message = pool.get_message_by_name(MESSAGE).unwrap();
        let json: Vec<Json> = shape.records.iter().map(|json| serde_json::from_slice(json).unwrap()).collect();
        ProtobufShape {
            name: shape.name.clone(),
            records: json.iter().map(|json| record_of(&message, json)).collect(),
            json: json.iter().map(|json| json.to_string().into_bytes()).collect(),
            descriptors: FileDescriptorSet { file: vec![file] }.encode_to_vec(),
            message,
        }
    }

    /// How the records' values are decoded.
    pub fn spec(&self) -> Spec {
        let mut spec = ProtobufSpec::from_descriptors(&self.descriptors, Some(MESSAGE)).unwrap();
        spec.set("nested", "struct").unwrap();
        Spec::Protobuf(spec)
    }

    pub fn bytes(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }

    /// Whether a record is this JSON, as a dynamic message sees it.
    pub fn is(&self, record: &[u8], json: &[u8]) -> bool {
        let json: Json = serde_json::from_slice(json).unwrap();
        DynamicMessage::decode(self.message.clone(), record).unwrap() == message_of(&self.message, &json)
    }

    /// The files of the message, those that it imports first, each by itself.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let file = self.message.parent_file();
        file.dependencies().chain([file.clone()]).map(|file| file.encode_to_vec()).collect()
    }
}

/// Twenty columns, of which each value is 0 half of the time, so that it is not written.
pub fn sparse() -> ProtobufShape {
    let mut shape = shapes::int64x20();
    for record in &mut shape.records {
        let mut json: serde_json::Map<String, Json> = serde_json::from_slice(record).unwrap();
        for value in json.values_mut() {
            if value.as_i64().is_some_and(|value| value % 2 == 0) {
                *value = 0.into();
            }
        }
        // In the order of the columns, which a map does not keep.
        let members = shape.columns.iter().map(|(name, _)| format!("\"{name}\":{}", json[name]));
        *record = format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes();
    }
    shape.name = "int64x20.sparse".to_owned();
    ProtobufShape::of(&shape)
}

fn add_field(around: &mut DescriptorProto, name: &str, number: i32, data_type: &DataType) -> FieldDescriptorProto {
    let mut field = FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        ..Default::default()
    };
    let (of, type_name) = match data_type {
        DataType::Int32 => (Type::Int32, None),
        DataType::Int64 => (Type::Int64, None),
        DataType::Float64 => (Type::Double, None),
        DataType::Utf8 => (Type::String, None),
        DataType::Timestamp(..) => (Type::Message, Some(".google.protobuf.Timestamp".to_owned())),
        DataType::List(item) => {
            let item = add_field(around, name, number, item.data_type());
            return FieldDescriptorProto { label: Some(Label::Repeated.into()), ..item };
        }
        DataType::Struct(members) => {
            let mut inside = DescriptorProto { name: Some(format!("Struct_{name}")), ..Default::default() };
            for (member, number) in members.iter().zip(1..) {
                let field = add_field(&mut inside, member.name(), number, member.data_type());
                inside.field.push(field);
            }
            let type_name = format!("{}.Struct_{name}", path_of(around));
            rename(&mut inside, &type_name);
            around.nested_type.push(inside);
            (Type::Message, Some(type_name))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(members) = entries.data_type() else { unreachable!("entries are structs") };
            let mut letters = name.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            let entry_name: String = first.chain(letters).chain("Entry".chars()).collect();
            let mut entry = DescriptorProto {
                name: Some(entry_name.clone()),
                options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
                ..Default::default()
            };
            for (member, number) in members.iter().zip(1..) {
                let field = add_field(&mut entry, member.name(), number, member.data_type());
                entry.field.push(field);
            }
            around.nested_type.push(entry);
            field.label = Some(Label::Repeated.into());
            (Type::Message, Some(format!("{}.{entry_name}", path_of(around))))
        }
        other => unreachable!("no shape has a column of {other}"),
    };
    (field.r#type, field.type_name) = (Some(of.into()), type_name);
    field
}

/// Where a message is that is not yet in another.
fn path_of(message: &DescriptorProto) -> String {
    format!(".{}", message.name())
}

/// What is inside a message is found by the name that it has there.
fn rename(message: &mut DescriptorProto, path: &str) {
    let before = format!("{}.", path_of(message));
    for field in &mut message.field {
        if let Some(inside) = field.type_name.as_ref().and_then(|name| name.strip_prefix(&before)) {
            field.type_name = Some(format!("{path}.{inside}"));
        }
    }
    for inside in &mut message.nested_type {
        let path = format!("{path}.{}", inside.name());
        rename(inside, &path);
    }
}

/// A message as bytes, with the entries of maps in the order in which JSON has them, behind all other fields.
fn record_of(descriptor: &MessageDescriptor, json: &Json) -> Vec<u8> {
    let (mut others, mut entries) = (json.clone(), Vec::new());
    for field in descriptor.fields().filter(FieldDescriptor::is_map) {
        for (key, value) in json[field.name()].as_object().unwrap() {
            let entry = json!({ field.name(): { key: value } });
            entries.extend(message_of(descriptor, &entry).encode_to_vec());
        }
        others[field.name()] = Json::Null;
    }
    let mut record = message_of(descriptor, &others).encode_to_vec();
    record.extend(entries);
    record
}

fn message_of(descriptor: &MessageDescriptor, json: &Json) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let json = &json[field.name()];
        if json.is_null() {
            continue;
        }
        let value = if field.is_map() {
            let Kind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
            let value = entry.map_entry_value_field();
            let entries = json.as_object().unwrap().iter();
            Value::Map(entries.map(|(key, json)| (MapKey::String(key.clone()), value_of(&value, json))).collect())
        } else if field.is_list() {
            Value::List(json.as_array().unwrap().iter().map(|json| value_of(&field, json)).collect())
        } else {
            value_of(&field, json)
        };
        // What is not written is not set.
        if field.supports_presence() || value != field.default_value() {
            message.set_field(&field, value);
        }
    }
    message
}

fn value_of(field: &FieldDescriptor, json: &Json) -> Value {
    match field.kind() {
        Kind::Int32 => Value::I32(json.as_i64().unwrap() as i32),
        Kind::Int64 => Value::I64(json.as_i64().unwrap()),
        Kind::Double => Value::F64(json.as_f64().unwrap()),
        Kind::String => Value::String(json.as_str().unwrap().to_owned()),
        Kind::Message(message) if message.name() == "Timestamp" => {
            let nanos = json.as_i64().unwrap();
            let time = json!({ "seconds": nanos / 1_000_000_000, "nanos": nanos % 1_000_000_000 });
            Value::Message(message_of(&message, &time))
        }
        Kind::Message(message) => Value::Message(message_of(&message, json)),
        other => unreachable!("no shape has a field of {other:?}"),
    }
}
